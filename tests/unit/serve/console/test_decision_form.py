"""What the decision form offers and what it misses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import STRAND_ORDER
from serve.cases.outcomes import Detail, Outcome, OutcomeCatalogue, Profile, load_outcomes
from serve.console.decision_form import OTHER_KEYS, STRAND_KEYS, DecisionForm, check_keys, choices, missing
from serve.console.severities import load_severities

OUTCOMES = (
    Outcome(code="crime", key="c", title="Crime", meaning="A crime."),
    Outcome(
        code="no_action",
        key="g",
        title="No action",
        meaning="Nothing.",
        details=(Detail(code="satire", title="Satire"),),
    ),
)
WHOLE = DecisionForm(lease_number=1, outcome="crime", severity="2", reason="Because.")
NO_ACTION = DecisionForm(outcome="no_action", severity="0", reason="r")


def test_no_letter_of_the_shipped_outcomes_is_one_of_the_pages_own() -> None:
    catalogue = load_outcomes(configs_folder() / "policy" / "outcomes.yaml")
    check_keys(catalogue)
    assert [choice.key for choice in choices(catalogue.profiles[0].outcomes)] == [
        outcome.key for outcome in catalogue.profiles[0].outcomes
    ]


@pytest.mark.parametrize("letter", sorted(OTHER_KEYS))
def test_an_outcome_with_a_letter_of_the_page_is_refused(letter: str) -> None:
    outcome = Outcome(code="crime", key=letter, title="Crime", meaning="A crime.")
    profile = Profile(name="one", valid_from=date(2026, 1, 1), outcomes=(outcome,))
    catalogue = OutcomeCatalogue(name="test", version=1, profiles=(profile,), sha256="0" * 64)
    with pytest.raises(BadConfig, match=f"crime: {letter}"):
        check_keys(catalogue)


def test_every_strand_has_a_key_in_the_house_order() -> None:
    assert tuple(strand for strand, _ in STRAND_KEYS) == STRAND_ORDER


def test_a_whole_form_misses_nothing() -> None:
    assert missing(WHOLE, choices(OUTCOMES)) == []


def test_an_empty_form_is_told_everything_at_once_in_page_order() -> None:
    fields = [error.field for error in missing(DecisionForm(), choices(OUTCOMES))]
    assert fields == ["outcome", "severity", "reason"]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (NO_ACTION, "detail-no_action"),
        (replace(NO_ACTION, details={"no_action": "unheard_of"}), "detail-no_action"),
        (replace(NO_ACTION, details={"crime": "satire"}), "detail-no_action"),
        (DecisionForm(outcome="unheard_of", severity="0", reason="r"), "outcome"),
        (DecisionForm(outcome="crime", severity="5", reason="r"), "severity"),
        (DecisionForm(outcome="crime", severity="٣", reason="r"), "severity"),
        (DecisionForm(outcome="crime", severity="1", reason=" \n "), "reason"),
        (DecisionForm(outcome="crime", severity="1", reason="r", strands=("other",)), "strands"),
    ],
)
def test_what_is_wrong_leads_to_its_field(form: DecisionForm, field: str) -> None:
    assert [error.field for error in missing(form, choices(OUTCOMES))] == [field]


def test_the_details_of_another_outcome_do_not_count() -> None:
    form = DecisionForm(outcome="crime", details={"no_action": "satire"})
    assert form.detail() is None


def test_the_shipped_codebook_words_every_severity() -> None:
    scale = load_severities(configs_folder() / "codebook" / "codebook-v1.yaml")
    assert [step.code for step in scale.severities] == ["S0", "S1", "S2", "S3", "S4"]
    assert scale.step(3).value == 3


def test_a_codebook_without_a_step_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "codebook.yaml"
    file.write_text("version: 1\nseverities:\n  - {value: 0, code: S0, title: None, meaning: nothing}\n")
    with pytest.raises(BadConfig, match="severities"):
        load_severities(file)
