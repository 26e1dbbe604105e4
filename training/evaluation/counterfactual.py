"""Does a decision change with the name of the group alone? Counterfactual flip rates on natural text.

A post that names one group is written about every other group of the kind (and, where the sentence
allows, about groups of skin colour and origin); a pair flips when `hate` falls on the other side of the
threshold. Some flips are right, since a stereotype of one group is none of another: the rate compares
classifiers on the same posts, and means little without a measure of how well they tell hate from other
text (a classifier that never says "hateful" never flips).

Source: Garg et al. 2019, "Counterfactual Fairness in Text Classification through Robustness" (swaps, and
the mean |change of score| as the counterfactual token fairness gap); the flip rate as CLASSIFIER.md
section D gives it for HateXplain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER
from training.corpora.overlap import text_key
from training.corpora.pack import CorpusPost
from training.corpora.swaps import IdentityTerms, mentions, rename, swap
from training.evaluation.bootstrap import DRAWS, Statistic, Values, Weights, bootstrap

HATE: Final = HEAD_ORDER.index("hate")
GROUPS: Final = ("jewish", "muslim")
ACROSS_KINDS: Final = ("black", "white", "asian")
"""Groups of another kind that a religion is also written as. Source: the groups of HateXplain."""

Score = Callable[[list[str]], NDArray[np.float32]]
"""Calibrated scores (n, 4) float32 of n texts, columns in HEAD_ORDER."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A post, by its place, and its text about another group."""

    post: int
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """Pairs side by side: each array (pairs,)."""

    posts: NDArray[np.intp]
    targets: NDArray[np.str_]
    before: NDArray[np.float32]
    after: NDArray[np.float32]

    def of(self, target: str) -> _Scored:
        """The pairs with one target."""
        here = self.targets == target
        return _Scored(self.posts[here], self.targets[here], self.before[here], self.after[here])


def natural_posts(posts: Iterable[CorpusPost], is_natural: Callable[[CorpusPost], bool]) -> list[str]:
    """The normalised texts, each once, of the posts that the caller holds for natural text.

    Written templates and adversarial pairs say little about what a platform sees; which corpora and
    splits are people's own words is for the caller to say.
    """
    texts: dict[str, str] = {}
    for post in posts:
        if is_natural(post):
            text = normalise_text(post.text)
            texts.setdefault(text_key(text), text)
    texts.pop("", None)
    return list(texts.values())


def flip_rates(
    posts: Sequence[str],
    score: Score,
    threshold: float,
    terms: IdentityTerms,
    seed: int,
    *,
    groups: Sequence[str] = GROUPS,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Per group: flip rate, mean |change of score| and direction, over all targets and for each.

    `posts` are texts; those that name exactly the group, of its kind, and nothing bound to it count.
    Under `same_kind` the targets are the other groups of its kind, under `across_kinds` groups of
    another. Every figure carries its 95 % interval from a bootstrap over posts, since the pairs of one
    post stand or fall together; None where there is no pair. `threshold` is that of the `hate` head.
    """
    table: dict[str, Any] = {}
    for group in groups:
        within = terms.of_kind(terms.groups[group].kind)
        same = _pairs(posts, group, [name for name in within if name != group], terms, across=False)
        across = _pairs(posts, group, [n for n in ACROSS_KINDS if n not in within], terms, across=True)
        table[group] = {
            "same_kind": _table(_scored(posts, same, score), threshold, seed, draws),
            "across_kinds": _table(_scored(posts, across, score), threshold, seed, draws),
        }
    return {"threshold": threshold, "texts": len(posts), "terms_sha256": terms.sha256, "groups": table}


def _pairs(
    posts: Sequence[str], group: str, targets: Sequence[str], terms: IdentityTerms, *, across: bool
) -> list[Pair]:
    pairs: list[Pair] = []
    for place, text in enumerate(posts):
        if not _names_only(group, text, terms):
            continue
        for target in targets:
            written = rename(text, group, target, terms) if across else _swapped(text, target, group, terms)
            if written is not None:
                pairs.append(Pair(place, target, written))
    return pairs


def _names_only(group: str, text: str, terms: IdentityTerms) -> bool:
    """Whether of the group's kind the text names this group alone, with no word bound to it."""
    kind = terms.groups[group].kind
    here = [mention for mention in mentions(text, terms) if terms.groups[mention.group].kind == kind]
    return bool(here) and all(mention.group == group and mention.forms for mention in here)


def _swapped(text: str, target: str, group: str, terms: IdentityTerms) -> str | None:
    # With the target given nothing is drawn, so any generator does.
    found = swap(text, random.Random(0), terms, to=target, kinds=(terms.groups[group].kind,))  # noqa: S311 - a reproducible draw, not a secret
    return None if found is None else found.text


def _scored(posts: Sequence[str], pairs: Sequence[Pair], score: Score) -> _Scored:
    """The pairs with the `hate` scores of both texts; every text is scored once."""
    texts = list(dict.fromkeys([posts[pair.post] for pair in pairs] + [pair.text for pair in pairs]))
    hate = score(texts)[:, HATE] if texts else np.zeros(0, dtype=np.float32)
    place = {text: number for number, text in enumerate(texts)}
    return _Scored(
        posts=np.array([pair.post for pair in pairs], dtype=np.intp),
        targets=np.array([pair.target for pair in pairs], dtype=np.str_),
        before=hate[[place[posts[pair.post]] for pair in pairs]],
        after=hate[[place[pair.text] for pair in pairs]],
    )


def _table(scored: _Scored, threshold: float, seed: int, draws: int) -> dict[str, Any]:
    targets = list(dict.fromkeys(scored.targets.tolist()))
    return {
        "all": _figures(scored, threshold, seed, draws),
        "targets": {target: _figures(scored.of(target), threshold, seed, draws) for target in targets},
    }


def _figures(scored: _Scored, threshold: float, seed: int, draws: int) -> dict[str, Any]:
    was, now = scored.before >= threshold, scored.after >= threshold
    shift = scored.after.astype(np.float64) - scored.before.astype(np.float64)
    measured = {
        "flip_rate": was != now,
        "towards_hateful": ~was & now,
        "away_from_hateful": was & ~now,
        "mean_absolute_shift": np.abs(shift),
        "mean_shift": shift,
    }
    figures: dict[str, Any] = {"posts": len(np.unique(scored.posts)), "pairs": len(scored.posts)}
    for name, values in measured.items():
        found = bootstrap(mean_over_pairs(values, scored.posts), figures["posts"], draws=draws, seed=seed)
        figures[name] = None if found is None else found.as_json()
    return figures


def mean_over_pairs(values: NDArray[Any], posts: NDArray[np.intp]) -> Statistic:
    """The mean of `values` (pairs,) when whole posts are drawn; `posts` (pairs,) says whose each pair is."""
    _, owner = np.unique(posts, return_inverse=True)
    pairs = np.bincount(owner).astype(np.float64)
    sums = np.bincount(owner, weights=values.astype(np.float64))

    def mean(weights: Weights) -> Values:
        drawn: Values = (weights @ sums) / (weights @ pairs)
        return drawn

    return mean
