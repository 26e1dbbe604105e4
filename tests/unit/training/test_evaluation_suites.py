"""HateCheck, neutral identities, disguises and gates: what each figure says, worked out by hand."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from model.configuration import configs_folder
from model.errors import BadConfig
from model.normalise import normalise_text
from training.corpora.contrast import contrast_posts
from training.corpora.mixture import MixturePost
from training.corpora.overlap import near_duplicates, text_key
from training.corpora.pack import CorpusPost
from training.evaluation.background import BACKGROUND_POSTS, background_posts, recall_at_budget
from training.evaluation.bootstrap import Measured
from training.evaluation.gates import (
    Anchors,
    Gates,
    compare,
    judge,
    load_anchors,
    load_gates,
)
from training.evaluation.hatecheck import suite_figures, suite_measures
from training.evaluation.identities import (
    LEAST_SENTENCES,
    load_neutral_suite,
    madlibs_posts,
    neutral_figures,
)
from training.evaluation.robustness import (
    DISGUISES,
    disguised,
    robustness_figures,
    sample_texts,
)

pytestmark = pytest.mark.training

CONTRAST_FOLDER = configs_folder() / "train" / "contrast"
SLOT = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>")


def case(functionality: str, hate: int, target: str | None = None, templated: bool = True) -> CorpusPost:
    meta = {"templ": "[IDENTITY_P] are our neighbours." if templated else "A sentence of its own."}
    return CorpusPost(
        "hatecheck", "id", "text", "test", [hate, 0, 0, -1], None, functionality, target, meta=meta
    )


CASES = [
    case("derog_h", 1, "women"),
    case("ident_pos_nh", 0, "Muslims"),
    case("ident_pos_nh", 0, "Muslims"),
    case("counter_ref_nh", 0, "Muslims", templated=False),
    case("ident_neutral_nh", 0, "women"),
    case("negate_neg_nh", 0, "Muslims"),
    case("spell_leet_h", 1, "Muslims"),
    case("spell_leet_h", 1, None),
]
HATE = np.asarray([0.9, 0.9, 0.1, 0.1, 0.1, 0.2, 0.3, 0.8], dtype=np.float32)


def test_hatecheck_is_counted_by_kind_functionality_and_target() -> None:
    figures = suite_figures(CASES, HATE, threshold=0.25)

    assert figures["accuracy"] == 0.875  # one of eight is wrong: the first positive statement
    assert figures["hateful_accuracy"] == 1.0
    assert figures["non_hateful_accuracy"] == 0.8
    assert figures["accuracy_at_half"] == 0.75
    assert figures["f1"] == pytest.approx(6 / 7, abs=1e-4)
    assert figures["functionalities"]["ident_pos_nh"] == {"cases": 2, "accuracy": 0.5}
    assert figures["targets"]["Muslims"] == {
        "cases": 5,
        "accuracy": 0.8,
        "hateful_accuracy": 1.0,
        "non_hateful_accuracy": 0.75,
    }
    assert set(figures["targets"]) == {"Muslims", "women"}


def test_hatecheck_measures_name_the_worst_and_count_mentions_of_muslims() -> None:
    found, worst = suite_measures(CASES, HATE, threshold=0.25)

    assert worst == "ident_pos_nh"
    values = {name: None if m is None else (round(m.value, 4), m.posts) for name, m in found.items()}
    assert values["hatecheck_worst"] == (0.5, 2)
    # Neutral, positive, counter-speech: three cases; the negated one is none of these.
    assert values["hatecheck_muslims"] == (0.6667, 3)
    # Templated and not hateful: both positive statements and the negated case.
    assert values["hatecheck_muslims_non_hateful"] == (0.6667, 3)
    assert values["hatecheck_spell_leet_h"] == (1.0, 2)
    assert values["hatecheck_spell_char_del_h"] is None


def test_hatecheck_f1_is_a_measure_and_agrees_with_the_figures() -> None:
    found, _ = suite_measures(CASES, HATE, threshold=0.25)
    f1 = found["hatecheck_f1"]

    assert f1 is not None
    assert f1.value == pytest.approx(6 / 7)  # three found, one called hateful that is not
    assert f1.low < f1.value <= f1.high <= 1
    assert f1.posts == 8


def test_refused_case_is_wrong_whatever_it_would_have_scored() -> None:
    refused = np.asarray([True, False, True] + [False] * 5)  # a hateful and a harmless case, both right

    figures = suite_figures(CASES, HATE, 0.25, refused)
    found, worst = suite_measures(CASES, HATE, 0.25, refused)

    assert figures["refused"] == 2
    assert figures["accuracy"] == 0.625
    assert figures["all_scored"]["accuracy"] == 0.875
    assert figures["hateful_accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["functionalities"]["ident_pos_nh"]["accuracy"] == 0.0
    values = {name: None if m is None else m.value for name, m in found.items()}
    assert values["hatecheck_accuracy"] == 0.625
    assert values["hatecheck_non_hateful"] == 0.6
    # Two found, one missed, two called hateful that are not.
    assert values["hatecheck_f1"] == pytest.approx(4 / 7)
    assert figures["f1"] == pytest.approx(4 / 7, abs=1e-4)
    assert (worst, values["hatecheck_worst"]) == ("derog_h", 0.0)


def test_madlibs_name_their_group_wherever_the_template_has_it() -> None:
    slots = {
        "name_adj": "서윤 is a nice middle eastern",
        "you_are_adj": "You are a lovely middle eastern",
        "being_adj": "Being middle eastern is great",
        "verb_adj": "hug middle eastern",
        "am_hate_adj": "I am Middle Eastern",
    }
    madlibs = [
        CorpusPost("madlibs_en", kind, text, "test", [-1] * 4, "nontoxic", kind)
        for kind, text in slots.items()
        for _ in range(LEAST_SENTENCES // len(slots))
    ]
    left_out = [
        CorpusPost(
            "madlibs_en", "1", "You are a fun reporter", "test", [-1] * 4, "nontoxic", "you_occupation"
        ),
        CorpusPost("madlibs_en", "2", "hug deaf", "test", [-1] * 4, "nontoxic", "verb_adj"),  # one sentence
        CorpusPost("madlibs_en", "3", "hug middle eastern", "test", [-1] * 4, "toxic", "verb_adj"),
    ]

    found = madlibs_posts([*left_out, *madlibs])

    assert found == [("middle eastern", post) for post in madlibs]
    assert madlibs_posts(madlibs[1:]) == []


@pytest.mark.parametrize("count", [10_001, 15_000, 19_999, 25_000])
def test_background_posts_are_spread_over_the_whole_file(count: int) -> None:
    posts = [CorpusPost("tweets", str(n), "text", "test", [-1] * 4) for n in range(count)]

    places = [int(post.id) for post in background_posts(posts, "test")]

    gaps = {after - before for before, after in itertools.pairwise(places)}
    assert len(places) == BACKGROUND_POSTS
    assert (places[0], places[-1]) == (0, count - 1)
    assert gaps <= {count // BACKGROUND_POSTS, count // BACKGROUND_POSTS + 1}
    assert background_posts(posts[:9], "test") == posts[:9]
    assert background_posts(posts[:9], "dev") == []


def test_neutral_identities_name_the_worst_group() -> None:
    names = ["Jewish", "Jewish", "gay", "gay", "deaf", "deaf"]
    hate = np.asarray([0.1, 0.1, 0.45, 0.1, 0.1, 0.39], dtype=np.float32)

    figures, worst = neutral_figures(names, hate, threshold=0.4)

    assert figures["worst"] == "gay"
    assert figures["identities"]["gay"] == {"sentences": 2, "at_threshold": 0.5, "at_half": 0.0}
    assert worst is not None
    assert (worst.value, worst.posts) == (0.5, 2)
    assert figures["all_at_threshold"] == pytest.approx(1 / 6, abs=1e-4)


def test_neutral_suite_fills_every_template_with_every_group() -> None:
    suite = load_neutral_suite()
    sentences = suite.sentences()

    assert len(suite.templates) >= 40
    assert len(suite.identities) >= 30
    assert len(sentences) == len(suite.templates) * len(suite.identities)
    assert len({text for _, text in sentences}) == len(sentences)
    assert not any(SLOT.search(text) for _, text in sentences)
    assert {"Jewish", "Muslim"} <= {name for name, _ in sentences}


@pytest.mark.parametrize("template", ["No group here.", "The {group} choir.", "{people} and {adjective} men"])
def test_neutral_template_without_exactly_one_known_slot_is_refused(tmp_path: Path, template: str) -> None:
    suite = yaml.safe_load((configs_folder() / "evaluation" / "neutral-identity.yaml").read_text("utf-8"))
    suite["templates"][0] = template
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")

    with pytest.raises(BadConfig, match="slot"):
        load_neutral_suite(path)


def strings_of(value: Any) -> list[str]:
    """Every string anywhere in a YAML value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for entry in value.values() for found in strings_of(entry)]
    return [found for entry in value for found in strings_of(entry)] if isinstance(value, list) else []


