"""Labels to and from other labelling tools: one canonical record, a codec for each format, no database."""
