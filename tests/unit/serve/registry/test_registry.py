"""Bundles in a hub: registered whole, promoted by two people on the gate's word, and rolled back by one."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from model.bundle import MANIFEST, Bundle
from model.errors import BadInput, BundleRefused, Conflict, NotAllowed, NotFound
from serve.registry import aliases as naming
from serve.registry.bundles import known_bundles, load_registered, record_verdict, register
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import AliasChange, AuditEvent, BundleRow, Promotion

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ADA, BEN = "officer:ada", "officer:ben"


def decision(new: str, old: str, verdict: str = "promote", made_at: datetime = NOW) -> bytes:
    """What `watchhouse gate --out` writes, as far as the hub reads it."""
    return json.dumps(
        {
            "schema_version": 1, "made_at": made_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "new": new, "old": old,
            "verdict": verdict, "labels_needed": 40 if verdict == "needs labels" else 0, "lines": [],
        }
    ).encode()  # fmt: skip


@pytest.fixture
def two(database: Database, hub_home: Path, tiny_bundle: Path, english_bundle: Path) -> tuple[str, str]:
    """The ids of the current bundle and of another that is registered, on a hub that has begun."""
    with database.write() as session:
        first = register(session, home=hub_home, folder=tiny_bundle, actor=ADA, now=NOW)
        second = register(session, home=hub_home, folder=english_bundle, actor=ADA, now=NOW)
        naming.begin(session, bundle_id=first.bundle_id, actor=ADA, now=NOW)
    return first.bundle_id, second.bundle_id


def promote(database: Database, two: tuple[str, str], *, asked_by: str = ADA, approved_by: str = BEN) -> None:
    current, new = two
    with database.write() as session:
        record_verdict(session, decision=decision(new, current), actor=ADA, now=NOW)
        asked = naming.ask_promotion(session, bundle_id=new, actor=asked_by, now=NOW, reason="better")
    with database.write() as session:
        naming.answer_promotion(
            session, promotion_id=asked.promotion_id, actor=approved_by, now=NOW, approve=True
        )


def test_registered_bundle_is_copied_and_loads_from_the_hub_s_own_folder(
    database: Database, hub_home: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_bundle, source)
    with database.write() as session:
        row = register(session, home=hub_home, folder=source, actor=ADA, now=NOW)
    shutil.rmtree(source)

    loaded = load_registered(hub_home, row)

    assert loaded.bundle_id == row.bundle_id == Bundle.load(tiny_bundle).bundle_id


def test_registering_twice_changes_nothing(database: Database, hub_home: Path, tiny_bundle: Path) -> None:
    with database.write() as session:
        register(session, home=hub_home, folder=tiny_bundle, actor=ADA, now=NOW)
        register(session, home=hub_home, folder=tiny_bundle, actor=BEN, now=NOW + timedelta(days=1))
    with database.read() as session:
        assert [row.registered_by for row in session.scalars(select(BundleRow))] == [ADA]
        events = session.scalars(select(AuditEvent.event)).all()
    assert events == ["registry:bundle:registered"]


def test_altered_copy_is_refused_by_the_name_of_its_file(
    database: Database, hub_home: Path, tiny_bundle: Path
) -> None:
    with database.write() as session:
        row = register(session, home=hub_home, folder=tiny_bundle, actor=ADA, now=NOW)
    (hub_home / row.folder / "tokenizer.json").write_text("{}")

    with pytest.raises(BundleRefused, match=r"tokenizer\.json"):
        load_registered(hub_home, row)


def test_other_bundle_in_the_place_of_a_registered_one_is_refused(
    database: Database, hub_home: Path, tiny_bundle: Path, english_bundle: Path
) -> None:
    with database.write() as session:
        row = register(session, home=hub_home, folder=tiny_bundle, actor=ADA, now=NOW)
    shutil.rmtree(hub_home / row.folder)
    shutil.copytree(english_bundle, hub_home / row.folder)

    with pytest.raises(BadInput):
        load_registered(hub_home, row)


def test_altered_bundle_is_not_registered(
    database: Database, hub_home: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "altered")
    (tmp_path / "altered" / MANIFEST).write_text("{}")

    with pytest.raises(BundleRefused), database.write() as session:
        register(session, home=hub_home, folder=tmp_path / "altered", actor=ADA, now=NOW)
    with database.read() as session:
        assert session.scalars(select(BundleRow)).all() == []


def test_two_people_and_the_gate_s_word_make_a_bundle_the_current_one(
    database: Database, two: tuple[str, str]
) -> None:
    promote(database, two)

    with database.read() as session:
        assert naming.aliases(session) == naming.Aliases(current=two[1], shadow=None, previous=two[0])


def test_nobody_promotes_alone(database: Database, two: tuple[str, str]) -> None:
    with pytest.raises(NotAllowed):
        promote(database, two, asked_by=ADA, approved_by=ADA)
    with database.read() as session:
        found = naming.aliases(session)
    assert found is not None
    assert found.current == two[0]


def test_the_database_itself_refuses_one_person_s_promotion(database: Database, two: tuple[str, str]) -> None:
    current, new = two
    with database.write() as session:
        verdict = record_verdict(session, decision=decision(new, current), actor=ADA, now=NOW)
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(
            Promotion(
                promotion_id=new_id(), bundle_id=new, replaces=current, verdict_id=verdict.verdict_id,
                reason="alone", asked_by=ADA, asked_at=NOW, answer="approved", answered_by=ADA,
                answered_at=NOW,
            )
        )  # fmt: skip


@pytest.mark.parametrize("verdict", ["refuse", "needs labels"])
def test_what_the_gate_does_not_promote_cannot_be_asked_for(
    database: Database, two: tuple[str, str], verdict: str
) -> None:
    current, new = two
    with database.write() as session:
        record_verdict(session, decision=decision(new, current, verdict), actor=ADA, now=NOW)
    with pytest.raises(Conflict, match=verdict), database.write() as session:
        naming.ask_promotion(session, bundle_id=new, actor=ADA, now=NOW, reason="please")


def test_without_a_verdict_against_the_current_bundle_nothing_is_asked(
    database: Database, two: tuple[str, str]
) -> None:
    with database.write() as session:
        record_verdict(session, decision=decision(two[1], "another-000000000000"), actor=ADA, now=NOW)
    with pytest.raises(Conflict, match="gate"), database.write() as session:
        naming.ask_promotion(session, bundle_id=two[1], actor=ADA, now=NOW, reason="please")


def test_old_verdict_does_not_count(database: Database, two: tuple[str, str]) -> None:
    current, new = two
    with database.write() as session:
        old = NOW - naming.MAY_BE_OLD - timedelta(days=1)
        record_verdict(session, decision=decision(new, current, made_at=old), actor=ADA, now=NOW)
    with pytest.raises(Conflict, match="older"), database.write() as session:
        naming.ask_promotion(session, bundle_id=new, actor=ADA, now=NOW, reason="please")


def test_later_refusal_takes_an_earlier_promotion_s_word_back(
    database: Database, two: tuple[str, str]
) -> None:
    current, new = two
    with database.write() as session:
        record_verdict(session, decision=decision(new, current), actor=ADA, now=NOW)
        later = NOW + timedelta(minutes=1)
        record_verdict(session, decision=decision(new, current, "refuse", later), actor=ADA, now=later)
    with pytest.raises(Conflict, match="refuse"), database.write() as session:
        naming.ask_promotion(session, bundle_id=new, actor=ADA, now=NOW, reason="please")


def test_roll_back_takes_one_person_and_can_be_taken_back(database: Database, two: tuple[str, str]) -> None:
    promote(database, two)

    with database.write() as session:
        back = naming.roll_back(session, actor=ADA, now=NOW, reason="officers overturn too much")
    with database.write() as session:
        forth = naming.roll_back(session, actor=BEN, now=NOW, reason="it was the feed")

    assert (back.current, back.previous) == two
    assert (forth.previous, forth.current) == two


def test_roll_back_without_a_previous_bundle_is_refused(database: Database, two: tuple[str, str]) -> None:
    with pytest.raises(Conflict), database.write() as session:
        naming.roll_back(session, actor=ADA, now=NOW, reason="why not")


def test_agreement_after_another_change_is_refused(
    database: Database, hub_home: Path, two: tuple[str, str], plain_bundle: Path
) -> None:
    current, new = two
    with database.write() as session:
        third = register(session, home=hub_home, folder=plain_bundle, actor=ADA, now=NOW).bundle_id
        for bundle_id in (new, third):
            record_verdict(session, decision=decision(bundle_id, current), actor=ADA, now=NOW)
        first, second = (
            naming.ask_promotion(session, bundle_id=one, actor=ADA, now=NOW, reason="r")
            for one in (new, third)
        )
    with database.write() as session:
        naming.answer_promotion(session, promotion_id=first.promotion_id, actor=BEN, now=NOW, approve=True)
    with pytest.raises(Conflict, match="another bundle"), database.write() as session:
        naming.answer_promotion(session, promotion_id=second.promotion_id, actor=BEN, now=NOW, approve=True)


def test_own_request_can_be_withdrawn_and_then_asked_anew(database: Database, two: tuple[str, str]) -> None:
    current, new = two
    with database.write() as session:
        record_verdict(session, decision=decision(new, current), actor=ADA, now=NOW)
        asked = naming.ask_promotion(session, bundle_id=new, actor=ADA, now=NOW, reason="r")
    with pytest.raises(Conflict), database.write() as session:
        naming.ask_promotion(session, bundle_id=new, actor=BEN, now=NOW, reason="r")
    with database.write() as session:
        naming.answer_promotion(session, promotion_id=asked.promotion_id, actor=ADA, now=NOW, approve=False)
        again = naming.ask_promotion(session, bundle_id=new, actor=BEN, now=NOW, reason="r")
    with database.read() as session:
        stored = session.get_one(Promotion, asked.promotion_id)
        assert stored.answer == "withdrawn"
        assert [one.promotion_id for one in naming.waiting_promotions(session)] == [again.promotion_id]


def test_shadow_begins_and_ends_and_is_never_the_current_one(
    database: Database, two: tuple[str, str]
) -> None:
    with database.write() as session:
        begun = naming.set_shadow(session, bundle_id=two[1], actor=ADA, now=NOW)
    with pytest.raises(Conflict), database.write() as session:
        naming.set_shadow(session, bundle_id=two[0], actor=ADA, now=NOW)
    with database.write() as session:
        ended = naming.set_shadow(session, bundle_id=None, actor=ADA, now=NOW)

    assert (begun.shadow, ended.shadow) == (two[1], None)


def test_promoted_shadow_stops_shadowing(database: Database, two: tuple[str, str]) -> None:
    with database.write() as session:
        naming.set_shadow(session, bundle_id=two[1], actor=ADA, now=NOW)
    promote(database, two)
    with database.read() as session:
        found = naming.aliases(session)
    assert found is not None
    assert found.shadow is None


@pytest.mark.parametrize(
    "sent",
    [b"", b"[]", b"nonsense", b'{"verdict": "promote"}', b'{"verdict": "yes", "new": "a", "old": "b"}',
     b"[" * 100_000],
)  # fmt: skip
def test_what_the_gate_did_not_write_is_refused(
    database: Database, two: tuple[str, str], sent: bytes
) -> None:
    with pytest.raises(BadInput), database.write() as session:
        record_verdict(session, decision=sent, actor=ADA, now=NOW)


def test_verdict_on_an_unknown_bundle_is_refused(database: Database, two: tuple[str, str]) -> None:
    with pytest.raises(NotFound), database.write() as session:
        record_verdict(session, decision=decision("nobody-000000000000", two[0]), actor=ADA, now=NOW)


def test_known_bundles_come_with_the_newest_verdict_against_the_current_one(
    database: Database, two: tuple[str, str]
) -> None:
    current, new = two
    with database.write() as session:
        record_verdict(session, decision=decision(new, current, "needs labels"), actor=ADA, now=NOW)
    with database.read() as session:
        found = {one.row.bundle_id: one.verdict for one in known_bundles(session, current)}
    assert found[current] is None
    assert found[new] is not None
    assert (found[new].verdict, found[new].labels_needed) == ("needs labels", 40)


@pytest.mark.parametrize("statement", ["UPDATE alias_changes SET reason = ''", "DELETE FROM alias_changes",
                                       "UPDATE gate_verdicts SET verdict = 'promote'",
                                       "UPDATE bundles SET folder = ''"])  # fmt: skip
def test_history_of_names_cannot_be_changed(database: Database, two: tuple[str, str], statement: str) -> None:
    with database.write() as session:
        record_verdict(session, decision=decision(two[1], two[0], "refuse"), actor=ADA, now=NOW)
    with pytest.raises(DBAPIError, match="never change"), database.write() as session:
        session.execute(text(statement))
    with database.read() as session:
        assert len(session.scalars(select(AliasChange)).all()) == 1
