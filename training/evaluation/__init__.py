"""Figures of a bundle on open data."""
