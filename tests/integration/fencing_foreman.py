"""Runs the fencing scenario in a process of its own and prints what happened as JSON (see test_fencing.py).

It forks the workers, kills some of them at random, and puts expired cases back. A process of its own,
because forking from the test runner, which has threads, is not safe.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from bare_hub import bare_hub
from foreman_notes import Notes, prepare_without_waiting_for_the_disk
from sqlalchemy import func, insert, select, text, update

from model.errors import CaseDecided, Fault, LeaseLost
from serve.cases.claiming import Claimant, claim
from serve.cases.drafts import keep_draft
from serve.cases.judging import judge
from serve.cases.leases import ClaimedCase, heartbeat, requeue_expired
from serve.cases.said import Said
from serve.cases.workflow.states import CaseRole
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.storage import engine
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, Decision, Draft, Judgement

TRIALS = 20
DECIDED = "no_action"
SAID = Said(outcome="no_action", outcome_detail="not_hate", severity=0, reason="read by a worker")


def main() -> None:
    # Only in this process: pytest imports the file too. So many writers on a busy machine may wait long
    # for SQLite's one lock, and that is not our subject.
    engine.BUSY_TIMEOUT_MS = 300_000
    engine._prepare_sqlite = prepare_without_waiting_for_the_disk
    plan = json.loads(sys.argv[1])
    rng = random.Random(plan["seed"])
    plan["lease_seconds"] = fill(plan)
    started = time.monotonic()
    workers = {fork(plan, number): number for number in range(plan["workers"])}
    database = Database(plan["url"])
    kills, serial = 0, plan["workers"]
    time.sleep(0.2)
    # Kills are spread over most of the work, or they would all come at its start. The foreman stands in
    # SQLite's one queue of writers like everybody, so after each turn it makes up for those that are due.
    while (left := cases_left(database)) > 0:
        with database.write() as session:
            requeue_expired(session, utc_now())
        due = 1 + plan["kills"] * (plan["cases"] - left) / (0.7 * plan["cases"])
        while kills < min(due, plan["kills"]):
            victim = rng.choice(sorted(workers))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            del workers[victim]
            workers[fork(plan, serial)] = serial
            kills, serial = kills + 1, serial + 1
            time.sleep(rng.uniform(0.0, 0.05))
        time.sleep(0.02)
    for worker in workers:
        assert os.waitpid(worker, 0)[1] == 0, "a worker ended by an exception"
    account = {
        "kills": kills,
        "seconds": round(time.monotonic() - started),
        "lease_seconds": plan["lease_seconds"],
        **told(Path(plan["folder"]), database),
        **stored(database),
    }
    database.close()
    sys.stdout.write(json.dumps(account))


def fill(plan: dict[str, Any]) -> float:
    """Fills the queue and gives the lease in seconds: one, or more on a machine too busy for that."""
    database = Database(plan["url"])
    row = {"state": "captured", "waiting": True, "route": "review", "strands": [], "priority": 1.0}
    rows = [
        {"case_id": case_id, "created_at": utc_now(), "lease_number": 0, **row}
        for case_id in ids_in_order(plan["cases"])
    ]
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


def cases_left(database: Database) -> int:
    with database.read() as session:
        return session.execute(
            select(func.count()).select_from(Case).where(Case.state != DECIDED)
        ).scalar_one()


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
    hub = bare_hub(plan["url"], Path(plan["folder"]))
    note = Notes(Path(plan["folder"]) / f"{number}.txt")
    settle = decide_fenced if plan["fenced"] else decide_unfenced
    lease_seconds = plan["lease_seconds"]
    while True:
        with hub.database.write() as session:
            lease = claim(session, Claimant(f"officer:{number}"), now=utc_now(), lease_seconds=lease_seconds)
        if lease is None:
            if cases_left(hub.database) == 0:
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
        note(f"{'late' if late else 'timely'} {settle(hub, lease)} {lease.case_id} {lease.actor}")


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
    """Decides as the API does: what is refused becomes a draft."""
    try:
        with hub.database.write() as session:
            judge(
                session,
                hub,
                case_id=lease.case_id,
                lease_number=lease.lease_number,
                actor=lease.actor,
                role=CaseRole.REVIEW_OFFICER,
                now=utc_now(),
                said=SAID,
            )
    except (LeaseLost, CaseDecided) as fault:
        keep(hub, lease, fault)
        return "refused"
    return "accepted"


def keep(hub: Hub, lease: ClaimedCase, fault: Fault) -> None:
    with hub.database.write() as session:
        keep_draft(
            session,
            case_id=lease.case_id,
            actor=lease.actor,
            now=utc_now(),
            why=fault.code,
            content={"reason": SAID.reason},
        )


def decide_unfenced(hub: Hub, lease: ClaimedCase) -> str:
    """What a decision would be without the fence: whoever has read the case writes."""
    with hub.database.write() as session:
        session.execute(
            text(
                "UPDATE cases SET state = 'no_action', waiting = false, decided_at = :now, leased_by = NULL, "
                "lease_expires_at = NULL WHERE case_id = :case_id"
            ),
            {"case_id": lease.case_id, "now": "2026-11-21 09:30:00.000000"},
        )
        session.execute(
            text("INSERT INTO unfenced_decisions (case_id) VALUES (:case_id)"), {"case_id": lease.case_id}
        )
    return "accepted"


def told(notes: Path, database: Database) -> dict[str, Any]:
    """What the workers wrote down: how often a case was accepted, and what became of late decisions."""
    lines = [line.split() for file in notes.glob("*.txt") for line in file.read_text().splitlines()]
    whole = [line for line in lines if len(line) == 4]
    accepted = Counter(case_id for _, result, case_id, _ in whole if result == "accepted")
    with database.read() as session:
        drafts = {(row.case_id, row.actor) for row in session.execute(select(Draft.case_id, Draft.actor))}
        standing = {
            (row.case_id, row.decided_by)
            for row in session.execute(select(Decision.case_id, Decision.decided_by))
        }
    refused = {(case_id, actor) for _, result, case_id, actor in whole if result == "refused"}
    return {
        "accepted_twice": sum(1 for times in accepted.values() if times > 1),
        "accepted_but_lost": sum(
            1
            for _, result, case_id, actor in whole
            if result == "accepted" and (case_id, actor) not in standing
        ),
        "late_accepted": sum(1 for when, result, _, _ in whole if (when, result) == ("late", "accepted")),
        "late_refused": sum(1 for when, result, _, _ in whole if (when, result) == ("late", "refused")),
        "refused_without_draft": len(refused - drafts),
    }


def stored(database: Database) -> dict[str, int]:
    doubles = text(
        "SELECT count(*) FROM "
        "(SELECT 1 FROM unfenced_decisions GROUP BY case_id HAVING count(*) > 1) AS doubles"
    )
    with database.read() as session:
        return {
            "decided": session.execute(select(func.count()).where(Case.state == DECIDED)).scalar_one(),
            "decisions": session.execute(select(func.count(Decision.case_id.distinct()))).scalar_one(),
            "decision_rows": session.execute(select(func.count()).select_from(Decision)).scalar_one(),
            "judgement_rows": session.execute(select(func.count()).select_from(Judgement)).scalar_one(),
            "drafts": session.execute(select(func.count()).select_from(Draft)).scalar_one(),
            "double_unfenced": session.execute(doubles).scalar_one(),
        }


if __name__ == "__main__":
    main()
