from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from exposure_rules import NUMBERS, made_policy, made_rules

from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig, BadInput
from serve.cases.ordering import load_queue_rules
from serve.people.exposure.policy import load_exposure

FILE = configs_folder() / "policy" / "exposure.yaml"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def write(folder: Path, **changes: Any) -> Path:
    """A policy file with one profile, some of its groups changed."""
    groups = {
        name: {**NUMBERS[name], **change} if isinstance(change, dict) else change
        for name, change in changes.items()
    }
    path = folder / "exposure.yaml"
    path.write_text(
        yaml.safe_dump({"name": "e", "version": 1, "profiles": [{**NUMBERS, **groups}]}), encoding="utf-8"
    )
    return path


def test_shipped_file_counts_units_by_severity_and_says_that_the_evidence_is_weak() -> None:
    policy = load_exposure()
    rules = policy.in_force(NOON)

    assert policy.sha256 == sha256_of(FILE.read_bytes())
    assert [rules.units[severity] for severity in range(5)] == [0, 1, 2, 4, 8]  # DOMAIN.md section 6
    assert rules.evidence.rating == "weak"
    assert any("10.1007/s00426-026-02241-5" in source for source in rules.evidence.sources)


def test_shipped_file_expects_nothing_at_the_worst_severity() -> None:
    rules = load_exposure().in_force(NOON)

    for score in (None, 0.0, 0.5, 1.0):
        assert rules.expected(score) < rules.in_a_row.severity


def test_end_of_a_shift_is_for_what_the_queue_expects_least_of() -> None:
    assert load_exposure().in_force(NOON).shift.light_severity == min(
        load_queue_rules().severity_expected.values()
    )


@pytest.mark.parametrize(("score", "severity"), [(0.0, 0), (0.49, 0), (0.5, 2), (1.0, 2), (None, 2)])
def test_text_that_nobody_judged_is_taken_for_what_the_file_says(score: float | None, severity: int) -> None:
    assert made_rules().expected(score) == severity


def test_role_that_is_not_named_has_the_default_budget() -> None:
    budget = made_rules(budget={"default": 70}).budget

    assert [budget.of(role) for role in ("officer", "annotator", "supervisor", "nobody", None)] == [
        100, 50, 70, 70, 70,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"units": {4: 3}}, "never counts less"),
        ({"units": {5: 9}}, "units"),
        ({"stops": {"soft": 1.5}}, "warn, soft, hard"),
        ({"stops": {"warn": 1.1}}, "warn, soft, hard"),
        ({"breaks": {"pause_minutes": 20}}, "forced_minutes, pause_minutes"),
        ({"breaks": {"minutes": 31}}, "forced_minutes, pause_minutes"),
        ({"in_a_row": {"severity": 2}}, "below: at most severity"),
        ({"go_on": {"reasons": [{"code": "a", "title": "A"}] * 2}}, "more than once: a"),
        ({"budget": {"roles": {"emperor": 9}}}, "emperor"),
        ({"keep_days": 13}, "keep_days"),
        ({"valid_to": "2025-12-31"}, "valid_to: before valid_from"),
        ({"evidence": {"rating": "made up"}}, "rating"),
        ({"expected_severity": {"by_score": [{"from_score": 0.1, "severity": 0}]}}, "starts from_score 0"),
        (
            {"expected_severity": {"by_score": [
                {"from_score": 0, "severity": 1}, {"from_score": 0.5, "severity": 0},
            ]}},
            "rise from band to band",
        ),
    ],
)  # fmt: skip
def test_file_with_numbers_that_make_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadConfig, match=named):
        load_exposure(write(tmp_path, **changes))


def test_profiles_that_overlap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "exposure.yaml"
    later = {**NUMBERS, "name": "later", "valid_from": "2026-06-01"}
    path.write_text(
        yaml.safe_dump({"name": "e", "version": 1, "profiles": [NUMBERS, later]}), encoding="utf-8"
    )

    with pytest.raises(BadConfig, match="later must start after tests has ended"):
        load_exposure(path)


def test_day_without_a_profile_and_instant_without_a_zone_are_refused() -> None:
    policy = made_policy(valid_to="2026-11-23")

    assert policy.in_force(datetime(2026, 11, 23, 23, 59, tzinfo=UTC)).name == "tests"
    with pytest.raises(BadConfig, match="2026-11-24"):
        policy.in_force(datetime(2026, 11, 24, tzinfo=UTC))
    with pytest.raises(BadInput):
        policy.in_force(datetime(2026, 11, 23))  # noqa: DTZ001 - without a zone on purpose
