"""The pages about the quality of labels, as one registration: agreement, adjudication, label errors, labels
held back."""

from __future__ import annotations

from fastapi import FastAPI

from labelling import adjudication_pages, agreement_pages, held_pages, suspect_pages
from labelling.agreement import AgreementFigures
from labelling.quality.adjudication_rules import load_adjudication_rules
from serve.console.frame import Frame
from serve.people.roles import Action, roles_that_may


def register(app: FastAPI) -> None:
    """Adds the pages to an application that has the labelling room's frame and codebook.

    Raises: BadConfig when the rules of adjudication are not whole.
    """
    app.state.agreement_figures = AgreementFigures()
    app.state.adjudication_rules = load_adjudication_rules()
    frame: Frame = app.state.frame
    readers = roles_that_may(Action.VIEW_AGREEMENT)
    frame.add_navigation("Label quality", "/labelling/agreement", readers)
    labellers = [role for role in roles_that_may(Action.LABEL_TASKS) if role not in readers]
    frame.add_navigation("Your labels", "/labelling/agreement/mine", labellers)
    for pages in (agreement_pages, adjudication_pages, suspect_pages, held_pages):
        app.include_router(pages.router)
