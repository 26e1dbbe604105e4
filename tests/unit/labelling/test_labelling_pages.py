"""The desk's pages as a browser without scripts sees them: who may come in, what is shown, what is saved."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import tasks
from labelling.pages import register
from serve.app import create_app
from serve.people.roles import Role
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, LabelRow, Officer, TaskSlot

Add = Callable[..., tasks.AddedTasks]
SignIn = Callable[[TestClient, Officer], str]


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A caller of a hub with the labelling room; redirects are not followed."""
    app = create_app(settings, rooms=[register], run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        yield caller


class Desk:
    """A signed-in annotator who only has a plain browser."""

    def __init__(self, client: TestClient, csrf: str, actor: str) -> None:
        self.client, self.csrf, self.actor = client, csrf, actor

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(f"/labelling{path}", data={"csrf_token": self.csrf, **fields})

    def follow(self, answer: Any) -> Any:
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.headers["location"])

    def next(self, batch: str = "pilot") -> tuple[str, Any]:
        answer = self.post("/next", batch=batch)
        page = self.follow(answer)
        return answer.headers["location"].split("?")[0].removeprefix("/labelling"), page


@pytest.fixture
def desk(client: TestClient, sign_in: SignIn, officer: Callable[..., Officer]) -> Desk:
    person = officer("annotator", name="ada")
    return Desk(client, sign_in(client, person), f"officer:{person.officer_id}")


def test_only_those_who_label_may_open_the_pages(
    client: TestClient, sign_in: SignIn, officer: Callable[..., Officer]
) -> None:
    answers = {}
    for role in Role:
        csrf = sign_in(client, officer(role.value))
        posted = client.post("/labelling/next", data={"csrf_token": csrf})
        answers[role.value] = (client.get("/labelling").status_code, posted.status_code)

    assert {role for role, statuses in answers.items() if statuses == (200, 303)} == {
        "annotator",
        "supervisor",
        "officer",
    }
    assert {role for role, statuses in answers.items() if statuses == (403, 403)} == {
        "hub_lead",
        "records_officer",
        "researcher",
        "auditor",
        "admin",
    }


