"""Batches: how far each one is, and the form that makes one. Nothing here shows a text or a person."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling import batches, tasks
from labelling.batch_making import (
    LABELS_A_TEXT,
    MOST_ASKED,
    Wish,
    plan_batch,
    sources_of,
    write_batch,
)
from labelling.batch_standing import standings
from labelling.desk_form import codebook_of
from labelling.hub_pool import BACKGROUND, CASES, OF_A_BATCH
from labelling.sampling.rules import LoadedRules
from model.errors import BadInput, Conflict
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import BatchRow

router = APIRouter(prefix="/labelling/batches", include_in_schema=False)
Maker = Annotated[SignedIn, Depends(allowed(Action.MAKE_BATCHES))]
CheckCsrf = Depends(check_csrf)

SOURCE_WORDS: Final = {
    CASES: ("Decided cases", "Their posts, and nothing of what was decided. Newest first."),
    BACKGROUND: ("All traffic", "Posts that wait for nobody's decision yet: what comes in, as it comes in."),
}
REASON_WORDS: Final = {
    "all": "all of the source",
    "audit": "audit",
    "uncertainty": "the machine is unsure",
    "disagreement": "bundles, or a person, disagree",
    "coded_term": "a coded term",
    "anchor_neighbour": "near known hate",
    "gold": "gold",
    "relief": "rests",
}
LARGEST_SEED: Final = 2**31


@dataclass(frozen=True, slots=True)
class BatchForm:
    """What was typed into the form. Nothing is trusted yet."""

    words: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """What was typed into a field; empty for nothing."""
        return self.words.get(name, "")

    def number(self, name: str) -> int:
        """A whole number that was typed. Raises: BadInput."""
        value = self.text(name).strip()
        if not (value.isascii() and value.isdigit() and len(value) <= 6):
            raise BadInput(f"{name}: a whole number", field=name)
        return int(value)

    def wish(self) -> Wish:
        """The order, as far as its fields can be read. Raises: BadInput."""
        return Wish(
            batch=self.text("batch").strip(),
            source=self.text("source"),
            texts=self.number("texts"),
            labels_a_text=self.number("labels_a_text"),
            audit_share=self.number("audit_share") / 100,
            gold_share=self.number("gold_share") / 100,
            relief_share=self.number("relief_share") / 100,
            assisted=bool(self.text("assisted")),
        )


def batch_form(
    batch: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    texts: Annotated[str, Form()] = "",
    labels_a_text: Annotated[str, Form()] = "",
    audit_share: Annotated[str, Form()] = "",
    gold_share: Annotated[str, Form()] = "",
    relief_share: Annotated[str, Form()] = "",
    assisted: Annotated[str, Form()] = "",
) -> BatchForm:
    """The form as it was sent."""
    return BatchForm(
        {
            "batch": batch,
            "source": source,
            "texts": texts,
            "labels_a_text": labels_a_text,
            "audit_share": audit_share,
            "gold_share": gold_share,
            "relief_share": relief_share,
            "assisted": assisted,
        }
    )


@router.get("")
def batches_page(
    request: Request,
    person: Maker,
    made: str = "",
    offered: str = "",
    closed: str = "",
    reopened: str = "",
) -> Response:
    """Every batch with what it is for and how far it is."""
    with hub_of(request).database.read() as session:
        return frame_of(request).render(
            request,
            "labelling_batch_list.html",
            person=person,
            batches=standings(session),
            reason_words=REASON_WORDS,
            notice=_notice(session, made, offered, closed, reopened),
        )


@router.get("/new")
def new_batch(request: Request, person: Maker) -> Response:
    """The form that makes a batch."""
    rules = _rules(request).rules
    start = {
        "source": BACKGROUND,
        "texts": str(rules.batch_posts),
        "labels_a_text": "2",
        "audit_share": f"{rules.quotas['audit'].share * 100:.0f}",
        "gold_share": "5",
        "relief_share": "10",
    }
    with hub_of(request).database.read() as session:
        return _form(request, session, person, BatchForm(start))


@router.post("/new", dependencies=[CheckCsrf])
def make_batch(request: Request, person: Maker, form: Annotated[BatchForm, Depends(batch_form)]) -> Response:
    """Chooses the texts and makes the batch; or shows the form with what is wrong."""
    hub, now = hub_of(request), utc_now()
    try:
        with hub.database.read() as session:
            plan = plan_batch(
                session,
                hub.classifier,
                _rules(request),
                form.wish(),
                seed=secrets.randbelow(LARGEST_SEED),
                now=now,
            )
        with hub.database.write() as session:
            write_batch(session, codebook_of(request), plan, actor=person.actor, now=now)
    except (BadInput, Conflict) as fault:
        with hub.database.read() as session:
            return _form(request, session, person, form, fault)
    return RedirectResponse(f"/labelling/batches?made={plan.wish.batch}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/offer-again", dependencies=[CheckCsrf])
def offer_again(request: Request, person: Maker, batch: Annotated[str, Form()] = "") -> Response:
    """Offers the texts that were put aside without a name to whoever comes. Raises: BadInput."""
    name = batches.check_batch(batch)
    with hub_of(request).database.write() as session:
        tasks.offer_again(session, batch=name, actor=person.actor, now=utc_now())
    return RedirectResponse(f"/labelling/batches?offered={name}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/close", dependencies=[CheckCsrf])
def close_batch(request: Request, person: Maker, batch: Annotated[str, Form()] = "") -> Response:
    """Offers no more texts of a batch. Raises: BadInput, NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        batches.close_batch(session, batch=batch, actor=person.actor, now=utc_now())
    return RedirectResponse(f"/labelling/batches?closed={batch}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/reopen", dependencies=[CheckCsrf])
