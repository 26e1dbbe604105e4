"""The labelling room: what it adds to the hub's application."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from labelling import batch_pages, desk_pages, model_pages, practice_pages, quality_rooms
from labelling.codebook import load_codebook
from labelling.dose import Dose, HubBudget
from labelling.practice.courses import load_courses
from labelling.sampling.rules import load_sampling_rules
from serve.console.frame import Frame
from serve.hub import Hub
from serve.people.roles import Action, roles_that_may

HERE: Final = Path(__file__).resolve().parent


def register(app: FastAPI, hub: Hub, dose: Dose | None = None) -> None:
    """Adds the labelling room to the hub's application: routes, templates, static files, navigation.

    `dose` counts what people read at the desk; without one the hub's exposure budget does.

    Raises: BadConfig when the hub's codebook, the rules of sampling or the courses are not whole.
    """
    codebook = load_codebook(hub.settings.codebook)
    app.state.codebook = codebook
    app.state.courses = load_courses(codebook)
    app.state.sampling_rules = load_sampling_rules()
    app.state.dose = dose or HubBudget(hub.exposure)
    frame: Frame = app.state.frame
    frame.add_templates(HERE / "templates")
    frame.add_static("labelling", HERE / "static")
    frame.add_navigation("Labelling", "/labelling", roles_that_may(Action.LABEL_TASKS))
    # Whoever labels finds practice and batches on that page: the header has few places.
    labels = set(roles_that_may(Action.LABEL_TASKS))
    makers = [role for role in roles_that_may(Action.MAKE_BATCHES) if role not in labels]
    frame.add_navigation("Batches", "/labelling/batches", makers)
    frame.add_navigation("Models", "/models", roles_that_may(Action.VIEW_MODELS))
    quality_rooms.register(app)
    for page in (desk_pages, batch_pages, practice_pages, model_pages):
        app.include_router(page.router)
