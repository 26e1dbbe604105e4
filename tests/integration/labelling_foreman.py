"""Runs annotators as processes, kills some, and prints what happened as JSON (test_labelling_kills.py).

The frame is that of fencing_foreman.py: a process of its own, because forking from the test runner, which has
threads, is not safe.
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

from foreman_notes import Notes, prepare_without_waiting_for_the_disk
from sqlalchemy import func, select, text

from labelling.batches import make_batch
from labelling.codebook import Codebook, load_codebook
from labelling.labels import Answers, save
from labelling.task_sources import TaskRow
from labelling.tasks import ClaimedTask, add_tasks, claim
from model.configuration import configs_folder
from model.errors import LeaseLost
from serve.storage import engine
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import LabelRow, TaskSlot

TRIALS = 20
PEOPLE_A_TEXT = 2


def main() -> None:
    engine.BUSY_TIMEOUT_MS = 300_000  # as in fencing_foreman.py: many writers on a busy machine
    engine._prepare_sqlite = prepare_without_waiting_for_the_disk
    plan = json.loads(sys.argv[1])
    rng = random.Random(plan["seed"])
    plan["lease_seconds"] = fill(plan)
    workers = {fork(plan, number): number for number in range(plan["workers"])}
    database = Database(plan["url"])
    slots = plan["texts"] * PEOPLE_A_TEXT
    kills, serial = 0, plan["workers"]
    while (left := slots_left(database)) > 0:
        due = 1 + plan["kills"] * (slots - left) / (0.7 * slots)
        if kills < min(due, plan["kills"]):
            victim = rng.choice(sorted(workers))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            del workers[victim]
            workers[fork(plan, serial)] = serial
            kills, serial = kills + 1, serial + 1
        time.sleep(0.02)
    for worker in workers:
        assert os.waitpid(worker, 0)[1] == 0, "a worker ended by an exception"
    account = {"kills": kills, "slots": slots, **told(Path(plan["folder"]), database), **stored(database)}
    database.close()
    sys.stdout.write(json.dumps(account))


def codebook() -> Codebook:
    return load_codebook(configs_folder() / "codebook" / "codebook-v1.yaml")


def fill(plan: dict[str, Any]) -> float:
    """Makes the tasks and gives the lease in seconds: one, or more on a machine too busy for that."""
    database = Database(plan["url"])
    with database.write() as session:
        now, actor = utc_now(), "system:tests"
        session.execute(text("CREATE TABLE unfenced_labels (task_id VARCHAR(26), slot INTEGER)"))
        make_batch(session, codebook(), batch="pilot", actor=actor, now=now, redundancy=PEOPLE_A_TEXT)
        rows = [TaskRow(None, f"Text number {number}.", place=number) for number in range(plan["texts"])]
        add_tasks(session, batch="pilot", rows=rows, source="tests", actor=actor, now=now)
    started = time.monotonic()
    for _ in range(TRIALS):
        with database.write() as session:
            session.execute(text("UPDATE batches SET redundancy = redundancy"))
    write_seconds = (time.monotonic() - started) / TRIALS
    database.close()  # no connection may cross a fork
    return max(1.0, 4 * plan["workers"] * write_seconds)


def slots_left(database: Database) -> int:
    with database.read() as session:
        query = select(func.count()).select_from(TaskSlot).where(TaskSlot.state != "labelled")
        return session.execute(query).scalar_one()


def fork(plan: dict[str, Any], number: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work(plan, number)
    finally:
        os._exit(1)  # reached after an exception only: nothing of the foreman may run twice


def work(plan: dict[str, Any], number: int) -> NoReturn:
    """Claims and labels until nothing waits; now and then sleeps through its lease, then labels late."""
    rng = random.Random(plan["seed"] * 1_000 + number)
    database, book = Database(plan["url"]), codebook()
    note = Notes(Path(plan["folder"]) / f"{number}.txt")
    actor, lease_seconds = f"officer:{number}", plan["lease_seconds"]
    label = label_fenced if plan["fenced"] else label_unfenced
    while True:
        with database.write() as session:
            task = claim(session, actor=actor, now=utc_now(), lease_seconds=lease_seconds)
        if task is None:
            if slots_left(database) == 0:
                os._exit(0)
            time.sleep(0.1)
            continue
        if rng.random() < plan["zombie_share"]:
            time.sleep(lease_seconds * rng.uniform(1.1, 2.5))
        late = utc_now() >= task.lease_expires_at
        result = label(database, book, task, actor)
        note(f"{'late' if late else 'timely'} {result} {task.task_id}:{task.slot} {actor}")


def label_fenced(database: Database, book: Codebook, task: ClaimedTask, actor: str) -> str:
    """Saves as the desk does."""
    try:
        with database.write() as session:
            save(
                session,
                book,
                task_id=task.task_id,
                lease_number=task.lease_number,
                actor=actor,
                now=utc_now(),
                answers=Answers(),
            )
    except LeaseLost:
        return "refused"
    return "accepted"


def label_unfenced(database: Database, book: Codebook, task: ClaimedTask, actor: str) -> str:
    """What a label would be without the fence: whoever has read the text fills the slot."""
    at = {"task_id": task.task_id, "slot": task.slot}
    with database.write() as session:
        session.execute(
            text(
                "UPDATE task_slots SET state = 'labelled', lease_expires_at = NULL "
                "WHERE task_id = :task_id AND slot = :slot"
            ),
            at,
        )
        session.execute(text("INSERT INTO unfenced_labels (task_id, slot) VALUES (:task_id, :slot)"), at)
    return "accepted"


def told(notes: Path, database: Database) -> dict[str, int]:
    """What the workers wrote down: how often a slot was filled, and what became of late labels."""
    lines = [line.split() for file in notes.glob("*.txt") for line in file.read_text().splitlines()]
    whole = [line for line in lines if len(line) == 4]
    accepted = Counter(slot for _, result, slot, _ in whole if result == "accepted")
    with database.read() as session:
        rows = session.execute(select(LabelRow.task_id, LabelRow.slot, LabelRow.annotator)).all()
    standing = {(f"{row[0]}:{row[1]}", row[2]) for row in rows}
    return {
        "accepted_twice": sum(1 for times in accepted.values() if times > 1),
        "accepted_but_lost": sum(
            1 for _, result, slot, who in whole if result == "accepted" and (slot, who) not in standing
        ),
        "late_accepted": sum(1 for when, result, _, _ in whole if (when, result) == ("late", "accepted")),
        "late_refused": sum(1 for when, result, _, _ in whole if (when, result) == ("late", "refused")),
    }


def stored(database: Database) -> dict[str, int]:
    def count(query: str) -> int:
        with database.read() as session:
            return int(session.execute(text(query)).scalar_one())

    return {
        "labels": count("SELECT count(*) FROM labels"),
        "filled_slots": count("SELECT count(*) FROM (SELECT DISTINCT task_id, slot FROM labels) AS filled"),
        "people_twice_in_a_text": count(
            "SELECT count(*) FROM (SELECT 1 FROM labels GROUP BY task_id, annotator HAVING count(*) > 1) AS t"
        ),
        "double_unfenced": count(
            "SELECT count(*) FROM (SELECT 1 FROM unfenced_labels GROUP BY task_id, slot "
            "HAVING count(*) > 1) AS doubles"
        ),
    }


if __name__ == "__main__":
    main()
