"""Does the bundle see what an author does with the words? The speech-act head on dev posts that say.

Natural posts and our own templates are measured apart. Of natural posts, whoever was called hateful by a
corpus is taken to endorse it; counter-speech and neutral posts were marked by people; quotation and
reclaimed use are marked nowhere, so that only templates measure them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.explaining import AnnotatingClassifier
from model.taxonomy import SPEECH_ACT_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.bootstrap import Measured, Statistic, Values, Weights, bootstrap

CHUNK_POSTS = 512

Acts = NDArray[np.intp]
"""(n,) places in SPEECH_ACT_ORDER."""


def speech_act_figures(
    classifier: AnnotatingClassifier, posts: Sequence[MixturePost]
) -> tuple[dict[str, Any] | None, Measured | None]:
    """Recall, precision and F1 of every act on the posts that have one; and macro-F1 with its interval.

    Macro-F1 is over the acts that the posts have; a post for which another act is said counts against the
    one it has. Both are None where no post has an act or the bundle has no speech-act head.
    """
    known = [post for post in posts if post.speech_act != NOT_ANNOTATED]
    said = said_acts(classifier, [post.text for post in known])
    if said is None:
        return None, None
    gold = np.asarray([post.speech_act for post in known], dtype=np.intp)
    present = sorted(set(gold.tolist()))
    macro = bootstrap(macro_f1_statistic(gold, said, present), len(gold))
    acts = {act: _act_figures(gold == number, said == number) for number, act in enumerate(SPEECH_ACT_ORDER)}
    return {"posts": len(gold), "acts": acts, "macro_f1": None if macro is None else macro.as_json()}, macro


def said_acts(classifier: AnnotatingClassifier, texts: Sequence[str]) -> Acts | None:
    """The likeliest act of every text; None without texts or without a speech-act head."""
    said: list[int] = []
    for start in range(0, len(texts), CHUNK_POSTS):
        for annotation in classifier.annotate(texts[start : start + CHUNK_POSTS]):
            if annotation.speech_act is None:
                return None
            said.append(int(annotation.speech_act.argmax()))
    return np.asarray(said, dtype=np.intp) if said else None


def macro_f1_statistic(gold: Acts, said: Acts, acts: Sequence[int]) -> Statistic:
    """The mean F1 over `acts`. NaN for a draw in which one of them neither stands nor is said."""
    right = np.stack([(gold == act) & (said == act) for act in acts], axis=1).astype(np.float64)
    both = np.stack([(gold == act).astype(np.float64) + (said == act) for act in acts], axis=1)

    def macro_f1(weights: Weights) -> Values:
        total = weights @ both
        of_act = np.divide(2 * (weights @ right), total, out=np.full(total.shape, np.nan), where=total > 0)
        found: Values = of_act.mean(axis=1)
        return found

    return macro_f1


def _act_figures(gold: NDArray[np.bool_], said: NDArray[np.bool_]) -> dict[str, Any]:
    """One act's counts and shares; None where nothing stands, or nothing is said."""
    stands, is_said, right = int(gold.sum()), int(said.sum()), int((gold & said).sum())
    return {
        "posts": stands,
        "said": is_said,
        "recall": round(right / stands, 4) if stands else None,
        "precision": round(right / is_said, 4) if is_said else None,
        "f1": round(2 * right / (stands + is_said), 4) if stands else None,
    }
