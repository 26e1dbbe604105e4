"""The pages about label quality as a browser without scripts sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import labels, tasks
from labelling.adjudicating import adjudicate, make_gold
from labelling.codebook import Codebook
from labelling.labels import Answers
from labelling.pages import register
from model.configuration import sha256_of
from model.suspects import Suspect, SuspectReason
from serve.app import create_app
from serve.people.roles import Role
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Adjudication, LabelSuspect, Officer, TaskSlot

SignIn = Callable[[TestClient, Officer], str]
TEXT = "Somebody <b>quotes</b> a slur."
HATE = Answers(["antisemitic"], 2, "endorses", codes=["IH2"], rationale=[(0, 8)], note="<i>as I read it</i>")
QUOTE = Answers(["antisemitic"], 2, "reports_or_quotes", codes=["IH2"], rationale=[(0, 8), (9, 22)])
QUALITY = ("/labelling/agreement", "/labelling/adjudication", "/labelling/suspects")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, rooms=[register], run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=True) as caller:
        yield caller


class Desk:
    """People who label through the functions, and one who looks at pages."""

    def __init__(
        self,
        database: Database,
        codebook: Codebook,
        client: TestClient,
        officer: Any,
        sign_in: SignIn,
        add: Any,
    ) -> None:
        self.database, self.codebook, self.client, self.add = database, codebook, client, add
        self.officer, self.sign_in = officer, sign_in
        self.csrf = ""

    def enter(self, role: str = "supervisor") -> Officer:
        person: Officer = self.officer(role)
        self.csrf = self.sign_in(self.client, person)
        return person

    def label(self, actor: str, answers: Answers, cohort: str | None = None) -> str:
        with self.database.write() as session:
            now = utc_now()
            task = tasks.claim(session, actor=actor, now=now, lease_seconds=600)
            assert task is not None
            labels.save(
                session, self.codebook, task_id=task.task_id, lease_number=task.lease_number, actor=actor,
                now=now, answers=answers, cohort=cohort,
            )  # fmt: skip
            return task.task_id

    def dispute(self, text: str = TEXT, batch: str = "pilot") -> str:
        self.add(text, batch=batch, redundancy=2)
        task_id = self.label("officer:ada", HATE, "one")
        assert self.label("officer:ben", QUOTE, "another") == task_id
        return task_id

    def get(self, address: str) -> Any:
        return self.client.get(address)

    def post(self, address: str, **fields: Any) -> Any:
        return self.client.post(address, data={"csrf_token": self.csrf, **fields})

    def suspect(self, text: str = TEXT, **changes: Any) -> bytes:
        row = Suspect(
            rank=1, post_id="p1", text_sha256=sha256_of(text.encode()), head="hate", given=1, suggested=0,
            suspicion=0.9, model_score=0.1, out_of_fold=True, adjudicated=False, votes={"annotator-1": 1},
            reasons=(SuspectReason(reason="model_disagrees", words="<u>The model</u> says 0.10."),),
        )  # fmt: skip
        return (row.model_copy(update=changes).model_dump_json() + "\n").encode()

    def upload(self, data: bytes) -> Any:
        files = {"suspects_file": ("suspects.jsonl", data, "application/x-ndjson")}
        return self.client.post("/labelling/suspects", data={"csrf_token": self.csrf}, files=files)


@pytest.fixture
def desk(
    database: Database, codebook: Codebook, client: TestClient, officer: Any, sign_in: SignIn, add: Any
) -> Desk:
    return Desk(database, codebook, client, officer, sign_in, add)


@pytest.mark.parametrize("role", Role)
def test_pages_open_for_the_roles_that_the_table_names(desk: Desk, role: Role) -> None:
    desk.enter(role.value)
    seniors = role in (Role.SUPERVISOR, Role.HUB_LEAD)
    wanted = [seniors or role is Role.RESEARCHER, seniors, seniors]

    assert [desk.get(page).status_code == 200 for page in QUALITY] == wanted
    own = desk.get("/labelling/agreement/mine").status_code == 200
    assert own is (role in (Role.OFFICER, Role.SUPERVISOR, Role.ANNOTATOR))


def test_pages_of_an_empty_hub_say_that_there_is_nothing(desk: Desk) -> None:
    desk.enter()

    assert "no labels of this choice" in desk.get(QUALITY[0]).text
    assert "No text waits" in desk.get(QUALITY[1]).text
    assert "nothing was judged" in desk.get(QUALITY[2]).text
    assert "have not labelled anything" in desk.get("/labelling/agreement/mine").text


def test_agreement_page_has_figures_by_question_strand_code_cohort_and_pair(desk: Desk) -> None:
    for number in range(3):
        desk.dispute(f"Text {number}, in which somebody quotes.", batch=f"batch {number}")
    desk.add("Both call it nothing.", batch="plain", redundancy=2)
    for actor, cohort in (("officer:ada", "one"), ("officer:ben", "another")):
        desk.label(actor, Answers(), cohort)
    desk.enter("researcher")

    page = desk.get(QUALITY[0]).text

    for words in ("Hate or not", "Severity", "Antisemitic", "IH2", "Cohorts", "another and one", "Cohen’s"):
        assert words in page, words
    assert "8 labels of 4 texts by 2 annotators" in page
    assert "undefined (only one value used)" in page  # islamophobic: nobody said it
    assert page.count('<svg class="interval"') >= 4
    assert "officer:" not in page
    assert "annotator-" in page
    assert "not to be used for pay" in page
    one = desk.get(f"{QUALITY[0]}?batch=plain&question=severity").text
    assert "2 labels of 1 text" in one
    assert desk.get(f"{QUALITY[0]}?batch=none").status_code == 422


def test_figures_change_as_soon_as_a_label_is_saved(desk: Desk) -> None:
    desk.dispute()
    desk.enter()
    assert "2 labels of 1 text" in desk.get(QUALITY[0]).text

    desk.dispute("Another text, which quotes too.", batch="second")

    assert "4 labels of 2 texts" in desk.get(QUALITY[0]).text


def test_annotator_sees_their_own_gold_results_and_nobody_elses(desk: Desk) -> None:
    task_id = desk.dispute()
    with desk.database.write() as session:
        answers = Answers(["antisemitic"], 2, "reports_or_quotes")
        made = adjudicate(
            session, desk.codebook, task_id=task_id, actor="officer:senior", now=utc_now(), kind="error",
            answers=answers, explanation="A quotation.", suggested_kind=None,
        )  # fmt: skip
        make_gold(
            session, adjudication=made, use="seed", course="general", actor="officer:senior", now=utc_now()
        )
    person = desk.enter("annotator")
    actor = f"officer:{person.officer_id}"
    desk.add(TEXT, batch="with gold", redundancy=2)
    desk.label(actor, HATE)
    desk.label("officer:cleo", QUOTE)

    own = desk.get("/labelling/agreement/mine").text

    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>.*?data-head="Right on gold">(.*?)</td>', own, re.S))
    assert "0 of 1" in rows["Hate or not"]
    assert "1 of 1" in rows["Antisemitic"]
    assert len(re.findall(r"annotator-[0-9a-f]{12}", own)) == 1
    desk.enter()
    page = desk.get(QUALITY[0]).text
    assert "2 labels of 1 text by 2 annotators" in page  # gold answers are no agreement
    assert "1 gold text" in page


def test_disagreement_shows_both_labels_without_names_and_every_word_as_text(desk: Desk) -> None:
    task_id = desk.dispute()
    desk.enter()

    page = desk.get(f"/labelling/adjudication/{task_id}").text

    assert "officer:ada" not in page
    assert "&lt;b&gt;quotes&lt;/b&gt;" in page or "&lt;b" in page
    assert "<b>quotes" not in page
    assert "&lt;i&gt;as I read it&lt;/i&gt;" in page
    assert "Reader X" in page
    assert "Reader Y" in page
    assert "They differ" in page
    assert page.count('class="marked-by-all"') >= 1
    assert page.count('class="marked-by-some"') >= 1
    assert "IH2" in page
    assert "What the signs suggest" in page


def test_taking_a_readers_answers_fills_the_form_in(desk: Desk) -> None:
    task_id = desk.dispute()
    desk.enter()
    page = desk.get(f"/labelling/adjudication/{task_id}").text
    taken = [desk.get(link).text for link in re.findall(r'href="([^"]+\?take=[^"]+)"', page)]

    acts = {re.findall(r'name="speech_act" value="(\w+)"[^>]* checked', text)[0] for text in taken}
    assert acts == {"endorses", "reports_or_quotes"}
    assert all('name="codes" value="IH2" checked' in text for text in taken)
    assert all(not re.search(r'name="kind"[^>]* checked', text) for text in taken)


def test_judging_goes_on_to_the_next_text_and_says_what_was_recorded(desk: Desk) -> None:
    first, second = desk.dispute(), desk.dispute("Another text, which quotes too.", batch="second")
    desk.enter()
    opened = desk.get("/labelling/adjudication/next")
    assert str(opened.url).endswith(first)

    after = desk.post(
        f"/labelling/adjudication/{first}", kind="error", strands="antisemitic", severity="2",
        speech_act="reports_or_quotes", codes="IH2", explanation="It quotes.", gold="practice",
        course="antisemitic",
    )  # fmt: skip

    assert f"/{second}?done=" in str(after.url)
    assert "Recorded: not hate, S2." in after.text
    done = desk.post(f"/labelling/adjudication/{second}", kind="ambiguity", explanation="Two readings.")
    assert "Recorded: the votes stay as they are." in done.text
    assert "No text waits" in done.text
    assert "votes stay" in done.text
    with desk.database.read() as session:
        rows = session.scalars(select(Adjudication).order_by(Adjudication.adjudicated_at)).all()
    assert [(row.kind, row.hate) for row in rows] == [("error", False), ("ambiguity", None)]
    assert rows[0].suggested_kind is not None
    correcting = desk.get(f"/labelling/adjudication/{first}").text
    assert "Correct what was judged" in correcting
    assert f'name="supersedes" value="{rows[0].adjudication_id}"' in correcting


def test_refused_form_keeps_what_was_typed_and_leads_to_the_field(desk: Desk) -> None:
    task_id = desk.dispute()
    desk.enter()

    answer = desk.post(
        f"/labelling/adjudication/{task_id}", kind="error", severity="", speech_act="counters",
        explanation="It <em>quotes</em>.",
    )  # fmt: skip

    assert answer.status_code == 422
    assert '<a href="#severity">Say how severe it is</a>' in answer.text
    assert "It &lt;em&gt;quotes&lt;/em&gt;." in answer.text
    assert re.search(r'value="counters"[^>]* checked', answer.text)
    assert desk.post(f"/labelling/adjudication/{task_id}", kind="error", severity="x").status_code == 422


def test_text_that_one_labelled_looks_as_if_it_were_not_there(desk: Desk) -> None:
    desk.dispute("A text that is elsewhere.", batch="first")
    person = desk.enter()
    desk.add(TEXT, batch="own", redundancy=2)
    task_id = desk.label(f"officer:{person.officer_id}", HATE)
    assert desk.label("officer:ben", QUOTE) == task_id
    with desk.database.read() as session:
        assert session.scalars(select(TaskSlot).where(TaskSlot.task_id == task_id)).all()

    for method in ("GET", "POST"):
        own, missing = (
            desk.client.request(method, f"/labelling/adjudication/{one}", headers={"x-csrf-token": desk.csrf})
            for one in (task_id, new_id())
        )
        assert (own.status_code, own.content) == (404, missing.content)
    listed = desk.get(QUALITY[1]).text
    assert "you labelled it" in listed
    assert task_id not in listed


def test_inbox_reads_a_file_and_a_verdict_queues_the_text_anew(desk: Desk) -> None:
    task_id = desk.dispute()
    desk.enter("hub_lead")

    page = desk.upload(desk.suspect() + desk.suspect("Not here."))

    assert "1 label came into the inbox; 0 were known, and 1 are about texts without a label" in page.text
    one = desk.get("/labelling/suspects/next")
    assert "Is this label wrong?" in one.text
    assert "&lt;u&gt;The model&lt;/u&gt; says 0.10." in one.text
    assert "officer:ada" not in one.text
    with desk.database.read() as session:
        suspect_id = session.scalars(select(LabelSuspect.suspect_id)).one()
    done = desk.post(f"/labelling/suspects/{suspect_id}", verdict="error")
    assert "Confirmed: two people will label the text anew." in done.text
    assert "1 of 1" in done.text
    again = desk.post(f"/labelling/suspects/{suspect_id}", verdict="right")
    assert again.status_code == 409
    assert "in the meantime" in again.text
    with desk.database.read() as session:
        assert session.scalars(select(LabelSuspect.task_id)).one() == task_id


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "choose a file"),
        (b"\xff\xfe", "Not UTF-8"),
        (b"{}\n", "Line 1"),
        (b"[" * 200_000, "Line 1"),
        (b"x" * (3 * 1024 * 1024 + 1), "At most 3 MiB"),
    ],
)
def test_file_that_cannot_be_read_says_where_and_stores_nothing(desk: Desk, data: bytes, words: str) -> None:
    desk.dispute()
    desk.enter()

    answer = desk.upload(data)

    assert answer.status_code in (400, 422)
    assert "There is a problem" in answer.text
    assert words.lower() in answer.text.lower()
    with desk.database.read() as session:
        assert session.scalars(select(LabelSuspect)).all() == []
