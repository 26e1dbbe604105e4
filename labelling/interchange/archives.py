"""Zip archives that nobody trusts: looked over before anything is unpacked, and never unpacked to disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from model.errors import BadFile

MAX_MEMBERS: Final = 1_000
"""Most files in an archive: one for each annotator."""

MAX_UNPACKED_BYTES: Final = 2 * 1024**3
MAX_RATIO: Final = 200
"""Most bytes out of one packed byte. Rows with the same keys pack to a fiftieth, a bomb to a thousandth."""

SMALL_BYTES: Final = 64 * 1024
"""A member up to this size may have any ratio: a few rows that are all alike do."""

_ENCRYPTED = 0x1


@contextmanager
def archive(file: BinaryIO, suffixes: tuple[str, ...]) -> Iterator[tuple[ZipFile, list[ZipInfo]]]:
    """The archive with its members, once all of them are known to be harmless; directories are left out.

    Raises: BadFile for one that is broken, encrypted, too large, packed too well, or whose names lead
    elsewhere.
    """
    try:
        opened = ZipFile(file)
    except (BadZipFile, LargeZipFile, EOFError, NotImplementedError):
        raise BadFile("archive: cannot be read as zip", field="file") from None
    with opened:
        members = [member for member in opened.infolist() if not member.is_dir()]
        _check(members, suffixes)
        yield opened, members


def _check(members: list[ZipInfo], suffixes: tuple[str, ...]) -> None:
    if len(members) > MAX_MEMBERS:
        raise BadFile(f"archive: more than {MAX_MEMBERS} files", field="file")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise BadFile(f"archive: more than {MAX_UNPACKED_BYTES} bytes unpacked", field="file")
    if len({member.filename for member in members}) != len(members):
        raise BadFile("archive: two files share a name", field="file")
    for number, member in enumerate(members, start=1):
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadFile(f"archive: file {number} is packed in a way that we do not read", field="file")
        if member.flag_bits & _ENCRYPTED:
            raise BadFile(f"archive: file {number} is encrypted", field="file")
        if "/" in member.filename or "\\" in member.filename or ":" in member.filename:
            raise BadFile(f"archive: file {number} lies in a folder", field="file")
        if PurePosixPath(member.filename).suffix.lower() not in suffixes:
            raise BadFile(f"archive: file {number} is none of {', '.join(suffixes)}", field="file")
        if member.file_size > SMALL_BYTES and member.file_size > MAX_RATIO * member.compress_size:
            raise BadFile(f"archive: file {number} is packed too well to be labels", field="file")


@contextmanager
def member_file(opened: ZipFile, member: ZipInfo) -> Iterator[IO[bytes]]:
    """A member to read, at most as long as it declares. Raises: BadFile when it is not as declared."""
    try:
        with opened.open(member) as file:
            yield file
    except (BadZipFile, EOFError, zlib.error):
        raise BadFile("archive: a file in it cannot be unpacked", field="file") from None
