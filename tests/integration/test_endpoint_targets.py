"""Endpoints as targets, over real sockets: our own application, and stubs of the three other shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from endpoint_stubs import (
    GERMAN,
    KEY,
    Say,
    Stub,
    as_azure,
    as_openai,
    as_perspective,
    as_watchhouse,
    listening,
    opened,
    serving,
)
from fastapi import FastAPI

from model.errors import BadConfig, BadRecord, NotAllowed
from model.taxonomy import HEAD_ORDER
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.migrating import migrate
from training.targets import open_target

TEXTS = ["tea with hateword", "the farword and the maybeword", "tea", GERMAN, "antiword 🫖 tea", "islamword"]


@pytest.fixture
def stub() -> Iterator[Callable[[Say], Stub]]:
    """Starts a stub that answers as told; all of them end with the test."""
    with ExitStack() as running:
        yield lambda say: running.enter_context(serving(Stub(say)))


# --- our own application ---------------------------------------------------------------------------


@pytest.fixture
def database(hub_home: Path) -> Iterator[Database]:
    """One database is enough here: what is stored is not what these tests are about."""
    made = Database(f"sqlite:///{hub_home / 'hub.sqlite'}")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def settings(hub_home: Path, database: Database, english_bundle: Path) -> Settings:
    """A hub whose bundle reads English only."""
    return Settings(home=hub_home, bundle=english_bundle)


@pytest.fixture
def hub_address(hub_app: FastAPI) -> Iterator[str]:
    """Where the application listens: `127.0.0.1:PORT`."""
    with listening(hub_app) as address:
        yield address


@pytest.fixture
def score_key(api_key: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> str:
    """A key for scoring, where a target looks for it."""
    key = api_key("score")["Authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("WATCHHOUSE_TARGET_KEY", key)
    return key


def test_our_own_endpoint_scores_as_the_bundle_does(
    hub_address: str, score_key: str, english_bundle: Path
) -> None:
    bundle, endpoint = open_target(str(english_bundle)), open_target(f"watchhouse+http://{hub_address}")

    from_bundle, from_endpoint = bundle.score(TEXTS), endpoint.score(TEXTS)

    # The interface tells four decimals (model/classifier.py, Scores.row): to these the two are one.
    assert np.array_equal(np.isnan(from_bundle), np.isnan(from_endpoint))
    assert np.nanmax(np.abs(from_bundle.round(4) - from_endpoint)) <= 1e-6
    assert np.nanmax(np.abs(from_bundle - from_endpoint)) <= 5.1e-5
    assert np.nanmin(from_endpoint) < 0.1 < 0.9 < np.nanmax(from_endpoint)
    assert np.isnan(from_endpoint[TEXTS.index(GERMAN)]).all()
    assert endpoint.heads == HEAD_ORDER
    assert endpoint.unanswered == bundle.unanswered == {"language": 1}
    assert bundle.identity in endpoint.identity
    assert f"http://{hub_address}/v1/score" in endpoint.identity
    assert score_key not in endpoint.identity + endpoint.name


def test_posts_that_our_endpoint_refuses_have_no_scores(hub_address: str, score_key: str) -> None:
    target = open_target(f"watchhouse+http://{hub_address}")

    found = target.score(["hateword", "   ", "x" * 10_001, "\ud800", "tea"])
    alone = target.score(["\u200b"])

    assert np.isnan(found).all(axis=1).tolist() == [False, True, True, True, False]
    assert np.isnan(alone).all()
    assert target.unanswered == {"text_empty": 2, "text_too_long": 1, "not_text": 1}


def test_more_posts_than_a_request_holds_come_back_in_order(
    hub_address: str, score_key: str, english_bundle: Path
) -> None:
    texts = [f"tea number {number} {'hateword' if number % 3 else 'today'}" for number in range(150)]

    found = open_target(f"watchhouse+http://{hub_address}").score(texts)

    assert (found[:, 0] > 0.5).tolist() == [bool(number % 3) for number in range(150)]


def test_wrong_key_is_refused_at_once_and_not_told(hub_address: str, database: Database) -> None:
    with pytest.raises(NotAllowed, match="WATCHHOUSE_TARGET_KEY") as refused:
        open_target(f"watchhouse+http://{hub_address}", key=KEY)
    assert KEY not in str(refused.value)


def test_posts_without_room_are_sent_again(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_watchhouse)
    target = opened(f"watchhouse+{server.url}", KEY)

    found = target.score(["a", "b hateword", "c", "d hateword", "e"])

    assert found[:, 0].round(1).tolist() == pytest.approx([0.1, 0.9, 0.1, 0.9, 0.1])
    assert [len(body["posts"]) for body in server.asked()] == [5, 3, 1]
    assert target.unanswered == {}


def test_bundle_that_changes_half_way_is_an_error(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_watchhouse)
    target = opened(f"watchhouse+{server.url}", KEY)
    server.say = lambda body: (200, {**as_watchhouse(body)[1], "bundle": "tiny-2"})

    with pytest.raises(BadRecord, match="another one"):
        target.score(["tea"])


# --- the other shapes ------------------------------------------------------------------------------


def test_perspective_scores_its_attribute(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_perspective)
    target = opened(f"perspective+{server.url}", KEY)

    found = target.score(["tea", "hateword", GERMAN, " "])

    assert found[:2, 0].tolist() == pytest.approx([0.1, 0.9])
    assert np.isnan(found[2:]).all()
    assert np.isnan(found[:, 1:]).all()
    assert target.unanswered == {"language": 1, "comment_empty": 1}
    assert (target.heads, target.thresholds) == (("hate",), {"hate": 0.5})
    assert target.identity == f"{server.url}/v1alpha1/comments:analyze hate=IDENTITY_ATTACK"
    for path, _, body in server.requests:
        assert urlsplit(path).path == "/v1alpha1/comments:analyze"
        assert parse_qs(urlsplit(path).query) == {"key": [KEY]}
        assert body["doNotStore"] is True
        assert body["requestedAttributes"] == {"IDENTITY_ATTACK": {}}


def test_perspective_attribute_language_and_threshold_can_be_chosen(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_perspective)
    target = opened(f"perspective+{server.url}?hate=TOXICITY&language=en&threshold.hate=0.8", KEY)

    assert target.score(["hateword"])[0, 0] == pytest.approx(0.45)
    assert target.thresholds == {"hate": 0.8}
    assert server.requests[-1][2]["languages"] == ["en"]


def test_openai_scores_its_category_in_batches(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_openai)
    target = opened(f"openai+{server.url}/v1", KEY)
    texts = [f"tea {number} {'hateword' if number % 2 else ''}" for number in range(70)]

    found = target.score([*texts, "too long", GERMAN])

    assert found[:70, 0].tolist() == pytest.approx([0.9 if number % 2 else 0.1 for number in range(70)])
    assert np.isnan(found[70:]).all()
    assert target.unanswered == {"refused": 1, "not_scored": 1}
    assert target.identity == f"{server.url}/v1/moderations omni-moderation-2024-09-26 hate=hate"
    assert {urlsplit(path).path for path, _, _ in server.requests} == {"/v1/moderations"}
    assert {headers["authorization"] for _, headers, _ in server.requests} == {f"Bearer {KEY}"}
    assert {body["model"] for _, _, body in server.requests} == {"omni-moderation-latest"}
    assert len(server.asked()[0]["input"]) == 32


def test_openai_head_of_two_categories_takes_the_largest(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_openai)
    target = opened(f"openai+{server.url}?hate=hate/threatening,hate&model=their-own", KEY)

    assert target.score(["hateword"])[0, 0] == pytest.approx(0.9)
    assert server.requests[0][2]["model"] == "their-own"


def test_azure_severity_becomes_a_share_of_the_worst(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_azure)
    target = opened(f"azure+{server.url}", KEY)

    found = target.score(["tea", "hateword"])

    assert found[:, 0].tolist() == pytest.approx([0, 4 / 6])
    assert (found[:, 0] >= target.thresholds["hate"]).tolist() == [False, True]
    assert target.identity.endswith("/contentsafety/text:analyze api-version=2024-09-01 hate=Hate")
    path, headers, body = server.requests[-1]
    assert parse_qs(urlsplit(path).query) == {"api-version": ["2024-09-01"]}
    assert headers["ocp-apim-subscription-key"] == KEY
    assert body["outputType"] == "FourSeverityLevels"
    assert opened(f"azure+{server.url}?output_type=EightSeverityLevels", KEY).score(["hateword"])[
        0, 0
    ] == pytest.approx(4 / 7)
    with pytest.raises(BadConfig, match="output_type"):
        opened(f"azure+{server.url}?output_type=Some", KEY)


def test_text_is_asked_once_however_often_it_comes(stub: Callable[[Say], Stub]) -> None:
    server = stub(as_azure)
    target = opened(f"azure+{server.url}", KEY)

    target.score(["tea", "rain", "tea"])
    target.for_cases(["1", "2"], ["rain", "snow"])

    assert sorted(body["text"] for body in server.asked()) == ["rain", "snow", "tea"]
