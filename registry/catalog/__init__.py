"""What we know: rows inside, domain values out."""
