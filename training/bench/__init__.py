"""The bench: any number of targets, measured on the same posts, into one report."""
