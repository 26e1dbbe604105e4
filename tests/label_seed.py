"""Labels, disagreements, suspects and a second bundle in a hub, put there from outside as commands do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tiny_bundle import build_tiny_bundle

from labelling import labels, tasks
from labelling.batches import make_batch
from labelling.codebook import load_codebook
from labelling.firewall import load_firewall
from labelling.labels import Answers
from labelling.suspects import import_file
from labelling.task_sources import TaskRow
from labelling.training_set import keep_quarantine, training_set
from model.configuration import sha256_of
from model.suspects import Suspect, SuspectReason, write_rows
from serve.people.administration import open_home
from serve.registry.command import list_bundles, register_bundle
from serve.storage.identifiers import utc_now

Said = tuple[str, Answers, Answers]
"""A text and what two people answered."""


def label_by_two(
    home: Path,
    batch: str,
    said: Sequence[Said],
    *,
    cohort: str = "one",
    days_ago: float = 0,
    sample_reason: str = "all",
) -> list[str]:
    """Tasks of a batch that two people have labelled, in order; their ids. `cohort` is that of the first."""
    settings, database = open_home(home)
    codebook = load_codebook(settings.codebook)
    with closing(database), database.write() as session:
        now = utc_now() - timedelta(days=days_ago)
        make_batch(session, codebook, batch=batch, actor="system:tests", now=now, redundancy=2)
        rows = [
            TaskRow(str(place), text, sample_reason=sample_reason, place=place)
            for place, (text, _, _) in enumerate(said)
        ]
        tasks.add_tasks(session, batch=batch, rows=rows, source="made", actor="system:tests", now=now)
        ids = []
        for number, (actor, group) in enumerate((("officer:ada", cohort), ("officer:ben", "another"))):
            for _, *answers in said:
                task = tasks.claim(session, actor=actor, now=now, lease_seconds=600, batch=batch)
                assert task is not None
                labels.save(
                    session, codebook, task_id=task.task_id, lease_number=task.lease_number, actor=actor,
                    now=now, answers=answers[number], cohort=group, seconds_spent=4.0,
                )  # fmt: skip
                ids.append(task.task_id)
    return ids[: len(said)]


def hold_back(home: Path) -> int:
    """Asks the firewall, as an export for training does; how many labels it holds back."""
    _, database = open_home(home)
    with closing(database), database.write() as session:
        now = utc_now()
        admission = training_set(session, load_firewall()[0], now=now, other_posts=1_000).admission
        keep_quarantine(session, admission, now)
        return len(admission.quarantined)


def suspect_labels(home: Path, folder: Path, texts: Sequence[str], *, words: str = "It says 0.10.") -> None:
    """Puts a suspicion of each text's label in the inbox, through a file."""
    rows = [
        Suspect(
            rank=place, post_id=f"p{place}", text_sha256=sha256_of(text.encode()), head="hate", given=1,
            suggested=0, suspicion=1 / place, model_score=0.1, out_of_fold=True, adjudicated=False, votes={},
            reasons=(SuspectReason(reason="model_disagrees", words=words),),
        )
        for place, text in enumerate(texts, start=1)
    ]  # fmt: skip
    file = folder / "suspects.jsonl"
    write_rows(rows, file)
    assert import_file(home, file).added == len(rows)


def second_bundle(home: Path, folder: Path) -> str:
    """The id of a registered bundle that the gate promotes against the current one."""
    made = folder / "second"
    made.mkdir()
    bundle_id = build_tiny_bundle(made, languages=("en",))
    current = next(line.split()[1] for line in list_bundles(home) if line.startswith("current"))
    line = {
        "name": "F1 of far_right", "family": "strand_f1", "verdict": "non-inferior", "margin": 0.02,
        "old": 0.9, "new": 0.91, "value": 0.01, "low": -0.004, "posts": 900, "more": 0, "reason": "holds",
    }  # fmt: skip
    facts = {
        "schema_version": 1, "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "new": bundle_id,
        "old": current, "verdict": "promote", "labels_needed": 0, "lines": [line],
    }  # fmt: skip
    verdict = folder / "gate.json"
    verdict.write_text(json.dumps(facts), encoding="utf-8")
    return register_bundle(home, folder=made, verdict=verdict)
