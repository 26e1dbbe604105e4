"""Whatever a stranger posts to any address: a clear 4xx, never a 5xx, never their words back.

Source: PROMISES.md section 0, finding 8; section 2, S2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from model.errors import BadBody, BodyTooDeep
from serve.guard import METHODS_WITH_BODY, check_json
from serve.storage.tables import Officer

MARKER = "marker-of-what-was-sent"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

DEEP = b"[" * 100_000
UNREADABLE: Final = {
    "1e999": b'{"posts": [{"text": "%s"}], "lease": 1e999, "severity": 1e999}',
    "minus 1e999": b'{"lease": -1e999, "note": "%s"}',
    "infinity": b'{"lease": Infinity, "note": "%s"}',
    "nan": b'{"lease": NaN, "note": "%s"}',
    "huge integer": b'{"note": "%s", "lease": ' + b"9" * 5000 + b"}",
    "integer over 64 bits": b'{"note": "%s", "lease": 9223372036854775808}',
    "invalid utf-8": b'{"posts": [{"text": "\xff\xfe%s"}]}',
    "encoded surrogate": b'{"posts": [{"text": "\xed\xa0\x80%s"}]}',
    "utf-16": '{"note": "a"}'.encode("utf-16"),
    "deep lists": DEEP,
    "deep and closed": DEEP + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep after a string": b'["\\"[[[[", ' + DEEP,
    "open string": b'{"posts": "%s',
    "no JSON": b"%s",
    "raw NUL": b'{"posts": [{"text": "a\0%s"}]}',
    "two values": b"{} %s",
}
"""Refused before anybody reads them, whatever the address."""

READABLE: Final = {
    "lone surrogate": b'{"posts": [{"id": "1", "text": "\\ud800%s"}]}',
    "surrogate everywhere": (
        b'{"posts": [{"id": "\\ud800%s", "text": "a", "platform": "\\ud800", "url": "\\ud800", '
        b'"author": "\\ud800", "posted_at": "\\ud800"}], "lease": "\\ud800", "outcome": "\\ud800", '
        b'"outcome_detail": "\\ud800", "strands": ["\\ud800"], "severity": "\\ud800", "reason": "\\ud800"}'
    ),
    "surrogate in a decision": (
        b'{"lease": 1, "outcome": "\\ud800%s", "strands": [], "severity": 0, "reason": "\\ud800"}'
    ),
    "NUL in a decision": (
        b'{"lease": 1, "outcome": "no_action", "strands": [], "severity": 0, "reason": "\\u0000%s"}'
    ),
    "surrogate as a name": b'{"\\ud800%s": 1}',
    "escaped NUL": b'{"posts": [{"id": "1", "text": "\\u0000%s"}]}',
    "NUL everywhere": (
        b'{"posts": [{"id": "\\u0000%s", "text": "a", "platform": "\\u0000", "url": "\\u0000", '
        b'"author": "\\u0000"}]}'
    ),
    "list": b'["%s"]',
    "number": b"7",
    "null": b"null",
    "words": b'"%s"',
    "wrong types": b'{"posts": "%s", "lease": "%s", "severity": {"a": "%s"}, "strands": "%s"}',
    "largest integer": b'{"note": "%s", "lease": 9223372036854775807, "severity": 9223372036854775807}',
    "unknown field": b'{"%s": "%s"}',
    "many posts": json.dumps({"posts": [{"text": "a"}] * 1001}).encode(),
    "far date": b'{"posts": [{"text": "%s", "posted_at": "99999-01-01T00:00:00Z"}]}',
    "date before time": b'{"posts": [{"text": "%s", "posted_at": "0001-01-01T00:00:00+14:00"}]}',
    "long identifier": json.dumps({"posts": [{"id": MARKER * 1000, "text": "a"}]}).encode(),
}
"""JSON in good order: each address says for itself what is wrong, if anything is."""


def _with_marker(body: bytes) -> bytes:
    return body.replace(b"%s", MARKER.encode())


@pytest.fixture
def posting(addresses: list[Any]) -> list[tuple[str, str]]:
    """Method and URL of every address that takes a body."""
    return [(one.method, one.url) for one in addresses if one.method in METHODS_WITH_BODY]


@pytest.fixture
def everyone(
    client: TestClient,
    api_key: Callable[..., dict[str, str]],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> dict[str, str]:
    """Headers that open every door: a key with all scopes, a supervisor's session and its CSRF token."""
    csrf = sign_in(client, officer("supervisor"))
    return {**api_key("score", "posts", "review"), "x-csrf-token": csrf}


def _check(answer: Any, what: str, *, least: int = 400) -> None:
    assert least <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["status"] == answer.status_code, what
        assert MARKER not in answer.text, what


