"""The labelling room: what it adds to the hub's application."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from labelling import desk_pages, model_pages
from labelling.codebook import load_codebook
from labelling.dose import Dose, NoBudget
from serve.console.frame import Frame
from serve.hub import Hub
from serve.people.roles import Action, roles_that_may

HERE: Final = Path(__file__).resolve().parent


def register(app: FastAPI, hub: Hub, dose: Dose | None = None) -> None:
    """Adds the labelling room to the hub's application: routes, templates, static files, navigation.

    `dose` counts what people read at the desk; without one nothing is counted.

    Raises: BadConfig when the hub's codebook is not whole.
    """
    app.state.codebook = load_codebook(hub.settings.codebook)
    app.state.dose = dose or NoBudget()
    frame: Frame = app.state.frame
    frame.add_templates(HERE / "templates")
    frame.add_static("labelling", HERE / "static")
    frame.add_navigation("Labelling", "/labelling", roles_that_may(Action.LABEL_TASKS))
    frame.add_navigation("Models", "/models", roles_that_may(Action.VIEW_MODELS))
    for page in (desk_pages, model_pages):
        app.include_router(page.router)
