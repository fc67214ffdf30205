"""From the file that somebody has to the one that they want: format, precision, a blend."""
