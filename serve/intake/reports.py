"""Reports: what somebody told us of a post, read field by field and stored with the post.

Nothing is taken for granted: a consent that was not given is refused, and danger is only what was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from model.errors import BadInput
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.workflow.steps import Consent
from serve.field_text import field_text
from serve.storage.identifiers import new_id
from serve.storage.tables import Report

REPORTER_ROLES: Final = ("victim", "witness", "on_behalf", "organisation", "not_said")
CONSENTS: Final = tuple(consent.value for consent in Consent)
KEY_CHANNELS: Final = ("partner", "api")
"""Through what a program's report may have come; the first is meant where nothing is said."""
OFFICER_CHANNELS: Final = ("phone_101", "true_vision", "officer", "partner", "form")
"""Through what a report that an officer takes down may have come. Source: DOMAIN.md section 10."""

LONGEST: Final = {"why": 5_000, "reference": 200}
FIELDS: Final = frozenset(
    {"channel", "reporter_role", "consents", "immediate_danger", "under_18", "perceived_strands", *LONGEST}
)


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """A report that may be stored."""

    channel: str
    reporter_role: str
    consents: tuple[str, ...]
    immediate_danger: bool
    under_18: bool
    why: str
    perceived_strands: tuple[str, ...]
    reference: str | None


def read_report(raw: object, *, channels: Sequence[str]) -> IncomingReport:
    """The report of a post, every field checked. What is left out says the least: no consent, no danger.

    Raises: BadInput (also as NotText) naming the field, such as `report.consents`.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("report: must be an object", field="report")
    if not FIELDS.issuperset(raw):
        raise BadInput(f"report: has a field besides {', '.join(sorted(FIELDS))}", field="report")
    return IncomingReport(
        channel=_one_of(raw, "channel", channels, channels[0]),
        reporter_role=_one_of(raw, "reporter_role", REPORTER_ROLES, "not_said"),
        consents=_some_of(raw, "consents", CONSENTS),
        immediate_danger=_yes_or_no(raw, "immediate_danger"),
        under_18=_yes_or_no(raw, "under_18"),
        why=_text(raw, "why") or "",
        perceived_strands=_some_of(raw, "perceived_strands", STRAND_ORDER),
        reference=_text(raw, "reference"),
    )


def store_report(
    session: Session, report: IncomingReport, post_id: str, *, actor: str, now: datetime
) -> Report:
    """Adds the report and its audit event to the caller's transaction. The event holds no written words."""
    row = Report(
        report_id=new_id(),
        post_id=post_id,
        received_at=now,
        received_from=actor,
        channel=report.channel,
        reporter_role=report.reporter_role,
        consents=list(report.consents),
        immediate_danger=report.immediate_danger,
        under_18=report.under_18,
        why=report.why,
        perceived_strands=list(report.perceived_strands),
        reference=report.reference,
    )
    session.add(row)
    details: dict[str, Detail] = {
        "report_id": row.report_id,
        "channel": report.channel,
        "consents": list(report.consents),
        "immediate_danger": report.immediate_danger,
        "under_18": report.under_18,
    }
    record(session, actor=actor, event=Event.REPORT_STORED, subject=post_id, details=details, at=now)
    return row


def _one_of(raw: Mapping[str, Any], name: str, known: Sequence[str], otherwise: str) -> str:
    value = raw.get(name)
    if value is None:
        return otherwise
    if value not in known:
        raise BadInput(f"report.{name}: one of {', '.join(known)}", field=f"report.{name}")
    return str(value)


def _some_of(raw: Mapping[str, Any], name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Those that were named, each once, in our order."""
    value = raw.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or any(one not in known for one in value):
        raise BadInput(f"report.{name}: a list of {', '.join(known)}", field=f"report.{name}")
    return tuple(one for one in known if one in value)


def _yes_or_no(raw: Mapping[str, Any], name: str) -> bool:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadInput(f"report.{name}: true or false", field=f"report.{name}")
    return bool(value)


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    # An empty string says what an absent one says: nobody has to make up a reason.
    if value is None or value == "":
        return None
    return field_text(value, field=f"report.{name}", longest=LONGEST[name])
