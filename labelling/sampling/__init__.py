"""Which posts are labelled next: a protected audit, and batches chosen to teach, light enough to read."""