def reopen_batch(request: Request, person: Maker, batch: Annotated[str, Form()] = "") -> Response:
    """Offers what is left of a closed batch again. Raises: BadInput, NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        batches.reopen_batch(session, batch=batch, actor=person.actor, now=utc_now())
    return RedirectResponse(f"/labelling/batches?reopened={batch}", status_code=HTTPStatus.SEE_OTHER)


def _rules(request: Request) -> LoadedRules:
    rules: LoadedRules = request.app.state.sampling_rules
    return rules


def _form(
    request: Request,
    session: Session,
    person: SignedIn,
    form: BatchForm,
    fault: BadInput | Conflict | None = None,
) -> Response:
    names = sources_of(session)
    sources = [
        (
            name,
            *SOURCE_WORDS.get(
                name,
                (
                    f"The file behind batch {name.removeprefix(OF_A_BATCH)}",
                    "Its texts are labelled again, by the rules of the new batch.",
                ),
            ),
        )
        for name in names
    ]
    return frame_of(request).render(
        request,
        "labelling_batch_new.html",
        person=person,
        status=status_of(type(fault)) if fault else HTTPStatus.OK,
        form=form,
        sources=sources,
        most=MOST_ASKED,
        labels_a_text=[str(number) for number in LABELS_A_TEXT],
        errors=[FormError(sentence(fault.message), fault.field)] if fault else [],
    )


def _notice(session: Session, made: str, offered: str, closed: str, reopened: str) -> str | None:
    """What was just done; of batches that there are."""
    row = session.get(BatchRow, made)
    if row is not None and row.drawn:
        chosen = ", ".join(
            f"{count} {REASON_WORDS.get(why, why)}" for why, count in row.drawn["chosen"].items()
        )
        return f"{made} was made: {sum(row.drawn['chosen'].values())} texts ({chosen})."
    if session.get(BatchRow, offered) is not None:
        return f"What was put aside in {offered} without a name is offered again."
    row = session.get(BatchRow, closed)
    if row is not None and row.closed_at is not None:
        return f"{closed} is closed: no more of it is offered, and what was labelled stays."
    row = session.get(BatchRow, reopened)
    if row is not None and row.closed_at is None:
        return f"{reopened} is open again."
    return None
