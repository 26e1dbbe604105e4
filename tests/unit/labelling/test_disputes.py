"""Which texts wait for an adjudicator, in which order, who may judge them, and what stays of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from labelling import disputes
from labelling.adjudicating import adjudicate, make_gold
from labelling.codebook import Codebook
from labelling.label_rows import adjudicated_of, gold_of
from labelling.labels import Answers
from labelling.quality.adjudication_rules import load_adjudication_rules
from model.errors import BadInput, Conflict, NotAllowed, NotFound
from serve.storage.engine import Database
from serve.storage.tables import Adjudication, AuditEvent, GoldItem

Tick = Callable[..., datetime]
HATE = {"strands": ["antisemitic"], "severity": 2, "speech_act": "endorses"}
QUOTE = {"strands": ["antisemitic"], "severity": 2, "speech_act": "reports_or_quotes"}
MILD = {"strands": ["antisemitic"], "severity": 1, "speech_act": "endorses"}
ANSWERS = Answers(strands=["antisemitic"], severity=2, speech_act="reports_or_quotes")


class Desk:
    """Two readers, an adjudicator, and the texts that wait."""

    def __init__(self, database: Database, codebook: Codebook, tick: Tick, annotator: Any, add: Any) -> None:
        self.database, self.codebook, self.tick, self.add = database, codebook, tick, add
        self.ada, self.ben = annotator("ada"), annotator("ben")
        self.rules = load_adjudication_rules()

    def both(self, text: str, first: dict[str, Any], second: dict[str, Any], **rules: Any) -> str:
        """The task of a text that both labelled so."""
        self.add(text, **{"redundancy": 2, **rules})
        task = self.ada.label_next(**first)
        assert self.ben.label_next(**second).task_id == task.task_id
        return str(task.task_id)

    def waiting(self) -> list[str]:
        with self.database.read() as session:
            return [one.task.task_id for one in disputes.waiting(session, self.codebook, *self.rules)]

    def judge(self, task_id: str, actor: str = "officer:senior", **changes: Any) -> str:
        given: dict[str, Any] = {
            "kind": "error", "answers": ANSWERS, "explanation": "A quotation.", "suggested_kind": None,
            **changes,
        }  # fmt: skip
        with self.database.write() as session:
            made = adjudicate(session, self.codebook, task_id=task_id, actor=actor, now=self.tick(), **given)
            return made.adjudication_id


@pytest.fixture
def desk(database: Database, codebook: Codebook, tick: Tick, annotator: Any, add: Any) -> Desk:
    return Desk(database, codebook, tick, annotator, add)


def test_only_texts_with_all_labels_in_that_differ_wait(desk: Desk) -> None:
    desk.both("Readers agree.", HATE, HATE)
    differs = desk.both("Readers differ.", HATE, QUOTE, batch="other")
    desk.add("Only one label is in.", batch="third", redundancy=2)
    desk.ada.label_next(**HATE)

    assert desk.waiting() == [differs]
    with desk.database.read() as session:
        assert disputes.count_waiting(session) == 1


def test_whether_it_is_hate_comes_before_how_severe_it_is(desk: Desk) -> None:
    severity = desk.both("A step of severity.", HATE, MILD)
    hate = desk.both("Hate or not.", HATE, QUOTE, batch="later")

    assert desk.waiting() == [hate, severity]


def test_equal_answers_ticked_in_another_order_do_not_differ(desk: Desk) -> None:
    strands = ["islamophobic", "antisemitic"]
    desk.both("Both strands.", {**HATE, "strands": strands}, {**HATE, "strands": strands[::-1]})

    assert desk.waiting() == []


def test_text_of_a_descriptive_batch_is_counted_and_never_judged(desk: Desk) -> None:
    task_id = desk.both("Read it as you would.", HATE, QUOTE, paradigm="descriptive")

    assert desk.waiting() == []
    with desk.database.read() as session:
        assert disputes.count_descriptive(session) == 1
    with pytest.raises(NotFound):
        desk.judge(task_id)


def test_adjudication_decides_and_the_text_waits_no_more(desk: Desk) -> None:
    task_id = desk.both("A quotation of a slur.", HATE, QUOTE)

    made = desk.judge(task_id, suggested_kind="error")

    assert desk.waiting() == []
    with desk.database.read() as session:
        row = session.get_one(Adjudication, made)
        event = session.scalars(select(AuditEvent).where(AuditEvent.subject == made)).one()
        (decided,) = adjudicated_of(session).values()
        taken = disputes.kinds_taken(session)
    assert (row.hate, row.severity, row.speech_act, len(row.label_ids)) == (False, 2, "reports_or_quotes", 2)
    assert event.event == "labelling:label:adjudicated"
    assert decided.hate is False
    assert (taken.by_kind, taken.as_suggested.right, taken.as_suggested.of) == ({"error": 1}, 1, 1)


@pytest.mark.parametrize("kind", ["ambiguity", "perspective"])
def test_difference_that_is_no_fault_keeps_the_votes(desk: Desk, kind: str) -> None:
    task_id = desk.both("Two ways to read it.", HATE, QUOTE)

    made = desk.judge(task_id, kind=kind, answers=ANSWERS)

    with desk.database.read() as session:
        row = session.get_one(Adjudication, made)
        assert (row.hate, row.severity, row.speech_act, row.strands) == (None, None, None, [])
        assert adjudicated_of(session) == {}
    with desk.database.write() as session, pytest.raises(Conflict, match="no answer to learn from"):
        make_gold(
            session,
            adjudication=session.get_one(Adjudication, made),
            use="seed",
            course="general",
            actor="officer:senior",
            now=desk.tick(),
        )


@pytest.mark.parametrize("undone", [False, True])
def test_whoever_labelled_the_text_does_not_judge_it_in_any_batch(desk: Desk, undone: bool) -> None:
    senior_labelled = "The senior labelled this text elsewhere."
    desk.add(senior_labelled, batch="elsewhere")
    senior = desk.ada
    senior.label_next(**HATE)
    if undone:
        senior.undo()
    desk.ada = type(desk.ben)(desk.database, desk.codebook, desk.tick, "cleo")
    desk.add(senior_labelled, batch="pilot", redundancy=2)
    for reader, answers in ((desk.ada, HATE), (desk.ben, QUOTE)):
        task = reader.claim("pilot")
        reader.save(task, **answers)

    with pytest.raises(NotAllowed):
        desk.judge(task.task_id, actor=senior.actor)
    with pytest.raises(NotAllowed):
        desk.judge(task.task_id, actor=desk.ben.actor)
    with desk.database.read() as session:
        assert session.scalars(select(Adjudication)).all() == []
    desk.judge(task.task_id)


def test_second_adjudicator_is_told_and_a_correction_names_what_it_corrects(desk: Desk) -> None:
    task_id = desk.both("A quotation of a slur.", HATE, QUOTE)
    first = desk.judge(task_id)

    with pytest.raises(Conflict):
        desk.judge(task_id, actor="officer:other")
    second = desk.judge(task_id, actor="officer:other", supersedes=first, kind="ambiguity")
    with pytest.raises(Conflict):
        desk.judge(task_id, supersedes=first)

    with desk.database.read() as session:
        standing = disputes.newest_adjudication(session, task_id)
        assert standing is not None
        assert (standing.adjudication_id, standing.supersedes) == (second, first)
        assert [row.adjudication_id for row, _ in disputes.lately(session, 5)] == [second]


def test_adjudication_is_never_changed(desk: Desk) -> None:
    made = desk.judge(desk.both("A quotation of a slur.", HATE, QUOTE))

    with pytest.raises(DBAPIError), desk.database.write() as session:
        session.get_one(Adjudication, made).hate = True


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "boredom"}, "kind"),
        ({"explanation": "  "}, "explanation"),
        ({"explanation": "x" * 2_001}, "explanation"),
        ({"answers": None}, "severity"),
        ({"answers": Answers(severity=9)}, "severity"),
        ({"answers": Answers(severity=2, speech_act="neutral")}, "speech_act"),
        ({"answers": Answers(severity=2, speech_act="endorses", codes=["IH2"])}, "codes"),
    ],
)
def test_answer_outside_the_codebook_is_refused_by_field(desk: Desk, changes: Any, field: str) -> None:
    task_id = desk.both("A quotation of a slur.", HATE, QUOTE)

    with pytest.raises(BadInput) as caught:
        desk.judge(task_id, **changes)

    assert caught.value.field == field
    assert desk.waiting() == [task_id]


def test_decided_text_becomes_gold_and_a_correction_retires_it(desk: Desk) -> None:
    task_id = desk.both("A quotation of a slur.", HATE, QUOTE)
    first = desk.judge(task_id)
    with desk.database.write() as session:
        gold = make_gold(
            session,
            adjudication=session.get_one(Adjudication, first),
            use="seed",
            course="antisemitic",
            actor="officer:senior",
            now=desk.tick(),
        )
    with desk.database.read() as session:
        (known,) = gold_of(session).values()
        assert known.answer.hate is False

    desk.judge(task_id, supersedes=first)

    with desk.database.read() as session:
        assert gold_of(session) == {}
        assert session.get_one(GoldItem, gold.gold_id).retired_at is not None


def test_same_answers_against_each_other_before_are_a_sign(desk: Desk) -> None:
    for number in range(3):
        desk.judge(desk.both(f"Quotation {number}.", HATE, QUOTE, batch=f"batch {number}"))
    desk.both("Once more.", HATE, QUOTE, batch="now")

    with desk.database.read() as session:
        (one,) = disputes.waiting(session, desk.codebook, *desk.rules)
    assert "disputed_before" in {reason.sign for reason in one.suggestion.reasons}
