"""The far-right lexicon: which posts must not be presumed negatives."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from pydantic import Field

from model.configuration import FrozenConfig, load_yaml


class Lexicon(FrozenConfig):
    """Dated terms; a trailing * stands for any word ending."""

    version: int
    valid_from: date
    terms: tuple[str, ...] = Field(min_length=1)

    def pattern(self) -> re.Pattern[str]:
        """One case-blind expression that finds any term at word boundaries."""
        parts = [re.escape(t).replace(r"\*", r"\w*").replace(r"\ ", r"[\s_-]+") for t in self.terms]
        return re.compile(r"(?<!\w)(?:" + "|".join(parts) + r")(?!\w)", re.IGNORECASE)


def load_lexicon(path: Path) -> tuple[re.Pattern[str], str]:
    """The expression and the SHA-256 of the file. Raises: BadConfig."""
    lexicon, digest = load_yaml(path, Lexicon)
    return lexicon.pattern(), digest
