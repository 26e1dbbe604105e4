"""A batch: quotas, no post twice, never more exposure than allowed, and a reason for everything in it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling.sampling.audit import plan_audit, waiting
from labelling.sampling.batch import Batch, choose_batch
from labelling.sampling.pool import Candidate, CodedTerm, Pool
from labelling.sampling.rules import REASONS, LoadedRules, load_sampling_rules
from labelling.sampling.strategies import Anchors
from labelling.sampling.vectors import hashed_ngrams
from model.errors import BadInput

LOADED = load_sampling_rules()
RULES = LOADED.rules
LIMIT = RULES.exposure.units_per_batch


def candidate(number: int, score: float = 0.01, **changes: Any) -> Candidate:
    """A post whose scores are `score` on every head; as heavy as they say."""
    known: dict[str, Any] = {
        "id": f"p{number}",
        "text_sha256": f"sha-{number}",
        "scores": (score,) * 4,
        "severity_units": 2 * score,
        **changes,
    }
    return Candidate(**known)


def made_up_pool(count: int = 400, seed: int = 1) -> Pool:
    """Mostly harmless posts, some doubtful, with other scores, vectors, clusters and coded terms."""
    random = np.random.default_rng(seed)
    scores = random.beta(0.3, 2.0, (count, 4))
    vectors = random.normal(size=(count, 8))
    return Pool.of(
        [
            candidate(
                number,
                scores=tuple(scores[number]),
                severity_units=2.0 * float(scores[number].max()),
                other_scores=tuple(np.clip(scores[number] + random.normal(0, 0.15, 4), 0, 1)),
                overturned=number % 97 == 0,
                vector=vectors[number],
                cluster=f"c{number // 3}" if number % 5 == 0 else None,
                terms=(CodedTerm("echo", 10, 0.9), CodedTerm("milk", 60, 0.1)) if number % 40 == 0 else (),
            )
            for number in range(count)
        ]
    )


ANCHORS = Anchors(np.random.default_rng(2).normal(size=(12, 8)), np.arange(12) % 4)


def test_reasons_have_their_quotas_where_every_source_has_enough() -> None:
    batch = choose_batch(made_up_pool(), LOADED, seed=1, anchors=ANCHORS)

    assert len(batch.posts) == batch.asked == RULES.batch_posts
    assert batch.reasons == Counter(dict(RULES.places(50)))
    assert batch.rules_sha256 == LOADED.sha256
    for post in batch.posts:
        assert post.why
        assert post.may_gate is (post.sample_reason == "audit")
        assert post.may_train is not post.may_gate
        assert (post.inclusion_probability is not None) is post.may_gate


def test_places_of_an_empty_source_go_to_uncertainty() -> None:
    pool = Pool.of([candidate(number, 0.02 + number / 2000) for number in range(400)])

    batch = choose_batch(pool, LOADED, seed=1)

    assert batch.reasons == {"audit": 10, "uncertainty": 40}
    assert len(batch.posts) == 50


def test_batch_repeats_for_a_seed_and_reads_in_another_order_for_another() -> None:
    pool = made_up_pool()
    first, again, other = (choose_batch(pool, LOADED, seed=seed, anchors=ANCHORS) for seed in (3, 3, 4))

    assert first == again
    assert [post.id for post in first.posts] != [post.id for post in other.posts]


posts = st.builds(
    dict,
    score=st.floats(0, 1),
    units=st.floats(0, 8),
    text=st.integers(0, 40),
    cluster=st.one_of(st.none(), st.integers(0, 4)),
    overturned=st.booleans(),
)


@given(
    st.lists(posts, max_size=60),
    st.integers(0, 60),
    st.integers(0, 3),
    st.sets(st.integers(0, 40), max_size=10),
)
def test_whatever_the_pool_nothing_comes_twice_and_exposure_stays_within_its_limit(
    rows: list[dict[str, Any]], asked: int, seed: int, known: set[int]
) -> None:
    candidates = [
        candidate(
            number,
            row["score"],
            severity_units=row["units"],
            text_sha256=f"sha-{row['text']}",
            cluster=None if row["cluster"] is None else f"c{row['cluster']}",
            overturned=row["overturned"],
            vector=hashed_ngrams(f"post {row['text']}"),
        )
        for number, row in enumerate(rows)
    ]
    pool = Pool.of(candidates)
    hashes = {f"sha-{number}" for number in known}

    batch = choose_batch(pool, LOADED, seed=seed, posts=asked, known=hashes)

    texts = [post.text_sha256 for post in batch.posts]
    assert len(set(texts)) == len(texts) <= asked
    assert not set(texts) & hashes
    assert batch.severity_units <= LIMIT + 1e-6
    assert batch.severity_units == pytest.approx(sum(post.severity_units for post in batch.posts))
    by_text = {entry.text_sha256: entry for entry in reversed(candidates)}
    audited: set[str | None] = {by_text[post.text_sha256].cluster for post in batch.posts if post.may_gate}
    audited |= {post.cluster for post in batch.audit_waiting}
    teaching = [by_text[post.text_sha256].cluster for post in batch.posts if post.may_train]
    named = [cluster for cluster in teaching if cluster is not None]
    assert len(set(named)) == len(named)
    assert not set(named) & audited
    if len(batch.posts) < asked:
        closed = set(named) | audited
        waits = {post.text_sha256 for post in batch.audit_waiting}
        for digest, entry in by_text.items():
            if digest not in {*texts, *hashes, *waits} and entry.cluster not in closed - {None}:
                assert batch.severity_units + entry.severity_units > LIMIT


def test_limit_leaves_places_to_posts_that_are_light() -> None:
    heavy = [candidate(number, 0.5, severity_units=4.0) for number in range(100)]
    light = [candidate(100 + number, 0.001, severity_units=0.01) for number in range(900)]

    batch = choose_batch(Pool.of([*heavy, *light]), LOADED, seed=2)

    assert len(batch.posts) == 50
    assert 4 <= sum(post.severity_units == 4.0 for post in batch.posts) <= LIMIT / 4
    assert LIMIT - 4.5 < batch.severity_units <= LIMIT


def test_only_heavy_posts_make_a_short_batch() -> None:
    pool = Pool.of([candidate(number, 0.5, severity_units=5.0) for number in range(100)])

    batch = choose_batch(pool, LOADED, seed=2)

    assert len(batch.posts) == int(LIMIT / 5) == 8
    assert batch.asked == 50
    assert batch.reasons["uncertainty"] == 0  # the audit comes first, and fills it
    assert len(batch.audit_waiting) == 2


def test_heavy_posts_are_read_apart() -> None:
    batch = choose_batch(made_up_pool(), LOADED, seed=5, anchors=ANCHORS)
    heavy = [post.severity_units >= RULES.exposure.heavy_from_units for post in batch.posts]
    longest = max((len(run) for run in "".join("x" if h else " " for h in heavy).split()), default=0)

    assert 5 < sum(heavy) < 45
    assert longest <= -(-sum(heavy) // (len(heavy) - sum(heavy) + 1))


def test_audit_of_a_plan_comes_in_its_order_and_goes_on_in_the_next_batch() -> None:
    pool = made_up_pool()
    plan = plan_audit(pool, 25, RULES.audit, seed=9)
    done: list[str] = []
    texts: list[str] = []
    for seed in range(4):
        batch = choose_batch(pool, LOADED, seed=seed, audit=waiting(plan, done), anchors=ANCHORS, known=texts)
        done += [post.id for post in batch.posts]
        texts += [post.text_sha256 for post in batch.posts]

    assert len(done) == len(set(done)) == 200
    audited = {post.id for post in plan.posts}
    assert audited <= set(done)
    assert not batch.audit_waiting


def test_post_that_nearly_repeats_a_waiting_audit_post_does_not_train() -> None:
    twins = [candidate(number, 0.5, cluster="c") for number in range(2)]
    pool = Pool.of([*twins, *(candidate(number, 0.3) for number in range(2, 30))])
    plan = plan_audit(pool.only(np.arange(30) == 0), 1, RULES.audit, seed=1)

    batch = choose_batch(pool, LOADED, seed=1, posts=0, audit=plan.posts)
    later = choose_batch(pool, LOADED, seed=1, posts=28, audit=batch.audit_waiting)

    assert [post.id for post in batch.audit_waiting] == ["p0"]
    assert "p0" in {post.id for post in later.posts if post.may_gate}
    assert "p1" not in {post.id for post in later.posts}


def test_what_a_person_overturned_and_what_bundles_split_on_comes_first() -> None:
    rows = [candidate(number, 0.02, other_scores=(0.03,) * 4) for number in range(200)]
    rows[17] = candidate(17, 0.02, overturned=True)
    rows[18] = candidate(18, 0.02, other_scores=(0.02, 0.02, 0.9, 0.02))

    batch = choose_batch(Pool.of(rows), LOADED, seed=1, audit=())

    by_id = {post.id: post for post in batch.posts}
    assert by_id["p17"].sample_reason == by_id["p18"].sample_reason == "disagreement"
    assert by_id["p17"].why == "a person decided otherwise"
    assert batch.reasons["disagreement"] == 2


def test_coded_terms_are_reviewed_by_turns_the_least_known_first_and_suspended_ones_never() -> None:
    fresh, known, spent = CodedTerm("new"), CodedTerm("old", 49, 0.2), CodedTerm("milk", 50, 0.49)
    rows = [candidate(number, 0.001) for number in range(300)]
    for number in range(20):
        rows[number] = candidate(number, 0.001, terms=(spent,))
        rows[100 + number] = candidate(100 + number, 0.001, terms=(known,))
        rows[200 + number] = candidate(200 + number, 0.001, terms=(fresh,))

    batch = choose_batch(Pool.of(rows), LOADED, seed=1, audit=(), posts=60)

    words = sorted(post.why for post in batch.posts if post.sample_reason == "coded_term")
    assert words == ["new", "new", "old"]


def test_neighbours_of_anchors_are_chosen_the_most_doubtful_of_the_nearest() -> None:
    random = np.random.default_rng(4)
    rows = [candidate(number, 0.001, vector=random.normal(size=6)) for number in range(300)]
    anchor = np.eye(6)[0]
    near = [anchor + 0.01 * random.normal(size=6) for _ in range(RULES.neighbours_looked_at)]
    for number, vector in enumerate(near):
        rows[number] = candidate(number, 0.05, vector=vector)
    rows[3] = candidate(3, 0.3, scores=(0.001, 0.001, 0.3, 0.001), vector=near[3])

    batch = choose_batch(
        Pool.of(rows), LOADED, seed=1, audit=(), anchors=Anchors(anchor[None], np.array([2]))
    )

    assert [post.id for post in batch.posts if post.sample_reason == "anchor_neighbour"] == ["p3"]


def test_uncertain_posts_of_one_kind_do_not_fill_the_batch() -> None:
    random = np.random.default_rng(5)
    kinds = np.eye(40)
    rows = [candidate(number, 0.5, severity_units=0.1, vector=kinds[0]) for number in range(30)]
    rows += [
        candidate(100 + n, 0.45, severity_units=0.1, vector=kinds[n] + 0.001 * random.normal(size=40))
        for n in range(1, 40)
    ]

    chosen = choose_batch(Pool.of(rows), LOADED, seed=1, audit=(), posts=40).posts

    assert sum(int(post.id[1:]) < 100 for post in chosen) <= 2


def test_post_graver_than_the_gravest_is_refused() -> None:
    with pytest.raises(BadInput, match="gravest post"):
        choose_batch(Pool.of([candidate(0, severity_units=8.5)]), LOADED, seed=1)


def test_rare_strand_is_asked_about_although_hate_doubts_more() -> None:
    rows = [candidate(number, scores=(0.5, 0.0, 0.01, 0.0), severity_units=0.1) for number in range(100)]
    rows += [candidate(100 + n, scores=(0.05, 0.0, 0.3, 0.0), severity_units=0.1) for n in range(30)]

    batch = choose_batch(Pool.of(rows), LOADED, seed=1, audit=())

    assert 20 <= sum(int(post.id[1:]) >= 100 for post in batch.posts) <= 30


def test_empty_pool_gives_an_empty_batch() -> None:
    batch = choose_batch(Pool.of([]), LOADED, seed=1)

    assert batch == Batch((), 50, 0.0, (), 1, LOADED.sha256)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scores": (0.1, 0.2)}, "scores"),
        ({"scores": (0.1, 0.2, 1.2, 0.0)}, "scores"),
        ({"scores": (0.1, float("nan"), 0.2, 0.0)}, "scores"),
        ({"other_scores": (-0.1, 0.2, 0.2, 0.0)}, "other_scores"),
        ({"severity_units": -1.0}, "severity_units"),
        ({"severity_units": float("inf")}, "severity_units"),
        ({"vector": (1.0, 2.0, 3.0)}, "vector"),
        ({"vector": (float("nan"), 2.0)}, "vector"),
        ({"id": "p0"}, "id"),
    ],
)
def test_candidate_that_cannot_be_used_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as raised:
        Pool.of([candidate(0, vector=(1.0, 2.0)), candidate(1, **changes)])

    assert raised.value.field == field


@given(st.integers(0, 500))
def test_places_are_whole_and_sum_to_the_batch(count: int) -> None:
    places = RULES.places(count)

    assert sum(places.values()) == count
    assert set(places) == set(REASONS)
    for reason, number in places.items():
        assert abs(number - RULES.quotas[reason].share * count) < 1


def test_rules_whose_shares_do_not_sum_to_one_are_refused() -> None:
    raw = RULES.model_dump()
    raw["quotas"]["audit"]["share"] = 0.3

    with pytest.raises(ValueError, match="do not sum to 1"):
        type(RULES).model_validate(raw)


def test_rules_under_which_a_grave_post_could_never_be_shown_are_refused() -> None:
    raw = RULES.model_dump()
    raw["exposure"]["units_per_batch"] = 7.9

    with pytest.raises(ValueError, match="gravest post"):
        type(RULES).model_validate(raw)


def test_similar_texts_have_similar_vectors_everywhere_the_same() -> None:
    first, near, far = (
        hashed_ngrams(text) for text in ("The council met", "the council meets", "rain in Leeds")
    )

    assert np.linalg.norm(first) == pytest.approx(1)
    assert first @ near > 0.6 > 0.3 > abs(first @ far)
    assert not hashed_ngrams("").any()
    assert isinstance(LOADED, LoadedRules)
