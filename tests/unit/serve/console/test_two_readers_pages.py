"""The whole way of a case with a plain browser: triage, two blind readers, a senior, and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.hub import Hub
from serve.people.officers import officer_actor
from serve.scoring.scorer import Scorer
from serve.storage.tables import (
    Appeal,
    Case,
    CaseStep,
    Decision,
    Draft,
    Judgement,
    Note,
    Officer,
    Post,
)

PAGE = {"accept": "text/html"}
FIRST_REASON = "The very own words of the first reader."


class Person:
    """A signed-in person with a browser of their own."""

    def __init__(self, caller: TestClient, csrf: str, row: Officer) -> None:
        self.caller, self.csrf, self.row = caller, csrf, row
        self.actor = officer_actor(row.officer_id)
        self.case_id, self.lease = "", "0"

    def get(self, path: str) -> Any:
        return self.caller.get(path, headers=PAGE)

    def post(self, path: str, **fields: Any) -> Any:
        data = {"csrf_token": self.csrf, "lease": self.lease, **fields}
        return self.caller.post(path, data=data, headers=PAGE)

    def take(self) -> str:
        """Takes the next case and gives its page's source."""
        location = self.post("/cases/next").headers["location"]
        page: str = self.get(location).text
        self.case_id = location.removeprefix("/cases/").split("?")[0]
        found = re.search(r'name="lease" value="(\d+)"', page)
        self.lease = found.group(1) if found else "0"
        return page

    def reveal(self, hub: Hub) -> None:
        for post_id in posts_of(hub):
            self.post(f"/cases/{self.case_id}/posts/{post_id}/reveal")

    def judge(self, hub: Hub, **fields: Any) -> Any:
        self.reveal(hub)
        whole = {"outcome": "platform_notice", "detail-platform_notice": "illegal_content", "severity": "3",
                 "strands": ["antisemitic"], "reason": "Because."}  # fmt: skip
        return self.post(f"/cases/{self.case_id}/decide", **{**whole, **fields})

    def do(self, action: str, **fields: Any) -> Any:
        return self.post(f"/cases/{self.case_id}/do/{action}", **fields)


@pytest.fixture
def people(
    hub_app: Any, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> Callable[..., Person]:
    def make(role: str = "officer", name: str | None = None) -> Person:
        caller = TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False)
        row = officer(role, name=name)
        return Person(caller, sign_in(caller, row), row)

    return make


@pytest.fixture
def hub(hub_app: Any) -> Hub:
    found: Hub = hub_app.state.hub
    return found


def posts_of(hub: Hub) -> list[str]:
    with hub.database.read() as session:
        return list(session.scalars(select(Post.post_id)))


def one(hub: Hub, table: Any) -> Any:
    with hub.database.read() as session:
        return session.scalars(select(table)).one()


def rows(hub: Hub, table: Any) -> list[Any]:
    with hub.database.read() as session:
        return list(session.scalars(select(table)))


def send(hub: Hub, client: TestClient, key: dict[str, str], **post: Any) -> None:
    answer = client.post("/v1/posts", json={"posts": [{"text": "They say antiword.", **post}]}, headers=key)
    assert answer.status_code == 202, answer.text
    Scorer(hub).score_batch()


