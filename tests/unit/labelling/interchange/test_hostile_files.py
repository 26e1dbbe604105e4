"""Files that somebody made to do harm, or that broke: nothing is lost silently, no import comes down."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelling.interchange import archives, json_rows
from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.command import convert_labels, export_labels, import_labels
from labelling.interchange.formats import FOLDER, READERS
from labelling.interchange.json_rows import Row, elements, json_lines
from labelling.interchange.quarantine import Reason, quarantine_path
from model.errors import BadFile, BadInput

ROOT = Path(__file__).resolve().parents[4]
SECRET = "words that nobody may see"
GOOD = {"id": 1, "text": "example text", "label": ["hate"]}


def lines(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f'{{"text": "{SECRET}"', "not_json"),
        (f"{SECRET}", "not_json"),
        ("[1, 2]", "wrong_shape"),
        ('"text"', "wrong_shape"),
        ("null", "wrong_shape"),
        ('{"text": "a", "text": "b", "label": ["hate"]}', "wrong_shape"),
        ('{"text": "a", "x": NaN}', "bad_value"),
        ('{"text": "a", "x": 1e999}', "bad_value"),
        ('{"text": "a", "x": 99999999999999999999}', "bad_value"),
        ('{"text": "a", "x": ' + "9" * 5000 + "}", "bad_value"),
        ('{"text": "a", "x": ' + "[" * 100 + "]" * 100 + "}", "too_deep"),
        ('{"text": "a", "x": ' + "[" * 100_000, "too_deep"),
        (json.dumps({"text": SECRET + "\0", "label": ["hate"]}), "not_text"),
        ('{"text": "' + SECRET + '\\ud800", "label": ["hate"]}', "not_text"),
        (json.dumps({"text": "  ", "label": ["hate"]}), "text_empty"),
        (json.dumps({"text": "x" * 10_001, "label": ["hate"]}), "text_too_long"),
        (json.dumps({"text": 5, "label": ["hate"]}), "not_text"),
        (json.dumps({"label": ["hate"]}), "not_text"),
        (json.dumps({"text": "a", "label": [SECRET]}), "unknown_label"),
        (json.dumps({"text": "a", "label": {"a": 1}}), "wrong_shape"),
        (json.dumps({"text": "a", "label": [[0, 1]]}), "wrong_shape"),
        (json.dumps({"text": "a", "entities": 7}), "wrong_shape"),
        (json.dumps({"text": "a", "id": {"a": 1}}), "wrong_shape"),
        (json.dumps({"text": "a", "id": "x" * 300}), "wrong_shape"),
        (json.dumps({"text": "a", "x\0": 1}), "bad_value"),
        (json.dumps({"text": "a", "watchhouse": {"schema_version": 9}}), "wrong_shape"),
        (json.dumps({"text": "a", "watchhouse": SECRET}), "not_json"),
    ],
)
def test_broken_row_is_quarantined_by_number_and_without_its_words(read: Any, row: str, reason: str) -> None:
    result = read(lines(GOOD, row, GOOD | {"id": 3}), "doccano")

    (refused,) = result.quarantined
    assert (refused.row, refused.reason) == (2, reason)
    assert SECRET not in refused.as_json()
    assert [item.item_id for item in result.items] == ["1", "3"]
    assert (result.counts.read, result.counts.imported, result.counts.quarantined) == (3, 2, 1)


def test_bytes_that_are_no_utf8_spoil_one_line(read: Any) -> None:
    good = json.dumps(GOOD).encode()

    result = read(good + b'\n{"text": "\xff"}\n', "doccano")

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "not_text")]


def test_line_that_is_too_long_is_passed_over_in_flat_memory(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "MAX_ROW_BYTES", 100)

    result = read(lines(GOOD, GOOD | {"id": 2, "more": "x" * 500}, GOOD | {"id": 3}), "doccano")

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "row_too_large")]
    assert len(result.items) == 2


@pytest.mark.parametrize(
    ("content", "values", "reason"),
    [
        ("[1, 2", [1], "not_json"),
        ('["abc', [], "not_json"),
        ("[1] 2", [1], "not_json"),
        ("[1, 2, ]", [1, 2], "not_json"),
        ("[1 2, 3]", [3], "not_json"),
        ("", [], "not_json"),
        ("words", [], "not_json"),
        ("[" * 90, [], "not_json"),
        ('["' + "x" * 500 + '", 2]', [], "row_too_large"),
    ],
)
def test_broken_list_says_so_once_and_keeps_what_came_before(
    content: str, values: list[Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "MAX_ROW_BYTES", 100)
    monkeypatch.setattr(json_rows, "_CHUNK", 7)

    rows = list(elements(io.BytesIO(content.encode())))

    faults = [row.fault for row in rows if row.fault is not None]
    assert [row.value for row in rows if row.fault is None] == values
    assert [fault.members["reason"] for fault in faults] == [reason]


def test_list_is_read_an_element_at_a_time_and_not_whole() -> None:
    file = io.BytesIO(b"[" + b'{"data": {"text": "example text"}}, ' * 50_000)

    first = next(elements(file))

    assert first.value == {"data": {"text": "example text"}}
    assert file.tell() < 1024 * 1024


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60)
@given(values=st.lists(JSON, max_size=6), indent=st.sampled_from([None, 1]), chunk=st.integers(1, 40))
def test_list_cut_anywhere_by_the_buffer_gives_its_elements(
    values: list[Any], indent: int | None, chunk: int
) -> None:
    before = json_rows._CHUNK
    json_rows._CHUNK = chunk
    try:
        content = json.dumps(values, indent=indent, ensure_ascii=False).encode()
        assert [row.value for row in elements(io.BytesIO(content))] == values
        named = {str(number): value for number, value in enumerate(values)}
        members = list(elements(io.BytesIO(json.dumps(named, indent=indent).encode())))
    finally:
        json_rows._CHUNK = before
    assert {row.key: row.value for row in members} == named


def packed(*members: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with ZipFile(data, "w", ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


ROW = json.dumps(GOOD).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(("../ada.jsonl", ROW)), "folder"),
        (packed(("/etc/ada.jsonl", ROW)), "folder"),
        (packed(("a\\..\\ada.jsonl", ROW)), "folder"),
        (packed(("C:ada.jsonl", ROW)), "folder"),
        (packed(("ada.jsonl", ROW), ("run.exe", b"x")), "none of"),
        (packed(("ada.zip", packed(("bo.jsonl", ROW)))), "none of"),
        (packed(("ada.jsonl", b" " * 20_000_000)), "too well"),
        (packed(*((f"{number}.jsonl", b"") for number in range(archives.MAX_MEMBERS + 1))), "more than"),
        (packed(("ada.jsonl", ROW))[:-10], "cannot be read"),
        (b"PK\x03\x04" + b"\0" * 100, "cannot be read"),
    ],
)
def test_archive_that_could_do_harm_is_refused_whole(read: Any, content: bytes, message: str) -> None:
    with pytest.raises(BadFile, match=message):
        read(content)


def test_archive_that_lies_about_its_size_gives_no_more_than_it_said(read: Any) -> None:
    content = bytearray(packed(("ada.jsonl", ROW * 3000)))
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 100)

    with pytest.raises(BadFile, match="cannot be unpacked"):
        read(bytes(content))


def test_archive_whose_bytes_are_broken_is_refused(read: Any) -> None:
    content = bytearray(packed(("ada.jsonl", zlib.compress(ROW) * 50)))
    content[60:70] = b"\xff" * 10

    with pytest.raises(BadFile):
        read(bytes(content))


def test_encrypted_archive_is_refused(read: Any) -> None:
    content = bytearray(packed(("ada.jsonl", ROW)))
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1

    with pytest.raises(BadFile, match="encrypted"):
        read(bytes(content))


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"one column\nvalue\n", b"\xff\xfeh\0i\0"])
def test_file_of_no_format_is_refused(read: Any, content: bytes) -> None:
    with pytest.raises(BadFile):
        read(content)


def test_missing_file_and_unknown_format_are_refused(tmp_path: Path, read: Any) -> None:
    with pytest.raises(BadFile):
        import_labels(tmp_path / "absent.json")
    with pytest.raises(BadFile):
        import_labels(tmp_path / "absent.json", "doccano")
    with pytest.raises(BadInput, match="format"):
        read("{}", "no-such-format")
    with pytest.raises(BadInput, match="format"):
        export_labels([], [], [], "no-such-format", tmp_path / "out")
    with pytest.raises(BadFile):
        read(b"PAR1" + b"\0" * 50, "huggingface")
    with pytest.raises(BadFile):
        import_labels(tmp_path, "huggingface")


def test_csv_that_breaks_off_keeps_what_came_before(read: Any) -> None:
    result = read('text,label\nexample text,hate\n"never closed,hate\n', name="t.csv")

    assert [(one.row, one.reason) for one in result.quarantined] == [(3, "not_csv")]
    assert len(result.annotations) == 1


@pytest.mark.parametrize("header", ["text,text\n", "\n", "", "no such column,label\nx,hate\n"])
def test_table_without_a_usable_header_is_refused_or_quarantined(read: Any, header: str) -> None:
    try:
        result = read(header, "table", name="t.csv")
    except BadFile:
        return
    assert [one.reason for one in result.quarantined] == ["wrong_shape"]


def test_what_was_not_imported_stands_beside_the_output(tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "ours.jsonl"
    source.write_text(lines(GOOD, SECRET, {"text": SECRET, "label": [SECRET]}), encoding="utf-8")

    result = import_labels(source, "doccano", out=out)

    entries = [json.loads(line) for line in quarantine_path(out).read_text(encoding="utf-8").splitlines()]
    assert [(one["row"], one["reason"]) for one in entries] == [(2, "not_json"), (3, "unknown_label")]
    assert SECRET not in quarantine_path(out).read_text(encoding="utf-8")
    assert import_labels(out).annotations == result.annotations
    assert out.stat().st_mode & 0o077 == 0

    source.write_text(lines(GOOD), encoding="utf-8")
    convert_labels(source, out, "doccano")
    assert not quarantine_path(out).exists(), "of an earlier run"


def test_counts_are_printed_and_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(lines(GOOD, SECRET, GOOD, GOOD | {"id": 2, "label": ["x"]}), encoding="utf-8")

    result = import_labels(source, "doccano")

    assert capsys.readouterr().out == (
        "rows.jsonl: doccano: 4 entries read: 1 imported (1 texts, 1 labels, 0 predictions), "
        "3 quarantined (duplicate_label 1, not_json 1, unknown_label 1)\n"
    )
    assert result.counts.read == result.counts.imported + result.counts.quarantined == 4


def test_failed_export_leaves_the_old_file_and_no_part(
    tmp_path: Path, item: Item, full_label: Annotation, prediction: Prediction
) -> None:
    out = tmp_path / "labels.json"
    out.write_text("what stood here before", encoding="utf-8")

    for format in ("label-studio", "csv", "doccano-zip"):
        with pytest.raises(BadInput):
            export_labels([item], [full_label, full_label], [prediction], format, out)

    assert out.read_text(encoding="utf-8") == "what stood here before"
    assert [path.name for path in tmp_path.iterdir()] == ["labels.json"]


def test_item_under_one_id_with_another_text_or_metadata_is_quarantined(read: Any) -> None:
    result = read(
        lines(GOOD, GOOD | {"text": "another", "label": []}, GOOD | {"source": "t", "label": []}), "doccano"
    )

    assert [one.reason for one in result.quarantined] == ["text_differs", "metadata_differs"]


def test_every_reason_is_explained_in_the_documents() -> None:
    page = (ROOT / "docs" / "interchange.md").read_text(encoding="utf-8")

    assert [reason for reason in Reason if f"`{reason}`" not in page] == []
    assert [name for name in (*READERS, FOLDER, "lewidi-2025") if f"`{name}`" not in page] == []


def test_rows_are_numbered_by_line() -> None:
    rows = list(json_lines(io.BytesIO(b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"b": 2}')))

    assert rows == [Row(1, {"a": 1}), Row(4, {"b": 2})]
