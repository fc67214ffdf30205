"""Does this model make a picture? Static checks first, then a generation in a child process."""
