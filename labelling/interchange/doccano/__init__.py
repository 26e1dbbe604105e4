"""doccano: JSONL, the zip with a file for each member, and its fastText lines."""
