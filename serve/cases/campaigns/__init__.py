"""Campaigns: posts that say the same, word for word or nearly, are one case, read once and decided once."""
