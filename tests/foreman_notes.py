"""What the foremen of the kill tests share: notes that outlive a kill, and a disk that nobody waits for."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from serve.storage import engine

prepare_as_in_service = engine._prepare_sqlite


def prepare_without_waiting_for_the_disk(connection: sqlite3.Connection, record: Any) -> None:
    prepare_as_in_service(connection, record)
    connection.execute("PRAGMA synchronous=OFF")  # a kill loses nothing written; no power is cut here


class Notes:
    """One line for each decision, written at once: a kill can cut off the last only."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())
