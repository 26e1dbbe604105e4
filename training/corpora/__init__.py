"""The published corpora as posts to train on: reading, rules, overlap."""