def without_slots(template: str) -> str:
    return text_key(normalise_text(SLOT.sub("", template) or "-"))


def test_no_template_that_is_measured_on_is_also_trained_on() -> None:
    files = sorted(CONTRAST_FOLDER.rglob("*.yaml"))
    lines = [
        line
        for path in files
        for block in strings_of(yaml.safe_load(path.read_text(encoding="utf-8")))
        for line in block.splitlines()
    ]
    trained = {without_slots(line) for line in lines if line.count(" ") >= 2}
    measured = {without_slots(template) for template in load_neutral_suite().templates}

    assert len(trained) > 100
    assert measured & trained == set()


def test_no_contrast_post_nearly_repeats_a_neutral_sentence() -> None:
    made = [normalise_text(post.text) for post in contrast_posts([CONTRAST_FOLDER], 3000, seed=3)]
    sentences = [normalise_text(text) for _, text in load_neutral_suite().sentences()]

    assert len(made) > 1000
    assert near_duplicates(sentences, sentences[:1], jaccard=0.7) == [True]
    assert not any(near_duplicates(sentences, made, jaccard=0.7))


@pytest.mark.parametrize("name", sorted(DISGUISES))
def test_disguise_changes_the_letters_and_repeats_for_a_seed(name: str) -> None:
    text = "Everybody was welcome at the mosque and the synagogue"
    changed = disguised(text, name)

    assert changed != text
    assert disguised(text, name) == changed
    if name in ("leet", "spacing", "homoglyph", "zero_width"):
        assert disguised(text, name, seed=8) != changed


