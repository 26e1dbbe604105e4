"""Taking down what somebody told us: a call to 101, a True Vision report, a partner's letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from model.errors import BadInput
from model.taxonomy import STRAND_ORDER
from serve.console.decision_form import ticked, typed
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.plain_words import reference
from serve.console.who import CheckCsrf, ReportTaker
from serve.field_text import is_identifier
from serve.hub import Hub, hub_of
from serve.intake.reading import IncomingPost, read_post
from serve.intake.reports import (
    CONSENTS,
    OFFICER_CHANNELS,
    REPORTER_ROLES,
    IncomingReport,
    read_report,
)
from serve.intake.storing import ids_in_order, store_posts
from serve.people.access import SignedIn, check_same_origin
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Post

router = APIRouter(prefix="/reports", include_in_schema=False)

CHANNEL_WORDS: Final = {
    "phone_101": "A call to 101",
    "true_vision": "True Vision",
    "officer": "An officer met it",
    "partner": "A partner organisation",
    "form": "A form on paper",
}
ROLE_WORDS: Final = {
    "victim": "The person harmed",
    "witness": "A witness",
    "on_behalf": "Somebody on their behalf",
    "organisation": "An organisation",
    "not_said": "Not said",
}
CONSENT_WORDS: Final = {
    "police": "Police forces",
    "platform": "The platform",
    "support_org": "A support organisation",
}
LINES: Final = ("text", "url", "platform", "author", "why", "reference", "channel", "reporter_role")
TICKS: Final = ("consents", "perceived_strands", "immediate_danger", "under_18")


@dataclass(frozen=True, slots=True)
class ReportForm:
    """What was typed and ticked. Nothing is trusted yet."""

    words: Mapping[str, str] = field(default_factory=dict)
    ticks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: tuple[FormError, ...] = ()

    def text(self, name: str) -> str:
        """What was typed into a field; empty for nothing."""
        return self.words.get(name, "")

    def is_ticked(self, name: str, value: str = "yes") -> bool:
        """Whether a box was ticked."""
        return value in self.ticks.get(name, ())

    def has_error(self, name: str) -> bool:
        """Whether the error summary leads to this field."""
        return any(error.field == name for error in self.errors)


async def typed_report(request: Request) -> ReportForm:
    """What was typed into the form; a dependency of its POST."""
    form = await request.form()
    words = {name: typed(form, name) for name in LINES}
    # Whatever refuses the form, the words that took longest to take down are shown for copying.
    request.state.typed_reason = "\n\n".join(filter(None, (words["text"], words["why"])))
    return ReportForm(words, {name: ticked(form, name) for name in TICKS})


@router.get("/new")
def new_report(request: Request, person: ReportTaker, taken: str = "") -> Response:
    """The form, and above it the reference of the report that was taken down last."""
    return _page(request, person, ReportForm(), notice=_taken(request, person, taken))


@router.post("/new", dependencies=[Depends(check_same_origin), Depends(typed_report), CheckCsrf])
def take_report(
    request: Request, person: ReportTaker, form: Annotated[ReportForm, Depends(typed_report)]
) -> Response:
    """Stores the post and what was said of it, in one transaction; it is triaged once it has been scored."""
    hub, now = hub_of(request), utc_now()
    post, errors = _read(form, now)
    if post is None:
        return _page(request, person, replace(form, errors=tuple(errors)))
    return RedirectResponse(
        f"/reports/new?taken={_store(hub, post, person, now)}", status_code=HTTPStatus.SEE_OTHER
    )


def _read(form: ReportForm, now: datetime) -> tuple[IncomingPost | None, list[FormError]]:
    """The post with its report, or everything that is wrong with the form, in its order."""
    errors: list[FormError] = []
    post: IncomingPost | None = None
    report: IncomingReport | None = None
    if not form.text("text").strip():
        errors.append(FormError("Write what the post says", "text"))
    else:
        given = {name: form.text(name).strip() for name in ("url", "platform", "author")}
        raw = {"text": form.text("text"), **{name: value for name, value in given.items() if value}}
        try:
            post = read_post(raw, index=0, now=now)
        except BadInput as fault:
            errors.append(FormError(sentence(fault.message), fault.field))
    if form.text("channel") not in OFFICER_CHANNELS:
        errors.append(FormError("Choose how it reached us", "channel"))
    if form.text("reporter_role") not in REPORTER_ROLES:
        errors.append(FormError("Choose who told us", "reporter_role"))
    if not errors:
        try:
            report = read_report(_raw_report(form), channels=OFFICER_CHANNELS)
        except BadInput as fault:
            name = (fault.field or "").removeprefix("report.")
            errors.append(FormError(sentence(fault.message), name or None))
    return (None if post is None or errors else replace(post, report=report)), errors


def _raw_report(form: ReportForm) -> dict[str, object]:
    return {
        "channel": form.text("channel"),
        "reporter_role": form.text("reporter_role"),
        "consents": list(form.ticks.get("consents", ())),
        "immediate_danger": form.is_ticked("immediate_danger"),
        "under_18": form.is_ticked("under_18"),
        "why": form.text("why").strip(),
        "perceived_strands": list(form.ticks.get("perceived_strands", ())),
        "reference": form.text("reference").strip(),
    }


def _store(hub: Hub, post: IncomingPost, person: SignedIn, now: datetime) -> str:
    [post_id] = ids_in_order(1)
    with hub.database.write() as session:
        store_posts(session, [post], [post_id], actor=person.actor, now=now)
    hub.posts_waiting.set()
    return post_id


def _taken(request: Request, person: SignedIn, post_id: str) -> str | None:
    """The line about a report that this person took down; None for anything else in the address."""
    if not is_identifier(post_id):
        return None
    with hub_of(request).database.read() as session:
        post = session.get(Post, post_id)
        if post is None or post.received_from != person.actor:
            return None
    return f"Report {reference(post_id)} is stored. It waits for triage as soon as its post has been scored."


def _page(request: Request, person: SignedIn, form: ReportForm, *, notice: str | None = None) -> Response:
    return frame_of(request).render(
        request,
        "report.html",
        person=person,
        status=status_of(BadInput) if form.errors else HTTPStatus.OK,
        form=form,
        channels=[(value, CHANNEL_WORDS[value]) for value in OFFICER_CHANNELS],
        roles=[(value, ROLE_WORDS[value]) for value in REPORTER_ROLES],
        consents=[(value, CONSENT_WORDS[value]) for value in CONSENTS],
        strands=STRAND_ORDER,
        notice=notice,
    )
