"""`watchhouse demo`, which is what `make run` starts: real process, real port, tiny bundle."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model.configuration import configs_folder

ROLES = [
    "officer", "supervisor", "hub_lead", "records_officer", "annotator", "researcher", "auditor", "admin",
]  # fmt: skip
SIGN_IN_LINE = re.compile(r"^  (\w+) +(\w+) +((?:[a-z]{4}-){3}[a-z]{4})$", re.MULTILINE)
KEY_LINE = re.compile(r"^  (wh_[\w-]+)$", re.MULTILINE)
PATIENCE_SECONDS = 120

pytestmark = pytest.mark.kill


@dataclass
class RunningDemo:
    process: subprocess.Popen[str]
    port: int
    screen: Path

    def said(self) -> str:
        return self.screen.read_text(encoding="utf-8")

    def get(self, path: str, key: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            return json.loads(body)
        finally:
            connection.close()

    def wait_until_open(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "Watchhouse is listening on http" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def environment_with(bundle: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("WATCHHOUSE_")}
    return {**others, "WATCHHOUSE_BUNDLE": str(bundle)}


@contextmanager
def demo(home: Path, bundle: Path, screen: Path) -> Iterator[RunningDemo]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "watchhouse", "demo", "--home", str(home), "--port", str(port)]
    with (
        screen.open("w", encoding="utf-8") as out,
        subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home.parent,
            env=environment_with(bundle),
        ) as process,
    ):
        try:
            yield RunningDemo(process, port, screen)
        finally:
            process.kill()


def case_ids(running: RunningDemo, key: str) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        page = running.get(f"/v1/cases?state=waiting&limit=100{after}", key)
        found |= {case["case_id"] for case in page["cases"]}
        if not page["next"]:
            return found
        after = f"&after={page['next']}"


def wait_for_cases(running: RunningDemo, key: str, count: int) -> set[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := case_ids(running, key)) < count:
        assert time.monotonic() < deadline, f"{len(found)} cases of {count}: {running.said()}"
        time.sleep(0.2)
    return found


def test_demo_prints_sign_ins_queues_the_feed_once_and_ends_cleanly(
    hub_home: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    with (configs_folder() / "hub" / "sample-feed.jsonl").open(encoding="utf-8") as feed:
        count = sum(1 for _ in feed)

    with demo(hub_home, tiny_bundle, tmp_path / "first.txt") as running:
        running.wait_until_open()
        first = running.said()
        key = KEY_LINE.findall(first)[0]
        cases = wait_for_cases(running, key, count)
        assert running.end() == 0, running.said()

    sign_ins = SIGN_IN_LINE.findall(first)
    assert sorted(role for role, _, _ in sign_ins) == sorted(ROLES)
    assert len({password for _, _, password in sign_ins}) == len(ROLES)
    assert f"http://127.0.0.1:{running.port}" in first
    assert len(cases) == count

    with demo(hub_home, tiny_bundle, tmp_path / "second.txt") as running:
        running.wait_until_open()
        assert case_ids(running, key) == cases
        second = running.said()
        assert running.end() == 0, running.said()

    assert SIGN_IN_LINE.findall(second) == []
    assert KEY_LINE.findall(second) == []
    assert "watchhouse admin create-officer" in second


def test_demo_on_a_taken_port_says_so_and_leaves_the_home_alone(
    hub_home: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "watchhouse", "demo", "--home", str(hub_home), "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            env=environment_with(tiny_bundle),
        )

    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert list(hub_home.iterdir()) == []
