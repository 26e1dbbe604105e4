"""Per-group figures and the rules for groups, each against counting by hand or a second implementation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.metrics import roc_auc_score

from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER
from training.corpora.swaps import load_identity_terms
from training.evaluation.bias import KINDS, bias_figures, generalised_auc
from training.evaluation.bootstrap import Measured
from training.evaluation.counterfactual import flip_rates
from training.evaluation.group_rules import group_masks, load_groups
from training.evaluation.groups import GroupFigures, equality_differences, group_table

pytestmark = pytest.mark.training

Arrays = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def drawn(seed: int, posts: int = 300) -> Arrays:
    """Scores that tie, labels that follow them loosely, and three groups that overlap."""
    draw = np.random.default_rng(seed)
    scores = np.round(draw.random(posts), 2).astype(np.float32)
    positive = draw.random(posts) < 0.2 + 0.6 * scores
    return scores, positive, {name: draw.random(posts) < share for name, share in zip("abc", (0.5, 0.2, 0.1))}  # noqa: B905 - two tuples written here, of three each


def table(scores: np.ndarray, positive: np.ndarray, groups: dict[str, np.ndarray]) -> dict[str, GroupFigures]:
    rows = group_table(scores, positive, groups, 0.5, "identity", draws=60)
    return {row.group: row for row in rows}


def value(found: Measured | None) -> float:
    assert found is not None
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    return found.value


def brute_auc(kind: str, scores: np.ndarray, positive: np.ndarray, inside: np.ndarray) -> float:
    """Borkan et al. 2019 word for word: which posts take part, one at a time; then scikit-learn."""

    def takes_part(toxic: bool, member: bool) -> bool:
        if kind == "subgroup":
            return member
        if kind == "bpsn":
            return (toxic and not member) or (not toxic and member)
        return (toxic and member) or (not toxic and not member)

    chosen = [post for post in range(len(scores)) if takes_part(positive[post], inside[post])]
    return float(roc_auc_score([positive[post] for post in chosen], [scores[post] for post in chosen]))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_bias_aucs_and_their_power_mean_are_those_of_brute_force(kind: str, seed: int) -> None:
    scores, positive, groups = drawn(seed)
    brute = [brute_auc(kind, scores, positive, inside) for inside in groups.values()]

    rows = table(scores, positive, groups)
    ones = np.ones((1, len(scores)), dtype=np.float32)
    together = generalised_auc(kind, scores, positive, list(groups.values()))(ones)[0]

    assert [value(getattr(row, kind)) for row in rows.values()] == pytest.approx(brute, abs=1e-6)
    assert together == pytest.approx((sum(auc**-5 for auc in brute) / len(brute)) ** (-1 / 5), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_error_rates_prevalence_and_equality_differences_are_those_of_counting(seed: int) -> None:
    scores, positive, groups = drawn(seed)

    def share(of: list[int], wrong: bool) -> float:
        return sum(bool(scores[post] >= 0.5) == wrong for post in of) / len(of)

    posts = range(len(scores))
    innocent = [post for post in posts if not positive[post]]
    guilty = [post for post in posts if positive[post]]
    fped = fned = 0.0
    for name, row in table(scores, positive, groups).items():
        inside = groups[name]
        false_positives = share([post for post in innocent if inside[post]], wrong=True)
        false_negatives = share([post for post in guilty if inside[post]], wrong=False)
        fped += abs(false_positives - share(innocent, wrong=True))
        fned += abs(false_negatives - share(guilty, wrong=False))
        assert value(row.false_positive_rate) == pytest.approx(false_positives, abs=1e-6)
        assert value(row.false_negative_rate) == pytest.approx(false_negatives, abs=1e-6)
        assert row.prevalence == pytest.approx(sum(positive[inside]) / sum(inside), abs=1e-5)
        assert row.posts == sum(inside)

    found = equality_differences(scores, positive, groups, 0.5, draws=60)
    assert found["fped"] is not None
    assert found["fned"] is not None
    assert (found["fped"].value, found["fned"].value) == pytest.approx((fped, fned), abs=1e-6)
    # And what step 2 prints for the same posts, four decimals.
    printed, _ = bias_figures(scores, positive, groups, 0.5)
    assert (printed["fped"], printed["fned"]) == pytest.approx((fped, fned), abs=5e-4)


def test_calibration_error_of_a_group_is_that_of_its_posts_alone() -> None:
    # Inside: two posts at .95, one of them positive: gap .45. Outside: perfectly honest zeros.
    scores = np.asarray([0.95, 0.95, 0.0, 0.0], dtype=np.float32)
    rows = table(
        scores,
        np.asarray([True, False, False, False]),
        {"in": np.asarray([True, True, False, False]), "out": np.asarray([False, False, True, True])},
    )

    assert rows["in"].ece == pytest.approx(0.45, abs=1e-5)
    assert rows["out"].ece == 0.0


def test_what_a_group_has_no_posts_for_is_null_and_a_group_without_posts_has_no_row() -> None:
    scores, positive, _ = drawn(1, 60)
    groups = {"innocent": ~positive, "nobody": np.zeros(60, dtype=bool)}

    rows = table(scores, positive, groups)

    assert list(rows) == ["innocent"]
    row = rows["innocent"]
    assert row.false_negative_rate is None
    assert row.subgroup is None
    assert row.bnsp is None
    assert row.false_positive_rate is not None
    assert row.bpsn is not None  # its innocent posts against the guilty ones outside


def test_group_of_few_posts_that_were_all_left_alone_is_not_known_to_be_safe() -> None:
    scores = np.asarray([0.1] * 4 + [0.9] * 4, dtype=np.float32)
    positive = np.asarray([False] * 4 + [True] * 4)

    (row,) = group_table(scores, positive, {"few": np.ones(8, dtype=bool)}, 0.5, "identity")

    assert row.false_positive_rate is not None
    # Wilson's interval of 0 of 4; a bootstrap of four zeros would say 0 to 0.
    assert (row.false_positive_rate.value, row.false_positive_rate.low) == (0.0, 0.0)
    assert row.false_positive_rate.high == pytest.approx(0.4899, abs=1e-4)


def test_posts_without_an_answer_are_out_of_every_figure_and_counted() -> None:
    scores, positive, groups = drawn(2)
    silent = np.zeros(len(scores), dtype=bool)
    silent[::7] = True
    with_gaps = np.where(silent, np.nan, scores).astype(np.float32)

    some = table(with_gaps, positive, groups)
    rest = table(scores[~silent], positive[~silent], {name: mask[~silent] for name, mask in groups.items()})

    for name, row in some.items():
        assert row.not_answered == int((groups[name] & silent).sum()) > 0
        assert {**row.as_json(), "not_answered": 0} == rest[name].as_json()
    gaps = equality_differences(with_gaps, positive, groups, 0.5, draws=20)
    assert gaps == equality_differences(
        scores[~silent], positive[~silent], {n: m[~silent] for n, m in groups.items()}, 0.5, draws=20
    )


def test_group_that_got_no_answer_at_all_has_a_row_without_figures() -> None:
    scores, positive, groups = drawn(3)
    silent = np.where(groups["c"], np.nan, scores).astype(np.float32)

    row = table(silent, positive, groups)["c"]

    assert (row.posts, row.not_answered, row.prevalence) == (0, int(groups["c"].sum()), None)
    assert {row.false_positive_rate, row.false_negative_rate, row.subgroup, row.ece} == {None}
    nothing = table(np.full(300, np.nan, dtype=np.float32), positive, groups)
    assert all(one.posts == 0 and one.ece is None for one in nothing.values())


def test_row_as_json_has_the_fields_of_the_report() -> None:
    found = table(*drawn(4))["a"].as_json()

    assert set(found) == {
        *("group", "axis", "posts", "not_answered", "prevalence", "ece", "subgroup", "bpsn", "bnsp"),
        *("false_positive_rate", "false_negative_rate"),
    }
    assert found["axis"] == "identity"
    assert set(found["bpsn"]) == {"value", "low", "high", "posts"}


NAMES = ("Muslims", "Jews", "Christians", "Hindus", "Sikhs", "Buddhists")


def score_of(text: str) -> float:
    """A score in [0, 1) that depends on every character of the text, and on nothing else."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def test_flip_rate_is_that_of_a_naive_loop_over_pairs() -> None:
    # 40 posts and five other religions: 200 pairs, so that a rate has few decimals and none is rounded off.
    posts = [f"{NAMES[0]} opened garden number {number}" for number in range(40)]
    flips = towards = 0
    shift = 0.0
    for post in posts:
        for other in NAMES[1:]:
            before, after = score_of(post), score_of(post.replace(NAMES[0], other))
            flips += (before >= 0.6) != (after >= 0.6)
            towards += before < 0.6 <= after
            shift += abs(after - before)

    def score(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.asarray([[score_of(text)] * len(HEAD_ORDER) for text in texts], dtype=np.float32)

    terms = load_identity_terms(configs_folder() / "train" / "identity-terms.yaml")
    found = flip_rates(posts, score, 0.6, terms, seed=1, groups=("muslim",), draws=20)
    figures = found["groups"]["muslim"]["same_kind"]["all"]

    assert figures["pairs"] == 200
    assert 0 < flips < 200
    assert figures["flip_rate"]["value"] == pytest.approx(flips / 200, abs=1e-6)
    assert figures["towards_hateful"]["value"] == pytest.approx(towards / 200, abs=1e-6)
    assert figures["mean_absolute_shift"]["value"] == pytest.approx(shift / 200, abs=6e-6)  # five decimals


RULES = """
version: 1
valid_from: 2026-11-22
groups:
  - {group: gardeners, axis: community, terms: [Gardener, "allotment holders"]}
  - {group: years, axis: dialect, pattern: "in (19|20)[0-9]{2}"}
  - {group: muslim, axis: identity, identity: muslim}
  - {group: black, axis: identity, identity: black}
  - {group: singlish, axis: dialect, column: dialect, values: [singlish]}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "groups.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rules_find_whole_words_patterns_names_and_columns(tmp_path: Path) -> None:
    groups = load_groups(written(tmp_path, RULES))
    texts = [
        "The GARDENER of the mosque",
        "Gardeners met Muslims In 1999",
        "Allotment\u200b holders drink black tea",
        "Black people garden too",
    ]

    masks = group_masks(groups, texts, {"dialect": ["singlish", None, "british", "singlish"]})

    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "gardeners": [True, False, True, False],
        "years": [False, True, False, False],
        "muslim": [True, True, False, False],
        "black": [False, False, False, True],
        "singlish": [True, False, False, True],
    }
    assert groups.on("dialect") == ("years", "singlish")


def test_group_of_a_column_that_the_posts_lack_is_left_out(tmp_path: Path) -> None:
    groups = load_groups(written(tmp_path, RULES))

    assert "singlish" not in group_masks(groups, ["hello"])
    assert all(mask.shape == (0,) for mask in group_masks(groups, []).values())


def test_shipped_groups_find_those_who_are_named() -> None:
    groups = load_groups()

    masks = group_masks(groups, ["Sikhs and refugees share a kitchen", "It rains"])

    assert [name for name, mask in masks.items() if mask[0]] == ["sikh", "refugee"]
    assert not any(mask[1] for mask in masks.values())
    assert set(groups.on("identity")) == set(masks)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("{group: a, axis: identity}", "exactly one"),
        ("{group: a, axis: identity, terms: [x], pattern: y}", "exactly one"),
        ("{group: a, axis: dialect, column: dialect}", "column and values"),
        ("{group: a, axis: identity, terms: [x], values: [y]}", "column and values"),
        ("{group: a, axis: identity, pattern: '(x'}", "not a regular expression"),
        ("{group: a, axis: identity, terms: [' ']}", "a term is empty"),
        ("{group: a, axis: identity, identity: martians}", "a: identity"),
        ("{group: a, axis: weather, terms: [x]}", "axis"),
        ("{group: a, axis: identity, terms: [x], colour: red}", "colour"),
    ],
)
def test_rule_that_makes_no_sense_is_refused_by_name(tmp_path: Path, wrong: str, named: str) -> None:
    path = written(tmp_path, f"version: 1\nvalid_from: 2026-11-22\ngroups:\n  - {wrong}\n")

    with pytest.raises(BadConfig, match=named):
        load_groups(path)


def test_group_that_stands_twice_is_refused(tmp_path: Path) -> None:
    row = "  - {group: a, axis: identity, terms: [x]}\n"

    with pytest.raises(BadConfig, match="stands twice"):
        load_groups(written(tmp_path, f"version: 1\nvalid_from: 2026-11-22\ngroups:\n{row}{row}"))
