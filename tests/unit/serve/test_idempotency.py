from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from model.errors import BadInput, KeyInUse, KeyReused
from serve.hub import Hub
from serve.intake import idempotency
from serve.intake.idempotency import Repeatable, check_key, keep_answer
from serve.intake.storing import IntakeAnswer, take_posts
from serve.people.keys import create_key
from serve.storage.identifiers import utc_now
from serve.storage.tables import IdempotencyKey, Post


@pytest.fixture
def key_id(hub: Hub) -> str:
    return make_key(hub)


def make_key(hub: Hub) -> str:
    with hub.database.write() as session:
        return create_key(
            session, scopes=["posts"], label="a test", actor="system:tests", at=utc_now()
        ).key_id


def send(hub: Hub, key_id: str, key: str = "monday", body: str = "a" * 64) -> IntakeAnswer:
    repeatable = Repeatable(key_id, key, body)
    return take_posts(hub, [{"id": "1", "text": "one"}], actor=f"key:{key_id}", repeatable=repeatable)


def stored(hub: Hub) -> int:
    with hub.database.read() as session:
        return session.execute(select(func.count()).select_from(Post)).scalar_one()


def test_repeated_request_gets_the_same_answer_and_stores_nothing(hub: Hub, key_id: str) -> None:
    first, second = send(hub, key_id), send(hub, key_id)
    assert second.body == first.body
    assert (first.replayed, second.replayed) == (False, True)
    assert stored(hub) == 1


def test_key_with_another_body_is_refused(hub: Hub, key_id: str) -> None:
    send(hub, key_id)
    with pytest.raises(KeyReused):
        send(hub, key_id, body="b" * 64)
    assert stored(hub) == 1


def test_same_key_of_another_api_key_is_another_request(hub: Hub, key_id: str) -> None:
    first, second = send(hub, key_id), send(hub, make_key(hub))
    assert first.body["accepted"] != second.body["accepted"]
    assert stored(hub) == 2


def test_key_is_kept_for_the_days_of_the_setting_then_forgotten(hub: Hub, key_id: str) -> None:
    days = timedelta(days=hub.settings.idempotency_days)
    send(hub, key_id, key="other")
    send(hub, key_id)
    for age, replayed in ((days - timedelta(minutes=1), True), (days + timedelta(minutes=1), False)):
        with hub.database.write() as session:
            session.execute(update(IdempotencyKey).values(created_at=utc_now() - age))
        assert send(hub, key_id).replayed is replayed
    with hub.database.read() as session:
        assert session.scalars(select(IdempotencyKey.idempotency_key)).all() == ["monday"]


def test_request_that_fails_leaves_its_key_free(hub: Hub, key_id: str) -> None:
    with pytest.raises(BadInput):
        take_posts(hub, [{"text": ""}], actor="key:1", repeatable=Repeatable(key_id, "monday", "b" * 64))
    assert not send(hub, key_id).replayed


def test_eight_at_once_with_one_key_store_one_copy(hub: Hub, key_id: str) -> None:
    answers: list[IntakeAnswer] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        answers.append(send(hub, key_id))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len({str(answer.body) for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert stored(hub) == 1


def test_key_that_came_first_and_vanished_asks_for_a_retry(
    hub: Hub, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(hub, key_id)
    now = utc_now()
    monkeypatch.setattr(idempotency, "answer_again", lambda *_: None)
    with pytest.raises(KeyInUse), hub.database.write() as session:
        keep_answer(session, Repeatable(key_id, "monday", "a" * 64), status=202, answer={}, now=now)


@pytest.mark.parametrize("value", ["a", "~ !", "x" * 255])
def test_key_of_printable_ascii_is_taken(value: str) -> None:
    assert check_key(value) == value


@pytest.mark.parametrize("value", ["", "x" * 256, "a\tb", "caf\u00e9", "\x7f"])
def test_other_keys_are_refused(value: Any) -> None:
    with pytest.raises(BadInput) as refused:
        check_key(value)
    assert refused.value.field == "Idempotency-Key"
