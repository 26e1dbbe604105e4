"""How much of the classifier one request may take."""

from __future__ import annotations

from collections.abc import Sequence

from model.classifier import Classifier, CountsWindows
from model.language import unread_language
from model.windows import MOST_WINDOWS


def count_within_budget(classifier: Classifier, texts: Sequence[str], most_windows: int) -> int:
    """How many of the texts, from the first on, may be scored for at most `most_windows` windows.

    Texts in a language that the classifier does not read take none. Most requests hold too little to be
    counted at all, and all others but a few are known to fit without asking for the languages.

    Raises: as `CountsWindows.count_fitting`.
    """
    if len(texts) * MOST_WINDOWS <= most_windows or not isinstance(classifier, CountsWindows):
        return len(texts)
    if classifier.count_fitting(texts, most_windows) == len(texts):
        return len(texts)
    read = [place for place, text in enumerate(texts) if not unread_language(text, classifier.languages)]
    fitting = classifier.count_fitting([texts[place] for place in read], most_windows)
    return len(texts) if fitting == len(read) else read[fitting]
