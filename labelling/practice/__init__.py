"""Practice: courses of texts with an agreed answer. Nothing that is done here becomes a label."""
