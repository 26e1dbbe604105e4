"""What the gate says of lines: no line can be outvoted, and nothing is promoted for want of evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from model.configuration import configs_folder
from model.errors import BadConfig
from training.gate.decision import (
    INFERIOR,
    NEEDS_LABELS,
    NON_INFERIOR,
    PROMOTE,
    REFUSE,
    UNDECIDED,
    Comparison,
    judge,
)
from training.gate.noninferiority import Evidence, known, quantile
from training.gate.rules import FAMILIES, load_rules

pytestmark = pytest.mark.training

LEVELS: dict[str, Any] = {"alpha": 0.05, "power": 0.8}


def evidence(value: float, error: float, *, posts: int = 400, positives: int | None = None) -> Evidence:
    def bounds(alpha: float) -> tuple[float, float]:
        return value - quantile(alpha) * error, value + quantile(alpha) * error

    return Evidence(value, 0.8, 0.8 + value, posts, error * posts**0.5, bounds, positives)


def line(name: str, found: Evidence | None, *, least: int = 1, unit: str = "posts") -> Comparison:
    return Comparison(name, "suite", None, 0.02, found, least, unit)


GOOD = line("good", evidence(0.0, 0.005))
BAD = line("bad", evidence(-0.2, 0.01))
OPEN = line("open", evidence(-0.01, 0.02))
comparisons = st.builds(
    line,
    st.sampled_from(["one", "other"]),
    st.builds(evidence, st.floats(-0.3, 0.3), st.floats(0.0001, 0.2)),
)


@pytest.mark.parametrize(("entry", "verdict"), [(GOOD, NON_INFERIOR), (BAD, INFERIOR), (OPEN, UNDECIDED)])
def test_line_is_judged_by_its_bounds(entry: Comparison, verdict: str) -> None:
    (found,) = judge([entry], **LEVELS).lines

    assert found.verdict == verdict
    assert (found.more > 0) == (verdict == UNDECIDED)
    assert bool(found.reason) == (verdict != NON_INFERIOR)


def test_one_inferior_line_refuses_and_is_named() -> None:
    decision = judge([GOOD, BAD, OPEN, GOOD], **LEVELS)

    assert decision.verdict == REFUSE
    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith("bad: worse by 0.200")


def test_undecided_lines_ask_for_the_largest_number_of_labels() -> None:
    wide = line("wide", evidence(0.0, 0.05))

    decision = judge([OPEN, GOOD, wide], **LEVELS)

    assert decision.verdict == NEEDS_LABELS
    assert decision.labels == max(entry.more for entry in decision.lines) > 0
    assert len(decision.reasons) == 2
    assert f"about {decision.labels} more posts" in decision.reasons[0]


@given(st.lists(comparisons, min_size=1, max_size=8))
def test_promotion_needs_every_line_and_refusal_a_single_one(entries: list[Comparison]) -> None:
    decision = judge(entries, **LEVELS)
    verdicts = {entry.verdict for entry in decision.lines}

    assert (decision.verdict == PROMOTE) == (verdicts == {NON_INFERIOR})
    assert (decision.verdict == REFUSE) == (INFERIOR in verdicts)
    assert (decision.verdict == NEEDS_LABELS) == (INFERIOR not in verdicts and UNDECIDED in verdicts)
    assert [entry.name for entry in decision.lines] == [entry.name for entry in entries]


@given(st.lists(comparisons, min_size=1, max_size=6), comparisons)
def test_one_line_more_never_turns_a_no_into_a_promotion(
    entries: list[Comparison], further: Comparison
) -> None:
    before, after = judge(entries, **LEVELS), judge([*entries, further], **LEVELS)

    assert after.verdict != PROMOTE or before.verdict == PROMOTE


@given(st.floats(-0.3, 0.3), st.floats(0.0001, 0.2), st.floats(0.0, 0.3))
def test_better_value_never_gets_a_worse_verdict(value: float, error: float, gain: float) -> None:
    rank = [INFERIOR, UNDECIDED, NON_INFERIOR]
    (worse,) = judge([line("one", evidence(value, error))], **LEVELS).lines
    (better,) = judge([line("one", evidence(value + gain, error))], **LEVELS).lines

    assert rank.index(better.verdict) >= rank.index(worse.verdict)


def test_refusal_gets_harder_with_the_number_of_lines() -> None:
    close = line("close", evidence(-0.06, 0.02))

    assert judge([close], **LEVELS).verdict == REFUSE
    assert judge([close, *[GOOD] * 30], **LEVELS).verdict == NEEDS_LABELS


def test_too_few_positives_never_promote_however_good_and_say_how_many_posts_are_missing() -> None:
    few = line("F1 of far_right", evidence(0.1, 0.001, posts=4000, positives=100), least=250)

    decision = judge([few], **LEVELS)

    assert decision.verdict == NEEDS_LABELS
    assert decision.labels == 6000  # 150 positives are missing, one post in 40 is positive
    assert "100 of the 250 wanted" in decision.reasons[0]


def test_too_few_positives_do_not_save_a_line_that_is_worse_for_sure() -> None:
    few = line("few", evidence(-0.2, 0.01, positives=100), least=250)

    assert judge([few], **LEVELS).verdict == REFUSE


def test_what_was_not_measured_asks_for_labels_or_refuses_where_none_would_help() -> None:
    assert judge([GOOD, line("gone", None, least=250)], **LEVELS).labels == 250
    refused = judge([GOOD, line("int8 parity", None, unit="")], **LEVELS)

    assert refused.verdict == REFUSE
    assert refused.reasons == ("int8 parity: not measured, and no label makes up for that",)


@pytest.mark.parametrize(("value", "verdict"), [(0.0, PROMOTE), (-0.02, PROMOTE), (-0.0201, REFUSE)])
def test_fact_is_judged_by_the_margin_alone(value: float, verdict: str) -> None:
    fact = line("speed", known(value, 100.0, 100.0 + value, 10), unit="")

    assert judge([fact], **LEVELS).verdict == verdict


def test_no_line_at_all_promotes_nothing() -> None:
    with pytest.raises(ValueError, match="no line"):
        judge([], **LEVELS)


def test_shipped_margins_load_and_none_lets_three_points_of_f1_go() -> None:
    rules, _ = load_rules()

    assert set(rules.families) == set(FAMILIES)
    assert rules.families["strand_f1"].margin < 0.03
    assert rules.alpha == pytest.approx(0.05)


def test_margins_without_a_family_are_refused(tmp_path: Path) -> None:
    raw = yaml.safe_load((configs_folder() / "policy" / "gate.yaml").read_text("utf-8"))
    del raw["families"]["neutral_group"]
    path = tmp_path / "gate.yaml"
    path.write_text(yaml.safe_dump(raw, default_flow_style=False), encoding="utf-8")

    with pytest.raises(BadConfig, match="neutral_group missing"):
        load_rules(path)