def test_case_goes_from_a_report_to_an_appeal_read_by_somebody_else(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    report = {"why": "It <b>frightens</b> us.", "consents": ["police", "platform"], "immediate_danger": True}
    send(hub, client, api_key("posts"), report=report)
    triager, first, second = people(), people(name="First Reader"), people()
    senior, other = people("supervisor"), people()

    page = triager.take()
    assert "It &lt;b&gt;frightens&lt;/b&gt; us." in page
    assert "Ring 999 first" in page
    answer = triager.do("seal_evidence")
    assert "is sealed and waits for review" in triager.get(answer.headers["location"]).text
    triager.take()  # it is theirs to review, too; they leave it to others
    triager.post(f"/cases/{triager.case_id}/release")
    assert one(hub, Case).state == "captured"

    page = first.take()
    assert "stay hidden until you have said what you think" in page
    assert first.judge(hub, reason=FIRST_REASON).status_code == 303
    assert one(hub, Case).state == "second_review"
    assert rows(hub, Decision) == []

    page = second.take()
    assert second.case_id == first.case_id
    for leak in (FIRST_REASON, "First Reader", first.actor, "expected severity"):
        assert leak not in page, leak
    assert (
        re.search(r'name="(outcome|severity|strands|codes|law-[^"]+)"[^>]*value="[^"]+"[^>]* checked', page)
        is None
    )
    answer = second.judge(hub, outcome="no_action", **{"detail-no_action": "satire", "severity": "1"})
    assert answer.headers["location"] == f"/cases/{first.case_id}/judged"
    page = second.get(answer.headers["location"]).text
    assert "The two of you differ" in page
    assert "First Reader" not in page
    assert one(hub, Case).state == "adjudication"

    page = senior.take()
    assert FIRST_REASON in page
    assert "They differ" in page
    assert "First Reader" not in page
    assert senior.judge(hub, reason="Between the two.").status_code == 303
    decision = one(hub, Decision)
    assert len(decision.judgement_ids) == 3
    assert [each["outcome"] for each in decision.dissent] == ["no_action"]

    page = first.get(f"/cases/{first.case_id}").text
    assert "3 readers" in page
    assert "A reader said: No action, S1" in page
    assert "Record a notice to the platform" in page
    assert first.do("notify_platform", reason="Sent by post.").status_code == 303
    assert first.do("record_removal").status_code == 303
    case = one(hub, Case)
    assert (case.platform, case.state) == ("removed", "decided")

    assert first.do("appeal", made_by="author", grounds="It was a joke.").status_code == 409
    assert senior.do("appeal", made_by="author", grounds="It was a <i>joke</i>.").status_code == 303
    assert one(hub, Appeal).grounds == "It was a <i>joke</i>."
    assert senior.do("appeal", made_by="author", grounds="Again.").status_code == 409
    for reader in (first, second, senior):
        assert reader.post("/cases/next").headers["location"] == "/cases/none"
    page = other.take()
    assert other.case_id == first.case_id
    assert "It was a &lt;i&gt;joke&lt;/i&gt;." in page
    assert "Between the two." in page  # what was decided before, to judge afresh
    assert [entry.cycle for entry in rows(hub, Judgement)] == [0, 0, 0]


def test_agreeing_second_reader_decides_and_hears_it(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    first, second = people(), people()
    first.take()
    first.judge(hub)
    second.take()
    answer = second.judge(hub)
    assert "The two of you agree" in second.get(answer.headers["location"]).text
    assert first.get(f"/cases/{first.case_id}/judged").status_code == 200
    assert people().get(f"/cases/{first.case_id}/judged").status_code == 303


def test_judgement_that_comes_too_late_is_kept_offered_and_used(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    ann, ben = people(name="Ann"), people(name="Ben")
    ann.take()
    ann.reveal(hub)
    ann.post(f"/cases/{ann.case_id}/release")
    ben.take()

    answer = ann.judge(hub, reason="Half an hour of work.", codes=["IH2"])

    assert answer.status_code == 409
    assert "somebody else holds it now" in answer.text
    assert "kept as a draft" in answer.text
    assert "Ben" not in answer.text
    assert "Half an hour of work." in answer.text
    assert one(hub, Draft).why == "lease_lost"
    assert "Your draft on case" in ann.get("/").text
    assert "Half an hour of work." in ann.get(f"/cases/{ann.case_id}/draft").text
    assert ben.get(f"/cases/{ann.case_id}/draft").status_code == 303

    ben.post(f"/cases/{ben.case_id}/release")
    page = ann.take()
    assert "You had written something about this case" in page
    page = ann.get(f"/cases/{ann.case_id}?draft=yes").text
    assert "Half an hour of work." in page
    assert re.search(r'name="codes" value="IH2"[^>]* checked', page)
    ann.judge(hub)
    assert rows(hub, Draft) == []


def test_what_is_typed_survives_a_note_and_a_parking(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    ann = people()
    ann.take()
    typed = {"reason": "Half a reason", "severity": "2", "law-POA29B-threatening": "met"}
    answer = ann.post(f"/cases/{ann.case_id}/notes", note="Seen on another site too.", **typed)
    page = ann.get(answer.headers["location"].split("#")[0]).text
    assert "Half a reason" in page
    assert re.search(r'name="law-POA29B-threatening" value="met" checked', page)
    assert "Seen on another site too." in page
    assert one(hub, Note).text == "Seen on another site too."

    answer = ann.post(f"/cases/{ann.case_id}/put-by/park", **typed)
    assert answer.headers["location"] == f"/cases/{ann.case_id}/park"
    page = ann.get(answer.headers["location"]).text
    day = re.search(r'type="date"[^>]*max="([^"]+)"', page).group(1)
    for wrong in ({"reason": "boredom", "until": day}, {"reason": "waits_for_reply", "until": "yesterday"}):
        assert ann.post(f"/cases/{ann.case_id}/park", **wrong).status_code == 422
    answer = ann.post(f"/cases/{ann.case_id}/park", reason="waits_for_reply", until=day)
    assert answer.headers["location"] == "/?parked=yes"
    assert "Waits for a reply" in ann.get("/?parked=yes").text
    assert ann.post("/cases/next").headers["location"] == "/cases/none"


def test_handing_over_names_only_those_who_can_take_it_and_skipping_is_remembered(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    ann, ben = people(name="Ann"), people(name="Ben")
    people("annotator", name="Cy")
    ann.take()
    page = ann.get(f"/cases/{ann.case_id}/hand-over").text
    assert "Ben, officer" in page
    assert "Cy" not in page
    assert ">Ann, officer" not in page
    for wrong in ("", ann.row.officer_id, "nobody"):
        assert ann.post(f"/cases/{ann.case_id}/hand-over", to=wrong, reason="r").status_code == 422
    answer = ann.post(
        f"/cases/{ann.case_id}/hand-over", to=ben.row.officer_id, reason="You know the language."
    )
    assert answer.headers["location"] == "/?handed_over=yes"
    assert one(hub, Case).reserved_for == ben.actor
    assert "waits for you" in ben.get("/").text
    page = ben.take()
    assert "You know the language." in page
    answer = ben.post(f"/cases/{ben.case_id}/skip", reason="language")
    assert answer.headers["location"] == "/cases/none"
    assert one(hub, Case).state == "captured"


def test_case_of_another_shows_no_post_and_no_name(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"), report={"why": "Private words."})
    ann, ben = people(name="Ann"), people("supervisor")
    ann.take()
    page = ben.get(f"/cases/{ann.case_id}").text
    assert "Somebody else holds it now" in page
    assert "Private words." not in page
    assert "Show the post" not in page
    assert "Ann" not in page
    ben.case_id = ann.case_id
    [post_id] = posts_of(hub)
    refused = ben.post(f"/cases/{ann.case_id}/posts/{post_id}/reveal")
    assert refused.status_code == 409
    assert "antiword" not in refused.text
    assert ben.do("escalate", reason="A place is named.").status_code == 303
    page = ben.get(f"/cases/{ann.case_id}").text
    assert "Show the post" in page  # whoever passes an emergency on needs its text
    assert "1 emergency not passed on yet" in ben.get("/").text


def test_notes_of_a_reader_are_kept_from_the_next_one(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    first, second, third = people(), people(), people()
    first.take()
    first.post(f"/cases/{first.case_id}/notes", note="Clearly a joke to me.")
    first.judge(hub)
    page = second.take()
    assert "Clearly a joke to me." not in page
    assert "1 note by people who have judged the case" in page
    page = third.get(f"/cases/{first.case_id}").text
    assert "Clearly a joke to me." not in page
    assert "Because." not in page
    second.judge(hub)
    assert "Clearly a joke to me." in third.get(f"/cases/{first.case_id}").text


def test_step_forms_ask_what_their_guards_ask_and_say_what_is_missing(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"), report={"consents": []})
    ann, ben, senior = people(), people(), people("supervisor")
    ann.take()
    page = ann.get(f"/cases/{ann.case_id}/do/mark_out_of_scope").text
    for name in ("reason", "keeps_subject_identity", "additional_threshold_met"):
        assert f'name="{name}"' in page
    answer = ann.do("mark_out_of_scope", keeps_subject_identity="yes", reason="")
    assert answer.status_code == 422
    assert "Write why" in answer.text
    assert "Without the additional threshold" in answer.text
    assert re.search(r'name="keeps_subject_identity"[^>]* checked', answer.text)
    assert ann.do("link_duplicate", linked_to="AAAA BBBB", reason="The same.").status_code == 422
    assert ann.do("decide").status_code == 409
    assert ann.do("claim").status_code == 409
    assert ann.do("nonsense").status_code == 404
    ann.do("seal_evidence")  # the next case is the same one, in review
    ann.take()
    ann.judge(hub, outcome="crime_record_requested", severity="3", **{"law-OSA181-threat": "met"})
    ben.take()
    ben.judge(hub, outcome="crime_record_requested", severity="3", **{"law-OSA181-threat": "met"})
    assert one(hub, Case).state == "crime_candidate"
    page = ann.get(f"/cases/{ann.case_id}/do/allocate_force").text
    for name in ("rationale", "owner", "law_elements"):
        assert f'name="{name}"' in page
    assert re.search(r'value="OSA181.threat" checked', page)
    page = ann.get(f"/cases/{ann.case_id}").text
    assert "Allocate a force" in page
    assert "Not now: Consent: the reporter has not agreed to share this with: platform." in page
    answer = ann.do(
        "allocate_force", rationale="Victim's home.", owner="Essex, DC Brown", law_elements="OSA181.threat"
    )
    assert answer.status_code == 303
    assert one(hub, Case).state == "force_allocated"
    refused = ann.do("hand_over")
    assert refused.status_code == 422
    assert "has not agreed to share this with: police" in refused.text
    senior.case_id = ann.case_id
    assert senior.do("reopen", reason="Wrong person.").status_code == 303
    steps = [step.action for step in rows(hub, CaseStep)]
    assert steps[-2:] == ["allocate_force", "reopen"]


def test_report_taken_down_by_an_officer_goes_to_triage(hub: Hub, people: Callable[..., Person]) -> None:
    ann = people()
    empty = ann.post("/reports/new")
    assert empty.status_code == 422
    for words in ("Write what the post says", "Choose how it reached us", "Choose who told us"):
        assert words in empty.text
    answer = ann.post(
        "/reports/new",
        text="They say antiword.",
        channel="phone_101",
        reporter_role="victim",
        consents=["police"],
        immediate_danger="yes",
        why="They know where I live.",
    )
    assert answer.status_code == 303
    assert "is stored" in ann.get(answer.headers["location"]).text
    assert "is stored" not in people().get(answer.headers["location"]).text
    Scorer(hub).score_batch()
    case = one(hub, Case)
    assert (case.state, case.report_count, case.severity_expected) == ("triage", 1, 4)


def test_board_counts_and_names_nobody(
    hub: Hub, client: TestClient, api_key: Callable[..., dict[str, str]], people: Callable[..., Person]
) -> None:
    send(hub, client, api_key("posts"))
    ann, ben, senior = people(name="Ann Other"), people(name="Ben Other"), people("supervisor")
    ann.take()
    ann.judge(hub)
    ben.take()
    ben.judge(hub)
    page = senior.get("/board").text
    assert "1 decision since midnight" in page
    assert "100% (1 of 1)" in page
    assert "Other" not in page
    assert ann.get("/board").status_code == 403
