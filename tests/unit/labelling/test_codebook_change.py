"""A new codebook queues exactly the labels that it touches, and shows what it did to agreement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from labelling import tasks
from labelling.codebook import Codebook, load_codebook
from labelling.codebook_change import changes_between, touched_labels
from labelling.command_codebook import codebook_change
from model.configuration import configs_folder
from model.errors import BadInput, Conflict
from model.taxonomy import SPEECH_ACT_ORDER, STRAND_ORDER
from serve.storage.engine import Database
from serve.storage.tables import BatchRow, LabelRow, Task

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]

SHIPPED = configs_folder() / "codebook" / "codebook-v1.yaml"
HATE: dict[str, Any] = {"severity": 2, "speech_act": "endorses", "strands": ["antisemitic"], "codes": ["IH2"]}


@pytest.fixture
def revised(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Writes the shipped codebook with a change made to it: `revised(lambda raw: ...)`."""

    def write(change: Callable[[dict[str, Any]], None]) -> Path:
        raw = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        raw["version"] = "2026-12.1"
        change(raw)
        path = tmp_path / "codebook-v2.yaml"
        path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    return write


def home_with(database: Database, hub_home: Path, codebook: Path) -> Path:
    """A hub folder whose settings lead to `database` and name this codebook."""
    settings = {"codebook": str(codebook)}
    if not database.is_sqlite:
        settings["database_url"] = database.engine.url.render_as_string(hide_password=False)
    (hub_home / "hub.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return hub_home


def code(raw: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        code for strand in raw["strands"] for code in strand["codes"] if code["code"] == name
    )
    return found


def label(**said: Any) -> LabelRow:
    known: dict[str, Any] = {
        "strands": [],
        "codes": [],
        "context_flags": [],
        "severity": 0,
        "speech_act": "neutral",
        "hate": False,
    }
    return LabelRow(**{**known, **said})


HOSTILE = label(strands=["antisemitic"], codes=["IH2"], severity=2, speech_act="endorses", hate=True)
REPORT = label(strands=["antisemitic"], severity=1, speech_act="reports_or_quotes", context_flags=["news"])
OTHER_STRAND = label(strands=["islamophobic"], severity=1, speech_act="endorses", hate=True)
PLAIN = label()
ALL = {"hostile": HOSTILE, "report": REPORT, "other": OTHER_STRAND, "plain": PLAIN}


def change_strand(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda raw: raw["strands"][0].update({field: value(raw["strands"][0][field])})


CASES: dict[str, tuple[Callable[[dict[str, Any]], None], set[str]]] = {
    "a code restated": (lambda raw: code(raw, "IH2").update(meaning="Otherwise."), {"hostile"}),
    "a code gone": (lambda raw: raw["strands"][0]["codes"].pop(1), {"hostile"}),
    "a new code": (
        lambda raw: raw["strands"][0]["codes"].append({"code": "IH99", "title": "New", "meaning": "New."}),
        {"hostile", "report"},
    ),
    "a strand narrower": (
        change_strand("exclude", lambda old: [*old, "More left out"]),
        {"hostile", "report"},
    ),
    "a strand wider": (change_strand("include", lambda old: [*old, "More in it"]), {"other"}),
    "a strand restated": (
        change_strand("definition", lambda _old: "In other words."),
        {"hostile", "report", "other"},
    ),
    "a severity restated": (lambda raw: raw["severities"][1].update(meaning="Weaker."), {"report", "other"}),
    "a speech act restated": (
        lambda raw: raw["speech_acts"][1].update(meaning="A quotation only."),
        {"report"},
    ),
    "a flag restated": (
        lambda raw: next(f for f in raw["context_flags"] if f["value"] == "news").update(title="Press"),
        {"report"},
    ),
    "a new flag": (lambda raw: raw["context_flags"].append({"value": "poll", "title": "A poll"}), set()),
    "the rule": (lambda raw: raw["hate_rule"].update(severity_from=2), {"other"}),
    "a question": (lambda raw: raw["questions"][0].update(help="Read it twice."), set(ALL)),
    "the principle": (lambda raw: raw.update(principle="Label what it says."), set(ALL)),
    "a key, a source": (
        lambda raw: (
            raw["strands"][0].update(key="z"),
            raw["strands"][0]["source"].update(date="2027"),
            code(raw, "IH4").update(verify=False),
        ),
        set(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_change_touches_exactly_the_labels_that_say_what_it_is_about(
    case: str, codebook: Codebook, revised: Any
) -> None:
    change, wanted = CASES[case]
    changes = changes_between(codebook, load_codebook(revised(change)))

    touched = {name for name, row in ALL.items() if any(change.touches(row) for change in changes)}

    assert touched == wanted


@given(
    strands=st.lists(st.sampled_from(STRAND_ORDER), unique=True),
    severity=st.integers(0, 4),
    act=st.sampled_from(SPEECH_ACT_ORDER),
)
def test_same_version_touches_nothing(strands: list[str], severity: int, act: str) -> None:
    codebook = load_codebook(SHIPPED)

    assert changes_between(codebook, codebook) == []


def test_touched_texts_are_queued_for_two_and_agreement_stands_before_and_after(
    database: Database,
    hub_home: Path,
    codebook: Codebook,
    add: Add,
    annotator: People,
    revised: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add("One.", "Two.", "Three.", "Four.", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    for person, answers in ((ada, [HATE, HATE, {}, {}]), (bo, [HATE, {}, HATE, {}])):
        for said in answers:
            person.label_next(**said)
    new_file = revised(CASES["a code restated"][0])
    new = load_codebook(new_file)

    with pytest.raises(Conflict, match="codebook"):
        codebook_change(home_with(database, hub_home, SHIPPED), SHIPPED, new_file)
    home = home_with(database, hub_home, new_file)
    assert codebook_change(home, SHIPPED, new_file, only_show=True) == 0
    added = codebook_change(home, SHIPPED, new_file)
    told = " ".join(capsys.readouterr().out.split())

    assert added == 3
    assert "4 labels of 3 texts are touched" in told
    assert "code IH2: restated" in told
    assert "Nobody has labelled these texts under 2026-12.1 yet" in told
    with database.read() as session:
        batch = session.get_one(BatchRow, "relabel 2026-11.1 to 2026-12.1")
        assert (batch.purpose, batch.redundancy, batch.codebook_sha256) == ("relabel", 2, new.sha256)
        queued = session.scalars(select(Task).where(Task.batch == batch.batch)).all()
        assert sorted(task.text for task in queued) == ["One.", "Three.", "Two."]
        assert {task.severity_expected for task in queued} == {2}

    for person in (ada, bo):
        person.codebook = new
        while (task := person.claim()) is not None:
            person.save(task, **(HATE if task.text == "One." else {}))
    assert codebook_change(home, SHIPPED, new_file) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Nobody has labelled" not in told
    assert "under 2026-12.1" in told


def test_same_file_twice_is_refused(database: Database, hub_home: Path) -> None:
    with pytest.raises(BadInput, match="new"):
        codebook_change(home_with(database, hub_home, SHIPPED), SHIPPED, SHIPPED)


def test_labels_of_another_version_and_skips_are_not_touched(
    database: Database, codebook: Codebook, add: Add, annotator: People, revised: Any
) -> None:
    add("One.", "Two.")
    ada = annotator("ada")
    ada.skip(ada.claim(), "other")
    new = load_codebook(revised(CASES["a question"][0]))
    ada.codebook = new
    ada.label_next(**HATE)

    with database.read() as session:
        assert touched_labels(session, codebook, changes_between(codebook, new)) == []
