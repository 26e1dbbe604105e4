"""16 worker processes, random kills, decisions that come too late: each case is decided once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serve.storage.engine import Database

FOREMAN = Path(__file__).with_name("fencing_foreman.py")
ROOT = FOREMAN.parents[2]

pytestmark = pytest.mark.kill


def run(database: Database, folder: Path, **changes: Any) -> dict[str, int]:
    """The foreman's account of one scenario on `database`."""
    notes = folder / "notes"
    notes.mkdir()
    plan = {
        "url": database.engine.url.render_as_string(hide_password=False),
        "folder": str(notes),
        "workers": 16,
        "cases": 2_000,
        "kills": 40,
        "zombie_share": 0.02,
        "lease_seconds": 1.0,
        "seed": 20_261_121,
        "fenced": True,
        **changes,
    }
    database.close()
    done = subprocess.run(
        [sys.executable, str(FOREMAN), json.dumps(plan)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    account: dict[str, int] = json.loads(done.stdout)
    return account


def test_each_case_is_decided_once_and_every_late_decision_is_refused(
    database: Database, tmp_path: Path
) -> None:
    account = run(database, tmp_path)
    assert account["decided"] == 2_000
    assert (account["decisions"], account["decision_rows"]) == (2_000, 2_000)
    assert account["accepted_twice"] == 0
    assert account["late_accepted"] == 0
    assert account["late_refused"] > 0
    assert account["kills"] > 0


def test_control_without_the_fence_cases_are_decided_twice(database: Database, tmp_path: Path) -> None:
    account = run(database, tmp_path, cases=150, kills=3, zombie_share=0.2, fenced=False)
    assert account["double_unfenced"] > 0
    assert account["accepted_twice"] > 0
    assert account["late_accepted"] > 0
