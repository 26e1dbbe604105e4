"""What a score is and how a text gets one. No HTTP, no SQL, no torch."""
