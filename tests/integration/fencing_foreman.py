"""Runs the fencing scenario in a process of its own and prints what happened as JSON (see test_fencing.py).

It forks the workers, kills some of them at random, and puts expired cases back. A process of its own,
because forking from the test runner, which has threads, is not safe.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

from serve.cases.queue import ClaimedCase, claim, heartbeat, requeue_expired
from sqlalchemy import func, insert, select, text, update

from model.configuration import configs_folder
from model.errors import CaseDecided, LeaseLost
from model.policy import load_policy
from serve.cases.deciding import decide
from serve.cases.outcomes import load_outcomes
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.settings import Settings
from serve.storage import engine
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, Decision

TRIALS = 20

prepare_as_in_service = engine._prepare_sqlite


def prepare_without_waiting_for_the_disk(connection: sqlite3.Connection, record: Any) -> None:
    prepare_as_in_service(connection, record)
    connection.execute("PRAGMA synchronous=OFF")  # a kill loses nothing written; no power is cut here


def main() -> None:
    # Only in this process: pytest imports the file too. Sixteen writers on a busy machine may wait long
    # for SQLite's one lock, and that is not our subject.
    engine.BUSY_TIMEOUT_MS = 300_000
    engine._prepare_sqlite = prepare_without_waiting_for_the_disk
    plan = json.loads(sys.argv[1])
    rng = random.Random(plan["seed"])
    plan["lease_seconds"] = fill(plan)
    workers = {fork(plan, number): number for number in range(plan["workers"])}
    database = Database(plan["url"])
    kills, serial, next_kill = 0, plan["workers"], time.monotonic() + 0.5
    while any_open(database):
        with database.write() as session:
            requeue_expired(session, utc_now())
        if kills < plan["kills"] and time.monotonic() >= next_kill:
            victim = rng.choice(sorted(workers))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            del workers[victim]
            workers[fork(plan, serial)] = serial
            kills, serial = kills + 1, serial + 1
            next_kill = time.monotonic() + rng.uniform(0.05, 0.35)
        time.sleep(0.1)
    for worker in workers:
        assert os.waitpid(worker, 0)[1] == 0, "a worker ended by an exception"
    account = {"kills": kills, **told(Path(plan["folder"])), **stored(database)}
    database.close()
    sys.stdout.write(json.dumps(account))


def fill(plan: dict[str, Any]) -> float:
    """Fills the queue and gives the lease in seconds: one, or more on a machine too busy for that."""
    database = Database(plan["url"])
    row = {"state": "queued", "route": "review", "strands": [], "priority": 1.0, "lease_number": 0}
    rows = [{"case_id": case_id, "created_at": utc_now(), **row} for case_id in ids_in_order(plan["cases"])]
    with database.write() as session:
        session.execute(text("CREATE TABLE unfenced_decisions (case_id VARCHAR(26))"))
        session.execute(insert(Case), rows)
    started = time.monotonic()
    for _ in range(TRIALS):
        with database.write() as session:
            session.execute(update(Case).where(Case.case_id == rows[0]["case_id"]).values(priority=1.0))
    write_seconds = (time.monotonic() - started) / TRIALS
    database.close()  # no connection may cross a fork
    # Everybody writes twice before a decision stands: claim and decide.
    return max(1.0, 4 * plan["workers"] * write_seconds)


def any_open(database: Database) -> bool:
    with database.read() as session:
        return (
            session.execute(select(Case.case_id).where(Case.state != "decided").limit(1)).first() is not None
        )


def fork(plan: dict[str, Any], number: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work(plan, number)
    finally:
        os._exit(1)  # reached after an exception only: nothing of the foreman may run twice


def work(plan: dict[str, Any], number: int) -> NoReturn:
    """Claims and decides until nothing is open; now and then sleeps through its lease, then decides late."""
    rng = random.Random(plan["seed"] * 1_000 + number)
    hub = open_hub(plan)
    note = Notes(Path(plan["folder"]) / f"{number}.txt")
    settle = decide_fenced if plan["fenced"] else decide_unfenced
    lease_seconds = plan["lease_seconds"]
    while True:
        with hub.database.write() as session:
            lease = claim(session, actor=f"officer:{number}", now=utc_now(), lease_seconds=lease_seconds)
        if lease is None:
            if not any_open(hub.database):
                os._exit(0)
            time.sleep(0.1)
            continue
        chance = rng.random()
        is_zombie = chance < plan["zombie_share"]
        if is_zombie:
            time.sleep(lease_seconds * rng.uniform(1.1, 2.5))
        elif chance > 0.98:
            lease = keep_alive(hub, lease, lease_seconds)
        late = utc_now() >= lease.lease_expires_at
        note(f"{'late' if late else 'timely'} {settle(hub, lease)} {lease.case_id}")


class Notes:
    """One line for each decision, written at once: a kill can cut off the last only."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


