"""Who gets which case: by rank, by skill, by stage, and never what they have judged or passed by."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_work import ADA, BEN, CLEO, LEASE, NOTHING, events, give_back, read_by, settle, take, taken
from sqlalchemy import select

from serve.cases import claiming
from serve.cases.claiming import Claimant, anything_for, claim
from serve.cases.ordering import QUEUES
from serve.hub import Hub
from serve.people.exposure.readings import Subject, record_reading
from serve.storage.tables import CLAIMABLE, CasePost, CaseSkip, Reading

MakeCases = Callable[..., list[str]]


def skip_all(hub: Hub, actor: str, case_ids: list[str], now: datetime) -> None:
    with hub.database.write() as session:
        session.add_all(
            CaseSkip(case_id=one, actor=actor, reason="language", skipped_at=now) for one in case_ids
        )


def test_claims_come_by_rank_then_age_and_never_the_same_case(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    low, high, high_later, middle = make_cases([0.1, 2.9, 2.9, 1.0])
    claimed = [taken(hub, ADA, now).case_id for _ in range(4)]
    assert claimed == [high, high_later, middle, low]
    assert take(hub, BEN, now) is None


def test_claim_of_an_empty_queue_gives_none(hub: Hub, now: datetime) -> None:
    assert take(hub, ADA, now) is None


def test_rank_counts_across_queues_and_stages(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (third,) = make_cases([1.0], queue="antisemitic")
    (first,) = make_cases([3.0], queue="far_right", state="second_review")
    (second,) = make_cases([2.0], queue="several", state="triage")
    (fourth,) = make_cases([0.5], queue="general", state="adjudication")
    assert [taken(hub, ADA, now).case_id for _ in range(4)] == [first, second, third, fourth]


def test_nobody_gets_a_case_of_a_queue_whose_skill_they_lack(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    made = {queue: make_cases([1.0], queue=queue)[0] for queue in QUEUES}
    assert taken(hub, ADA, now, queues=("general", "islamophobic")).case_id == made["general"]
    assert taken(hub, ADA, now, queues=("general", "islamophobic")).case_id == made["islamophobic"]
    assert take(hub, ADA, now, queues=("general", "islamophobic")) is None
    assert take(hub, ADA, now, queues=()) is None


def test_nobody_gets_a_case_of_a_stage_they_do_not_work_in(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    made = {stage: make_cases([1.0], state=stage)[0] for stage in CLAIMABLE}
    assert taken(hub, ADA, now, stages=("adjudication",)).case_id == made["adjudication"]
    assert take(hub, ADA, now, stages=("adjudication",)) is None
    assert take(hub, ADA, now, stages=()) is None


def test_reader_does_not_get_a_case_again_that_they_have_judged(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    grave, plain = make_cases([2.0, 1.0])
    assert read_by(hub, ADA, now, severity=4).state == "second_review"
    assert taken(hub, ADA, now).case_id == plain, "the grave case comes first, but ADA has judged it"
    assert taken(hub, BEN, now).case_id == grave


def test_what_somebody_skipped_goes_to_others_only(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    first, second = make_cases([2.0, 1.0])
    skip_all(hub, ADA, [first], now)
    assert taken(hub, ADA, now).case_id == second
    assert taken(hub, BEN, now).case_id == first


def test_severity_above_what_somebody_may_read_is_left_to_others(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (grave,) = make_cases([3.0], severity_expected=3)
    (mild,) = make_cases([1.0], severity_expected=1)
    assert taken(hub, ADA, now, severity_at_most=2).case_id == mild
    assert take(hub, ADA, now, severity_at_most=2) is None
    assert taken(hub, BEN, now, severity_at_most=3).case_id == grave


def test_case_of_which_somebody_has_read_a_text_on_their_shift_comes_past_their_limit(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    new, read = make_cases([3.0, 2.0], severity_expected=4)
    with hub.database.write() as session:
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == read)).one()
        record_reading(
            session, hub.exposure, actor=ADA, at=now, subject=Subject("post", post_id),
            text_sha256="1" * 64, severity_expected=4,
        )  # fmt: skip
        began_at = session.scalars(select(Reading.shift_began_at)).one()
    limits = {"severity_at_most": 2, "shift_began_at": began_at}
    assert take(hub, BEN, now, **limits) is None, "BEN has not read it"
    assert take(hub, ADA, now, severity_at_most=2) is None
    assert take(hub, ADA, now, **{**limits, "shift_began_at": began_at - timedelta(days=1)}) is None
    assert taken(hub, ADA, now, **limits).case_id == read
    assert take(hub, ADA, now, **limits) is None
    assert taken(hub, ADA, now).case_id == new


def test_strands_that_somebody_would_rather_not_read_are_left_to_others(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    wish = {"strands_left_out": ("far_right", "islamophobic")}
    (own,) = make_cases([4.0], queue="far_right", strands=["far_right"])
    (mixed,) = make_cases([3.0], queue="several", strands=["antisemitic", "far_right"])
    (other,) = make_cases([2.0], queue="antisemitic", strands=["antisemitic"])
    (none,) = make_cases([1.0])
    assert [taken(hub, ADA, now, **wish).case_id for _ in range(2)] == [other, none]
    assert take(hub, ADA, now, **wish) is None
    assert [taken(hub, BEN, now).case_id for _ in range(2)] == [own, mixed]


def test_case_of_several_strands_comes_to_whoever_minds_none_of_them(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (mixed,) = make_cases([3.0], queue="several", strands=["antisemitic", "far_right"])
    assert taken(hub, ADA, now, strands_left_out=("islamophobic",)).case_id == mixed


def test_case_that_was_kept_for_somebody_by_name_comes_whatever_its_strand(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (kept,) = make_cases(
        [1.0], queue="far_right", strands=["far_right"], waiting=False, reserved_for=ADA,
        reserved_until=now + timedelta(days=1),
    )  # fmt: skip
    assert taken(hub, ADA, now, strands_left_out=("far_right",)).case_id == kept


def test_made_up_strand_is_no_part_of_a_statement(hub: Hub, now: datetime) -> None:
    with pytest.raises(ValueError, match="one of antisemitic"):
        take(hub, ADA, now, strands_left_out=("made up'",))


def test_somebody_may_choose_an_emergency_past_every_limit_and_gets_nothing_else(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    limits = {"severity_at_most": 1, "strands_left_out": ("far_right",)}
    make_cases([9.0], severity_expected=1)
    (grave,) = make_cases(
        [5.0], severity_expected=4, queue="far_right", strands=["far_right"], emergency="emergency_escalated"
    )
    make_cases([7.0], emergency="emergency_relayed")
    assert take(hub, ADA, now, stages=("triage",), emergencies_only=True, **limits) is None
    assert taken(hub, ADA, now, emergencies_only=True, **limits).case_id == grave
    assert take(hub, BEN, now, emergencies_only=True) is None


def test_emergency_that_somebody_has_judged_does_not_come_to_them_again(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (grave,) = make_cases([5.0], severity_expected=4, emergency="emergency_escalated")
    read_by(hub, ADA, now, severity=4)
    assert take(hub, ADA, now, emergencies_only=True) is None
    assert taken(hub, BEN, now, emergencies_only=True).case_id == grave


@pytest.mark.parametrize(
    "limits",
    [{}, {"severity_at_most": 1}, {"strands_left_out": ("far_right",)}, {"emergencies_only": True},
     {"stages": ()}, {"stages": ("triage",)}],
    ids=str,
)  # fmt: skip
def test_asking_whether_anything_waits_says_what_a_claim_would_find_and_takes_nothing(
    hub: Hub, make_cases: MakeCases, now: datetime, limits: dict[str, Any]
) -> None:
    def waits(actor: str) -> bool:
        with hub.database.read() as session:
            return anything_for(session, Claimant(actor, **limits))

    assert not waits(ADA)
    make_cases([2.0], severity_expected=3, queue="far_right", strands=["far_right"])
    make_cases([1.0], severity_expected=3, state="triage", emergency="emergency_escalated")
    for _ in range(3):
        assert waits(ADA) is waits(ADA)
        assert waits(ADA) is (take(hub, ADA, now, **limits) is not None)


@pytest.mark.parametrize("looks", [(2,), (2, 4)])
def test_what_somebody_may_have_is_found_however_deep_it_lies(
    hub: Hub, make_cases: MakeCases, now: datetime, monkeypatch: pytest.MonkeyPatch, looks: tuple[int, ...]
) -> None:
    monkeypatch.setattr(claiming, "LOOKS", looks)
    grave = make_cases([9.0 - number for number in range(7)], severity_expected=4)
    skip_all(hub, ADA, grave[:3], now)
    (mild,) = make_cases([0.5], severity_expected=1)
    assert taken(hub, ADA, now).case_id == grave[3], "past the first look"
    assert taken(hub, ADA, now, severity_at_most=1).case_id == mild, "past every look"


def test_case_that_waits_for_somebody_comes_to_them_first_and_to_nobody_else(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (top,) = make_cases([5.0])
    (kept,) = make_cases([1.0], waiting=False, reserved_for=ADA, reserved_until=now + timedelta(days=1))
    assert taken(hub, BEN, now).case_id == top
    assert take(hub, BEN, now) is None
    lease = taken(hub, ADA, now)
    assert lease.case_id == kept
    assert give_back(hub, lease, now) == "captured"
    assert taken(hub, BEN, now).case_id == kept, "given back, it is for anybody"


def test_case_kept_for_somebody_comes_even_if_they_lack_the_skill_of_its_queue(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    soon = now + timedelta(days=1)
    (kept,) = make_cases([1.0], queue="several", waiting=False, reserved_for=ADA, reserved_until=soon)
    assert taken(hub, ADA, now, queues=()).case_id == kept


def test_parked_case_does_not_come_before_its_day(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    day = now + timedelta(days=1)
    (parked,) = make_cases(
        [1.0],
        waiting=False,
        reserved_for=ADA,
        reserved_until=day + timedelta(days=5),
        parked_until=day,
        parked_because="waits_for_reply",
    )
    assert take(hub, ADA, now) is None
    assert take(hub, BEN, day) is None, "woken, it still waits for ADA"
    assert taken(hub, ADA, day).case_id == parked


def test_claim_that_is_rolled_back_leaves_no_lease_and_no_event(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])

    def claims_and_fails() -> None:
        with hub.database.write() as session:
            claim(session, Claimant(ADA), now=now, lease_seconds=LEASE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        claims_and_fails()
    assert events(hub, case_id) == []
    assert taken(hub, BEN, now).lease_number == 1


def test_eight_who_claim_at_once_share_the_cases_out(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    case_ids = make_cases([1.0] * 60)
    found: list[str] = []
    lock = threading.Lock()

    def work(actor: str) -> None:
        while (claimed := take(hub, actor, now)) is not None:
            with lock:
                found.append(claimed.case_id)

    threads = [threading.Thread(target=work, args=(f"officer:{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == case_ids


def test_one_who_claims_while_another_is_claiming_gets_the_next_case(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    if hub.database.is_sqlite:
        pytest.skip("claims take turns there")
    first, second = make_cases([2.0, 1.0])
    with hub.database.write() as session:
        uncommitted = claim(session, Claimant(ADA), now=now, lease_seconds=LEASE)
        assert uncommitted is not None
        assert uncommitted.case_id == first
        assert taken(hub, BEN, now).case_id == second
        assert take(hub, CLEO, now) is None


def test_judged_case_is_nowhere_in_the_queue(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0])
    assert settle(hub, taken(hub, ADA, now), now, **NOTHING).state == "no_action"
    assert take(hub, BEN, now) is None
