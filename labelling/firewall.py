"""What may train: from everything that was said of texts to the labels that two people stand behind.

Pure: entries in, a verdict on each entry out, and their counts add up. Source: PROMISES.md section 5, item 9.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, Protocol

from pydantic import Field

from labelling.against_others import Answers, OthersRule, against_the_others
from model.configuration import FrozenConfig, configs_folder, load_yaml, sha256_of
from model.errors import BadInput
from model.intervals import wilson
from model.taxonomy import HEAD_ORDER

Quarantined = Literal[
    "not_a_label",
    "protected_audit",
    "protected_gold",
    "reported_by_the_same_person",
    "person_fails_gold",
    "person_against_the_others",
    "resting",
    "too_few_people",
    "people_disagree",
    "source_over_its_share",
    "gold_would_fall",
]
"""Why an entry does not train, in the order in which the rules are asked; the last is of the whole set."""

AUDIT: Final = "audit"
GOLD: Final = "gold"
LABEL: Final = "label"
ADJUDICATION: Final = "adjudication"
ANSWERS: Final = (0, 1)


class GoldRule(FrozenConfig):
    """How well a person has to do on gold posts for their labels to train."""

    right_at_least: float = Field(gt=0, lt=1)
    least_answers: int = Field(ge=1)


class DriftRule(FrozenConfig):
    """What new labels may cost on the fixed gold set, in F1."""

    gold_f1_may_fall: float = Field(ge=0, lt=1)


class FirewallRules(FrozenConfig):
    """The dated rules."""

    name: Literal["firewall"]
    version: int = Field(ge=1)
    valid_from: date
    labels_are: tuple[str, ...] = Field(min_length=1)
    independent_people: int = Field(ge=1)
    source_at_most: float = Field(gt=0, le=1)
    quarantine_days: float = Field(ge=0)
    gold: GoldRule
    others: OthersRule
    drift: DriftRule


def load_firewall(path: Path | None = None) -> tuple[FirewallRules, str]:
    """The rules of `configs/labelling/firewall.yaml`, or of another file, and their SHA-256. Raises:
    BadConfig."""
    return load_yaml(path or configs_folder() / "labelling" / "firewall.yaml", FirewallRules)


class Entry(Protocol):
    """Something that somebody said of a text.

    `origin` is what it is (`label`, `adjudication`, `report`, `decision`, ...), `person` who said it,
    `source` who brought the text, None where our own sampler drew it. `answers` has 1 or 0 for the heads that
    were answered. `sample_reason` is that of the task. `reporters` are all who reported the text. `released`:
    a person has looked at why it was held back, and let it go; what protects a set lets nothing go.
    """

    @property
    def id(self) -> str: ...  # noqa: D102 - the class says what it is
    @property
    def text_sha256(self) -> str: ...  # noqa: D102 - the class says what it is
    @property
    def origin(self) -> str: ...  # noqa: D102 - the class says what it is
    @property
    def person(self) -> str: ...  # noqa: D102 - the class says what it is
    @property
    def source(self) -> str | None: ...  # noqa: D102 - the class says what it is
    @property
    def answers(self) -> Mapping[str, int]: ...  # noqa: D102 - the class says what it is
    @property
    def made_at(self) -> datetime: ...  # noqa: D102 - the class says what it is
    @property
    def sample_reason(self) -> str | None: ...  # noqa: D102 - the class says what it is
    @property
    def reporters(self) -> frozenset[str]: ...  # noqa: D102 - the class says what it is
    @property
    def released(self) -> bool: ...  # noqa: D102 - the class says what it is


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """An entry, as the hub has it; see `Entry`."""

    id: str
    text_sha256: str
    origin: str
    person: str
    answers: Mapping[str, int]
    made_at: datetime
    source: str | None = None
    sample_reason: str | None = None
    reporters: frozenset[str] = frozenset()
    released: bool = False


@dataclass(frozen=True, slots=True)
class GoldRecord:
    """How many gold posts a person has answered, and how many of them right."""

    answers: int
    right: int


@dataclass(frozen=True, slots=True)
class AdmittedText:
    """A text that may train: what enough people agree on, head by head, and the entries that say so.

    `shares` are soft labels: of the heads that enough people answered, the share of them who said 1, also
    where they are not of one mind and `answers` has nothing.
    """

    text_sha256: str
    answers: Mapping[str, int]
    source: str | None
    entries: tuple[str, ...]
    shares: Mapping[str, float]
    people: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Every entry's verdict: an id of an entry stands in one admitted text or in `quarantined`, never in
    both."""

    admitted: tuple[AdmittedText, ...]
    quarantined: Mapping[str, Quarantined]

    @property
    def counts(self) -> Counter[str]:
        """How many entries were admitted, and how many quarantined for each reason."""
        counts: Counter[str] = Counter(self.quarantined.values())
        counts["admitted"] = sum(len(text.entries) for text in self.admitted)
        return counts


