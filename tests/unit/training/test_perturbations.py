"""Perturbation curves, paraphrases and coded terms: scorers that know one word make every figure exact."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("sklearn")

from model.errors import BadConfig
from model.suite import SuiteCase
from model.taxonomy import Strand
from training.evaluation.clusters import LEAST_CLUSTERS, clustered_share
from training.evaluation.perturbation_settings import (
    MOST_TEXTS,
    CodedTerm,
    PerturbationSettings,
    load_perturbation_settings,
)
from training.evaluation.perturbations import (
    NEIGHBOURS,
    PERTURBATIONS,
    letter_swap,
    mixed_case,
    perturbation_curves,
    perturbed,
    typo,
)
from training.evaluation.rewording import coded_term_rows, paraphrase_rows, with_coded_term

pytestmark = pytest.mark.training

SENTENCE = "badgers badgers badgers badgers badgers badgers badgers badgers badgers badgers"


def raw_settings(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "valid_from": "2026-11-22",
        "strengths": [0.5, 1.0],
        "hateful_posts": 10,
        "harmless_posts": 5,
        "seed": 7,
        "codebook": "2026-11.1",
        "groups": [{"name": "Jews", "strand": "antisemitic", "words": ["Jew", "Jews", "Jewish"]}],
        "terms": [
            {
                "term": "skypes",
                "group": "Jews",
                "clause": "IH2",
                "forms": {"Jew": "skype", "Jews": "skypes"},
                "source": {"name": "us", "date": "2026"},
            }
        ],
        **changes,
    }


def some_settings(**changes: Any) -> PerturbationSettings:
    return PerturbationSettings.model_validate(raw_settings(**changes))


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "perturbations.yaml"
    path.write_text(yaml.safe_dump(raw_settings(**changes)), encoding="utf-8")
    return path


def case(
    number: int, text: str, *, hateful: bool = True, functionality: str = "f", template: str | None = None
) -> SuiteCase:
    return SuiteCase(
        f"c{number}", text, functionality, hateful, strand=Strand.ANTISEMITIC, template_id=template
    )


def knows(word: str) -> Any:
    """A scorer that says 1 of a text with the word as it stands, else 0."""
    return lambda texts, _what: np.asarray([word in text for text in texts], dtype=np.float32)


def changed_words(before: str, after: str) -> int:
    return sum(old != new for old, new in zip(before.split(), after.split(), strict=True))


@pytest.mark.parametrize("name", sorted(set(PERTURBATIONS) - {"spacing"}))
def test_text_at_strength_one_has_every_word_changed(name: str) -> None:
    assert changed_words(SENTENCE, perturbed(SENTENCE, name, 1.0, 3)) == 10


@pytest.mark.parametrize("name", sorted(set(PERTURBATIONS) - {"spacing"}))
def test_text_at_half_strength_has_half_of_its_words_changed(name: str) -> None:
    assert changed_words(SENTENCE, perturbed(SENTENCE, name, 0.5, 3)) == 5


def test_spacing_at_strength_one_leaves_no_word_whole() -> None:
    assert "badgers" not in perturbed(SENTENCE, "spacing", 1.0, 3)


def test_share_of_words_between_whole_numbers_holds_on_average() -> None:
    texts = [f"badgers {number}" for number in range(2000)]
    changed = sum(perturbed(text, "typo", 0.25, 3) != text for text in texts)
    assert 0.22 < changed / 2000 < 0.28  # binomial: three standard deviations are 0.029


@given(text=st.text(max_size=60), name=st.sampled_from(sorted(PERTURBATIONS)), seed=st.integers(0, 9))
@hypothesis_settings(max_examples=150)
def test_text_at_strength_zero_is_as_written_and_every_draw_repeats(text: str, name: str, seed: int) -> None:
    assert perturbed(text, name, 0.0, seed) == text
    assert perturbed(text, name, 0.6, seed) == perturbed(text, name, 0.6, seed)


@given(
    words=st.lists(st.sampled_from(["badger", "Otter", "heron", "to", "weasel"]), max_size=12),
    name=st.sampled_from(["typo", "letter_swap", "case", "homoglyph", "leet"]),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
)
def test_word_changed_at_one_strength_stays_so_at_a_greater_one(
    words: list[str], name: str, low: float, high: float
) -> None:
    text = " ".join(words)
    low, high = sorted((low, high))
    weak, strong = perturbed(text, name, low, 1), perturbed(text, name, high, 1)
    for before, little, much in zip(text.split(), weak.split(), strong.split(), strict=True):
        assert little in {before, much}


@given(word=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3), seed=st.integers())
def test_typing_errors_hit_a_neighbour_and_swaps_keep_the_letters(word: str, seed: int) -> None:
    draw = random.Random(seed)
    mistyped = typo(word, draw)
    wrong = [(a, b) for a, b in zip(word, mistyped, strict=True) if a != b]
    assert len(wrong) == 1
    assert wrong[0][1].lower() in NEIGHBOURS[wrong[0][0].lower()]
    assert sorted(letter_swap(word, draw)) == sorted(word)
    assert mixed_case(word, draw).lower() == word.lower()
    assert mixed_case(word, draw) != word


def test_neighbours_on_the_keyboard_are_mutual() -> None:
    assert all(letter in NEIGHBOURS[other] for letter, others in NEIGHBOURS.items() for other in others)
    assert set(NEIGHBOURS["a"]) == {"q", "s", "z"}


def test_curve_of_a_scorer_that_knows_one_spelling_falls_from_one_to_zero() -> None:
    hateful = [f"badgers {number}" for number in range(10)]
    curves = perturbation_curves(hateful, ["herons 1", "herons 2"], knows("badgers"), 0.5, some_settings())
    assert set(curves) == set(PERTURBATIONS)
    for points in curves.values():
        assert [point["strength"] for point in points] == [0.0, 0.5, 1.0]
        # Ten that agree do not prove that all would: Wilson's interval of 10 of 10.
        assert points[0]["caught"] == {"value": 1.0, "low": 0.72247, "high": 1.0, "posts": 10}
        assert points[2]["caught"]["value"] == 0.0
        assert 0.0 <= points[1]["caught"]["value"] <= 1.0
        assert all(point["harmless_flagged"]["value"] == 0.0 for point in points)


def test_curve_over_more_posts_than_the_settings_allow_asks_a_sample_of_distinct_ones() -> None:
    asked: list[int] = []

    def score(texts: Sequence[str], _what: str) -> NDArray[np.float32]:
        asked.append(len(texts))
        return np.ones(len(texts), dtype=np.float32)

    texts = [f"badgers {number}" for number in range(300)]
    points = perturbation_curves(texts, texts * 2, score, 0.5, some_settings())["typo"]
    assert set(asked) == {15}
    assert points[1]["caught"]["posts"] == 10
    assert points[1]["harmless_flagged"]["posts"] == 5


def test_curve_over_cases_of_few_templates_is_less_sure_than_over_as_many_single_posts() -> None:
    texts = [f"{'badgers' if number < 5 else 'otters'} {number}" for number in range(10)]
    families = {text: text.split()[0] for text in texts}

    def caught(families: dict[str, str] | None) -> dict[str, Any]:
        curves = perturbation_curves(texts, [], knows("badgers"), 0.5, some_settings(), families)
        return curves["case"][0]["caught"]  # type: ignore[no-any-return] # a curve's points are plain JSON

    together, apart = caught(families), caught(None)
    assert together["value"] == apart["value"] == 0.5
    assert together["high"] - together["low"] > apart["high"] - apart["low"] + 0.1


def test_curve_of_a_target_that_gives_no_answer_has_no_figures() -> None:
    def silent(texts: Sequence[str], _what: str) -> NDArray[np.float32]:
        return np.full(len(texts), np.nan, dtype=np.float32)

    points = perturbation_curves(["badgers"], [], silent, 0.5, some_settings())["case"]
    assert all(point["caught"] is None and point["harmless_flagged"] is None for point in points)


def test_post_that_is_refused_once_changed_counts_as_not_caught() -> None:
    def refuses(texts: Sequence[str], _what: str) -> NDArray[np.float32]:
        return np.asarray([1.0 if text.startswith("badgers") else np.nan for text in texts], dtype=np.float32)

    hateful = [f"badgers {number}" for number in range(4)]
    points = perturbation_curves([*hateful, "nonsense"], hateful, refuses, 0.5, some_settings())["typo"]
    assert (points[0]["caught"]["posts"], points[0]["not_answered"]) == (4, 0)
    assert points[1]["caught"]["value"] == pytest.approx(1 - points[1]["not_answered"] / 8)
    assert points[2] == {"strength": 1.0, "caught": None, "harmless_flagged": None, "not_answered": 8}


def test_case_that_is_refused_once_coded_counts_as_not_caught() -> None:
    def refuses(texts: Sequence[str], _what: str) -> NDArray[np.float32]:
        return np.asarray([np.nan if "skypes did" in text else 1.0 for text in texts], dtype=np.float32)

    cases = [case(n, f"Jews did {n}.") for n in range(5)] + [case(9 + n, f"A Jew, {n}.") for n in range(5)]
    plain, coded = coded_term_rows(cases, refuses, 0.5, some_settings())
    assert (plain["caught"]["value"], coded["caught"]["value"]) == (1.0, 0.5)
    assert coded_term_rows(cases[:5], refuses, 0.5, some_settings()) == []


def test_paraphrases_judged_like_most_count_as_the_same_verdict() -> None:
    cases = [case(n, "x", template=f"t{n}") for n in range(6)]
    cases += [case(10 + n, "x", hateful=False, functionality="g", template=f"u{n}") for n in range(6)]
    scores = np.asarray([1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1], dtype=np.float32)
    (row,) = paraphrase_rows(cases, scores, 0.5)
    assert row["same_verdict"]["value"] == pytest.approx((5 + 3) / 12, abs=1e-5)
    assert row["same_verdict"]["posts"] == 12
    assert row["caught"]["value"] == pytest.approx(5 / 6, abs=1e-5)
    assert row["harmless_flagged"]["value"] == 0.5


def test_functionality_with_one_wording_says_nothing_of_paraphrases() -> None:
    cases = [case(n, "x", template="t") for n in range(8)]
    assert paraphrase_rows(cases, np.ones(8, dtype=np.float32), 0.5) == []
    several = [case(n, "x", template=f"t{n}") for n in range(8)]
    assert paraphrase_rows(several, np.full(8, np.nan, dtype=np.float32), 0.5) == []


def test_coded_terms_hide_cases_from_a_scorer_that_waits_for_the_name() -> None:
    cases = [case(n, f"The Jews did number {n}.") for n in range(8)]
    cases += [case(20 + n, f"A Jew and JEWS and number {n}.", hateful=False) for n in range(5)]
    cases.append(case(40, "Nobody is named."))
    plain, coded = coded_term_rows(cases, knows("Jew"), 0.5, some_settings())
    assert (plain["strength"], coded["strength"]) == (0.0, 1.0)
    assert plain["caught"]["value"] == plain["harmless_flagged"]["value"] == 1.0
    assert coded["caught"]["value"] == coded["harmless_flagged"]["value"] == 0.0
    (term,) = coded["terms"]
    assert (term["term"], term["clause"], term["hateful"], term["harmless"]) == ("skypes", "IH2", 8, 5)
    assert term["caught"]["posts"] == 8


def test_coded_terms_flagged_by_themselves_show_in_harmless_cases() -> None:
    cases = [case(n, f"Jews met at number {n}.", hateful=False) for n in range(5)]
    plain, coded = coded_term_rows(cases, knows("skypes"), 0.5, some_settings())
    assert plain["harmless_flagged"]["value"] == 0.0
    assert coded["harmless_flagged"]["value"] == 1.0
    assert coded["caught"] is None


def test_cases_without_a_plain_name_give_no_coded_rows() -> None:
    assert coded_term_rows([case(1, "Nobody is named.")], knows("x"), 0.5, some_settings()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jews and a jew, JEWS!", "skypes and a skype, SKYPES!"),
        ("A Jewish baker", None),
        ("Jews in Jewish schools", None),
        ("jewsharp", None),
        ("Nobody", None),
    ],
)
def test_coded_term_replaces_every_plain_name_or_none(text: str, expected: str | None) -> None:
    settings = some_settings()
    assert with_coded_term(text, settings.terms[0], settings) == expected


def test_clustered_share_of_cases_that_stand_together_is_less_certain() -> None:
    hits = np.asarray([1.0] * 50 + [0.0] * 50)
    apart = clustered_share(hits, [str(n) for n in range(100)])
    together = clustered_share(hits, [str(n // 10) for n in range(100)])
    assert apart is not None
    assert together is not None
    assert apart.value == together.value == 0.5
    assert together.posts == 100
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_clustered_share_over_too_few_clusters_is_not_measured() -> None:
    assert clustered_share(np.ones(40), ["a", "b"] * 20) is None
    assert clustered_share(np.ones(LEAST_CLUSTERS), [str(n) for n in range(LEAST_CLUSTERS)]) is not None


def test_shipped_settings_hold_together_and_name_a_source_for_every_term() -> None:
    settings = load_perturbation_settings()
    assert len(settings.strengths) == 5
    assert (settings.strengths[0], settings.strengths[-1]) == (0.1, 1.0)
    assert settings.hateful_posts + settings.harmless_posts <= MOST_TEXTS
    assert {settings.group_of(term).strand for term in settings.terms} == set(Strand)
    for term in settings.terms:
        text = f"It says {next(iter(term.forms))} here."
        assert with_coded_term(text, term, settings) is not None, term.term


@pytest.mark.parametrize(
    "changes",
    [
        {"strengths": [1.0, 0.5]},
        {"strengths": [0.0]},
        {"hateful_posts": MOST_TEXTS},
        {"groups": []},
        {"codebook": "1999-01.1"},
        {"unknown": 1},
    ],
)
def test_settings_with_a_fault_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        load_perturbation_settings(written(tmp_path, **changes))


@pytest.mark.parametrize("change", [{"clause": "limb_b"}, {"group": "nobody"}, {"forms": {"Zebra": "x"}}])
def test_term_that_does_not_fit_its_group_or_the_codebook_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    term = {**raw_settings()["terms"][0], **change}
    CodedTerm.model_validate(term)  # sound by itself
    with pytest.raises(BadConfig, match="skypes"):
        load_perturbation_settings(written(tmp_path, terms=[term]))


def test_settings_in_a_file_that_are_sound_are_read(tmp_path: Path) -> None:
    assert load_perturbation_settings(written(tmp_path)) == some_settings()
