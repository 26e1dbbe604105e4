"""The case in hand as a plain browser works it: nothing is decided unread, nothing typed is lost."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.cases import leases
from serve.cases.claiming import Claimant, claim
from serve.console.form_errors import sentence
from serve.console.queue_pages import claim_next
from serve.hub import Hub
from serve.people.access import SignedIn
from serve.people.officers import officer_actor
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, CasePost, Decision, Officer
from serve.storage.tables import Session as SessionRow

MakeCases = Callable[[Sequence[float]], list[str]]
SignIn = Callable[[TestClient, Officer], str]
PAGE = {"accept": "text/html"}
REASON = "Read it twice.\nA second line \u202eturned."
WHOLE = {"outcome": "platform_notice", "detail-platform_notice": "terms_of_service", "severity": "0"}


class Officers:
    """A signed-in officer with one case in hand."""

    def __init__(self, client: TestClient, csrf: str, actor: str) -> None:
        self.client, self.csrf, self.actor = client, csrf, actor
        self.case_id = self.post("/cases/next").headers["location"].removeprefix("/cases/")

    def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        data = {"csrf_token": self.csrf, "lease": "1", **fields}
        return self.client.post(path, data=data, headers={**PAGE, **(headers or {})})

    def decide(self, **fields: Any) -> Any:
        return self.post(f"/cases/{self.case_id}/decide", **{"reason": REASON, **WHOLE, **fields})

    def reveal(self, post_id: str) -> Any:
        return self.post(f"/cases/{self.case_id}/posts/{post_id}/reveal", **WHOLE, reason=REASON)


@pytest.fixture
def desk(
    hub: Hub,
    make_cases: MakeCases,
    client: TestClient,
    sign_in: SignIn,
    officer: Callable[..., Officer],
) -> Officers:
    first, second = make_cases([2.0, 1.0])
    with hub.database.write() as session:  # two posts in the first case
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == second)).one()
        session.get_one(CasePost, post_id).case_id = first
    person = officer()
    return Officers(client, sign_in(client, person), officer_actor(person.officer_id))


def posts_of(hub: Hub, case_id: str) -> list[str]:
    with hub.database.read() as session:
        query = select(CasePost.post_id).where(CasePost.case_id == case_id).order_by(CasePost.post_id)
        return list(session.scalars(query))


def decisions(hub: Hub) -> list[Decision]:
    with hub.database.read() as session:
        return list(session.scalars(select(Decision)))


def test_decision_on_a_covered_post_is_refused_and_what_was_typed_stays(hub: Hub, desk: Officers) -> None:
    first, second = posts_of(hub, desk.case_id)
    desk.reveal(first)

    answer = desk.decide(revealed=first)

    assert answer.status_code == 422
    assert f'<a href="#show-{second}">Show every post before you decide</a>' in answer.text
    assert f'id="show-{second}"' in answer.text
    assert "Read it twice." in answer.text
    assert re.search(r'name="severity" value="0"[^>]* checked', answer.text)
    assert decisions(hub) == []


def test_decision_goes_through_once_every_post_was_shown(hub: Hub, desk: Officers) -> None:
    for post_id in posts_of(hub, desk.case_id):
        assert desk.reveal(post_id).status_code == 200

    answer = desk.decide()

    assert answer.status_code == 303
    assert [decision.reason for decision in decisions(hub)] == [REASON]


def test_posts_that_somebody_else_was_shown_are_still_covered(
    hub: Hub, desk: Officers, sign_in: SignIn, officer: Callable[..., Officer]
) -> None:
    for post_id in posts_of(hub, desk.case_id):
        desk.reveal(post_id)
    desk.post(f"/cases/{desk.case_id}/release")
    other = Officers(desk.client, sign_in(desk.client, officer()), "")
    assert other.case_id == desk.case_id

    answer = other.decide(lease="2", revealed=posts_of(hub, desk.case_id))

    assert "Show every post before you decide" in answer.text
    assert decisions(hub) == []


def test_decided_case_shows_its_reason_safely_and_with_its_lines(hub: Hub, desk: Officers) -> None:
    for post_id in posts_of(hub, desk.case_id):
        desk.reveal(post_id)
    desk.decide()

    page = desk.client.get(f"/cases/{desk.case_id}", headers=PAGE).text

    reason = page[page.index('<dd class="words copy">') :].split("</dd>")[0]
    assert "Read it twice.\nA second line" in reason
    assert '<span class="token">⟦U+202E⟧</span>turned.' in reason


def test_reason_sent_after_the_session_ended_is_shown_for_copying(hub: Hub, desk: Officers) -> None:
    desk.client.cookies.clear()

    answer = desk.decide(reason="Half an <b>hour</b> of work.")

    assert answer.status_code == 401
    assert "You are signed out" in answer.text
    assert "Half an &lt;b&gt;hour&lt;/b&gt; of work." in answer.text


def test_reason_with_the_token_of_an_older_session_is_shown_for_copying(hub: Hub, desk: Officers) -> None:
    answer = desk.decide(csrf_token="of the session before", reason="Half an hour of work.")

    assert answer.status_code == 403
    assert "Half an hour of work." in answer.text


def test_text_of_another_sites_form_is_not_shown(hub: Hub, desk: Officers) -> None:
    desk.client.cookies.clear()

    answer = desk.decide(reason="Call this number.", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert "Call this number." not in answer.text


def test_faults_are_tied_to_inputs_and_never_to_a_fieldset(hub: Hub, desk: Officers) -> None:
    page = desk.decide(outcome="", severity="", reason="").text

    assert not re.search(r"<fieldset[^>]*aria-invalid", page)
    for name in ("outcome", "severity", "reason"):
        assert re.search(rf'<(input|textarea)[^>]*name="{name}"[^>]*aria-invalid="true"', page), name
        assert f'aria-describedby="{name}-error"' in page or f'reason-hint {name}-error"' in page


def test_two_tabs_that_ask_at_once_get_the_same_case(
    hub: Hub, make_cases: MakeCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cases([3.0, 2.0, 1.0])
    person = SignedIn(officer_id="A", name="Ann", role="officer", csrf_token="t", actor="officer:A")
    both_looked = threading.Barrier(2)
    look = leases.held_by

    def look_and_wait(*arguments: Any) -> Any:
        found = look(*arguments)
        with suppress(threading.BrokenBarrierError):
            both_looked.wait(timeout=1)  # only passed when two tabs look before either has claimed
        return found

    monkeypatch.setattr(leases, "held_by", look_and_wait)
    addresses: list[str] = []
    tabs = [threading.Thread(target=lambda: addresses.append(claim_next(hub, person))) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    assert len(addresses) == 2
    assert len(set(addresses)) == 1
    with hub.database.read() as session:
        assert len(session.scalars(select(Case).where(Case.state == "in_review")).all()) == 1


def test_signing_out_puts_back_everything_that_is_held(
    hub: Hub, make_cases: MakeCases, desk: Officers
) -> None:
    make_cases([5.0, 4.0])
    with hub.database.write() as session:
        for _ in range(2):
            claim(session, Claimant(desk.actor), now=utc_now(), lease_seconds=600)

    answer = desk.post("/sign-out")

    assert answer.status_code == 303
    with hub.database.read() as session:
        assert session.scalars(select(Case).where(Case.state == "in_review")).all() == []
        assert session.scalars(select(SessionRow)).all() == []


def test_only_the_field_at_fault_of_the_sign_in_form_says_so(client: TestClient) -> None:
    token = client.get("/sign-in").text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]

    page = client.post("/sign-in", data={"csrf_token": token, "name": "ann"}, headers=PAGE).text

    assert page.count("with-error") == 1
    assert re.search(r'id="password"[^>]*aria-invalid="true" aria-describedby="password-error"', page)
    assert re.search(r'<p class="field-error" id="password-error">.*Enter your password</p>', page)
    assert not re.search(r'id="name"[^>]*aria-invalid', page)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("reason: at most 5,000 characters", "At most 5,000 characters"),
        ("there is no such case", "There is no such case"),
        ("", ""),
    ],
)
def test_message_of_a_fault_becomes_a_plain_sentence(message: str, line: str) -> None:
    assert sentence(message) == line
