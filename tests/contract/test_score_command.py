"""`watchhouse score` as a person or a script meets it: the real command in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

Score = Callable[..., "subprocess.CompletedProcess[bytes]"]

IDS = ["a", "b", "c"]
TEXTS = ["tea, garden", "islamword here", "hateword"]
ROUTES = ["low_priority", "urgent_review", "review"]


@pytest.fixture
def score(tiny_bundle: Path, tmp_path: Path) -> Score:
    """`score(*arguments, given=bytes)`: runs the command with the tiny bundle, in an empty directory."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "watchhouse", "score"]

    def run(*arguments: object, given: bytes = b"", bundle: Path | None = tiny_bundle) -> Any:
        chosen = ["--bundle", str(bundle)] if bundle else []
        return subprocess.run(
            [*command, *map(str, arguments), *chosen],
            input=given,
            capture_output=True,
            timeout=120,
            cwd=tmp_path,
            check=False,
        )

    return run


def rows_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.split(b"\n") if line]


def input_of(suffix: str, end: str = "\n") -> bytes:
    if suffix == ".parquet":
        sink = io.BytesIO()
        parquet.write_table(pyarrow.table({"id": IDS, "text": TEXTS}), sink)
        return sink.getvalue()
    if suffix == ".csv":
        lines = ["id,text", *(f'{i},"{t}"' for i, t in zip(IDS, TEXTS, strict=True))]
    elif suffix == ".txt":
        lines = TEXTS
    else:
        lines = [json.dumps({"id": i, "text": t}) for i, t in zip(IDS, TEXTS, strict=True)]
    return (end.join(lines) + end).encode()


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".txt", ".log"])
def test_every_input_format_gives_the_same_routes_in_order(score: Score, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"posts{suffix}"
    path.write_bytes(input_of(suffix))
    done = score(path)
    rows = rows_of(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [row["route"] for row in rows] == ROUTES
    assert [row["id"] for row in rows] == ([f"{path}:{n}" for n in (1, 2, 3)] if suffix == ".txt" else IDS)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".txt"])
def test_carriage_returns_and_byte_order_mark_change_nothing(
    score: Score, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"posts{suffix}"
    path.write_bytes(b"\xef\xbb\xbf" + input_of(suffix, end="\r\n"))
    assert [row["route"] for row in rows_of(score(path).stdout)] == ROUTES


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_read_as_lines_or_json(score: Score, arguments: tuple[str, ...]) -> None:
    for suffix, ids in ((".txt", ["stdin:1", "stdin:2", "stdin:3"]), (".jsonl", IDS)):
        rows = rows_of(score(*arguments, given=input_of(suffix)).stdout)
        assert [row["id"] for row in rows] == ids
        assert [row["route"] for row in rows] == ROUTES


def test_several_files_come_out_one_after_the_other(score: Score, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(input_of(".jsonl"))
    (tmp_path / "b.txt").write_bytes(b"last\n")
    rows = rows_of(score("a.jsonl", "b.txt").stdout)
    assert [row["id"] for row in rows] == [*IDS, "b.txt:1"]


def test_bad_rows_stand_in_their_place_and_the_status_says_so(score: Score) -> None:
    bad = [
        b'{"id":"x","text":"\\ud800"}',
        b'{"id":"x","text":1e999}',
        b'{"id":"x","text":"a\\u0000b"}',
        b'{"id":"x","text":" "}',
        b"[" * 100_000,
        b'{"id":"x","text":' + b"9" * 10_000 + b"}",
        b"[1, 2]",
        b'{"id":"x","text":"\xff\xfe"}',
        b'{"id":"x","text":"' + b"a" * 10_001 + b'"}',
    ]
    good = b'{"id":"ok","text":"tea"}'
    done = score(given=b"\n".join(line + b"\n" + good for line in [good, *bad]))
    rows = rows_of(done.stdout)
    assert done.returncode == 1
    assert done.stderr == b"watchhouse: 9 of 20 rows could not be scored\n"
    assert [row["id"] for row in rows[1::2]] == ["ok"] * 10
    assert [row.get("error") for row in rows[::2]] == [
        None,
        "not_text",
        "not_text",
        "not_text",
        "text_empty",
        "bad_record",
        "bad_record",
        "bad_record",
        "not_text",
        "text_too_long",
    ]


def test_post_in_another_language_is_not_scored_unless_asked_for(score: Score, english_bundle: Path) -> None:
    given = "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr.\n".encode()
    done = score(given=given, bundle=english_bundle)
    (row,) = rows_of(done.stdout)
    assert (done.returncode, row["not_scored"], row["scores"], row["route"]) == (
        0,
        "language",
        None,
        "unscored",
    )
    assert done.stderr == b"watchhouse: 1 of 1 rows not scored: in a language the model does not read\n"
    done = score("--language", "any", given=given, bundle=english_bundle)
    (row,) = rows_of(done.stdout)
    assert (done.returncode, done.stderr, row["route"]) == (0, b"", "low_priority")


def test_empty_input_gives_nothing_and_status_zero(score: Score) -> None:
    done = score()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_out_file_is_written_by_its_suffix(score: Score, tmp_path: Path) -> None:
    for name in ("o.csv", "o.parquet", "o.jsonl"):
        done = score("--out", name, given=input_of(".jsonl"))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        assert [row["route"] for row in csv.DictReader(file)] == ROUTES
    assert parquet.read_table(tmp_path / "o.parquet")["route"].to_pylist() == ROUTES
    assert [row["route"] for row in rows_of((tmp_path / "o.jsonl").read_bytes())] == ROUTES


@pytest.mark.parametrize("file", ["nowhere.jsonl", "."])
def test_missing_file_is_one_line_and_status_two(score: Score, file: str) -> None:
    done = score(file)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"watchhouse: bad_file: ")
    assert done.stderr.count(b"\n") == 1


def test_altered_bundle_is_refused_at_start_by_the_files_name(
    score: Score, tiny_bundle: Path, tmp_path: Path
) -> None:
    altered = Path(shutil.copytree(tiny_bundle, tmp_path / "altered"))
    with (altered / "model.onnx").open("r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    done = score(given=b"tea\n", bundle=altered)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"watchhouse: bundle_refused: model.onnx: ")


def test_reader_that_has_enough_is_no_error(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_bytes(b"tea\n" * 50_000)
    with subprocess.Popen(
        [sys.executable, "-m", "watchhouse", "score", "many.txt", "--bundle", str(tiny_bundle)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"id": "many.txt:1"')
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(60) == 1
    assert errors == b""


def test_scoring_needs_neither_torch_nor_pyarrow_nor_rich(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"tea\n")
    script = (
        "import sys\nfrom pathlib import Path\nfrom model.score_files import score_files\n"
        f"score_files(['a.txt'], bundle=Path({str(tiny_bundle)!r}), out=Path('o.csv'), policy=None)\n"
        "unwanted = {'torch', 'transformers', 'pyarrow', 'rich.progress', 'onnx', 'fastapi'}\n"
        "found = unwanted & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=120)


def test_bar_is_drawn_on_a_terminal_when_rows_go_elsewhere(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"tea\n" * 3)
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "watchhouse", "score", "a.txt", "--bundle", str(tiny_bundle)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            cwd=tmp_path,
            env={**os.environ, "TERM": "xterm"},
            timeout=120,
            check=False,
        )
        os.close(theirs)
        drawn = terminal.read(65_536)
    assert done.returncode == 0
    assert len(rows_of(done.stdout)) == 3
    assert b"3 posts" in drawn
