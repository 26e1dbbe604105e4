"""The report on agreement under a codebook: which questions, cohorts and versions it tells apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from label_entries import label_entry

from labelling.quality.entries import LabelEntry
from labelling.quality.figures import NOT_SHARED
from labelling.quality.report import AgreementReport, agreement_report
from labelling.quality.report_json import report_as_json

NEW = {"codebook": "2026-12.1", "codebook_sha256": "2" * 64}


def labelled(
    noise: float, *, seed: int, texts: int = 150, people: str = "ab", prefix: str = "t", **fields: Any
) -> list[LabelEntry]:
    """All answers of each person to each text; a share of them is turned round."""
    draw = np.random.default_rng(seed)
    found = []
    for text in range(texts):
        is_hate = bool(draw.random() < 0.4)
        for who in people:
            hate = is_hate ^ bool(draw.random() < noise)
            found.append(
                label_entry(
                    who,
                    f"{prefix}{text:03}",
                    minute=text,
                    hate=hate,
                    strands=frozenset({"antisemitic"}) if hate else frozenset(),
                    codes=frozenset({"IH2"}) if hate else frozenset(),
                    flags=frozenset({"news"}) if not hate else frozenset(),
                    severity=2 if hate else 0,
                    speech_act="endorses" if hate else "neutral",
                    **fields,
                )
            )
    return found


def report(entries: list[LabelEntry]) -> AgreementReport:
    return agreement_report(entries, draws=300)


def test_every_question_that_was_answered_has_its_figures() -> None:
    found = report(labelled(0.1, seed=1))

    assert list(found.questions) == [
        "hate",
        "strands",
        "strand:antisemitic",
        "strand:islamophobic",
        "strand:far_right",
        "severity",
        "speech_act",
        "codes",
        "code:IH2",
        "flag:news",
    ]
    hate, severity, strands = (found.questions[name] for name in ("hate", "severity", "strands"))
    assert hate.alpha.value is not None
    assert 0.4 < hate.alpha.value < 0.9
    assert (hate.alpha.texts, hate.alpha.pairs) == (150, 150)
    assert hate.positive is not None
    assert severity.positive is None
    assert severity.alpha.value == pytest.approx(hate.alpha.value)  # two values: one distance
    assert strands.alpha.value == pytest.approx(hate.alpha.value)
    assert strands.kappa is None
    assert found.questions["strand:far_right"].alpha.undefined == "undefined (only one value used)"
    assert (found.labels, found.texts, found.annotators) == (300, 150, 2)


def test_a_question_that_nobody_was_asked_is_not_there() -> None:
    entries = [label_entry(who, "t", codes=None, flags=None, speech_act=None) for who in "ab"]

    found = report(entries)

    assert not {"codes", "speech_act"} & set(found.questions)


def test_a_new_version_that_helps_is_told_from_one_that_does_not() -> None:
    before = labelled(0.25, seed=1, prefix="old")
    clearer = labelled(0.03, seed=2, prefix="new", **NEW)
    the_same = labelled(0.25, seed=3, prefix="new", **NEW)

    better, unchanged = report(before + clearer), report(before + the_same)

    assert [version.codebook for version in better.versions] == ["2026-11.1", "2026-12.1"]
    (moved,), (still,) = better.changes, unchanged.changes
    assert (moved.before, moved.after) == ("2026-11.1", "2026-12.1")
    assert moved.alphas["hate"] is not None
    assert moved.alphas["hate"].verdict == "better"
    assert still.alphas["hate"] is not None
    assert still.alphas["hate"].verdict == "not distinguishable"
    assert moved.alphas["strand:far_right"] is None


def test_versions_with_the_very_same_answers_still_have_an_interval_around_nought() -> None:
    # Drawn with one seed, the two would move together and their difference would seem to be known exactly.
    (still,) = report(
        labelled(0.2, seed=1, prefix="old") + labelled(0.2, seed=1, prefix="new", **NEW)
    ).changes

    moved = still.alphas["hate"]
    assert moved is not None
    assert moved.value == pytest.approx(0)
    assert moved.low < -0.05
    assert moved.high > 0.05


def test_the_newest_label_counts_and_each_version_keeps_its_own() -> None:
    entries = [
        label_entry("a", "t", minute=0, hate=False),
        label_entry("a", "t", minute=1, hate=True),
        label_entry("a", "t", minute=2, hate=False, **NEW),
        label_entry("b", "t", minute=0, hate=False),
    ]

    found = report(entries)

    assert (found.labels, found.superseded) == (2, 2)
    assert [version.labels for version in found.versions] == [2, 1]


def test_assisted_labels_are_counted_and_left_out() -> None:
    entries = labelled(0.3, seed=1)
    copied = [label_entry("c", entry.text, hate=entry.hate, assisted=True) for entry in entries[::2]]

    alone, with_copies = report(entries), report(entries + copied)

    assert with_copies.assisted == 150
    assert with_copies.questions["hate"] == alone.questions["hate"]
    assert with_copies.annotators == 2


def test_cohorts_are_told_apart_in_each_question() -> None:
    entries = labelled(0.05, seed=1, people="ab", cohort="target") + labelled(
        0.05, seed=1, people="cd", cohort="control"
    )

    found = report(entries).questions

    cohorts = found["hate"].cohorts
    assert cohorts is not None
    assert set(cohorts.within) == {"target", "control"}
    assert list(cohorts.between) == [("control", "target")]
    assert found["severity"].cohorts is not None
    assert found["strands"].cohorts is None


def test_one_cohort_is_no_comparison() -> None:
    assert report(labelled(0.05, seed=1, cohort="target")).questions["hate"].cohorts is None


def test_marked_words_are_compared_where_both_marked() -> None:
    words = "the old market is quiet today"
    entries = [
        label_entry("a", "t", words=words, spans=((4, 14),)),
        label_entry("b", "t", words=words, spans=((4, 14),)),
        label_entry("a", "u", words=words, spans=((4, 14),)),
        label_entry("b", "u", words=words, spans=None),
    ]

    found = report(entries)

    assert found.marked_characters.value == 1
    assert (found.marked_words.value, found.marked_words.texts) == (pytest.approx(1), 1)
    assert report(entries[2:]).marked_words.undefined == NOT_SHARED


def test_no_label_at_all_gives_an_empty_report() -> None:
    found = report([])

    assert (found.labels, found.questions, found.versions, found.changes) == (0, {}, (), ())


def test_the_report_goes_through_json_with_its_version() -> None:
    found = report(
        labelled(0.1, seed=1, cohort="target")
        + labelled(0.1, seed=1, people="cd", cohort="control")
        + labelled(0.1, seed=2, prefix="new", **NEW)
    )

    written = json.loads(json.dumps(report_as_json(found), allow_nan=False))

    assert written["schema_version"] == 1
    assert written["questions"]["hate"]["alpha"]["texts"] == 300
    assert written["questions"]["hate"]["cohorts"]["between"][0]["cohorts"] == ["control", "target"]
    assert written["changes"][0]["alphas"]["hate"]["verdict"] in ("better", "worse", "not distinguishable")
    assert written["questions"]["strand:far_right"]["alpha"]["value"] is None