def admit(
    entries: Iterable[Entry],
    rules: FirewallRules,
    *,
    now: datetime,
    other_posts: int = 0,
    gold: Mapping[str, GoldRecord] | None = None,
) -> Admission:
    """What may train of `entries`; `other_posts` train beside them, and `gold` is by person.

    Raises: BadInput for an id twice or an answer that is none.
    """
    every = list(entries)
    _check(every)
    refused: dict[str, Quarantined] = {}
    failing: dict[str, Quarantined] = dict.fromkeys(
        against_the_others(_labels_by_text(every), rules.others), "person_against_the_others"
    )
    for person, record in (gold or {}).items():
        if fails_gold(record, rules.gold):
            failing[person] = "person_fails_gold"
    by_text: dict[str, list[Entry]] = defaultdict(list)
    for entry in every:
        reason = _alone(entry, rules, now, failing)
        if reason is None:
            by_text[entry.text_sha256].append(entry)
        else:
            refused[entry.id] = reason
    together: list[AdmittedText] = []
    for text, said in by_text.items():
        found = agreed(text, said, rules.independent_people)
        if isinstance(found, AdmittedText):
            together.append(found)
        else:
            refused.update(dict.fromkeys((entry.id for entry in said), found))
    kept = _within_share(together, rules.source_at_most, other_posts)
    names = {text.text_sha256 for text in kept}
    for one in together:
        if one.text_sha256 not in names:
            refused.update(dict.fromkeys(one.entries, "source_over_its_share"))
    return Admission(tuple(kept), refused)


def admit_by_shipped_rules(entries: Sequence[Entry], /, *, now: datetime, other_posts: int) -> Admission:
    """`admit` under the rules that ship: what the simulation of poisoning is handed."""
    return admit(entries, load_firewall()[0], now=now, other_posts=other_posts)


def after_drift(admission: Admission, before: float, after: float, rules: FirewallRules) -> Admission:
    """The admission, if F1 on the fixed gold set held; else nothing of it is admitted.

    `before` is the F1 of a bundle trained without these labels, `after` of one trained with them, in [0, 1].
    """
    if before - after <= rules.drift.gold_f1_may_fall + 1e-12:
        return admission
    ids = [entry for text in admission.admitted for entry in text.entries]
    return Admission((), {**admission.quarantined, **dict.fromkeys(ids, "gold_would_fall")})


def fails_gold(record: GoldRecord, rule: GoldRule) -> bool:
    """Whether a person is surely right on too few gold posts."""
    if record.answers < rule.least_answers:
        return False
    return wilson(record.right / record.answers, record.answers)[1] < rule.right_at_least


def _check(entries: Sequence[Entry]) -> None:
    if len({entry.id for entry in entries}) < len(entries):
        raise BadInput("id: stands for two entries", field="id")
    for entry in entries:
        if not set(entry.answers) <= set(HEAD_ORDER) or not set(entry.answers.values()) <= set(ANSWERS):
            raise BadInput("answers: 1 or 0 for a head", field="answers")


def _labels_by_text(entries: Sequence[Entry]) -> list[dict[str, Answers]]:
    """What each person says of each text; an adjudicator, who has seen the others' words, is not judged by
    them."""
    found: dict[str, dict[str, Answers]] = defaultdict(dict)
    for entry in sorted(entries, key=lambda one: (one.made_at, one.id)):
        if entry.origin == LABEL:
            found[entry.text_sha256][entry.person] = entry.answers
    return list(found.values())


def _alone(
    entry: Entry, rules: FirewallRules, now: datetime, failing: Mapping[str, Quarantined]
) -> Quarantined | None:
    """Why the entry cannot train whatever others say, if so."""
    if entry.origin not in rules.labels_are:
        return "not_a_label"
    if entry.sample_reason in (AUDIT, GOLD):
        return "protected_audit" if entry.sample_reason == AUDIT else "protected_gold"
    if entry.person in entry.reporters:
        return "reported_by_the_same_person"
    if entry.released:
        return None
    if entry.person in failing:
        return failing[entry.person]
    if now - entry.made_at < timedelta(days=rules.quarantine_days):
        return "resting"
    return None


def agreed(text: str, said: Sequence[Entry], people: int) -> AdmittedText | Quarantined:
    """What enough people say alike, and more than say otherwise, head by head; or why there is nothing.

    Of one person the latest word counts. An adjudicator has seen what the others said: with one of them it
    stands against all others.
    """
    latest: dict[str, Entry] = {}
    for entry in sorted(said, key=lambda one: (one.made_at, one.id)):
        latest[entry.person] = entry
    if len(latest) < people:
        return "too_few_people"
    answers, shares = {}, {}
    for head in HEAD_ORDER:
        given = {who: entry.answers[head] for who, entry in latest.items() if head in entry.answers}
        votes = Counter(given.values())
        if len(given) >= people:
            shares[head] = votes[1] / len(given)
        decided = {
            given[who] for who, entry in latest.items() if who in given and entry.origin == ADJUDICATION
        }
        for answer in ANSWERS:
            outvotes = votes[answer] > votes[1 - answer] if len(decided) != 1 else answer in decided
            if votes[answer] >= people and outvotes:
                answers[head] = answer
    if not answers:
        return "people_disagree"
    entries = tuple(entry.id for entry in said)
    return AdmittedText(text, answers, _source(said), entries, shares, len(latest))


def _source(said: Sequence[Entry]) -> str | None:
    """Who brought the text; of several the first by name, so that a text counts once."""
    brought = {entry.source for entry in said if not entry.released}
    return min((source for source in brought if source is not None), default=None)


def _within_share(texts: Sequence[AdmittedText], share: float, other_posts: int) -> list[AdmittedText]:
    """The texts, each source's surplus left out, in an order that has nothing to do with what they say.

    What is left out makes the set smaller and so every share larger; it is cut until none is over.
    """
    kept = list(texts)
    while True:
        most = int(share * (len(kept) + other_posts) + 1e-9)
        by_source: dict[str, list[AdmittedText]] = defaultdict(list)
        for text in kept:
            if text.source is not None:
                by_source[text.source].append(text)
        surplus = {
            text.text_sha256
            for brought in by_source.values()
            for text in sorted(brought, key=lambda one: sha256_of(one.text_sha256.encode()))[most:]
        }
        if not surplus:
            return kept
        kept = [text for text in kept if text.text_sha256 not in surplus]
