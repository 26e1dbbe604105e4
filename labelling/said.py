"""What several annotators said of one text, for whoever judges between them: no names, in random order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from labelling.codebook import Code, Codebook, StrandEntry
from labelling.desk import words_of
from serve.console.visible_text import visible
from serve.storage.tables import LabelRow

LETTERS: Final = "XYZWVT"
"""Readers are X, Y and Z: no answer of the codebook has these keys. From the seventh on they have numbers."""

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Reader:
    """One annotator of a text, known by a letter alone. `key` takes their answers over, if one is free."""

    letter: str
    key: str | None
    label: LabelRow
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One question with each reader's answer in words, in the order of the readers."""

    title: str
    answers: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the answers are not all the same."""
        return len(set(self.answers)) > 1


@dataclass(frozen=True, slots=True)
class MarkedWord:
    """A piece of the text, safe to show, and how many readers marked it."""

    shown: str
    marked_by: int


def readers_of(labels: Sequence[LabelRow], text: str) -> list[Reader]:
    """The annotators as letters, with the passages that each marked, safe to show."""
    return [
        Reader(
            letter=LETTERS[place] if place < len(LETTERS) else str(place + 1),
            key=LETTERS[place].lower() if place < len(LETTERS) else None,
            label=label,
            passages=tuple(visible(text[start:end]) for start, end in label.rationale),
        )
        for place, label in enumerate(labels)
    ]


def rows_of(readers: Sequence[Reader], codebook: Codebook) -> list[Row]:
    """What each reader answered, question by question; notes and passages of the text come last."""
    labels = [reader.label for reader in readers]
    strands = {strand.value: strand.title for strand in codebook.strands}
    steps = {step.value: f"{step.code} {step.title}" for step in codebook.severities}
    acts = {act.value: act.title for act in codebook.speech_acts}
    flags = {flag.value: flag.title for flag in codebook.context_flags}
    rows = [
        Row("Hate", tuple("Yes" if label.hate else "No" for label in labels)),
        Row("Strands", tuple(_listed(label.strands, strands) for label in labels)),
        Row("Severity", tuple(steps.get(label.severity or 0, NOTHING) for label in labels)),
        Row("What the author does", tuple(acts.get(label.speech_act or "", NOTHING) for label in labels)),
        Row("Codes", tuple(", ".join(label.codes) or NOTHING for label in labels)),
        Row("Context", tuple(_listed(label.context_flags, flags) for label in labels)),
        Row("How sure", tuple(label.confidence or NOTHING for label in labels)),
    ]
    return [row for row in rows if set(row.answers) != {NOTHING}]


def _listed(values: Collection[str], titles: dict[str, str]) -> str:
    return ", ".join(titles.get(value, value) for value in values) or NOTHING


def marked_words(labels: Sequence[LabelRow], text: str) -> list[MarkedWord]:
    """The whole text in pieces, each with the number of readers who marked any of it."""
    spans = [label.rationale for label in labels]
    return [
        MarkedWord(
            word.shown,
            sum(any(start < word.end and word.start < end for start, end in marks) for marks in spans),
        )
        for word in words_of(text)
    ]


def clauses_of(labels: Sequence[LabelRow], codebook: Codebook) -> list[tuple[StrandEntry, list[Code]]]:
    """The strands that any reader ticked, each with the codes that any reader gave."""
    ticked = {strand for label in labels for strand in label.strands}
    given = {code for label in labels for code in label.codes}
    return [
        (strand, [code for code in strand.codes if code.code in given])
        for strand in codebook.strands
        if strand.value in ticked or any(code.code in given for code in strand.codes)
    ]
