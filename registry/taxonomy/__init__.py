"""Which kinds of models exist."""
