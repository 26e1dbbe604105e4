"""Reading posts: one row for one row, whatever stands in it, for every format."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from model import post_files
from model.errors import BadFile
from model.post_files import MAX_LINE_BYTES, PostRow, read_posts


@pytest.fixture
def written(tmp_path: Path) -> SimpleNamespace:
    """`.rows(name, data)`: what is read from a file of that name; `.seen(...)`: (id tail, text or code)."""

    def rows(name: str, data: bytes) -> list[PostRow]:
        path = tmp_path / name
        path.write_bytes(data)
        return list(read_posts([str(path)]))

    def seen(name: str, data: bytes) -> list[tuple[str | int, str]]:
        return [(_tail(row.id), row.fault.code if row.fault else row.text) for row in rows(name, data)]

    return SimpleNamespace(rows=rows, seen=seen)


def _tail(row_id: str | int) -> str | int:
    return row_id.rsplit("/", 1)[-1] if isinstance(row_id, str) else row_id


def test_plain_lines_are_posts_and_a_blank_line_is_an_empty_one(written: SimpleNamespace) -> None:
    assert written.seen("a.txt", b"one\n\ntwo \r\n  \nthree") == [
        ("a.txt:1", "one"),
        ("a.txt:2", "text_empty"),
        ("a.txt:3", "two "),
        ("a.txt:4", "text_empty"),
        ("a.txt:5", "three"),
    ]


def test_only_a_line_feed_ends_a_line(written: SimpleNamespace) -> None:
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh"
    assert written.seen("a.txt", f"{text}\nnext".encode()) == [("a.txt:1", text), ("a.txt:2", "next")]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.json", "a.ndjson", "noname"])
def test_empty_file_has_no_rows(written: SimpleNamespace, name: str) -> None:
    assert written.seen(name, b"") == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.JSONL", "a.dat"])
def test_json_lines_keep_their_ids(written: SimpleNamespace, name: str) -> None:
    data = b'\xef\xbb\xbf{"id":"x","text":"one"}\r\n\r\n{"text":"two"}\n'
    data += b'{"id":7,"text":"three"}\n{"id":null,"text":"four"}'
    assert written.seen(name, data) == [
        ("x", "one"),
        (f"{name}:3", "two"),
        (7, "three"),
        (f"{name}:5", "four"),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "bad_record"),
        (b"plain", "bad_record"),
        (b"[]", "bad_record"),
        (b'["text"]', "bad_record"),
        (b"null", "bad_record"),
        (b'"text"', "bad_record"),
        (b"{}", "bad_record"),
        (b'{"id":"x"}', "bad_record"),
        (b"[" * 200_000, "bad_record"),
        (b'{"text":' + b'{"a":' * 50_000, "bad_record"),
        (b'{"text":' + b"9" * 5000 + b"}", "bad_record"),
        (b'{"id":[],"text":"a"}', "bad_record"),
        (b'{"id":true,"text":"a"}', "bad_record"),
        (b'{"id":1e999,"text":"a"}', "bad_record"),
        (b'{"id":"","text":"a"}', "bad_record"),
        (b'{"id":"\\ud800","text":"a"}', "bad_record"),
        (b'{"id":"\\u0000","text":"a"}', "bad_record"),
        (b'{"id":"' + b"x" * 201 + b'","text":"a"}', "bad_record"),
        (b'{"text":1e999}', "not_text"),
        (b'{"text":NaN}', "not_text"),
        (b'{"text":null}', "not_text"),
        (b'{"text":["a"]}', "not_text"),
        (b'{"text":"\\ud800"}', "not_text"),
        (b'{"text":"a\\u0000"}', "not_text"),
        (b'{"text":"\xff"}', "not_text"),
        (b'{"text":""}', "text_empty"),
        (b'{"text":"' + b"a" * 10_001 + b'"}', "text_too_long"),
        (b'{"text":"' + b"a" * MAX_LINE_BYTES + b'"}', "text_too_long"),
    ],
)
def test_bad_json_row_is_named_and_the_run_goes_on(written: SimpleNamespace, line: bytes, code: str) -> None:
    seen = written.seen("a.jsonl", b'{"text":"before"}\n' + line + b'\n{"text":"after"}\n')
    assert [text for _, text in seen] == ["before", code, "after"]


def test_fault_never_repeats_the_text(written: SimpleNamespace) -> None:
    rows = written.rows(
        "a.jsonl", b'{"text":"secret\\u0000"}\n{"secret"\n"secret"\n{"id":["secret"],"text":"a"}\n'
    )
    assert len(rows) == 4
    assert all(row.fault and "secret" not in row.fault.message for row in rows)


def test_broken_first_json_row_does_not_turn_the_others_into_plain_text(written: SimpleNamespace) -> None:
    seen = written.seen("posts", b'\n{"id":"x","text":\n{"id":"y","text":"good"}\n')
    assert seen == [("posts:2", "bad_record"), ("y", "good")]


@pytest.mark.parametrize("first", [b"{hello}", b"{ they said", b"[1]", b'"text"'])
def test_plain_text_that_starts_almost_like_json_is_plain_text(
    written: SimpleNamespace, first: bytes
) -> None:
    assert written.seen("posts", b"\n" + first + b"\nb\n") == [
        ("posts:1", "text_empty"),
        ("posts:2", first.decode()),
        ("posts:3", "b"),
    ]


def test_line_longer_than_memory_may_hold_is_dropped_whole(written: SimpleNamespace) -> None:
    long = b"x" * (3 * MAX_LINE_BYTES + 5)
    assert [text for _, text in written.seen("a.txt", long + b"\nnext\n" + long)] == [
        "text_too_long",
        "next",
        "text_too_long",
    ]


def test_csv_columns_are_found_by_name_and_fields_may_hold_lines(written: SimpleNamespace) -> None:
    data = b'\xef\xbb\xbftext,likes,id\r\n"one, ""two""\nthree",5,x\r\n\r\nfour,6,\r\n'
    assert written.seen("a.csv", data) == [("x", 'one, "two"\nthree'), ("a.csv:5", "four")]


def test_bad_csv_rows_are_named_and_the_run_goes_on(written: SimpleNamespace) -> None:
    wide = b"x" * 200_000
    data = b"id,text\na,one\nb\nc,two,three\nd,\xff\xfe\ne," + wide + b"\nf,\ng,last\n"
    assert written.seen("a.csv", data) == [
        ("a", "one"),
        ("a.csv:3", "bad_record"),
        ("a.csv:4", "bad_record"),
        ("d", "not_text"),
        ("a.csv:6", "bad_record"),
        ("f", "text_empty"),
        ("g", "last"),
    ]


def test_csv_without_ids_gets_line_numbers(written: SimpleNamespace) -> None:
    assert written.seen("a.csv", b"text\none\ntwo\n") == [("a.csv:2", "one"), ("a.csv:3", "two")]


def test_csv_without_a_text_column_is_refused(written: SimpleNamespace) -> None:
    with pytest.raises(BadFile, match="column text"):
        written.rows("a.csv", b"id,body\n1,one\n")


def _parquet(columns: dict[str, pyarrow.Array]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def test_parquet_rows_keep_ids_and_nulls_are_bad_rows(written: SimpleNamespace) -> None:
    data = _parquet({"id": pyarrow.array(["x", None, "z"]), "text": pyarrow.array(["one", "two", None])})
    assert written.seen("a.parquet", data) == [("x", "one"), ("a.parquet:2", "two"), ("z", "not_text")]


@pytest.mark.parametrize(
    "texts",
    [
        pyarrow.array(["one", "two"], pyarrow.large_string()),
        pyarrow.array(["one", "two"]).dictionary_encode(),
        pyarrow.array([b"one", b"two"]),
    ],
)
def test_parquet_text_of_any_string_type_is_read(written: SimpleNamespace, texts: pyarrow.Array) -> None:
    data = _parquet({"id": pyarrow.array([1, 2]), "text": texts})
    assert written.seen("a.parquet", data) == [(1, "one"), (2, "two")]


def test_parquet_text_that_is_no_utf8_spoils_its_own_row(written: SimpleNamespace) -> None:
    raw = pyarrow.array([b"one", b"\xff", b"three"]).view(pyarrow.string())
    assert [text for _, text in written.seen("a.parquet", _parquet({"text": raw}))] == [
        "one",
        "not_text",
        "three",
    ]


def test_parquet_numbers_for_text_are_bad_rows(written: SimpleNamespace) -> None:
    data = _parquet({"text": pyarrow.array([1, 2])})
    assert [text for _, text in written.seen("a.parquet", data)] == ["not_text", "not_text"]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"hello\n"])
def test_parquet_that_is_none_is_refused(written: SimpleNamespace, data: bytes) -> None:
    with pytest.raises(BadFile, match="Parquet"):
        written.rows("a.parquet", data)


def test_parquet_without_a_text_column_is_refused(written: SimpleNamespace) -> None:
    with pytest.raises(BadFile, match="column text"):
        written.rows("a.parquet", _parquet({"body": pyarrow.array(["a"])}))


@pytest.mark.parametrize("start", [b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", "hi".encode("utf-16")])
def test_file_that_is_no_text_is_refused(written: SimpleNamespace, start: bytes) -> None:
    with pytest.raises(BadFile, match="UTF-8"):
        written.rows("a.txt", start + b"rest")


def test_missing_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    rows = read_posts([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    with pytest.raises(BadFile, match=r"b\.txt"):
        next(rows)
    with pytest.raises(BadFile):
        next(read_posts([str(tmp_path)]))


def test_same_file_twice_gives_different_ids(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    ids = [row.id for row in read_posts([str(tmp_path / "a.txt")] * 3)]
    assert len(set(ids)) == 6


def test_standard_input_is_read_by_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for data, expected in [
        (b'{"id":"x","text":"one"}\n', [("x", "one")]),
        (b"one\n", [("stdin:1", "one")]),
        (b"", []),
    ]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        assert [(row.id, row.text) for row in read_posts(["-"])] == expected


@example(data=b"\r\x00", name="a.csv")
@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.jsonl", "a.csv"]))
def test_any_bytes_give_rows_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data)
    try:
        rows = list(read_posts([str(path)]))
    except BadFile:
        return
    assert len(rows) <= data.count(b"\n") + data.count(b"\r") + 1
    assert len({row.id for row in rows if isinstance(row.id, str)}) == len(rows)


@given(st.lists(st.text(max_size=50), max_size=30))
def test_json_rows_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)), "utf-8")
    rows = list(read_posts([str(path)]))
    assert [row.id for row in rows] == list(range(len(texts)))
    assert all(row.fault or row.text == text for row, text in zip(rows, texts, strict=True))


def test_rows_are_read_as_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat only if nothing reads ahead: an endless input must give its first row."""

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the stub wants a wider buffer type
            buffer[:4] = b"abc\n"
            return 4

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(Endless())))
    rows = read_posts(["-"])
    assert [next(rows).text for _ in range(5000)] == ["abc"] * 5000
    assert post_files.MAX_LINE_BYTES == MAX_LINE_BYTES
