"""The shape of report.json: what the bench writes, and what page, gate, console and `--against` read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from model.configuration import FrozenConfig


class _Part(FrozenConfig):
    """A part of the report: frozen, no unknown members, no number that JSON cannot hold.

    In `figures`, which may hold anything, such a number is kept as it is, so that writing it fails: the
    default would make it a null that nobody asked for.
    """

    model_config = ConfigDict(allow_inf_nan=False, ser_json_inf_nan="constants")


class Figure(_Part):
    """A figure, the ends of its 95 % interval, and the number of posts it was measured on.

    Of `posts` 0 is allowed: a difference of two figures may come without a number of its own.
    """

    value: float
    low: float
    high: float
    posts: int = Field(ge=0)


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    return moment


Moment = Annotated[datetime, AfterValidator(_with_zone)]


class Code(_Part):
    """What measured."""

    commit: str | None = None
    version: str


class Data(_Part):
    """What it was measured on."""

    manifest_sha256: str | None = None


class MeasuredTarget(_Part):
    """A classifier that was measured. `identity` is a bundle id, a hash or an address."""

    name: str = Field(min_length=1)
    identity: str
    kind: Literal["bundle", "hugging_face", "endpoint", "predictions"]
    heads: tuple[str, ...]
    thresholds: dict[str, float] = Field(default_factory=dict)
    normaliser_version: int | None = None


class SuiteFacts(_Part):
    """A functional suite that was run."""

    name: str = Field(min_length=1)
    version: str
    sha256: str
    cases: int = Field(ge=0)
    language: str


class Headline(_Part):
    """A gated measure: what it must reach, what we aim at, what was measured, and the verdict."""

    measure: str
    words: str
    direction: Literal["at_least", "at_most"]
    must: float
    aim: float | None = None
    got: Figure | None = None
    verdict: Literal["aim", "holds", "missed", "-"]


class FunctionalityResult(_Part):
    """One functionality of a suite."""

    name: str
    title: str
    why: str
    kind: str | None = None
    hateful: bool | None = None
    cases: int = Field(ge=0)
    accuracy: Figure | None = None
    strand_accuracy: Figure | None = None


class TargetGroupResult(_Part):
    """The cases of a suite about one group of people."""

    name: str
    cases: int = Field(ge=0)
    accuracy: Figure | None = None
    hateful: Figure | None = None
    non_hateful: Figure | None = None


class SuiteResult(_Part):
    """What a target does on a suite. `macro` is the mean over functionalities."""

    head: str
    threshold: float | None = None
    cases: int = Field(ge=0)
    not_answered: int = Field(ge=0)
    accuracy: Figure | None = None
    hateful: Figure | None = None
    non_hateful: Figure | None = None
    macro: Figure | None = None
    functionalities: tuple[FunctionalityResult, ...] = ()
    targets: tuple[TargetGroupResult, ...] = ()


class GroupResult(_Part):
    """Posts that mention a group, come from it, or are written in a dialect."""

    group: str
    axis: Literal["community", "identity", "dialect"]
    posts: int = Field(ge=0)
    not_answered: int = Field(default=0, ge=0)
    prevalence: float | None = None
    false_positive_rate: Figure | None = None
    false_negative_rate: Figure | None = None
    subgroup: Figure | None = None
    bpsn: Figure | None = None
    bnsp: Figure | None = None
    ece: float | None = None


class ReliabilityBin(_Part):
    """Posts of about the same score, and the share of them that is positive."""

    mean_score: float
    positive: float
    low: float | None = None
    high: float | None = None
    posts: int = Field(ge=0)


class Calibration(_Part):
    """How honest the scores of a head are."""

    ece: float | None = None
    brier: float | None = None
    bins: tuple[ReliabilityBin, ...] = ()


class RiskCoverage(_Part):
    """The share of wrong answers among the surest posts, by the share of posts answered."""

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    aurc: float | None = None

    @model_validator(mode="after")
    def _as_long(self) -> RiskCoverage:
        if len(self.coverage) != len(self.risk):
            raise ValueError("coverage and risk are not of the same length")
        return self


class FlippedFunctionality(_Part):
    """A functionality that two definitions judge, perhaps differently."""

    name: str
    cases: int = Field(ge=0)
    label_a: bool | None = None
    label_b: bool | None = None
    flagged: Figure | None = None


class FlippedCase(_Part):
    """A case that two definitions judge differently."""

    case_id: str
    text: str
    label_a: bool | None = None
    label_b: bool | None = None
    score: float | None = None


class DefinitionDiff(_Part):
    """The same cases under two definition profiles of the codebook."""

    strand: str
    profile_a: str
    profile_b: str
    words_a: str = ""
    words_b: str = ""
    cases: int = Field(ge=0)
    label_flips: int = Field(ge=0)
    accuracy_a: Figure | None = None
    accuracy_b: Figure | None = None
    by_functionality: tuple[FlippedFunctionality, ...] = ()
    examples: tuple[FlippedCase, ...] = ()


class TermFigures(_Part):
    """Cases in which a group's plain name stands as one coded term."""

    term: str
    group: str
    clause: str
    hateful: int = Field(ge=0)
    harmless: int = Field(ge=0)
    caught: Figure | None = None
    harmless_flagged: Figure | None = None


