from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.cases.finding import searching
from serve.cases.finding.criteria import Criteria, read_criteria
from serve.cases.finding.filters import MOST, delete_filter, filters_of, save_filter
from serve.cases.finding.searching import Found, fitting_cases, page_statement, search
from serve.intake.storing import ids_in_order
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import AuditEvent, Case, CasePost, Decision, Post, SearchEntry

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ADA = "officer:ada"


@dataclass(frozen=True)
class Desk:
    """Cases with one post each, and what ADA finds among them."""

    database: Database

    def put(self, *texts: str, **facts: Any) -> list[str]:
        """Their case ids; `case` facts go to the case, the rest to the post."""
        about_case = facts.pop("case", {})
        case_ids, post_ids = ids_in_order(len(texts)), ids_in_order(len(texts))
        with self.database.write() as session:
            for case_id, post_id, post_text in zip(case_ids, post_ids, texts, strict=True):
                post = {"received_at": NOW, "text_sha256": "0" * 64, "received_from": "key:1", **facts}
                case = {
                    "state": "captured", "waiting": True, "route": "review", "strands": [], "priority": 1.0,
                    "created_at": NOW, "waits_since": NOW, **about_case,
                }  # fmt: skip
                session.add_all(
                    [Post(post_id=post_id, text=post_text, **post), Case(case_id=case_id, **case)]
                )
                session.flush()
                session.add(CasePost(post_id=post_id, case_id=case_id))
        return case_ids

    def decide(self, case_id: str, outcome: str, severity: int, cycle: int = 0) -> None:
        with self.database.write() as session:
            case = session.get_one(Case, case_id)
            case.state, case.waiting, case.decided_at = "no_action", False, NOW
            session.add(
                Decision(
                    decision_id=new_id(), case_id=case_id, cycle=cycle, lease_number=1, decided_by=ADA,
                    decided_at=NOW, outcome=outcome, strands=[], severity=severity, reason="About tea.",
                    bundles=[], policy_sha256="0" * 64, outcomes_sha256="0" * 64, codebook_sha256="0" * 64,
                )
            )  # fmt: skip

    def find(self, q: str | None = None, *, queues: Sequence[str] = ("general",), **typed: Any) -> list[str]:
        return [one.case.case_id for one in self.page(q, queues=queues, **typed).cases]

    def page(
        self,
        q: str | None = None,
        *,
        queues: Sequence[str] = ("general",),
        after: str | None = None,
        limit: int = 25,
        **typed: Any,
    ) -> Found:
        given = ({} if q is None else {"q": q}) | {name: str(value) for name, value in typed.items()}
        with self.database.write() as session:
            return search(
                session, read_criteria(given), actor=ADA, queues=queues, now=NOW, after=after, limit=limit
            )


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


TEXTS = (
    "The night bus number nine is late again",
    "Nine numbers on a bus shelter",
    "The tram on Mill Lane, http://a.example/mill-lane?x=1 runs",
    "Die Bibliothek ÖFFNET um neun, don't wait",
)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("bus", {0, 1}),
        ("BUS", {0, 1}),
        ("bus late", {0}),
        ('"number nine"', {0}),
        ('"nine number"', set()),
        ("number*", {0, 1}),
        ("bus -late", {1}),
        ('bus -"number nine"', {1}),
        ("bus -late -shelter", set()),
        ("mill-lane", {2}),
        ("a.example", {2}),
        ("example", {2}),
        ('"mill lane http"', {2}),
        ("öffnet", {3}),
        ("ÖFF*", {3}),
        ("offnet", set()),
        ("don't", {3}),
        ("bus tram", set()),
    ],
)
def test_words_find_the_same_cases_on_both_databases(desk: Desk, q: str, found: set[int]) -> None:
    case_ids = desk.put(*TEXTS)

    assert set(desk.find(q)) == {case_ids[number] for number in found}


