"""Finding cases again: by words, by facts, by account and by address. Every search is logged."""
