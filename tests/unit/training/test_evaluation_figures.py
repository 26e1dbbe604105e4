"""The whole measurement on a small data folder, with a classifier that knows a few words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("sklearn")

from model.classifier import Annotation, Scores
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from training.corpora.mixture import CONTRAST, Mixture, MixturePost
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import read_manifest
from training.evaluation.figures import measure_classifier
from training.evaluation.gates import load_anchors, load_gates
from training.evaluation.identities import LEAST_SENTENCES
from training.evaluation.speech_acts import speech_act_figures
from training.evaluation.tables import markdown_tables, print_figures
from training.model_card import model_card
from training.recipe import load_recipe

pytestmark = pytest.mark.training

DataFolder = Callable[[dict[tuple[str, str], list[dict[str, Any]]]], Path]
MARKERS = {"vermin": "hate", "bankers": "antisemitic", "invaders": "islamophobic", "bloodline": "far_right"}
GERMAN = "Wir gehen morgen früh mit den Kindern in den Garten und pflanzen dort die neuen Bäume."
NEEDS_RATIONALES = {"rationale_token_f1", "rationale_auprc"}


class MarkerClassifier:
    """Says 0.9 for the head whose marker stands in a text, with `hate`, and 0.1 for all others."""

    bundle_id = "markers"
    languages = ("en",)
    rationale_threshold = None

    def __init__(self) -> None:
        self.scored: list[str] = []

    @property
    def thresholds(self) -> dict[str, float]:
        return dict.fromkeys(HEAD_ORDER, 0.4)

    def score(self, texts: Sequence[str]) -> Scores:
        self.scored += texts
        values = np.full((len(texts), len(HEAD_ORDER)), 0.1, dtype=np.float32)
        for row, text in enumerate(texts):
            for marker, head in MARKERS.items():
                if marker in text.lower():
                    values[row, [0, HEAD_ORDER.index(head)]] = 0.9
        return Scores(values, self.bundle_id)

    def annotate(self, texts: Sequence[str]) -> list[Annotation]:
        raise AssertionError("posts without a speech act or marked words are not annotated")


def row(number: int, text: str, **changes: Any) -> dict[str, Any]:
    return {"id": str(number), "text": f"{text} {number}", "split": "test", **changes}


@pytest.fixture
def whole_pack(data_folder: DataFolder) -> Path:
    """Every corpus that is measured on, a few posts each, about Jews and Muslims among others."""
    functionalities = {
        "ident_pos_nh": ("Muslims are welcome here", 0),
        "derog_h": ("they are vermin", 1),
        "spell_char_swap_h": ("they are vermin too", 1),
        "spell_char_del_h": ("they are vrmin", 1),
        "spell_space_del_h": ("theyarevermin", 1),
        "spell_space_add_h": ("they are vermin again", 1),
        "spell_leet_h": ("they are vermin still", 1),
    }
    suite = [
        row(n, text, hate=hate, functionality=name, target="Muslims", meta='{"templ": "[IDENTITY_P]"}')
        for name, (text, hate) in functionalities.items()
        for n in range(4)
    ]
    kinds = [
        ("hatespeech", 1, "vermin jews and"),
        ("offensive", None, "rude"),
        ("normal", 0, "my muslim friend"),
    ]
    hatexplain = [
        row(n, text, hate=hate, kind=kind, target=target)
        for n, target in enumerate(("Jewish", "Islam", "Jewish;Islam"))
        for kind, hate, text in kinds
    ]
    tweets = [row(n, "bankers lunch" if n == 0 else "lunch today") for n in range(50)]
    return data_folder(
        {
            ("known", "hatecheck"): suite,
            ("train", "hatexplain"): hatexplain,
            ("background", "background_tweeteval"): tweets,
            ("known", "madlibs_en"): [
                {**row(n, ""), "text": text.format(n), "kind": "nontoxic", "functionality": "name_adj"}
                for text in ("Person {} is a nice muslim", "Person {} is a caring vermin scientist")
                for n in range(LEAST_SENTENCES)
            ],
        }
    )


@pytest.fixture
def dev_posts() -> list[MixturePost]:
    """Posts of both halves: each strand's marker with its label, the rest innocent; some of our templates."""
    words = {
        "bankers": [1, 1, 0, 0],
        "invaders": [1, 0, 1, 0],
        "bloodline": [1, 0, 0, 1],
        "tea": [0, 0, 0, 0],
    }
    posts = [
        MixturePost("gab_hate_corpus", str(n), f"the {word} and number {n} of the jews", labels)
        for n in range(24)
        for word, labels in words.items()
    ]
    made = [MixturePost(CONTRAST, str(n), f"made to measure {n}", [1, 1, 1, 1]) for n in range(24)]
    return posts + made


