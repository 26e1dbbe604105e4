"""Scores for callers and for stored posts."""
