"""Talk to people: one thin file a command."""
