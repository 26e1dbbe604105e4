"""The codebook: what annotators are asked and what their answers mean, as dated data with a hash."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig, BadInput
from model.taxonomy import SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER

Words = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(pattern="^[a-z]$", description="the one key that gives this answer")]


class SourceNote(FrozenConfig):
    """Where a fact comes from. `verify` says that nobody here has checked it at that source."""

    name: Words
    date: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    verify: bool = False


class Question(FrozenConfig):
    """One of the questions that an annotator asks of a text, in order."""

    code: Words
    text: Words
    help: Words


class Code(FrozenConfig):
    """A clause of a definition. Alone, a `sensitive` one never escalates, one not `hate_alone` is no hate."""

    code: Words
    title: Words
    meaning: Words
    sensitive: bool = False
    hate_alone: bool = True
    verify: bool = False


class StrandEntry(FrozenConfig):
    """What one strand covers and what it leaves out."""

    value: Words
    key: Key
    title: Words
    profile: Words
    definition: Words
    source: SourceNote
    include: tuple[Words, ...] = Field(min_length=1)
    exclude: tuple[Words, ...] = Field(min_length=1)
    codes: tuple[Code, ...] = Field(min_length=1)
    notes: tuple[Words, ...] = ()


class DefinitionProfile(FrozenConfig):
    """One published definition of a strand; a codebook version uses exactly one per strand."""

    value: Words
    strand: Words
    title: Words
    meaning: Words
    source: SourceNote
    leaves_out: tuple[Words, ...] = ()


class SeverityEntry(FrozenConfig):
    """One step of the severity scale."""

    value: int
    code: Words
    title: Words
    meaning: Words


class SpeechActEntry(FrozenConfig):
    """One answer to what the author does with the words."""

    value: Words
    key: Key
    title: Words
    meaning: Words


class ContextFlag(FrozenConfig):
    """A circumstance that a reader should know of."""

    value: Words
    title: Words


class SkipReason(FrozenConfig):
    """Why a text was left unlabelled. Without `records_person` nothing is kept about who skipped."""

    value: Words
    title: Words
    records_person: bool = True


class HateRule(FrozenConfig):
    """How hate follows from the answers: `text` says it in words, the rest is what the code reads."""

    text: Words
    hateful_speech_acts: tuple[Words, ...] = Field(min_length=1)
    severity_from: int
    never_with_severity: tuple[Words, ...]

    def derive(self, *, severity: int, speech_act: str) -> bool:
        """Whether the answers make the text hate. A strand is then 1 if it was ticked, else 0.

        Raises: BadInput when severity and speech act contradict each other.
        Source: the `hate_rule` of the codebook; LABELLING.md section 6 (the class is derived by a rule).
        """
        if severity >= self.severity_from and speech_act in self.never_with_severity:
            raise BadInput(f"speech_act: {speech_act} cannot go with severity {severity}", field="speech_act")
        return severity >= self.severity_from and speech_act in self.hateful_speech_acts


class Codebook(FrozenConfig):
    """One version of the codebook. Its version and `sha256` stand on every label made with it."""

    schema_version: Literal[1]
    version: Words
    valid_from: date
    title: Words
    principle: Words
    questions: tuple[Question, ...] = Field(min_length=1)
    hate_rule: HateRule
    strands: tuple[StrandEntry, ...]
    definition_profiles: tuple[DefinitionProfile, ...]
    severities: tuple[SeverityEntry, ...]
    speech_acts: tuple[SpeechActEntry, ...]
    context_flags: tuple[ContextFlag, ...]
    skip_reasons: tuple[SkipReason, ...] = Field(min_length=1)
    sha256: str = Field(default="", description="of the file's bytes; set by load_codebook")

    @model_validator(mode="after")
    def _complete(self) -> Codebook:
        _same("strands", [entry.value for entry in self.strands], STRAND_ORDER)
        _same("severities", [entry.value for entry in self.severities], SEVERITIES)
        _same("speech_acts", [entry.value for entry in self.speech_acts], SPEECH_ACT_ORDER)
        acts = {*self.hate_rule.hateful_speech_acts, *self.hate_rule.never_with_severity}
        if not acts <= set(SPEECH_ACT_ORDER):
            raise ValueError("hate_rule: names a speech act that does not exist")
        keys = [entry.key for entry in self.strands] + [entry.key for entry in self.speech_acts]
        if len(keys) != len(set(keys)):
            raise ValueError("key: two answers share one")
        self._check_profiles()
        return self

    def _check_profiles(self) -> None:
        profiles = {profile.value: profile for profile in self.definition_profiles}
        for strand in self.strands:
            if strand.profile not in profiles or profiles[strand.profile].strand != strand.value:
                raise ValueError(f"strands: {strand.value} has no definition profile of its own")
        codes = {strand.value: {code.code for code in strand.codes} for strand in self.strands}
        for profile in self.definition_profiles:
            if profile.strand not in codes or not set(profile.leaves_out) <= codes[profile.strand]:
                raise ValueError(f"definition_profiles: {profile.value} names no known strand or code")

    def check_strands(self, ticked: Collection[str]) -> list[str]:
        """The ticked strands in house order, each once. Raises: BadInput."""
        if not set(ticked) <= set(STRAND_ORDER):
            raise BadInput("strands: not one of the codebook's strands", field="strands")
        return [strand for strand in STRAND_ORDER if strand in ticked]

    def check_codes(self, codes: Collection[str], strands: Collection[str]) -> list[str]:
        """The codes in the codebook's order, each once, of ticked strands only. Raises: BadInput."""
        allowed = [code.code for strand in self.strands if strand.value in strands for code in strand.codes]
        if not set(codes) <= set(allowed):
            raise BadInput("codes: each of a strand that was ticked", field="codes")
        return [code for code in allowed if code in codes]

    def check_flags(self, flags: Collection[str]) -> list[str]:
        """The context flags in the codebook's order, each once. Raises: BadInput."""
        known = [flag.value for flag in self.context_flags]
        if not set(flags) <= set(known):
            raise BadInput("context_flags: not one of the codebook's flags", field="context_flags")
        return [flag for flag in known if flag in flags]

    def check_answers(self, *, severity: int, speech_act: str) -> None:
        """Refuses a severity or speech act that the codebook does not have. Raises: BadInput."""
        if severity not in SEVERITIES:
            raise BadInput(f"severity: one of {SEVERITIES}", field="severity")
        if speech_act not in SPEECH_ACT_ORDER:
            raise BadInput("speech_act: not one of the codebook's speech acts", field="speech_act")

    def skip_reason(self, value: str) -> SkipReason:
        """The skip reason of that value. Raises: BadInput."""
        for reason in self.skip_reasons:
            if reason.value == value:
                return reason
        raise BadInput("reason: not one of the codebook's skip reasons", field="reason")


def load_codebook(path: Path) -> Codebook:
    """The codebook in a YAML file, checked whole, with the SHA-256 of the file's bytes.

    Raises: BadConfig, listing the faults.
    """
    codebook, sha256 = load_yaml(path, Codebook)
    if codebook.sha256:
        raise BadConfig(f"{path}: sha256: is worked out, never written in the file")
    return codebook.model_copy(update={"sha256": sha256})


def _same(name: str, found: list[str] | list[int], wanted: tuple[str, ...] | tuple[int, ...]) -> None:
    if tuple(found) != wanted:
        raise ValueError(f"{name}: must be {list(wanted)}, in this order")
