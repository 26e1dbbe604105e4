"""What one foreign annotation says, gathered name by name into the fields of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Span
from labelling.interchange.mapping import Mapping, Meaning
from labelling.interchange.offsets import OffsetUnit, code_points
from labelling.interchange.quarantine import Reason, refused
from model.taxonomy import SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER

RATIONALE: Final = "RATIONALE"
"""The name of our spans in every format."""

HATE: Final = {"hate": True, "not_hate": False}
SEVERITY_NAMES: Final = {f"S{severity}": severity for severity in SEVERITIES}
ONE_OF_OURS: Final[dict[str, dict[str, Any]]] = {
    "hate": HATE,
    "severity": SEVERITY_NAMES,
    "speech_act": {act: act for act in SPEECH_ACT_ORDER},
}
"""The questions of our own exports that take one answer, with the answer that each name stands for."""

SEVERAL_OF_OURS: Final = ("codes", "context_flags")
"""Those that take several names as they stand: which there are is the codebook's to say."""


def ticked(annotation: Annotation) -> dict[str, tuple[str, ...]]:
    """The answers of a label to our own questions, as the names that stand for them; or none."""
    hate, severity, act = annotation.hate, annotation.severity, annotation.speech_act
    return {
        "target": annotation.strands,
        "hate": () if hate is None else ("hate" if hate else "not_hate",),
        "severity": () if severity is None else (f"S{severity}",),
        "speech_act": () if act is None else (act,),
    }


