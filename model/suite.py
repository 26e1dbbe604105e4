"""Functional suites: short posts with a known answer, each a case of one functionality, in CSV files.

Read are the published files of HateCheck, HatemojiCheck and multilingual HateCheck, our own export, and
any CSV with a text, a gold and a functionality column; columns are found by their names in the header.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from model.configuration import sha256_of
from model.errors import BadFile, BadInput, BadRecord
from model.normalise import check_text
from model.taxonomy import SPEECH_ACT_ORDER, Strand

UNDETERMINED: Final = "und"
SEVERAL: Final = "mul"
"""What `Suite.language` says where the file does not tell, or tells of more than one. Source: ISO 639-2."""

UNSTATED: Final = "unstated"
"""`Suite.version` of a file that names none."""

MOST_CHARACTERS: Final = 200
MOST_CHARACTERS_OF_WHY: Final = 2000
"""Longest id, functionality name or other short cell, and longest reason why."""

_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

GOLD_WORDS: Final = {
    **dict.fromkeys(("hateful", "hate", "1", "1.0", "true"), True),
    **dict.fromkeys(("non-hateful", "non_hateful", "not hateful", "nothate", "0", "0.0", "false"), False),
}
"""What stands in gold columns, in lower case, and whether it means hateful."""

COLUMNS: Final = (
    "functionality",
    "case_id",
    "test_case",
    "label_gold",
    "target_ident",
    "templ_id",
    "kind",
    "strand",
    "strand_label",
    "speech_act",
    "clauses",
    "hateful_under",
    "language",
    "title",
    "why",
    "suite",
    "suite_version",
)
"""The columns of our own export: HateCheck's names where it has one, so that its readers read ours."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "test_case": ("test_case", "text"),
    "label_gold": ("label_gold", "gold", "hateful", "hate", "label"),
    "case_id": ("mhc_case_id", "case_id", "id"),
    "target_ident": ("target_ident", "target"),
    "templ_id": ("templ_id", "template_id"),
}
"""Which names a column goes by, best first; every other column goes by its own name."""

_ENGLISH_SUITES: Final = ({"focus_words", "ref_templ_id"}, {"test_grp_id", "unrealistic_flags"})
"""Columns by which HateCheck and HatemojiCheck, which do not name their language, are known."""

_LANGUAGES: Final = {
    "arabic": "ar",
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "mandarin": "zh",
    "polish": "pl",
    "portuguese": "pt",
    "spanish": "es",
}
"""ISO 639-1 codes of the languages as multilingual HateCheck's case ids name them ("arabic-1")."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""A cell that a spreadsheet would run, or such a one behind quotes. Source: PROMISES.md section 5, item 3."""


@dataclass(frozen=True, slots=True)
class SuiteCase:
    """One post with its answer. `strand_label` 1, 0 or None for "not said"; `target`: the group it is about.

    `hateful_under` says where a definition profile of the codebook judges otherwise than `hateful`.
    """

    case_id: str
    text: str
    functionality: str
    hateful: bool
    kind: str | None = None
    target: str | None = None
    strand: Strand | None = None
    strand_label: int | None = None
    speech_act: str | None = None
    clauses: tuple[str, ...] = ()
    template_id: str | None = None
    hateful_under: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FunctionalityWords:
    """What to call a functionality and why it is tested; `hateful` is None where its cases differ."""

    title: str
    why: str
    kind: str | None
    hateful: bool | None


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases in file order. `sha256` is of the CSV read, or of the one that `write_suite_csv` would write.

    `language` is an ISO 639-1 code, `UNDETERMINED` or `SEVERAL`.
    """

    name: str
    version: str
    sha256: str
    language: str
    cases: tuple[SuiteCase, ...]
    functionalities: Mapping[str, FunctionalityWords]


def read_suite(path: Path) -> Suite:
    """The suite in a CSV file.

    Raises: BadFile (no CSV with the columns wanted), BadRecord (naming row and column of each bad cell).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path.name}: cannot be opened ({error.strerror})", field="suite") from None
    return suite_from_csv(data, path.stem)


