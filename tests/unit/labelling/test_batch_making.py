"""Batches made to order: what is chosen, with which chance, for how many people, and never twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_traffic import add_traffic
from sqlalchemy import func, select

from labelling.batch_making import Plan, Wish, plan_batch, write_batch
from labelling.codebook import Codebook
from labelling.glossary import load_glossary
from labelling.sampling.rules import load_sampling_rules
from labelling.sampling_words import DRAWN, NOBODY_CHOSE, why_words
from model.classifier import load_classifier
from model.errors import BadInput, Conflict
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import Adjudication, BatchRow, GoldItem, Task, TaskSlot

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PLACES = ("market", "river", "library", "station", "park", "school", "harbour", "bakery")
VERBS = ("opens", "closes", "floods", "moves", "sings", "waits", "burns", "grows")


def _texts(count: int, name: str = "post") -> list[str]:
    return [
        f"{name} {number}: the {PLACES[number % 8]} {VERBS[number // 8 % 8]} at {number}."
        for number in range(count)
    ]


@pytest.fixture
def make(database: Database, codebook: Codebook, tiny_bundle: Path) -> Callable[..., Plan]:
    """Plans and writes a batch: `make("b1", texts=10)`."""
    classifier, rules = load_classifier(tiny_bundle), load_sampling_rules()

    def made(batch: str, *, seed: int = 7, now: datetime = NOW, write: bool = True, **wish: Any) -> Plan:
        order = Wish(batch, **{"source": "background", "texts": 20, **wish})
        with database.read() as session:
            plan = plan_batch(session, classifier, rules, order, seed=seed, now=now)
        if write:
            with database.write() as session:
                write_batch(session, codebook, plan, actor="officer:maker", now=now)
        return plan

    return made


def _tasks(database: Database, batch: str) -> list[Task]:
    with database.read() as session:
        return list(session.scalars(select(Task).where(Task.batch == batch).order_by(Task.place)))


def test_batch_of_traffic_has_its_audit_with_chances_and_two_people_for_each(
    database: Database, make: Callable[..., Plan]
) -> None:
    add_traffic(database, _texts(100), at=NOW, hate=[number / 100 for number in range(100)])

    make("pilot", texts=20, labels_a_text=1, audit_share=0.25)

    chosen = _tasks(database, "pilot")
    reasons = Counter(task.sample_reason for task in chosen)
    assert len(chosen) == 20
    assert reasons["audit"] == 5
    assert reasons["uncertainty"] > 0
    for task in chosen:
        assert (task.inclusion_probability is not None) == (task.sample_reason == "audit")
        assert task.source == "background"
    with database.read() as session:
        slots = dict(session.execute(select(TaskSlot.task_id, func.count()).group_by(TaskSlot.task_id)).all())
        row = session.get_one(BatchRow, "pilot")
    assert {slots[task.task_id] for task in chosen if task.sample_reason == "audit"} == {2}
    assert {slots[task.task_id] for task in chosen if task.sample_reason != "audit"} == {1}
    assert row.drawn is not None
    assert row.drawn["chosen"] == dict(reasons)
    assert (row.drawn["pool"], row.drawn["frame"], row.drawn["seed"]) == (100, 100, 7)
    assert [task.place for task in chosen] == list(range(1, 21))


def test_same_seed_chooses_the_same_and_another_one_others(
    database: Database, make: Callable[..., Plan]
) -> None:
    add_traffic(database, _texts(60), at=NOW, hate=[number / 60 for number in range(60)])

    first, again = (make(name, write=False) for name in ("one", "two"))
    other = make("three", write=False, seed=8)

    ids = [[row.external_id for row in plan.rows] for plan in (first, again, other)]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


def test_next_batch_repeats_no_text_and_audits_only_what_has_come_since(
    database: Database, make: Callable[..., Plan]
) -> None:
    add_traffic(database, _texts(40), at=NOW)
    make("first", texts=20, audit_share=0.5)
    later = NOW + timedelta(hours=1)
    new = add_traffic(database, _texts(30, "later"), at=later)

    make("second", texts=20, audit_share=0.5, now=later + timedelta(hours=1))

    first, second = _tasks(database, "first"), _tasks(database, "second")
    assert not {task.text for task in first} & {task.text for task in second}
    audited = {task.external_id for task in second if task.sample_reason == "audit"}
    assert len(audited) == 10
    assert audited <= set(new)


def test_audit_that_the_limit_on_reading_did_not_hold_comes_first_in_the_next_batch(
    database: Database, make: Callable[..., Plan]
) -> None:
    # Ten decided texts of S4 weigh 8 each: a batch holds five.
    add_traffic(database, _texts(10), at=NOW, decided=4)
    first = make("first", source="cases", texts=10, audit_share=1.0)
    waiting = [post["id"] for post in first.drawn["audit_waiting"]]
    assert len(waiting) == 5

    second = make("second", source="cases", texts=10, audit_share=1.0)

    assert [row.external_id for row in first.rows if row.sample_reason == "audit"] != []
    assert {row.external_id for row in second.rows} == set(waiting)
    assert {row.sample_reason for row in second.rows} == {"audit"}
    assert {row.inclusion_probability for row in second.rows} == {1.0}


def test_texts_of_a_file_are_scored_and_chosen_from(
    database: Database, make: Callable[..., Plan], add: Callable[..., Any]
) -> None:
    add(*_texts(30), batch="imported")

    plan = make("again", source="batch:imported", texts=10, audit_share=0.2)

    assert len(plan.rows) == 10
    assert plan.drawn["pool"] == 30
    assert Counter(row.sample_reason for row in plan.rows)["audit"] == 2


def test_gold_and_rests_are_mixed_in_and_the_page_says_the_same_of_all(
    database: Database, make: Callable[..., Plan], add: Callable[..., Any], codebook: Codebook
) -> None:
    calm = [0.01] * 20 + [0.6] * 20
    add_traffic(database, _texts(40), at=NOW, hate=calm)
    add("A text that seniors agreed on.", batch="earlier")
    _gold(database, codebook)

    plan = make("mixed", texts=10, gold_share=0.1, relief_share=0.3)

    reasons = Counter(row.sample_reason for row in plan.rows)
    assert reasons["gold"] == 1
    assert reasons["relief"] == 3
    assert len({row.text for row in plan.rows}) == 14
    with database.read() as session:
        words = {why_words(row) for row in session.scalars(select(BatchRow))}
    assert words == {DRAWN, NOBODY_CHOSE}


def _gold(database: Database, codebook: Codebook) -> None:
    with database.write() as session:
        task = session.scalars(select(Task).where(Task.batch == "earlier")).one()
        adjudication_id = new_id()
        session.add(
            Adjudication(
                adjudication_id=adjudication_id, task_id=task.task_id, adjudicator="officer:dot",
                adjudicated_at=NOW, kind="error", label_ids=[], strands=[], codes=[], hate=False, severity=0,
                speech_act="neutral", context_flags=[], explanation="It is about a text.",
                codebook=codebook.version, codebook_sha256=codebook.sha256,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            GoldItem(
                gold_id=new_id(), adjudication_id=adjudication_id, text=task.text,
                text_sha256=task.text_sha256, course="general", use="seed", made_at=NOW,
                made_by="officer:dot",
            )
        )  # fmt: skip


def test_rests_are_never_taken_from_traffic_before_its_audit_is_drawn(
    database: Database, make: Callable[..., Plan]
) -> None:
    add_traffic(database, _texts(10), at=NOW, hate=[0.01] * 10)
    add_traffic(database, _texts(5, "decided"), at=NOW, hate=[0.7] * 5, decided=2)

    before = make("cases-1", source="cases", texts=3, relief_share=1.0)
    make("traffic-1", texts=2, now=NOW + timedelta(hours=1))
    after = make("cases-2", source="cases", texts=3, relief_share=1.0)

    assert Counter(row.sample_reason for row in before.rows)["relief"] == 0
    assert Counter(row.sample_reason for row in after.rows)["relief"] == 3


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"source": "elsewhere"}, "source"),
        ({"texts": 0}, "texts"),
        ({"texts": 1_001}, "texts"),
        ({"labels_a_text": 4}, "labels_a_text"),
        ({"audit_share": 1.5}, "audit_share"),
        ({"gold_share": 0.3}, "gold_share"),
        ({"relief_share": -0.1}, "relief_share"),
        ({"assisted": True}, "audit_share"),
    ],
)
def test_wish_that_cannot_be_is_refused_by_its_field(
    make: Callable[..., Plan], wish: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        make("pilot", **wish)

    assert refused.value.field == field


def test_name_that_is_taken_and_source_that_is_empty_are_refused(
    database: Database, make: Callable[..., Plan]
) -> None:
    with pytest.raises(Conflict, match="nothing"):
        make("pilot")
    add_traffic(database, _texts(3), at=NOW)
    make("pilot")

    with pytest.raises(Conflict, match="of that name"):
        make("pilot")


def test_text_with_a_live_coded_term_comes_for_the_term(
    database: Database, make: Callable[..., Plan]
) -> None:
    glossary, _ = load_glossary()
    term = next(one for one in glossary.terms if one.review_by > NOW.date() and one.stands_in(one.term))
    add_traffic(database, _texts(100), at=NOW, hate=[number / 1000 for number in range(100)])
    add_traffic(database, [f"Somebody wrote {term.term} on the wall."], at=NOW, hate=[0.01])

    make("pilot", texts=40, audit_share=0.0)

    coded = [task.text for task in _tasks(database, "pilot") if task.sample_reason == "coded_term"]
    assert coded == [f"Somebody wrote {term.term} on the wall."]