def keep_alive(hub: Hub, lease: ClaimedCase, lease_seconds: float) -> ClaimedCase:
    time.sleep(lease_seconds / 2)
    try:
        with hub.database.write() as session:
            return heartbeat(
                session,
                case_id=lease.case_id,
                lease_number=lease.lease_number,
                actor=lease.actor,
                now=utc_now(),
                lease_seconds=lease_seconds,
            )
    except (LeaseLost, CaseDecided):
        return lease  # a busy machine: the decision that follows is refused too


def decide_fenced(hub: Hub, lease: ClaimedCase) -> str:
    try:
        with hub.database.write() as session:
            decide(
                session,
                hub,
                case_id=lease.case_id,
                lease_number=lease.lease_number,
                actor=lease.actor,
                now=utc_now(),
                outcome="no_action",
                outcome_detail="not_hate",
                strands=[],
                severity=0,
                reason="read by a worker",
            )
    except (LeaseLost, CaseDecided):
        return "refused"
    return "accepted"


def decide_unfenced(hub: Hub, lease: ClaimedCase) -> str:
    """What a decision would be without the fence: whoever has read the case writes."""
    with hub.database.write() as session:
        session.execute(
            text(
                "UPDATE cases SET state = 'decided', decided_at = :now, leased_by = NULL, "
                "lease_expires_at = NULL WHERE case_id = :case_id"
            ),
            {"case_id": lease.case_id, "now": "2026-11-21 09:30:00.000000"},
        )
        session.execute(
            text("INSERT INTO unfenced_decisions (case_id) VALUES (:case_id)"), {"case_id": lease.case_id}
        )
    return "accepted"


def open_hub(plan: dict[str, Any]) -> Hub:
    policies = configs_folder() / "policy"
    return Hub(
        settings=Settings(home=Path(plan["folder"])),
        database=Database(plan["url"]),
        classifier=cast("Any", None),  # nothing is scored here
        policy=load_policy(policies / "officer.yaml"),
        outcomes=load_outcomes(policies / "outcomes.yaml"),
        codebook_sha256="0" * 64,
    )


def told(notes: Path) -> dict[str, Any]:
    """What the workers wrote down: how often a case was accepted, and what became of late decisions."""
    lines = [line.split() for file in notes.glob("*.txt") for line in file.read_text().splitlines()]
    whole = [line for line in lines if len(line) == 3]
    accepted = Counter(case_id for _, result, case_id in whole if result == "accepted")
    return {
        "accepted_twice": sum(1 for times in accepted.values() if times > 1),
        "late_accepted": sum(1 for when, result, _ in whole if (when, result) == ("late", "accepted")),
        "late_refused": sum(1 for when, result, _ in whole if (when, result) == ("late", "refused")),
    }


def stored(database: Database) -> dict[str, int]:
    counted: dict[str, Callable[[Any], int]] = {
        "decided": lambda s: s.execute(select(func.count()).where(Case.state == "decided")).scalar_one(),
        "decisions": lambda s: s.execute(select(func.count(Decision.case_id.distinct()))).scalar_one(),
        "decision_rows": lambda s: s.execute(select(func.count()).select_from(Decision)).scalar_one(),
        "double_unfenced": lambda s: s.execute(
            text(
                "SELECT count(*) FROM "
                "(SELECT 1 FROM unfenced_decisions GROUP BY case_id HAVING count(*) > 1) AS doubles"
            )
        ).scalar_one(),
    }
    with database.read() as session:
        return {name: count(session) for name, count in counted.items()}


if __name__ == "__main__":
    main()
