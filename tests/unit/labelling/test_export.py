"""Export: every standing label is one labelled post that training can read back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from labelling import batches, command, labels, tasks
from labelling.batches import make_batch
from labelling.codebook import Codebook
from labelling.export import export, pseudonym
from labelling.task_sources import TaskRow
from model.errors import BadInput
from model.records import LabelledPost, read_jsonl, write_jsonl
from model.taxonomy import SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]


def _exported(database: Database, batch: str | None = None) -> list[LabelledPost]:
    with database.read() as session:
        return list(export(session, batch))


def test_export_gives_text_answers_and_codebook(
    database: Database, add: Add, annotator: People, codebook: Codebook
) -> None:
    add("\U0001f40d They are vermin, he wrote.")
    ada = annotator("ada")
    label_id = ada.save(
        ada.claim(),
        strands=["antisemitic"],
        severity=2,
        speech_act="endorses",
        rationale=[(11, 17)],
        note="Code IH2.",
    )

    (post,) = _exported(database)

    assert post.text[slice(*(post.rationale or ())[0])] == "vermin"
    assert (post.id, post.source, post.split) == (label_id, "hub", None)
    assert (post.hate, post.antisemitic, post.islamophobic, post.far_right) == (1, 1, 0, 0)
    assert (post.severity, post.speech_act, post.note) == (2, "endorses", "Code IH2.")
    assert (post.codebook, post.codebook_sha256) == (codebook.version, codebook.sha256)
    assert post.annotator == pseudonym("officer:ada")
    assert "ada" not in post.annotator
    assert post.labelled_at is not None
    assert post.labelled_at.endswith("+00:00")


@pytest.mark.parametrize(
    ("answers", "flags"),
    [
        ({}, (0, 0, 0, 0)),
        ({"strands": ["islamophobic"], "severity": 2, "speech_act": "reports_or_quotes"}, (0, 0, 0, 0)),
        ({"strands": ["islamophobic"], "severity": 1, "speech_act": "counters"}, (0, 0, 0, 0)),
        # Far-right content that is not hate is no far-right negative: it has no label.
        ({"strands": ["far_right"], "severity": 0, "speech_act": "endorses"}, (0, 0, 0, None)),
        ({"strands": [], "severity": 2, "speech_act": "endorses"}, (1, 0, 0, 0)),
        ({"strands": ["far_right", "islamophobic"], "severity": 3, "speech_act": "endorses"}, (1, 0, 1, 1)),
    ],
)
def test_strand_is_one_only_for_endorsed_hate_that_ticks_it(
    database: Database, add: Add, annotator: People, answers: dict[str, Any], flags: tuple[int | None, ...]
) -> None:
    add("A text for a table of answers.")
    annotator("ada").label_next(**answers)

    (post,) = _exported(database)

    assert (post.hate, post.antisemitic, post.islamophobic, post.far_right) == flags


def test_unmarked_rationale_is_null_not_empty(database: Database, add: Add, annotator: People) -> None:
    add("One.")
    annotator("ada").label_next()

    assert _exported(database)[0].rationale is None


def test_skipped_undone_and_unlabelled_tasks_are_left_out(
    database: Database, add: Add, annotator: People
) -> None:
    add("Labelled.", "Skipped.", "Undone.", "Waiting.")
    ada = annotator("ada")
    ada.label_next()
    ada.skip(ada.claim(), "other")
    ada.label_next()
    ada.undo()

    assert [post.text for post in _exported(database)] == ["Labelled."]


def test_two_labels_of_one_text_are_two_records(database: Database, add: Add, annotator: People) -> None:
    add("Read by two.", batch="first")
    add("Read by two.", batch="second")
    annotator("ada").label_next()
    annotator("bo").label_next(severity=1, speech_act="endorses")

    posts = _exported(database)

    assert [post.text for post in posts] == ["Read by two."] * 2
    assert len({post.id for post in posts}) == 2
    assert len({post.annotator for post in posts}) == 2
    assert [post.hate for post in posts] == [0, 1]
    assert [post.hate for post in _exported(database, "second")] == [1]


def test_export_of_a_batch_with_an_impossible_name_is_refused(database: Database) -> None:
    with pytest.raises(BadInput, match="batch"):
        _exported(database, "no/such")


WORDS = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("ab \n\r\t\"'<&\u2028\u202e\u00e9\U0001f40d\U0001f468\u200d")),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
    ),
    min_size=1,
    max_size=60,
).filter(lambda text: not text.isspace())


@st.composite
def answers_for(draw: st.DrawFn) -> tuple[str, labels.Answers]:
    text = draw(WORDS)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    severity = draw(st.sampled_from(SEVERITIES))
    acts = [act for act in SPEECH_ACT_ORDER if severity == 0 or act != "neutral"]
    return text, labels.Answers(
        strands=draw(st.lists(st.sampled_from(STRAND_ORDER), unique=True)),
        severity=severity,
        speech_act=draw(st.sampled_from(acts)),
        rationale=list(zip(cuts[::2], cuts[1::2], strict=False)),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(answers_for(), min_size=1, max_size=4))
def test_any_label_survives_the_way_through_database_and_file(
    database: Database, codebook: Codebook, cases: list[tuple[str, labels.Answers]]
) -> None:
    batch = f"b{new_id()}"
    wanted: dict[str, tuple[str, labels.Answers]] = {}
    with database.write() as session:
        for text, answers in cases:
            now = utc_now()
            make_batch(session, codebook, batch=batch, actor="system:t", now=now)
            tasks.add_tasks(
                session, batch=batch, rows=[TaskRow(None, text)], source="t", actor="system:t", now=now
            )
            task = tasks.claim(session, actor="officer:ada", now=now, lease_seconds=60, batch=batch)
            if task is None:
                continue  # the same text twice in a batch is one task
            label_id = labels.save(
                session,
                codebook,
                task_id=task.task_id,
                lease_number=task.lease_number,
                actor="officer:ada",
                now=now,
                answers=answers,
            )
            wanted[label_id] = (text, answers)

    exported = _exported(database, batch)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.jsonl"
        assert write_jsonl(exported, file) == len(wanted)
        read_back = list(read_jsonl(file))

    assert read_back == exported
    assert {post.id for post in read_back} == set(wanted)
    for post in read_back:
        text, answers = wanted[post.id]
        assert post.text == text
        assert list(post.rationale or ()) == list(answers.rationale)
        hate = answers.speech_act == "endorses" and answers.severity >= 1
        assert post.hate == int(hate)
        for strand in STRAND_ORDER:
            no_label = strand == "far_right" and not hate and strand in answers.strands
            assert getattr(post, strand) == (None if no_label else int(hate and strand in answers.strands))


@pytest.fixture
def home(database: Database, hub_home: Path) -> Path:
    """A hub folder whose settings lead to `database`."""
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        (hub_home / "hub.yaml").write_text(f'database_url: "{url}"\n', encoding="utf-8")
    return hub_home


def test_command_adds_tasks_and_says_what_became_of_every_row(
    database: Database, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "posts.jsonl"
    source.write_text(
        '{"id":"1","text":"One."}\nbroken secret words\n{"id":"2","text":"One."}\n', encoding="utf-8"
    )

    status = command.add_tasks(home, batch="pilot", source=str(source))

    printed = capsys.readouterr()
    assert status == 1
    assert "1 tasks added to pilot, 1 texts were there already, 1 bad rows" in printed.out
    assert printed.err == "posts.jsonl: line 2: bad_record: not JSON\n"
    with database.read() as session:
        assert [task.batch for task in batches.progress(session)] == ["pilot"]


def test_command_adds_no_task_twice_and_ends_well(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    source.write_text("id,text\n1,One.\n", encoding="utf-8")

    assert command.add_tasks(home, batch="pilot", source=str(source)) == 0
    assert command.add_tasks(home, batch="pilot", source=str(source)) == 0
    assert command.add_tasks(home, batch="from cases", source="cases") == 0


def test_command_exports_whole_file_and_audits_it(
    database: Database, home: Path, tmp_path: Path, add: Add, annotator: People
) -> None:
    add("One.", "Two.")
    annotator("ada").label_next()
    out = tmp_path / "labels.jsonl"
    out.write_text("what stood here before\n", encoding="utf-8")

    assert command.export_labels(home, out=out, batch="pilot") == 1

    assert [post.text for post in read_jsonl(out)] == ["One."]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    with database.read() as session:
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "labelling:labels:exported")
        ).one()
        assert (event.subject, event.details) == ("pilot", {"labels": 1, "file": "labels.jsonl"})


def test_command_that_fails_leaves_the_old_file_and_no_part(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    out.write_text("what stood here before\n", encoding="utf-8")

    with pytest.raises(BadInput):
        command.export_labels(home, out=out, batch="no/such")

    assert out.read_text(encoding="utf-8") == "what stood here before\n"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    with pytest.raises(BadInput, match="out"):
        command.export_labels(home, out=tmp_path / "absent" / "labels.jsonl", batch=None)


def test_exported_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert command.export_labels(tmp_path / "new-home", out=tmp_path / "labels.jsonl", batch=None) == 0
    finally:
        os.umask(before)

    assert (tmp_path / "labels.jsonl").stat().st_mode & 0o077 == 0
