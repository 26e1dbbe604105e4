"""What the firewall is worth: people who lie in reports and at the desk, and what that does to the
classifier.

Reporters send posts of a stream to the hub; some collude and report harmless ones as hate. The desk labels
what the sampler chooses of the reported posts, and posts drawn by chance; two annotators a text, a third
where they differ. One annotator colludes too and always answers the opposite, but never on gold posts, which
he knows. Four worlds, the same draws in each: everybody honest or some colluding, with the firewall or
without it. Without, whatever anybody said of a text is a vote, reports too, and the majority trains.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from rich.console import Console
from sklearn.metrics import f1_score, precision_recall_curve

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.simulation.baseline import Floats, Line, adapted, warm_start
from training.simulation.desk import OpenDesk
from training.simulation.plan import SimulationPlan, load_simulation_plan
from training.simulation.poison_output import print_poison
from training.simulation.reported import DrawReported, by_chance, by_desk
from training.simulation.results import SCHEMA_VERSION, write_results
from training.simulation.streams import Places, Stream, make_stream, read_posts, warm_start_posts
from training.simulation.vectors import Embedder, kept_vectors

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AUDIT = "audit"
LABELLED_AT = NOW - timedelta(days=30)


class PoisonPlan(FrozenConfig):
    """The dated file of the simulation."""

    name: Literal["poison-simulation"]
    version: int = Field(ge=1)
    valid_from: date
    seeds: tuple[int, ...] = Field(min_length=1)
    corpora: tuple[str, ...] = Field(min_length=1)
    head: Literal["hate", "antisemitic", "islamophobic", "far_right"]
    reporters: int = Field(ge=1)
    colluding_reporters: int = Field(ge=0)
    reports_each: int = Field(ge=1)
    colluding_times: int = Field(ge=1)
    honest_reports_right: float = Field(ge=0, le=1)
    annotators: int = Field(ge=3)
    colluding_annotators: int = Field(ge=0)
    annotator_errors: float = Field(ge=0, lt=0.5)
    labelled_texts: int = Field(ge=1)
    labelled_from_reports: float = Field(ge=0, le=1)
    fixed_threshold: float = Field(gt=0, lt=1)
    moves_at_most: float = Field(gt=0)
    bootstrap_draws: int = Field(ge=100)


def load_poison_plan(path: Path | None = None) -> tuple[PoisonPlan, str]:
    """The plan of `configs/labelling/poison.yaml`, or of another file, and its SHA-256. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "labelling" / "poison.yaml", PoisonPlan)


@dataclass(frozen=True, slots=True)
class Said:
    """Something that somebody said of a text, in the shape that the firewall reads."""

    id: str
    text_sha256: str
    origin: str
    person: str
    answers: Mapping[str, int]
    source: str | None = None
    made_at: datetime = LABELLED_AT
    sample_reason: str | None = None
    reporters: frozenset[str] = frozenset()
    released: bool = False


class AdmittedText(Protocol):
    """A text that may train."""

    @property
    def text_sha256(self) -> str: ...  # noqa: D102 - the class says what it is
    @property
    def answers(self) -> Mapping[str, int]: ...  # noqa: D102 - the class says what they are


class Admission(Protocol):
    """What the firewall made of the entries."""

    @property
    def admitted(self) -> Sequence[AdmittedText]: ...  # noqa: D102 - the class says what it is
    @property
    def counts(self) -> Mapping[str, int]: ...  # noqa: D102 - the class says what it is


class Admit(Protocol):
    """The firewall. It is handed in: training knows nothing of the labelling tool."""

    def __call__(self, entries: Sequence[Said], /, *, now: datetime, other_posts: int) -> Admission:
        """What may train of the entries, beside `other_posts` others."""
        ...


@dataclass(slots=True)
class _World:
    """What was said in one world, and of which place of the stream."""

    entries: list[Said] = field(default_factory=list)
    reporters: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def say(
        self, place: int, origin: str, person: str, head: str, answer: int, reason: str | None = None
    ) -> None:
        """Adds an entry; a text's source is the first by name who reported it."""
        reporters = frozenset(self.reporters.get(place, ()))
        self.entries.append(
            Said(
                id=f"{len(self.entries)}",
                text_sha256=f"{place}",
                origin=origin,
                person=person,
                answers={head: answer},
                source=min(reporters, default=None),
                reporters=reporters,
                sample_reason=reason,
            )
        )


