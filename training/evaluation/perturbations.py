"""Curves: how many hateful posts are still caught, and harmless ones flagged, as more words are changed.

`training.evaluation.robustness` measures each disguise once, at the strength people use; here the strength
goes from one word in ten to every word. Typing errors, swapped letters and mixed case come on top. All of it
is drawn from the seed and the text alone, and a word that is changed at one strength is changed in the same
way at every greater one.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.clusters import family_share
from training.evaluation.perturbation_settings import PerturbationSettings
from training.evaluation.robustness import DISGUISES, Change, Score, sample_texts

KEY_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
"""The rows of a QWERTY keyboard, and how far each usually stands to the right of the first, in keys."""

NEXT_KEY = 1.15
"""Keys whose middles are no further apart than this are neighbours: those beside, and two above and below."""

_WORD = re.compile(r"[^\W\d_]{3,}")


def _neighbours() -> dict[str, str]:
    places = {
        letter: (row, column + shift)
        for row, (letters, shift) in enumerate(KEY_ROWS)
        for column, letter in enumerate(letters)
    }
    return {
        letter: "".join(other for other, there in places.items() if 0 < math.dist(place, there) <= NEXT_KEY)
        for letter, place in places.items()
    }


NEIGHBOURS = _neighbours()
"""The letters that a finger hits when it misses one."""


def typo(word: str, draw: random.Random) -> str:
    """The word with one letter mistyped as a neighbour on the keyboard."""
    places = [place for place, letter in enumerate(word) if letter.lower() in NEIGHBOURS]
    if not places:
        return word
    place = draw.choice(places)
    hit = draw.choice(NEIGHBOURS[word[place].lower()])
    return word[:place] + (hit.upper() if word[place].isupper() else hit) + word[place + 1 :]


def letter_swap(word: str, draw: random.Random) -> str:
    """The word with two different letters that stand side by side changed round."""
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    if not places:
        return word
    place = draw.choice(places)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def mixed_case(word: str, draw: random.Random) -> str:
    """The word with each letter large or small with even odds, and never as it was if it has case."""
    mixed = "".join(letter.upper() if draw.random() < 0.5 else letter.lower() for letter in word)
    return mixed if mixed != word else word.swapcase()


PERTURBATIONS: dict[str, Change] = {
    "typo": typo,
    "letter_swap": letter_swap,
    **{name: DISGUISES[name] for name in ("leet", "homoglyph", "zero_width", "emoji", "spacing")},
    "case": mixed_case,
}
"""What is done to a word. A disguise of `robustness`, given one word, changes it or finds it too short."""


def perturbed(text: str, name: str, strength: float, seed: int) -> str:
    """The text with a share `strength` of the words that the perturbation can change, changed.

    Between whole words chance decides, so that over many texts the share is `strength` exactly.
    """
    changed = []
    for place, found in enumerate(_WORD.finditer(text)):
        draw = random.Random(f"{seed}:{name}:{place}:{text}")  # noqa: S311 - a reproducible draw, not a secret
        word = PERTURBATIONS[name](found[0], draw)
        if word != found[0]:
            changed.append((found.start(), found.end(), word))
    draw = random.Random(f"{seed}:{name}:{text}")  # noqa: S311 - a reproducible draw, not a secret
    draw.shuffle(changed)
    count = math.floor(strength * len(changed) + draw.random())
    for start, end, word in sorted(changed[:count], reverse=True):
        text = text[:start] + word + text[end:]
    return text


def perturbation_curves(
    hateful_texts: Sequence[str],
    harmless_texts: Sequence[str],
    score: Score,
    threshold: float,
    settings: PerturbationSettings,
    families: Mapping[str, str] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Per perturbation, strength by strength from 0, the shares caught and harmlessly flagged: `robustness`.

    A seeded sample of each kind, the same at every point; a figure's `posts` says how many. Intervals draw
    whole `families` (text -> what it shares with others), each text its own where none are given. `score`
    gives (n,) float32 of one head, NaN for no answer. What has no answer as written is left out; what has
    none once it is changed got away, so it counts as not flagged, and in `not_answered`. A point at which
    nothing is answered has no figures.
    """
    hateful = sample_texts([hateful_texts], settings.hateful_posts, settings.seed)
    harmless = sample_texts([harmless_texts], settings.harmless_posts, settings.seed)
    written = [*hateful, *harmless]
    is_hateful = np.arange(len(written)) < len(hateful)
    scores_as_written = score(written, "as written")
    known = np.isfinite(scores_as_written)
    family_of = np.asarray([(families or {}).get(text, text) for text in written], dtype=np.str_)

    def point(strength: float, scores: NDArray[np.float32]) -> dict[str, Any]:
        return {
            "strength": strength,
            "caught": _share_over(scores, threshold, known & is_hateful, family_of),
            "harmless_flagged": _share_over(scores, threshold, known & ~is_hateful, family_of),
            "not_answered": int((known & ~np.isfinite(scores)).sum()),
        }

    curves = {}
    for name in PERTURBATIONS:
        curves[name] = [point(0.0, scores_as_written)]
        for strength in settings.strengths:
            texts = [perturbed(text, name, strength, settings.seed) for text in written]
            curves[name].append(point(strength, score(texts, f"{name.replace('_', ' ')} {strength:.0%}")))
    return curves


def _share_over(
    scores: NDArray[np.float32], threshold: float, counted: NDArray[np.bool_], families: NDArray[np.str_]
) -> dict[str, Any] | None:
    """The share of the counted scores from `threshold` on, NaN being below it; None where all are NaN."""
    if not np.isfinite(scores[counted]).any():
        return None
    found = family_share(scores[counted] >= threshold, families[counted])
    return None if found is None else found.as_json()
