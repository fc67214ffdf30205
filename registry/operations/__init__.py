"""One verb per file: straight recipes through the rooms."""
