"""Corpora and labels in, a verified and evaluated bundle out. torch lives here alone."""
