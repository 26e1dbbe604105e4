"""Krippendorff's alpha against published worked examples, and what must always hold of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labelling.quality.alpha import alpha, alpha_of_counts, drawn_alpha, label_set_alpha, reading
from labelling.quality.distances import Level, between_values, masi
from labelling.quality.figures import NOT_SHARED, ONE_VALUE, Figure, change
from labelling.quality.ratings import ratings_of, set_ratings_of
from model.errors import BadInput

Table = NDArray[np.float64]
NOT = np.nan

# Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections C to E.
FOUR_OBSERVERS: Table = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NOT, NOT, NOT],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NOT, 3],
        [NOT, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NOT],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NOT],
    ]
).T

# Source: the same, section A: binary data, two observers; and section B: nominal data, two observers.
BINARY: Table = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], dtype=np.float64).T
NOMINAL: Table = np.array(
    [["abcde".index(letter) for letter in row] for row in ("aabbdcccedda", "babbbccceddd")],
    dtype=np.float64,
).T


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_four_observers_with_gaps_give_the_published_alpha(level: Level, published: float) -> None:
    found = alpha(FOUR_OBSERVERS, level)

    assert found.value == pytest.approx(published, abs=5e-4)
    assert (found.texts, found.pairs) == (11, 55)


def test_four_observers_match_the_fractions_worked_by_hand() -> None:
    # In lowest terms, from the paper's coincidence matrix (40 pairable values).
    assert alpha(FOUR_OBSERVERS, "nominal").value == pytest.approx(113 / 152, abs=1e-4)
    assert alpha(FOUR_OBSERVERS, "interval").value == pytest.approx(951 / 1120, abs=1e-4)


@pytest.mark.parametrize(("table", "published"), [(BINARY, 0.095), (NOMINAL, 0.692)])
def test_two_observers_give_the_published_alpha(table: Table, published: float) -> None:
    assert alpha(table).value == pytest.approx(published, abs=5e-4)


def test_binary_example_is_exactly_two_of_twenty_one() -> None:
    # Coincidences: o01 = 4 of 20 values, n0 = 14, n1 = 6: 1 - 19 * 4 / (14 * 6) = 2/21.
    assert alpha(BINARY).value == pytest.approx(2 / 21, abs=1e-12)


def test_one_value_used_is_said_so_and_is_no_number() -> None:
    found = alpha(np.zeros((20, 3)))

    assert found == Figure(None, None, None, 20, 60, ONE_VALUE)
    assert reading(found) == ONE_VALUE


@pytest.mark.parametrize("table", [np.full((4, 3), NOT), np.array([[1, NOT], [NOT, 0]]), np.zeros((0, 2))])
def test_no_text_with_two_answers_is_said_so(table: Table) -> None:
    assert alpha(table) == Figure(None, None, None, 0, 0, NOT_SHARED)


def test_perfect_agreement_is_one_with_an_interval_below_it() -> None:
    found = alpha(np.array([[0, 0], [1, 1]] * 10, dtype=np.float64))

    assert found.value == 1.0
    assert found.high == 1.0
    assert found.low is not None
    assert 0.5 < found.low < 1.0


def test_texts_that_all_disagree_have_an_interval_above_the_figure() -> None:
    found = alpha(np.array([[0, 1]] * 10, dtype=np.float64))

    assert found.value == pytest.approx(1 - 1 / (10 / 19), abs=1e-9)
    assert found.high is not None
    assert found.value is not None
    assert found.high > found.value


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)

    def draw(texts: int) -> Table:
        truth = generator.random(texts) < 0.3
        wrong = generator.random((texts, 2)) < 0.12
        return np.asarray(truth[:, None] ^ wrong, dtype=np.float64)

    truth = alpha(draw(400_000), draws=2).value
    found = [alpha(draw(200), draws=300) for _ in range(200)]

    covered = sum(
        f.low <= truth <= f.high for f in found if f.low is not None and f.high is not None and truth
    )
    assert 180 <= covered <= 199


def test_drawing_lookalikes_together_is_the_plain_bootstrap() -> None:
    # The same draw done text by text, with another generator: ends agree up to chance.
    generator = np.random.default_rng(11)
    table = np.asarray(generator.random((150, 2)) < 0.25, dtype=np.float64)
    table[:, 1] = np.where(generator.random(150) < 0.7, table[:, 0], table[:, 1])
    plain = [alpha(table[generator.integers(0, 150, 150)], draws=2).value for _ in range(1500)]
    low, high = np.quantile(np.array(plain, dtype=np.float64), [0.025, 0.975])

    found = alpha(table, draws=4000)

    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)


@pytest.mark.parametrize(
    ("low", "words"), [(0.81, "reliable"), (0.7, "tentative conclusions only"), (0.5, "not reliable")]
)
def test_reading_goes_by_the_lower_end(low: float, words: str) -> None:
    assert reading(Figure(0.9, low, 0.95, 10, 10)) == words


def test_change_between_two_tables_says_better_only_beyond_chance() -> None:
    generator = np.random.default_rng(3)
    first = np.asarray(generator.random((300, 1)) < 0.4, dtype=np.float64)
    noise = generator.random((300, 1))
    poor = np.hstack([first, np.where(noise < 0.3, 1 - first, first)])
    good = np.hstack([first, np.where(noise < 0.05, 1 - first, first)])
    before, after, again = (drawn_alpha(t, seed=s) for t, s in ((poor, 1), (good, 2), (poor, 3)))

    better, worse, same = change(before, after), change(after, before), change(before, again)

    assert better is not None
    assert worse is not None
    assert same is not None
    assert (better.verdict, worse.verdict, same.verdict) == ("better", "worse", "not distinguishable")


def test_change_with_an_undefined_side_is_none() -> None:
    assert change(drawn_alpha(np.zeros((5, 2))), drawn_alpha(BINARY)) is None


# --- what always holds

values = st.one_of(st.none(), st.integers(0, 3))
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), min_size=1, max_size=12)
)
levels = st.sampled_from(["nominal", "ordinal", "interval"])


def as_table(rows: list[list[int | None]]) -> Table:
    return np.array([[NOT if value is None else float(value) for value in row] for row in rows])


def same(first: Figure, second: Figure) -> bool:
    if first.value is None or second.value is None:
        return first.undefined == second.undefined
    return first.value == pytest.approx(second.value, abs=1e-9)


@settings(deadline=None)
@given(tables, levels)
def test_order_of_texts_and_of_annotators_changes_nothing(rows: list[list[int | None]], level: Level) -> None:
    table = as_table(rows)
    shuffled = np.random.default_rng(len(rows)).permutation(table)[:, ::-1]

    assert same(alpha(table, level, draws=20), alpha(shuffled, level, draws=20))


def pair_by_pair(table: Table, level: Level) -> float | None:
    """Alpha straight from its definition: every ordered pair of answers, in a text and over all texts."""
    rows = [[v for v in row if not np.isnan(v)] for row in table]
    rows = [row for row in rows if len(row) > 1]
    every = [v for row in rows for v in row]

    def distance(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(low <= v <= high for v in every) - (every.count(low) + every.count(high)) / 2
        return between**2 if a != b else 0.0

    number = len(every)
    observed = sum(
        distance(a, b) / (len(row) - 1)
        for row in rows
        for i, a in enumerate(row)
        for j, b in enumerate(row)
        if i != j
    )
    expected = sum(distance(a, b) for a in every for b in every) / max(1, number - 1)
    return 1 - observed / expected if expected else None


@settings(deadline=None)
@given(tables, levels)
def test_alpha_is_what_counting_pair_by_pair_gives(rows: list[list[int | None]], level: Level) -> None:
    table = as_table(rows)

    found, counted = alpha(table, level, draws=5).value, pair_by_pair(table, level)

    assert (found is None) == (counted is None)
    if found is not None:
        assert found == pytest.approx(counted, abs=1e-9)


@settings(deadline=None)
@given(tables, levels)
def test_alpha_is_never_above_one_and_lies_in_its_interval(
    rows: list[list[int | None]], level: Level
) -> None:
    found = alpha(as_table(rows), level, draws=50)

    if found.value is not None:
        assert found.low is not None
        assert found.high is not None
        assert found.value <= 1 + 1e-12
        assert found.low <= found.high <= 1 + 1e-12


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.integers(2, 4), levels)
def test_agreement_on_everything_is_one_or_undefined(
    given_values: list[int], width: int, level: Level
) -> None:
    found = alpha(np.tile(np.array(given_values, dtype=np.float64)[:, None], width), level, draws=20)

    if len(set(given_values)) > 1:
        assert found.value == pytest.approx(1.0)
    else:
        assert found.undefined == ONE_VALUE


@settings(deadline=None)
@given(tables, levels, st.integers(0, 9))
def test_a_text_with_one_answer_changes_nothing(
    rows: list[list[int | None]], level: Level, value: int
) -> None:
    table = as_table(rows)
    lonely = np.full((1, table.shape[1]), NOT)
    lonely[0, 0] = value

    assert alpha(np.vstack([table, lonely]), level, draws=20) == alpha(table, level, draws=20)


@settings(deadline=None)
@given(tables)
def test_binary_levels_agree(rows: list[list[int | None]]) -> None:
    # With two values there is one distance, so every level gives the same alpha.
    table = as_table(rows)
    binary = np.where(np.isnan(table), NOT, (table > 1).astype(np.float64))

    found = [alpha(binary, level, draws=10) for level in ("nominal", "ordinal", "interval")]

    assert all(same(first, second) for first, second in combinations(found, 2))


# --- sets of labels

SETS = st.frozensets(st.sampled_from("abc"))


def test_masi_of_sets_is_what_passonneau_defines() -> None:
    assert masi(frozenset("ab"), frozenset("ab")) == 0
    assert masi(frozenset("a"), frozenset("ab")) == pytest.approx(1 - 1 / 2 * 2 / 3)
    assert masi(frozenset("ab"), frozenset("bc")) == pytest.approx(1 - 1 / 3 * 1 / 3)
    assert masi(frozenset("a"), frozenset("b")) == 1
    assert masi(frozenset(), frozenset("a")) == 1
    assert masi(frozenset(), frozenset()) == 0


@given(SETS, SETS)
def test_masi_is_the_same_both_ways_and_within_bounds(first: frozenset[str], second: frozenset[str]) -> None:
    assert 0 <= masi(first, second) == masi(second, first) <= 1
    assert (masi(first, second) == 0) == (first == second)


def test_label_sets_worked_by_hand_give_that_alpha() -> None:
    # Three texts, two annotators: {a}/{a}, {a}/{a,b}, {}/{}. Observed: 2 * (2/3) / 6 values = 2/9.
    # Given: {} twice, {a} three times, {a,b} once. Expected: 2 * (2*3*1 + 2*1*1 + 3*1*2/3) / (6*5) = 2/3.
    answers = [
        ("1", "x", {"a"}),
        ("1", "y", {"a"}),
        ("2", "x", {"a"}),
        ("2", "y", {"a", "b"}),
        ("3", "x", set[str]()),
        ("3", "y", set[str]()),
    ]

    found = label_set_alpha(*set_ratings_of(answers)).figure

    assert found.value == pytest.approx(1 - (2 / 9) / (2 / 3))
    assert (found.texts, found.pairs) == (3, 3)


def test_sets_of_one_label_each_are_the_nominal_alpha() -> None:
    names = "abcde"
    answers = [
        (str(row), str(column), {names[int(value)]})
        for row, given_values in enumerate(NOMINAL)
        for column, value in enumerate(given_values)
    ]

    assert label_set_alpha(*set_ratings_of(answers)).figure.value == pytest.approx(alpha(NOMINAL).value)


# --- tables


def test_answering_a_text_twice_is_refused() -> None:
    with pytest.raises(BadInput):
        ratings_of([("1", "x", 0), ("1", "x", 1)])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(BadInput):
        ratings_of([("1", "x", value)])


def test_units_of_one_text_are_drawn_together() -> None:
    # 40 units in two texts: drawn one by one the interval would be far narrower than drawn by text.
    counts = np.array([[2, 0], [0, 2]] * 10 + [[1, 1]] * 20, dtype=np.float64)
    nominal = between_values("nominal", np.array([0.0, 1.0]))
    apart = alpha_of_counts(counts, nominal).figure
    together = alpha_of_counts(counts, nominal, clusters=np.repeat([0, 1], 20)).figure

    assert apart.value == together.value
    assert together.texts == 2
    assert apart.low is not None
    assert together.low is not None
    assert together.low < apart.low
