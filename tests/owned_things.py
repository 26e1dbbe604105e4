"""How a person comes to own what an address of the hub is about, a line for each parameter of a path.

The matrix of permissions (tests/security/test_permissions.py) asks for every address what happens to one's
own thing, somebody else's, and none at all. A new parameter of a path wants a line here: in `OWNED`, if
somebody holds or made such a thing, else in `NOBODYS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from labelling import labels, tasks
from labelling.batches import make_batch
from labelling.codebook import load_codebook
from labelling.task_sources import TaskRow
from model.configuration import sha256_of
from serve.cases import leases
from serve.people import keys
from serve.people.officers import create_officer, officer_actor
from serve.people.own_account import own_sessions
from serve.people.sessions import open_session
from serve.registry import aliases as naming
from serve.registry.bundles import register
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import (
    BundleRow,
    Case,
    CasePost,
    GateVerdict,
    LabelSuspect,
    Officer,
    Post,
    Promotion,
    Quarantined,
    RoleGrant,
    SavedFilter,
    SuiteResult,
    SuiteRow,
    SuiteRun,
)

Maker = Callable[[Database, Settings, Officer, Officer, bool], Mapping[str, str]]
"""(database, settings, person, somebody else, is it the person's own) -> values for the path's parameters."""

CSV: Final = b"functionality,test_case,label_gold\nplain,The market opens at nine.,non-hateful\n"


def _owner(person: Officer, other: Officer, own: bool) -> str:
    return officer_actor((person if own else other).officer_id)


def case(
    database: Database, _settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A case with one post, held by its owner."""
    now, case_id, post_id = utc_now(), new_id(), new_id()
    actor = _owner(person, other, own)
    with database.write() as session:
        while (held := leases.held_by(session, actor, now)) is not None:  # from the address before
            number = held.lease_number
            leases.release(session, case_id=held.case_id, lease_number=number, actor=actor, now=now)
        session.add(
            Post(
                post_id=post_id, text="A fair.", text_sha256="0" * 64, received_at=now,
                received_from="key:1", scored_at=now,
            )
        )  # fmt: skip
        session.add(
            Case(
                case_id=case_id, state="in_review", route="review", strands=[], priority=1.0, created_at=now,
                lease_number=1, leased_by=actor, lease_expires_at=now + timedelta(hours=1),
            )
        )  # fmt: skip
        session.flush()
        session.add(CasePost(case_id=case_id, post_id=post_id))
    return {"case_id": case_id, "post_id": post_id}


def task(
    database: Database, settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A text to label, held by its owner."""
    now, batch = utc_now(), f"batch-{new_id()}"
    with database.write() as session:
        make_batch(session, load_codebook(settings.codebook), batch=batch, actor="system:tests", now=now)
        tasks.add_tasks(
            session, batch=batch, rows=[TaskRow("1", f"A fair at {batch}.")], source="made", now=now,
            actor="system:tests",
        )  # fmt: skip
        claimed = tasks.claim(
            session, actor=_owner(person, other, own), now=now, lease_seconds=600, batch=batch
        )
    assert claimed is not None
    return {"task_id": claimed.task_id}


def disputed(
    database: Database, settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A text on which two readers differ, one of whom is its owner; one of its labels is suspected, one held
    back."""
    now, batch, suspect_id = utc_now(), f"batch-{new_id()}", new_id()
    codebook = load_codebook(settings.codebook)
    with database.write() as session:
        make_batch(session, codebook, batch=batch, actor="system:tests", now=now, redundancy=2)
        tasks.add_tasks(
            session, batch=batch, rows=[TaskRow("1", f"A fair at {batch}.")], source="made", now=now,
            actor="system:tests",
        )  # fmt: skip
        for actor, act in ((_owner(person, other, own), "endorses"), ("officer:third", "counters")):
            claimed = tasks.claim(session, actor=actor, now=now, lease_seconds=600, batch=batch)
            assert claimed is not None
            label_id = labels.save(
                session, codebook, task_id=claimed.task_id, lease_number=claimed.lease_number, actor=actor,
                now=now, answers=labels.Answers((), 1, act),
            )  # fmt: skip
        session.add(
            LabelSuspect(
                suspect_id=suspect_id, task_id=claimed.task_id, found_at=now, found_by="made",
                why="model_disagrees", score=0.5,
                details={
                    "head": "hate", "given": 1, "suggested": 0, "model_score": 0.5, "out_of_fold": True,
                    "adjudicated": False, "votes": {},
                    "reasons": [{"reason": "model_disagrees", "words": "w"}],
                },
            )
        )  # fmt: skip
        session.add(Quarantined(label_id=label_id, why="resting", since=now))
    return {"disputed_id": claimed.task_id, "suspect_id": suspect_id, "held_label_id": label_id}


def promotion(
    database: Database, settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A request, made by its owner, that another bundle may score."""
    now, ids = utc_now(), [new_id() for _ in range(3)]
    actor = _owner(person, other, own)
    with database.write() as session:
        if naming.aliases(session) is None:
            row = register(
                session, home=settings.home, folder=settings.bundle or Path(), actor=actor, now=now
            )
            naming.begin(session, bundle_id=row.bundle_id, actor=actor, now=now)
        named = naming.aliases(session)
        assert named is not None
        session.add(
            BundleRow(
                bundle_id=f"made-{ids[0]}", folder="bundles/made", manifest_sha256="0" * 64, lineage={},
                registered_at=now, registered_by=actor,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            GateVerdict(
                verdict_id=ids[1], bundle_id=f"made-{ids[0]}", against=named.current, verdict="promote",
                labels_needed=0, decision={}, decided_at=now, recorded_at=now, recorded_by=actor,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Promotion(
                promotion_id=ids[2], bundle_id=f"made-{ids[0]}", replaces=named.current, verdict_id=ids[1],
                reason="made", asked_by=actor, asked_at=now,
            )
        )  # fmt: skip
    return {"promotion_id": ids[2]}


def suite(
    database: Database, _settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A suite that its owner uploaded and had run."""
    now, suite_id, actor = utc_now(), new_id(), _owner(person, other, own)
    with database.write() as session:
        session.add(
            SuiteRow(
                suite_id=suite_id, name="made", sha256=suite_id.ljust(64, "0"), cases=1, uploaded_at=now,
                uploaded_by=actor, csv=CSV,
            )
        )  # fmt: skip
        session.flush()
        session.add(SuiteRun(suite_id=suite_id, bundle="made-1", requested_at=now, requested_by=actor))
        session.flush()
        session.add(
            SuiteResult(
                suite_id=suite_id, bundle="made-1", thresholds={"hate": 0.5}, scores={"hate": [0.25]},
                scored_at=now,
            )
        )  # fmt: skip
    return {"suite_id": suite_id, "bundle": "made-1"}


def account(
    database: Database, _settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A new account that its owner made."""
    with database.write() as session:
        made = create_officer(
            session, name=f"made {new_id()}", role="annotator", password=None, at=utc_now(),
            actor=_owner(person, other, own),
        )  # fmt: skip
    return {"officer_id": made.officer_id}


def grant(
    database: Database, settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A request for a role of somebody, that its owner made and nobody has decided."""
    grant_id = new_id()
    whom = account(database, settings, person, other, own)["officer_id"]
    with database.write() as session:
        session.add(
            RoleGrant(
                grant_id=grant_id, officer_id=whom, role="hub_lead", requested_at=utc_now(),
                requested_by=_owner(person, other, own), by_only_admin=False,
            )
        )  # fmt: skip
    return {"grant_id": grant_id}


def key(
    database: Database, _settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A key that its owner made."""
    with database.write() as session:
        made = keys.create_key(
            session, scopes=["score"], label="made", actor=_owner(person, other, own), at=utc_now()
        )
    return {"key_id": made.key_id}


def browser(
    database: Database, settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A session of its owner in another browser."""
    officer_id = (person if own else other).officer_id
    with database.write() as session:
        opened = open_session(session, settings, officer_id=officer_id, at=utc_now())
        listed = own_sessions(
            session, settings, officer_id=officer_id, this=sha256_of(opened.token.encode()), at=utc_now()
        )
    return {"session_reference": next(one.reference for one in listed if one.is_this_one)}


def saved_filter(
    database: Database, _settings: Settings, person: Officer, other: Officer, own: bool
) -> dict[str, str]:
    """A search that its owner keeps under a name."""
    filter_id = new_id()
    with database.write() as session:
        session.add(
            SavedFilter(
                filter_id=filter_id, actor=_owner(person, other, own), name=f"made {filter_id}",
                query={"q": "fair"}, saved_at=utc_now(),
            )
        )  # fmt: skip
    return {"filter_id": filter_id}


OWNED: Final[dict[str, Maker]] = {
    "case_id": case,
    "post_id": case,
    "task_id": task,
    "disputed_id": disputed,
    "suspect_id": disputed,
    "held_label_id": disputed,
    "promotion_id": promotion,
    "suite_id": suite,
    "officer_id": account,
    "grant_id": grant,
    "key_id": key,
    "session_reference": browser,
    "filter_id": saved_filter,
}
NOBODYS: Final = frozenset({"name", "digest", "file", "report", "report_file", "bundle", "action", "page"})
