from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig, BadInput
from serve.cases.outcomes import OutcomeCatalogue, load_outcomes

TODAY = date(2026, 11, 21)
SHIPPED = configs_folder() / "policy" / "outcomes.yaml"
DECISION_CODES = [
    "crime_record_requested", "refer_force", "refer_ctp", "refer_prevent_considered", "platform_notice",
    "victim_support", "restorative_offer", "youth_school", "advice_warning", "non_crime_record", "intel_only",
    "no_action",
]  # fmt: skip
NO_ACTION_DETAILS = [
    "lawful_speech", "counter_speech", "news_or_quotation", "satire", "insufficient_context", "not_hate",
    "duplicate", "jurisdiction", "withdrawn",
]  # fmt: skip


@pytest.fixture
def shipped() -> OutcomeCatalogue:
    return load_outcomes(SHIPPED)


def write(folder: Path, *profiles: str) -> Path:
    file = folder / "outcomes.yaml"
    file.write_text("name: test\nversion: 1\nprofiles:\n" + "".join(profiles), encoding="utf-8")
    return file


def profile(name: str, first: str, last: str, codes: str = "no_action", keys: str = "abc") -> str:
    outcomes = ", ".join(
        f"{{code: {code}, key: {key!r}, title: T, meaning: M}}"
        for code, key in zip(codes.split(), keys, strict=False)
    )
    return f"  - {{name: {name}, valid_from: {first}, valid_to: {last}, outcomes: [{outcomes}]}}\n"


def test_shipped_catalogue_has_the_decision_codes_and_its_own_hash(shipped: OutcomeCatalogue) -> None:
    assert [outcome.code for outcome in shipped.in_force(TODAY)] == DECISION_CODES
    assert [detail.code for detail in shipped.in_force(TODAY)[-1].details] == NO_ACTION_DETAILS
    assert shipped.sha256 == sha256_of(SHIPPED.read_bytes())


def test_shipped_profile_starts_on_the_day_it_was_written(shipped: OutcomeCatalogue) -> None:
    assert shipped.profiles[0].valid_from == TODAY
    with pytest.raises(BadConfig, match="no profile is in force"):
        shipped.in_force(TODAY - timedelta(days=1))


def test_shipped_outcomes_have_a_letter_each_that_the_decision_page_leaves_free(
    shipped: OutcomeCatalogue,
) -> None:
    keys = [outcome.key for outcome in shipped.in_force(TODAY)]
    assert len(set(keys)) == len(DECISION_CODES)
    assert set(keys).isdisjoint("nrpaifeox")


@pytest.mark.parametrize("spelling", ["no_action", "NO_ACTION", "No_Action"])
def test_outcome_in_other_letter_case_is_taken(shipped: OutcomeCatalogue, spelling: str) -> None:
    assert shipped.choose(spelling, "Not_Hate", on=TODAY) == ("no_action", "not_hate")


@pytest.mark.parametrize(
    ("outcome", "detail", "field"),
    [
        ("close_it", None, "outcome"),
        ("no_action ", None, "outcome"),
        ("victim_support", "not_hate", "outcome_detail"),
        ("no_action", "illegal_content", "outcome_detail"),
    ],
)
def test_outcome_or_detail_that_is_not_in_force_is_refused(
    shipped: OutcomeCatalogue, outcome: str, detail: str | None, field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        shipped.choose(outcome, detail, on=TODAY)
    assert refused.value.field == field
    assert "close_it" not in refused.value.message


def test_in_force_changes_at_midnight_of_the_dates(tmp_path: Path) -> None:
    catalogue = load_outcomes(
        write(
            tmp_path,
            profile("old", "2026-01-01", "2026-06-30", "no_action"),
            profile("new", "2026-07-01", "2026-12-31", "no_action intel_only"),
        )
    )
    assert len(catalogue.in_force(date(2026, 6, 30))) == 1
    assert len(catalogue.in_force(date(2026, 7, 1))) == 2
    for outside in (date(2025, 12, 31), date(2027, 1, 1)):
        with pytest.raises(BadConfig, match="no profile is in force"):
            catalogue.in_force(outside)


def test_outcomes_with_a_letter_each_are_accepted(tmp_path: Path) -> None:
    catalogue = load_outcomes(
        write(tmp_path, profile("a", "2026-01-01", "null", "no_action intel_only", "gd"))
    )
    assert [outcome.key for outcome in catalogue.in_force(TODAY)] == ["g", "d"]


@pytest.mark.parametrize(
    "profiles",
    [
        [profile("a", "2026-01-01", "2026-06-30"), profile("b", "2026-06-30", "2026-12-31")],
        [profile("a", "2026-01-01", "null"), profile("b", "2026-06-30", "2026-12-31")],
        [profile("a", "2026-02-01", "2026-01-01")],
        [profile("a", "2026-01-01", "null", "no_action no_action")],
        [profile("a", "2026-01-01", "null", "NoAction")],
        [profile("a", "2026-01-01", "null", "no_action intel_only", "gg")],
        [profile("a", "2026-01-01", "null", "no_action", "G")],
        [profile("a", "2026-01-01", "null", "no_action", "1")],
        [profile("a", "2026-01-01", "null").replace(" key: 'a',", "")],
    ],
    ids=[
        "overlap",
        "open end overlapped",
        "ends before it starts",
        "code twice",
        "code not lower snake",
        "key twice",
        "key a capital",
        "key a digit",
        "no key",
    ],
)
def test_unsound_catalogue_is_refused(tmp_path: Path, profiles: list[str]) -> None:
    with pytest.raises(BadConfig):
        load_outcomes(write(tmp_path, *profiles))
