"""The research room: every address has its action in the one table of roles, and nobody else comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.testclient import TestClient

from serve.people.roles import Action, Role, may, roles_that_may
from serve.storage.tables import Officer

ACTION_OF: Final = {
    ("GET", "/research"): Action.VIEW_REPORTS,
    ("GET", "/research/reports/{report}"): Action.VIEW_REPORTS,
    ("GET", "/research/reports/{report}/{report_file}"): Action.VIEW_REPORTS,
    ("GET", "/research/suites"): Action.RUN_SUITES,
    ("POST", "/research/suites"): Action.RUN_SUITES,
    ("GET", "/research/suites/{suite_id}"): Action.RUN_SUITES,
    ("POST", "/research/suites/{suite_id}/runs"): Action.RUN_SUITES,
    ("POST", "/research/suites/{suite_id}/discard"): Action.DISCARD_SUITES,
    ("GET", "/research/suites/{suite_id}/results/{bundle:path}"): Action.RUN_SUITES,
    ("GET", "/research/extract"): Action.MAKE_EXTRACTS,
    ("POST", "/research/extract"): Action.MAKE_EXTRACTS,
}
"""Which action opens which address. An address that is not here fails the first test."""


def _of_research(addresses: list[Any]) -> list[Any]:
    return [one for one in addresses if one.path.startswith("/research")]


def test_every_research_address_is_in_the_table(addresses: list[Any]) -> None:
    assert {(one.method, one.path): one.action for one in _of_research(addresses)} == ACTION_OF


def test_researchers_alone_measure_and_take_extracts_and_never_reach_a_post() -> None:
    for action in (Action.VIEW_REPORTS, Action.RUN_SUITES, Action.MAKE_EXTRACTS):
        assert roles_that_may(action) == (Role.RESEARCHER,)
    for action in (Action.VIEW_QUEUE, Action.DECIDE_CASES, Action.LABEL_TASKS):
        assert not may(Role.RESEARCHER, action)


def test_researcher_posts_nothing_without_the_pages_token(
    client: TestClient,
    addresses: list[Any],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    sign_in(client, officer("researcher"))
    posts = [one for one in _of_research(addresses) if one.method == "POST"]
    assert len(posts) == 4
    for one in posts:
        for data in ({}, {"csrf_token": "made up"}):
            assert client.post(one.url, data=data).status_code == 403, one


def test_researcher_start_page_leads_to_the_three_pages(
    client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> None:
    sign_in(client, officer("researcher"))

    page = client.get("/", headers={"accept": "text/html"}).text

    for address in ("/research", "/research/suites", "/research/extract"):
        assert f'<a href="{address}">' in page
    assert "Take the next case" not in page
