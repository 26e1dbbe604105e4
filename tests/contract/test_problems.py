from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
import sqlalchemy.exc
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from model import errors
from model.errors import Fault, LeaseLost, NotSignedIn, Unavailable
from serve import problems
from serve.guard import Guard
from serve.logs import RequestLog, configure_logging
from serve.metrics import Metrics
from serve.storage.engine import Database

MARKER = "marker-of-what-was-sent"


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int
    names: list[str]


def _every_fault(root: type[Fault] = Fault) -> Iterator[type[Fault]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _every_fault(kind)


@pytest.fixture
def small_app(sqlite_template: Path) -> Iterator[FastAPI]:
    """Routes that refuse in every way, behind the same middleware as the hub."""
    database = Database(f"sqlite:///{sqlite_template}")  # the metrics read it; nothing here writes
    app = FastAPI()
    problems.install(app)
    configure_logging()

    @app.post("/v1/shape")
    def shape(body: Shape, limit: Annotated[int, Query()] = 1) -> int:
        return body.count + limit

    @app.get("/v1/fault")
    def fault() -> None:
        raise LeaseLost("lease: another officer has this case", field="lease")

    @app.get("/v1/key")
    def key() -> None:
        raise NotSignedIn("A key is needed.")

    @app.get("/page")
    def page() -> None:
        raise NotSignedIn("Sign in first.")

    @app.post("/page")
    def send() -> None:
        raise NotSignedIn("Sign in first.")

    @app.get("/v1/bug")
    def bug() -> None:
        raise RuntimeError(MARKER)

    @app.get("/v1/locked")
    def locked() -> None:
        raise OperationalError(f"INSERT {MARKER}", None, sqlite3.OperationalError(MARKER))

    @app.get("/v1/no-connection")
    def no_connection() -> None:
        raise sqlalchemy.exc.TimeoutError(MARKER)

    @app.get("/v1/not-ready")
    def not_ready() -> None:
        raise Unavailable("Not ready.")

    app.add_middleware(Guard, max_body_bytes=10_000, max_json_depth=8)
    app.add_middleware(RequestLog, metrics=Metrics(database))
    yield app
    database.close()


@pytest.fixture
def caller(small_app: FastAPI) -> Iterator[TestClient]:
    # The guard lets nobody but the holder of some key send a body; these routes do not look at it.
    headers = {"authorization": "Bearer made-up"}
    with TestClient(small_app, follow_redirects=False, headers=headers) as opened:
        yield opened


def _is_problem(answer: Response | object, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status  # type: ignore[union-attr]  # the test client's own response class
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[union-attr]  # the same
    body: dict[str, object] = answer.json()  # type: ignore[union-attr]  # the same
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert MARKER not in json.dumps(body)
    return body


def test_every_fault_has_a_code_of_its_own_and_a_status() -> None:
    kinds: list[type[Fault]] = [Fault, *_every_fault()]
    codes = [kind.code for kind in kinds]

    assert len(kinds) > 20
    assert len(set(codes)) == len(codes)
    assert all(400 <= problems.status_of(kind) < 600 for kind in kinds[1:])


def test_unmapped_fault_is_found_out() -> None:
    with pytest.raises(LookupError, match="Fault has no HTTP status"):
        problems.status_of(Fault)


def test_every_mapped_class_is_in_the_module_of_errors() -> None:
    assert all(getattr(errors, kind.__name__) is kind for kind in problems.STATUS)


def test_fault_is_told_with_its_field(caller: TestClient) -> None:
    body = _is_problem(caller.get("/v1/fault"), 409, "lease_lost")

    assert body["field"] == "lease"
    assert body["detail"] == "lease: another officer has this case"


def test_missing_key_is_told_how_to_come_back(caller: TestClient) -> None:
    answer = caller.get("/v1/key")

    _is_problem(answer, 401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_page_of_a_stranger_leads_to_the_sign_in_form(caller: TestClient) -> None:
    answer = caller.get("/page", headers={"accept": "text/html,*/*"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(("method", "accept"), [("GET", "application/json"), ("POST", "text/html")])
def test_script_or_form_of_a_stranger_is_refused_plainly(
    caller: TestClient, method: str, accept: str
) -> None:
    _is_problem(caller.request(method, "/page", headers={"accept": accept}), 401, "not_signed_in")


def test_console_may_make_a_page_of_a_refusal(small_app: FastAPI) -> None:
    def page(_request: Request, status: int, fault: Fault) -> Response:
        return Response(f"{status} {fault.code}", media_type="text/html")

    problems.install(small_app, page)
    with TestClient(small_app) as caller:
        assert caller.get("/nothing", headers={"accept": "text/html"}).text == "404 not_found"
        _is_problem(caller.get("/nothing"), 404, "not_found")
        _is_problem(caller.get("/v1/nothing", headers={"accept": "text/html"}), 404, "not_found")


def test_wrong_method_names_the_right_ones(caller: TestClient) -> None:
    answer = caller.put("/v1/fault")

    _is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"count": MARKER, "names": []}, "count"),
        ({"count": 1, "names": [[MARKER]]}, "names.0"),
        ({"count": 1, "names": [], MARKER: MARKER}, "body"),
        ({"names": [MARKER]}, "count"),
        ([MARKER], "body"),
        ({"count": 1.5, "names": ["\ud800" + MARKER, MARKER]}, "count"),
    ],
)
def test_validation_error_names_the_field_and_never_what_was_sent(
    caller: TestClient, body: object, field: str
) -> None:
    sent = json.dumps(body).encode()
    answer = caller.post("/v1/shape", content=sent, headers={"content-type": "application/json"})

    assert _is_problem(answer, 422, "bad_input")["field"] == field


def test_fault_of_a_query_is_named_too(caller: TestClient) -> None:
    answer = caller.post(f"/v1/shape?limit={MARKER}", json={"count": 1, "names": []})

    assert _is_problem(answer, 422, "bad_input")["field"] == "limit"


def test_a_thousand_faults_are_told_briefly(caller: TestClient) -> None:
    answer = caller.post("/v1/shape", json={"count": 1, "names": [0] * 1000})

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == problems.MAX_FIELD_FAULTS


def test_bug_is_answered_constantly_and_logged_without_its_words(
    caller: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = caller.get("/v1/bug")

    body = _is_problem(answer, 500, "internal_error")
    request_id = answer.headers["x-request-id"]
    assert request_id in str(body["detail"])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failure, request = lines
    assert MARKER not in str(lines)
    assert failure["request_id"] == request["request_id"] == request_id
    assert failure["error"] == "builtins.RuntimeError"
    assert failure["frames"][-1].endswith(" bug")
    assert (request["method"], request["route"], request["status"]) == ("GET", "/v1/bug", 500)


@pytest.mark.parametrize("path", ["/v1/locked", "/v1/no-connection"])
def test_database_that_cannot_be_had_is_no_bug(
    caller: TestClient, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    answer = caller.get(path)

    _is_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    failure, request = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert failure["error"].startswith("sqlalchemy.exc.")
    assert request["status"] == 503
    assert MARKER not in str(failure)


def test_what_is_not_ready_says_when_to_come_back(small_app: FastAPI, caller: TestClient) -> None:
    assert caller.get("/v1/not-ready").headers["retry-after"] == "1"
    assert "retry-after" not in caller.get("/v1/fault").headers

    def page(_request: Request, status: int, _fault: Fault) -> Response:
        return Response("a page", status_code=status, media_type="text/html")

    @small_app.get("/not-ready")
    def not_ready() -> None:
        raise Unavailable("Not ready.")

    problems.install(small_app, page)
    shown = caller.get("/not-ready", headers={"accept": "text/html"})
    assert (shown.status_code, shown.text, shown.headers["retry-after"]) == (503, "a page", "1")


def test_request_line_has_the_template_and_neither_query_nor_body(
    caller: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.post(f"/v1/shape?limit=2&q={MARKER}", json={"count": 1, "names": [MARKER]})
    caller.get(f"/{MARKER}")

    out = capsys.readouterr().err
    assert MARKER not in out
    assert [json.loads(line)["route"] for line in out.splitlines()] == ["/v1/shape", "none"]
