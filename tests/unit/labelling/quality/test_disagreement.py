"""What is suggested to the adjudicator, by which signs, under which file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from label_entries import label_entry

from labelling.codebook import load_codebook
from labelling.quality.adjudication_rules import SignName, SignRule, load_adjudication_rules
from labelling.quality.disagreement import Suggestion, suggest
from labelling.quality.entries import LabelEntry
from labelling.quality.signs import SIGNS, Dispute, differing
from model.configuration import configs_folder
from model.errors import BadConfig

RULES, SHA256 = load_adjudication_rules()


def asked(*labels: LabelEntry, **known: Any) -> Suggestion:
    found = suggest(Dispute(labels, **known), RULES, SHA256)
    assert found is not None
    return found


def kind(found: Suggestion) -> str | None:
    return found.kind.value if found.kind else None


def signs(found: Suggestion) -> set[SignName]:
    return {reason.sign for reason in found.reasons}


def test_labels_that_agree_give_no_suggestion() -> None:
    assert suggest(Dispute([label_entry("a", "t"), label_entry("b", "t")]), RULES, SHA256) is None


def test_one_step_of_severity_against_two_is_a_gap_unless_it_was_fast() -> None:
    two = [label_entry(who, "t", hate=True, speech_act="endorses", severity=1) for who in "ab"]
    slow, fast = (
        asked(*two, label_entry("c", "t", hate=False, speech_act="endorses", severity=0, seconds=seconds))
        for seconds in (9.0, 1.2)
    )

    assert kind(slow) == "guideline_gap"
    assert signs(slow) == {"only_severity_by_a_step", "lone_dissenter"}
    assert kind(fast) == "error"
    assert signs(fast) == {"only_severity_by_a_step", "lone_dissenter", "fast_dissenter"}


def test_a_fast_lone_answer_is_a_slip() -> None:
    found = asked(
        *(label_entry(who, "t", hate=True, strands=frozenset({"far_right"}), severity=2) for who in "abc"),
        label_entry("d", "t", hate=False, severity=0, seconds=0.8),
    )

    assert kind(found) == "error"
    assert {"lone_dissenter", "fast_dissenter"} <= signs(found)
    assert found.differs == ("hate", "strands", "severity")
    assert found.rules_sha256 == SHA256


def test_cohorts_that_agree_inside_are_a_difference_of_perspective() -> None:
    found = asked(
        *(label_entry(who, "t", hate=True, severity=2, cohort="target") for who in "ab"),
        *(label_entry(who, "t", hate=False, severity=0, cohort="control") for who in "cd"),
    )

    assert kind(found) == "perspective"
    assert "cohorts_differ" in signs(found)


def test_cohorts_of_one_or_split_inside_are_not() -> None:
    alone = asked(
        label_entry("a", "t", hate=True, cohort="target"), label_entry("b", "t", hate=False, cohort="control")
    )
    split = asked(
        label_entry("a", "t", hate=True, cohort="target"),
        label_entry("b", "t", hate=False, cohort="target"),
        *(label_entry(who, "t", hate=False, cohort="control") for who in "cd"),
    )

    assert "cohorts_differ" not in signs(alone) | signs(split)


def test_versions_of_the_codebook_that_differ_are_a_gap() -> None:
    found = asked(
        *(label_entry(who, "t", hate=True, codebook_sha256="1" * 64) for who in "ab"),
        *(label_entry(who, "t", hate=False, codebook_sha256="2" * 64) for who in "cd"),
    )

    assert kind(found) == "guideline_gap"
    assert "codebooks_differ" in signs(found)


def test_an_unclear_text_is_ambiguous() -> None:
    found = asked(
        label_entry("a", "t", hate=True, speech_act="endorses", flags=frozenset({"sarcasm_unclear"})),
        label_entry("b", "t", hate=False, speech_act="counters", flags=frozenset()),
        context_missed=1,
    )

    assert kind(found) == "ambiguity"
    assert {"unclear_flag", "context_missed", "other_speech_acts", "even_votes"} <= signs(found)


def test_strands_and_codes_that_overlap_are_a_gap() -> None:
    strands = asked(
        label_entry("a", "t", hate=True, strands=frozenset({"far_right"}), severity=2),
        label_entry("b", "t", hate=True, strands=frozenset({"antisemitic"}), severity=2),
        disputed_before=3,
    )
    codes = asked(
        label_entry("a", "t", codes=frozenset({"IH2"})), label_entry("b", "t", codes=frozenset({"IH3"}))
    )

    assert kind(strands) == "guideline_gap"
    assert {"same_hate_other_strands", "disputed_before"} <= signs(strands)
    assert "same_strands_other_codes" in signs(codes)


def test_a_sensitive_code_counts_towards_perspective() -> None:
    labels = (label_entry("a", "t", codes=frozenset({"IH7"})), label_entry("b", "t", codes=frozenset()))

    with_it, without = asked(*labels, sensitive_codes={"IH7"}), asked(*labels)

    assert with_it.points["perspective"] == without.points["perspective"] + 1


def test_severities_two_steps_apart_are_named() -> None:
    found = asked(label_entry("a", "t", severity=1), label_entry("b", "t", severity=3))

    assert "severities_apart" in signs(found)
    assert "only_severity_by_a_step" not in signs(found)


def test_too_few_points_suggest_nothing_and_keep_the_reasons(tmp_path: Path) -> None:
    raw = yaml.safe_load((configs_folder() / "codebook" / "adjudication.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(raw | {"least_points": 50}), encoding="utf-8")
    rules, sha256 = load_adjudication_rules(path)

    found = suggest(Dispute([label_entry("a", "t", hate=True), label_entry("b", "t")]), rules, sha256)

    assert found is not None
    assert found.kind is None
    assert found.reasons
    assert found.rules_sha256 == sha256 != SHA256


def test_questions_left_unanswered_are_no_difference() -> None:
    assert (
        differing([label_entry("a", "t", codes=None), label_entry("b", "t", codes=frozenset({"IH2"}))]) == ()
    )


def test_every_sign_has_a_reading_and_every_kind_a_next_step() -> None:
    assert set(SIGNS) == set(get_args(SignName))
    assert {kind.value for kind in RULES.kinds} == {"guideline_gap", "ambiguity", "perspective", "error"}


def test_flags_of_the_rules_are_flags_of_the_codebook() -> None:
    codebook = load_codebook(configs_folder() / "codebook" / "codebook-v1.yaml")
    flags = {flag for rule in RULES.signs for flag in rule.flags}

    assert flags <= {flag.value for flag in codebook.context_flags}


@pytest.mark.parametrize(
    "fault",
    [
        {"least_points": 0},
        {"kinds": []},
        {"unknown": 1},
        {"signs": [{"sign": "no_such_sign", "points": {"error": 1}, "reason": "r"}]},
        {"signs": [{"sign": "even_votes", "points": {"error": 1}, "reason": "r"}]},
        {"signs": [{"sign": "sensitive_code", "threshold": 1, "points": {"error": 1}, "reason": "r"}]},
        {"signs": [{"sign": "unclear_flag", "points": {"error": 1}, "reason": "r"}]},
        {"signs": [{"sign": "sensitive_code", "points": {"no_such_kind": 1}, "reason": "r"}]},
        {"signs": [{"sign": "sensitive_code", "points": {"error": 1}, "reason": "r"}] * 2},
    ],
)
def test_a_faulty_file_is_refused(fault: dict[str, Any], tmp_path: Path) -> None:
    raw = yaml.safe_load((configs_folder() / "codebook" / "adjudication.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "adjudication.yaml"
    path.write_text(yaml.safe_dump(raw | fault), encoding="utf-8")

    with pytest.raises(BadConfig):
        load_adjudication_rules(path)


def test_rules_cannot_be_changed_once_read() -> None:
    rule: SignRule = RULES.signs[0]
    with pytest.raises(Exception, match="frozen"):
        rule.reason = "another"  # type: ignore[misc] # that is the point
