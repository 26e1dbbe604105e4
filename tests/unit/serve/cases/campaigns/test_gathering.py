from __future__ import annotations

import random
import string
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.cases.campaigns import gathering, known_texts
from serve.cases.campaigns.case_texts import learn_case, learn_older
from serve.cases.campaigns.matching import How, Place
from serve.cases.campaigns.reading import campaign_line
from serve.hub import Hub
from serve.intake.reading import read_posts
from serve.intake.storing import ids_in_order, store_posts
from serve.scoring.scorer import Scorer
from serve.storage.tables import (
    AuditEvent,
    Case,
    CasePost,
    CaseStep,
    CaseText,
    DistinctText,
    Post,
    PostText,
    TextBand,
)

Gather = Callable[..., list[Place]]


def edited(text: str, edits: int, seeded: random.Random) -> str:
    letters = list(text)
    for _ in range(edits):
        letters[seeded.randrange(len(letters))] = seeded.choice(string.ascii_lowercase)
    return "".join(letters)


def unrelated(count: int, seeded: random.Random) -> list[str]:
    words = ["".join(seeded.choices(string.ascii_lowercase, k=seeded.randint(3, 9))) for _ in range(4_000)]
    return [" ".join(seeded.choices(words, k=seeded.randint(4, 20))) for _ in range(count)]