def simulate_poison(
    data: Path,
    admit: Admit,
    open_desk: OpenDesk,
    *,
    plan_path: Path | None = None,
    streams_plan_path: Path | None = None,
    out: Path | None = None,
    embed: Embedder | None = None,
    work: Path | None = None,
) -> list[dict[str, Any]]:
    """The rows of the simulation, which are printed, and written to `out` if given.

    `admit` is the firewall, `open_desk` the sampler. The first row says what was run; every other is a corpus
    and a seed, with the F1 on the gold set in each of the four worlds. `embed` None: the encoder of the
    streams' plan, its vectors kept in `work`. Raises: BadConfig.
    """
    plan, plan_sha256 = load_poison_plan(plan_path)
    streams, _ = load_simulation_plan(streams_plan_path)
    progress = Console(stderr=True)
    if embed is None:
        if work is None:
            raise BadConfig("work: a folder, for the encoder's vectors")
        embed = kept_vectors(streams.representation, work / "vectors")
    posts = read_posts(streams, data, embed, lambda what: progress.print(what, highlight=False))
    rows: list[dict[str, Any]] = [
        {
            "schema_version": SCHEMA_VERSION,
            "simulation": "poison",
            "plan": {"version": plan.version, "sha256": plan_sha256},
            "moves_at_most": plan.moves_at_most,
            "bootstrap_draws": plan.bootstrap_draws,
        }
    ]
    head = HEAD_ORDER.index(plan.head)
    for corpus in plan.corpora:
        known = warm_start_posts(streams, posts, corpus)
        start = warm_start(known.vectors, known.labels, streams.warm_start.inverse_penalty)[head]
        for seed in plan.seeds:
            stream = make_stream(streams, posts, corpus, "natural", seed)
            if stream is not None and start is not None and head in stream.heads:
                draw = by_desk(open_desk, streams, stream, start, head)
                row = poison_row(plan, streams, stream, start, admit, draw, seed, len(known.keys))
                rows.append({"corpus": corpus, "seed": seed, **row})
    if out is not None:
        write_results(rows, out)
    print_poison(rows, Console())
    return rows


def poison_row(
    plan: PoisonPlan,
    streams: SimulationPlan,
    stream: Stream,
    start: Line,
    admit: Admit,
    draw: DrawReported,
    seed: int,
    others: int,
) -> dict[str, Any]:
    """F1 on the gold set in the four worlds, and what the firewall made of the poisoned one's entries."""
    row: dict[str, Any] = {}
    for name, colluding in (("honest", False), ("poisoned", True)):
        world = made_up_world(plan, stream, seed, draw, colluding=colluding)
        admission = admit(world, now=NOW, other_posts=others)
        admitted = {int(text.text_sha256): text.answers for text in admission.admitted}
        votes = majority(world)
        row[name] = {"verdicts": dict(admission.counts)}
        for arm, answers in (("firewall", admitted), ("no_firewall", votes)):
            fitted, fixed = _gold_f1(plan, streams, stream, start, answers)
            row[name] |= {arm: round(fitted, 4), f"{arm}_fixed": round(fixed, 4)}
    row["start"] = round(_gold_f1(plan, streams, stream, start, {})[0], 4)
    return row


def made_up_world(
    plan: PoisonPlan, stream: Stream, seed: int, draw: DrawReported = by_chance, *, colluding: bool
) -> list[Said]:
    """What was reported and labelled; the same draws whether or not people collude."""
    head = HEAD_ORDER.index(plan.head)
    truth = stream.posts.labels[stream.pool, head]
    answered = np.flatnonzero(truth != NOT_ANNOTATED)
    world = _World()
    _report(plan, world, truth, seed, colluding=colluding)
    wanted = round(plan.labelled_texts * plan.labelled_from_reports)
    reported = draw(sorted(world.reporters), wanted, seed)
    audited = {choice.place for choice in reported if not choice.may_train}
    others = np.random.default_rng([seed, 2]).permutation(answered)[: plan.labelled_texts - wanted]
    liars = set(range(plan.colluding_annotators)) if colluding else set()
    for place in dict.fromkeys([*(choice.place for choice in reported), *others.tolist()]):
        reason = AUDIT if place in audited else None
        _label(plan, world, place, int(truth[place]), reason, liars, seed)
    return world.entries


