"""Dawid and Skene on answers whose truth is known, and the ladder from votes to a label."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labelling.quality.consensus import Consensus, consensus, ladder, majority
from labelling.quality.dawid_skene import DawidSkene, dawid_skene, dawid_skene_per_label
from labelling.quality.ratings import Ratings, ratings_of
from model.errors import BadInput

Rates = list[list[list[float]]]

# Annotators of a rare label: careful, middling, one who sees it everywhere, one who hardly sees it.
CAREFUL, MIDDLING = [[0.97, 0.03], [0.08, 0.92]], [[0.9, 0.1], [0.2, 0.8]]
EVERYWHERE, HARDLY = [[0.7, 0.3], [0.05, 0.95]], [[0.99, 0.01], [0.5, 0.5]]
CREW: Rates = [CAREFUL, CAREFUL, MIDDLING, MIDDLING, EVERYWHERE, HARDLY]


def simulated(
    confusions: Rates, prevalence: list[float], *, texts: int, answers: int, seed: int = 7
) -> tuple[Ratings, NDArray[np.int64]]:
    """Each text gets `answers` of the annotators; the truth comes second."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(len(prevalence), size=texts, p=prevalence)
    given_answers = []
    for text, true in enumerate(truth):
        for who in generator.choice(len(confusions), size=answers, replace=False):
            said = generator.choice(len(prevalence), p=confusions[who][true])
            given_answers.append((f"{text:05}", f"annotator-{who}", float(said)))
    return ratings_of(given_answers), truth


def right_share(fit: DawidSkene, truth: NDArray[np.int64]) -> float:
    return float((fit.posterior.argmax(axis=1) == truth).mean())


def majority_share(ratings: Ratings, truth: NDArray[np.int64], classes: int) -> float:
    right = 0.0
    for row, true in zip(ratings.values, truth, strict=True):
        votes = np.bincount(row[~np.isnan(row)].astype(int), minlength=classes)
        best = np.flatnonzero(votes == votes.max())
        right += (true in best) / len(best)
    return right / len(truth)


def test_known_confusions_are_recovered_within_their_intervals() -> None:
    ratings, truth = simulated(CREW, [0.8, 0.2], texts=3000, answers=4)

    fit = dawid_skene(ratings, 2)

    assert fit.converged
    assert not fit.relabelled
    assert fit.prevalence[1] == pytest.approx(0.2, abs=0.02)
    covered = total = 0
    for who, true_rates in enumerate(CREW):
        found = fit.confusions[f"annotator-{who}"]
        assert np.abs(found.rates - np.array(true_rates)).max() < 0.06
        assert found.answers == int((~np.isnan(ratings.values[:, who])).sum())
        assert found.expected.sum() == pytest.approx(found.answers, abs=1e-6)
        for row in (0, 1):
            total += 1
            covered += found.low[row, 1] <= true_rates[row][1] <= found.high[row, 1]
    assert covered >= total - 2
    assert right_share(fit, truth) > majority_share(ratings, truth, 2) + 0.005


def test_three_classes_are_recovered_at_once() -> None:
    good = [[0.9, 0.07, 0.03], [0.1, 0.8, 0.1], [0.02, 0.08, 0.9]]
    mixes_last_two = [[0.95, 0.03, 0.02], [0.05, 0.5, 0.45], [0.05, 0.45, 0.5]]
    ratings, truth = simulated([good, good, mixes_last_two, good], [0.5, 0.3, 0.2], texts=2500, answers=3)

    fit = dawid_skene(ratings, 3)

    assert np.abs(fit.confusions["annotator-2"].rates - np.array(mixes_last_two)).max() < 0.08
    assert np.abs(fit.confusions["annotator-0"].rates - np.array(good)).max() < 0.08
    assert right_share(fit, truth) >= majority_share(ratings, truth, 3)


def test_a_start_with_the_classes_exchanged_comes_out_under_the_right_names() -> None:
    ratings, truth = simulated(CREW, [0.7, 0.3], texts=800, answers=4)
    straight = dawid_skene(ratings, 2)

    turned = dawid_skene(ratings, 2, start=straight.posterior[:, ::-1] * 0.98 + 0.01)

    assert turned.relabelled
    assert np.abs(turned.posterior - straight.posterior).max() < 0.05
    assert right_share(turned, truth) > 0.9


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_three_classes_under_any_names_come_out_under_the_right_ones(order: tuple[int, ...]) -> None:
    good = [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.1, 0.85]]
    ratings, truth = simulated([good] * 4, [0.5, 0.3, 0.2], texts=400, answers=3)
    start = dawid_skene(ratings, 3).posterior[:, list(order)]

    assert right_share(dawid_skene(ratings, 3, start=start + 0.001), truth) > 0.9


def test_naming_the_codes_otherwise_names_the_posterior_otherwise() -> None:
    ratings, _ = simulated(CREW, [0.7, 0.3], texts=300, answers=4)
    turned = Ratings(ratings.texts, ratings.annotators, 1 - ratings.values)

    assert dawid_skene(turned, 2).posterior[:, ::-1] == pytest.approx(dawid_skene(ratings, 2).posterior)


