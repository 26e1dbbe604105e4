"""`watchhouse admin bundles`, `register-bundle`, `roll-back`: the registry from the machine of the hub."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from serve.people.administration import open_home
from serve.registry import aliases as naming
from serve.registry.bundles import known_bundles, record_verdict, register
from serve.registry.live import begin_with
from serve.storage.identifiers import utc_now

ACTOR: Final = "system:admin-command"


def register_bundle(home: Path, *, folder: Path, verdict: Path | None = None) -> str:
    """The id of the bundle, verified, copied into the hub and known from now on, with the verdict if given.

    Raises: BadConfig, BundleRefused, BadInput.
    """
    _, database = open_home(home)
    with closing(database), database.write() as session:
        row = register(session, home=home, folder=folder, actor=ACTOR, now=utc_now())
        if verdict is not None:
            record_verdict(session, decision=verdict.read_bytes(), actor=ACTOR, now=utc_now())
        return row.bundle_id


def list_bundles(home: Path) -> list[str]:
    """A line for each bundle: what it is called now, its id, and the gate's newest word on it.

    Raises: BadConfig, BundleRefused.
    """
    settings, database = open_home(home)
    with closing(database):
        if settings.bundle is not None:
            begin_with(database, home, settings.bundle)
        with database.read() as session:
            named = naming.aliases(session)
            current = "" if named is None else named.current
            names = (
                {}
                if named is None
                else {named.current: "current", named.shadow: "shadow", named.previous: "previous"}
            )
            return [
                f"{names.get(one.row.bundle_id, ''):<9} {one.row.bundle_id:<40} "
                f"{'' if one.verdict is None else one.verdict.verdict}".rstrip()
                for one in known_bundles(session, current)
            ]


def roll_back(home: Path, *, reason: str) -> str:
    """The id of the bundle that scores again: the one before.

    Raises: BadConfig, BadInput, Conflict.
    """
    _, database = open_home(home)
    with closing(database), database.write() as session:
        return naming.roll_back(session, actor=ACTOR, now=utc_now(), reason=reason).current


def _names(named: naming.Aliases) -> dict[str | None, str]:
    return {named.previous: "previous", named.shadow: "shadow", named.current: "current"}
