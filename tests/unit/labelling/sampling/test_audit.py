"""The audit's draw: every post has the chance that is stored with it, and the estimates stand on that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelling.sampling.audit import allocate, plan_audit, strata, waiting
from labelling.sampling.audit_estimates import AuditedPosts, estimate
from labelling.sampling.comparison import Cell, compare, made_up_stream
from labelling.sampling.pool import HEADS, Pool
from labelling.sampling.rules import AuditDesign, load_sampling_rules
from model.errors import BadInput

DESIGN = load_sampling_rules().rules.audit
UNIFORM = DESIGN.model_copy(update={"design": "uniform"})
DESIGNS = st.sampled_from([DESIGN, UNIFORM])
RISKS = st.lists(st.floats(0, 1), max_size=60)


def frame_of(risk: list[float] | np.ndarray) -> Pool:
    """A frame whose posts have these scores on the last head, and nothing on the others."""
    scores = np.zeros((len(risk), HEADS))
    scores[:, -1] = risk
    ids = tuple(f"p{number}" for number in range(len(risk)))
    nothing = np.full((len(risk), HEADS), np.nan)
    flags = np.zeros(len(risk), dtype=np.bool_)
    return Pool(ids, tuple(f"sha-{name}" for name in ids), scores, scores.sum(axis=1), nothing, flags)


@given(RISKS, st.integers(0, 70), DESIGNS, st.integers(0, 5))
def test_chances_sum_to_the_posts_drawn_and_nothing_is_drawn_twice(
    risk: list[float], posts: int, design: AuditDesign, seed: int
) -> None:
    plan = plan_audit(frame_of(risk), posts, design, seed=seed)

    assert len(plan.posts) == min(posts, len(risk))
    assert len({post.id for post in plan.posts}) == len(plan.posts)
    assert sum(plan.stratum_posts) == len(risk)
    chance = {post.stratum: post.inclusion_probability for post in plan.posts}
    assert all(0 < value <= 1 for value in chance.values())
    expected = sum(plan.stratum_posts[stratum] * value for stratum, value in chance.items())
    assert expected == pytest.approx(len(plan.posts))


@given(RISKS.filter(bool), st.integers(1, 60))
def test_every_stratum_has_places_and_two_of_them_where_it_has_two_posts(
    risk: list[float], posts: int
) -> None:
    scores = np.asarray(risk)
    stratum = strata(scores, min(posts, len(risk)), DESIGN)
    places = allocate(scores, stratum, min(posts, len(risk)), DESIGN)
    sizes = np.bincount(stratum)

    assert (places <= sizes).all()
    assert (places >= 1).all()
    if len(sizes) > 1:
        assert (places >= np.minimum(2, sizes)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(stratum[order]) >= 0).all()


def test_each_post_is_drawn_as_often_as_its_stored_chance_says() -> None:
    frame = frame_of(np.linspace(0.001, 0.999, 40) ** 3)
    drawn = np.zeros(len(frame))
    chance = np.zeros(len(frame))
    for seed in range(2000):
        for post in plan_audit(frame, 16, DESIGN, seed=seed).posts:
            place = frame.ids.index(post.id)
            drawn[place] += 1
            chance[place] = post.inclusion_probability

    assert chance.sum() == pytest.approx(16)
    spread = np.sqrt(chance * (1 - chance) / 2000)
    assert (np.abs(drawn / 2000 - chance) <= 4 * spread + 1e-9).all()
    assert chance.max() > 2 * chance.min()


@pytest.mark.parametrize("design", [DESIGN, UNIFORM], ids=["stratified", "uniform"])
def test_weighted_count_of_positives_is_right_on_average_whatever_the_scores_say(design: AuditDesign) -> None:
    # Horvitz and Thompson: sum of 1 / chance over the positives drawn. The scores here are upside down.
    random = np.random.default_rng(3)
    risk = random.random(200) ** 2
    positive = random.random(200) < 0.3 * (1 - risk)
    frame = frame_of(risk)
    totals = []
    for seed in range(1500):
        plan = plan_audit(frame, 40, design, seed=seed)
        totals.append(
            sum(1 / post.inclusion_probability for post in plan.posts if positive[int(post.id[1:])])
        )

    error = np.std(totals) / np.sqrt(len(totals))
    assert np.mean(totals) == pytest.approx(positive.sum(), abs=3.5 * error)


def test_audit_repeats_for_a_seed_and_waits_in_its_own_order() -> None:
    frame = frame_of(np.linspace(0, 1, 50))
    first, again, other = (plan_audit(frame, 20, DESIGN, seed=seed) for seed in (4, 4, 5))

    assert first == again
    assert first.posts != other.posts
    done = [post.id for post in first.posts[:7]]
    assert waiting(first, done) == first.posts[7:]


def test_number_below_nothing_is_refused() -> None:
    with pytest.raises(BadInput):
        plan_audit(frame_of([0.5]), -1, DESIGN, seed=1)


# --- Estimates --------------------------------------------------------------------------------------


def test_frame_labelled_whole_is_known_exactly() -> None:
    positive = np.array([True, True, False, False, True])
    said = np.array([True, False, True, False, True])

    found = estimate(AuditedPosts(positive, said, np.array([0, 0, 0, 1, 1]), (3, 2)))

    assert found["prevalence"] is not None
    assert (found["prevalence"].value, found["prevalence"].low, found["prevalence"].high) == (0.6, 0.6, 0.6)
    assert found["precision"] is not None
    assert found["precision"].value == pytest.approx(2 / 3)
    assert found["recall"] is not None
    assert found["recall"].value == pytest.approx(2 / 3)
    assert found["f1"] is not None
    assert found["f1"].value == pytest.approx(2 / 3)


def test_labels_of_a_stratum_stand_for_all_its_posts() -> None:
    # One of two positive where 100 posts are, two of two where 10 are: (50 + 10) / 110.
    found = estimate(
        AuditedPosts(
            np.array([True, False, True, True]), np.zeros(4, bool), np.array([0, 0, 1, 1]), (100, 10)
        )
    )

    assert found["prevalence"] is not None
    assert found["prevalence"].value == pytest.approx(60 / 110)
    assert found["precision"] is None
    assert found["recall"] is not None
    assert found["recall"].value == 0.0


def test_stratum_without_positives_is_not_taken_to_have_none() -> None:
    # 20 of 1,000 posts seen, all harmless; whoever is found elsewhere was found by the bundle.
    positive, said = np.repeat([False, True], [20, 20]), np.repeat([False, True], [20, 20])
    found = estimate(AuditedPosts(positive, said, np.repeat([0, 1], 20), (1000, 40)))

    assert found["recall"] is not None
    assert found["recall"].value == 1.0
    assert found["recall"].low < 0.7
    assert found["prevalence"] is not None
    assert found["prevalence"].high > found["prevalence"].value + 0.01


def test_stratum_with_posts_and_no_label_is_refused() -> None:
    with pytest.raises(BadInput, match="no label yet"):
        estimate(AuditedPosts(np.array([True]), np.array([True]), np.array([0]), (5, 3)))
    with pytest.raises(BadInput, match="more labels"):
        estimate(AuditedPosts(np.array([True] * 3), np.array([True] * 3), np.array([0] * 3), (2,)))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), min_size=3, max_size=40),
    st.integers(0, 50),
)
def test_interval_holds_its_value_and_stays_a_share(rows: list[tuple[bool, bool, int]], unseen: int) -> None:
    stratum = np.array([row[2] for row in rows])
    sizes = tuple(int(count) + unseen if count else 0 for count in np.bincount(stratum, minlength=3))
    audited = AuditedPosts(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), stratum, sizes)

    for found in estimate(audited).values():
        if found is not None:
            assert -1e-9 <= found.low <= found.value + 1e-9
            assert found.value <= found.high + 1e-9 <= 1 + 2e-9


# --- The comparison ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return compare(DESIGN, draws=250, labels=(300, 1000))


def test_intervals_hold_the_truth_nineteen_times_in_twenty(cells: list[Cell]) -> None:
    # 250 draws: a share of .95 is known to .014; four of those below.
    stratified = [cell for cell in cells if cell.design == "stratified"]

    assert len(stratified) == 4
    for cell in stratified:
        assert all(held >= 0.9 for held in cell.coverage.values()), cell


def test_estimates_are_right_on_average_also_where_scores_are_wrong(cells: list[Cell]) -> None:
    for cell in cells:
        for name, bias in cell.bias.items():
            # A ratio of two totals is biased by its variance over n; the random audit of 300 most.
            assert abs(bias) <= cell.rmse[name] * (4 / np.sqrt(250)) + 0.01, (cell, name)


def test_three_hundred_stratified_labels_say_as_much_of_f1_as_a_thousand_random_ones(
    cells: list[Cell],
) -> None:
    found = {(cell.stream, cell.design, cell.labels): cell.rmse for cell in cells}

    for stream in {cell.stream for cell in cells}:
        assert found[stream, "stratified", 300]["f1"] <= 1.1 * found[stream, "uniform", 1000]["f1"]
        assert found[stream, "stratified", 300]["f1"] < 0.7 * found[stream, "uniform", 300]["f1"]


def test_made_up_bundle_is_useful_and_far_from_perfect() -> None:
    truth = made_up_stream(1.0, np.random.default_rng(1)).truth()

    assert 0.04 < truth["prevalence"] < 0.07
    assert 0.5 < truth["f1"] < 0.8
