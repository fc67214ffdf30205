"""Rewrite weights: from what they came in to what is wanted, streamed. numpy, no torch."""
