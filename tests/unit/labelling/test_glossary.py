"""Coded terms: found under their disguises, worth what labels say, and never a label themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from labelling import tasks
from labelling.command_glossary import measure_glossary
from labelling.glossary import (
    Glossary,
    live_terms_in,
    load_glossary,
    measured_terms,
    review_terms,
)
from labelling.sampling.rules import CodedTermRules
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, TermReview

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RULES = CodedTermRules(suspended_below=0.5, suspended_from_reviews=2)
HATE: dict[str, Any] = {"severity": 1, "speech_act": "endorses", "strands": ["antisemitic"]}


def term(**changes: Any) -> dict[str, Any]:
    return {
        "term": "teapots",
        "variants": ["teapots", "brown teapots"],
        "strand": "antisemitic",
        "meaning": "A made-up stand-in",
        "benign": ["Teapots"],
        "first_seen": "2026",
        "review_by": date(2027, 1, 1),
        "needs_context": True,
        "source": "Made up for tests",
        **changes,
    }


def glossary(*terms: dict[str, Any]) -> Glossary:
    return Glossary.model_validate(
        {"schema_version": 1, "version": "t", "valid_from": date(2026, 1, 1), "terms": terms or (term(),)}
    )


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("They run it, the teapots.", True),
        ("BROWN   TEAPOTS everywhere", True),
        ("t\u0435apots in disguise", True),  # a Cyrillic letter
        ("my teapotses", False),
        ("a teapot", False),
    ],
)
def test_term_is_found_as_a_word_under_its_disguises(text: str, stands: bool) -> None:
    assert [found.term for found in glossary().terms_in(text)] == (["teapots"] if stands else [])


def test_signs_of_the_shipped_glossary_are_found_too() -> None:
    shipped, _ = load_glossary()

    assert [found.term for found in shipped.terms_in("the (((bankers))) again")] == ["triple parentheses"]
    assert [found.term for found in shipped.terms_in("another \U0001f9c3")] == ["juice box"]
    assert shipped.terms_in("A cup of tea and a newspaper.") == []


@pytest.mark.parametrize(
    "terms",
    [(term(), term(term="other")), (term(strand="nobody"),), (term(benign=[]),), (term(variants=[]),)],
)
def test_glossary_that_says_something_twice_or_too_little_is_refused(
    terms: tuple[dict[str, Any], ...],
) -> None:
    with pytest.raises(ValidationError):
        glossary(*terms)


def review(database: Database, book: Glossary) -> int:
    with database.write() as session:
        return review_terms(session, book, NOW)


def test_precision_is_measured_from_finished_texts_once(
    database: Database, add: Add, annotator: People
) -> None:
    add("teapots rule", "my teapots", "teapots?", "none here", "teapots tied", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    for said in (HATE, {}, {}, {}, HATE):
        ada.label_next(**said)
    assert review(database, glossary()) == 0  # nothing is finished

    for said in (HATE, {}, {}, {}, {}):
        bo.label_next(**said)

    assert review(database, glossary()) == 3  # a tie is no review
    assert review(database, glossary()) == 0
    with database.read() as session:
        (found,) = measured_terms(session, glossary(), RULES, NOW.date())
        assert (found.reviews, found.confirmed) == (3, 1)
        assert found.precision == pytest.approx(1 / 3)
        assert found.low is not None
        assert found.low < 1 / 3
        assert found.status == "suspended"
        assert live_terms_in("teapots", [found]) == ()


def test_text_of_two_batches_counts_once(database: Database, add: Add, annotator: People) -> None:
    for batch in ("one", "two"):
        add("teapots rule", batch=batch)
        annotator("ada").label_next(**HATE)
    review(database, glossary())

    with database.read() as session:
        (found,) = measured_terms(session, glossary(), RULES, NOW.date())

    assert (found.reviews, found.precision, found.status) == (1, 1.0, "live")
    assert [(one.term, one.reviews, one.precision) for one in live_terms_in("teapots", [found])] == [
        ("teapots", 1, 1.0)
    ]


def test_hate_of_another_strand_does_not_confirm_a_term(
    database: Database, add: Add, annotator: People
) -> None:
    add("teapots")
    annotator("ada").label_next(severity=1, speech_act="endorses", strands=["far_right"])
    review(database, glossary())

    with database.read() as session:
        assert session.scalars(select(TermReview.confirmed)).all() == [False]


def test_term_past_its_review_date_brings_nothing(database: Database) -> None:
    book = glossary(term(review_by=date(2026, 11, 22)))

    with database.read() as session:
        (found,) = measured_terms(session, book, RULES, NOW.date())

    assert (found.status, found.precision) == ("past its review date", None)
    assert live_terms_in("teapots", [found]) == ()


def test_command_prints_every_term_and_records_what_it_measured(
    database: Database, hub_home: Path, add: Add, annotator: People, capsys: pytest.CaptureFixture[str]
) -> None:
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        (hub_home / "hub.yaml").write_text(f'database_url: "{url}"\n', encoding="utf-8")
    add("They say ZOG again.", "Rain.")
    ada = annotator("ada")
    ada.label_next(**HATE)
    ada.label_next()

    found = measure_glossary(hub_home)

    by_name = {one.term.term: one for one in found}
    assert (by_name["ZOG"].reviews, by_name["ZOG"].precision) == (1, 1.0)
    assert "ZOG" in capsys.readouterr().out
    with database.read() as session:
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "labelling:terms:measured")
        ).one()
        assert event.details["reviews"] == 1