class Perturbed(_Part):
    """Figures on posts that were disguised with a strength.

    `same_verdict` is of paraphrases alone: the share of cases judged like most of their functionality.
    `terms` are of coded terms alone.
    """

    strength: float
    caught: Figure | None = None
    harmless_flagged: Figure | None = None
    same_verdict: Figure | None = None
    not_answered: int = Field(default=0, ge=0)
    terms: tuple[TermFigures, ...] = ()


class Drift(_Part):
    """Figures on the posts of a corpus from one year."""

    corpus: str
    head: str = "hate"
    year: str = Field(description="2021, or 2019-2020 where one has too few posts")
    posts: int = Field(ge=0)
    positives: int = Field(ge=0)
    roc_auc: Figure | None = None
    f1: Figure | None = None
    note: str | None = None


class WorstCase(_Part):
    """A case on the wrong side by far. `rationale` has [start, end) in code points of `text`."""

    suite: str
    functionality: str
    case_id: str
    text: str
    hateful: bool
    score: float | None = None
    rationale: tuple[tuple[int, int], ...] | None = None


class Result(_Part):
    """Everything measured of one target; what was not measured is empty."""

    headline: tuple[Headline, ...] = ()
    measures: dict[str, Figure | None] = Field(default_factory=dict)
    suites: dict[str, SuiteResult] = Field(default_factory=dict)
    groups: tuple[GroupResult, ...] = ()
    calibration: dict[str, Calibration] = Field(default_factory=dict)
    risk_coverage: dict[str, RiskCoverage] = Field(default_factory=dict)
    definition_diff: tuple[DefinitionDiff, ...] = ()
    robustness: dict[str, tuple[Perturbed, ...]] = Field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    worst: tuple[WorstCase, ...] = ()
    card: str | None = None
    figures: dict[str, Any] | None = None


class Comparison(_Part):
    """Two targets on the same cases. `difference` is a minus b."""

    a: str
    b: str
    what: str
    cases: int = Field(ge=0)
    difference: Figure | None = None
    only_a_right: int | None = Field(default=None, ge=0)
    only_b_right: int | None = Field(default=None, ge=0)
    mcnemar_p: float | None = None
    holm_p: float | None = None
    verdict: Literal["better", "worse", "not distinguishable"]


class Peer(_Part):
    """A published figure of another system, as a share."""

    system: str
    source: str
    suite: str
    functionality: str | None = None
    measure: str | None = None
    value: float


class AgainstLine(_Part):
    """A figure now and in an earlier report."""

    target: str
    measure: str
    now: Figure | None = None
    then: Figure | None = None
    difference: Figure | None = None
    verdict: Literal["better", "worse", "not distinguishable", "not comparable"]


class Against(_Part):
    """The comparison with an earlier report."""

    identity: str
    lines: tuple[AgainstLine, ...] = ()


class Report(_Part):
    """The whole of report.json."""

    schema_version: Literal[1] = 1
    made_at: Moment
    code: Code
    data: Data
    seconds: float | None = Field(default=None, ge=0)
    targets: tuple[MeasuredTarget, ...] = Field(min_length=1)
    suites: tuple[SuiteFacts, ...] = ()
    results: dict[str, Result]
    comparisons: tuple[Comparison, ...] = ()
    peers: tuple[Peer, ...] = ()
    against: Against | None = None

    @model_validator(mode="after")
    def _of_the_targets(self) -> Report:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ValueError("targets: a name stands twice")
        if set(self.results) != set(names):
            raise ValueError("results: not one for each target")
        return self
