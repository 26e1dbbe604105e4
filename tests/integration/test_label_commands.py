"""`watchhouse label ...` from the door to the database and back, as somebody at a terminal runs it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update
from typer.testing import CliRunner

import watchhouse
from labelling.codebook import load_codebook
from labelling.labels import Answers, save
from labelling.tasks import claim
from model.admission import read_slip
from model.configuration import configs_folder, sha256_of
from model.records import LabelledPost, read_jsonl, write_jsonl
from model.taxonomy import HEAD_ORDER
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import LabelRow, Task

CODEBOOK = configs_folder() / "codebook" / "codebook-v1.yaml"


def run(*words: object) -> Result:
    return CliRunner().invoke(watchhouse.app, [str(word) for word in words])


@pytest.fixture
def home(database: Database, hub_home: Path) -> Path:
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        (hub_home / "hub.yaml").write_text(f'database_url: "{url}"\n', encoding="utf-8")
    return hub_home


def label_everything(database: Database, *people: str) -> None:
    """Every waiting text, hateful where it says so, thirty days ago."""
    codebook = load_codebook(CODEBOOK)
    for person in people:
        while True:
            with database.write() as session:
                now = utc_now()
                task = claim(session, actor=f"officer:{person}", now=now, lease_seconds=60)
                if task is None:
                    break
                hateful = "hateful" in task.text
                answers = Answers(
                    strands=["antisemitic"] if hateful else [],
                    severity=int(hateful),
                    speech_act="endorses" if hateful else "neutral",
                )
                save(
                    session,
                    codebook,
                    task_id=task.task_id,
                    lease_number=task.lease_number,
                    actor=f"officer:{person}",
                    now=now,
                    answers=answers,
                )
    with database.write() as session:
        session.execute(update(LabelRow).values(labelled_at=utc_now() - timedelta(days=30)))


def posts(path: Path, *texts: str) -> Path:
    lines = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_labels_go_from_a_file_through_the_desk_to_a_file_that_may_train(
    database: Database, home: Path, tmp_path: Path
) -> None:
    source = posts(tmp_path / "posts.jsonl", *(f"a hateful text {n}" for n in range(3)), "a plain text")
    out, theirs = tmp_path / "labels.jsonl", tmp_path / "theirs.json"

    added = run("label", "add-tasks", "--batch", "b", "--source", source, "--redundancy", 2, "--home", home)
    label_everything(database, "ada", "bo")
    held = run("label", "export", "--for-training", "--out", out, "--home", home)
    agreement = run("label", "agreement", "--home", home)
    exported = run("label", "export", "--format", "label-studio", "--out", theirs, "--home", home)
    imported = run("label", "import", theirs, "--batch", "back", "--home", home)
    glossary = run("label", "glossary", "--home", home)
    shown = run("label", "codebook-change", CODEBOOK, CODEBOOK, "--home", home)

    statuses = [one.exit_code for one in (added, held, agreement, exported, imported, glossary)]
    assert statuses == [0] * 6, imported.output
    assert "its source would be more than its share" in " ".join(held.output.split())
    assert (read_slip(out).texts, list(read_jsonl(out))) == (0, [])
    assert "strand:antisemitic" in agreement.output
    assert "4 tasks and 8 labels added" in imported.output
    assert shown.exit_code == 1  # one and the same file
    with database.read() as session:
        assert len(session.scalars(select(Task.task_id)).all()) == 8


def test_door_refuses_what_does_not_go_together(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    assert (
        run("label", "export", "--for-training", "--gold", out, "--out", out, "--home", home).exit_code == 2
    )
    assert run("label", "simulate", "nothing", "--data", tmp_path).exit_code == 2
    neither = run("label", "import", out, "--home", home)
    assert getattr(neither.exception, "code", None) == "bad_input"


@pytest.mark.training
def test_gold_set_and_the_corpora_beside_decide_what_may_train(
    database: Database, home: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    data, gold = made_up_pack(tmp_path / "data"), tmp_path / "gold.jsonl"
    marks = {1: "awful dreadful people", 0: "lovely quiet weather"}
    write_jsonl(
        [
            LabelledPost(id=str(n), text=f"{marks[n % 2]} {n}", source="hub", split="test", hate=n % 2)  # type: ignore[arg-type] # n % 2 is 1 or 0
            for n in range(60)
        ],
        gold,
    )
    source = posts(tmp_path / "posts.jsonl", *(f"some hateful words {n}" for n in range(3)))
    run("label", "add-tasks", "--batch", "b", "--source", source, "--redundancy", 2, "--home", home)
    label_everything(database, "ada", "bo")
    out = tmp_path / "labels.jsonl"

    done = run(
        *("label", "export", "--for-training", "--out", out, "--data", data, "--gold", gold, "--home", home)
    )

    assert done.exit_code == 0, done.output
    slip = read_slip(out)
    assert (slip.texts, slip.labels, slip.largest_source) == (3, 6, 3)
    assert slip.gold is not None
    assert slip.gold.posts == 60
    assert slip.gold.before > 0.9
    assert [post.soft for post in read_jsonl(out)] == [
        {"hate": 1.0, "antisemitic": 1.0, "islamophobic": 0.0, "far_right": 0.0}
    ] * 3


def made_up_pack(folder: Path) -> Path:
    """A data folder with every corpus that the shipped recipe names, each of them made up here."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from training.recipe import load_recipe

    recipe = load_recipe(configs_folder() / "train" / "minilm.yaml").recipe
    names = {use.name: "train" for use in recipe.corpora}
    names |= {use.name: "background" for use in recipe.background}
    names |= dict.fromkeys(recipe.evaluation_only, "known")
    manifest = ["group,corpus,sha256,licence,citation"]
    for place, (name, group) in enumerate(sorted(names.items())):
        (folder / group).mkdir(parents=True, exist_ok=True)
        texts = [
            f"{'awful dreadful people' if n % 2 else 'lovely quiet weather'} {place} {n}" for n in range(40)
        ]
        hate = [None if group == "background" else n % 2 for n in range(40)]
        columns: dict[str, Any] = {
            "id": pa.array([str(n) for n in range(40)]),
            "text": pa.array(texts),
            "split": pa.array(["train"] * 40),
            "hate": pa.array(hate, pa.int8()),
        }
        columns |= {head: pa.nulls(40, pa.int8()) for head in HEAD_ORDER[1:]}
        path = folder / group / f"{name}.parquet"
        parquet.write_table(pa.table(columns), path)
        manifest.append(f"{group},{name},{sha256_of(path.read_bytes())},CC0,us")
    (folder / "MANIFEST.csv").write_text("\n".join(manifest) + "\n", encoding="utf-8")
    return folder
