"""An exposure policy whose numbers a test can count on, and shifts to judge by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from serve.people.exposure.budget import assess
from serve.people.exposure.policy import ExposurePolicy, ExposureRules
from serve.people.exposure.shift import Preferences, Shift, Standing, TextRead

NUMBERS: dict[str, Any] = {
    "name": "tests",
    "valid_from": "2026-01-01",
    "evidence": {"rating": "weak", "words": "Made up.", "sources": ["ours"]},
    "units": {0: 0, 1: 1, 2: 2, 3: 4, 4: 8},
    "budget": {"default": 100, "roles": {"officer": 100, "annotator": 50}},
    "stops": {"warn": 0.8, "soft": 1.0, "hard": 1.5, "hard_again": 0.25},
    "shift": {"hours": 8, "rest_hours": 11, "light_share": 0.125, "light_severity": 0},
    "breaks": {
        "after_units": 1000, "after_minutes": 50, "minutes": 10, "forced_minutes": 30, "pause_minutes": 45,
    },
    "in_a_row": {"severity": 4, "below": 3, "lighter_texts": 3},
    "go_on": {
        "units": 10,
        "minutes": 30,
        "reasons": [{"code": "danger", "title": "Danger"}, {"code": "not_said", "title": "Not said"}],
    },
    "expected_severity": {
        "by_score": [{"from_score": 0, "severity": 0}, {"from_score": 0.5, "severity": 2}],
        "not_known": 2,
    },
    "keep_days": 35,
}  # fmt: skip
"""Breaks by units are out of reach, so that a test of the budget meets the budget alone."""


def made_rules(**changes: Any) -> ExposureRules:
    """The rules with some groups changed: `made_rules(breaks={"after_units": 25})`."""
    groups = {
        name: {**NUMBERS[name], **change} if isinstance(change, dict) and name in NUMBERS else change
        for name, change in changes.items()
    }
    return ExposureRules.model_validate({**NUMBERS, **groups})


def made_policy(**changes: Any) -> ExposurePolicy:
    """A policy with those rules alone, in force from 2026 on."""
    return ExposurePolicy((made_rules(**changes),), "e" * 64)


NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
RULES = made_rules()


def at(minutes: float) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=minutes)


def texts(*read: tuple[float, int], rules: ExposureRules = RULES) -> tuple[TextRead, ...]:
    """Texts as (minutes after nine, severity)."""
    return tuple(TextRead(at(minutes), severity, rules.units[severity]) for minutes, severity in read)


def stands(
    read: Sequence[TextRead],
    now: float,
    *,
    rules: ExposureRules = RULES,
    role: str | None = "officer",
    preferences: Preferences | None = None,
    **more: Any,
) -> Standing:
    """The standing so many minutes after nine of somebody whose shift began with the first text."""
    began_at = read[0].read_at if read else None
    shift = Shift(began_at=began_at, texts=tuple(read), **more)
    return assess(rules, role=role, preferences=preferences or Preferences(), shift=shift, now=at(now))


def of_units(units: int) -> tuple[TextRead, ...]:
    """Texts read all at nine that come to so many units, S1 each."""
    return texts(*((0, 1) for _ in range(units)))
