"""What the labelling tests share: the shipped codebook, a clock, and a batch to work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk_in_a_browser import Desk
from starlette.testclient import TestClient

from labelling import labels, tasks
from labelling.batches import make_batch
from labelling.codebook import Codebook, load_codebook
from labelling.pages import register
from labelling.task_sources import TaskRow
from serve.app import create_app
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import Officer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def codebook() -> Codebook:
    """The codebook that ships."""
    return load_codebook(ROOT / "configs" / "codebook" / "codebook-v1.yaml")


@pytest.fixture
def tick() -> Callable[..., datetime]:
    """A clock that goes on by a second, or by as many as asked, each time it is read."""
    now = [datetime(2026, 11, 21, 9, 0, tzinfo=UTC)]

    def read(seconds: float = 1) -> datetime:
        now[0] += timedelta(seconds=seconds)
        return now[0]

    return read


@pytest.fixture
def add(
    database: Database, codebook: Codebook, tick: Callable[..., datetime]
) -> Callable[..., tasks.AddedTasks]:
    """Adds texts to a batch, made if need be: `add("One text", "Another", batch="pilot", redundancy=2)`."""

    def make(*texts: str, batch: str = "pilot", **rules: object) -> tasks.AddedTasks:
        with database.write() as session:
            make_batch(session, codebook, batch=batch, actor="system:tests", now=tick(), **rules)  # type: ignore[arg-type] # the tests name the rules
            return tasks.add_tasks(
                session,
                batch=batch,
                rows=[TaskRow(f"row-{number}", text) for number, text in enumerate(texts)],
                source="test.jsonl",
                actor="system:tests",
                now=tick(),
            )

    return make


class Annotator:
    """One person at the desk, through the same functions as the pages."""

    def __init__(
        self, database: Database, codebook: Codebook, tick: Callable[..., datetime], name: str
    ) -> None:
        self.database, self.codebook, self.tick = database, codebook, tick
        self.actor = f"officer:{name}"

    def claim(self, batch: str | None = None, lease_seconds: float = 600) -> tasks.ClaimedTask | None:
        with self.database.write() as session:
            return tasks.claim(
                session, actor=self.actor, now=self.tick(), lease_seconds=lease_seconds, batch=batch
            )

    def save(self, task: tasks.ClaimedTask, **answers: object) -> str:
        with self.database.write() as session:
            return labels.save(
                session,
                self.codebook,
                task_id=task.task_id,
                lease_number=task.lease_number,
                actor=self.actor,
                now=self.tick(),
                answers=labels.Answers(**answers),  # type: ignore[arg-type] # the tests name the answers
            )

    def label_next(self, **answers: object) -> tasks.ClaimedTask:
        task = self.claim()
        assert task is not None
        self.save(task, **answers)
        return task

    def skip(self, task: tasks.ClaimedTask, reason: str) -> str:
        with self.database.write() as session:
            return labels.skip(
                session,
                self.codebook,
                task_id=task.task_id,
                lease_number=task.lease_number,
                actor=self.actor,
                now=self.tick(),
                reason=reason,
            )

    def undo(self) -> tasks.ClaimedTask:
        with self.database.write() as session:
            return labels.undo(session, actor=self.actor, now=self.tick(), lease_seconds=600)


@pytest.fixture
def annotator(
    database: Database, codebook: Codebook, tick: Callable[..., datetime]
) -> Callable[[str], Annotator]:
    """Makes a person at the desk: `ada = annotator("ada")`."""

    def make(name: str) -> Annotator:
        return Annotator(database, codebook, tick, name)

    return make


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A caller of a hub with the labelling room; redirects are not followed."""
    app = create_app(settings, rooms=[register], run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        yield caller


@pytest.fixture
def desk(
    client: TestClient, sign_in: Callable[[TestClient, Officer], str], officer: Callable[..., Officer]
) -> Desk:
    """An annotator with a plain browser."""
    person = officer("annotator", name="ada")
    return Desk(client, sign_in(client, person), f"officer:{person.officer_id}")


@pytest.fixture
def home(database: Database, hub_home: Path) -> Path:
    """A hub folder whose settings lead to `database`."""
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        (hub_home / "hub.yaml").write_text(f'database_url: "{url}"\n', encoding="utf-8")
    return hub_home
