"""sdreg: one word in, the right model out, proven, and still proven a year later."""
