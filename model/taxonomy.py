"""The words that every room shares: heads, strands, severities, speech acts, and their order."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Strand(StrEnum):
    """A kind of hate the hub works on."""

    ANTISEMITIC = "antisemitic"
    ISLAMOPHOBIC = "islamophobic"
    FAR_RIGHT = "far_right"


class SpeechAct(StrEnum):
    """What the author does with the words. Source: DOMAIN.md section 11, question Q2."""

    ENDORSES = "endorses"
    REPORTS = "reports_or_quotes"
    COUNTERS = "counters"
    RECLAIMS = "reclaims"
    NEUTRAL = "neutral"


STRAND_ORDER: Final[tuple[str, ...]] = tuple(strand.value for strand in Strand)
"""The order of strands everywhere: tables, columns, pages."""

HEAD_ORDER: Final[tuple[str, ...]] = ("hate", *STRAND_ORDER)
"""The column order of every score array: (b, 4). A bundle whose manifest says otherwise is refused."""

SEVERITIES: Final[tuple[int, ...]] = (0, 1, 2, 3, 4)
"""S0 none to S4 credible threat; wording in `configs/codebook/`. Source: DOMAIN.md section 11."""

SPEECH_ACT_ORDER: Final[tuple[str, ...]] = tuple(act.value for act in SpeechAct)

MAX_TEXT_CHARACTERS: Final = 10_000
"""Longest text taken, in code points. Source: PROMISES.md section 5, item 11."""