def test_labels_of_one_text_are_fitted_apart() -> None:
    ratings, truth = simulated(CREW, [0.8, 0.2], texts=300, answers=4)
    other, _ = simulated(CREW, [0.5, 0.5], texts=300, answers=4, seed=8)

    found = dawid_skene_per_label({"antisemitic": ratings, "far_right": other})

    assert list(found) == ["antisemitic", "far_right"]
    assert found["antisemitic"].posterior == pytest.approx(dawid_skene(ratings, 2).posterior)
    assert found["far_right"].prevalence[1] > found["antisemitic"].prevalence[1] + 0.1
    assert right_share(found["antisemitic"], truth) > 0.9


def test_answers_outside_the_classes_are_refused() -> None:
    with pytest.raises(BadInput):
        dawid_skene(ratings_of([("1", "a", 2)]), 2)
    with pytest.raises(BadInput):
        dawid_skene(ratings_of([("1", "a", 0.5)]), 2)
    with pytest.raises(BadInput):
        dawid_skene(ratings_of([("1", "a", 0)]), 8)


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 2)), min_size=width, max_size=width),
        min_size=1,
        max_size=10,
    )
)


@settings(deadline=None)
@given(tables)
def test_posteriors_and_confusions_always_sum_to_one(rows: list[list[int | None]]) -> None:
    answers = [
        (str(text), str(who), float(value))
        for text, row in enumerate(rows)
        for who, value in enumerate(row)
        if value is not None
    ]
    if not answers:
        return

    fit = dawid_skene(ratings_of(answers), 3)

    assert fit.posterior.sum(axis=1) == pytest.approx(1)
    assert fit.prevalence.sum() == pytest.approx(1)
    assert (fit.posterior >= 0).all()
    for found in fit.confusions.values():
        assert found.rates.sum(axis=1) == pytest.approx(1)
        assert (found.low <= found.high).all()


# --- the ladder


def test_a_tie_has_no_majority() -> None:
    assert majority({0: 2, 1: 2}) is None
    assert majority({0: 2, 1: 3}) == 1
    assert majority({}) is None


@pytest.mark.parametrize(
    ("votes", "posterior", "adjudicated", "value", "provenance"),
    [
        ({1: 3}, [0.5, 0.5], None, 1, "unanimous"),
        ({1: 2, 0: 1}, [0.04, 0.96], 0, 0, "adjudicated"),
        ({1: 3}, [0.01, 0.99], 0, 0, "adjudicated"),
        ({1: 2, 0: 1}, [0.1, 0.9], None, 1, "posterior"),
        ({1: 2, 0: 1}, [0.11, 0.89], None, None, "unresolved"),
        ({1: 1}, [0.5, 0.5], None, None, "unresolved"),
        ({1: 1}, [0.05, 0.95], None, 1, "posterior"),
        ({1: 2, 0: 1}, None, None, None, "unresolved"),
        ({}, [0.95, 0.05], None, None, "unresolved"),
        ({}, None, 1, 1, "adjudicated"),
    ],
)
def test_each_rung_of_the_ladder(
    votes: dict[int, int],
    posterior: list[float] | None,
    adjudicated: int | None,
    value: int | None,
    provenance: str,
) -> None:
    found = consensus("t", votes, classes=2, posterior=posterior, adjudicated=adjudicated)

    assert (found.value, found.provenance) == (value, provenance)
    assert found.may_gate == (provenance != "unresolved")
    assert sum(found.soft_label) == pytest.approx(1)


def test_the_distribution_stands_whatever_was_decided() -> None:
    found = consensus("t", {0: 1, 1: 3}, classes=2, posterior=[0.3, 0.7], adjudicated=0)

    assert found.value == 0
    assert found.soft_label == (0.25, 0.75)
    assert found.posterior == (0.3, 0.7)
    assert found.votes == {0: 1, 1: 3}


def by_provenance(found: list[Consensus]) -> dict[str, list[Consensus]]:
    groups: dict[str, list[Consensus]] = {}
    for one in found:
        groups.setdefault(one.provenance, []).append(one)
    return groups


def test_labels_from_the_ladder_are_nearly_all_right() -> None:
    ratings, truth = simulated(CREW, [0.8, 0.2], texts=1500, answers=3)
    true = dict(zip(ratings.texts, truth.tolist(), strict=True))
    decided = {text: true[text] for text in ratings.texts[:20]}

    groups = by_provenance(ladder(ratings, 2, adjudicated=decided))

    assert {one.text for one in groups["adjudicated"]} == set(decided)
    assert groups["unresolved"]
    assert all(one.value is None for one in groups["unresolved"])
    for rung in ("unanimous", "posterior"):
        assert sum(one.value == true[one.text] for one in groups[rung]) / len(groups[rung]) > 0.95


def test_too_few_shared_texts_let_no_posterior_decide() -> None:
    # One answer a text: the posterior of the common class is high, and stands on nobody's known accuracy.
    answers = [(f"{text:03}", f"annotator-{text % 3}", float(text % 20 == 0)) for text in range(200)]

    found = ladder(ratings_of(answers), 2)

    assert all(one.provenance == "unresolved" for one in found)
    assert all(one.posterior is not None for one in found)
    assert max(max(one.posterior or ()) for one in found) > 0.9


def test_a_posterior_that_knows_more_may_be_brought_along() -> None:
    ratings = ratings_of([("1", "a", 1), ("2", "a", 0)])

    found = ladder(ratings, 2, posterior=np.array([[0.02, 0.98], [0.4, 0.6]]))

    assert [(one.value, one.provenance) for one in found] == [(1, "posterior"), (None, "unresolved")]
