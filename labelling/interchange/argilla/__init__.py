"""Argilla: records in three shapes, nested, flattened and as the server takes them."""
