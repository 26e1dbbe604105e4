"""Many officers' processes, random kills, decisions that come too late: each case is decided once.

As part of the tests 8 officers, 1,000 cases and 30 kills; `make stress` runs 32 officers, 10,000 cases and
200 kills on each database and prints what happened. Source: PROMISES.md section 2, R4.
"""

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

SIZE = {"workers": 8, "cases": 1_000, "kills": 30, "zombie_share": 0.03}
STRESS = {"workers": 32, "cases": 10_000, "kills": 200, "zombie_share": 0.025}
IS_STRESS = os.environ.get("WATCHHOUSE_STRESS") == "true"

LONGEST_SECONDS = 3_600 if IS_STRESS else 600
"""On a machine that does much else."""

pytestmark = [pytest.mark.kill, pytest.mark.timeout(LONGEST_SECONDS + 60)]


def run(database: Database, folder: Path, **changes: Any) -> dict[str, float]:
    """The foreman's account of one scenario on `database`."""
    notes = folder / "notes"
    notes.mkdir()
    plan = {
        "url": database.engine.url.render_as_string(hide_password=False),
        "folder": str(notes),
        "seed": 20_261_121,
        "fenced": True,
        **(STRESS if IS_STRESS else SIZE),
        **changes,
    }
    database.close()
    foreman = subprocess.Popen(
        [sys.executable, str(FOREMAN), json.dumps(plan)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
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
    account: dict[str, float] = json.loads(told)
    return account


def test_each_case_is_decided_once_and_every_late_decision_is_refused_and_kept(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = run(database, tmp_path)
    if IS_STRESS:
        with capsys.disabled():
            sys.stdout.write(f"\n{database.engine.dialect.name}: {json.dumps(account)}\n")
    cases, kills = (STRESS if IS_STRESS else SIZE)["cases"], (STRESS if IS_STRESS else SIZE)["kills"]
    assert account["decided"] == cases
    assert (account["decisions"], account["decision_rows"], account["judgement_rows"]) == (cases,) * 3
    assert (account["accepted_twice"], account["accepted_but_lost"]) == (0, 0)
    assert account["late_accepted"] == 0
    assert account["late_refused"] > 0
    assert account["refused_without_draft"] == 0
    assert account["kills"] >= kills * 0.8, "nearly all of them while there was work"


@pytest.mark.skipif(IS_STRESS, reason="a part of the tests")
def test_control_without_the_fence_cases_are_decided_twice(database: Database, tmp_path: Path) -> None:
    account = run(database, tmp_path, cases=150, kills=3, zombie_share=0.2, fenced=False)
    assert account["double_unfenced"] > 0
    assert account["accepted_twice"] > 0
    assert account["late_accepted"] > 0
