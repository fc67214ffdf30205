"""One file per base architecture or lineage; each names its `ARCHITECTURE`."""
