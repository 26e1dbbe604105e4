"""A vector of a text without a model: hashed character n-grams, for pools that have no embeddings."""

from __future__ import annotations

import zlib

import numpy as np

from labelling.sampling.pool import Floats

DIMENSIONS = 256
LENGTHS = (3, 4, 5)
"""Chosen by us: long enough to hold a word's stem, short enough to survive its endings."""


def hashed_ngrams(text: str) -> Floats:
    """The text's character n-grams of 3 to 5 as a vector (256,) of length 1; all zeros for an empty text.

    Each n-gram counts once, at a place and with a sign that its CRC-32 gives, so the same everywhere. Give it
    the normalised text. Source: Weinberger et al. 2009 (feature hashing).

    >>> float(hashed_ngrams("the council") @ hashed_ngrams("the councils")) > 0.7
    True
    """
    padded = " ".join(["", *text.lower().split(), ""])
    grams = {padded[at : at + n] for n in LENGTHS for at in range(len(padded) - n + 1)}
    vector = np.zeros(DIMENSIONS)
    for gram in grams:
        digest = zlib.crc32(gram.encode())
        vector[digest % DIMENSIONS] += 1.0 if digest >> 31 else -1.0
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector
