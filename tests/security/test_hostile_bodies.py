"""Whatever a stranger posts to any address: a clear 4xx, never a 5xx, never their words back.

Source: PROMISES.md section 0, finding 8; section 2, S2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from model.errors import BadBody, BodyTooDeep
from serve.guard import MAX_VALUES, METHODS_WITH_BODY, Guard, check_json
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


by_the_guard = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Refused before an address is looked up, and so before any database is asked."""


in_thirds = pytest.mark.parametrize("third", range(3))
"""Every third address, beginning with this one: all at once take minutes on a busy machine."""


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


def _multipart(value: bytes, **more: str) -> bytes:
    """A multipart body with boundary `b`: the field `name`, then further ones."""
    parts = {b"name": value, **{name.encode(): words.encode() for name, words in more.items()}}
    lines = [
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part for part in parts.items()
    ]
    return b"".join(lines) + b"--b--\r\n"


def _check(answer: Any, what: str, *, least: int = 400) -> None:
    assert least <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400 and not _is_own_form(answer):
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["status"] == answer.status_code, what
        assert MARKER not in answer.text, what


def _is_own_form(answer: Any) -> bool:
    """A page of the console that shows a form again: whoever typed gets back what they typed, as text."""
    return (
        not answer.request.url.path.startswith("/v1/")
        and answer.headers["content-type"] == "text/html; charset=utf-8"
        and answer.status_code in (409, 422)
    )


def test_the_routes_are_found(posting: list[tuple[str, str]]) -> None:
    for path in ("/v1/score", "/v1/posts", "/v1/cases/claim", f"/v1/cases/{'0' * 26}/decisions", "/sign-in"):
        assert ("POST", path) in posting


@by_the_guard
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


@in_thirds
def test_readable_nonsense_is_never_a_server_error(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str], third: int
) -> None:
    for method, path in posting[third::3]:
        for name, body in READABLE.items():
            answer = client.request(
                method, path, content=_with_marker(body), headers={**everyone, "content-type": JSON}
            )
            _check(answer, f"{path}: {name}", least=200)


@by_the_guard
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


@by_the_guard
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


@in_thirds
def test_hostile_form_is_never_a_server_error(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str], third: int
) -> None:
    bodies = [
        b"a=%00",
        b"csrf_token=%ED%A0%80&name=%ED%A0%80",
        b"%FF=%FF",
        b"&" * 5000,
        b"a=1&" * 2000,
        b"\xff\0",
        _multipart(b"a\0b"),
        _multipart(b"\xed\xa0\x80"),
        _multipart(b"\\ud800"),
    ]
    for method, path in posting[third::3]:
        for body in bodies:
            for kind in (FORM, "multipart/form-data", "multipart/form-data; boundary=b"):
                answer = client.request(
                    method, path, content=body, headers={**everyone, "content-type": kind}
                )
                _check(answer, f"{path}: {body[:20]!r} {kind}", least=200)


@by_the_guard
@pytest.mark.parametrize(
    "charset",
    [
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        '"utf-7"',
        "utf-16",
        "latin-1",
        "made-up",
        "",
        "\xff",
    ],
)
@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=b"])
def test_form_in_another_charset_is_refused_by_every_page(
    client: TestClient, posting: list[tuple[str, str]], everyone: dict[str, str], kind: str, charset: str
) -> None:
    headers: Any = {**everyone, "content-type": f"{kind}; charset={charset}".encode("latin-1")}
    for method, path in posting:
        answer = client.request(method, path, content=_multipart(b"\\ud800"), headers=headers)
        _check(answer, path)
        assert (answer.status_code, answer.json()["code"]) == (415, "wrong_content_type"), path


def _sign_in_form(client: TestClient, body: bytes, charset: str) -> Any:
    return client.post(
        "/sign-in",
        content=body,
        headers={"content-type": f"multipart/form-data; boundary=b{charset}", "accept": "text/html"},
    )


def test_lone_surrogate_reaches_no_template(client: TestClient) -> None:
    client.get("/sign-in")
    token = client.cookies["watchhouse-form"]
    body = _multipart(b"\\ud800", csrf_token=token)  # with a name and no password the form comes back

    assert _sign_in_form(client, body, "; charset=unicode_escape").status_code == 415
    shown = _sign_in_form(client, body, "; charset=UTF-8")
    assert shown.status_code == 422
    assert "\\ud800" in shown.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [(FORM, b"name=a\0b"), (FORM, b"name=a%00b"), ("multipart/form-data; boundary=b", _multipart(b"a\0b"))],
)
def test_nul_in_a_form_is_refused_before_it_is_parsed(client: TestClient, kind: str, body: bytes) -> None:
    answer = client.post("/sign-in", content=body, headers={"content-type": kind})

    _check(answer, kind)
    assert (answer.status_code, answer.json()["detail"]) == (422, "form: a NUL is not text")


@pytest.mark.parametrize("key", [None, "", "Bearer", "Basic eDp5", "wh_made-up"])
def test_strangers_body_is_not_even_read(hub_app: FastAPI, key: str | None) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if key is None else [(b"authorization", key.encode())]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/posts", "query_string": b"", "headers": headers,
        "app": hub_app,
    }  # fmt: skip
    guard = Guard(hub_app, max_body_bytes=10, max_json_depth=4)
    anyio.run(guard, scope, receive, send)

    assert sent[0]["status"] == 401
    assert (b"www-authenticate", b"Bearer") in sent[0]["headers"]


def test_bearer_may_be_spelled_in_any_letter_case(client: TestClient, api_key: Any) -> None:
    key = api_key("score")["Authorization"].removeprefix("Bearer ")
    answer = client.post(
        "/v1/score", json={"posts": [{"text": "a"}]}, headers={"authorization": f"bEARER {key}"}
    )

    assert answer.status_code == 200


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


@pytest.mark.parametrize("piece", [b"[],", b"1,", b'{"a":1},'])
def test_body_of_too_many_values_is_refused(piece: bytes) -> None:
    with pytest.raises(BadBody, match="more than 200,000 values"):
        check_json(b"[" + piece * MAX_VALUES + b"1]", 32)


def test_largest_honest_body_is_far_from_the_limit_of_values() -> None:
    post = dict.fromkeys(("id", "text", "platform", "url", "author", "posted_at"), "a, [b], {c}")
    check_json(json.dumps({"posts": [post] * 1_000}).encode(), 32)
    check_json(json.dumps({"text": ",[{" * MAX_VALUES}).encode(), 32)


def test_brackets_inside_strings_are_not_depth() -> None:
    check_json(json.dumps({"text": '[[[["\\{{{{' * 1000}).encode(), 2)


def test_depth_is_allowed_up_to_the_limit() -> None:
    check_json(b"[" * 32 + b"]" * 32, 32)
    with pytest.raises(BodyTooDeep):
        check_json(b"[" * 33 + b"]" * 33, 32)
