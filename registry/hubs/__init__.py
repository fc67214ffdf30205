"""Every hub is one module here; `claim` finds the one that owns a reference."""
