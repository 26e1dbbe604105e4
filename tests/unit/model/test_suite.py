"""Suites as files: what is written is read back, every published shape is read, bad rows are named."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.errors import BadFile, BadRecord
from model.normalise import check_text
from model.suite import (
    COLUMNS,
    FunctionalityWords,
    Suite,
    SuiteCase,
    read_suite,
    suite_csv,
    suite_from_csv,
    with_own_sha256,
    write_suite_csv,
)
from model.taxonomy import SPEECH_ACT_ORDER, Strand

HATECHECK = (
    ",functionality,case_id,test_case,label_gold,target_ident,direction,focus_words,focus_lemma,ref_case_id,"
    "ref_templ_id,templ_id,case_templ"
)
HATEMOJICHECK = (
    ",case_id,templ_id,test_grp_id,text,target,functionality,set,label_gold,unrealistic_flags,"
    "included_in_test_suite"
)
MULTILINGUAL = (
    "mhc_case_id,functionality,test_case,label_gold,target_ident,ref_case_id,ref_templ_id,templ_id,case_templ,"
    "gender_male,gender_female,label_annotated,label_annotated_maj,disagreement_in_case"
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_of(header: str, *rows: dict[str, str]) -> bytes:
    """A CSV file of the header with the rows; a column that a row leaves out is empty."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header.split(","))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def is_text(text: str) -> bool:
    try:
        check_text(text)
    except Exception:
        return False
    return True


TEXTS = st.text(min_size=1, max_size=60).filter(is_text)
SHORT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
PLAIN = st.text("abc_é", min_size=1, max_size=8)


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    names = draw(st.lists(SHORT, min_size=1, max_size=3, unique=True))
    cases = []
    words = {}
    for number, name in enumerate(names):
        hateful, kind = draw(st.booleans()), draw(st.none() | PLAIN)
        words[name] = FunctionalityWords(draw(SHORT), draw(st.just("") | SHORT), kind, hateful)
        for place, text in enumerate(draw(st.lists(TEXTS, min_size=1, max_size=4))):
            cases.append(
                SuiteCase(
                    case_id=f"{draw(st.sampled_from(('', '=', '-')))}{number}-{place}",
                    text=text,
                    functionality=name,
                    hateful=hateful,
                    kind=kind,
                    target=draw(st.none() | SHORT),
                    strand=draw(st.none() | st.sampled_from(Strand)),
                    strand_label=draw(st.sampled_from((None, 0, 1))),
                    speech_act=draw(st.none() | st.sampled_from(SPEECH_ACT_ORDER)),
                    clauses=tuple(draw(st.lists(SHORT, max_size=3))),
                    template_id=draw(st.none() | SHORT),
                    hateful_under=draw(st.dictionaries(PLAIN, st.booleans(), max_size=2)),
                )
            )
    suite = Suite(draw(SHORT), draw(SHORT), "", draw(st.sampled_from(("en", "mul"))), tuple(cases), words)
    return with_own_sha256(suite)


def one_case(text: str) -> Suite:
    words = {"greeting": FunctionalityWords("Greeting", "", None, False)}
    return with_own_sha256(Suite("s", "1", "", "en", (SuiteCase("1", text, "greeting", False),), words))


@given(suites())
@example(one_case("=1+1"))
@example(one_case("'=1+1"))
@example(one_case("''@reply"))
@example(one_case("'tis only a quote"))
@example(one_case('a, "b"\r\nc\rd\n'))
@example(one_case("  spaces around  "))
def test_what_is_written_is_read_back_unchanged(suite: Suite) -> None:
    assert suite_from_csv(suite_csv(suite), "another name") == suite


@given(suites())
def test_no_written_cell_begins_as_a_formula(suite: Suite) -> None:
    rows = csv.reader(io.StringIO(suite_csv(suite).decode(), newline=""))

    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA_STARTS)]


def test_hash_is_that_of_the_file_that_was_written(tmp_path: Path) -> None:
    suite = one_case("Good morning from Leeds")
    write_suite_csv(suite, tmp_path / "s.csv")

    assert suite.sha256 == hashlib.sha256((tmp_path / "s.csv").read_bytes()).hexdigest()
    assert read_suite(tmp_path / "s.csv") == suite


def test_hatecheck_file_is_read_as_english(tmp_path: Path) -> None:
    path = tmp_path / "hatecheck.csv"
    row = {"functionality": "ident_neutral_nh", "case_id": "17", "test_case": "My neighbour is a Muslim."}
    row |= {"label_gold": "non-hateful", "target_ident": "Muslims", "templ_id": "5"}
    other = {"functionality": "derog_neg_emote_h", "case_id": "18", "test_case": "I dislike them all."}
    path.write_bytes(csv_of(HATECHECK, row, other | {"label_gold": "hateful"}))

    suite = read_suite(path)

    assert (suite.name, suite.version, suite.language) == ("hatecheck", "unstated", "en")
    assert suite.cases[0] == SuiteCase(
        "17", "My neighbour is a Muslim.", "ident_neutral_nh", False, target="Muslims", template_id="5"
    )
    assert suite.cases[1].hateful
    assert suite.cases[1].target is None
    assert suite.functionalities["derog_neg_emote_h"] == FunctionalityWords(
        "derog_neg_emote_h", "", None, True
    )