@pytest.mark.parametrize(
    "q",
    [
        "bus' OR '1'='1", 'bus" OR "tram', "bus); DROP TABLE posts; --", "bus & tram | !lane <-> x:*",
        "NEAR(bus)", "text:bus", "^bus", "bus AND NOT tram", "{text}:bus", "bus\\", "bus:*AB", "'bus':*",
        "(((bus", "bus +tram", "'' bus", "% bus _", "*bus", "--bus", "bus\u202etram", "بس bus", "𝕭us bus",
        "bus\n\ttram", "\ufeffbus",
    ],
)  # fmt: skip
def test_hostile_query_is_words_or_is_refused(desk: Desk, q: str) -> None:
    desk.put(*TEXTS)

    with suppress(BadInput):
        desk.find(q)
    assert len(desk.find("bus")) == 2


def test_post_is_found_from_when_it_is_stored_until_it_is_deleted(desk: Desk) -> None:
    (kept, gone) = desk.put("one teapot", "two teapots and a teapot")
    with desk.database.write() as session:
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == gone)).one()
        session.execute(text("DELETE FROM case_posts WHERE post_id = :post").bindparams(post=post_id))
        session.execute(text("DELETE FROM posts WHERE post_id = :post").bindparams(post=post_id))

    assert desk.find("teapot*") == [kept]
    if desk.database.is_sqlite:
        with desk.database.write() as session:
            session.execute(text("INSERT INTO post_words (post_words) VALUES ('integrity-check')"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL's index is its column
def test_vacuum_does_not_turn_the_index_to_other_posts(desk: Desk) -> None:
    (first, _, third) = desk.put("a teapot", "a kettle", "a saucer")
    with desk.database.write() as session:
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == first)).one()
        session.execute(text("DELETE FROM case_posts WHERE post_id = :post").bindparams(post=post_id))
        session.execute(text("DELETE FROM posts WHERE post_id = :post").bindparams(post=post_id))
    with desk.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")

    assert desk.find("saucer") == [third]


def test_case_of_several_posts_is_found_once_by_any_of_them(desk: Desk) -> None:
    (first, second) = desk.put("a teapot", "a kettle")
    with desk.database.write() as session:
        session.execute(text("UPDATE case_posts SET case_id = :one").bindparams(one=first))

    assert desk.find("kettle") == [first]
    page = desk.page("teapot")
    assert [(one.case.case_id, one.posts, one.first_post is not None) for one in page.cases] == [
        (first, 2, True)
    ]
    assert second not in desk.find("kettle")


def test_facts_narrow_the_search(desk: Desk) -> None:
    (plain,) = desk.put("tea", case={"due_class": "urgent"})
    (other,) = desk.put("tea", platform="example", author="@ada", received_at=NOW - timedelta(days=3))
    (asked,) = desk.put("tea", case={"waiting": False, "state": "needs_info"})

    assert desk.find("tea") == [asked, other, plain]
    assert desk.find("tea", state="waiting") == [other, plain]
    assert desk.find("tea", state="open") == [asked, other, plain]
    assert desk.find("tea", state="settled") == []
    assert desk.find(due_class="urgent") == [plain]
    assert desk.find(platform="example") == [other]
    assert desk.find(author="@ada") == [other]
    assert desk.find(author="@AD") == []
    assert desk.find("tea", received_from="2026-11-19") == [asked, plain]
    assert desk.find("tea", received_to="2026-11-18") == [other]
    assert desk.find(reference=plain[-6:]) == [plain]
    assert desk.find(reference=plain) == [plain]


def test_received_days_are_those_of_the_united_kingdom(desk: Desk) -> None:
    # 23:30 UTC in July is half past midnight of the next day in London.
    (late,) = desk.put("tea", received_at=datetime(2026, 7, 1, 23, 30, tzinfo=UTC))

    assert desk.find("tea", received_from="2026-07-02", received_to="2026-07-02") == [late]
    assert desk.find("tea", received_to="2026-07-01") == []


