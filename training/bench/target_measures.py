"""The open corpora through any target: what can be measured where there is no network to look into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.configuration import configs_folder
from training.corpora.pack import CorpusFile, CorpusPost, read_corpus, read_manifest
from training.corpora.swaps import load_identity_terms
from training.evaluation.bootstrap import SEED, Measured, measured_from
from training.evaluation.counterfactual import flip_rates
from training.evaluation.figures import HATE, distinct_normalised
from training.evaluation.hatecheck import suite_measures
from training.evaluation.hatexplain import hatexplain_figures, published_test
from training.evaluation.identities import load_neutral_suite, neutral_figures
from training.targets.predictions import PredictionsTarget
from training.targets.protocol import Target

LEAST_ANSWERED = 0.9
"""A corpus of which a target answers for less is not measured: what is left is no sample of it."""


@dataclass(slots=True)
class TargetMeasures:
    """What was measured, by the names that `configs/evaluation/gates.yaml` uses."""

    measures: dict[str, Measured | None] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def target_measures(target: Target, data: Path) -> TargetMeasures:
    """HateCheck, HateXplain test, our neutral identity sentences and identity swaps, for `hate` alone.

    The same functions and names as for a bundle. A post that the target does not answer for is wrong in
    HateCheck and left out of the rest; `skipped` says which corpora it answers too little of.
    """
    found = TargetMeasures()
    manifest = read_manifest(data)
    threshold = target.thresholds["hate"]
    _hatecheck(found, target, threshold, _corpus(manifest, "hatecheck"))
    hatexplain = published_test(_corpus(manifest, "hatexplain"))
    _hatexplain(found, target, threshold, hatexplain)
    names, sentences = zip(*load_neutral_suite().sentences(), strict=True)
    hate, answered = _answers(found, target, list(sentences), "neutral identity sentences")
    if answered is not None:
        known = [name for name, has in zip(names, answered, strict=True) if has]
        _, found.measures["neutral_identity_worst"] = neutral_figures(known, hate[answered], threshold)
    if hatexplain and not isinstance(target, PredictionsTarget):  # a file says nothing of a swapped copy
        _flips(found, target, threshold, distinct_normalised([post.text for post in hatexplain]))
    return found


def _hatecheck(found: TargetMeasures, target: Target, threshold: float, posts: list[CorpusPost]) -> None:
    if not posts:
        return
    texts = [post.text for post in posts]
    hate, answered = _answers(found, target, texts, "HateCheck", [post.id for post in posts])
    if answered is not None:
        measures, _ = suite_measures(posts, np.nan_to_num(hate), threshold, ~answered)
        found.measures |= measures


def _hatexplain(found: TargetMeasures, target: Target, threshold: float, posts: list[CorpusPost]) -> None:
    if not posts:
        return
    texts = [post.text for post in posts]
    hate, answered = _answers(found, target, texts, "HateXplain test", [post.id for post in posts])
    if answered is not None:
        known = [post for post, has in zip(posts, answered, strict=True) if has]
        _, measures = hatexplain_figures(known, hate[answered], threshold)
        found.measures |= measures


def _flips(found: TargetMeasures, target: Target, threshold: float, texts: Sequence[str]) -> None:
    """Flips between a post and its swapped copies. A copy that is refused although the post was answered for
    counts as not flagged: that is how its author fares."""
    _, answered = _answers(found, target, texts, "identity swaps")
    if answered is None:
        return
    terms = load_identity_terms(configs_folder() / "train" / "identity-terms.yaml")
    kept = [text for text, has in zip(texts, answered, strict=True) if has]

    def score(swapped: Sequence[str]) -> NDArray[np.float32]:
        return np.nan_to_num(target.score(swapped, "swapped identities"))

    figures = flip_rates(kept, score, threshold, terms, SEED)
    for group, table in figures["groups"].items():
        found.measures[f"flips_hatexplain_{group}"] = measured_from(table["same_kind"]["all"]["flip_rate"])


def _answers(
    found: TargetMeasures,
    target: Target,
    texts: Sequence[str],
    what: str,
    ids: Sequence[str] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """`hate` (n,) float32 and which are answered; None for that, and a word in `skipped`, if too few are."""
    scores = target.score(texts, what) if ids is None else target.for_cases(ids, texts, what)
    hate = scores[:, HATE]
    answered = np.isfinite(hate)
    if not len(texts) or answered.mean() < LEAST_ANSWERED:
        found.skipped[what] = f"answers for {int(answered.sum()):,} of {len(texts):,}"
        return hate, None
    return hate, np.asarray(answered, dtype=np.bool_)


def _corpus(manifest: Mapping[str, CorpusFile], name: str) -> list[CorpusPost]:
    return read_corpus(manifest[name]) if name in manifest else []
