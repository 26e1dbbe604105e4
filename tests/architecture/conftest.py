"""The repository as these tests see it: its root, and the files that a commit would hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    root = Path(__file__).resolve().parents[2]
    assert (root / "pyproject.toml").is_file()
    return root


@pytest.fixture(scope="session")
def house_files(repository: Path) -> list[Path]:
    """Every file that is tracked, or would be after `git add -A`, relative to the root."""
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout: there is no list of files to compare with")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    files = [Path(name) for name in listed.split("\0") if name]
    present = [file for file in files if (repository / file).is_file()]
    assert len(present) > 50, "git lists almost nothing: wrong folder?"
    return sorted(present)


@pytest.fixture(scope="session")
def python_files(house_files: list[Path]) -> list[Path]:
    return [file for file in house_files if file.suffix == ".py"]
