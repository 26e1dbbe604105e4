"""Setting a case aside: park it, hand it over, skip it, free it; and the drafts that are kept meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput, CaseDecided, LeaseLost
from serve.cases import setting_aside
from serve.cases.drafts import draft_of, drop_draft
from serve.cases.leases import GIVEN_BACK
from serve.console.decision_form import form_of_draft
from serve.console.decision_words import outcome_words
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.holding import case_at, holds, lease_on_page
from serve.console.plain_words import reference
from serve.console.queue_pages import claim_next
from serve.console.stages import stages_of
from serve.console.standing_pages import not_held
from serve.console.who import CheckCsrf, Claimer, QueueKeeper
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, check_same_origin
from serve.people.officers import officer_actor
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, CaseSkip, Judgement, Officer

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)

TITLES: Final = {
    "park": "Park the case",
    "hand-over": "Hand the case over",
    "skip": "Skip the case",
}


@dataclass(frozen=True, slots=True)
class Aside:
    """What was typed into one of the three forms."""

    lease_number: int = 0
    reason: str = ""
    until: str = ""
    to: str = ""
    errors: tuple[FormError, ...] = field(default=())

    def has_error(self, name: str) -> bool:
        """Whether the error summary leads to this field."""
        return any(error.field == name for error in self.errors)


def typed_aside(
    request: Request,
    lease: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
) -> Aside:
    """What was typed; a dependency of each POST."""
    request.state.typed_reason = reason
    number = int(lease) if lease.isascii() and lease.isdigit() and len(lease) < 10 else 0
    return Aside(number, reason, until, to)


Typed = Annotated[Aside, Depends(typed_aside)]
SENT: Final = [Depends(check_same_origin), Depends(typed_aside), CheckCsrf]


@router.get("/park")
def park_page(request: Request, case_id: str, person: Claimer) -> Response:
    """Why, and until when."""
    return _page(request, case_id, person, "park", Aside())


@router.post("/park", dependencies=SENT)
def park(request: Request, case_id: str, person: Claimer, typed: Typed) -> Response:
    """Parks the case; it comes back to this person on the morning of the day."""
    hub, now = hub_of(request), utc_now()

    def do(session: Session) -> None:
        setting_aside.park(
            session,
            hub.queue_rules,
            case_id=case_id,
            lease_number=typed.lease_number,
            actor=person.actor,
            now=now,
            reason=typed.reason,
            until=_morning_of(hub, typed.until, now),
        )

    return _set_aside(request, case_id, person, "park", typed, do, "/?parked=yes")


@router.get("/hand-over")
def hand_over_page(request: Request, case_id: str, person: Claimer) -> Response:
    """To whom, and why."""
    return _page(request, case_id, person, "hand-over", Aside())


@router.post("/hand-over", dependencies=SENT)
def hand_over(request: Request, case_id: str, person: Claimer, typed: Typed) -> Response:
    """Hands the case to a named officer, for whom it waits from now on."""

    def do(session: Session) -> None:
        case = case_at(session, case_id)
        known = {row.officer_id for row in who_may_have(session, case, person)}
        if typed.to not in known:
            raise BadInput("to: choose who gets the case", field="to")
        setting_aside.hand_over(
            session,
            hub_of(request).queue_rules,
            case_id=case_id,
            lease_number=typed.lease_number,
            actor=person.actor,
            now=utc_now(),
            to=officer_actor(typed.to),
            reason=typed.reason,
        )

    return _set_aside(request, case_id, person, "hand-over", typed, do, "/?handed_over=yes")


@router.get("/skip")
def skip_page(request: Request, case_id: str, person: Claimer) -> Response:
    """Why it is not to come again."""
    return _page(request, case_id, person, "skip", Aside())


@router.post("/skip", dependencies=SENT)
def skip(request: Request, case_id: str, person: Claimer, typed: Typed) -> Response:
    """Puts the case back for others, and opens the next one."""
    hub = hub_of(request)

    def do(session: Session) -> None:
        setting_aside.skip(
            session,
            hub.queue_rules,
            case_id=case_id,
            lease_number=typed.lease_number,
            actor=person.actor,
            now=utc_now(),
            reason=typed.reason,
        )
        drop_draft(session, case_id=case_id, actor=person.actor, now=utc_now())

    return _set_aside(request, case_id, person, "skip", typed, do, None)


@router.post("/free", dependencies=[CheckCsrf])
def free(request: Request, case_id: str, person: QueueKeeper) -> Response:
    """Lets anybody have a case that waits for one person. Raises: NotFound, BadInput."""
    with hub_of(request).database.write() as session:
        case_at(session, case_id)
        setting_aside.free_reserved(session, case_id=case_id, actor=person.actor, now=utc_now())
    return RedirectResponse("/board?freed=yes", status_code=HTTPStatus.SEE_OTHER)


@router.get("/draft")
def draft_page(request: Request, case_id: str, person: Claimer) -> Response:
    """What this person had written about a case, to read and to copy; else the way to the case itself.

    Raises: NotFound.
    """
    hub = hub_of(request)
    with hub.database.read() as session:
        case = case_at(session, case_id)
        kept = draft_of(session, case_id=case_id, actor=person.actor)
        if kept is None:
            return RedirectResponse(f"/cases/{case_id}", status_code=HTTPStatus.SEE_OTHER)
        form = form_of_draft(kept.content, lease_number=0)
        outcome = (
            outcome_words(hub, form.outcome, form.detail(), kept.kept_at.date()) if form.outcome else None
        )
        return frame_of(request).render(
            request,
            "draft.html",
            person=person,
            case=case,
            draft=kept,
            form=form,
            outcome=outcome,
            is_held=holds(case, person, utc_now()),
        )


@router.post("/draft/drop", dependencies=[CheckCsrf])
def drop(request: Request, case_id: str, person: Claimer) -> Response:
    """Throws the draft away and goes back: to the case if it is held, else to the queue. Raises: NotFound."""
    with hub_of(request).database.write() as session:
        case = case_at(session, case_id)
        drop_draft(session, case_id=case_id, actor=person.actor, now=utc_now())
        back = f"/cases/{case_id}" if holds(case, person, utc_now()) else "/?dropped=yes"
    return RedirectResponse(back, status_code=HTTPStatus.SEE_OTHER)


def who_may_have(session: Session, case: Case, person: SignedIn) -> list[Officer]:
    """Those to whom the case may be handed: they work in its stage, and neither judged nor skipped it."""
    waits = GIVEN_BACK.get(case.state, case.state)
    shut = {
        *session.scalars(select(Judgement.actor).where(Judgement.case_id == case.case_id)),
        *session.scalars(select(CaseSkip.actor).where(CaseSkip.case_id == case.case_id)),
        person.actor,
    }
    found = session.scalars(select(Officer).where(Officer.disabled_at.is_(None)).order_by(Officer.name))
    return [
        one for one in found if waits in stages_of(one.role) and officer_actor(one.officer_id) not in shut
    ]


def _set_aside(
    request: Request,
    case_id: str,
    person: SignedIn,
    page: str,
    typed: Aside,
    do: Callable[[Session], None],
    back: str | None,
) -> Response:
    """Does it and goes on; or shows the form again. `back` None: to the next case."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            do(session)
        address = claim_next(hub, person) if back is None else back
        return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    except BadInput as fault:
        # The fault lists codes; the page has a list of its own.
        is_choice = fault.field == "reason" and page != "hand-over"
        words = "Choose why" if is_choice else sentence(fault.message)
        errors = (FormError(words, fault.field),)
    except (LeaseLost, CaseDecided):
        with hub.database.read() as session:
            return not_held(request, session, person, case_at(session, case_id), typed_reason=typed.reason)
    return _page(
        request, case_id, person, page, Aside(typed.lease_number, typed.reason, typed.until, typed.to, errors)
    )


