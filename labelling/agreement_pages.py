"""How far annotators agree, for those who answer for the labels; and one's own gold results."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from labelling.agreement import OVERALL, AgreementFigures, Choice, own_figures
from labelling.codebook import Codebook
from labelling.disputes import kinds_taken
from labelling.export import pseudonym
from labelling.quality.annotators import FAST_SECONDS, LEAST_TO_RANK, NO_PERSONNEL_METRIC, ranked
from serve.console.frame import frame_of
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed
from serve.people.roles import Action, may
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/labelling/agreement", include_in_schema=False)

Reader = Annotated[SignedIn, Depends(allowed(Action.VIEW_AGREEMENT))]
Labeller = Annotated[SignedIn, Depends(allowed(Action.LABEL_TASKS))]
Chosen = Annotated[str, Query(max_length=200)]

QUESTION_WORDS: Final = {
    "hate": "Hate or not",
    "strands": "Strands, as a set",
    "severity": "Severity",
    "speech_act": "What the author does",
    "codes": "Codes, as a set",
}


@router.get("")
def agreement_page(
    request: Request,
    person: Reader,
    batch: Chosen = "",
    codebook: Chosen = "",
    cohort: Chosen = "",
    question: Chosen = "",
) -> Response:
    """Alpha and its kin of a choice of labels, by question, code and cohort; annotators by pseudonym.

    Raises: BadInput for a choice that there is not.
    """
    choice = Choice(batch or None, codebook or None, cohort or None, question or "hate")
    with hub_of(request).database.read() as session:
        found = figures_of(request).of(session, choice, utc_now())
        taken = kinds_taken(session)
    names = list(found.report.questions)
    low_first, not_enough = ranked(found.annotators)
    return frame_of(request).render(
        request,
        "labelling_agreement.html",
        person=person,
        found=found,
        overall=[name for name in names if name in OVERALL],
        by_part={
            title: [name for name in names if name.startswith(kind)]
            for kind, title in (("strand:", "Strands"), ("code:", "Codes"), ("flag:", "Context flags"))
        },
        words=lambda name: question_words(name, codebook_of(request)),
        annotators=[*low_first, *not_enough],
        taken=taken,
        least=LEAST_TO_RANK,
        fast_seconds=FAST_SECONDS,
        no_personnel_metric=NO_PERSONNEL_METRIC,
        may_adjudicate=may(person.role, Action.ADJUDICATE_LABELS),
    )


@router.get("/mine")
def own_page(request: Request, person: Labeller) -> Response:
    """What the person's own answers to gold texts say; nobody else's figures are on it."""
    now = utc_now()
    with hub_of(request).database.read() as session:
        figures = own_figures(session, person.actor)
    return frame_of(request).render(
        request,
        "labelling_own_figures.html",
        person=person,
        figures=figures,
        pseudonym=pseudonym(person.actor),
        words=lambda name: question_words(name, codebook_of(request)),
        least=LEAST_TO_RANK,
        no_personnel_metric=NO_PERSONNEL_METRIC,
        as_of=now,
    )


def figures_of(request: Request) -> AgreementFigures:
    """The hub's figures of agreement, remembered from page to page."""
    figures: AgreementFigures = request.app.state.agreement_figures
    return figures


def codebook_of(request: Request) -> Codebook:
    """The codebook that this hub labels by."""
    codebook: Codebook = request.app.state.codebook
    return codebook


def question_words(name: str, codebook: Codebook) -> str:
    """A question of the statistics in the codebook's words; a code that it does not have stays as it is."""
    kind, _, value = name.partition(":")
    if not value:
        return QUESTION_WORDS.get(name, name)
    titles = {
        "strand": {strand.value: strand.title for strand in codebook.strands},
        "code": {
            code.code: f"{code.code} {code.title}" for strand in codebook.strands for code in strand.codes
        },
        "flag": {flag.value: flag.title for flag in codebook.context_flags},
    }
    return titles[kind].get(value, value)
