"""From an address to a whole, hashed file."""
