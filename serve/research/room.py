"""The research room as it joins the hub: its pages, its navigation, its runner of suites."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from serve.console.frame import Frame
from serve.people.roles import Action, roles_that_may
from serve.research import extract_pages, report_pages, suite_pages

HERE: Final = Path(__file__).resolve().parent


def register(app: FastAPI) -> None:
    """Adds the research pages to an app that has its frame already."""
    frame: Frame = app.state.frame
    frame.add_templates(HERE / "templates")
    frame.add_static("research", HERE / "static")
    frame.add_navigation("Evaluations", "/research", roles_that_may(Action.VIEW_REPORTS))
    frame.add_navigation("Suites", "/research/suites", roles_that_may(Action.RUN_SUITES))
    frame.add_navigation("Extracts", "/research/extract", roles_that_may(Action.MAKE_EXTRACTS))
    for router in (report_pages.router, suite_pages.router, extract_pages.router):
        app.include_router(router)
