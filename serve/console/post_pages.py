"""Each post of a case by itself: where it was published, and a way out of the decision for one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, NotAllowed
from serve.cases.campaigns.case_texts import learn_case
from serve.cases.campaigns.moving import check_reversible, reversals_of, reverse_post
from serve.cases.campaigns.reading import PostInCase, campaign_line, posts_in, texts_seen
from serve.cases.capacities import acting_as, capacities
from serve.cases.deciding import standing_decision
from serve.cases.workflow.states import CaseAction, State
from serve.console.case_on_page import cover
from serve.console.decision_words import outcome_words
from serve.console.form_errors import FormError, capital, sentence
from serve.console.frame import frame_of
from serve.console.holding import holds, lease_on_page
from serve.console.need_to_know import case_within_reach, may_read_texts
from serve.console.plain_words import reference
from serve.console.who import CheckCsrf, Reader
from serve.field_text import is_identifier
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_same_origin, no_such
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, Decision, Post, PostReversal

router = APIRouter(prefix="/cases/{case_id}/posts", include_in_schema=False)

Reverser = Annotated[SignedIn, Depends(allowed(Action.REOPEN_CASES))]
PAGE: Final = 50


async def typed_reason(request: Request) -> str:
    """What was typed as the reason; kept for copying, whatever refuses the form."""
    value = (await request.form()).get("reason")
    reason = value.replace("\r\n", "\n") if isinstance(value, str) else ""
    request.state.typed_reason = reason
    return reason


Reason = Annotated[str, Depends(typed_reason)]


@router.get("")
def posts_page(request: Request, case_id: str, person: Reader, page: int = 1, done: str = "") -> Response:
    """Every post of the case; whose and where it is, for texts that this person has asked to see.

    Raises: NotFound.
    """
    hub, now, number = hub_of(request), utc_now(), max(1, min(page, 99_999))
    with hub.database.write() as session:
        case = case_within_reach(session, person, case_id)
        learn_case(session, case_id)
        reads = may_read_texts(case, person, now)
        found = posts_in(session, case_id, limit=PAGE, skip=(number - 1) * PAGE) if reads else []
        seen = texts_seen(session, {one.text_key for one in found if one.text_key}, person.actor)
        line = campaign_line(session, case)
        decision = standing_decision(session, case_id) if case.decided_at is not None else None
        reversals = [] if decision is None else reversals_of(session, decision.decision_id)
        return frame_of(request).render(
            request,
            "posts.html",
            person=person,
            case=case,
            line=line,
            lease=lease_on_page(hub, case, now) if holds(case, person, now) else None,
            reads=reads,
            rows=[_row(one, case, is_seen=one.text_key in seen) for one in found],
            may_reverse=decision is not None and line.posts > 1 and may(person.role, Action.REOPEN_CASES),
            reversals=reversals,
            page=number,
            pages=-(-line.posts // PAGE),
            notice=_done(reversals, person, done),
        )


@router.get("/{post_id}/reverse")
def reverse_page(request: Request, case_id: str, post_id: str, person: Reverser) -> Response:
    """The question why the decision does not hold for this post. Raises: NotFound."""
    with hub_of(request).database.read() as session:
        case = case_within_reach(session, person, case_id)
        return _question(request, session, person, case, post_id)


@router.post(
    "/{post_id}/reverse", dependencies=[Depends(check_same_origin), Depends(typed_reason), CheckCsrf]
)
def reverse(request: Request, case_id: str, post_id: str, person: Reverser, reason: Reason) -> Response:
    """Reverses the decision for this post, and it gets a case of its own; or why not. Raises: NotFound."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            case = case_within_reach(session, person, case_id)
            decision = _decision(session, case)
            role = acting_as(capacities(person.role), State(case.state), CaseAction.REOPEN)
            reverse_post(
                session,
                hub,
                decision_id=decision.decision_id,
                post_id=post_id,
                actor=person.actor,
                role=role,
                reason=reason,
                now=utc_now(),
            )
    except BadInput as fault:
        words = "Write why" if not reason.strip() else sentence(fault.message)
        errors = [FormError(words, "reason")]
    except (Conflict, NotAllowed) as fault:
        errors = [FormError(sentence(fault.message))]
    else:
        return RedirectResponse(f"/cases/{case_id}/posts?done={post_id}", status_code=HTTPStatus.SEE_OTHER)
    with hub.database.read() as session:
        case = case_within_reach(session, person, case_id)
        return _question(request, session, person, case, post_id, reason=reason, errors=errors)


def _question(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    post_id: str,
    *,
    reason: str = "",
    errors: list[FormError] | None = None,
) -> Response:
    decision = _decision(session, case)
    post = session.get(Post, post_id) if is_identifier(post_id) else None
    if post is None:
        raise no_such("post")
    why_not = ""
    try:
        check_reversible(session, case, decision, post_id)
    except Conflict as fault:
        why_not = capital(fault.message)
    hub = hub_of(request)
    day = decision.decided_at.date()
    return frame_of(request).render(
        request,
        "reverse.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        case=case,
        post_id=post_id,
        cover=cover(post, case),
        outcome=outcome_words(hub, decision.outcome, None, day)[0],
        severity=decision.severity,
        why_not=why_not,
        reason=reason,
        errors=errors or [],
    )


def _decision(session: Session, case: Case) -> Decision:
    decision = standing_decision(session, case.case_id)
    if decision is None:
        raise Conflict("the case is not decided: there is nothing to reverse")
    return decision


def _row(one: PostInCase, case: Case, *, is_seen: bool) -> dict[str, Any]:
    """A post as the list shows it: who wrote it and where only beside a text that was asked for."""
    post = one.post
    given = {"author": post.author, "platform": post.platform}
    asked = {name: value for name, value in given.items() if value}
    return {
        "post_id": post.post_id,
        "number": one.number,
        "is_reported": one.is_reported,
        "received_at": post.received_at,
        "cover": cover(post, case),
        "is_seen": is_seen,
        "author": post.author if is_seen else None,
        "url": post.url if is_seen else None,
        "same_account": f"/search?{urlencode(asked)}" if is_seen and post.author else None,
        "same_address": f"/search?{urlencode({'url': post.url})}" if is_seen and post.url else None,
    }


def _done(reversals: Any, person: SignedIn, post_id: str) -> str | None:
    """The message after a reversal; only for one that this person really made."""
    made: list[PostReversal] = [
        one for one in reversals if (one.post_id, one.reversed_by) == (post_id, person.actor)
    ]
    if not made:
        return None
    return (
        f"The decision is reversed for this post. It is read anew as case {reference(made[0].new_case_id)}."
    )
