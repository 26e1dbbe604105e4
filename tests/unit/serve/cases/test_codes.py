"""What a judgement may name of the codebook, and which codes are never on one person's word."""

from __future__ import annotations

import pytest

from model.configuration import configs_folder
from model.errors import BadInput
from serve.cases.codes import load_codes

CODES = load_codes(configs_folder() / "codebook" / "codebook-v1.yaml")
STRANDS = ["antisemitic", "islamophobic", "far_right"]


def test_codes_come_back_in_the_codebooks_order_each_once() -> None:
    assert CODES.check_codes(["IH2", "IH1", "IH2"], STRANDS) == ["IH1", "IH2"]
    assert CODES.check_codes([], []) == []


def test_code_belongs_to_a_strand_that_was_chosen() -> None:
    for codes, strands in ((["IH1"], ["far_right"]), (["IH1"], []), (["IH1", "XX1"], STRANDS)):
        with pytest.raises(BadInput) as refused:
            CODES.check_codes(codes, strands)
        assert refused.value.field == "codes"
        assert "XX1" not in refused.value.message


def test_codes_that_touch_political_speech_are_contested_and_no_other() -> None:
    every = [code.code for strand in CODES.strands for code in strand.codes]
    assert {"IH7", "IH8", "IH10"} <= set(CODES.contested(every))
    assert CODES.contested(["IH1", "IH2"]) == []


def test_flags_and_speech_acts_are_those_of_the_codebook() -> None:
    assert CODES.check_flags(["news", "news"]) == ["news"]
    assert CODES.check_speech_act("endorses") == "endorses"
    assert CODES.check_speech_act(None) is CODES.check_speech_act("") is None
    with pytest.raises(BadInput, match="context_flags"):
        CODES.check_flags(["late"])
    with pytest.raises(BadInput, match="speech_act"):
        CODES.check_speech_act("mumbles")
