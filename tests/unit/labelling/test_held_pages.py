"""What the firewall holds back, on a page: counted by reason, let go by a senior, and then it trains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from desk_in_a_browser import Desk
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import tasks
from labelling.firewall import Quarantined as Reason
from labelling.firewall import load_firewall
from labelling.held_back import LETS_GO, PROTECTED
from labelling.held_pages import REASON_WORDS
from labelling.training_set import TrainingSet, keep_quarantine, training_set
from serve.people.roles import Role
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import AuditEvent, LabelRow, Officer, Quarantined

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]
Tick = Callable[..., datetime]

RULES, _ = load_firewall()
HATE: dict[str, Any] = {"severity": 1, "speech_act": "endorses", "strands": ["antisemitic"]}


@pytest.fixture
def enter(client: TestClient, sign_in: Any, officer: Callable[..., Officer]) -> Callable[[str], Desk]:
    """Somebody of a role with a plain browser."""

    def come_in(role: str) -> Desk:
        person = officer(role)
        return Desk(client, sign_in(client, person), f"officer:{person.officer_id}")

    return come_in


def hold(database: Database, now: datetime, *, days: float = 0) -> TrainingSet:
    """What an export for training does, so many days on."""
    with database.write() as session:
        found = training_set(session, RULES, now=now + timedelta(days=days), other_posts=10_000)
        keep_quarantine(session, found.admission, now)
        return found


def two_labels(add: Add, annotator: People, text: str = "They <b>all</b> of them.", **rules: Any) -> None:
    add(text, redundancy=2, **rules)
    for name in ("ada", "ben"):
        annotator(name).label_next(**HATE)


def held_ids(database: Database, why: str | None = None) -> list[str]:
    with database.read() as session:
        query = select(Quarantined.label_id).order_by(Quarantined.label_id)
        return list(session.scalars(query if why is None else query.where(Quarantined.why == why)))


def test_pages_open_for_those_who_judge_labels_and_nobody_else(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk]
) -> None:
    two_labels(add, annotator)
    hold(database, tick())
    label_id = held_ids(database)[0]

    statuses = {}
    for role in Role:
        desk = enter(role.value)
        pages = [desk.get(path).status_code for path in ("/held", f"/held/{label_id}")]
        statuses[role] = (*pages, desk.post(f"/held/{label_id}").status_code)

    seniors = {Role.SUPERVISOR, Role.HUB_LEAD}
    assert {role for role, found in statuses.items() if found == (200, 200, 422)} == seniors
    assert {found for role, found in statuses.items() if role not in seniors} == {(403, 403, 403)}
    assert hold(database, tick()).admission.counts == {"resting": 2, "admitted": 0}


def test_label_that_rests_is_let_go_with_a_reason_and_trains(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk]
) -> None:
    two_labels(add, annotator)
    assert hold(database, tick()).admission.counts == {"resting": 2, "admitted": 0}
    lead = enter("hub_lead")

    listed = lead.get("/held").text
    assert 'data-head="Labels" class="number">2<' in listed
    first, second = held_ids(database)
    page = lead.get(f"/held/{first}").text
    assert "They &lt;b&gt;all&lt;/b&gt; of them." in page
    assert "officer:ada" not in page + listed
    for label_id in (first, second):
        done = lead.follow(lead.post(f"/held/{label_id}", because="  I read <i>it</i>. "))
    assert "Let go: the label trains" in done.text
    assert "I read &lt;i&gt;it&lt;/i&gt;." in done.text
    assert "2 labels were let go" in done.text

    assert hold(database, tick()).admission.counts == {"admitted": 2}
    with database.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.event == "labelling:label:let_go")).all()
        assert [(one.actor, one.subject, one.details["why"]) for one in events] == [
            (lead.actor, first, "resting"),
            (lead.actor, second, "resting"),
        ]
        rows = session.scalars(select(Quarantined)).all()
        assert {(row.released_by, row.released_because) for row in rows} == {
            (lead.actor, "I read <i>it</i>.")
        }


@pytest.mark.parametrize(
    ("because", "words"),
    [("", "Say why"), (" \n", "Say why"), ("x" * 1_001, "At most 1,000"), ("\u0001\ud83d", "cannot be used")],
)
def test_nothing_is_let_go_without_a_reason(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk],
    because: str, words: str,
) -> None:  # fmt: skip
    two_labels(add, annotator)
    hold(database, tick())
    lead = enter("supervisor")
    label_id = held_ids(database)[0]

    if because.endswith("\ud83d"):
        because = "\u0001"
    answer = lead.post(f"/held/{label_id}", because=because)

    assert answer.status_code == 422
    assert words.lower() in answer.text.lower()
    with database.read() as session:
        assert session.scalars(select(Quarantined.released_at)).all() == [None, None]
        assert session.scalars(select(AuditEvent).where(AuditEvent.event.endswith("let_go"))).all() == []


@pytest.mark.parametrize(
    ("purpose", "why", "words"),
    [
        ("audit", "protected_audit", "judges bundles or people"),
        ("gold", "protected_gold", "judges bundles or people"),
    ],
)
def test_what_judges_is_never_let_go(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk],
    purpose: str, why: str, words: str,
) -> None:  # fmt: skip
    two_labels(add, annotator, purpose=purpose)
    assert hold(database, tick(), days=30).admission.counts == {why: 2, "admitted": 0}
    lead = enter("hub_lead")
    label_id = held_ids(database, why)[0]

    assert "Nobody can let it go" in lead.get(f"/held/{label_id}").text
    assert f"/held/{label_id}" not in lead.get("/held").text
    answer = lead.post(f"/held/{label_id}", because="I want it to.")

    assert answer.status_code == 409
    assert words in answer.text
    assert hold(database, tick(), days=30).admission.counts == {why: 2, "admitted": 0}


def test_label_that_waits_for_other_people_is_not_let_go(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk]
) -> None:
    add("One reads.", redundancy=2)
    annotator("ada").label_next(**HATE)
    hold(database, tick(), days=30)
    (label_id,) = held_ids(database, "too_few_people")

    answer = enter("hub_lead").post(f"/held/{label_id}", because="She is right.")

    assert answer.status_code == 409
    assert "other people have to say the same" in answer.text


def test_nobody_lets_go_labels_of_a_text_that_they_labelled(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk]
) -> None:
    lead = enter("supervisor")
    add("Mine too.", redundancy=2)
    annotator("ada").label_next(**HATE)
    annotator(lead.actor.removeprefix("officer:")).label_next(**HATE)
    hold(database, tick())

    for label_id in held_ids(database):
        assert lead.get(f"/held/{label_id}").content == lead.get(f"/held/{new_id()}").content
        assert lead.post(f"/held/{label_id}", because="Mine.").status_code == 404
        assert f"/held/{label_id}" not in lead.get("/held").text
    assert "you labelled its text" in lead.get("/held").text
    assert hold(database, tick()).admission.counts == {"resting": 2, "admitted": 0}


def test_label_is_let_go_once_and_one_that_was_undone_is_not_there(
    database: Database, add: Add, annotator: People, tick: Tick, enter: Callable[[str], Desk]
) -> None:
    two_labels(add, annotator)
    hold(database, tick())
    first, second = held_ids(database)
    lead = enter("hub_lead")
    assert lead.post(f"/held/{first}", because="Once.").status_code == 303
    with database.write() as session:
        session.get_one(LabelRow, second).undone_at = tick()

    again = lead.post(f"/held/{first}", because="Twice.")
    gone = lead.post(f"/held/{second}", because="Gone.")

    assert (again.status_code, gone.status_code) == (409, 404)
    assert "in the meantime" in again.text
    with database.read() as session:
        assert session.get_one(Quarantined, first).released_because == "Once."


def test_every_reason_of_the_firewall_has_its_words() -> None:
    assert set(REASON_WORDS) == set(get_args(Reason))
    assert {*LETS_GO, *PROTECTED} <= set(REASON_WORDS)


def test_empty_hub_says_that_nothing_is_held_back(enter: Callable[[str], Desk]) -> None:
    assert "No label is held back." in enter("hub_lead").get("/held").text


def test_quarantine_is_written_down_and_a_person_may_let_a_label_go(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    two_labels(add, annotator)

    def run() -> TrainingSet:
        with database.write() as session:
            training = training_set(session, RULES, now=tick(), other_posts=1000)
            keep_quarantine(session, training.admission, tick())
            return training

    run()
    with database.write() as session:
        rows = session.scalars(select(Quarantined)).all()
        assert [row.why for row in rows] == ["resting", "resting"]
        for row in rows:
            row.released_by, row.released_at = "officer:lead", tick()
    released = run()
    with database.read() as session:
        kept = session.scalars(select(Quarantined.released_by)).all()

    assert released.admission.counts == {"admitted": 2}
    assert kept == ["officer:lead", "officer:lead"]
