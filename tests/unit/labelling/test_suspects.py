"""The inbox of labels that may be wrong: in from a file, judged once by others, relabelled, and measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

import watchhouse
from labelling import suspects
from labelling.codebook import Codebook
from model.configuration import sha256_of
from model.errors import BadInput, BadRecord, Conflict, NotAllowed, NotFound
from model.suspects import Suspect, SuspectReason, write_rows
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import BatchRow, LabelSuspect, Task, TaskSlot

Tick = Callable[..., datetime]
TEXT = "The choir sings on Friday."
HATE = {"strands": ["antisemitic"], "severity": 2, "speech_act": "endorses"}


def suspect(text: str = TEXT, **changes: Any) -> Suspect:
    given: dict[str, Any] = {
        "rank": 1, "post_id": "p1", "text_sha256": sha256_of(text.encode()), "head": "hate", "given": 1,
        "suggested": 0, "suspicion": 0.9, "model_score": 0.1, "out_of_fold": True, "adjudicated": False,
        "votes": {"annotator-1": 1},
        "reasons": (SuspectReason(reason="model_disagrees", words="The model says 0.10."),),
    }  # fmt: skip
    return Suspect(**(given | changes))


class Inbox:
    """The inbox through its functions, with one text that ada labelled."""

    def __init__(self, database: Database, codebook: Codebook, tick: Tick) -> None:
        self.database, self.codebook, self.tick = database, codebook, tick

    def put(self, *found: Suspect) -> suspects.Imported:
        with self.database.write() as session:
            return suspects.import_suspects(session, found, actor="officer:senior", now=self.tick())

    def first(self, actor: str = "officer:senior") -> str | None:
        with self.database.read() as session:
            return suspects.next_for(session, actor)

    def judge(self, suspect_id: str | None, verdict: str, actor: str = "officer:senior") -> int:
        with self.database.write() as session:
            return suspects.judge(
                session,
                self.codebook,
                suspect_id=suspect_id or "",
                actor=actor,
                now=self.tick(),
                verdict=verdict,
            )

    def precision(self) -> suspects.InboxPrecision:
        with self.database.read() as session:
            return suspects.precision(session)


@pytest.fixture
def inbox(database: Database, codebook: Codebook, tick: Tick, annotator: Any, add: Any) -> Inbox:
    add(TEXT, "The bus is late.")
    ada = annotator("ada")
    ada.label_next(**HATE)
    ada.label_next(**HATE)
    return Inbox(database, codebook, tick)


def test_every_row_of_a_file_is_counted_once(inbox: Inbox) -> None:
    rows = [suspect(), suspect(head="antisemitic"), suspect(text="Nobody labelled this.")]

    assert inbox.put(*rows) == suspects.Imported(added=2, known=0, unknown=1)
    assert inbox.put(*rows) == suspects.Imported(added=0, known=2, unknown=1)


def test_most_suspect_comes_first_and_only_to_people_who_did_not_label_it(inbox: Inbox) -> None:
    inbox.put(suspect(suspicion=0.3), suspect("The bus is late.", suspicion=0.8))

    with inbox.database.read() as session:
        listed = [(row.score, task.text) for row, task in suspects.waiting(session, 10)]
    assert listed == [(0.8, "The bus is late."), (0.3, TEXT)]
    assert inbox.first() is not None
    assert inbox.first("officer:ada") is None
    with pytest.raises(NotAllowed):
        inbox.judge(inbox.first(), "error", actor="officer:ada")


def test_leaving_one_goes_on_to_the_next_and_comes_round_again(inbox: Inbox) -> None:
    inbox.put(suspect(suspicion=0.3), suspect("The bus is late.", suspicion=0.8))
    with inbox.database.read() as session:
        first = suspects.next_for(session, "officer:senior")
        second = suspects.next_for(session, "officer:senior", after=first)
        again = suspects.next_for(session, "officer:senior", after=second)
    assert first != second
    assert again == first


def test_confirmed_error_is_labelled_anew_by_two_people(inbox: Inbox) -> None:
    inbox.put(suspect(), suspect(head="antisemitic"))

    assert inbox.judge(inbox.first(), "error") == 1
    assert inbox.judge(inbox.first(), "error") == 0  # the other head of the same text: it waits already

    with inbox.database.read() as session:
        batch = session.get_one(BatchRow, suspects.relabel_batch(inbox.codebook))
        task = session.scalars(select(Task).where(Task.batch == batch.batch)).one()
        slots = session.scalars(select(TaskSlot.state).where(TaskSlot.task_id == task.task_id)).all()
    assert (batch.purpose, batch.redundancy) == ("relabel", 2)
    assert (task.text, task.sample_reason, slots) == (TEXT, "label_error", ["open", "open"])


@pytest.mark.parametrize("verdict", ["right", "unclear"])
def test_dismissed_suspect_queues_nothing_and_is_judged_once(inbox: Inbox, verdict: str) -> None:
    inbox.put(suspect())
    suspect_id = inbox.first()

    assert inbox.judge(suspect_id, verdict) == 0
    with pytest.raises(Conflict):
        inbox.judge(suspect_id, "error")
    with inbox.database.read() as session:
        assert session.get(BatchRow, suspects.relabel_batch(inbox.codebook)) is None
        assert session.scalars(select(LabelSuspect.verdict)).all() == [verdict]
    assert inbox.put(suspect()).known == 1
    assert inbox.put(suspect(votes={"annotator-1": 1, "annotator-2": 1})).added == 1


def test_precision_is_the_share_of_errors_with_its_interval_and_unclear_is_no_answer(inbox: Inbox) -> None:
    repeats = SuspectReason(reason="contradicts_near_duplicates", words="Nearly the same.")
    assert inbox.precision().all.value is None
    for head, verdict, reasons in (
        ("hate", "error", (repeats,)),
        ("antisemitic", "right", suspect().reasons),
        ("islamophobic", "error", (repeats, *suspect().reasons)),
        ("far_right", "unclear", (repeats,)),
    ):
        inbox.put(suspect(head=head, reasons=reasons))
        inbox.judge(inbox.first(), verdict)
    inbox.put(suspect("The bus is late."))

    found = inbox.precision()

    assert (found.all.right, found.all.of, found.unclear, found.waiting) == (2, 3, 1, 1)
    assert found.all.low is not None
    assert found.all.low < 2 / 3 < (found.all.high or 0)
    assert {reason: (one.right, one.of) for reason, one in found.by_reason.items()} == {
        "contradicts_near_duplicates": (2, 2),
        "model_disagrees": (1, 2),
    }


def test_unknown_suspect_and_unknown_verdict_are_refused(inbox: Inbox) -> None:
    with pytest.raises(NotFound):
        inbox.judge(new_id(), "error")
    with pytest.raises(BadInput):
        inbox.judge(new_id(), "perhaps")


def test_file_comes_in_by_the_command_whole_or_not_at_all(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    annotator: Any,
    add: Any,
    database: Database,
    hub_home: Path,
) -> None:
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        monkeypatch.setenv("WATCHHOUSE_DATABASE_URL", url.replace("+psycopg", ""))
    add(TEXT)
    annotator("ada").label_next(**HATE)
    file = tmp_path / "suspects.jsonl"
    write_rows([suspect(), suspect("Nobody labelled this.")], file)
    command = ["label", "import-suspects", str(file), "--home", str(hub_home)]

    done = CliRunner().invoke(watchhouse.app, command)

    assert done.exit_code == 0, done.output
    assert "1 added, 0 known already, 1 about texts that have no label here" in done.output
    file.write_text(file.read_text("utf-8") + "{}\n", encoding="utf-8")
    with pytest.raises(BadRecord, match="line 3"):
        CliRunner().invoke(watchhouse.app, command, catch_exceptions=False)
