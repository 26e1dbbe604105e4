"""Agreement of two readers: worked by hand, and what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.cases.agreement import agreement_of, wilson

answers = st.sampled_from(["no_action", "platform_notice", "refer_force"])
pairs = st.lists(st.tuples(answers, answers), max_size=60)


def test_kappa_worked_by_hand() -> None:
    # 45 + 15 yes/yes + no/no of 100; by chance 0.7 * 0.6 + 0.3 * 0.4 = 0.54; (0.6 - 0.54) / 0.46.
    found = agreement_of([("y", "y")] * 45 + [("y", "n")] * 25 + [("n", "y")] * 15 + [("n", "n")] * 15)
    assert (found.n, found.same, found.share) == (100, 60, 0.6)
    assert found.kappa == pytest.approx(0.1304, abs=5e-5)


def test_wilson_worked_by_hand() -> None:
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857, table I: 81 of 263.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_nothing_observed_says_nothing() -> None:
    found = agreement_of([])
    assert (found.n, found.share, found.kappa, found.low, found.high) == (0, None, None, 0.0, 1.0)


@given(pairs)
def test_agreement_stays_in_bounds_and_does_not_mind_who_is_first(observed) -> None:
    found, turned = agreement_of(observed), agreement_of([(second, first) for first, second in observed])
    assert found == turned
    assert 0 <= found.low <= found.high <= 1
    if found.share is not None:
        assert found.low <= found.share + 1e-12
        assert found.share <= found.high + 1e-12
    if found.kappa is not None:
        assert -1 <= found.kappa <= 1


@given(pairs)
def test_two_who_always_agree_have_kappa_one_or_none(observed) -> None:
    same = [(first, first) for first, _ in observed]
    kappa = agreement_of(same).kappa
    assert kappa == (1.0 if len({first for first, _ in same}) > 1 else None)
