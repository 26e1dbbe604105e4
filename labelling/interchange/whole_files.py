"""Files that appear whole or not at all, readable by their owner alone: labels are personal data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from model.errors import BadFile

OWNER_ALONE: Final = 0o600


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends, and leaves no trace if it fails.

    Raises: BadFile when it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, OWNER_ALONE)
    except OSError as error:
        raise BadFile(f"out: {path.name}: cannot be written ({error.strerror})", field="out") from None
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which gets its name when the block ends and leaves no trace if it fails.

    Raises: BadFile when something stands there already, or it cannot be made.
    """
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise BadFile(f"out: {path.name}: stands there already and is not empty", field="out")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.mkdir(mode=0o700)
    except OSError as error:
        raise BadFile(f"out: {path.name}: cannot be made ({error.strerror})", field="out") from None
    try:
        yield beside
        # Over an empty folder a folder may be renamed; over anything else it may not.
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
