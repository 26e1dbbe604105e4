"""The wordings of a case side by side: each covered until it is asked for, and what differs marked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, LeaseLost, NotFound
from serve.audit.events import Event
from serve.cases.campaigns.case_texts import learn_case
from serve.cases.campaigns.differing import Part, Run
from serve.cases.campaigns.matching import NOT_DECIDED
from serve.cases.campaigns.moving import not_the_same
from serve.cases.campaigns.reading import WORDINGS_SHOWN, WordingInCase, campaign_line, wordings
from serve.console.case_on_page import cover, seen_by
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.holding import holds, lease_on_page
from serve.console.need_to_know import case_within_reach, may_read_texts
from serve.console.plain_words import counted, reference
from serve.console.showing import show_post
from serve.console.visible_text import visible
from serve.console.who import CheckCsrf, Claimer, Reader
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Case

router = APIRouter(prefix="/cases/{case_id}/wordings", include_in_schema=False)

LONGEST_LIST: Final = 120
"""Characters of the words that are named below a text; the text itself marks all of them."""


@dataclass(frozen=True, slots=True)
class WordingForm:
    """What the page sends: posts that are uncovered already, the one asked for, a reason typed at one."""

    uncovered: frozenset[str] = frozenset()
    shows: str = ""
    page: int = 1
    parts_from: str = ""
    reason: str = ""
    errors: list[FormError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WordingOnPage:
    """One wording as the page shows it; `runs` only where its text may be seen."""

    number: int
    post_id: str
    posts: int
    cover: str
    wording: WordingInCase
    runs: tuple[Run, ...]
    left_out: str
    added: str


async def typed(request: Request) -> WordingForm:
    """The form of the page, whatever of it was sent."""
    form = await request.form()
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    page = texts.get("page", "1")
    return WordingForm(
        uncovered=frozenset(one for one in form.getlist("uncovered") if isinstance(one, str)),
        shows=texts.get("show", ""),
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        parts_from=texts.get("post", ""),
        reason=texts.get("reason", "").replace("\r\n", "\n"),
    )


Typed = Annotated[WordingForm, Depends(typed)]


@router.get("")
def wordings_page(request: Request, case_id: str, person: Reader, page: int = 1, moved: str = "") -> Response:
    """Every wording of the case, covered."""
    with hub_of(request).database.write() as session:
        case = case_within_reach(session, person, case_id)
        learn_case(session, case_id)
        form = WordingForm(page=max(1, min(page, 99_999)))
        return _page(request, session, person, case, form, notice=_moved(session, person, case_id, moved))


@router.post("", dependencies=[CheckCsrf])
def show_wording(request: Request, case_id: str, person: Reader, form: Typed) -> Response:
    """The page with one wording more uncovered; that it was asked for is in the log with it.

    Raises: NotFound, LeaseLost, BadInput.
    """
    hub, now = hub_of(request), utc_now()
    with hub.database.write() as session:
        case = case_within_reach(session, person, case_id)
        if not may_read_texts(case, person, now):
            raise LeaseLost("the posts of this case are read by whoever holds it", field="lease")
        if not form.shows:
            raise BadInput("show: one of the wordings", field="show")
        known = {one.sample.post_id: one.sample for one in _wordings(session, case, form.page)}
        if form.shows not in known:
            raise NotFound("there is no such wording in this case")
        show_post(session, hub, case, known[form.shows], person, now)
        form = WordingForm(uncovered=form.uncovered | {form.shows}, page=form.page)
        return _page(request, session, person, case, form)


@router.post("/not-the-same", dependencies=[CheckCsrf])
def part_wording(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Takes a wording out of the case for ever, into a case of its own. Raises: NotFound."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            case_within_reach(session, person, case_id)
            new_case_id = not_the_same(
                session,
                hub,
                case_id=case_id,
                post_id=form.parts_from,
                actor=person.actor,
                reason=form.reason,
                now=utc_now(),
            )
    except BadInput as fault:
        errors = [FormError(_why(fault.message), f"reason-{form.parts_from}")]
    except Conflict as fault:
        errors = [FormError(f"{sentence(fault.message)}.")]
    else:
        return RedirectResponse(
            f"/cases/{case_id}/wordings?moved={new_case_id}", status_code=HTTPStatus.SEE_OTHER
        )
    with hub.database.read() as session:
        case = case_within_reach(session, person, case_id)
        form.errors.extend(errors)
        return _page(request, session, person, case, form)


def _why(message: str) -> str:
    return (
        "Write why it is not the same"
        if "white space" in message or "empty" in message
        else sentence(message)
    )


def _wordings(session: Session, case: Case, page: int) -> list[WordingInCase]:
    return wordings(session, case.case_id, limit=WORDINGS_SHOWN, skip=(page - 1) * WORDINGS_SHOWN)


def _page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    form: WordingForm,
    *,
    notice: str | None = None,
) -> Response:
    now = utc_now()
    reads = may_read_texts(case, person, now)
    found = _wordings(session, case, form.page)
    # Only what this person has asked to see before, whatever the form says.
    shown = seen_by(session, person.actor, form.uncovered) if reads else frozenset()
    line = campaign_line(session, case)
    is_held_by_other = case.leased_by not in (None, person.actor)
    return frame_of(request).render(
        request,
        "wordings.html",
        person=person,
        status=status_of(BadInput) if form.errors else HTTPStatus.OK,
        case=case,
        line=line,
        wordings=[_on_page(one, case, shown) for one in found],
        uncovered=sorted(shown),
        reads=reads,
        may_part=may(person.role, Action.CLAIM_CASES)
        and case.state in NOT_DECIDED
        and not is_held_by_other
        and line.wordings > 1,
        lease=lease_on_page(hub_of(request), case, now) if holds(case, person, now) else None,
        page=form.page,
        pages=-(-line.wordings // WORDINGS_SHOWN),
        form=form,
        errors=form.errors,
        notice=notice,
    )


def _on_page(one: WordingInCase, case: Case, shown: Collection[str]) -> WordingOnPage:
    runs = one.runs() if one.sample.post_id in shown else ()
    return WordingOnPage(
        number=one.number,
        post_id=one.sample.post_id,
        posts=one.posts,
        cover=cover(one.sample, case),
        wording=one,
        runs=runs,
        left_out=_words(runs, Part.LEFT_OUT),
        added=_words(runs, Part.ADDED),
    )


def _words(runs: Collection[Run], part: Part) -> str:
    """The words of one kind in a line, made visible and cut short."""
    words = " … ".join(run.text.strip() for run in runs if run.part is part and run.text.strip())
    return visible(words[:LONGEST_LIST]) + ("…" if len(words) > LONGEST_LIST else "")


def _moved(session: Session, person: SignedIn, case_id: str, new_case_id: str) -> str | None:
    """The message after a parting; only for one that this person really made."""
    events = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.subject == case_id,
            AuditEvent.actor == person.actor,
            AuditEvent.event == Event.POST_SEPARATED.value,
        )
        .order_by(AuditEvent.event_id.desc())
        .limit(1)
    )
    for event in events:
        if event.details["new_case_id"] == new_case_id:
            moved = counted(event.details["posts"], "post")
            return f"{moved} moved to case {reference(new_case_id)}. These texts are kept apart from now on."
    return None
