"""An exposure policy whose numbers a test can count on, whatever the shipped file says."""

from __future__ import annotations

from typing import Any

from serve.people.exposure.policy import ExposurePolicy, ExposureRules

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
        "routes": {
            "urgent_review": [{"from_score": 0, "severity": 3}],
            "review": [{"from_score": 0, "severity": 1}, {"from_score": 0.7, "severity": 2}],
            "unscored": [{"from_score": 0, "severity": 2}],
            "low_priority": [{"from_score": 0, "severity": 0}, {"from_score": 0.3, "severity": 1}],
        },
        "no_route": [{"from_score": 0, "severity": 0}, {"from_score": 0.5, "severity": 2}],
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
