"""Look inside a file without running anything in it."""
