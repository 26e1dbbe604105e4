"""What a judgement may name of the law: provisions in force on the day of the post, and their elements."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from model.configuration import configs_folder
from model.errors import BadConfig, BadInput
from serve.cases.law import load_law

LAW = load_law()
TODAY = date(2026, 11, 29)
FILE = configs_folder() / "law" / "england-and-wales.yaml"


def test_ticks_come_back_in_the_order_of_the_catalogue_each_once() -> None:
    said = [
        {"id": "POA29B", "met": ["intent", "published", "intent"], "missing": ["threatening"]},
        {"id": "MCA1"},
    ]
    assert LAW.ticked(said, on=TODAY) == [
        {"id": "POA29B", "met": ["published", "intent"], "missing": ["threatening"]},
        {"id": "MCA1", "met": [], "missing": []},
    ]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([{"id": "POA99"}], "law.0.id"),
        ([{}], "law.0.id"),
        ([{"id": "MCA1"}, {"id": "MCA1"}], "law.1.id"),
        ([{"id": "MCA1"}, {"id": "PHA", "met": ["purpose"]}], "law.1"),
        ([{"id": "MCA1", "met": ["sends"], "missing": ["sends"]}], "law.0"),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused_by_its_place(
    said: list[dict[str, object]], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        LAW.ticked(said, on=TODAY)
    assert refused.value.field == field
    assert "POA99" not in refused.value.message


@pytest.mark.parametrize(("day", "is_in_force"), [(date(2024, 1, 30), False), (date(2024, 1, 31), True)])
def test_law_is_that_of_the_day_of_the_post(day: date, is_in_force: bool) -> None:
    threat = [{"id": "OSA181", "met": ["threat"]}]
    assert ("OSA181" in {provision.id for provision in LAW.in_force(day)}) == is_in_force
    if is_in_force:
        assert LAW.ticked(threat, on=day)
    else:
        with pytest.raises(BadInput):
            LAW.ticked(threat, on=day)


def test_provision_ends_with_its_last_day(tmp_path: Path) -> None:
    whole = FILE.read_text(encoding="utf-8")
    file = tmp_path / "law.yaml"
    file.write_text(
        whole.replace("valid_from: 1997-06-16", "valid_from: 1997-06-16\n    valid_to: 2026-11-28"),
        encoding="utf-8",
    )
    law = load_law(file)
    assert "PHA" in {one.id for one in law.in_force(date(2026, 11, 28))}
    assert "PHA" not in {one.id for one in law.in_force(TODAY)}
    assert law.sha256 != LAW.sha256


def test_standards_are_four_and_none_is_an_answer() -> None:
    assert [standard.id for standard in LAW.standards] == [
        "recording",
        "cps_full_code",
        "osa_rgi",
        "platform_tos",
    ]
    assert LAW.standard("osa_rgi") == "osa_rgi"
    assert LAW.standard(None) is LAW.standard("") is None
    with pytest.raises(BadInput) as refused:
        LAW.standard("certainty")
    assert refused.value.field == "standard"


def test_religious_hatred_needs_threat_and_intent_where_racial_hatred_does_not() -> None:
    elements = {one.id: [element.id for element in one.elements] for one in LAW.provisions}
    assert {"threatening", "intent", "not_29j"} <= set(elements["POA29B"])
    assert {"words", "intent_or_likely"} <= set(elements["POA18"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - id: PHA\n", "  - id: MCA1\n"),
        ("{id: course,", "{id: knows,"),
        ("{id: recording,", "{id: osa_rgi,"),
        ("strands: [far_right, antisemitic, islamophobic]", "strands: []"),
        ("version: 1", "version: 0"),
        ("act: Protection from Harassment Act 1997", "acts: Protection from Harassment Act 1997"),
    ],
)
def test_catalogue_that_cannot_hold_is_refused(tmp_path: Path, old: str, new: str) -> None:
    whole = FILE.read_text(encoding="utf-8")
    assert old in whole
    file = tmp_path / "law.yaml"
    file.write_text(whole.replace(old, new), encoding="utf-8")
    with pytest.raises(BadConfig):
        load_law(file)
