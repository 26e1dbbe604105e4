"""In which order a batch is read: what is hard to read is kept apart by what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

PostT = TypeVar("PostT")


def interleaved(posts: Sequence[PostT], heavy: Sequence[bool], random: np.random.Generator) -> list[PostT]:
    """The posts with the heavy ones spread as evenly as can be among the others, both kinds shuffled.

    No run of heavy posts is longer than ceil(heavy / (others + 1)). Shuffled, because an order by reason or
    by score would tell the reader what the machine thinks.
    """
    hard = [posts[place] for place in random.permutation(np.flatnonzero(heavy))]
    easy = [posts[place] for place in random.permutation(np.flatnonzero(~np.asarray(heavy, dtype=np.bool_)))]
    gaps = len(easy) + 1
    order: list[PostT] = []
    for gap in range(gaps):
        order += hard[gap * len(hard) // gaps : (gap + 1) * len(hard) // gaps]
        order += easy[gap : gap + 1]
    return order