def count(hub: Hub, table: Any) -> int:
    with hub.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def truth(session: Session) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What `case_texts` must say, counted from the posts themselves."""
    rows = session.execute(
        select(
            CasePost.case_id,
            PostText.text_key,
            func.count(),
            func.min(Post.post_id),
            func.min(Post.received_at),
            func.max(Post.received_at),
        )
        .join(PostText, PostText.post_id == CasePost.post_id)
        .join(Post, Post.post_id == CasePost.post_id)
        .group_by(CasePost.case_id, PostText.text_key)
    )
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def kept(session: Session) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row.case_id, row.text_key): (row.posts, row.first_post_id, row.first_seen_at, row.last_seen_at)
        for row in session.scalars(select(CaseText))
    }


def test_forty_copies_with_small_edits_are_one_case(hub: Hub, gather_posts: Gather, original: str) -> None:
    seeded = random.Random(11)
    copies = [original] + [edited(original, seeded.randint(0, 3), seeded) for _ in range(39)]
    places = gather_posts(*copies[:25]) + gather_posts(*copies[25:])

    assert {place.case_id for place in places} == {places[0].case_id}
    assert [place.how for place in places] == [How.OPENED] + [How.JOINED] * 39
    assert (count(hub, Case), count(hub, CasePost)) == (1, 40)
    with hub.database.read() as session:
        line = campaign_line(session, session.scalars(select(Case)).one())
        assert kept(session) == truth(session)
    assert (line.posts, line.wordings) == (40, count(hub, DistinctText))
    assert line.wordings > 1


def test_a_thousand_unrelated_posts_are_a_thousand_cases(hub: Hub, gather_posts: Gather) -> None:
    texts = unrelated(1_000, random.Random(5))
    for start in range(0, 1_000, 250):
        gather_posts(*texts[start : start + 250])

    assert (count(hub, Case), count(hub, DistinctText)) == (1_000, 1_000)


def test_joining_is_on_record_and_opens_nothing(hub: Hub, gather_posts: Gather, original: str) -> None:
    first, second = gather_posts(original, original.upper())

    with hub.database.read() as session:
        of_the_start = AuditEvent.event.like("registry:%")  # which bundle the hub opened with
        events = session.scalars(select(AuditEvent).where(~of_the_start)).all()
        steps = session.scalars(select(CaseStep)).all()
    assert [(one.event, one.subject) for one in events] == [(Event.CAMPAIGN_JOINED.value, first.case_id)]
    assert events[0].details == {
        "post_id": second.copy.post_id, "text_key": first.copy.key, "near": 1.0
    }  # fmt: skip
    assert [step.action for step in steps] == ["score", "admit_to_review"]


def test_copy_raises_what_the_case_weighs(hub: Hub, gather_posts: Gather, original: str) -> None:
    gather_posts(original, route="low_priority", strands=("far_right",), probability=0.3)
    with hub.database.read() as session:
        before = session.scalars(select(Case)).one()
    gather_posts(original + " Now.", route="urgent_review", strands=("antisemitic",), probability=0.9)
    with hub.database.read() as session:
        after = session.scalars(select(Case)).one()

    assert (after.route, after.probability, after.queue) == ("urgent_review", 0.9, "several")
    assert after.strands == ["antisemitic", "far_right"]
    assert after.severity_expected > before.severity_expected
    assert after.rank > before.rank
    assert (after.created_at, after.waits_since) == (before.created_at, before.waits_since)


def test_copy_that_weighs_less_changes_nothing(hub: Hub, gather_posts: Gather, original: str) -> None:
    gather_posts(original, route="urgent_review", strands=("antisemitic",), probability=0.9)
    with hub.database.read() as session:
        before = session.scalars(select(Case)).one()
    gather_posts(original, route="low_priority", probability=0.1)
    with hub.database.read() as session:
        after = session.scalars(select(Case)).one()

    same = ("route", "probability", "queue", "strands", "severity_expected", "rank", "due_at", "state")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]


def test_reports_of_all_copies_count_for_the_case(hub: Hub, gather_posts: Gather, original: str) -> None:
    gather_posts(original)
    gather_posts(original, original, reported=True)

    with hub.database.read() as session:
        case = session.scalars(select(Case)).one()
    assert (case.report_count, case.due_class) == (2, "reported")


def test_case_that_somebody_holds_is_joined_and_its_line_says_so(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    gather_posts(original, original)
    with hub.database.write() as session:
        session.execute(
            update(Case).values(state="in_review", waiting=False, leased_by="officer:ada", leased_at=now,
                                lease_expires_at=now, lease_number=1)
        )  # fmt: skip
    gather_posts(original, original + " Please.", minutes=5)

    with hub.database.read() as session:
        case = session.scalars(select(Case)).one()
        line = campaign_line(session, case)
    assert (line.posts, line.wordings, line.joined_since_claim) == (4, 2, 2)
    assert (case.state, case.leased_by, case.lease_number) == ("in_review", "officer:ada", 1)


def decide_all(hub: Hub, now: Any) -> None:
    with hub.database.write() as session:
        session.execute(
            update(Case)
            .where(Case.state != "duplicate_linked")
            .values(state="no_action", waiting=False, decided_at=now)
        )


def test_copy_of_a_decided_case_is_linked_and_later_copies_join_it(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    (decided,) = gather_posts(original)
    decide_all(hub, now)
    places = gather_posts(original, original + " Please.", minutes=1) + gather_posts(original, minutes=2)

    assert [place.how for place in places] == [How.LINKED, How.JOINED, How.JOINED]
    assert {place.case_id for place in places} == {places[0].case_id}
    with hub.database.read() as session:
        linked = session.get_one(Case, places[0].case_id)
        steps = session.execute(
            select(CaseStep.action, CaseStep.role).where(CaseStep.case_id == linked.case_id)
        ).all()
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.CASE_LINKED.value)).one()
    assert (linked.state, linked.linked_to, linked.waiting) == ("duplicate_linked", decided.case_id, False)
    assert [tuple(step) for step in steps] == [("score", "classifier"), ("link_duplicate", "system")]
    assert (event.subject, event.details["linked_to"]) == (linked.case_id, decided.case_id)


def test_report_of_danger_is_never_hidden_behind_a_link(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    gather_posts(original)
    decide_all(hub, now)
    gather_posts(original, minutes=1)
    (place,) = gather_posts(original, danger=True, minutes=2)

    with hub.database.read() as session:
        case = session.get_one(Case, place.case_id)
    assert (place.how, case.state, case.waiting) == (How.OPENED, "triage", True)


def test_posts_that_came_before_wordings_are_learnt_and_joined(hub: Hub, now: Any, original: str) -> None:
    post_ids = ids_in_order(3)
    with hub.database.write() as session:
        posts, _ = read_posts([{"text": text} for text in (original, original, "a short one")], now=now)
        store_posts(session, posts, post_ids, actor="key:1", now=now)
        session.execute(update(Post).values(scored_at=now))
        for case_id, post_id in zip(ids_in_order(3), post_ids, strict=True):
            session.add(
                Case(case_id=case_id, state="captured", waiting=True, route="review", strands=[],
                     priority=1.0, created_at=now, waits_since=now)
            )  # fmt: skip
            session.flush()
            session.add(CasePost(case_id=case_id, post_id=post_id))
    scorer = Scorer(hub)

    assert scorer.score_batch() is False
    assert (count(hub, PostText), count(hub, DistinctText), count(hub, CaseText)) == (3, 2, 3)
    assert count(hub, TextBand) == 25
    with hub.database.write() as session:
        assert learn_older(session, 10) == 0
        assert learn_case(session, session.scalars(select(Case.case_id)).first() or "") == 0
        assert kept(session) == truth(session)


def test_scorer_gathers_what_it_scores(hub: Hub, now: Any, original: str) -> None:
    with hub.database.write() as session:
        posts, _ = read_posts(
            [{"text": text} for text in (original, "antiword " + original, "other")], now=now
        )
        store_posts(session, posts, ids_in_order(3), actor="key:1", now=now)
    Scorer(hub).score_batch()

    with hub.database.read() as session:
        cases = session.execute(
            select(Case.case_id, Case.strands, func.count())
            .join(CasePost, CasePost.case_id == Case.case_id)
            .group_by(Case.case_id)
            .order_by(Case.case_id)
        ).all()
        opened = session.scalars(
            select(AuditEvent.subject).where(AuditEvent.event == Event.CASE_OPENED.value)
        ).all()
    assert [tuple(row[1:]) for row in cases] == [(["antisemitic"], 2), ([], 1)]
    assert sorted(opened) == [row.case_id for row in cases]


def test_text_that_breaks_the_normaliser_becomes_a_case_all_the_same(
    hub: Hub, now: Any, monkeypatch: pytest.MonkeyPatch, original: str
) -> None:
    def breaks(text: str) -> Any:
        raise ZeroDivisionError("with the text of the post")

    monkeypatch.setattr(known_texts, "wording_of", breaks)
    with hub.database.write() as session:
        posts, _ = read_posts([{"text": original}, {"text": original}, {"text": original + "!"}], now=now)
        store_posts(session, posts, ids_in_order(3), actor="key:1", now=now)
    Scorer(hub).score_batch()

    assert (count(hub, Case), count(hub, CasePost)) == (2, 3)


def test_bands_that_a_great_many_texts_share_are_not_read_to_the_end(
    hub: Hub, gather_posts: Gather, original: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counted(letters: str, other: str) -> float:
        compared.append(other)
        return 0.0

    seeded = random.Random(2)
    monkeypatch.setattr(known_texts, "nearness", counted)
    gather_posts(*(edited(original, 2, seeded) for _ in range(3 * known_texts.MOST_COMPARED)))
    compared.clear()
    gather_posts(original)

    assert len(compared) == known_texts.MOST_COMPARED


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # on SQLite writers take turns anyway
@pytest.mark.parametrize("near", [False, True])
def test_two_scorers_that_meet_a_new_text_at_once_make_one_case(
    hub: Hub, gather_posts: Gather, original: str, monkeypatch: pytest.MonkeyPatch, near: bool
) -> None:
    # Each waits, once it has looked for known texts, until the other has looked or is seen to wait its turn.
    both = threading.Barrier(2)
    looked = known_texts.learn

    def slow(session: Session, posts: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=1.0)
        looked(session, posts)

    monkeypatch.setattr(gathering, "learn", slow)
    texts = (original, original + " Please." if near else original)
    with ThreadPoolExecutor(2) as pool:
        places = list(pool.map(gather_posts, texts))

    assert {place.case_id for (place,) in places} == {places[0][0].case_id}
    assert (count(hub, Case), count(hub, CasePost)) == (1, 2)
