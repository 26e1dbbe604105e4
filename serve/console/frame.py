"""The frame around every page: templates, static files, navigation by role, and how a page is sent.

A room that stands above `serve` (labelling) adds its own folders and its line of navigation to the
same frame; the console does not know which rooms there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from serve import problems
from serve.console import plain_words
from serve.console.action_words import state_words
from serve.console.security_headers import PAGE_HEADERS
from serve.console.severities import load_severities
from serve.console.static_files import StaticFiles
from serve.console.visible_text import visible, visible_pieces
from serve.hub import Hub
from serve.oidc_settings import OidcSettings
from serve.people.access import SignedIn
from serve.people.roles import Action, roles_that_may
from serve.people.secret_box import open_secret_box

HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class NavigationLine:
    """A link in the header, for the roles that may follow it."""

    label: str
    url: str
    roles: frozenset[str]


class Frame:
    """Renders pages. Autoescape is always on, and a name that a template does not get is an error."""

    def __init__(self) -> None:
        self._loaders = [FileSystemLoader(HERE / "templates")]
        self._navigation: list[NavigationLine] = []
        self.static = StaticFiles()
        self.static.add("console", HERE / "static")
        self._environment = Environment(
            loader=ChoiceLoader(self._loaders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = self.asset
        self._environment.filters.update(
            visible=visible,
            visible_pieces=visible_pieces,
            role=plain_words.role_words,
            strand=plain_words.strand_words,
            strands=plain_words.strands_words,
            clock=plain_words.clock,
            day=plain_words.day,
            day_and_clock=plain_words.day_and_clock,
            reference=plain_words.reference,
            counted=plain_words.counted,
            due=plain_words.due_words,
            state_words=state_words,
        )

    def asset(self, file: str, name: str = "console") -> str:
        """The address of a static file, in templates too: `{{ asset('label.js', 'labelling') }}`."""
        return self.static.address(file, name)

    def add_templates(self, folder: Path) -> None:
        """Lets pages be rendered from `folder`. The console's own names win, so nothing can replace them."""
        self._loaders.append(FileSystemLoader(folder))

    def add_static(self, name: str, folder: Path) -> None:
        """Serves the files of `folder` under `/static/NAME/`."""
        self.static.add(name, folder)

    def add_navigation(self, label: str, url: str, roles: Iterable[str]) -> None:
        """Adds a link to the header for these roles, after those that are there."""
        self._navigation.append(NavigationLine(label, url, frozenset(map(str, roles))))

    def navigation_for(self, person: SignedIn | None) -> list[NavigationLine]:
        """The links that this person may follow, in order; none for a stranger."""
        if person is None:
            return []
        return [line for line in self._navigation if str(person.role) in line.roles]

    def render(
        self,
        request: Request,
        template: str,
        *,
        person: SignedIn | None = None,
        status: int = HTTPStatus.OK,
        **context: Any,
    ) -> HTMLResponse:
        """The page, ready to send. Templates also get `person`, `navigation` and `here` (the path)."""
        html = self._environment.get_template(template).render(
            person=person, navigation=self.navigation_for(person), here=request.url.path, **context
        )
        return HTMLResponse(html, status_code=status, headers=PAGE_HEADERS)


def frame_of(request: Request) -> Frame:
    """The frame of the hub that serves this request."""
    frame: Frame = request.app.state.frame
    return frame


def install(app: FastAPI, hub: Hub) -> None:
    """Puts the console on an app: its frame, pages, static files and error pages.

    Raises: BadConfig when the codebook's severity scale or the secret key cannot be read, or an outcome's
        letter is taken.
    """
    # Here, not at the top: every page needs this module.
    from serve.console import (
        account_pages,
        action_pages,
        aside_pages,
        authenticator_pages,
        board_pages,
        case_pages,
        decision_pages,
        elsewhere_pages,
        key_pages,
        note_pages,
        people_pages,
        person_pages,
        queue_pages,
        report_pages,
        second_step_pages,
        signing_in,
    )
    from serve.console.error_pages import problem_page
    from serve.console.keys import check_keys

    check_keys(hub.outcomes)
    frame = Frame()
    frame.add_navigation("Queue", "/", roles_that_may(Action.VIEW_QUEUE))
    frame.add_navigation("New report", "/reports/new", roles_that_may(Action.TRIAGE_CASES))
    frame.add_navigation("Board", "/board", roles_that_may(Action.VIEW_BOARD))
    frame.add_navigation("People", "/people", roles_that_may(Action.MANAGE_PEOPLE))
    frame.add_navigation("Keys", "/keys", roles_that_may(Action.MANAGE_KEYS))
    app.state.frame = frame
    app.state.severities = load_severities(hub.settings.codebook)
    app.state.provider = _provider(hub.settings.oidc)
    open_secret_box(hub.settings)
    problems.install(app, page_renderer=problem_page)
    for page in (
        signing_in,
        second_step_pages,
        elsewhere_pages,
        account_pages,
        authenticator_pages,
        queue_pages,
        decision_pages,
        action_pages,
        aside_pages,
        note_pages,
        case_pages,
        report_pages,
        board_pages,
        people_pages,
        person_pages,
        key_pages,
    ):
        app.include_router(page.router)
    app.include_router(frame.static.router())


def _provider(settings: OidcSettings | None) -> Any:
    if settings is None:
        return None
    # Here: its libraries take a third of a second to load, and most hubs have no provider.
    from serve.people.oidc import Provider

    return Provider(settings)
