"""The tables of what people read are opened by their own room alone: no page can show them by mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOM = "serve/people/exposure/"
ROOMS = {"model", "serve", "labelling", "training", "watchhouse.py"}
TABLES = {
    "Reading": "readings",
    "Break": "breaks",
    "WentOn": "went_on",
    "ExposurePreferences": "exposure_preferences",
}
STORAGE = {"serve/storage/tables/__init__.py", "serve/storage/tables/exposure.py"}


@pytest.mark.parametrize("table", TABLES)
def test_table_of_reading_is_opened_by_its_room_alone(
    repository: Path, python_files: list[Path], table: str
) -> None:
    # The class as it is imported, or the table's name in SQL.
    opens = re.compile(
        rf"from serve\.storage\.tables[\w.]* import [^\n]*\b{table}\b|^    {table},$"
        rf"|\b(FROM|INTO|UPDATE) {TABLES[table]}\b",
        re.M,
    )
    holders = {
        file.as_posix()
        for file in python_files
        if file.parts[0] in ROOMS
        and "migrations" not in file.parts
        and opens.search((repository / file).read_text("utf-8"))
    } - STORAGE

    assert holders
    assert [name for name in sorted(holders) if not name.startswith(ROOM)] == []


def test_preferences_are_opened_by_two_files_of_the_room(repository: Path, python_files: list[Path]) -> None:
    holders = {
        file.name
        for file in python_files
        if file.as_posix().startswith(ROOM)
        and "ExposurePreferences" in (repository / file).read_text("utf-8")
    }

    assert holders == {"preferences.py", "forgetting.py"}
