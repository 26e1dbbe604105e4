"""Posts in a language that the bundle does not read: `watchhouse score` gives them no scores.

They go before people instead. The figures score them all the same, so how many there are stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.language import unread_language


def unread(texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts (n,) `watchhouse score` would not score, for a bundle that reads `languages`."""
    return np.asarray([unread_language(text, languages) is not None for text in texts], dtype=np.bool_)


def unread_figures(found: NDArray[np.bool_], *, raw: bool) -> dict[str, Any]:
    """How many posts there are, how many of them are not scored, and whether the raw texts were looked at."""
    return {"posts": len(found), "not_scored": int(found.sum()), "raw": raw}