def test_outcome_and_severity_are_those_of_the_decision_that_stands(desk: Desk) -> None:
    (kept, changed, undecided) = desk.put("tea", "tea", "tea")
    desk.decide(kept, "no_action", 1)
    desk.decide(changed, "no_action", 1)
    desk.decide(changed, "intel_only", 2, cycle=1)

    assert desk.find(outcome="no_action") == [kept]
    assert desk.find(outcome="intel_only", severity=2) == [changed]
    assert desk.find("tea", severity=1) == [kept]
    assert undecided in desk.find("tea")
    assert [one.decision.outcome for one in desk.page(outcome="intel_only").cases if one.decision] == [
        "intel_only"
    ]


def test_cases_of_queues_that_are_not_theirs_are_not_there(desk: Desk) -> None:
    desk.put("tea", case={"queue": "antisemitic"})
    (mine,) = desk.put("tea", case={"queue": "far_right"})

    assert desk.find("tea", queues=("general", "far_right")) == [mine]
    assert desk.page("tea", queues=("general", "far_right")).count == 1
    assert desk.find("tea", queues=("general", "far_right"), queue="antisemitic") == []
    assert desk.find("tea", queues=()) == []


def test_pages_follow_each_other_without_gap_or_repeat(desk: Desk) -> None:
    case_ids = desk.put(*["tea"] * 7)
    seen: list[str] = []
    after: str | None = None
    for _ in range(4):
        page = desk.page("tea", limit=2, after=after)
        seen += [one.case.case_id for one in page.cases]
        desk.put("tea")  # what comes in meanwhile stands before the first page
        after = page.next
    assert after is None
    assert seen == case_ids[::-1]


def test_count_stops_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "COUNTED", 3)
    desk.put(*["tea"] * 5)

    page = desk.page("tea", limit=2)
    assert (page.count, page.is_more_than_counted) == (4, True)


def test_every_search_is_in_both_logs_with_what_it_showed(desk: Desk) -> None:
    case_ids = desk.put("tea", "tea", "coffee", author="@ada")
    first = desk.page("tea", author="@ada", limit=1)
    desk.page("tea", author="@ada", limit=1, after=first.next)
    desk.page("cocoa")

    with desk.database.read() as session:
        entries = session.scalars(select(SearchEntry).order_by(SearchEntry.search_id)).all()
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.event_id)).all()
    assert [(one.actor, one.query, one.found) for one in entries] == [
        (ADA, {"q": "tea", "author": "@ada"}, 2),
        (ADA, {"q": "tea", "author": "@ada", "after": first.next}, 2),
        (ADA, {"q": "cocoa"}, 0),
    ]
    assert [(one.event, one.subject) for one in events] == [
        (Event.SEARCHED.value, entry.search_id) for entry in entries
    ]
    assert [one.details["shown"] for one in events] == [[case_ids[1]], [case_ids[0]], []]
    assert "tea" not in str([one.details for one in events])