@pytest.mark.parametrize("name", ["zero_width", "homoglyph", "full_width"])
@settings(max_examples=25, deadline=None)
@given(words=st.lists(st.sampled_from(["mosque", "temple", "chapel", "market", "people"]), min_size=2))
def test_hidden_and_disguised_letters_are_undone_by_the_normaliser(name: str, words: list[str]) -> None:
    text = " ".join(words)

    assert normalise_text(disguised(text, name)) == normalise_text(text)


def test_disguise_leaves_a_text_without_long_words_alone() -> None:
    draw = random.Random(1)

    assert DISGUISES["spacing"]("we go in", draw) == "we go in"
    assert DISGUISES["leet"]("", draw) == ""


def test_recall_lost_is_paired_and_harmless_posts_are_watched() -> None:
    hateful, harmless = ["written plainly one", "written plainly two"], ["nothing whatever here"]

    def score(texts: Sequence[str], _what: str) -> np.ndarray:
        """Catches plain letters alone, and takes full-width ones for hate when there are few."""
        plain = [text.isascii() and text in (*hateful, *harmless) for text in texts]
        return np.asarray(
            [0.9 if p and t in hateful else 0.1 for p, t in zip(plain, texts, strict=True)], np.float32
        )

    figures, measures = robustness_figures(hateful, harmless, score, threshold=0.5)

    assert figures["caught"] == 1.0
    assert figures["harmless_flagged"] == 0.0
    assert figures["disguises"]["full_width"] == {"changed": 2, "caught": 0.0, "harmless_flagged": 0.0}
    lost = measures["evasion_full_width"]
    assert lost == Measured(1.0, 1.0, 1.0, 2)


