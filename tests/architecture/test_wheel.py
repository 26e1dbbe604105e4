"""The wheel holds exactly what git holds of the rooms: a lost folder is noticed here, not by a user."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("model", "training", "serve", "labelling", "doors", "configs")


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(repository)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("watchhouse-*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_wheel_holds_exactly_the_files_of_the_rooms(wheel: zipfile.ZipFile, house_files: list[Path]) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        file.as_posix() for file in house_files if file.parts[0] in ROOMS or file == Path("watchhouse.py")
    }

    assert {name.split("/")[0] for name in expected} == {*ROOMS, "watchhouse.py"}
    assert sorted(shipped) == sorted(expected)


def test_wheel_names_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    about = {
        name.split("/", 1)[1]: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name
    }

    assert "License-Expression: Apache-2.0" in about["METADATA"]
    assert "watchhouse = watchhouse:main" in about["entry_points.txt"]
    assert about["licenses/LICENSE"].strip().startswith("Apache License")
