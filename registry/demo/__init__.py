"""The main job without a network: a hub on loopback and small models in the real formats."""