def test_stranger_is_sent_to_sign_in(client: TestClient) -> None:
    answer = client.get("/labelling", headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_post_without_the_pages_token_is_refused(desk: Desk) -> None:
    for path in ("/next", "/undo", "/tasks/X/label", "/tasks/X/skip", "/tasks/X/heartbeat"):
        answer = desk.client.post(f"/labelling{path}", data={"lease": 1, "reason": "other"})
        assert answer.status_code == 403, path


def test_batches_are_listed_with_progress(desk: Desk, add: Add) -> None:
    add("One.", "Two.", batch="pilot")
    add("Three.", batch="second")

    page = desk.client.get("/labelling").text

    assert page.index("pilot") < page.index("second")
    assert "One." not in page
    assert 'max="2" value="0"' in page


def test_plain_submit_of_a_neutral_post_saves_it_and_opens_the_next(
    desk: Desk, add: Add, database: Database
) -> None:
    add("The bus is late.", "Market day.")
    path, page = desk.next()
    assert "4 words from batch pilot" in page.text

    answer = desk.post(f"{path}/label", **_fields(page.text))

    assert answer.headers["location"].startswith("/labelling/tasks/")
    after = desk.follow(answer)
    assert "Saved: not hate." in after.text
    assert "Market" in after.text
    with database.read() as session:
        row = session.scalars(select(LabelRow)).one()
        assert (row.hate, row.severity, row.speech_act, row.annotator) == (False, 0, "neutral", desk.actor)
        assert row.rationale == []


def _fields(page: str) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    form = page[page.index('<form id="label"') :]
    form = form[: form.index("</form>")]
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if attributes["type"] in ("radio", "checkbox") and not re.search(r"\schecked", tag):
            continue
        fields.setdefault(attributes["name"], []).append(attributes["value"])
    fields.pop("csrf_token")
    return fields


def test_text_of_the_page_is_the_words_with_their_place_and_never_html(desk: Desk, add: Add) -> None:
    add("<b>\U0001f40d bold</b>\r\n<script>alert(1)</script>")

    _, page = desk.next()

    assert "<script>alert" not in page.text
    assert '<span data-start="3" data-end="4">\U0001f40d</span>' in page.text
    assert '<span data-start="5" data-end="9">bold</span>' in page.text


def test_page_shows_nothing_of_the_machine(desk: Desk, add: Add) -> None:
    add("Neutral text.")

    _, page = desk.next()

    words = re.sub(r"<[^>]+>", " ", page.text).lower()
    assert not {"score", "probability", "bundle", "suggested", "route"} & set(re.findall(r"[a-z]+", words))


def test_answers_and_marks_are_saved(desk: Desk, add: Add, database: Database) -> None:
    add("\U0001f40d They are vermin.")
    path, page = desk.next()
    fields = _fields(page.text) | {
        "strands": ["antisemitic", "far_right"],
        "severity": "2",
        "speech_act": "endorses",
        "rationale": "11-17",
        "note": "IH2",
    }

    after = desk.follow(desk.post(f"{path}/label", **fields))

    assert "Saved: hate, antisemitic and far-right, S2." in after.text
    with database.read() as session:
        row = session.scalars(select(LabelRow)).one()
        assert (row.hate, row.strands, row.rationale, row.note) == (
            True,
            ["antisemitic", "far_right"],
            [[11, 17]],
            "IH2",
        )


def test_contradiction_is_shown_with_the_answers_as_they_were(
    desk: Desk, add: Add, database: Database
) -> None:
    add("They are vermin.")
    path, page = desk.next()
    fields = _fields(page.text) | {"severity": "2", "rationale": "0-4", "strands": ["antisemitic"]}

    answer = desk.post(f"{path}/label", **fields)

    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert '<a href="#speech_act">Neutral cannot go with severity 2</a>' in answer.text
    assert '<fieldset id="speech_act" tabindex="-1"' in answer.text
    assert "data-focus" in answer.text
    again = _fields(answer.text)
    assert (again["severity"], again["rationale"], again["strands"]) == (["2"], ["0-4"], ["antisemitic"])
    with database.read() as session:
        assert session.scalars(select(LabelRow)).all() == []


def test_answer_outside_the_codebook_is_a_clear_refusal(desk: Desk, add: Add) -> None:
    add("They are late.")
    path, page = desk.next()
    wrong = [
        {"severity": "9"},
        {"severity": "1e999"},
        {"strands": "sexist"},
        {"speech_act": "shouts"},
        {"rationale": "0-999"},
        {"rationale": "x"},
        {"note": "a\0b"},
        {"lease": "99999999999999999999"},
    ]

    for fields in wrong:
        answer = desk.post(f"{path}/label", **(_fields(page.text) | fields))
        assert 400 <= answer.status_code < 500, fields


def test_undo_opens_the_text_again_with_the_answers(desk: Desk, add: Add) -> None:
    add("They are vermin.", "Market day.")
    path, page = desk.next()
    fields = _fields(page.text) | {"severity": "3", "speech_act": "counters", "rationale": "9-15"}
    desk.post(f"{path}/label", **fields)

    back = desk.follow(desk.post("/undo"))

    assert "You undid this label." in back.text
    again = _fields(back.text)
    assert (again["severity"], again["speech_act"], again["rationale"]) == (["3"], ["counters"], ["9-15"])
    assert desk.next()[0] == path


def test_undo_with_nothing_to_undo_says_so(desk: Desk) -> None:
    answer = desk.post("/undo")

    assert answer.status_code == 409
    assert "There is nothing to undo" in answer.text


def test_skip_goes_on_and_says_why(desk: Desk, add: Add) -> None:
    add("Un texte.", "Market day.")
    path, page = desk.next()

    after = desk.follow(desk.post(f"{path}/skip", lease=_fields(page.text)["lease"], reason="not_english"))

    assert "Put aside: Not English." in after.text


def test_too_much_leaves_no_trace_of_the_person(desk: Desk, add: Add, database: Database) -> None:
    add("One.")
    path, page = desk.next()

    after = desk.follow(desk.post(f"{path}/skip", lease=_fields(page.text)["lease"], reason="too_much"))

    assert "Put aside without your name" in after.text
    with database.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.event.like("labelling:%"))).all()
        assert {event.actor for event in events} <= {"system:tests", "system:labelling"}
        assert [row.annotator for row in session.scalars(select(LabelRow))] == ["system:labelling"]
        assert {row.annotator for row in session.scalars(select(TaskSlot))} == {None}


