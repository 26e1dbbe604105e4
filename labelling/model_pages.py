"""The bundles of a hub: which one scores, the gate on the others, shadow, promotion, the way back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling.model_comparison import gate_lines, lineage_rows, shadow_posts, telling
from model.errors import BadInput, Conflict, NotFound
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.field_text import is_identifier, known_shape
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf, no_such
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.registry import aliases as naming
from serve.registry.bundles import known_bundles, newest_verdict
from serve.scoring.shadow import differing, disagreement
from serve.storage.identifiers import utc_now
from serve.storage.tables import BundleRow, Promotion

router = APIRouter(prefix="/models", include_in_schema=False)

Viewer = Annotated[SignedIn, Depends(allowed(Action.VIEW_MODELS))]
Manager = Annotated[SignedIn, Depends(allowed(Action.MANAGE_MODELS))]
Promoter = Annotated[SignedIn, Depends(allowed(Action.PROMOTE_MODELS))]
CheckCsrf = Depends(check_csrf)

CHANGES_SHOWN: Final = 20
AT_ONCE: Final = "At once; what was wrong is being looked into."
"""Stands in the box for the reason, so that going back takes one click; whoever has the time says more."""
DIFFERING_SHOWN: Final = 50
NOTICES: Final = {
    "asked": "The request waits for somebody else to agree.",
    "approved": "The bundle scores from now on. Every server changes over within seconds.",
    "declined": "The request is ended. Nothing changes.",
    "rolled_back": "The bundle before scores again. Every server changes over within seconds.",
    "shadow": "The bundle reads live posts from now on, and nobody acts on what it says.",
    "shadow_ended": "The shadow has ended. What it said is kept.",
}


@router.get("")
def models_page(request: Request, person: Viewer, done: str = "") -> Response:
    """Which bundle scores, all others with the gate's word on them, requests that wait, and what changed."""
    return _page(request, person, notice=NOTICES.get(done))


@router.get("/shadow")
def shadow_page(request: Request, person: Viewer, after: str = "") -> Response:
    """On which posts the shadow would have routed otherwise: references and routes, never a text."""
    hub = hub_of(request)
    with hub.database.read() as session:
        named = naming.aliases(session)
        shadow = named.shadow if named else None
        rows = []
        if shadow is not None:
            bookmark = after if is_identifier(after) else None
            rows = differing(session, shadow, DIFFERING_SHOWN + 1, bookmark)
        return frame_of(request).render(
            request,
            "models_shadow.html",
            person=person,
            shadow=shadow,
            current=named.current if named else None,
            policy=f"{hub.policy.name} {hub.policy.version}",
            found=disagreement(session, shadow, hub.policy) if shadow else None,
            posts=shadow_posts(session, rows[:DIFFERING_SHOWN]),
            may_open=may(person.role, Action.VIEW_CASE),
            more=rows[DIFFERING_SHOWN - 1].post_id if len(rows) > DIFFERING_SHOWN else None,
            as_of=utc_now(),
        )


@router.get("/compare")
def compare_page(request: Request, person: Viewer, bundle: str = "") -> Response:
    """A bundle beside the current one: what made them, and every line of the gate. Raises: NotFound."""
    hub = hub_of(request)
    with hub.database.read() as session:
        named = naming.aliases(session)
        current = None if named is None else session.get(BundleRow, named.current)
        other = session.get(BundleRow, bundle)
        if current is None or other is None or other.bundle_id == current.bundle_id:
            raise NotFound("there is no such bundle to compare with the current one")
        verdict = newest_verdict(session, other.bundle_id, current.bundle_id)
        lines = [] if verdict is None else gate_lines(verdict)
        is_shadow = named is not None and named.shadow == other.bundle_id
        return frame_of(request).render(
            request,
            "models_compare.html",
            person=person,
            current=current,
            other=other,
            lineage=lineage_rows(current.lineage, other.lineage),
            verdict=verdict,
            lines=lines,
            telling=telling(lines),
            shadow=disagreement(session, other.bundle_id, hub.policy),
            is_shadow=is_shadow,
            as_of=utc_now(),
        )


@router.post("/shadow", dependencies=[CheckCsrf])
def set_shadow(request: Request, person: Manager, bundle_id: Annotated[str, Form()] = "") -> Response:
    """Lets a bundle read live posts unseen, or (empty) ends that."""
    with hub_of(request).database.write() as session:
        naming.set_shadow(session, bundle_id=bundle_id or None, actor=person.actor, now=utc_now())
    return _done("shadow" if bundle_id else "shadow_ended")


