"""Labels that are probably wrong: found by a model that had not seen them, by repeats, and by who looked."""
