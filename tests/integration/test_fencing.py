"""16 worker processes, random kills, decisions that come too late: each case is decided once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serve.storage.engine import Database

FOREMAN = Path(__file__).with_name("fencing_foreman.py")
ROOT = FOREMAN.parents[2]

LONGEST_SECONDS = 600
"""On a machine that does much else; 40 s is usual on two cores of one's own."""

pytestmark = [pytest.mark.kill, pytest.mark.timeout(LONGEST_SECONDS + 60)]


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
        "seed": 20_261_121,
        "fenced": True,
        **changes,
    }
    database.close()
    foreman = subprocess.Popen(
        [sys.executable, str(FOREMAN), json.dumps(plan)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, complaints = foreman.communicate(timeout=LONGEST_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the workers too, should they outlive the foreman
            os.killpg(foreman.pid, signal.SIGKILL)
        foreman.communicate()
    assert foreman.returncode == 0, complaints[-2_000:]
    account: dict[str, int] = json.loads(told)
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
