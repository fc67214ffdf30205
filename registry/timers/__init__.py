"""The timers of the system: who calls sdreg while nobody sits at the keyboard."""
