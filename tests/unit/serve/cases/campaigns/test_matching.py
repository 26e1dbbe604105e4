"""Where a post belongs, without a database: the rules of `Matcher` one by one."""

from __future__ import annotations

import pytest

from serve.cases.campaigns.matching import Copy, How, KnownCase, Matcher

WAITS = KnownCase("1", "captured", waits_for_anybody=True)


def place(
    *cases: tuple[str, KnownCase],
    near: dict[str, float] | None = None,
    apart: frozenset[str] = frozenset(),
    texts: dict[str, frozenset[str]] | None = None,
    danger: bool = False,
) -> tuple[str, str, str | None]:
    """How a post with the text `t` is placed, in which case, and what that is linked to."""
    known: dict[str, list[KnownCase]] = {}
    for key, case in cases:
        known.setdefault(key, []).append(case)
    matcher = Matcher(known, {"t": near or {}}, {"t": apart} if apart else {}, texts or {})
    found = matcher.place(Copy("post", "own", "t", in_danger=danger))
    return found.how.value, found.case_id, found.linked_to


def test_unknown_text_opens_a_case() -> None:
    assert place() == ("opened", "own", None)


@pytest.mark.parametrize(
    "state", ["triage", "in_triage", "needs_info", "captured", "in_review", "duplicate_linked"]
)
def test_exact_and_near_copies_join_what_nobody_has_judged(state: str) -> None:
    case = KnownCase("1", state, linked_to="9" if state == "duplicate_linked" else None)

    assert place(("t", case)) == ("joined", "1", None)
    assert place(("u", case), near={"u": 0.9}) == ("joined", "1", None)


@pytest.mark.parametrize("state", ["second_review", "in_second_review", "adjudication", "in_adjudication"])
def test_near_copy_of_what_somebody_has_judged_is_linked_and_an_exact_one_joins(state: str) -> None:
    assert place(("t", KnownCase("1", state))) == ("joined", "1", None)
    assert place(("u", KnownCase("1", state)), near={"u": 0.9}) == ("linked", "own", "1")


@pytest.mark.parametrize(
    "state", ["decided", "no_action", "non_crime", "crime_candidate", "outcome_recorded"]
)
def test_copy_of_what_is_decided_is_linked(state: str) -> None:
    assert place(("t", KnownCase("1", state))) == ("linked", "own", "1")
    assert place(("u", KnownCase("1", state)), near={"u": 0.9}) == ("linked", "own", "1")


def test_copy_of_what_was_out_of_scope_is_read_anew() -> None:
    assert place(("t", KnownCase("1", "out_of_scope"))) == ("opened", "own", None)


def test_case_that_is_not_decided_comes_before_one_that_is() -> None:
    decided = KnownCase("1", "no_action")

    assert place(("t", decided), ("u", KnownCase("2", "captured")), near={"u": 0.9}) == ("joined", "2", None)


def test_exact_copy_comes_before_a_near_one_and_a_nearer_one_before_a_farther() -> None:
    cases = (("u", KnownCase("1", "captured")), ("v", KnownCase("2", "captured")))

    assert place(*cases, ("t", KnownCase("3", "captured")), near={"u": 0.95, "v": 0.9})[1] == "3"
    assert place(*cases, near={"u": 0.9, "v": 0.95})[1] == "2"


def test_of_cases_with_the_same_text_the_oldest_is_joined_and_the_newest_decision_is_followed() -> None:
    open_cases = (("t", KnownCase("2", "captured")), ("t", KnownCase("1", "captured")))
    decided = (("t", KnownCase("1", "no_action")), ("t", KnownCase("2", "no_action")))

    assert place(*open_cases)[1] == "1"
    assert place(*decided)[2] == "2"


def test_copy_of_a_case_that_followed_a_campaign_is_linked_to_the_campaign() -> None:
    assert place(("t", KnownCase("2", "no_action", linked_to="1"))) == ("linked", "own", "1")


def test_copy_of_a_case_that_followed_and_was_judged_anew_is_linked_to_that_case() -> None:
    assert place(("t", KnownCase("2", "no_action", linked_to="1", cycle=1))) == ("linked", "own", "2")


def test_text_kept_apart_from_any_text_of_a_case_neither_joins_nor_links() -> None:
    near, texts, apart = {"u": 0.9}, {"1": frozenset({"w"})}, frozenset({"w"})

    for state in ("captured", "no_action", "second_review"):
        case = KnownCase("1", state)
        assert place(("u", case), near=near, apart=apart, texts=texts)[0] == "opened"
        assert place(("u", case), near=near, apart=frozenset({"x"}), texts=texts)[0] != "opened"


def test_text_kept_apart_from_the_campaign_joins_no_case_that_is_linked_to_it() -> None:
    linked = KnownCase("2", "duplicate_linked", linked_to="1")
    texts, apart = {"1": frozenset({"w"})}, frozenset({"w"})

    assert place(("u", linked), near={"u": 0.9}, apart=apart, texts=texts) == ("opened", "own", None)


def test_exact_copy_joins_the_case_that_has_its_text_whatever_else_that_has() -> None:
    # The two were parted in another case; here nobody has parted them yet.
    texts, apart = {"1": frozenset({"w"})}, frozenset({"w"})

    assert place(("t", KnownCase("1", "captured")), apart=apart, texts=texts)[0] == "joined"
    assert place(("t", KnownCase("1", "no_action")), apart=apart, texts=texts)[0] == "opened"


@pytest.mark.parametrize(
    ("case", "how"),
    [
        (WAITS, "joined"),
        (KnownCase("1", "in_review"), "joined"),
        (KnownCase("1", "captured"), "opened"),  # parked, or kept for somebody
        (KnownCase("1", "needs_info"), "opened"),
        (KnownCase("1", "duplicate_linked", linked_to="9"), "opened"),
        (KnownCase("1", "no_action"), "opened"),
    ],
)
def test_immediate_danger_joins_only_what_somebody_has_or_can_have_now(case: KnownCase, how: str) -> None:
    assert place(("t", case), danger=True)[0] == how


def test_posts_of_one_batch_find_the_case_that_the_first_of_them_opened() -> None:
    matcher = Matcher({}, {"u": {"t": 0.9}}, {}, {})
    places = [
        matcher.place(Copy(str(number), f"case {number}", key)) for number, key in enumerate(["t", "t", "u"])
    ]

    assert [(one.how, one.case_id) for one in places] == [
        (How.OPENED, "case 0"),
        (How.JOINED, "case 0"),
        (How.JOINED, "case 0"),
    ]


def test_third_text_of_a_batch_does_not_bring_two_together_that_are_kept_apart() -> None:
    # `m` is near both `t` and `u`, which a person has called different.
    apart = {"t": frozenset({"u"}), "u": frozenset({"t"})}
    matcher = Matcher({}, {"m": {"t": 0.9}, "u": {"m": 0.9}}, apart, {})
    places = [matcher.place(Copy(key, f"case {key}", key)) for key in ("t", "m", "u")]

    assert [one.case_id for one in places] == ["case t", "case t", "case u"]
