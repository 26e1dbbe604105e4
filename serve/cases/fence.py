"""The fence before a judgement: kept statements that find a case, or move it on, for its live holder alone.

Kept, because every judgement runs them and to put them together takes longer than to run them. Whatever a
caller last read, the UPDATE finds a row only for the lease that is live now, so of two who try one gets it.
Source: PROMISES.md section 0, findings 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Table,
    bindparam,
    select,
    update,
)

from serve.cases.leases import live_lease
from serve.storage.tables import Case

CASES: Final = cast("Table", Case.__table__)

LIVE_LEASE: Final = live_lease(
    bindparam("held_case"), bindparam("held_number"), bindparam("held_by"), bindparam("held_at")
)
"""The conditions of a live lease, for `lease_parameters`."""


def lease_parameters(case_id: str, lease_number: int, actor: str, now: datetime) -> dict[str, Any]:
    """What a statement with `LIVE_LEASE` is run with."""
    return {"held_case": case_id, "held_number": lease_number, "held_by": actor, "held_at": now}


def held_case_statement(conditions: Sequence[ColumnElement[bool]]) -> Select[Case]:
    """The case, locked to the end of the transaction, as it stands in the database."""
    found = select(Case).where(*conditions).with_for_update()
    return found.execution_options(populate_existing=True)


def pass_statement(conditions: Sequence[ColumnElement[bool]]) -> Executable:
    """Ends the lease and moves the case on; with a parameter `new_...` for each column that a judgement
    changes. A row comes back if it did.
    """
    changed = ("state", "waiting", "victim_update_due", "severity_expected", "rank", "decided_at")
    values: dict[str, Any] = {column: bindparam(f"new_{column}") for column in changed}
    ended = {"leased_by": None, "leased_at": None, "lease_expires_at": None}
    return update(CASES).where(*conditions).values(**values, **ended).returning(CASES.c.case_id)


HELD_CASE: Final = held_case_statement(LIVE_LEASE)
PASS_FENCE: Final = pass_statement(LIVE_LEASE)
