"""Every fault has a code of its own, and an HTTP number from the one place that gives them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

import labelling.pages  # noqa: F401 - opens labelling, so that no Fault of its own goes unseen
import serve.app  # noqa: F401 - opens every room of the hub, for the same reason
from model import errors
from model.errors import Fault
from serve import problems

STATUS_NAME = re.compile(
    r"\bHTTP_[45]\d\d_|\bHTTPStatus\.(?!OK\b|CREATED\b|ACCEPTED\b|NO_CONTENT\b|SEE_OTHER\b)"
)


def below(fault: type[Fault]) -> Iterator[type[Fault]]:
    for child in fault.__subclasses__():
        yield child
        yield from below(child)


ROOMS = {"model", "serve", "labelling", "training"}
FAULTS: list[type[Fault]] = [fault for fault in below(Fault) if fault.__module__.split(".")[0] in ROOMS]


def test_every_fault_has_a_code_of_its_own() -> None:
    every: list[type[Fault]] = [Fault, *FAULTS]
    codes = Counter(fault.code for fault in every)

    assert len(FAULTS) >= 20
    assert [code for code, times in codes.items() if times > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z_]+", code)] == []


def test_faults_stand_in_one_file() -> None:
    # FAULTS was gathered with every room of the hub open: see the imports above.
    assert {fault.__module__ for fault in FAULTS} == {errors.__name__}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.code for fault in FAULTS])
def test_fault_has_an_http_status(fault: type[Fault]) -> None:
    assert problems.status_of(fault) >= HTTPStatus.BAD_REQUEST


def test_every_fault_is_explained() -> None:
    assert [fault.__name__ for fault in FAULTS if not (fault.__doc__ or "").strip()] == []


def test_refusing_http_numbers_stand_in_problems_alone(repository: Path, python_files: list[Path]) -> None:
    rooms = [file for file in python_files if file.parts[0] in ROOMS]
    found = [
        f"{file}: {match.group(0)}"
        for file in rooms
        if file != Path("serve/problems.py")
        for match in STATUS_NAME.finditer((repository / file).read_text(encoding="utf-8"))
    ]

    assert found == []
