"""The courses that ship, as dated data with a hash; every answer in it is one that the codebook allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from labelling.codebook import Codebook
from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig, BadInput
from model.normalise import check_text

Words = Annotated[str, Field(min_length=1)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class StarterItem(FrozenConfig):
    """A text written by us, with the answer that we agreed on and the reason in words."""

    id: Code
    text: Words
    strands: tuple[Words, ...]
    codes: tuple[Words, ...] = ()
    severity: int
    speech_act: Words
    why: Words


class Course(FrozenConfig):
    """Some items about one thing, in the order in which they are first asked."""

    value: Code
    title: Words
    about: Words
    items: tuple[StarterItem, ...] = Field(min_length=1)


class CourseFile(FrozenConfig):
    """The shape of `configs/labelling/practice-v1.yaml`."""

    name: Literal["practice"]
    version: int = Field(ge=1)
    valid_from: date
    courses: tuple[Course, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Courses:
    """The courses and the SHA-256 of the file they came from."""

    file: CourseFile
    sha256: str

    def course(self, value: str) -> Course:
        """The course of that value. Raises: BadInput."""
        for course in self.file.courses:
            if course.value == value:
                return course
        raise BadInput("course: there is no such course", field="course")


def load_courses(codebook: Codebook, path: Path | None = None) -> Courses:
    """The courses of a file, checked against the codebook. Raises: BadConfig, naming the item."""
    source = path or configs_folder() / "labelling" / "practice-v1.yaml"
    file, digest = load_yaml(source, CourseFile)
    counted = Counter(item.id for course in file.courses for item in course.items)
    if twice := [item for item, count in counted.items() if count > 1]:
        raise BadConfig(f"{source}: {twice[0]}: an id stands for two items")
    for course in file.courses:
        for item in course.items:
            try:
                _check(codebook, item)
            except BadInput as fault:
                raise BadConfig(f"{source}: {item.id}: {fault.message}") from fault
    return Courses(file, digest)


def _check(codebook: Codebook, item: StarterItem) -> None:
    check_text(item.text)
    codebook.check_answers(severity=item.severity, speech_act=item.speech_act)
    codebook.check_codes(item.codes, codebook.check_strands(item.strands))
    codebook.hate_rule.derive(severity=item.severity, speech_act=item.speech_act)