def test_hatemojicheck_file_with_both_answers_in_a_functionality_is_read() -> None:
    rows = [
        {"case_id": f"{n}", "templ_id": "1.0", "text": text, "target": "women", "functionality": "1"}
        | {"label_gold": gold}
        for n, (text, gold) in enumerate([("I 🤢 at them", "1"), ("I 😍 at them", "0.0")])
    ]

    suite = suite_from_csv(csv_of(HATEMOJICHECK, *rows), "hatemojicheck")

    assert [(case.text, case.hateful) for case in suite.cases] == [
        ("I 🤢 at them", True),
        ("I 😍 at them", False),
    ]
    assert suite.functionalities["1"].hateful is None
    assert suite.language == "en"


@pytest.mark.parametrize(
    ("ids", "language"), [(["german-1", "german-2"], "de"), (["german-1", "arabic-1"], "mul")]
)
def test_multilingual_file_takes_its_language_from_the_case_ids(ids: list[str], language: str) -> None:
    rows = [
        {"mhc_case_id": name, "functionality": "f", "test_case": f"Guten Tag {name}", "label_gold": "hateful"}
        for name in ids
    ]

    suite = suite_from_csv(csv_of(MULTILINGUAL, *rows), "mhc")

    assert [case.case_id for case in suite.cases] == ids
    assert suite.language == language


def test_any_file_with_text_gold_and_functionality_is_read() -> None:
    data = b"\xef\xbb\xbfText,gold,functionality\nhello,TRUE,a\n".replace(b"Text", b"text")

    suite = suite_from_csv(data, "mine")

    assert suite.cases == (SuiteCase("row-2", "hello", "a", True),)
    assert (suite.name, suite.language) == ("mine", "und")


def test_kind_that_only_repeats_the_answer_is_no_kind() -> None:
    data = b"text,gold,functionality,kind\nhello,0,a,non-hateful\nbye,0,a,news\n"

    assert [case.kind for case in suite_from_csv(data, "mine").cases] == [None, "news"]


def test_language_column_is_believed() -> None:
    suite = suite_from_csv(b"text,gold,functionality,language\nBonjour,0,a,French\n", "mine")

    assert suite.language == "fr"


def test_quote_before_a_formula_in_a_foreign_file_is_kept() -> None:
    suite = suite_from_csv(b"text,gold,functionality\n'@anna hello,0,a\n", "mine")

    assert suite.cases[0].text == "'@anna hello"


SECRET = "the words of the post"


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        ("label_gold", SECRET),
        ("test_case", " "),
        ("test_case", "\u200b"),
        ("test_case", SECRET * 1000),
        ("functionality", ""),
        ("functionality", SECRET * 20),
        ("strand", SECRET),
        ("strand_label", "2"),
        ("speech_act", SECRET),
        ("hateful_under", SECRET),
        ("hateful_under", '{"ihra_full": 1}'),
        ("case_id", "1"),
        ("target_ident", "a\x1bb"),
        ("suite", SECRET * 20),
    ],
)
def test_bad_cell_is_refused_by_row_and_column_without_its_words(column: str, bad: str) -> None:
    good = {"functionality": "a", "test_case": "hello", "label_gold": "hateful"}
    rows = [good | {"case_id": "1"}, good | {"case_id": "2"} | {column: bad}]

    with pytest.raises(BadRecord) as refused:
        suite_from_csv(csv_of(",".join(COLUMNS), *rows), "mine")

    assert f"row 3, {column}:" in refused.value.message
    assert [(row["row"], row["column"]) for row in refused.value.members["rows"]] == [(3, column)]
    assert SECRET not in f"{refused.value.message} {refused.value.members}"


def test_all_bad_rows_are_told_at_once_and_the_first_ten_in_words() -> None:
    data = b"text,gold,functionality\n" + b"hello,maybe,a\n" * 12 + b"hello,1\n" + b",1,a\n" * 200

    with pytest.raises(BadRecord, match=r"row 2, gold: .*row 11, gold: .*; and 203 more") as refused:
        suite_from_csv(data, "mine")

    assert [row["row"] for row in refused.value.members["rows"]] == list(range(2, 102))
    assert refused.value.members["rows"][12]["column"] == "row"


def test_text_that_is_no_utf8_is_refused_by_its_row() -> None:
    with pytest.raises(BadRecord, match="row 2, text: contains a lone surrogate"):
        suite_from_csv(b"text,gold,functionality\nh\xffllo,1,a\n", "mine")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no column test_case or text"),
        (b"text,functionality\nhello,a\n", "no column label_gold or gold"),
        (b"text,gold\nhello,1\n", "no column functionality"),
        (b"text,gold,functionality\n", "has no cases"),
        (b"text,text,gold,functionality\n", "a column twice"),
        (b'text,gold,functionality\n"hello"x,1,a\n', "line 2: not CSV"),
    ],
)
def test_file_that_is_no_suite_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        suite_from_csv(data, "mine")


def test_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"^none\.csv: cannot be opened"):
        read_suite(tmp_path / "none.csv")


@given(st.binary(max_size=200))
@example(b"text,gold,functionality\n" + b"a" * 140_000)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        suite = suite_from_csv(b"text,gold,functionality\nhello,1,a\n" + data, "mine")
    except (BadFile, BadRecord):
        return
    assert suite.cases[0].text == "hello"
