"""Endpoints that are busy, broken, gone or of another shape: what is said, and that the key never is."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.utils import formatdate
from typing import Any

import numpy as np
import pytest
from endpoint_stubs import (
    KEY,
    SHAPES,
    Say,
    Stub,
    as_azure,
    as_perspective,
    opened,
    perspective_error,
    serving,
)

from model.errors import BadConfig, BadRecord, Fault, NotAllowed, Unavailable
from model.taxonomy import HEAD_ORDER
from training.targets import transport
from training.targets.endpoints import open_endpoint
from training.targets.target_settings import load_target_settings


@pytest.fixture
def stub() -> Iterator[Callable[[Say], Stub]]:
    """Starts a stub that answers as told; all of them end with the test."""
    with ExitStack() as running:
        yield lambda say: running.enter_context(serving(Stub(say)))


BUSY: tuple[int, dict[str, str], Any] = (429, {}, {"error": "busy"})


def test_busy_endpoint_is_asked_again_with_growing_pauses(stub: Callable[[Say], Stub]) -> None:
    server, waits = stub(as_azure), list[float]()
    target = opened(f"azure+{server.url}", KEY, waits)
    server.first = [BUSY, (503, {}, b""), (500, {"Retry-After": "soon"}, b"")]

    assert target.score(["hateword"])[0, 0] == pytest.approx(4 / 6)
    assert waits == [1, 2, 4]


def test_retry_after_is_honoured_in_seconds_and_as_a_date(stub: Callable[[Say], Stub]) -> None:
    server, waits = stub(as_azure), list[float]()
    target = opened(f"azure+{server.url}", KEY, waits)
    date = formatdate(time.time() + 90, usegmt=True)
    server.first = [(429, {"Retry-After": "30"}, b""), (503, {"Retry-After": date}, b"")]

    target.score(["tea"])

    assert waits[0] == 30
    assert 60 < waits[1] <= 90


def test_endpoint_that_asks_for_too_long_a_wait_is_given_up(stub: Callable[[Say], Stub]) -> None:
    server, waits = stub(as_azure), list[float]()
    target = opened(f"azure+{server.url}", KEY, waits)
    server.first = [(429, {"Retry-After": "3600"}, b"")]

    with pytest.raises(Unavailable, match="wait of 3600 s"):
        target.score(["tea"])
    assert waits == []


@pytest.mark.parametrize("kind", SHAPES)
def test_endpoint_that_stays_busy_is_given_up_after_six_attempts(
    stub: Callable[[Say], Stub], kind: str
) -> None:
    server, waits = stub(SHAPES[kind]), list[float]()
    target = opened(f"{kind}+{server.url}", KEY, waits)
    server.first = [BUSY] * 6

    with pytest.raises(Unavailable, match=r"status 429\) in 6 attempts") as refused:
        target.score(["tea hateword"])
    assert waits == [1, 2, 4, 8, 16]
    assert np.isfinite(target.score(["tea hateword"])[0, 0])
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("kind", SHAPES)
def test_nobody_at_the_address_is_told_without_the_key(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        waits = list[float]()
        with pytest.raises(Unavailable, match=r"ConnectError\) in 6 attempts") as refused:
            opened(f"{kind}+http://127.0.0.1:{taken.getsockname()[1]}", KEY, waits)
    assert len(waits) == 5
    assert KEY not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_endpoint_that_never_answers_is_given_up(stub: Callable[[Say], Stub]) -> None:
    over = threading.Event()
    server = stub(lambda body: (over.wait(60), as_azure(body))[1])
    settings = load_target_settings()
    short = settings.asking.model_copy(update={"timeout_seconds": 0.2, "attempts": 1})

    try:
        with pytest.raises(Unavailable, match=r"Timeout\) in 1 attempt"):
            open_endpoint(f"azure+{server.url}", KEY, settings.model_copy(update={"asking": short}))
    finally:
        over.set()


WRONG: list[tuple[str, Any, str]] = [
    ("watchhouse", [], "body: must be an object"),
    ("watchhouse", {"results": []}, "results: must be a list of 1"),
    ("watchhouse", {"results": [{"id": "7"}]}, r"results\.0\.id"),
    ("watchhouse", {"results": [{"id": "0"}]}, r"results\.0\.scores: missing"),
    ("watchhouse", {"results": [{"id": "0", "scores": {"hate": 2}}]}, r"results\.0\.scores\.hate: must be"),
    ("watchhouse", {"results": [{"id": "0", "error": "a b"}]}, r"results\.0\.error: must be"),
    ("watchhouse", {"results": [{"id": "0", "scores": dict.fromkeys(HEAD_ORDER, 0)}]}, "bundle: missing"),
    ("perspective", {"attributeScores": {}}, r"attributeScores\.IDENTITY_ATTACK: missing"),
    (
        "perspective",
        {"attributeScores": {"IDENTITY_ATTACK": {"summaryScore": {"value": "0.5"}}}},
        r"attributeScores\.IDENTITY_ATTACK\.summaryScore\.value: must be a number",
    ),
    ("openai", {"model": "m", "results": [{}]}, r"results\.0\.category_scores: missing"),
    (
        "openai",
        {"model": "m", "results": [{"category_scores": {"hate": None}}]},
        r"category_scores\.hate: must",
    ),
    ("openai", {"results": [{"category_scores": {"hate": 0}}]}, "model: missing"),
    ("azure", {"categoriesAnalysis": [{"category": "Sexual", "severity": 0}]}, r"categoriesAnalysis\.Hate"),
    (
        "azure",
        {"categoriesAnalysis": [{"category": "Hate", "severity": 7}]},
        r"\.0\.severity: must be a whole",
    ),
    ("azure", {"categoriesAnalysis": {}}, "categoriesAnalysis: must be a list"),
    ("azure", b"<html>", "body: not JSON"),
]


@pytest.mark.parametrize(("kind", "answer", "why"), WRONG, ids=[f"{kind}-{why}" for kind, _, why in WRONG])
def test_answer_of_the_wrong_shape_names_the_field(
    stub: Callable[[Say], Stub], kind: str, answer: Any, why: str
) -> None:
    server = stub(SHAPES[kind])
    target = opened(f"{kind}+{server.url}", KEY)
    server.say = lambda body: (200, answer)

    with pytest.raises(BadRecord, match=why) as refused:
        target.score(["hateword of a post"])
    assert "hateword" not in str(refused.value)


def test_answer_without_end_is_not_read_to_its_end(
    stub: Callable[[Say], Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = stub(lambda body: (200, b" " * 5000))
    monkeypatch.setattr(transport, "MOST_BYTES", 4000)

    with pytest.raises(BadRecord, match="larger than 4,000 bytes"):
        opened(f"perspective+{running.url}")


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, NotAllowed), (403, NotAllowed), (404, Unavailable), (302, Unavailable), (400, Fault)],
)
def test_endpoint_that_refuses_the_first_sentence_is_not_opened(
    stub: Callable[[Say], Stub], kind: str, status: int, fault: type[Fault]
) -> None:
    server = stub(lambda body: (status, {"echo": [KEY, body]}))

    with pytest.raises(fault) as refused:
        opened(f"{kind}+{server.url}", KEY)
    assert KEY not in str(refused.value)
    assert len(server.requests) == 1


def test_perspective_fault_of_the_request_is_no_refusal_of_the_text(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_perspective)
    target = opened(f"perspective+{server.url}", KEY)
    server.say = lambda body: (400, perspective_error("NO_REQUESTED_ATTRIBUTES"))

    with pytest.raises(BadRecord, match="status 400"):
        target.score(["tea"])


def test_key_is_in_no_log_and_no_representation(
    stub: Callable[[Say], Stub], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server = stub(as_perspective)
    target = opened(f"perspective+{server.url}", KEY)

    target.score(["tea"])

    assert KEY in server.requests[-1][0]
    assert KEY not in caplog.text + "".join(capfd.readouterr()) + repr(target) + repr(vars(target))
    assert KEY not in repr(target._transport.address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1?key=s3cret", "ada:s3cret@127.0.0.1:1", "127.0.0.1:1#s3cret", "", ":99999/s3cret"]
)
@pytest.mark.parametrize("kind", SHAPES)
def test_credentials_in_the_address_are_refused_and_not_told(kind: str, address: str) -> None:
    with pytest.raises(BadConfig, match="target") as refused:
        opened(f"{kind}+http://{address}")
    assert "s3cret" not in str(refused.value)


def test_key_that_no_header_can_hold_is_refused_and_not_told() -> None:
    with pytest.raises(BadConfig, match="WATCHHOUSE_TARGET_KEY") as refused:
        opened("openai+http://127.0.0.1:1", "s3cret\nX-Other: 1")
    assert "s3cret" not in str(refused.value)
