from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from exposure_rules import made_policy
from sqlalchemy import func, select

from model.errors import BadInput
from serve.people.exposure import breaks
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.preferences import preferences, set_preferences
from serve.people.exposure.shift import Preferences, Standing
from serve.people.officers import disable_officer
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Break, ExposurePreferences, Reading, WentOn

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
Person = Callable[..., str]
CHOSEN = Preferences(("antisemitic", "far_right"), two_worst_in_a_row=True, covers=False, masks=True)


def choose(database: Database, actor: str, chosen: Preferences) -> None:
    with database.write() as session:
        set_preferences(session, actor=actor, now=NINE, chosen=chosen)


def events(database: Database) -> list[AuditEvent]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent)))


def test_somebody_who_never_chose_has_covers_and_reads_everything(database: Database, person: Person) -> None:
    with database.read() as session:
        assert preferences(session, person()) == Preferences((), False, True, False)


def test_choice_is_kept_and_steers_what_may_come_next(
    database: Database, person: Person, stands: Callable[..., Standing]
) -> None:
    ada, ben = person(), person()

    choose(database, ada, CHOSEN)

    assert stands(ada).preferences == CHOSEN
    assert not stands(ada).may_read.allows(1, ("far_right",))
    assert stands(ben).preferences == Preferences()
    assert stands(ben).may_read.allows(1, ("far_right",))


def test_strands_are_kept_once_each_in_their_order(database: Database, person: Person) -> None:
    ada = person()
    choose(database, ada, Preferences(("far_right", "antisemitic", "far_right")))

    with database.read() as session:
        assert preferences(session, ada).strands_excluded == ("antisemitic", "far_right")


def test_strand_that_does_not_exist_is_refused_without_repeating_it(
    database: Database, person: Person
) -> None:
    with pytest.raises(BadInput) as refused:
        choose(database, person(), Preferences(("made-up",)))

    assert "made-up" not in refused.value.message


def test_log_says_that_a_person_changed_their_preferences_and_never_what(
    database: Database, person: Person
) -> None:
    ada = person()
    choose(database, ada, CHOSEN)
    choose(database, ada, CHOSEN)
    choose(database, ada, Preferences())
    choose(database, ada, Preferences())

    first, second = events(database)
    for event in (first, second):
        assert (event.event, event.actor) == ("people:preferences:changed", ada)
        assert event.details == {}
        assert event.subject == ada.removeprefix("officer:")


def test_two_forms_sent_at_once_are_both_taken(database: Database, person: Person) -> None:
    ada = person()
    choices = [Preferences((strand,)) for strand in ("antisemitic", "islamophobic", "far_right")] * 3

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda chosen: choose(database, ada, chosen), choices))

    with database.read() as session:
        assert preferences(session, ada) in choices


def test_account_that_ends_takes_everything_about_the_persons_reading_with_it(
    database: Database, policy: ExposurePolicy, person: Person, read: Callable[..., bool]
) -> None:
    ada, ben = person(), person()
    quick = made_policy(budget={"default": 1, "roles": {}})
    for actor in (ada, ben):
        choose(database, actor, CHOSEN)
        read(actor, "one")
        with database.write() as session:
            breaks.go_on(session, quick, actor=actor, now=NINE, reason="danger")
            breaks.begin_break(session, policy, actor=actor, now=NINE)

    with database.write() as session:
        disable_officer(session, officer_id=ada.removeprefix("officer:"), actor="system:tests", at=NINE)

    with database.read() as session:
        for table in (Reading, Break, WentOn, ExposurePreferences):
            assert session.scalars(select(table.actor)).all() == [ben], table.__tablename__
            assert session.scalar(select(func.count()).select_from(table)) == 1
