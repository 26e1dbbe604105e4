"""One label as the statistics take it, and which questions it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from labelling.quality.ratings import Ratings, ratings_of, set_ratings_of
from model.taxonomy import SPEECH_ACT_ORDER, STRAND_ORDER

Scale = Literal["binary", "nominal", "ordinal", "label_set"]


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """What one annotator said of one text. None is "not asked" or "not answered", never "no".

    `text` is what was labelled, by its hash or task id. `labelled_at` is UTC. `spans` are [start, end) code
    points of `words`, the raw text, and are counted only where both are there. `assisted`: the annotator had
    seen a suggestion before answering. `asked`: the strands that there were to tick, None: all of them.
    """

    annotator: str
    text: str
    labelled_at: datetime
    codebook: str
    codebook_sha256: str
    strands: frozenset[str] | None = None
    codes: frozenset[str] | None = None
    flags: frozenset[str] | None = None
    severity: int | None = None
    speech_act: str | None = None
    hate: bool | None = None
    cohort: str | None = None
    words: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    seconds: float | None = None
    assisted: bool = False
    asked: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that annotators can agree on. `answer` gives a number, a set of labels, or None."""

    name: str
    scale: Scale
    answer: Callable[[LabelEntry], float | frozenset[str] | None]


def latest(entries: Iterable[LabelEntry], *, per_codebook: bool = False) -> list[LabelEntry]:
    """The newest label of each annotator and text, oldest first; of each codebook version too if asked."""
    newest: dict[tuple[str, ...], LabelEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.labelled_at):
        version = (entry.codebook_sha256,) if per_codebook else ()
        newest[(entry.annotator, entry.text, *version)] = entry
    return sorted(newest.values(), key=lambda entry: entry.labelled_at)


def ratings_for(
    entries: Iterable[LabelEntry], question: Question, *, annotators: Collection[str] = ()
) -> Ratings:
    """The table of a question's answers, for questions whose answers are numbers.

    One label an annotator and text: see `latest`. `annotators` get a column even if they answered nothing.
    Raises: BadInput when an annotator answered a text twice.
    """
    answers = [(entry.text, entry.annotator, question.answer(entry)) for entry in entries]
    numbers = [(text, who, float(answer)) for text, who, answer in answers if isinstance(answer, int | float)]
    return ratings_of(numbers, annotators=annotators)


def set_ratings_for(
    entries: Iterable[LabelEntry], question: Question
) -> tuple[Ratings, tuple[frozenset[str], ...]]:
    """The same for a question whose answers are sets of labels; see `set_ratings_of`."""
    answers = [(entry.text, entry.annotator, question.answer(entry)) for entry in entries]
    return set_ratings_of(
        (text, who, answer) for text, who, answer in answers if isinstance(answer, frozenset)
    )


_LABELS: Final[Mapping[str, Callable[[LabelEntry], frozenset[str] | None]]] = {
    "strand": lambda entry: entry.strands if entry.asked is None else None,
    "code": lambda entry: entry.codes,
    "flag": lambda entry: entry.flags,
}


def questions_of(entries: Sequence[LabelEntry]) -> list[Question]:
    """What these labels answer: the overall questions, each strand, each code and flag that somebody gave."""
    found = [
        Question("hate", "binary", lambda entry: None if entry.hate is None else float(entry.hate)),
        Question("strands", "label_set", _LABELS["strand"]),
        *(_ticked("strand", strand) for strand in STRAND_ORDER),
        Question("severity", "ordinal", lambda entry: entry.severity),
        Question("speech_act", "nominal", _speech_act),
        Question("codes", "label_set", _LABELS["code"]),
        *(_ticked(kind, label) for kind in ("code", "flag") for label in _given(entries, kind)),
    ]
    return [question for question in found if any(question.answer(entry) is not None for entry in entries)]


def _given(entries: Sequence[LabelEntry], kind: str) -> list[str]:
    return sorted({label for entry in entries for label in _LABELS[kind](entry) or ()})


def _ticked(kind: str, label: str) -> Question:
    """Whether one label of several was given: each is a yes or no of its own."""
    labels = _LABELS[kind]

    def answer(entry: LabelEntry) -> float | None:
        given = labels(entry)
        if kind == "strand" and entry.asked is not None and label in entry.asked:
            given = entry.strands
        return None if given is None else float(label in given)

    return Question(f"{kind}:{label}", "binary", answer)


def _speech_act(entry: LabelEntry) -> float | None:
    return None if entry.speech_act is None else float(SPEECH_ACT_ORDER.index(entry.speech_act))
