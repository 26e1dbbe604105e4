"""Flip rates: which posts count, what flips, and intervals over posts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.configuration import configs_folder
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import CorpusPost
from training.corpora.swaps import load_identity_terms
from training.evaluation.counterfactual import GROUPS, Score, flip_rates, mean_over_pairs, natural_posts

pytestmark = pytest.mark.training

TERMS = load_identity_terms(configs_folder() / "train" / "identity-terms.yaml")
HATE = HEAD_ORDER.index("hate")
POSTS = [
    "Muslims opened a bakery",
    "the mosque is next to the station",
    "Muslim families came to the picnic",
    "Jews opened a library",
    "Jews and Muslims share a garden",
    "we all went home",
]


def score_by(**scores: float) -> Score:
    """A scorer that gives the score of the first word found in the text, and 0.1 to all others."""

    def score(texts: list[str]) -> NDArray[np.float32]:
        found = np.full((len(texts), len(HEAD_ORDER)), 0.9, dtype=np.float32)
        for row, text in enumerate(texts):
            found[row, HATE] = next((s for word, s in scores.items() if word in text.lower()), 0.1)
        return found

    return score


def rates(score: Score, groups: tuple[str, ...] = GROUPS) -> dict[str, Any]:
    found: dict[str, Any] = flip_rates(POSTS, score, 0.5, TERMS, seed=1, groups=groups, draws=50)["groups"]
    return found


def figure(group: dict[str, Any], table: str, name: str) -> Any:
    value = group[table]["all"][name]
    return value["value"] if isinstance(value, dict) else value


def test_classifier_that_ignores_names_never_flips() -> None:
    for group in rates(score_by()).values():
        assert figure(group, "same_kind", "flip_rate") == 0.0
        assert figure(group, "same_kind", "mean_absolute_shift") == 0.0


def test_classifier_that_goes_by_one_name_flips_every_pair_of_that_group() -> None:
    groups = rates(score_by(muslim=0.9, mosque=0.9))

    assert figure(groups["muslim"], "same_kind", "flip_rate") == 1.0
    assert figure(groups["muslim"], "same_kind", "away_from_hateful") == 1.0
    assert figure(groups["muslim"], "same_kind", "mean_shift") == pytest.approx(-0.8)
    # One of the five other religions is the one that this classifier takes for hateful.
    assert figure(groups["jewish"], "same_kind", "flip_rate") == pytest.approx(0.2)
    assert figure(groups["jewish"], "same_kind", "towards_hateful") == pytest.approx(0.2)


def test_only_posts_that_name_exactly_the_group_are_paired() -> None:
    groups = rates(score_by())

    # Two posts with five targets each; the mosque has no Buddhist counterpart.
    assert figure(groups["muslim"], "same_kind", "posts") == 3
    assert figure(groups["muslim"], "same_kind", "pairs") == 14
    assert figure(groups["jewish"], "same_kind", "posts") == 1
    assert figure(groups["jewish"], "same_kind", "pairs") == 5


def test_across_kinds_only_sentences_that_allow_it() -> None:
    groups = rates(score_by(black=0.9))

    assert figure(groups["muslim"], "across_kinds", "posts") == 2
    assert figure(groups["muslim"], "across_kinds", "flip_rate") == pytest.approx(1 / 3, abs=1e-4)
    targets = groups["muslim"]["across_kinds"]["targets"]
    assert {name: row["flip_rate"]["value"] for name, row in targets.items()} == {
        "black": 1.0,
        "white": 0.0,
        "asian": 0.0,
    }


def test_group_without_a_post_has_no_figure() -> None:
    groups = rates(score_by(), groups=("sikh",))

    assert figure(groups["sikh"], "same_kind", "pairs") == 0
    assert figure(groups["sikh"], "same_kind", "flip_rate") is None


def test_group_of_another_kind_is_measured_within_its_kind() -> None:
    found = flip_rates(["black people vote"], score_by(), 0.5, TERMS, 1, groups=("black",), draws=5)

    assert set(found["groups"]["black"]["same_kind"]["targets"]) == {"white", "asian", "latino", "arab"}
    assert found["groups"]["black"]["across_kinds"]["all"]["pairs"] == 0


def test_score_at_the_threshold_counts_as_hateful() -> None:
    groups = rates(score_by(jews=0.5))

    assert figure(groups["jewish"], "same_kind", "away_from_hateful") == 1.0


def test_rates_are_the_same_in_every_run_and_each_text_is_scored_once() -> None:
    seen: list[str] = []

    def score(texts: list[str]) -> NDArray[np.float32]:
        seen.extend(texts)
        return np.asarray([[len(text) / 99] * len(HEAD_ORDER) for text in texts], dtype=np.float32)

    first = flip_rates(POSTS[:3], score, 0.3, TERMS, 7, groups=("muslim",), draws=40)
    same_kind = seen[: 3 + 14]
    assert len(set(same_kind)) == len(same_kind)
    assert first == flip_rates(POSTS[:3], score, 0.3, TERMS, 7, groups=("muslim",), draws=40)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), min_size=1, max_size=30),
    st.integers(0, 10**6),
)
def test_mean_over_pairs_equals_the_mean_of_the_drawn_posts_pairs(
    pairs: list[tuple[int, float]], seed: int
) -> None:
    posts = np.array([post for post, _ in pairs], dtype=np.intp)
    values = np.array([value for _, value in pairs])
    names = np.unique(posts)
    drawn = np.random.default_rng(seed).choice(names, len(names))
    weights = np.array([[np.sum(drawn == name) for name in names]], dtype=np.float32)

    (found,) = mean_over_pairs(values, posts)(weights)

    by_hand = np.concatenate([values[posts == name] for name in drawn])
    assert found == pytest.approx(by_hand.mean(), abs=1e-9)


def test_natural_posts_are_those_the_caller_names_each_text_once() -> None:
    rows = [
        CorpusPost("forum", "1", "Muslims opened a bakery", "test", [0, 0, 0, 0]),
        CorpusPost("forum", "2", "MUSLIMS opened a bakery!", "test", [0, 0, 0, 0]),
        CorpusPost("forum", "3", "we went home", "train", [0, 0, 0, 0]),
        CorpusPost("templates", "4", "I like Muslims", "test", [0, 0, 0, 0]),
        CorpusPost("forum", "5", "...", "test", [0, 0, 0, 0]),
    ]

    texts = natural_posts(rows, lambda row: row.corpus == "forum" and row.split == "test")

    assert texts == ["Muslims opened a bakery"]
