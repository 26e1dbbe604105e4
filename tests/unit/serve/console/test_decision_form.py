"""What the decision form offers and what it misses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import STRAND_ORDER
from serve.cases.codes import load_codes
from serve.cases.law import load_law
from serve.cases.outcomes import Detail, Outcome, OutcomeCatalogue, Profile, load_outcomes
from serve.console import decision_offer
from serve.console.decision_form import DecisionForm, form_of_draft
from serve.console.decision_offer import Offer, choice_of, offered
from serve.console.form_errors import FormError
from serve.console.keys import OF_THE_FORM, STRAND_KEYS, check_keys
from serve.console.severities import load_severities

CODEBOOK = configs_folder() / "codebook" / "codebook-v1.yaml"
OUTCOMES = (
    Outcome(code="crime", key="c", title="Crime", meaning="A crime.", weighs_expression=False),
    Outcome(code="record", key="m", title="Record", meaning="No crime.", needs=("law", "proportionality")),
    Outcome(code="notice", key="l", title="Notice", meaning="A notice."),
    Outcome(
        code="no_action",
        key="g",
        title="No action",
        meaning="Nothing.",
        details=(Detail(code="satire", title="Satire"),),
        weighs_expression=False,
    ),
)
WHOLE = DecisionForm(lease_number=1, outcome="crime", severity="2", reason="Because.")
NO_ACTION = DecisionForm(outcome="no_action", severity="0", reason="r")


@pytest.fixture(scope="module")
def offer() -> Offer:
    return offered(OUTCOMES, load_codes(CODEBOOK), load_law(), load_severities(CODEBOOK), date(2026, 11, 1))


def missing(form: DecisionForm, offer: Offer) -> list[FormError]:
    return decision_offer.missing(form, offer, OUTCOMES)


def test_no_letter_of_the_shipped_outcomes_is_one_of_the_pages_own() -> None:
    catalogue = load_outcomes(configs_folder() / "policy" / "outcomes.yaml")
    check_keys(catalogue)
    letters = [choice_of(outcome).key for outcome in catalogue.profiles[0].outcomes]
    assert len(set(letters)) == len(letters) == 12


@pytest.mark.parametrize("letter", sorted(OF_THE_FORM))
def test_an_outcome_with_a_letter_of_the_page_is_refused(letter: str) -> None:
    outcome = Outcome(code="crime", key=letter, title="Crime", meaning="A crime.")
    profile = Profile(name="one", valid_from=date(2026, 1, 1), outcomes=(outcome,))
    catalogue = OutcomeCatalogue(name="test", version=1, profiles=(profile,), sha256="0" * 64)
    with pytest.raises(BadConfig, match=f"crime: {letter}"):
        check_keys(catalogue)


def test_every_strand_has_a_key_in_the_house_order() -> None:
    assert tuple(strand for strand, _ in STRAND_KEYS) == STRAND_ORDER


def test_a_whole_form_misses_nothing(offer: Offer) -> None:
    assert missing(WHOLE, offer) == []


def test_an_empty_form_is_told_everything_at_once_in_page_order(offer: Offer) -> None:
    fields = [error.field for error in missing(DecisionForm(), offer)]
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
def test_what_is_wrong_leads_to_its_field(form: DecisionForm, field: str, offer: Offer) -> None:
    assert [error.field for error in missing(form, offer)] == [field]


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        (DecisionForm(outcome="record", severity="0", reason="r"), ["law", "proportionality"]),
        (DecisionForm(outcome="notice", severity="1", reason="r"), ["proportionality"]),
        (DecisionForm(outcome="notice", severity="2", reason="r", proportionality=" "), ["proportionality"]),
        (DecisionForm(outcome="notice", severity="3", reason="r"), []),
        (replace(NO_ACTION, severity="1", details={"no_action": "satire"}), []),
        (replace(WHOLE, law={"POA18": {"words": "met"}}), ["strands"]),
        (replace(WHOLE, law={"POA18": {"words": "met"}}, strands=("far_right",)), []),
        (replace(WHOLE, codes=("IH2",), strands=("far_right",)), ["strands"]),
        (replace(WHOLE, codes=("IH2",), strands=("antisemitic",)), []),
    ],
)
def test_law_weighing_and_codes_are_asked_for_where_they_belong(
    form: DecisionForm, fields: list[str], offer: Offer
) -> None:
    assert [error.field for error in missing(form, offer)] == fields


def test_only_provisions_of_the_day_of_the_post_are_offered() -> None:
    for day, known in ((date(2010, 1, 1), {"POA18", "POA29B"}), (date(2026, 1, 1), {"POA18", "OSA181"})):
        found = offered(OUTCOMES, load_codes(CODEBOOK), load_law(), load_severities(CODEBOOK), day)
        ids = {provision.id for provision in found.provisions}
        assert known <= ids
        assert ("OSA181" in ids) is (day.year == 2026)


def test_draft_holds_everything_that_was_typed() -> None:
    form = DecisionForm(
        outcome="no_action",
        details={"no_action": "satire", "crime": "x"},
        strands=("far_right",),
        codes=("CN",),
        severity="1",
        speech_act="counters",
        context_flags=("news",),
        confidence="low",
        standard="recording",
        law={"POA18": {"words": "met", "published": "missing"}},
        proportionality="p",
        reason="r",
        note="n",
    )
    again = form_of_draft(form.content(), lease_number=7)
    assert again == replace(form, details={"no_action": "satire"}, lease_number=7, is_kept=True)
    assert again.is_begun
    assert not DecisionForm().is_begun


def test_draft_of_a_tool_fills_the_form_too() -> None:
    form = form_of_draft(
        {"outcome": "NO_ACTION", "outcome_detail": "Satire", "severity": "s3"}, lease_number=1
    )
    assert (form.outcome, form.detail(), form.severity) == ("no_action", "satire", "3")


def test_the_details_of_another_outcome_do_not_count() -> None:
    form = DecisionForm(outcome="crime", details={"no_action": "satire"})
    assert form.detail() is None


def test_the_shipped_codebook_words_every_severity() -> None:
    scale = load_severities(CODEBOOK)
    assert [step.code for step in scale.severities] == ["S0", "S1", "S2", "S3", "S4"]
    assert scale.step(3).value == 3


def test_a_codebook_without_a_step_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "codebook.yaml"
    file.write_text("version: 1\nseverities:\n  - {value: 0, code: S0, title: None, meaning: nothing}\n")
    with pytest.raises(BadConfig, match="severities"):
        load_severities(file)
