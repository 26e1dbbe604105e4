"""A case in triage: what was reported, the posts under their covers, and where the case goes from here."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from model.errors import BadInput
from serve.cases.placing import scores_hidden, why_this_place
from serve.cases.workflow.states import CaseAction, State, Track
from serve.console.case_actions import Possible, tracks_of
from serve.console.case_facts import history_of, notes_for, owed_on, reports_of
from serve.console.case_on_page import posts_on_page, seen_by
from serve.console.form_errors import FormError
from serve.console.frame import frame_of
from serve.console.holding import lease_on_page
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case

TRIAGE_KEYS: Final = {
    CaseAction.SEAL_EVIDENCE.value: "s",
    CaseAction.ASK_FOR_INFO.value: "i",
    CaseAction.MARK_OUT_OF_SCOPE.value: "o",
    CaseAction.LINK_DUPLICATE.value: "l",
    CaseAction.ESCALATE.value: "e",
    CaseAction.RELAY_EMERGENCY.value: "t",
}
"""The letters of the steps of triage; no outcome is on this page, so they are free."""

ORDER: Final = tuple(TRIAGE_KEYS)


def triage_page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    *,
    revealed: Collection[str] = (),
    note: str = "",
    errors: Collection[FormError] = (),
    notice: str | None = None,
) -> Response:
    """The page of a case that this person triages."""
    hub, now = hub_of(request), utc_now()
    reports = reports_of(session, case)
    notes, hidden_notes = notes_for(session, case, person)
    shows_scores = not scores_hidden(case, hub.queue_rules)
    tracks = tracks_of(session, case, person, holds=True)
    return frame_of(request).render(
        request,
        "triage.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        case=case,
        lease=lease_on_page(hub, case, now),
        posts=posts_on_page(
            session, case, revealed=seen_by(session, person.actor, revealed), shows_scores=shows_scores
        ),
        reports=reports,
        in_danger=any(report.immediate_danger for report in reports),
        is_emergency=case.emergency == State.EMERGENCY_ESCALATED.value,
        why=why_this_place(case, hub.queue_rules, now),
        owed=owed_on(session, hub, case, now),
        steps=steps_of_triage([one for track in tracks for one in track.possible]),
        others=[
            one
            for track in tracks
            if track.track is not Track.RETENTION
            for one in track.possible
            if one.action not in TRIAGE_KEYS
        ],
        keys=TRIAGE_KEYS,
        notes=notes,
        hidden_notes=hidden_notes,
        note=note,
        errors=errors,
        history=history_of(session, case, person),
        notice=notice,
    )


def steps_of_triage(possible: Collection[Possible]) -> list[Possible]:
    """The steps that end a triage, in the order of the work: capture first."""
    found = {one.action: one for one in possible}
    return [found[action] for action in ORDER if action in found]
