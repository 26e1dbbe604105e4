"""The poison simulation on a made-up data folder: who lies, with and without the firewall."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("sklearn")

from rich.console import Console
from scipy.stats import binom

from labelling.firewall import admit_by_shipped_rules
from labelling.sampling.simulated_desk import open_desk
from labelling.sampling.vectors import hashed_ngrams
from model.configuration import configs_folder
from model.taxonomy import HEAD_ORDER
from training.simulation.baseline import Line
from training.simulation.desk import DeskChoice
from training.simulation.plan import load_simulation_plan
from training.simulation.poison import (
    NOW,
    PoisonPlan,
    Said,
    best_threshold,
    load_poison_plan,
    made_up_world,
    majority,
    simulate_poison,
)
from training.simulation.poison_output import fall, print_poison
from training.simulation.reported import by_desk
from training.simulation.results import read_results
from training.simulation.streams import Stream, make_stream, read_posts
from training.simulation.vectors import Vectors

pytestmark = pytest.mark.training

CORPORA = ("hatexplain", "implicit_hate")


def embed(texts: Sequence[str], /) -> Vectors:
    return np.asarray([hashed_ngrams(text) for text in texts], dtype=np.float32)


def changed(name: str, path: Path, **changes: Any) -> Path:
    """A plan of configs/labelling with these members in place of its own; nested ones are joined."""
    raw = yaml.safe_load((configs_folder() / "labelling" / name).read_text(encoding="utf-8"))
    for member, value in changes.items():
        raw[member] = {**raw[member], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(json.loads(json.dumps(raw, default=str))), encoding="utf-8")
    return path


@pytest.fixture
def streams_path(tmp_path: Path) -> Path:
    return changed(
        "simulation.yaml",
        tmp_path / "simulation.yaml",
        held_out=list(CORPORA),
        also_train=[],
        background=["background_tweeteval"],
        stream={"posts": 600, "hateful": 0.15, "own_harmless_at_most": 0.3, "least_test_positives": 3},
        warm_start={"posts_a_corpus": 60, "background_posts": 60},
        representation={"background_posts": 800},
    )


@pytest.fixture
def plan_path(tmp_path: Path) -> Path:
    return changed(
        "poison.yaml",
        tmp_path / "poison.yaml",
        seeds=[1, 2],
        corpora=list(CORPORA),
        reporters=20,
        colluding_reporters=6,
        reports_each=5,
        labelled_texts=120,
        bootstrap_draws=100,
    )


@pytest.fixture
def plan(plan_path: Path) -> PoisonPlan:
    return load_poison_plan(plan_path)[0]


@pytest.fixture
def pack(data_folder: Any, posts_made_up: Any) -> Path:
    corpora = {("train", name): posts_made_up(500, seed) for seed, name in enumerate(CORPORA, start=1)}
    background = [
        {**row, **dict.fromkeys(HEAD_ORDER, None)} for row in posts_made_up(1800, 9) if row["hate"] == 0
    ]
    return data_folder({**corpora, ("background", "background_tweeteval"): background})


@pytest.fixture
def stream(streams_path: Path, pack: Path) -> Stream:
    streams, _ = load_simulation_plan(streams_path)
    found = make_stream(streams, read_posts(streams, pack, embed, lambda _: None), "hatexplain", "natural", 1)
    assert found is not None
    return found


def truth_of(stream: Stream, entry: Said) -> int:
    return int(stream.posts.labels[stream.pool[int(entry.text_sha256)], 0])


def test_colluding_reporters_report_harmless_posts_and_the_others_are_the_same(
    plan: PoisonPlan, stream: Stream
) -> None:
    worlds = [made_up_world(plan, stream, 1, colluding=colluding) for colluding in (False, True)]
    liars = {f"reporter-{number:03}" for number in range(6)}
    honest, poisoned = (
        [(e.person, e.text_sha256) for e in world if e.origin == "report" and e.person not in liars]
        for world in worlds
    )
    lies = [e for e in worlds[1] if e.origin == "report" and e.person in liars]

    assert honest == poisoned
    assert len(honest) == 14 * 5
    assert len(lies) == 6 * 5 * plan.colluding_times
    assert {truth_of(stream, entry) for entry in lies} == {0}
    right = np.mean([truth_of(stream, entry) for entry in worlds[0] if entry.origin == "report"])
    assert 0.2 < right < 0.5


def test_one_annotator_answers_the_opposite_and_the_others_hardly_ever(
    plan: PoisonPlan, stream: Stream
) -> None:
    wrong: Counter[str] = Counter()
    said: Counter[str] = Counter()
    # In one world each says some twenty things, and once in eighty worlds one of the nine is wrong in a
    # quarter of them: seed 1 is such a world. Five worlds are enough.
    for seed in range(1, 6):
        for entry in made_up_world(plan, stream, seed, colluding=True):
            if entry.origin == "label":
                said[entry.person] += 1
                wrong[entry.person] += entry.answers["hate"] != truth_of(stream, entry)

    assert len(said) == plan.annotators
    assert wrong["annotator-0"] / said["annotator-0"] > 0.9
    for person in set(said) - {"annotator-0"}:
        # What errors by chance come to but once in ten thousand times.
        at_most = binom.ppf(1 - 1e-4, said[person], plan.annotator_errors)
        assert wrong[person] <= at_most < 0.25 * said[person]


def test_texts_have_two_labels_and_a_third_where_the_two_differ(plan: PoisonPlan, stream: Stream) -> None:
    by_text: dict[str, list[Said]] = {}
    for entry in made_up_world(plan, stream, 2, colluding=True):
        if entry.origin == "label":
            by_text.setdefault(entry.text_sha256, []).append(entry)

    assert {len(labels) for labels in by_text.values()} == {2, 3}
    for labels in by_text.values():
        assert len({entry.person for entry in labels}) == len(labels)
        first, second = labels[0].answers["hate"], labels[1].answers["hate"]
        assert (first == second) is (len(labels) == 2)


def test_without_the_firewall_reports_are_votes_and_a_tie_is_hate() -> None:
    def said(number: int, answer: int) -> Said:
        return Said(f"{number}", "7", "report" if answer else "label", "x", {"hate": answer})

    assert majority([said(1, 1), said(2, 0)]) == {7: {"hate": 1}}
    assert majority([said(1, 1), said(2, 0), said(3, 0)]) == {7: {"hate": 0}}


def may_train(world: Sequence[Said]) -> tuple[int, int]:
    """Between how many and how many labels of a world the firewall has to admit, counted without it.

    At least the two of each text that nobody reported and on which two honest people agree, for the liar may
    be taken out or not: he has some twenty texts, as many as it takes. 120 texts of the desk beside 120
    others are a set of 120 to 240, of which 1 % is one text or two: so many of each source are admitted.
    """
    labels: dict[str, list[Said]] = {}
    for entry in world:
        if entry.origin == "label":
            labels.setdefault(entry.text_sha256, []).append(entry)
    agreed: Counter[str | None] = Counter()
    every: dict[str | None, list[int]] = {}
    for said in labels.values():
        every.setdefault(said[0].source, []).append(len(said))
        honest = Counter(entry.answers["hate"] for entry in said if entry.person != "annotator-0")
        agreed[said[0].source] += max(honest.values()) >= 2
    free, sourced = sum(every.pop(None)), [sum(sorted(counts)[-2:]) for counts in every.values()]
    least = 2 * agreed.pop(None) + 2 * sum(count > 0 for count in agreed.values())
    return least, free + sum(sourced)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_firewall_admits_what_honest_people_agree_on_and_of_each_source_a_text_or_two(
    plan: PoisonPlan, stream: Stream, seed: int
) -> None:
    world = made_up_world(plan, stream, seed, colluding=True)

    admitted = admit_by_shipped_rules(world, now=NOW, other_posts=120).counts["admitted"]

    least, most = may_train(world)
    assert least <= admitted <= most


def test_reported_texts_are_the_samplers_and_its_audit_is_marked(
    plan: PoisonPlan, stream: Stream, streams_path: Path
) -> None:
    streams, _ = load_simulation_plan(streams_path)
    start = Line(np.append(stream.posts.vectors[stream.pool[0]], 0.0).astype(np.float64))
    draw = by_desk(open_desk, streams, stream, start, 0)
    shown: list[Sequence[int]] = []

    def watched(reported: Sequence[int], count: int, seed: int) -> Sequence[DeskChoice]:
        shown.append(reported)
        return draw(reported, count, seed)

    world = made_up_world(plan, stream, 1, watched, colluding=True)
    drawn = draw(shown[0], 60, 1)
    audited = {f"{choice.place}" for choice in drawn if not choice.may_train}

    assert {choice.place for choice in drawn} <= set(shown[0])
    assert len(drawn) == len({choice.place for choice in drawn}) == 60
    assert len(audited) == 12
    labels = [entry for entry in world if entry.origin == "label"]
    assert {entry.text_sha256 for entry in labels if entry.sample_reason == "audit"} == audited
    assert {f"{choice.place}" for choice in drawn} <= {entry.text_sha256 for entry in labels}
    verdicts = admit_by_shipped_rules(world, now=NOW, other_posts=10_000).counts
    assert verdicts["protected_audit"] == sum(entry.sample_reason == "audit" for entry in labels)


def test_firewall_keeps_the_gold_figure_where_it_falls_without(
    plan_path: Path, streams_path: Path, pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    rows = simulate_poison(
        pack,
        admit_by_shipped_rules,
        open_desk,
        plan_path=plan_path,
        streams_plan_path=streams_path,
        out=out,
        embed=embed,
    )

    assert read_results(out) == rows
    assert len(rows) == 1 + 2 * 2
    for row in rows[1:]:
        verdicts = row["poisoned"]["verdicts"]
        assert verdicts["not_a_label"] == 14 * 5 + 6 * 5 * 3
        assert verdicts["protected_audit"] > 0  # of reported texts the sampler draws an audit, too
    kept, lost = (fall(rows[1:], arm, 100) for arm in ("firewall_fixed", "no_firewall_fixed"))
    assert kept.value < 0.03
    assert lost.value > kept.value + 0.03
    assert kept.low <= kept.value <= kept.high
    assert fall(rows[1:], "firewall", 100).value < 0.03


def test_threshold_is_the_one_with_the_highest_f1() -> None:
    truth = np.asarray([False, False, True, False, True, True])

    assert best_threshold(truth, np.asarray([0.1, 0.2, 0.3, 0.35, 0.4, 0.5])) == 0.3
    assert best_threshold(truth[:2], np.asarray([0.1, 0.2])) == 1.0


def test_table_says_how_far_it_fell_and_what_is_allowed() -> None:
    worlds = {
        name: {
            "firewall": 0.6 - lie * 0.005,
            "firewall_fixed": 0.6 - lie * 0.04,
            "no_firewall": 0.5 - lie * 0.2,
            "no_firewall_fixed": 0.5 - lie * 0.3,
            "verdicts": {"admitted": 3},
        }
        for name, lie in (("honest", 0), ("poisoned", 1))
    }
    first = {"moves_at_most": 0.01, "bootstrap_draws": 100}
    rows = [first, *({"corpus": "a", "seed": seed, "start": 0.4, **worlds} for seed in (1, 2))]
    console = Console(record=True, width=150, file=io.StringIO())

    print_poison(rows, console)
    print_poison(rows[:1], console)

    text = console.export_text()
    assert (
        "with the firewall, at fitted thresholds: F1 on the gold set falls by 0.50 points "
        "(95 %: 0.50 to 0.50); 1 is allowed"
    ) in " ".join(text.split())
    assert "with the firewall, at a fixed one: F1 on the gold set falls by 4.00 points" in text
    assert "without it, at fitted thresholds: F1 on the gold set falls by 20.00 points" in text
    assert "no stream has the head" in text