@router.post("/promotions", dependencies=[CheckCsrf])
def ask_promotion(
    request: Request,
    person: Manager,
    bundle_id: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Asks that a bundle may take the current one's place; or shows the page with why it may not."""
    try:
        with hub_of(request).database.write() as session:
            naming.ask_promotion(
                session, bundle_id=bundle_id, actor=person.actor, now=utc_now(), reason=reason
            )
    except (BadInput, Conflict) as fault:
        return _page(request, person, fault=fault, typed=(bundle_id, reason))
    return _done("asked")


@router.post("/promotions/{promotion_id}", dependencies=[CheckCsrf])
def answer_promotion(
    request: Request, promotion_id: str, person: Promoter, answer: Annotated[str, Form()] = ""
) -> Response:
    """Agrees to a promotion that somebody else asked for, or declines it.

    Raises: NotFound, also for a request of one's own.
    """
    with hub_of(request).database.read() as session:
        asked = _asked(session, promotion_id)
        person.check_may(Action.PROMOTE_MODELS, own=asked.asked_by == person.actor, what="promotion")
    if answer not in ("approve", "decline"):
        raise BadInput("answer: approve or decline", field="answer")
    try:
        with hub_of(request).database.write() as session:
            naming.answer_promotion(
                session,
                promotion_id=promotion_id,
                actor=person.actor,
                now=utc_now(),
                approve=answer == "approve",
            )
    except Conflict as fault:
        return _page(request, person, fault=fault)
    return _done("approved" if answer == "approve" else "declined")


@router.post("/promotions/{promotion_id}/withdraw", dependencies=[CheckCsrf])
def withdraw_promotion(request: Request, promotion_id: str, person: Manager) -> Response:
    """Takes a request back, whoever of those that may ask has asked. Raises: NotFound."""
    with hub_of(request).database.read() as session:
        _asked(session, promotion_id)
    try:
        with hub_of(request).database.write() as session:
            naming.answer_promotion(
                session, promotion_id=promotion_id, actor=person.actor, now=utc_now(), approve=False
            )
    except Conflict as fault:
        return _page(request, person, fault=fault)
    return _done("declined")


def _asked(session: Session, promotion_id: str) -> Promotion:
    asked = session.get(Promotion, known_shape(promotion_id, "promotion"))
    if asked is None:
        raise no_such("promotion")
    return asked


@router.post("/rollback", dependencies=[CheckCsrf])
def roll_back(request: Request, person: Promoter, reason: Annotated[str, Form()] = "") -> Response:
    """The bundle before scores again, on one person's word."""
    try:
        with hub_of(request).database.write() as session:
            naming.roll_back(session, actor=person.actor, now=utc_now(), reason=reason)
    except (BadInput, Conflict) as fault:
        return _page(request, person, fault=fault, typed=("", reason))
    return _done("rolled_back")


def _done(what: str) -> Response:
    return RedirectResponse(f"/models?done={what}", status_code=HTTPStatus.SEE_OTHER)


def _page(
    request: Request,
    person: SignedIn,
    *,
    notice: str | None = None,
    fault: BadInput | Conflict | None = None,
    typed: tuple[str, str] = ("", ""),
) -> Response:
    hub = hub_of(request)
    with hub.database.read() as session:
        named = naming.aliases(session)
        if named is None:
            raise Conflict("the hub has no current bundle yet: start it once")
        return frame_of(request).render(
            request,
            "models.html",
            person=person,
            status=HTTPStatus.OK if fault is None else status_of(type(fault)),
            named=named,
            bundles=known_bundles(session, named.current),
            waiting=naming.waiting_promotions(session),
            changes=naming.changes(session, CHANGES_SHOWN),
            serves=hub.classifier.bundle_id,
            is_well=hub.models.is_well,
            may_manage=may(person.role, Action.MANAGE_MODELS),
            may_promote=may(person.role, Action.PROMOTE_MODELS),
            typed_bundle=typed[0],
            typed_reason=typed[1],
            rollback_reason=AT_ONCE if fault is None else typed[1],
            notice=notice,
            errors=[] if fault is None else [FormError(sentence(fault.message), fault.field)],
            as_of=utc_now(),
        )
