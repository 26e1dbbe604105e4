"""JSON out of files that nobody trusts: streamed row by row, bounded in size and depth.

A file is never read whole. One row may have 16 MiB and nest 32 deep; numbers must be finite and fit 64 bits;
a name twice in one object is refused, because all but the last would vanish.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final, NoReturn

from labelling.interchange.annotations import MAX_INTEGER
from labelling.interchange.quarantine import Reason, refused
from model.errors import BadInput, NotText

MAX_ROW_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 32
"""Deepest nesting of a row. Source: PROMISES.md section 5, item 11."""

_CHUNK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
# Possessive, so that every byte is looked at once, whatever stands there.
_STRING_OR_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file with its number from 1; `key` is its name where the file is one object."""

    number: int
    value: Any = None
    key: str | None = None
    fault: BadInput | None = None


def parse(data: bytes) -> Any:
    """The value of a JSON text. Raises: NotText, BadRecord (not_json, too_deep, bad_value)."""
    # The brackets are counted first: few rows have so many, and only those are looked at one by one.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotText("not UTF-8") from None
    try:
        return json.loads(
            text,
            parse_constant=_refuse_number,
            parse_float=_finite,
            parse_int=_storable,
            object_pairs_hook=_each_once,
        )
    except ValueError:
        raise refused(Reason.NOT_JSON, "not JSON") from None


def _check_depth(data: bytes) -> None:
    depth = 0
    for found in _STRING_OR_MARK.finditer(data):
        mark = found.group()[:1]
        if mark in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise refused(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH}")
        elif mark in b"]}":
            depth -= 1


def _refuse_number(_literal: str) -> NoReturn:
    raise refused(Reason.BAD_VALUE, "a number that is not finite, or too large")


def _finite(literal: str) -> float:
    value = float(literal)
    return value if abs(value) != float("inf") else _refuse_number(literal)


def _storable(literal: str) -> int:
    # By length first: int() itself refuses more than 4,300 digits.
    if len(literal) > len(str(MAX_INTEGER)) + 1 or abs(int(literal)) > MAX_INTEGER:
        _refuse_number(literal)
    return int(literal)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise refused(Reason.WRONG_SHAPE, "an object has a name twice")
    return values


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | BadInput]]:
    """The lines of a file that are not blank, with their numbers; only a line feed ends one."""
    number = 0
    while data := file.readline(MAX_ROW_BYTES):
        number += 1
        ended, cut = data.endswith(b"\n"), False
        while not ended and (rest := file.readline(MAX_ROW_BYTES)):
            cut, ended = True, rest.endswith(b"\n")
        data = data.removeprefix(_BOM) if number == 1 else data
        if cut:
            yield number, refused(Reason.ROW_TOO_LARGE, f"at most {MAX_ROW_BYTES} bytes")
        elif data.strip(_SPACE):
            yield number, data.rstrip(b"\r\n")


def json_lines(file: IO[bytes]) -> Iterator[Row]:
    """The values of a file with one JSON text a line."""
    for number, line in lines(file):
        if isinstance(line, BadInput):
            yield Row(number, fault=line)
        else:
            yield _row(number, line)


def elements(file: BinaryIO) -> Iterator[Row]:
    """The elements of the list, or the members of the object, that a JSON file is; one at a time.

    What is no JSON from some place on, or an element that is too large, is the last row: nobody can tell
    where the next would begin.
    """
    reader = _Elements(file)
    number = 0
    try:
        is_object = reader.open()
        for data in reader:
            number += 1
            yield _member(number, data) if is_object else _row(number, data)
    except BadInput as fault:
        yield Row(number + 1, fault=fault)


def _row(number: int, data: bytes) -> Row:
    try:
        return Row(number, parse(data))
    except BadInput as fault:
        return Row(number, fault=fault)


def _member(number: int, data: bytes) -> Row:
    row = _row(number, b"{" + data + b"}")
    if row.fault is not None:
        return row
    for key, value in row.value.items():
        return Row(number, value, key=key)
    return Row(number, fault=refused(Reason.NOT_JSON, "not JSON"))


class _Elements:
    """Cuts the outermost list or object of a file at its own commas."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._buffer = file, b""
        self._start = 0  # of the element that is being looked at

    def open(self) -> bool:
        """Whether it is an object; reads its first bracket. Raises: BadRecord (not_json)."""
        while self._more():
            self._buffer = self._buffer.removeprefix(_BOM).lstrip(_SPACE)
            if self._buffer:
                break
        first, self._start = self._buffer[:1], 1
        if first not in (b"[", b"{"):
            raise refused(Reason.NOT_JSON, "the file is neither a list nor an object")
        return first == b"{"

    def _more(self) -> bool:
        """Reads on, and forgets what has been cut off already; False at the end of the file."""
        self._buffer, self._start = self._buffer[self._start :], 0
        if len(self._buffer) > MAX_ROW_BYTES:
            raise refused(Reason.ROW_TOO_LARGE, f"at most {MAX_ROW_BYTES} bytes; the rest was not read")
        # As much again as there is: a long element is looked at a bounded number of times.
        data = self._file.read(max(_CHUNK, len(self._buffer)))
        self._buffer += data
        return bool(data)

    def __iter__(self) -> Iterator[bytes]:
        at, depth, any_yet = self._start, 0, False
        while True:
            found = _STRING_OR_MARK.search(self._buffer, at)
            if found is None or found.group(1) == b"":
                at = (len(self._buffer) if found is None else found.start()) - self._start
                if not self._more():
                    raise refused(Reason.NOT_JSON, "the file ends in the middle")
                continue
            mark, at = found.group()[:1], found.end()
            if mark in b"[{":
                depth += 1
            elif mark in b"]}" and depth > 0:
                depth -= 1
            elif mark in b",]}" and depth == 0:
                element, self._start = self._buffer[self._start : found.start()], at
                if mark == b"," or any_yet or element.strip(_SPACE):
                    yield element
                if mark != b",":
                    break
                any_yet = True
        self._expect_end()

    def _expect_end(self) -> None:
        while not self._buffer[self._start :].strip(_SPACE):
            self._start = len(self._buffer)
            if not self._more():
                return
        raise refused(Reason.NOT_JSON, "something stands after the end; it was not read")
