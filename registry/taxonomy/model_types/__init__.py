"""One file per model type; each names its `TYPE`."""