class Answers:
    """Gathers what was ticked, marked and written. `ours` says that our own questions were asked.

    Every method raises BadRecord with the reason of the quarantine when something has no meaning here.
    """

    def __init__(self, mapping: Mapping, *, ours: bool = False) -> None:
        self._mapping, self._ours = mapping, ours
        self._one: dict[str, Any] = {}
        self._strands: dict[str, bool] = {}
        self._several: dict[str, list[str]] = {name: [] for name in SEVERAL_OF_OURS}
        self._spans: list[Span] = []
        self._notes: list[str] = []
        self._anything = False

    def copy(self) -> Answers:
        """The same answers, to go on with while these stay as they are."""
        twin = Answers(self._mapping, ours=self._ours)
        twin._one, twin._strands = dict(self._one), dict(self._strands)
        twin._several = {field: list(names) for field, names in self._several.items()}
        twin._spans, twin._notes = list(self._spans), list(self._notes)
        twin._anything = self._anything
        return twin

    def choose(self, control: str, names: object) -> None:
        """Each of the names was ticked under that control."""
        for name in names_of(names):
            self._anything = True
            if self._ours and self._is_ours(control, name):
                continue
            self._take(self._meaning(control, name))

    def say(self, head: str, *, yes: bool) -> None:
        """One of our heads was answered with yes or no."""
        self._anything = True
        if head == "hate":
            self._set("hate", yes)
        else:
            self._tick(head, ticked=yes)

    def choose_anywhere(self, names: object) -> None:
        """Each of the names was ticked, in a format that has one list of names for all questions."""
        for name in names_of(names):
            self.choose(
                next((control for control, known in ONE_OF_OURS.items() if name in known), "target"), name
            )

    def _is_ours(self, control: str, name: str) -> bool:
        if control == "target" and name in STRAND_ORDER:
            self._tick(name, ticked=True)
            return True
        if control in SEVERAL_OF_OURS:
            if name not in self._several[control]:
                self._several[control].append(name)
            return True
        if name in ONE_OF_OURS.get(control, {}):
            self._set(control, ONE_OF_OURS[control][name])
            return True
        return False

    def refuse(self, control: str, name: str) -> None:
        """The name was offered and rejected: the opposite of what it says, where that has one."""
        meaning = self._meaning(control, name)
        one_way = (meaning.severity, meaning.speech_act, meaning.skip)
        if any(said is not None for said in one_way) or meaning.codes or meaning.context_flags:
            raise refused(Reason.ANSWER_UNCLEAR, "answer: a rejected label whose opposite says nothing")
        self._anything = True
        if meaning.hate is not None:
            self._set("hate", not meaning.hate)
        for strand in meaning.strands:
            self._tick(strand, ticked=False)
        for strand in meaning.not_strands:
            self._tick(strand, ticked=True)

    def offer(self, control: str, names: object) -> None:
        """The names that were there to be ticked: strands among them that were not are answered with no."""
        for name in names_of(names):
            for strand in self._meaning(control, name).strands:
                self._strands.setdefault(strand, False)

    def mark(
        self, label: object, text: str, place: tuple[object, object], own_text: object, unit: OffsetUnit
    ) -> None:
        """A span of that label was marked: its words if the label means the rationale, else its label too."""
        start, end = place
        if type(start) is not int or type(end) is not int:
            raise refused(Reason.BAD_OFFSET, "span: its offsets are not whole numbers")
        if own_text is not None and not isinstance(own_text, str):
            raise refused(Reason.WRONG_SHAPE, "span: its text is no text")
        span = code_points(text, start, end, own_text=own_text, unit=unit)
        for name in names_of(label):
            if name != RATIONALE:
                self._take(self._meaning("rationale", name))
        self._spans.append(span)

    def write(self, words: object) -> None:
        """A note."""
        for note in names_of(words):
            if note:
                self._notes.append(note)

    def set_number(self, control: str, value: object) -> None:
        """A number under one of our own questions: a severity or a confidence."""
        if control not in ("severity", "confidence") or isinstance(value, bool):
            raise refused(Reason.UNKNOWN_CONTROL, "a number under a question that we do not know")
        self._set(control, value)

    def _meaning(self, control: str, name: str) -> Meaning:
        meaning = self._mapping.find(control, name)
        if meaning is None:
            raise refused(Reason.UNKNOWN_LABEL, "label: its name is not in the mapping")
        return meaning

    def _take(self, meaning: Meaning) -> None:
        self._anything = True
        one = {"hate": meaning.hate, "severity": meaning.severity, "speech_act": meaning.speech_act}
        for field, said in {**one, "skipped_because": meaning.skip}.items():
            if said is not None:
                self._set(field, said)
        for strand in meaning.strands:
            self._tick(strand, ticked=True)
        for strand in meaning.not_strands:
            self._tick(strand, ticked=False)
        for field, names in (("codes", meaning.codes), ("context_flags", meaning.context_flags)):
            self._several[field] += [name for name in names if name not in self._several[field]]

    def _set(self, field: str, value: Any) -> None:
        if self._one.setdefault(field, value) != value:
            raise refused(Reason.LABELS_CONTRADICT, f"{field}: two labels contradict each other")

    def _tick(self, strand: str, *, ticked: bool) -> None:
        if self._strands.setdefault(strand, ticked) != ticked:
            raise refused(Reason.LABELS_CONTRADICT, "strands: two labels contradict each other")

    def skip(self, reason: str | None = None) -> None:
        """The text was put aside; whatever else was answered is no answer."""
        because = reason or self._one.get("skipped_because") or self._mapping.skip_reason
        kept = {name: value for name, value in self._one.items() if name not in ONE_OF_OURS}
        self._one = {**kept, "skipped_because": because}
        self._strands = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ticked, marked or written, which is an answer only if the mapping says so."""
        return not (self._anything or self._spans or self._notes or self._one)

    def fields(self) -> dict[str, Any]:
        """The fields of the annotation; those that nobody answered are absent."""
        found: dict[str, Any] = {name: tuple(names) for name, names in self._several.items() if names}
        if self._spans:
            found["rationale"] = tuple(self._spans)
        if self._notes:
            found["note"] = "\n".join(self._notes)
        if "skipped_because" in self._one:
            self.skip()
            return {**found, **self._one}
        found["strands"] = tuple(strand for strand, ticked in self._strands.items() if ticked)
        if not self._ours:
            found["strands_asked"] = (*self._mapping.asked_strands, *self._strands)
            if self._mapping.empty_means_none and self.is_empty:
                found["hate"] = False
        return {**found, **self._one}


def names_of(value: object) -> list[str]:
    """A name, or several, as a list. Raises: BadRecord (wrong_shape)."""
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise refused(Reason.WRONG_SHAPE, "a label or note is not text")
    return [str(name) for name in names]


SpanParts = tuple[object, object, object, object]
"""Label, start, end and own text of a foreign span, as they stand there; the own text may be None."""


def mark_each(
    answers: Answers, spans: object, text: str, unit: OffsetUnit, read: Callable[[Any], SpanParts]
) -> None:
    """Marks every span of a list; `read` takes one apart.

    Raises: BadRecord.
    """
    if not isinstance(spans, list):
        raise refused(Reason.WRONG_SHAPE, "spans: not a list")
    for span in spans:
        try:
            label, start, end, own_text = read(span)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise refused(Reason.WRONG_SHAPE, "spans: one has not the shape of a span") from None
        answers.mark(label, text, (start, end), own_text, unit)
