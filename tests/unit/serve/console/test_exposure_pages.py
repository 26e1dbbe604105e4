"""One's own reading as a plain browser works it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from exposure_rules import made_policy
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from model.configuration import sha256_of
from serve.console.exposure_pages import dose_bar
from serve.hub import Hub
from serve.people.exposure.preferences import preferences, set_preferences
from serve.people.exposure.readings import Subject, record_reading
from serve.people.exposure.shift import Preferences, Standing
from serve.people.exposure.standings import standing
from serve.people.officers import officer_actor
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Officer, WentOn

PAGE = {"accept": "text/html"}


class Desk:
    """A signed-in person at their own page."""

    def __init__(self, hub: Hub, client: TestClient, csrf: str, actor: str) -> None:
        self.hub, self.client, self.csrf, self.actor = hub, client, csrf, actor

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.csrf, **fields}, headers=PAGE)

    def page(self, path: str = "/exposure", **query: str) -> str:
        answer = self.client.get(path, params=query, headers=PAGE)
        assert answer.status_code == 200
        return answer.text

    def reads(self, *severities: int, actor: str = "", days_ago: float = 0) -> None:
        at = utc_now() - timedelta(days=days_ago)
        # The shipped file is younger than what a test may ask for.
        policy = made_policy() if days_ago else self.hub.exposure
        with self.hub.database.write() as session:
            for severity in severities:
                post_id = new_id()
                record_reading(
                    session,
                    policy,
                    actor=actor or self.actor,
                    at=at,
                    subject=Subject("post", post_id),
                    text_sha256=sha256_of(post_id.encode()),
                    severity_expected=severity,
                )

    def stands(self) -> Standing:
        with self.hub.database.read() as session:
            return standing(session, self.hub.exposure, self.actor, utc_now())


@pytest.fixture
def enter(
    hub_app: FastAPI,
    client: TestClient,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> Callable[[str], Desk]:
    def as_role(role: str) -> Desk:
        person = officer(role)
        return Desk(hub_app.state.hub, client, sign_in(client, person), officer_actor(person.officer_id))

    return as_role


@pytest.fixture
def desk(enter: Callable[[str], Desk]) -> Desk:
    return enter("officer")


def test_preferences_are_saved_whole_and_what_the_form_does_not_offer_stays(desk: Desk) -> None:
    with desk.hub.database.write() as session:
        set_preferences(session, actor=desk.actor, now=utc_now(), chosen=Preferences(masks=True))

    answer = desk.post(
        "/exposure/preferences", strands=["far_right", "antisemitic"], two_worst_in_a_row="yes"
    )

    assert answer.headers["location"] == "/exposure?done=saved"
    with desk.hub.database.read() as session:
        assert preferences(session, desk.actor) == Preferences(
            ("antisemitic", "far_right"), two_worst_in_a_row=True, covers=False, masks=True
        )
    assert "Your preferences are saved" in desk.page(done="saved")
    assert "<script>" not in desk.page(done="<script>")


def test_strand_that_does_not_exist_is_refused(desk: Desk) -> None:
    answer = desk.post("/exposure/preferences", strands=["made-up"])

    assert answer.status_code == 422
    assert "made-up" not in answer.text


@pytest.mark.parametrize(
    ("back", "to"),
    [
        ("/", "/"),
        ("/exposure", "/exposure?done=ended"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example", "/"),
        ("/research", "/"),  # not an officer's
        ("", "/"),
    ],
)
def test_break_leads_back_to_the_persons_own_pages_alone(desk: Desk, back: str, to: str) -> None:
    desk.reads(1)
    begun = desk.post("/exposure/breaks", back=back)
    assert begun.headers["location"] == f"/exposure/pause?back={to.partition('?')[0]}"
    assert desk.stands().running_break is not None

    assert desk.post("/exposure/breaks/end", back=back).headers["location"] == to
    assert desk.stands().running_break is None


def test_going_on_wants_a_reason_of_the_list(desk: Desk) -> None:
    desk.reads(*[3] * 25)
    for reason in ("", "made-up"):
        answer = desk.post("/exposure/go-on", reason=reason)
        assert answer.status_code == 422
        assert "There is a problem" in answer.text
        assert "made-up" not in answer.text

    assert desk.post("/exposure/go-on", reason="danger").headers["location"] == "/"
    with desk.hub.database.read() as session:
        [row] = session.scalars(select(WentOn)).all()
    assert (row.reason, row.because, row.actor) == ("danger", "budget", desk.actor)


def test_forced_break_is_neither_skipped_nor_cut_short(desk: Desk) -> None:
    desk.reads(*[3] * 38)
    assert desk.post("/exposure/go-on", reason="danger").status_code == 409
    desk.post("/exposure/breaks")

    for path in ("/exposure/breaks/end", "/exposure/go-on"):
        answer = desk.post(path, reason="danger")
        assert answer.status_code == 409
        assert "Your break lasts until" in answer.text
    assert desk.stands().may_read.break_until is not None
    assert "End the break" not in desk.page()


def test_page_says_how_many_units_and_of_what(desk: Desk) -> None:
    desk.reads(0, 1, 4)

    page = desk.page()

    assert "9 of 100 units" in page
    assert "You have read 3 texts since" in page
    assert "lighter ones come next" in page
    assert "Weak evidence" in page
    assert "10.1007/s00426-026-02241-5" in page


def test_bar_shows_the_dose_and_its_marks_in_order_and_never_leaves_its_frame(desk: Desk) -> None:
    rules = desk.hub.exposure.in_force(utc_now())
    for _ in range(4):
        bar = dose_bar(desk.stands(), rules)
        assert 0 <= bar.read < 100
        assert 0 < bar.warn < bar.soft < bar.hard < 100
        desk.reads(*[4] * 10)
    assert dose_bar(desk.stands(), rules).read > dose_bar(desk.stands(), rules).hard


def test_supervisor_sees_figures_of_five_people_and_officers_do_not(enter: Callable[[str], Desk]) -> None:
    supervisor = enter("supervisor")
    assert "fewer than 5 people besides you" in supervisor.page("/exposure/team")
    today = utc_now()
    for number in range(5):
        # Somewhere in the week before this one, whatever day it is.
        supervisor.reads(1, 1, actor=f"officer:{number}", days_ago=today.weekday() + 3)

    page = supervisor.page("/exposure/team")

    assert "People who read" in page
    assert "<dd>10</dd>" in page
    assert "officer:" not in page
    assert "/exposure/team" in supervisor.page()

    other = enter("officer")
    assert other.client.get("/exposure/team").status_code == 403
    assert "/exposure/team" not in other.page()
