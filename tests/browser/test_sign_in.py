"""Signing in: what is refused, how it is said, and that no other site can do it for you."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from serve.people.sessions import MAX_ATTEMPTS

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


def form_of(client: httpx.Client) -> dict[str, str]:
    html = client.get("/sign-in").text
    token = html.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    return {"csrf_token": token, "name": "test-officer"}


@pytest.fixture
def client(hub):
    with httpx.Client(base_url=hub.url, headers={"Accept": "text/html"}) as client:
        yield client


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(new_page) -> None:
    page = new_page()
    said = []
    for name in ("test-officer", "nobody"):
        page.goto("/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        summary = page.get_by_role("alert", name="There is a problem")
        expect(summary).to_be_focused()
        said.append(summary.inner_text())
        expect(page.get_by_label("Name")).to_have_value(name)
        expect(page.get_by_label("Password")).to_have_value("")
    assert said[0] == said[1]
    assert "The name or the password is wrong" in said[0]


def test_empty_fields_are_named_and_the_summary_leads_to_them(new_page) -> None:
    page = new_page()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Enter your password").click()
    expect(page.get_by_label("Password")).to_be_focused()


def test_too_many_attempts_are_told_to_wait(client) -> None:
    form = form_of(client)
    for _ in range(MAX_ATTEMPTS):
        assert client.post("/sign-in", data={**form, "password": "wrong"}).status_code == 401
    answer = client.post("/sign-in", data={**form, "password": PASSWORD})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


def test_a_form_without_its_token_is_refused(client) -> None:
    form = form_of(client)
    del form["csrf_token"]
    assert client.post("/sign-in", data={**form, "password": PASSWORD}).status_code == 403
    client.cookies.clear()
    form = {"csrf_token": "", "name": "test-officer", "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 403


def test_every_form_of_a_session_is_refused_without_its_token(hub, client) -> None:
    hub.post("A post with antiword in it.")
    signed_in = client.post("/sign-in", data={**form_of(client), "password": PASSWORD})
    assert signed_in.status_code == 303
    [case] = hub.rows("SELECT case_id FROM cases")
    [post] = hub.rows("SELECT post_id FROM posts")
    case_id, post_id = case["case_id"], post["post_id"]
    for path in (
        "/cases/next",
        f"/cases/{case_id}/decide",
        f"/cases/{case_id}/release",
        f"/cases/{case_id}/leaving",
        f"/cases/{case_id}/heartbeat",
        f"/cases/{case_id}/posts/{post_id}/reveal",
        "/sign-out",
    ):
        assert client.post(path).status_code == 403, path
        assert client.post(path, data={"csrf_token": "wrong"}).status_code == 403, path
    assert hub.rows("SELECT * FROM cases WHERE state != 'captured'") == []
    assert client.get("/").status_code == 200


def test_signing_out_ends_the_session_and_puts_the_case_back(hub, new_page, sign_in) -> None:
    hub.post("A post with antiword in it.")
    page = new_page()
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert hub.rows("SELECT * FROM sessions") == []
    assert hub.rows("SELECT * FROM cases WHERE state = 'captured'") != []
    page.goto("/")
    page.wait_for_url("**/sign-in")


@pytest.mark.parametrize("role", ["admin", "annotator"])
def test_other_roles_see_neither_queue_nor_cases(hub, new_page, sign_in, role) -> None:
    hub.post("A post with antiword in it.")
    [case] = hub.rows("SELECT case_id FROM cases")
    page = new_page()
    sign_in(page, role)
    expect(page.get_by_role("main")).not_to_contain_text("Waiting")
    expect(page.get_by_role("link", name="Queue")).to_have_count(0)
    answer = page.goto(f"/cases/{case['case_id']}")
    assert answer is not None
    assert answer.status == 403
    assert "antiword" not in page.content()