def test_every_gate_is_measured_but_those_that_need_a_rationale_head(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(MarkerClassifier(), dev_posts, whole_pack)

    verdicts = {gate["measure"]: gate["verdict"] for gate in figures["gates"]}
    assert set(verdicts) == {gate.measure for gate in load_gates().gates}
    assert {name for name, verdict in verdicts.items() if verdict == "-"} == NEEDS_RATIONALES
    got = {gate["measure"]: gate["got"]["value"] for gate in figures["gates"] if gate["got"]}
    assert got["hatecheck_spell_char_del_h"] == 0.0
    assert got["hatecheck_spell_leet_h"] == 1.0
    assert got["hatecheck_muslims"] == 1.0
    assert got["background_tweets_at_half"] == 0.02
    assert got["dev_auc_antisemitic"] == 1.0
    # In each strand a score of 0.1 where nothing is, 0.9 where all is: the gap is 0.1 everywhere.
    assert got["ece_far_right"] == pytest.approx(0.1)
    assert got["neutral_identity_worst"] == 0.0
    assert got["madlibs_worst"] == 1.0
    assert got["flips_jewish"] == 0.0
    assert (verdicts["hatecheck_spell_char_del_h"], verdicts["ece_far_right"]) == ("missed", "missed")


def test_every_anchor_is_compared_with_a_measure_that_a_full_evaluation_gives(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(MarkerClassifier(), dev_posts, whole_pack)

    assert {anchor.measure for anchor in load_anchors().anchors} <= set(figures["measures"])
    f1 = next(row for row in figures["anchors"] if row["measure"] == "hatecheck_f1")
    assert f1["ours"] is not None


def test_case_in_a_language_that_is_not_read_is_wrong_and_goes_before_people(
    data_folder: DataFolder, dev_posts: list[MixturePost]
) -> None:
    english = [("they are vermin", 1), ("we walked the dog", 0), ("nothing at all happened there", 0)]
    suite = [row(n, text, hate=hate, functionality="f") for n, (text, hate) in enumerate(english)]
    suite.append(row(3, GERMAN, hate=0, functionality="f"))
    tweets = [row(n, text) for n, text in enumerate(["lunch today", "lunch tomorrow", "dinner", GERMAN])]
    pack = data_folder({("known", "hatecheck"): suite, ("background", "background_tweeteval"): tweets})

    figures = measure_classifier(MarkerClassifier(), dev_posts, pack)

    assert figures["hatecheck"]["refused"] == 1
    assert figures["hatecheck"]["all_scored"]["accuracy"] == 1.0
    assert figures["measures"]["hatecheck_accuracy"]["value"] == 0.75
    gate = next(gate for gate in figures["gates"] if gate["measure"] == "hatecheck_accuracy")
    assert (gate["got"]["value"], gate["verdict"]) == (0.75, "missed")
    assert figures["not_scored"]["HateCheck"] == {"posts": 4, "not_scored": 1, "raw": True}
    assert figures["not_scored"]["dev posts"]["raw"] is False
    loads = figures["operating"]["policies"]["officer"]["heads"]
    assert loads["any head"]["reviews_per_10000"]["value"] == 2500.0
    assert loads["hate"]["reviews_per_10000"]["value"] == 0.0
    tables = markdown_tables(figures)
    assert "| 4 cases, 1 not scored for their language count as wrong | 0.750 |" in tables
    assert "| if all were scored | 1.000 |" in tables
    assert "| HateCheck | 4 | 1 | 25.00% |" in tables


class FlippingClassifier(MarkerClassifier):
    """Takes Jews for hateful in posts that have the word "number", which here only dev posts have."""

    def score(self, texts: Sequence[str]) -> Scores:
        found = super().score(texts)
        for place, text in enumerate(texts):
            if "number" in text and "jews" in text:
                found.values[place, 0] = 0.9
        return found


def test_flips_of_hatexplain_alone_stand_beside_those_of_all_natural_text(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(FlippingClassifier(), dev_posts, whole_pack)

    measures = {name: found and found["value"] for name, found in figures["measures"].items()}
    assert measures["flips_hatexplain_jewish"] == 0.0
    assert measures["flips_jewish"] > 0.0
    gated = {gate["measure"] for gate in figures["gates"]}
    compared = {row["measure"]: row["ours"] for row in figures["anchors"]}
    assert {"flips_jewish", "flips_hatexplain_jewish"} & gated == {"flips_jewish"}
    assert compared["flips_hatexplain_jewish"] == 0.0
    assert "flips_jewish" not in compared
    alone, all_posts = figures["counterfactual"]["hatexplain"], figures["counterfactual"]
    assert 0 < alone["texts"] < all_posts["texts"]
    assert "| jewish, same kind: HateXplain test alone |" in markdown_tables(figures)


class ActClassifier(MarkerClassifier):
    """Says what the text says: "endorses" for vermin, "counters" for "against", else "neutral"."""

    def annotate(self, texts: Sequence[str]) -> list[Annotation]:
        return [Annotation(np.zeros(4, np.float32), self.act(text), None, None) for text in texts]

    def act(self, text: str) -> np.ndarray | None:
        said = "endorses" if "vermin" in text else "counters" if "against" in text else "neutral"
        return np.asarray([act == said for act in SPEECH_ACT_ORDER], dtype=np.float32)


def acting(corpus: str, text: str, act: str) -> MixturePost:
    return MixturePost(corpus, text, text, [-1] * 4, speech_act=SPEECH_ACT_ORDER.index(act))


ACTS = [
    acting("cad", "they are vermin", "endorses"),
    acting("cad", "they are vermin, all of them", "endorses"),
    acting("cad", "go home", "endorses"),
    acting("cad", "I speak against this", "counters"),
    acting("cad", "they are no vermin", "counters"),
    acting("cad", "we had tea", "neutral"),
    MixturePost("cad", "none", "nobody said what this does", [0, 0, 0, 0]),
]


def test_speech_acts_are_counted_by_hand() -> None:
    figures, macro = speech_act_figures(ActClassifier(), ACTS)

    assert figures is not None
    assert figures["posts"] == 6
    assert figures["acts"]["endorses"] == {
        "posts": 3,
        "said": 3,
        "recall": pytest.approx(2 / 3, abs=1e-4),
        "precision": pytest.approx(2 / 3, abs=1e-4),
        "f1": pytest.approx(2 / 3, abs=1e-4),
    }
    assert (figures["acts"]["neutral"]["precision"], figures["acts"]["neutral"]["recall"]) == (0.5, 1.0)
    quotes = {"posts": 0, "said": 0, "recall": None, "precision": None, "f1": None}
    assert figures["acts"]["reports_or_quotes"] == quotes
    assert macro is not None
    # Endorses 2/3, counters 1 of 2 without a wrong one 2/3, neutral 2/3.
    assert macro.value == pytest.approx(2 / 3)
    assert macro.low < macro.value <= macro.high


def test_bundle_without_a_speech_act_head_has_no_such_figure() -> None:
    class Old(ActClassifier):
        def act(self, text: str) -> np.ndarray | None:
            return None

    assert speech_act_figures(Old(), ACTS) == (None, None)
    assert speech_act_figures(MarkerClassifier(), ACTS[-1:]) == (None, None)


def test_speech_acts_of_corpora_and_of_our_templates_stand_apart(
    data_folder: DataFolder, dev_posts: list[MixturePost]
) -> None:
    natural = [acting("cad", f"they are vermin {n}", "endorses") for n in range(20)]
    made = [acting(CONTRAST, f"as he said: go home {n}", "reports_or_quotes") for n in range(20)]
    half = [post for post in made if not in_calibration_half(post.text)]

    figures = measure_classifier(
        ActClassifier(), [*dev_posts, *natural, *made], data_folder({("train", "other"): []})
    )

    found = figures["speech_act"]
    assert found["natural"]["acts"]["endorses"]["recall"] == 1.0
    assert found["natural"]["acts"]["reports_or_quotes"]["posts"] == 0
    assert found["contrast"]["posts"] == found["contrast"]["acts"]["reports_or_quotes"]["posts"] == len(half)
    assert figures["measures"]["speech_act_macro_f1"]["value"] == 1.0
    tables = markdown_tables(figures)
    assert "### Speech act on dev posts of the corpora: macro-F1 1.000" in tables
    assert "### Speech act on posts of our own templates, held out from training" in tables


def test_calibration_half_and_our_own_templates_stay_out_of_the_dev_figures(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(MarkerClassifier(), dev_posts, whole_pack)["dev"]

    half = [post for post in dev_posts if not in_calibration_half(post.text)]
    natural = [post for post in half if post.corpus != CONTRAST]
    counted = figures["heads"]["hate"]
    assert 0 < len(natural) < len(half) < len(dev_posts)
    assert counted["positives"] + counted["negatives"] == len(natural)
    assert figures["contrast"]["hate"]["positives"] == len(half) - len(natural)
    assert CONTRAST not in figures["hate_by_corpus"]


def test_each_text_is_scored_once(whole_pack: Path, dev_posts: list[MixturePost]) -> None:
    classifier = MarkerClassifier()

    figures = measure_classifier(classifier, dev_posts, whole_pack)

    # The explanations score on their own; all else goes through one memory.
    suite = [text for text in classifier.scored if text.startswith("they are vermin ")]
    assert figures["robustness"]["hateful_posts"] > 0
    assert len(suite) == len(set(suite)) > 0


def test_same_posts_give_the_same_figures_to_the_last_digit(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    first, second = (measure_classifier(MarkerClassifier(), dev_posts, whole_pack) for _ in range(2))

    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def test_folder_with_nothing_but_dev_posts_says_what_was_not_measured(
    data_folder: DataFolder, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(MarkerClassifier(), dev_posts, data_folder({("train", "other"): []}))

    verdicts = {gate["measure"]: gate["verdict"] for gate in figures["gates"]}
    assert verdicts["hatecheck_accuracy"] == "-"
    assert verdicts["dev_auc_far_right"] != "-"
    assert "hatecheck" not in figures


def test_tables_print_must_aim_got_interval_and_verdict(
    whole_pack: Path, dev_posts: list[MixturePost]
) -> None:
    figures = measure_classifier(MarkerClassifier(), dev_posts, whole_pack)
    console = Console(width=200)
    with console.capture() as captured:
        print_figures({"bundle": "b", **figures}, console)
    printed = captured.get()
    card = markdown_tables(figures)

    gate = next(g for g in figures["gates"] if g["measure"] == "background_tweets_at_half")
    assert gate["verdict"] == "missed"
    for said in ("background tweets above 0.5 on hate", "<= 0.015", "0.007", "0.0200", "missed"):
        assert said in printed
        assert said in card
    assert f"{gate['got']['low']:.3f} to {gate['got']['high']:.3f}" in card
    assert "not measured" in printed
    assert card.index("What the bundle has to show") < card.index("HateCheck per functionality")


def test_model_card_has_the_gates_the_missed_and_how_each_was_measured(
    whole_pack: Path, tiny_pack: Path, dev_posts: list[MixturePost], tiny_recipe: Callable[..., Path]
) -> None:
    acts = [acting("cad", f"they are vermin {n}", "endorses") for n in range(8)]
    figures = measure_classifier(ActClassifier(), dev_posts + acts, whole_pack)
    parity = {
        "posts": 10,
        "fp32_largest_logit_gap": 0.0,
        "int8_mean_logit_gap": 0.0,
        "int8_average_precision_loss": dict.fromkeys(HEAD_ORDER, 0.001),
    }
    mixture = Mixture(counts={"train": {"first": 5, CONTRAST: 7}, "dev": {}})

    card = model_card(
        load_recipe(tiny_recipe()).recipe, mixture, read_manifest(tiny_pack), figures, {"parity": parity}
    )

    assert "What the bundle has to show" in card
    assert "at least one of its three annotators" in card
    assert "| contrast | 7 | 0 | Apache-2.0 |" in card
    weaknesses = card[card.index("## Known weaknesses") :]
    assert "HateCheck F26, letters missing 0.000 (must: 0.850)" in weaknesses
    assert "HateCheck F29" not in weaknesses
    assert "Quotation and reclaimed use are learnt from our templates alone" in weaknesses
    worst = next(line for line in card.splitlines() if line.startswith("| HateCheck, worst functionality"))
    assert "picked after looking; the interval does not allow for it" in worst


def test_plots_are_written_and_repeat(whole_pack: Path, dev_posts: list[MixturePost], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        measure_classifier(MarkerClassifier(), dev_posts, whole_pack, plots=tmp_path / name)

    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["precision-recall.svg", "reliability.svg"]
    for name in names:
        drawn = (tmp_path / "one" / name).read_bytes()
        assert b"<svg" in drawn
        assert drawn == (tmp_path / "two" / name).read_bytes()
