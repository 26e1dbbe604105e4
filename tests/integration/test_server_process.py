"""`watchhouse run` as a process: it announces itself, answers, stops when told, refuses an altered bundle."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def _command(*arguments: str, bundle: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "watchhouse.py"), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WATCHHOUSE_BUNDLE": str(bundle)},
    )


@pytest.fixture
def server(tmp_path: Path, tiny_bundle: Path) -> Iterator[subprocess.Popen[str]]:
    process = _command("run", "--home", str(tmp_path / "new" / "hub"), "--port", "0", bundle=tiny_bundle)
    yield process
    process.kill()
    process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"Watchhouse is listening on (http://127\.0\.0\.1:[0-9]+)\n", line)
    assert found, f"{line!r} {process.communicate()[1]}"
    return found[1]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_server_makes_its_home_answers_and_stops_when_told(
    server: subprocess.Popen[str], tmp_path: Path, told: signal.Signals
) -> None:
    address = _address(server)
    with httpx.Client(base_url=address) as caller:
        assert caller.get("/readyz?secret=1").json()["status"] == "ready"
        assert caller.post("/v1/posts", content=b"{" * 10**7).status_code == 401
        caller.headers["authorization"] = "Bearer made-up"
        assert caller.post("/v1/posts", content=b"{" * 10**7).status_code == 413
        assert caller.post("/v1/posts", content=(b"{" * 10**6 for _ in range(10))).status_code == 413

    server.send_signal(told)
    _, log = server.communicate(timeout=60)

    assert server.returncode == 0, log
    assert (tmp_path / "new" / "hub").stat().st_mode & 0o777 == 0o700
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [(line["route"], line["status"]) for line in lines if line["event"] == "request"]
    assert requests[0] == ("/readyz", 200)
    assert "secret" not in log


def test_altered_bundle_ends_with_status_2_and_the_files_name(tmp_path: Path, tiny_bundle: Path) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(tiny_bundle, altered)
    data = bytearray((altered / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (altered / "model.onnx").write_bytes(data)

    process = _command("run", "--home", str(tmp_path / "hub"), "--port", "0", bundle=altered)
    out, log = process.communicate(timeout=120)

    assert (process.returncode, out) == (2, "")
    assert "bundle_refused" in log
    assert "model.onnx" in log
    assert "Traceback" not in log


def test_taken_port_is_refused_without_a_traceback(
    server: subprocess.Popen[str], tmp_path: Path, tiny_bundle: Path
) -> None:
    port = _address(server).rsplit(":", 1)[1]

    second = _command("run", "--home", str(tmp_path / "other"), "--port", port, bundle=tiny_bundle)
    out, log = second.communicate(timeout=120)

    assert (second.returncode, out) == (2, "")
    assert port in log
    assert "Traceback" not in log


def test_admin_commands_print_the_key_and_the_officer_alone(tmp_path: Path, tiny_bundle: Path) -> None:
    home = str(tmp_path / "hub")
    key = subprocess.run(
        [sys.executable, str(REPOSITORY / "watchhouse.py"), "admin", "create-key", "--home", home,
         "--scopes", "score,posts,review"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    officer = subprocess.run(
        [sys.executable, str(REPOSITORY / "watchhouse.py"), "admin", "create-officer", "ada", "--role",
         "officer", "--home", home, "--password-stdin"],
        input="a made-up password\n", capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert re.fullmatch(r"wh_[A-Za-z0-9_-]{43}\n", key.stdout)
    assert re.fullmatch(r"[0-9A-Z]{26}\n", officer.stdout)
