"""The nouns of sdreg: frozen values, no I/O, standard library only."""