def _report(plan: PoisonPlan, world: _World, truth: NDArray[np.int8], seed: int, *, colluding: bool) -> None:
    hateful, harmless = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    told: list[tuple[int, str]] = []
    for number in range(plan.reporters):
        # A generator each: that one reporter lies changes nothing of what the others do.
        draw = np.random.default_rng([seed, 3, number])
        lies = colluding and number < plan.colluding_reporters
        count = plan.reports_each * (plan.colluding_times if lies else 1)
        right = (draw.random(count) < plan.honest_reports_right) & (not lies)
        for is_right in right:
            place = int(draw.choice(hateful if is_right else harmless))
            told.append((place, f"reporter-{number:03}"))
            world.reporters[place].add(f"reporter-{number:03}")
    for place, reporter in told:
        world.say(place, "report", reporter, plan.head, 1)


def _label(
    plan: PoisonPlan, world: _World, place: int, truth: int, reason: str | None, liars: set[int], seed: int
) -> None:
    draw = np.random.default_rng([seed, 4, place])
    order = draw.permutation(plan.annotators)
    wrong = draw.random(3) < plan.annotator_errors
    said = [
        1 - truth if (int(person) in liars) != bool(mistaken) else truth
        for person, mistaken in zip(order[:3], wrong, strict=True)
    ]
    people = 2 if said[0] == said[1] else 3
    for person, answer in zip(order[:people].tolist(), said, strict=False):
        world.say(place, "label", f"annotator-{person}", plan.head, int(answer), reason)


def majority(entries: Sequence[Said]) -> dict[int, Mapping[str, int]]:
    """What most say of each text, reports among them, whoever they are; a tie is hate."""
    votes: dict[int, Counter[tuple[str, int]]] = defaultdict(Counter)
    for entry in entries:
        votes[int(entry.text_sha256)].update(entry.answers.items())
    return {
        place: {head: int(count[head, 1] >= count[head, 0]) for head in {name for name, _ in count}}
        for place, count in votes.items()
    }


def _gold_f1(
    plan: PoisonPlan,
    streams: SimulationPlan,
    stream: Stream,
    start: Line,
    answers: Mapping[int, Mapping[str, int]],
) -> tuple[float, float]:
    """F1 on the stream's test posts, the gold set, of the baseline that learnt these answers.

    First at thresholds that are fitted, as a bundle's are on dev: each half of the gold set is answered at
    the threshold that is best on the other. Then at the plan's fixed one, which tells a classifier that has
    learnt something else from one that says it with other chances.
    """
    places = [place for place, said in answers.items() if plan.head in said]
    line = start
    if places:
        positive = np.asarray([answers[place][plan.head] == 1 for place in places], dtype=np.bool_)
        line = adapted(stream.posts.vectors[stream.pool[places]], positive, start, streams.penalty)
    head = HEAD_ORDER.index(plan.head)
    gold: Places = stream.test[stream.posts.labels[stream.test, head] != NOT_ANNOTATED]
    truth = stream.posts.labels[gold, head] == 1
    chances = line.chances(stream.posts.vectors[gold])
    said = np.zeros(len(gold), dtype=np.bool_)
    for half in (np.arange(len(gold)) % 2 == 0, np.arange(len(gold)) % 2 == 1):
        said[half] = chances[half] >= best_threshold(truth[~half], chances[~half])
    return (
        float(f1_score(truth, said, zero_division=0.0)),
        float(f1_score(truth, chances >= plan.fixed_threshold, zero_division=0.0)),
    )


def best_threshold(truth: NDArray[np.bool_], chances: Floats) -> float:
    """The chance from which on "hate" has the highest F1; 1 where nothing is hate."""
    if not truth.any():
        return 1.0
    precision, recall, thresholds = precision_recall_curve(truth, chances)
    # The last point, at no threshold, has no recall.
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])
