"""Annotators' processes, random kills, labels that come too late: two people never fill one slot.

As part of the tests 6 annotators, 100 texts for two people each and 12 kills; with WATCHHOUSE_STRESS=true 16
annotators, 2,000 texts and 100 kills. Source: LABELLING.md section 7, item 6.
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

FOREMAN = Path(__file__).with_name("labelling_foreman.py")
ROOT = FOREMAN.parents[2]

IS_STRESS = os.environ.get("WATCHHOUSE_STRESS") == "true"
SIZE = {"workers": 6, "texts": 100, "kills": 12, "zombie_share": 0.04}
STRESS = {"workers": 16, "texts": 2_000, "kills": 100, "zombie_share": 0.02}
LONGEST_SECONDS = 1_800 if IS_STRESS else 600
"""On a machine that does much else."""

pytestmark = [pytest.mark.kill, pytest.mark.timeout(LONGEST_SECONDS + 60)]


def run(database: Database, folder: Path, **changes: Any) -> dict[str, int]:
    """The foreman's account of one scenario on `database`."""
    notes = folder / "notes"
    notes.mkdir()
    plan = {
        "url": database.engine.url.render_as_string(hide_password=False),
        "folder": str(notes),
        "seed": 20_261_123,
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
    account: dict[str, int] = json.loads(told)
    return account


def test_each_slot_is_filled_once_and_every_late_label_is_refused(database: Database, tmp_path: Path) -> None:
    account = run(database, tmp_path)

    assert (account["labels"], account["filled_slots"]) == (account["slots"],) * 2
    assert (account["accepted_twice"], account["accepted_but_lost"]) == (0, 0)
    assert account["people_twice_in_a_text"] == 0
    assert account["late_accepted"] == 0
    assert account["late_refused"] > 0
    assert account["kills"] >= (STRESS if IS_STRESS else SIZE)["kills"] * 0.8


@pytest.mark.skipif(IS_STRESS, reason="a part of the tests")
def test_control_without_the_fence_slots_are_filled_twice(database: Database, tmp_path: Path) -> None:
    account = run(database, tmp_path, texts=60, kills=2, zombie_share=0.2, fenced=False)

    assert account["double_unfenced"] > 0
    assert account["late_accepted"] > 0