def test_search_that_fails_is_in_no_log_and_one_that_is_logged_was_made(desk: Desk) -> None:
    desk.put("tea")
    with pytest.raises(BadInput):
        desk.find()
    with pytest.raises(BadInput):
        desk.page("tea", after="../etc")
    with pytest.raises(RuntimeError):
        _undone(desk)

    with desk.database.read() as session:
        assert session.scalars(select(SearchEntry)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_log_of_searches_cannot_be_changed(desk: Desk) -> None:
    desk.page("tea")
    for statement in ("UPDATE search_entries SET found = 7", "DELETE FROM search_entries"):
        with pytest.raises(DBAPIError, match="never change"), desk.database.write() as session:
            session.execute(text(statement))


def test_filters_are_kept_replaced_and_deleted_by_their_owner_alone(database: Database) -> None:
    with database.write() as session:
        kept = save_filter(session, actor=ADA, name=" Late  buses ", criteria=Criteria(q="bus"), now=NOW)
        again = save_filter(session, actor=ADA, name="Late buses", criteria=Criteria(q="bus late"), now=NOW)
        other = save_filter(
            session, actor="officer:ben", name="Late buses", criteria=Criteria(q="tram"), now=NOW
        )
        assert kept.filter_id == again.filter_id != other.filter_id
        assert [(one.name, one.query) for one in filters_of(session, ADA)] == [
            ("Late buses", {"q": "bus late"})
        ]
        with pytest.raises(NotFound):
            delete_filter(session, actor=ADA, filter_id=other.filter_id)
        assert delete_filter(session, actor=ADA, filter_id=kept.filter_id) == "Late buses"
        assert filters_of(session, ADA) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_filter_wants_a_name_that_can_be_kept(database: Database, name: str) -> None:
    with database.write() as session, pytest.raises(BadInput) as refused:
        save_filter(session, actor=ADA, name=name, criteria=Criteria(q="bus"), now=NOW)
    assert refused.value.field == "name"


def test_person_keeps_so_many_filters_and_no_more(database: Database) -> None:
    with database.write() as session:
        for number in range(MOST):
            save_filter(session, actor=ADA, name=f"f{number}", criteria=Criteria(q="bus"), now=NOW)
        save_filter(session, actor=ADA, name="f0", criteria=Criteria(q="tram"), now=NOW)
        with pytest.raises(BadInput, match="kept already"):
            save_filter(session, actor=ADA, name="one more", criteria=Criteria(q="bus"), now=NOW)


def test_case_is_found_by_the_account_and_by_the_address_of_any_of_its_posts(desk: Desk) -> None:
    (one, two) = desk.put("a", "b", author="@ada", platform="example", url="https://a.example/1")
    desk.put("c", author="@ada", platform="other")
    (same_place,) = desk.put("e", url="https://a.example/1")
    desk.put("f", url="https://a.example/12")

    assert desk.find(author="@ada", platform="example") == [two, one]
    assert desk.find(url="https://a.example/1") == [same_place, two, one]
    assert desk.find(url="https://a.example/1", author="@ada") == [two, one]
    assert desk.find(url="https://a.example/") == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_search_among_a_hundred_thousand_posts_uses_the_index(desk: Desk) -> None:
    _fill(desk.database, 100_000)
    (rare,) = desk.put("one teapot among them all", author="@ada")
    searches = (
        ({"q": "teapot"}, "ix_posts_words"),
        ({"q": "teap* -kettle"}, "ix_posts_words"),
        ({"author": "@ada"}, "ix_posts_account"),
    )
    with desk.database.write() as session:
        session.execute(text("ANALYZE"))
    for typed, index in searches:
        plan = _plan(desk, typed)

        assert index in plan, plan
        assert "Seq Scan on posts" not in plan
        assert "Scan Backward using pk_cases" not in plan
        assert desk.find(**typed) == [rare]


def _plan(desk: Desk, typed: dict[str, str]) -> str:
    with desk.database.read() as session:
        page = page_statement(fitting_cases(session, read_criteria(typed), ("general",)), None, 25)
        compiled = page.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
        rows = session.connection().exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).all()
    return "\n".join(row[0] for row in rows)


def _undone(desk: Desk) -> None:
    with desk.database.write() as session:
        search(session, Criteria(q="tea"), actor=ADA, queues=("general",), now=NOW)
        raise RuntimeError


def _fill(database: Database, count: int) -> None:
    """Cases of one neutral post each, as long as posts are, made in the database itself."""
    number, numbers = "lpad(n::text, 26, '0')", f"FROM generate_series(1, {count}) n"
    said = "'kettle number ' || n || repeat(' is on again', 15)"
    post = f"{number}, {said}, repeat('0', 64), now(), 'key:1', now()"
    case = (
        f"{number}, 'captured', 'no_emergency', 'not_notified', 'not_offered', 'held', 0, 'review', '[]', "
        "'general', 1, 1, 0, n, 'routine', now(), now(), false, 0, true"
    )
    statements = (
        "INSERT INTO posts (post_id, text, text_sha256, received_at, received_from, scored_at, author) "
        f"SELECT {post}, '@author' || n {numbers}",
        "INSERT INTO cases (case_id, state, emergency, platform, support, retention, cycle, route, strands, "
        "queue, priority, severity_expected, report_count, rank, due_class, created_at, waits_since, "
        f"sampled, lease_number, waiting) SELECT {case} {numbers}",
        f"INSERT INTO case_posts (post_id, case_id) SELECT {number}, {number} {numbers}",
    )
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))
