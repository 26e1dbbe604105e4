"""The schema's history: one file a revision, run in process by `serve/storage/migrating.py`."""
