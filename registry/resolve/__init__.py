"""Which file of a model do we take? Pure decisions."""
