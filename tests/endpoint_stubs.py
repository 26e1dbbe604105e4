"""Servers on loopback that answer as a scoring endpoint of each shape does; for tests of targets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn
from fastapi import FastAPI

from model.taxonomy import HEAD_ORDER
from training.targets.endpoints import PROBE, EndpointTarget, open_endpoint
from training.targets.target_settings import load_target_settings

KEY = "wh_made-up-key-0123456789"
GERMAN = "Die Bibliothek in unserer Stadt ist am Sonntag leider geschlossen, sagte der Bürgermeister."
TEXTS = ["tea with hateword", "the farword and the maybeword", "tea", GERMAN, "antiword 🫖 tea", "islamword"]

Say = Callable[[dict[str, Any]], tuple[int, Any]]
"""A request's JSON to the status and the body of the answer."""


@dataclass
class Stub:
    """A server on loopback that answers as `say` has it; what `first` holds is answered before."""

    say: Say
    first: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def asked(self) -> list[Any]:
        """The bodies of all requests but the probe's."""
        return [body for _, _, body in self.requests if PROBE not in json.dumps(body)]


class _Handler(BaseHTTPRequestHandler):
    wbufsize = -1  # head and body in one packet: the second would wait 40 ms for the first to be acknowledged

    def do_POST(self) -> None:
        stub: Stub = self.server.stub  # type: ignore[attr-defined]  # set by serving()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        stub.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, answer = stub.first.pop(0) if stub.first else (*_split(stub.say(body)),)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def _split(said: tuple[int, Any]) -> tuple[int, dict[str, str], Any]:
    return said[0], {}, said[1]


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.stub = stub  # type: ignore[attr-defined]  # how the handler finds it
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Where the application listens: `127.0.0.1:PORT`."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


def opened(spec: str, key: str | None = None, waits: list[float] | None = None) -> EndpointTarget:
    """As `open_target`, but that it notes its pauses in place of making them."""
    noted = [] if waits is None else waits
    return open_endpoint(spec, key, load_target_settings(), sleep=noted.append)


def hate_in(text: str) -> float:
    return 0.9 if "hateword" in text else 0.1


def as_perspective(body: dict[str, Any]) -> tuple[int, Any]:
    text = body["comment"]["text"]
    if text == GERMAN:
        return 400, perspective_error("LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE")
    if not text.strip():
        return 400, perspective_error("COMMENT_EMPTY")
    value = {"IDENTITY_ATTACK": hate_in(text), "TOXICITY": hate_in(text) / 2}
    scores = {
        name: {"summaryScore": {"value": value[name], "type": "PROBABILITY"}}
        for name in body["requestedAttributes"]
    }
    return 200, {"attributeScores": scores, "languages": ["en"], "detectedLanguages": ["en"]}


def perspective_error(kind: str) -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.commentanalyzer.Error", "errorType": kind}]
    return {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": details}}


def as_openai(body: dict[str, Any]) -> tuple[int, Any]:
    if any(text == "too long" for text in body["input"]):
        return 400, {"error": {"message": "no", "type": "invalid_request_error"}}
    results = [
        {
            "flagged": hate_in(text) > 0.5,
            "categories": {"hate": hate_in(text) > 0.5},
            "category_scores": {"hate": hate_in(text), "hate/threatening": hate_in(text) / 3},
            "category_applied_input_types": {"hate": [] if text == GERMAN else ["text"]},
        }
        for text in body["input"]
    ]
    return 200, {"id": "modr-1", "model": "omni-moderation-2024-09-26", "results": results}


def as_azure(body: dict[str, Any]) -> tuple[int, Any]:
    severity = 4 if "hateword" in body["text"] else 0
    found = [{"category": "Sexual", "severity": 6}, {"category": "Hate", "severity": severity}]
    return 200, {"blocklistsMatch": [], "categoriesAnalysis": found}


def as_watchhouse(body: dict[str, Any]) -> tuple[int, Any]:
    """Ours, with room for two posts a request."""
    rows: list[dict[str, Any]] = [
        {"id": post["id"], "scores": dict.fromkeys(HEAD_ORDER, hate_in(post["text"]))}
        for post in body["posts"]
    ]
    rows[2:] = [{"id": row["id"], "error": "too_many", "message": "no"} for row in rows[2:]]
    return 200, {"bundle": "tiny-1", "results": rows}


SHAPES: dict[str, Say] = {
    "perspective": as_perspective,
    "openai": as_openai,
    "azure": as_azure,
    "watchhouse": as_watchhouse,
}
