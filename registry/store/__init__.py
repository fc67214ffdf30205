"""Content-addressed blobs and the links to them."""
