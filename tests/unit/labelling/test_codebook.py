"""The codebook is complete, its rule is one rule, and a broken file is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelling.codebook import Codebook, load_codebook
from model.configuration import sha256_of
from model.errors import BadConfig, BadInput
from model.taxonomy import SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER

FILE = Path(__file__).resolve().parents[3] / "configs" / "codebook" / "codebook-v1.yaml"


def test_shipped_codebook_covers_the_taxonomy_in_order(codebook: Codebook) -> None:
    assert tuple(entry.value for entry in codebook.strands) == STRAND_ORDER
    assert tuple(entry.value for entry in codebook.severities) == SEVERITIES
    assert tuple(entry.value for entry in codebook.speech_acts) == SPEECH_ACT_ORDER
    assert [entry.code for entry in codebook.severities] == ["S0", "S1", "S2", "S3", "S4"]
    assert [question.code for question in codebook.questions] == ["Q0", "Q1", "Q2", "Q3", "Q4", "Q5"]
    assert codebook.version == "2026-11.1"
    assert codebook.valid_from == date(2026, 11, 21)
    assert codebook.sha256 == sha256_of(FILE.read_bytes())


def test_shipped_codebook_has_the_codes_of_every_strand(codebook: Codebook) -> None:
    codes = {entry.value: [code.code for code in entry.codes] for entry in codebook.strands}

    assert codes["antisemitic"] == [f"IH{number}" for number in range(1, 12)]
    assert codes["islamophobic"] == ["limb_a", "limb_b"]
    assert codes["far_right"] == ["CN", "WN", "WS", "ID", "ACC", "other"]


def test_political_speech_codes_are_sensitive_and_cultural_nationalism_is_no_hate_alone(
    codebook: Codebook,
) -> None:
    codes = {code.code: code for entry in codebook.strands for code in entry.codes}

    assert {name for name, code in codes.items() if code.sensitive} == {"IH7", "IH8", "IH10", "CN"}
    assert [name for name, code in codes.items() if not code.hate_alone] == ["CN"]


def test_islamophobic_strand_follows_the_government_definition_of_march_2026(codebook: Codebook) -> None:
    strand = codebook.strands[1]

    assert (strand.profile, strand.source.date) == ("uk_2026", "2026-03-09")
    assert "non-statutory" in strand.source.name


def test_skip_for_too_much_is_the_only_one_that_keeps_no_person(codebook: Codebook) -> None:
    assert [reason.value for reason in codebook.skip_reasons if not reason.records_person] == ["too_much"]
    assert {"insufficient_context", "not_english", "personal_data", "other"} <= {
        reason.value for reason in codebook.skip_reasons
    }


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("speech_act", SPEECH_ACT_ORDER)
def test_rule_makes_hate_of_endorsed_severity_alone(
    codebook: Codebook, severity: int, speech_act: str
) -> None:
    if speech_act == "neutral" and severity >= 1:
        with pytest.raises(BadInput, match="speech_act"):
            codebook.hate_rule.derive(severity=severity, speech_act=speech_act)
        return

    hate = codebook.hate_rule.derive(severity=severity, speech_act=speech_act)

    assert hate is (speech_act == "endorses" and severity >= 1)


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """The shipped file with one change."""

    def make(change: Callable[[dict[str, Any]], object]) -> Path:
        raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        change(raw)
        path = tmp_path / "codebook.yaml"
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["strands"].pop(), "strands"),
        (lambda raw: raw["strands"].reverse(), "strands"),
        (lambda raw: raw["severities"].pop(0), "severities"),
        (lambda raw: raw["speech_acts"].pop(), "speech_acts"),
        (lambda raw: raw["strands"][0].update(key="e"), "two answers share one"),
        (lambda raw: raw["strands"][0].update(profile="uk_2026"), "definition profile"),
        (lambda raw: raw["definition_profiles"][1]["leaves_out"].append("IH99"), "ihra_without_israel"),
        (lambda raw: raw["hate_rule"]["hateful_speech_acts"].append("shouts"), "hate_rule"),
        (lambda raw: raw.update(surprise=1), "surprise"),
        (lambda raw: raw.update(sha256="0" * 64), "sha256"),
        (lambda raw: raw.pop("skip_reasons"), "skip_reasons"),
    ],
)
def test_broken_codebook_is_refused_by_name(
    broken: Callable[[Callable[[dict[str, Any]], object]], Path],
    change: Callable[[dict[str, Any]], object],
    message: str,
) -> None:
    with pytest.raises(BadConfig, match=message):
        load_codebook(broken(change))


def test_unchanged_copy_is_accepted(broken: Callable[[Callable[[dict[str, Any]], object]], Path]) -> None:
    assert load_codebook(broken(lambda raw: None)).version == "2026-11.1"


def test_profile_without_israel_keeps_blame_of_jews_for_israel_and_is_marked_as_our_own_cut(
    codebook: Codebook,
) -> None:
    cut = next(profile for profile in codebook.definition_profiles if profile.value == "ihra_without_israel")

    assert cut.leaves_out == ("IH7", "IH8", "IH9", "IH10")
    assert cut.source.name.startswith("Watchhouse")
    assert cut.source.verify


def test_islamophobic_limbs_keep_their_intention_and_insult_of_a_religion_stays_lawful(
    codebook: Codebook,
) -> None:
    strand = codebook.strands[1]
    limbs = {code.code: code.meaning for code in strand.codes}

    assert limbs["limb_a"].startswith("Intentionally ")
    assert "with the intention of encouraging hatred" in limbs["limb_b"]
    assert "insulting a religion stays lawful" in strand.definition