def test_text_of_somebody_else_is_not_shown_nor_saved(desk: Desk, add: Add, database: Database) -> None:
    add("A text for bo alone.")
    with database.write() as session:
        task = tasks.claim(
            session,
            actor="officer:bo",
            now=utc_now(),
            lease_seconds=600,
        )
    assert task is not None

    page = desk.client.get(f"/labelling/tasks/{task.task_id}")
    posted = desk.post(f"/tasks/{task.task_id}/label", lease=task.lease_number)

    assert "not yours" in page.text
    assert "bo alone" not in page.text
    assert posted.status_code == 409
    with database.read() as session:
        assert session.scalars(select(LabelRow)).all() == []


def test_last_text_of_a_batch_leads_back_to_the_batches(desk: Desk, add: Add) -> None:
    add("One.", batch="pilot")
    add("Two.", batch="second")
    path, page = desk.next("pilot")

    answer = desk.post(f"{path}/label", **_fields(page.text))

    assert answer.headers["location"].startswith("/labelling?after=")
    assert "Saved: not hate." in desk.follow(answer).text


def test_heartbeat_renews_a_live_lease_and_refuses_a_dead_one(desk: Desk, add: Add) -> None:
    add("One.")
    path, page = desk.next()
    lease = _fields(page.text)["lease"][0]

    renewed = desk.post(f"{path}/heartbeat", lease=lease)
    dead = desk.post(f"{path}/heartbeat", lease=int(lease) + 1)

    assert renewed.status_code == 200
    assert 590 < renewed.json()["seconds_left"] <= 600
    assert dead.status_code == 409


def test_odd_address_is_refused_or_a_plain_page(desk: Desk) -> None:
    for path in ("/tasks/%00", "/tasks/x'--", "/tasks/none?after=%00", "?after=%F0%9F%90%8D"):
        assert desk.client.get(f"/labelling{path}").status_code in (200, 404, 422), path


@pytest.mark.parametrize(
    ("wrong", "target"),
    [
        ({"rationale": "0-999"}, "text"),
        ({"strands": "sexist"}, "strands"),
        ({"severity": "9"}, "severity"),
        ({"speech_act": "shouts"}, "speech_act"),
        ({"note": "a" * 1_001}, "note"),
    ],
)
def test_every_line_of_the_summary_leads_to_something_that_takes_the_focus(
    desk: Desk, add: Add, wrong: dict[str, str], target: str
) -> None:
    add("They are late.")
    path, page = desk.next()

    answer = desk.post(f"{path}/label", **(_fields(page.text) | wrong)).text

    assert f'<a href="#{target}">' in answer
    [tag] = re.findall(rf'<[^>]* id="{target}"[^>]*>', answer)
    assert 'tabindex="-1"' in tag or tag.startswith('<input type="text"')
    line = answer.split(f'<a href="#{target}">')[1].split("</a>")[0]
    assert line[0].isupper()
    assert ":" not in line


def test_note_of_a_lost_text_is_shown_for_copying(desk: Desk, add: Add, database: Database) -> None:
    add("They are late.")
    path, page = desk.next()

    answer = desk.post(f"{path}/label", **(_fields(page.text) | {"lease": "9", "note": "IH2 <b>see Q3</b>"}))

    assert answer.status_code == 409
    assert "IH2 &lt;b&gt;see Q3&lt;/b&gt;" in answer.text
    with database.read() as session:
        assert session.scalars(select(LabelRow)).all() == []


def test_desk_says_the_truth_about_what_is_kept_of_a_person(desk: Desk, add: Add) -> None:
    add("One.")
    path, page = desk.next()
    assert "Nothing is kept about who pressed this." in page.text
    desk.post(f"{path}/label", **_fields(page.text))

    back = desk.follow(desk.post("/undo"))

    assert "Nothing is kept about who pressed this." not in back.text
    assert "it can tell who pressed this" in back.text


def test_two_tabs_that_ask_at_once_get_the_same_text(
    desk: Desk, add: Add, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("One.", "Two.", "Three.")
    both_looked = threading.Barrier(2)
    look = tasks.held_by

    def look_and_wait(*arguments: Any, **more: Any) -> Any:
        found = look(*arguments, **more)
        with suppress(threading.BrokenBarrierError):
            both_looked.wait(timeout=1)  # only passed when two tabs look before either has claimed
        return found

    monkeypatch.setattr(tasks, "held_by", look_and_wait)
    addresses: list[str] = []
    tabs = [
        threading.Thread(target=lambda: addresses.append(desk.post("/next").headers["location"]))
        for _ in range(2)
    ]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    assert len(addresses) == 2
    assert len(set(addresses)) == 1
    with database.read() as session:
        assert len(session.scalars(select(TaskSlot).where(TaskSlot.state == "leased")).all()) == 1
