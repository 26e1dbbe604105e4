"""The frame: what templates get, and what they cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from serve.console.frame import HERE, Frame
from serve.console.security_headers import PAGE_HEADERS
from serve.people.access import SignedIn

OFFICER = SignedIn(officer_id="1", name="<b>Ann</b>", role="officer", csrf_token="token", actor="officer:1")
PAGE = '{% extends "frame.html" %}{% block title %}T{% endblock %}{% block main %}{{ words }}{% endblock %}'


@pytest.fixture
def request_of() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/room", "headers": [], "query_string": b""})


@pytest.fixture
def frame(tmp_path: Path) -> Frame:
    (tmp_path / "room.html").write_text(PAGE)
    (tmp_path / "message.html").write_text("replaced")
    frame = Frame()
    frame.add_templates(tmp_path)
    frame.add_navigation("Room", "/room", ["officer"])
    frame.add_navigation("Other", "/other", ["annotator"])
    return frame


def test_a_page_escapes_what_it_is_given_and_carries_the_headers(frame: Frame, request_of: Request) -> None:
    answer = frame.render(request_of, "room.html", person=OFFICER, words="<script>1</script>{{ 7*7 }}")
    html = bytes(answer.body).decode()
    assert "&lt;script&gt;1&lt;/script&gt;{{ 7*7 }}" in html
    assert "&lt;b&gt;Ann&lt;/b&gt;" in html
    assert {name: answer.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS


def test_navigation_shows_only_what_the_role_may_open(frame: Frame, request_of: Request) -> None:
    officer = bytes(frame.render(request_of, "room.html", person=OFFICER, words="").body).decode()
    assert '<a href="/room" aria-current="page">Room</a>' in officer
    assert "/other" not in officer
    stranger = bytes(frame.render(request_of, "room.html", words="").body).decode()
    assert "<nav" not in stranger


def test_a_name_that_a_template_does_not_get_is_an_error(frame: Frame, request_of: Request) -> None:
    with pytest.raises(UndefinedError):
        frame.render(request_of, "room.html")


def test_a_room_cannot_replace_a_page_of_the_console(frame: Frame, request_of: Request) -> None:
    answer = frame.render(
        request_of,
        "message.html",
        heading="H",
        paragraphs=[],
        typed_reason="",
        may_claim=False,
        links=[],
        notice=None,
    )
    assert b"replaced" not in bytes(answer.body)


def test_a_changed_file_has_a_new_address(tmp_path: Path) -> None:
    addresses = []
    for content in ("a {}", "b {}"):
        (tmp_path / "room.css").write_text(content)
        frame = Frame()
        frame.add_static("room", tmp_path)
        addresses.append(frame.asset("room.css", "room"))
    assert addresses[0] != addresses[1]
    assert all(address.startswith("/static/room/") for address in addresses)


def test_the_scripts_are_small_and_make_no_html_and_no_page_has_inline_code() -> None:
    scripts = sorted((HERE / "static").glob("*.js"))
    assert [path.name for path in scripts] == ["console.js", "page.js"]
    script = "".join(path.read_text() for path in scripts)
    assert len(script.encode()) < 12_000
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert forbidden not in script
    for template in sorted((HERE / "templates").glob("*.html")):
        html = template.read_text()
        assert "<script>" not in html, template.name
        assert " style=" not in html, template.name
        assert "|safe" not in html.replace(" ", ""), template.name
        assert " onclick" not in html, template.name
