"""The classifier that scores changes when the alias does, in every process, and never to a broken bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from serve.hub import Hub
from serve.intake.storing import take_posts
from serve.registry import aliases as naming
from serve.registry.bundles import register
from serve.registry.live import BundleWatch
from serve.scoring.scorer import Scorer
from serve.scoring.shadow import ShadowScorer, differing, disagreement
from serve.settings import Settings
from serve.storage.tables import Case, PostScores, ShadowScores

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """The parts of a hub with the tiny bundle; no thread runs."""
    from serve.app import open_hub

    opened = open_hub(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def watch(hub: Hub) -> BundleWatch:
    return BundleWatch(hub.models, hub.database, hub.settings.home, threads=1)


def add(hub: Hub, folder: Path) -> str:
    with hub.database.write() as session:
        return register(
            session, home=hub.settings.home, folder=folder, actor="officer:ada", now=NOW
        ).bundle_id


def name(hub: Hub, alias: str, bundle_id: str) -> None:
    with hub.database.write() as session:
        naming._set(session, alias, bundle_id, why="promoted", reason="", actor="officer:ada", now=NOW)


def test_hub_starts_with_the_bundle_of_its_settings_and_keeps_the_alias_later(
    settings: Settings, hub: Hub, english_bundle: Path
) -> None:
    from serve.app import open_hub

    first = hub.classifier.bundle_id
    other = add(hub, english_bundle)
    name(hub, "current", other)

    again = open_hub(settings)

    assert first != other
    assert again.classifier.bundle_id == other
    again.database.close()


def test_process_follows_the_alias(hub: Hub, watch: BundleWatch, english_bundle: Path) -> None:
    other = add(hub, english_bundle)
    watch.look()
    before = hub.classifier.bundle_id
    name(hub, "current", other)

    watch.look()

    assert before != other
    assert hub.classifier.bundle_id == other
    assert hub.models.is_well


def test_bundle_that_cannot_be_loaded_changes_nothing_and_is_said(
    hub: Hub, watch: BundleWatch, english_bundle: Path
) -> None:
    before = hub.classifier.bundle_id
    other = add(hub, english_bundle)
    (hub.settings.home / "bundles" / other / "thresholds.json").write_text("{}")
    name(hub, "current", other)

    watch.look()

    assert hub.classifier.bundle_id == before
    assert not hub.models.is_well


def test_process_is_well_again_once_the_alias_is_taken_back(
    hub: Hub, watch: BundleWatch, english_bundle: Path
) -> None:
    before = hub.classifier.bundle_id
    other = add(hub, english_bundle)
    (hub.settings.home / "bundles" / other / "thresholds.json").write_text("{}")
    name(hub, "current", other)
    watch.look()
    name(hub, "current", before)

    watch.look()

    assert hub.models.is_well


def test_scores_carry_the_bundle_that_gave_them(hub: Hub, watch: BundleWatch, english_bundle: Path) -> None:
    scorer = Scorer(hub)
    first = hub.classifier.bundle_id
    take_posts(hub, [{"text": "The market opens at nine."}], actor="key:1", repeatable=None)
    scorer.score_batch()
    other = add(hub, english_bundle)
    name(hub, "current", other)
    watch.look()
    take_posts(hub, [{"text": "The library opens at ten."}], actor="key:1", repeatable=None)

    scorer.score_batch()

    with hub.database.read() as session:
        found = session.scalars(select(PostScores.bundle).order_by(PostScores.scores_id)).all()
    assert found == [first, other]


def test_shadow_reads_what_the_current_bundle_scored_and_opens_no_case(
    hub: Hub, watch: BundleWatch, english_bundle: Path
) -> None:
    other = add(hub, english_bundle)
    with hub.database.write() as session:
        naming.set_shadow(session, bundle_id=other, actor="officer:ada", now=NOW)
    watch.look()
    posts = [
        {"text": "The market opens at nine."},
        {"text": "Wir gehen morgen mit den Kindern in den Garten."},
    ]
    take_posts(hub, posts, actor="key:1", repeatable=None)
    Scorer(hub).score_batch()

    ShadowScorer(hub).read_batch()
    ShadowScorer(hub).read_batch()

    with hub.database.read() as session:
        rows = session.scalars(select(ShadowScores).order_by(ShadowScores.post_id)).all()
        cases = session.scalars(select(Case.case_id)).all()
        found = disagreement(session, other, hub.policy)
        apart = differing(session, other, limit=10)
    assert [row.bundle for row in rows] == [other, other]
    assert [row.hate is None for row in rows] == [False, True]  # the shadow reads English only
    assert len(cases) == 2
    assert (found.posts, found.differ, found.up) == (2, 1, 1)
    assert [row.post_id for row in apart] == [rows[1].post_id]


def test_post_scored_before_the_shadow_began_is_not_read(
    hub: Hub, watch: BundleWatch, english_bundle: Path
) -> None:
    take_posts(hub, [{"text": "The market opens at nine."}], actor="key:1", repeatable=None)
    Scorer(hub).score_batch()
    other = add(hub, english_bundle)
    from serve.storage.identifiers import utc_now

    with hub.database.write() as session:
        naming.set_shadow(session, bundle_id=other, actor="officer:ada", now=utc_now())
    watch.look()

    assert not ShadowScorer(hub).read_batch()
    with hub.database.read() as session:
        assert session.scalars(select(ShadowScores)).all() == []