def _page(request: Request, case_id: str, person: SignedIn, page: str, typed: Aside) -> Response:
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        case = case_at(session, case_id)
        if not holds(case, person, now):
            return not_held(
                request, session, person, case, typed_reason=typed.reason if page == "hand-over" else ""
            )
        rules = hub.queue_rules
        tomorrow = now.date() + timedelta(days=1)
        return frame_of(request).render(
            request,
            "aside.html",
            person=person,
            status=status_of(BadInput) if typed.errors else HTTPStatus.OK,
            page=page,
            title=TITLES[page],
            case=case,
            lease=lease_on_page(hub, case, now),
            typed=typed,
            reasons=rules.park_reasons if page == "park" else rules.skip_reasons,
            people=who_may_have(session, case, person) if page == "hand-over" else [],
            first_day=tomorrow,
            last_day=now.date() + timedelta(days=rules.park_days_at_most),
            days=rules.park_days_at_most,
            has_draft=draft_of(session, case_id=case_id, actor=person.actor) is not None,
            words=reference(case_id),
        )


def _morning_of(hub: Hub, until: str, now: datetime) -> datetime:
    """When the desk opens on the day; Raises: BadInput."""
    try:
        day = date.fromisoformat(until.strip())
    except ValueError:
        raise BadInput("until: a day, such as 2026-12-01", field="until") from None
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    return profile.working_time.hours_of(day)[0]
