"""`kill -9` of the real server under load: what was answered 2xx is there exactly once after the restart."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import watchhouse
from serve.people.administration import create_key

ROUNDS_SETTING = "WATCHHOUSE_KILL_ROUNDS"
ROUNDS = int(os.environ.get(ROUNDS_SETTING, "20"))
"""200 before a release."""

SENDERS = 4
ROOT = Path(watchhouse.__file__).parent
ANSWERS_BEFORE_THE_COMMIT = """
import sys, threading, time
from serve.intake import endpoint
from serve.intake.storing import IntakeAnswer, ids_in_order

keep = endpoint.take_posts

def answer_first(hub, raw_posts, *, actor, repeatable):
    def later():
        time.sleep(0.5)
        keep(hub, raw_posts, actor=actor, repeatable=repeatable)
    threading.Thread(target=later, daemon=True).start()
    post_ids = ids_in_order(len(raw_posts))
    rows = [{"id": raw["id"], "post_id": post_id} for raw, post_id in zip(raw_posts, post_ids)]
    return IntakeAnswer({"accepted": rows, "rejected": []}, replayed=False)

endpoint.take_posts = answer_first
import watchhouse
watchhouse.main()
"""

pytestmark = [pytest.mark.kill, pytest.mark.timeout(120 + 60 * ROUNDS)]


@pytest.fixture(autouse=True)
def _no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROUNDS_SETTING, raising=False)  # the hub refuses settings that it does not know


class Server:
    """`watchhouse run` on a home, in a process group of its own."""

    def __init__(self, home: Path, bundle: Path, program: list[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = (home.parent / "server.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, *program, "run", "--home", str(home), "--port", str(self.port)],
            env={**os.environ, "WATCHHOUSE_BUNDLE": str(bundle), "PYTHONPATH": str(ROOT)},
            cwd=home.parent,
            start_new_session=True,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait_until_ready(self) -> None:
        for _ in range(2_400):
            assert self._process.poll() is None, "the server ended by itself; see server.log"
            try:
                if self.ask("GET", "/readyz") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            return connection.getresponse().status
        finally:
            connection.close()

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


class Senders:
    """Threads that send posts, each request with its own Idempotency-Key, and remember the answers.

    A request that a kill cut off is sent again under its key after the restart: it may have been
    stored already, and must not be stored twice.
    """

    def __init__(self, key: str) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._lock = threading.Lock()
        self._serial = 0
        self._cut_off: list[int] = []
        self.acknowledged: set[str] = set()

    def run_until_killed(self, server: Server, kill_after_seconds: float) -> None:
        before = len(self.acknowledged)
        threads = [threading.Thread(target=self._send, args=(server,)) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        while len(self.acknowledged) == before:
            time.sleep(0.005)
        time.sleep(kill_after_seconds)
        server.kill()
        for thread in threads:
            thread.join()

    def _send(self, server: Server) -> None:
        while True:
            serial = self._next()
            ids = [f"{serial}.{number}" for number in range(1 + serial % 5)]
            body = json.dumps(
                {"posts": [{"id": post_id, "text": f"post {post_id}"} for post_id in ids]}
            ).encode()
            try:
                status = server.ask(
                    "POST", "/v1/posts", body, **self._headers, **{"Idempotency-Key": str(serial)}
                )
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self._cut_off.append(serial)
                return
            assert status == 202
            with self._lock:
                self.acknowledged.update(ids)

    def _next(self) -> int:
        with self._lock:
            if self._cut_off:
                return self._cut_off.pop()
            self._serial += 1
            return self._serial


def stored_posts(home: Path) -> dict[str, int]:
    """How often each sender's id is stored, read past the product."""
    with sqlite3.connect(home / "hub.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        found = dict(database.execute("SELECT external_id, count(*) FROM posts GROUP BY external_id"))
    database.close()
    return found


def test_every_acknowledged_post_survives_kill_9_exactly_once(tmp_path: Path, tiny_bundle: Path) -> None:
    home, rng = tmp_path / "hub", random.Random(20_261_121)
    senders = Senders(create_key(home, scopes="posts", label="kill test"))
    program = [str(ROOT / "watchhouse.py")]
    for _ in range(ROUNDS):
        server = Server(home, tiny_bundle, program)
        try:
            server.wait_until_ready()
            found = stored_posts(home)
            assert [post_id for post_id in senders.acknowledged if found.get(post_id) != 1] == []
            senders.run_until_killed(server, rng.uniform(0.0, 0.5))
        except BaseException:
            server.kill()
            raise
    found = stored_posts(home)
    assert senders.acknowledged
    assert [post_id for post_id in senders.acknowledged if found.get(post_id) != 1] == []
    assert [post_id for post_id, times in found.items() if times > 1] == []


def test_control_a_server_that_answers_before_the_commit_loses_posts(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    home = tmp_path / "hub"
    script = tmp_path / "answers_before_the_commit.py"
    script.write_text(ANSWERS_BEFORE_THE_COMMIT)
    senders = Senders(create_key(home, scopes="posts", label="kill test"))
    server = Server(home, tiny_bundle, [str(script)])
    try:
        server.wait_until_ready()
        senders.run_until_killed(server, 0.2)
    except BaseException:
        server.kill()
        raise
    found = stored_posts(home)
    assert [post_id for post_id in senders.acknowledged if post_id not in found] != []
