"""Registering bundles: verified, copied into the hub's own folder, and kept with what made them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.bundle import MANIFEST, Bundle, default_bundle_folder
from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.identifiers import new_id
from serve.storage.tables import BundleRow, GateVerdict

SHIPPED: Final = "shipped"
"""Stands for the folder of the bundle that ships with the product."""
FOLDER: Final = "bundles"
"""Where a hub keeps its bundles, inside its own folder."""

LINEAGE: Final = (
    *("data", "labels", "recipe_sha256", "code_sha256", "far_right_lexicon_sha256", "codebook_sha256"),
    *("normaliser_version", "trained_at", "seed", "parent"),
)
"""Facts of a manifest that say where a bundle came from; those that it has."""

VERDICTS: Final = ("promote", "refuse", "needs labels")
MOST_DECISION_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KnownBundle:
    """A registered bundle and the newest verdict on it against the bundle that is asked for."""

    row: BundleRow
    verdict: GateVerdict | None


def register(session: Session, *, home: Path, folder: Path, actor: str, now: datetime) -> BundleRow:
    """The bundle of a folder, verified byte by byte and copied into the hub's folder; known from now on.

    Registering it again changes nothing. Raises: BundleRefused naming the file at fault.
    """
    bundle = Bundle.load(folder)
    known = session.get(BundleRow, bundle.bundle_id)
    if known is not None:
        return known
    is_shipped = folder.resolve() == default_bundle_folder().resolve()
    if not is_shipped:
        _copy(bundle, home / FOLDER / bundle.bundle_id)
    row = BundleRow(
        bundle_id=bundle.bundle_id,
        folder=SHIPPED if is_shipped else f"{FOLDER}/{bundle.bundle_id}",
        manifest_sha256=str(bundle.manifest["manifest_sha256"]),
        lineage=_lineage(bundle.manifest),
        registered_at=now,
        registered_by=actor,
    )
    session.add(row)
    details: dict[str, Detail] = {"manifest_sha256": row.manifest_sha256}
    record(
        session, actor=actor, event=Event.BUNDLE_REGISTERED, subject=row.bundle_id, details=details, at=now
    )
    session.flush()
    return row


def folder_of(home: Path, row: BundleRow) -> Path:
    """Where the files of a registered bundle lie."""
    return default_bundle_folder() if row.folder == SHIPPED else home / row.folder


def load_registered(home: Path, row: BundleRow) -> Bundle:
    """The bundle, every byte checked again, and the very one that was registered.

    Raises: BundleRefused.
    """
    bundle = Bundle.load(folder_of(home, row))
    if bundle.manifest["manifest_sha256"] != row.manifest_sha256:
        raise BadInput("bundle: the folder holds another bundle than was registered", field="bundle")
    return bundle


def record_verdict(session: Session, *, decision: bytes, actor: str, now: datetime) -> GateVerdict:
    """Keeps what `watchhouse gate --out` wrote of a registered bundle.

    Raises: BadInput if it is no such file, NotFound if its bundle is not registered.
    """
    if len(decision) > MOST_DECISION_BYTES:
        raise BadInput("decision: too large", field="decision")
    try:
        facts: Any = json.loads(decision)
    except (ValueError, RecursionError):
        raise BadInput("decision: not JSON", field="decision") from None
    if not isinstance(facts, dict) or facts.get("verdict") not in VERDICTS:
        raise BadInput("decision: not what watchhouse gate writes", field="decision")
    new, old, made_at = (facts.get(name) for name in ("new", "old", "made_at"))
    if not isinstance(new, str) or not isinstance(old, str) or not isinstance(made_at, str):
        raise BadInput("decision: says not which bundles, or when", field="decision")
    if session.get(BundleRow, new) is None:
        raise NotFound("bundle: it is not registered", field="bundle")
    needed = facts.get("labels_needed")
    row = GateVerdict(
        verdict_id=new_id(),
        bundle_id=new,
        against=old,
        verdict=facts["verdict"],
        labels_needed=needed if type(needed) is int and 0 <= needed < 2**31 else 0,
        decision=facts,
        decided_at=_instant(made_at),
        recorded_at=now,
        recorded_by=actor,
    )
    session.add(row)
    details: dict[str, Detail] = {"verdict_id": row.verdict_id, "verdict": row.verdict, "against": old[:200]}
    record(session, actor=actor, event=Event.GATE_RECORDED, subject=new, details=details, at=now)
    session.flush()
    return row


def newest_verdict(session: Session, bundle_id: str, against: str) -> GateVerdict | None:
    """The newest verdict on a bundle against another; None if the gate was never asked."""
    return session.scalars(
        select(GateVerdict)
        .where(GateVerdict.bundle_id == bundle_id, GateVerdict.against == against)
        .order_by(GateVerdict.decided_at.desc(), GateVerdict.verdict_id.desc())
        .limit(1)
    ).first()


def known_bundles(session: Session, current: str) -> list[KnownBundle]:
    """Every registered bundle, the newest first, with what the gate said of it against `current`."""
    rows = session.scalars(select(BundleRow).order_by(BundleRow.registered_at.desc(), BundleRow.bundle_id))
    return [KnownBundle(row, newest_verdict(session, row.bundle_id, current)) for row in rows]


def _copy(bundle: Bundle, target: Path) -> None:
    """Copies what the manifest names, beside its place, and puts it there in one step."""
    if (target / MANIFEST).is_file():
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True, mode=0o700)
    for name in (MANIFEST, *bundle.manifest["files"]):
        shutil.copyfile(bundle.folder / name, beside / name)
    Bundle.load(beside)  # what was copied is what was verified
    beside.replace(target)


def _lineage(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest[name] for name in LINEAGE if name in manifest}


def _instant(written: str) -> datetime:
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        raise BadInput("decision: made_at is no instant", field="decision") from None
    if instant.tzinfo is None:
        raise BadInput("decision: made_at has no time zone", field="decision")
    return instant