def test_the_routes_are_found(posting: list[tuple[str, str]]) -> None:
    for path in ("/v1/score", "/v1/posts", "/v1/cases/claim", f"/v1/cases/{'0' * 26}/decisions", "/sign-in"):
        assert ("POST", path) in posting


def test_unreadable_body_is_refused_by_every_address(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str]
) -> None:
    for method, path in posting:
        for name, body in UNREADABLE.items():
            answer = client.request(
                method, path, content=_with_marker(body), headers={**everyone, "content-type": JSON}
            )
            _check(answer, f"{path}: {name}")
            assert answer.json()["code"] in ("bad_body", "body_too_deep"), f"{path}: {name}"


def test_readable_nonsense_is_never_a_server_error(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str]
) -> None:
    for method, path in posting:
        for name, body in READABLE.items():
            answer = client.request(
                method, path, content=_with_marker(body), headers={**everyone, "content-type": JSON}
            )
            _check(answer, f"{path}: {name}", least=200)


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_ten_megabytes_are_refused_by_every_address(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str], announced: bool
) -> None:
    chunk = MARKER.encode().ljust(64 * 1024, b"x")
    for method, path in posting:
        for kind in (JSON, FORM):
            content: Any = chunk * 160 if announced else (chunk for _ in range(160))
            answer = client.request(method, path, content=content, headers={**everyone, "content-type": kind})
            _check(answer, path)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large"), path


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/jsonp", "image/png"])
def test_other_content_types_are_refused_by_every_address(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str], kind: str
) -> None:
    for method, path in posting:
        answer = client.request(
            method, path, content=MARKER.encode(), headers={**everyone, "content-type": kind}
        )
        _check(answer, path)
        assert (answer.status_code, answer.json()["code"]) == (415, "wrong_content_type"), path


def test_hostile_form_is_never_a_server_error(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str]
) -> None:
    bodies = [
        b"a=%00",
        b"csrf_token=%ED%A0%80&name=%ED%A0%80",
        b"%FF=%FF",
        b"&" * 5000,
        b"a=1&" * 2000,
        b"\xff\0",
    ]
    for method, path in posting:
        for body in bodies:
            for kind in (FORM, "multipart/form-data", "multipart/form-data; boundary=b"):
                answer = client.request(
                    method, path, content=body, headers={**everyone, "content-type": kind}
                )
                _check(answer, f"{path}: {body[:20]!r} {kind}", least=200)


@pytest.mark.parametrize("address", ["/v1/posts/%00", "/v1/cases/a%00b", "/v1/cases?state=%00", "/%00"])
def test_nul_in_an_address_is_refused(client: TestClient, everyone: dict[str, str], address: str) -> None:
    _check(client.get(address, headers=everyone), address)


@pytest.mark.parametrize(
    "address",
    ["/v1/cases?limit=99999999999999999999999", "/v1/cases?limit=-1", "/v1/cases?limit=NaN",
     "/v1/cases?after=%FF", "/v1/cases?after=%ED%A0%80", f"/v1/cases?state={MARKER}", "/v1/posts/%ED%A0%80",
     f"/v1/posts/{MARKER}", f"/v1/cases/{MARKER}"],
)  # fmt: skip
def test_hostile_address_is_never_a_server_error(
    client: TestClient, everyone: dict[str, str], address: str
) -> None:
    _check(client.get(address, headers=everyone), address, least=200)


@pytest.mark.parametrize("key", ["Bearer", "Bearer ", "Basic eDp5", "Bearer \xff", f"Bearer {MARKER * 500}"])
def test_hostile_key_is_refused(client: TestClient, key: str) -> None:
    answer = client.get("/v1/cases", headers={b"authorization": key.encode("latin-1")})

    _check(answer, key)
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["\xff" * 10, "x" * 300, " ", "a\tb"])
def test_hostile_idempotency_key_is_never_a_server_error(
    client: TestClient, everyone: dict[str, str], header: str
) -> None:
    headers = {**everyone, "idempotency-key": header.encode("latin-1")}
    sent = client.post("/v1/posts", json={"posts": [{"text": "The bakery opens."}]}, headers=headers)  # type: ignore[arg-type]  # bytes on purpose

    _check(sent, repr(header), least=200)


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_body_is_refused_without_recursion(name: str) -> None:
    with pytest.raises((BadBody, BodyTooDeep)) as refusal:
        check_json(_with_marker(UNREADABLE[name]), 32)

    assert MARKER not in refusal.value.message


def test_brackets_inside_strings_are_not_depth() -> None:
    check_json(json.dumps({"text": '[[[["\\{{{{' * 1000}).encode(), 2)


def test_depth_is_allowed_up_to_the_limit() -> None:
    check_json(b"[" * 32 + b"]" * 32, 32)
    with pytest.raises(BodyTooDeep):
        check_json(b"[" * 33 + b"]" * 33, 32)
