"""The next case, and what stands before it: a stop, a break, a wish; and the emergency that may be chosen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.testclient import TestClient

from model.configuration import sha256_of
from serve.audit.events import Event
from serve.hub import Hub
from serve.people.exposure.breaks import begin_break
from serve.people.exposure.preferences import set_preferences
from serve.people.exposure.readings import Subject, record_reading
from serve.people.exposure.shift import Preferences, Standing
from serve.people.exposure.standings import standing
from serve.people.officers import officer_actor
from serve.scoring.scorer import Scorer
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, Case, Officer, Post

PAGE = {"accept": "text/html"}
STOP, NOTHING_FITS = "/exposure/pause?back=%2F", "/exposure/pause?back=%2F&because=nothing_fits"
TEXT = "They say antiword."


class Desk:
    """A signed-in person at the queue."""

    def __init__(self, hub: Hub, client: TestClient, csrf: str, actor: str, key: dict[str, str]) -> None:
        self.hub, self.client, self.csrf, self.actor, self.key = hub, client, csrf, actor, key
        self.case_id, self.lease = "", "0"

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.csrf, **fields}, headers=PAGE)

    def page(self, path: str) -> str:
        answer = self.client.get(path, headers=PAGE)
        assert answer.status_code == 200
        return answer.text

    def sends(self, **columns: Any) -> str:
        """A post comes in and waits as a case, some of its columns changed; gives the case."""
        self.client.post("/v1/posts", json={"posts": [{"text": TEXT}]}, headers=self.key)
        Scorer(self.hub).score_batch()
        with self.hub.database.write() as session:
            case_id = session.scalars(select(Case.case_id).order_by(Case.case_id.desc())).first()
            # Never drawn for a second reading: that is left to chance elsewhere.
            values = {"sampled": False, **columns}
            session.execute(update(Case).where(Case.case_id == case_id).values(**values))
        assert case_id is not None
        return case_id

    def next(self, **fields: str) -> str:
        location: str = self.post("/cases/next", **fields).headers["location"]
        if location.startswith("/cases/"):
            self.case_id = location.removeprefix("/cases/").split("?")[0]
        return location

    def reads(self, *severities: int) -> None:
        with self.hub.database.write() as session:
            for severity in severities:
                post_id = new_id()
                record_reading(
                    session, self.hub.exposure, actor=self.actor, at=utc_now(),
                    subject=Subject("post", post_id), text_sha256=sha256_of(post_id.encode()),
                    severity_expected=severity,
                )  # fmt: skip

    def wishes(self, **chosen: Any) -> None:
        with self.hub.database.write() as session:
            set_preferences(session, actor=self.actor, now=utc_now(), chosen=Preferences(**chosen))

    def stands(self) -> Standing:
        with self.hub.database.read() as session:
            return standing(session, self.hub.exposure, self.actor, utc_now())

    def reveals(self) -> None:
        with self.hub.database.read() as session:
            post_ids = session.scalars(select(Post.post_id)).all()
        for post_id in post_ids:
            self.post(f"/cases/{self.case_id}/posts/{post_id}/reveal")

    def decides(self, **fields: str) -> str:
        self.reveals()
        found = re.search(r'name="lease" value="(\d+)"', self.page(f"/cases/{self.case_id}"))
        assert found is not None
        sent = {"outcome": "victim_support", "severity": "0", "reason": "A fair.", **fields}
        answer = self.post(f"/cases/{self.case_id}/decide", lease=found.group(1), **sent)
        location: str = answer.headers["location"]
        return location

    def audit(self, event: Event) -> int:
        with self.hub.database.read() as session:
            return len(session.scalars(select(AuditEvent).where(AuditEvent.event == event)).all())


@pytest.fixture
def enter(
    hub_app: FastAPI,
    client: TestClient,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
    api_key: Callable[..., dict[str, str]],
) -> Callable[[str], Desk]:
    def as_role(role: str) -> Desk:
        person = officer(role)
        csrf = sign_in(client, person)
        return Desk(hub_app.state.hub, client, csrf, officer_actor(person.officer_id), api_key("posts"))

    return as_role


@pytest.fixture
def desk(enter: Callable[[str], Desk]) -> Desk:
    return enter("officer")


def test_stop_stands_before_the_next_case_until_the_person_goes_on(desk: Desk) -> None:
    case_id = desk.sends()
    desk.reads(*[3] * 25)
    assert desk.next() == STOP
    assert "You have read enough for now" in desk.page(STOP)

    desk.post("/exposure/go-on", reason="feel_fine", back="/")
    assert desk.next() == f"/cases/{case_id}"


def test_break_stands_before_the_next_case_and_its_end_opens_the_way(desk: Desk) -> None:
    case_id = desk.sends()
    with desk.hub.database.write() as session:
        begin_break(session, desk.hub.exposure, actor=desk.actor, now=utc_now())
    assert desk.next() == STOP

    desk.post("/exposure/breaks/end")
    assert desk.next() == f"/cases/{case_id}"


def test_case_in_hand_can_be_finished_past_any_stop_and_the_stop_comes_after_it(desk: Desk) -> None:
    case_id = desk.sends()
    assert desk.next() == f"/cases/{case_id}"
    desk.reads(*[3] * 38)
    assert desk.next() == f"/cases/{case_id}", "back to what is held"

    after = desk.decides()
    assert after == f"{STOP}&done={case_id}"
    page = desk.page(after)
    assert "Now take a break of 30 minutes" in page
    assert "Decision recorded for case" in page


def test_text_counts_when_it_is_shown_and_not_when_it_is_claimed(desk: Desk) -> None:
    desk.sends(severity_expected=2)
    desk.next()
    assert desk.stands().texts == 0
    desk.reveals()
    assert desk.stands().texts_by_severity == (0, 0, 1, 0, 0)
    desk.decides()
    assert desk.stands().texts_by_severity == (1, 0, 0, 0, 0)


def test_no_text_like_the_worst_comes_right_after_one(desk: Desk) -> None:
    desk.reads(4)
    desk.sends(severity_expected=4)
    assert desk.next() == NOTHING_FITS
    assert "Nothing lighter is waiting" in desk.page(NOTHING_FITS)
    mild = desk.sends(severity_expected=2)
    assert desk.next() == f"/cases/{mild}"


def test_case_whose_text_somebody_has_just_read_in_triage_is_reviewed_by_them(desk: Desk) -> None:
    case_id = desk.sends(severity_expected=4, state="triage")
    desk.next()
    desk.reveals()
    assert desk.stands().texts_by_severity == (0, 0, 0, 0, 1)
    [lease] = re.findall(r'name="lease" value="(\d+)"', desk.page(f"/cases/{case_id}"))[:1]
    sealed = desk.post(f"/cases/{case_id}/do/seal_evidence", lease=lease)
    assert sealed.headers["location"] == f"/cases/{case_id}?done={case_id}"
    assert "You have read it." in desk.page(f"/cases/{case_id}")


def test_two_of_the_worst_in_a_row_come_to_whoever_has_said_so(desk: Desk) -> None:
    desk.wishes(two_worst_in_a_row=True)
    desk.reads(4)
    grave = desk.sends(severity_expected=4)
    assert desk.next() == f"/cases/{grave}"


def test_strand_that_somebody_declined_goes_to_others(desk: Desk, enter: Callable[[str], Desk]) -> None:
    desk.wishes(strands_excluded=("antisemitic",))
    case_id = desk.sends()
    with desk.hub.database.read() as session:
        assert session.get_one(Case, case_id).strands == ["antisemitic"]
    assert desk.next() == NOTHING_FITS
    assert "Nothing is waiting that you want to read" in desk.page(NOTHING_FITS)

    other = enter("officer")
    assert other.next() == f"/cases/{case_id}"


def test_empty_queue_is_called_empty_whatever_somebody_declined(desk: Desk) -> None:
    desk.wishes(strands_excluded=("antisemitic",))
    assert desk.next() == "/cases/none"


@pytest.mark.parametrize("stop", ["soft", "forced", "after the worst", "declined"])
def test_emergency_may_be_chosen_past_every_stop(desk: Desk, stop: str) -> None:
    if stop == "declined":
        desk.wishes(strands_excluded=("antisemitic",))
    else:
        desk.reads(*{"soft": [3] * 25, "forced": [3] * 38, "after the worst": [4]}[stop])
    desk.sends(severity_expected=4)
    where = desk.next()
    assert where.startswith("/exposure/pause")
    assert "An emergency is waiting" not in desk.page(where)
    assert desk.next(emergency="yes") == "/?no_emergency=yes"
    assert "No emergency waits for you any more" in desk.page("/?no_emergency=yes")

    emergency = desk.sends(severity_expected=4, emergency="emergency_escalated", rank=-1e12)
    page = desk.page(where)
    assert "An emergency is waiting" in page
    assert "Take the emergency" in page
    assert "Take the emergency" in desk.page("/")
    assert desk.next() == where, "it is chosen, and never handed out past a stop"
    assert desk.next(emergency="yes") == f"/cases/{emergency}"
    assert "Take the emergency" not in desk.page("/"), "it is in hand"


def test_emergency_counts_like_any_other_text(desk: Desk) -> None:
    desk.sends(severity_expected=4, emergency="emergency_escalated")
    desk.next(emergency="yes")
    desk.reveals()
    assert desk.stands().dose_units == 8


def test_emergency_is_offered_to_nobody_who_takes_no_cases(desk: Desk, enter: Callable[[str], Desk]) -> None:
    desk.sends(emergency="emergency_escalated")
    annotator = enter("annotator")
    annotator.reads(*[3] * 25)
    assert "Take the emergency" not in annotator.page(STOP)
    assert annotator.post("/cases/next", emergency="yes").status_code == 403


def test_posts_are_covered_unless_the_person_wants_no_covers(desk: Desk) -> None:
    desk.sends(severity_expected=2)
    desk.next()
    assert TEXT not in desk.page(f"/cases/{desk.case_id}")
    assert (desk.audit(Event.POST_REVEALED), desk.stands().texts) == (0, 0)

    desk.wishes(covers=False)
    assert TEXT in desk.page(f"/cases/{desk.case_id}")
    assert (desk.audit(Event.POST_REVEALED), desk.stands().texts) == (1, 1)


def test_covers_stay_for_whoever_does_not_hold_the_case(desk: Desk) -> None:
    desk.wishes(covers=False)
    case_id = desk.sends(emergency="emergency_escalated")
    assert TEXT not in desk.page(f"/cases/{case_id}")
    assert desk.stands().texts == 0