def suite_from_csv(data: bytes, name: str) -> Suite:
    """The suite in the bytes of a CSV file; `name` is its name where the file does not say.

    Rows count from 1, the header, as a spreadsheet counts them. Raises: BadFile, BadRecord.
    """
    # Bytes that are no UTF-8 become lone surrogates, which are refused cell by cell.
    lines = io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline="")
    reader = csv.reader(lines, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        rows = [(number, cells) for number, cells in enumerate(reader, start=2) if cells]
    except csv.Error:
        raise BadFile(f"{name}: line {reader.line_num}: not CSV", field="suite") from None
    columns = _Columns(header, name)
    found: list[tuple[SuiteCase, _Row]] = []
    faults: list[dict[str, object]] = []
    for number, cells in rows:
        row = columns.row(number, cells)
        try:
            found.append((_case(row), row))
        except BadInput as fault:
            faults.append({"row": number, "column": fault.field, "why": fault.message})
    faults.extend(_repeated_ids(found))
    if faults:
        raise _refusal(name, faults)
    if not found:
        raise BadFile(f"{name}: has no cases", field="suite")
    first = found[0][1]
    return Suite(
        name=first.cell("suite") or name,
        version=first.cell("suite_version") or UNSTATED,
        sha256=sha256_of(data),
        language=_language(header, [row for _, row in found]),
        cases=tuple(case for case, _ in found),
        functionalities=_functionalities(found),
    )


def write_suite_csv(suite: Suite, path: Path) -> None:
    """Writes the suite so that `read_suite` gives it back unchanged and no spreadsheet runs a cell."""
    path.write_bytes(suite_csv(suite))


def suite_csv(suite: Suite) -> bytes:
    """The suite as CSV in UTF-8, rows ended as RFC 4180 has it: the same suite gives the same bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)  # with another line end it would leave a lone carriage return unquoted
    writer.writerow(COLUMNS)
    for case in suite.cases:
        words = suite.functionalities[case.functionality]
        cells = _cells(suite, case, words)
        writer.writerow([_harmless(cells[column]) for column in COLUMNS])
    return out.getvalue().encode()


def with_own_sha256(suite: Suite) -> Suite:
    """The suite, its `sha256` that of the CSV that `write_suite_csv` writes."""
    return replace(suite, sha256=sha256_of(suite_csv(suite)))


def _cells(suite: Suite, case: SuiteCase, words: FunctionalityWords) -> dict[str, str]:
    return {
        "functionality": case.functionality,
        "case_id": case.case_id,
        "test_case": case.text,
        "label_gold": "hateful" if case.hateful else "non-hateful",
        "target_ident": case.target or "",
        "templ_id": case.template_id or "",
        "kind": case.kind or "",
        "strand": case.strand.value if case.strand else "",
        "strand_label": "" if case.strand_label is None else str(case.strand_label),
        "speech_act": case.speech_act or "",
        "clauses": " ".join(case.clauses),
        "hateful_under": json.dumps(dict(case.hateful_under), sort_keys=True) if case.hateful_under else "",
        "language": suite.language,
        "title": words.title,
        "why": words.why,
        "suite": suite.name,
        "suite_version": suite.version,
    }


def _harmless(cell: str) -> str:
    """The cell, behind a ' if a spreadsheet would run it; one that has quotes there gets one more."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


class _Columns:
    """The header of a file: where each of `COLUMNS` stands, if it does. Raises: BadFile."""

    def __init__(self, header: Sequence[str], name: str) -> None:
        if len(set(header)) < len(header):
            raise BadFile(f"{name}: the header names a column twice", field="suite")
        self.width = len(header)
        self.ours = "suite_version" in header  # a foreign text may begin '= and mean it
        self.places: dict[str, tuple[int, str]] = {}
        for column in COLUMNS:
            for known in _NAMES.get(column, (column,)):
                if known in header and column not in self.places:
                    self.places[column] = (header.index(known), known)
        for column in ("test_case", "label_gold", "functionality"):
            if column not in self.places:
                wanted = " or ".join(_NAMES.get(column, (column,)))
                raise BadFile(f"{name}: the header has no column {wanted}", field="suite")

    def row(self, number: int, cells: list[str]) -> _Row:
        if self.ours:
            cells = [cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell for cell in cells]
        return _Row(self, number, cells)


@dataclass(frozen=True, slots=True)
class _Row:
    columns: _Columns
    number: int
    cells: list[str]

    def cell(self, column: str) -> str:
        """The cell without outer white space; "" where the file has no such column."""
        place = self.columns.places.get(column)
        return "" if place is None else self.cells[place[0]].strip()

    def short(self, column: str, most: int = MOST_CHARACTERS) -> str:
        """The cell, checked. Raises: BadRecord."""
        cell = self.cell(column)
        if len(cell) > most or _CONTROL.search(cell):
            self.refuse(column, f"at most {most} characters, no control characters")
        return cell

    def refuse(self, column: str, why: str) -> None:
        """Raises: BadRecord, with the file's own name of the column."""
        raise BadRecord(why, field=self.columns.places[column][1])


def _case(row: _Row) -> SuiteCase:
    """The case of a row. Raises: BadInput whose field is the column; no message quotes the cell."""
    if len(row.cells) != row.columns.width:
        raise BadRecord(f"{row.columns.width} cells wanted", field="row")
    place, column = row.columns.places["test_case"]
    try:
        text = check_text(row.cells[place])
    except BadInput as fault:
        raise BadRecord(fault.message.removeprefix("text: "), field=column) from None
    gold = GOLD_WORDS.get(row.cell("label_gold").lower())
    if gold is None:
        row.refuse("label_gold", "must be hateful or non-hateful")
    functionality = row.short("functionality")
    if not functionality:
        row.refuse("functionality", "is empty")
    kind = row.short("kind")
    for column in ("language", "title", "suite", "suite_version"):
        row.short(column)
    row.short("why", MOST_CHARACTERS_OF_WHY)
    return SuiteCase(
        case_id=row.short("case_id") or f"row-{row.number}",
        text=text,
        functionality=functionality,
        hateful=bool(gold),
        kind=None if kind.lower() in GOLD_WORDS else kind or None,
        target=row.short("target_ident") or None,
        strand=_strand(row),
        strand_label=_strand_label(row),
        speech_act=_speech_act(row),
        clauses=tuple(row.short("clauses").split()),
        template_id=row.short("templ_id") or None,
        hateful_under=_hateful_under(row),
    )


def _strand(row: _Row) -> Strand | None:
    cell = row.cell("strand")
    if cell and cell not in set(Strand):
        row.refuse("strand", f"must be one of {', '.join(Strand)}")
    return Strand(cell) if cell else None


def _strand_label(row: _Row) -> int | None:
    cell = row.cell("strand_label")
    if cell not in {"", "0", "1"}:
        row.refuse("strand_label", "must be 1, 0 or empty")
    return int(cell) if cell else None


def _speech_act(row: _Row) -> str | None:
    cell = row.cell("speech_act")
    if cell and cell not in SPEECH_ACT_ORDER:
        row.refuse("speech_act", f"must be one of {', '.join(SPEECH_ACT_ORDER)}")
    return cell or None


def _hateful_under(row: _Row) -> dict[str, bool]:
    cell = row.cell("hateful_under")
    try:
        value = json.loads(cell) if cell else {}
    except (ValueError, RecursionError):  # RecursionError: nested too deep
        value = None
    if not isinstance(value, dict) or not all(isinstance(judged, bool) for judged in value.values()):
        row.refuse("hateful_under", "must be a JSON object of profile to true or false")
        return {}
    return value


def _repeated_ids(found: list[tuple[SuiteCase, _Row]]) -> Iterator[dict[str, object]]:
    first: dict[str, int] = {}
    for case, row in found:
        if case.case_id in first:
            column = row.columns.places["case_id"][1] if "case_id" in row.columns.places else "row"
            why = f"stands in row {first[case.case_id]} too"
            yield {"row": row.number, "column": column, "why": why}
        first.setdefault(case.case_id, row.number)


def _refusal(name: str, faults: list[dict[str, object]], shown: int = 10, told: int = 100) -> BadRecord:
    """The first `told` faults for the caller in `members`, the first `shown` in words."""
    faults = sorted(faults, key=lambda fault: int(str(fault["row"])))
    words = "; ".join(f"row {fault['row']}, {fault['column']}: {fault['why']}" for fault in faults[:shown])
    more = f"; and {len(faults) - shown} more" if len(faults) > shown else ""
    return BadRecord(f"{name}: {words}{more}", field="suite", members={"rows": faults[:told]})


def _language(header: list[str], rows: list[_Row]) -> str:
    """The one language of the rows, by column or case id; else by the header of a suite that is known."""
    if "language" in rows[0].columns.places:
        said = {row.cell("language").lower() for row in rows}
        found = {_LANGUAGES.get(language, language) for language in said} - {""}
    else:
        names = {row.cell("case_id").rpartition("-")[0].lower() for row in rows}
        found = {_LANGUAGES[name] for name in names} if names <= _LANGUAGES.keys() else set()
    if not found and any(known <= set(header) for known in _ENGLISH_SUITES):
        return "en"
    return found.pop() if len(found) == 1 else SEVERAL if found else UNDETERMINED


def _functionalities(found: list[tuple[SuiteCase, _Row]]) -> dict[str, FunctionalityWords]:
    """By the first case of each; without a title the functionality's own name is one."""
    words: dict[str, FunctionalityWords] = {}
    for case, row in found:
        known = words.get(case.functionality)
        if known is None:
            title = row.cell("title") or case.functionality
            words[case.functionality] = FunctionalityWords(title, row.cell("why"), case.kind, case.hateful)
        elif known.hateful not in {case.hateful, None}:
            words[case.functionality] = replace(known, hateful=None)
    return words