def test_sample_takes_distinct_texts_of_each_source_and_repeats() -> None:
    first, second = [f"a{n % 7}" for n in range(30)], ["b"]

    chosen = sample_texts([first, second], 5)

    assert len(chosen) == 6
    assert len(set(chosen)) == 6
    assert chosen == sample_texts([first, second], 5)


def test_recall_at_a_review_budget_by_hand() -> None:
    traffic = np.zeros((100, 4), dtype=np.float32)
    traffic[:, 0] = np.arange(100) / 100  # the top 1 % lies above .98, the top 5 % above .94
    dev = [MixturePost("dev", str(n), "text", [1, -1, -1, -1]) for n in range(3)]
    scores = np.zeros((3, 4), dtype=np.float32)
    scores[:, 0] = [0.995, 0.96, 0.5]

    found = recall_at_budget(dev, scores, traffic)

    assert found == {"hate": {"1%": pytest.approx(1 / 3, abs=1e-4), "5%": pytest.approx(2 / 3, abs=1e-4)}}


def gate(**changes: Any) -> dict[str, Any]:
    return {
        "measure": "accuracy",
        "words": "accuracy",
        "direction": "at_least",
        "must": 0.9,
        "aim": 0.95,
        "source": "us",
        **changes,
    }


def gates(*entries: dict[str, Any]) -> Gates:
    return Gates.model_validate({"version": 1, "valid_from": "2026-11-21", "gates": entries})


@pytest.mark.parametrize(
    ("direction", "must", "aim", "value", "verdict"),
    [
        ("at_least", 0.9, 0.95, 0.96, "aim"),
        ("at_least", 0.9, 0.95, 0.9, "holds"),
        ("at_least", 0.9, 0.95, 0.8999, "missed"),
        ("at_most", 0.05, 0.02, 0.02, "aim"),
        ("at_most", 0.05, 0.02, 0.05, "holds"),
        ("at_most", 0.05, None, 0.06, "missed"),
        ("at_most", 0.05, None, 0.0, "holds"),
    ],
)
def test_gate_says_whether_must_and_aim_are_reached(
    direction: str, must: float, aim: float | None, value: float, verdict: str
) -> None:
    wanted = gates(gate(direction=direction, must=must, aim=aim))

    (row,) = judge(wanted, {"accuracy": Measured(value, value, value, 10)})

    assert row["verdict"] == verdict
    assert row["got"]["value"] == value
    assert judge(wanted, {})[0]["verdict"] == "-"


def test_gate_whose_aim_is_easier_than_its_must_is_refused() -> None:
    with pytest.raises(ValueError, match="easier"):
        gates(gate(aim=0.8))
    with pytest.raises(ValueError, match="twice"):
        gates(gate(), gate())


def test_comparison_knows_which_way_is_better() -> None:
    anchors = Anchors.model_validate(
        {
            "version": 1,
            "valid_from": "2026-11-21",
            "anchors": [
                {"measure": "accuracy", "system": "low", "value": 0.7, "source": "them"},
                {"measure": "accuracy", "system": "high", "value": 0.8, "source": "them"},
                {"measure": "flips", "system": "many", "value": 0.2, "source": "them"},
                {"measure": "flips", "system": "few", "value": 0.1, "source": "them"},
            ],
        }
    )
    wanted = gates(gate(), gate(measure="flips", direction="at_most", must=0.3, aim=None))
    measured = {"accuracy": Measured(0.75, 0.7, 0.8, 9), "flips": Measured(0.05, 0.0, 0.1, 9)}

    accuracy, flips = compare(wanted, anchors, measured)

    assert (accuracy["best"], accuracy["system"], accuracy["ahead"]) == (0.8, "high", False)
    assert (flips["best"], flips["system"], flips["ahead"]) == (0.1, "few", True)
    assert compare(wanted, anchors, {})[0]["ahead"] is None


def test_shipped_gates_and_anchors_load_and_every_anchor_has_words() -> None:
    wanted, anchors = load_gates(), load_anchors()
    named = {g.measure for g in wanted.gates} | set(anchors.words)

    assert {a.measure for a in anchors.anchors} <= named
    assert set(anchors.at_most) <= {a.measure for a in anchors.anchors}
    assert len(wanted.gates) >= 25
