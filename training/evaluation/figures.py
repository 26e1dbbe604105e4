"""`watchhouse evaluate`: every measure of a bundle on open data, through the classifier that serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.configuration import configs_folder
from model.errors import BadConfig
from model.explaining import AnnotatingClassifier
from model.normalise import normalise_text
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from model.thresholds import Thresholds
from training.corpora.mixture import CONTRAST, Mixture, MixturePost
from training.corpora.overlap import in_calibration_half, text_key
from training.corpora.pack import CorpusFile, CorpusPost, read_corpus, read_manifest
from training.corpora.swaps import load_identity_terms
from training.evaluation.background import (
    BACKGROUNDS,
    TWEETS,
    background_figures,
    background_posts,
    recall_at_budget,
)
from training.evaluation.bootstrap import SEED, Measured, measured_from, share
from training.evaluation.counterfactual import flip_rates
from training.evaluation.dev import dev_figures, dev_measures, label_table
from training.evaluation.gates import compare, judge, load_anchors, load_gates
from training.evaluation.hatecheck import suite_figures, suite_measures
from training.evaluation.hatexplain import hatexplain_figures, published_test
from training.evaluation.identities import (
    load_neutral_suite,
    madlibs_posts,
    neutral_figures,
)
from training.evaluation.operating import operating_figures, shipped_policies
from training.evaluation.plots import draw_plots
from training.evaluation.rationales import rationale_figures
from training.evaluation.robustness import (
    HARMLESS_POSTS,
    SAMPLE_POSTS,
    robustness_figures,
    sample_texts,
)
from training.evaluation.scoring import Scorer
from training.evaluation.speech_acts import speech_act_figures
from training.evaluation.unread import unread, unread_figures
from training.recipe import Recipe, load_recipe

HATE = HEAD_ORDER.index("hate")
FUNCTIONAL_SUITE = "hatecheck"
HATEXPLAIN = "hatexplain"
MADLIBS = "madlibs_en"
RATIONALE_MEASURES = ("token_f1", "auprc", "iou_f1", "comprehensiveness", "sufficiency")
WRITTEN = frozenset(
    {"dghsd", "hatemoji_build", "turing_dynacounter", "toxigen_human", "toxigen_demonstrations"}
)
"""Corpora whose posts annotators or machines wrote to order: no natural text."""


def refuse_other_data(bundle: Bundle, mixture: Mixture) -> None:
    """Raises: BadConfig unless the mixture is of the very data that the bundle was made from."""
    made_from = bundle.manifest.get("data")
    lexicon = bundle.manifest.get("far_right_lexicon_sha256")
    if mixture.files != made_from or mixture.lexicon_sha256 != lexicon:
        raise BadConfig("data: not what the bundle was made from, so its dev posts cannot be told apart")


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a bundle carries. Raises: BadConfig, naming a member this version does not know."""
    path = folder / "recipe.yaml"
    if not path.is_file():
        raise BadConfig(f"{path}: the bundle does not carry its recipe, so its dev posts cannot be rebuilt")
    return load_recipe(path).recipe


def measure(bundle: Bundle, mixture: Mixture, data: Path, *, plots: Path | None = None) -> dict[str, Any]:
    """All figures of a bundle; `gates` has every gated measure with its verdict."""
    classifier = OnnxClassifier(bundle)
    return {"bundle": bundle.bundle_id, **measure_classifier(classifier, mixture.dev, data, plots=plots)}


def measure_classifier(
    classifier: AnnotatingClassifier,
    dev: Sequence[MixturePost],
    data: Path,
    *,
    plots: Path | None = None,
    score: Scorer | None = None,
) -> dict[str, Any]:
    """All figures of any classifier; what the data folder lacks is left out and its gates say "-".

    `dev` holds all dev posts: those that calibration was fitted on are left out here. `score` is a scorer of
    that classifier whose memory the caller wants to use afterwards.
    """
    half = [post for post in dev if not in_calibration_half(post.text)]
    natural, written = _parted(half)
    run = _Run(
        score or Scorer(classifier),
        Thresholds.of(classifier.thresholds),
        classifier.languages,
        read_manifest(data),
        natural,
        written,
    )
    run.dev(plots)
    run.speech_acts(classifier)
    run.hatecheck()
    run.hatexplain()
    run.background()
    run.operating()
    run.identities()
    run.counterfactual()
    run.rationales(classifier)
    run.robustness()
    gates = load_gates()
    run.figures["measures"] = {
        name: None if found is None else found.as_json() for name, found in run.measures.items()
    }
    run.figures["gates"] = judge(gates, run.measures)
    run.figures["anchors"] = compare(gates, load_anchors(), run.measures)
    return run.figures


def _parted(dev: list[MixturePost]) -> tuple[list[MixturePost], list[MixturePost]]:
    """Dev posts of the corpora, and those made from our own templates, which would flatter the figures."""
    corpora = [post for post in dev if post.corpus != CONTRAST]
    return corpora, [post for post in dev if post.corpus == CONTRAST]


@dataclass(slots=True)
class _Run:
    """One measurement: what it scores with, and what it has found so far."""

    score: Scorer
    thresholds: Thresholds
    languages: tuple[str, ...]
    manifest: dict[str, CorpusFile]
    dev_posts: list[MixturePost]
    contrast_posts: list[MixturePost]
    figures: dict[str, Any] = field(default_factory=dict)
    measures: dict[str, Measured | None] = field(default_factory=dict)

    def dev(self, plots: Path | None) -> None:
        scores = self.score([post.text for post in self.dev_posts], "dev posts")
        self.figures["dev"] = dev_figures(self.dev_posts, scores, self.thresholds)
        self.measures |= dev_measures(self.dev_posts, scores)
        if self.contrast_posts:
            made = self.score([post.text for post in self.contrast_posts], "contrast posts")
            self.figures["dev"]["contrast"] = dev_figures(self.contrast_posts, made, self.thresholds)["heads"]
        if plots is not None:
            draw_plots(self.dev_posts, scores, plots, self.thresholds)
        # Of dev posts only the normalised text is at hand, of all others the raw one.
        self._not_scored("dev posts", [post.text for post in self.dev_posts], raw=False)

    def speech_acts(self, classifier: AnnotatingClassifier) -> None:
        """The speech-act head on dev posts of the corpora, and apart from them on those of our templates."""
        natural, macro = speech_act_figures(classifier, self.dev_posts)
        made, _ = speech_act_figures(classifier, self.contrast_posts)
        self.figures["speech_act"] = {"natural": natural, "contrast": made}
        self.measures["speech_act_macro_f1"] = macro

    def hatecheck(self) -> None:
        posts = self._corpus(FUNCTIONAL_SUITE)
        if not posts:
            return
        texts = [post.text for post in posts]
        hate, refused = self._hate(texts, FUNCTIONAL_SUITE), self._not_scored("HateCheck", texts)
        self.figures[FUNCTIONAL_SUITE] = suite_figures(posts, hate, self.thresholds["hate"], refused)
        found, worst = suite_measures(posts, hate, self.thresholds["hate"], refused)
        self.figures[FUNCTIONAL_SUITE]["worst"] = worst
        self.measures |= found

    def hatexplain(self) -> None:
        posts = published_test(self._corpus(HATEXPLAIN))
        if not posts:
            return
        texts = [post.text for post in posts]
        hate = self._hate(texts, "HateXplain test")
        self._not_scored("HateXplain test", texts)
        self.figures[HATEXPLAIN], found = hatexplain_figures(posts, hate, self.thresholds["hate"])
        self.measures |= found

    def background(self) -> None:
        self.figures["background"] = {}
        for name, split in BACKGROUNDS.items():
            posts = background_posts(self._corpus(name), split)
            if not posts:
                continue
            texts = [post.text for post in posts]
            scores, refused = self.score(texts, name), self._not_scored(name, texts)
            self.figures["background"][name] = {
                **background_figures(scores, self.thresholds),
                "not_scored_for_language": round(float(refused.mean()), 5),
            }
            if name == TWEETS:
                self.measures["background_tweets_at_half"] = share(scores[:, HATE] >= 0.5)
                dev_scores = self.score([post.text for post in self.dev_posts])
                self.figures["dev"]["recall_at_budget"] = recall_at_budget(self.dev_posts, dev_scores, scores)

    def operating(self) -> None:
        """What each shipped policy finds on dev and costs on tweets of the published test split."""
        if not self.dev_posts:
            return
        tweets = background_posts(self._corpus(TWEETS), BACKGROUNDS[TWEETS])
        texts, traffic = [post.text for post in self.dev_posts], [post.text for post in tweets]
        self.figures["operating"] = operating_figures(
            shipped_policies(),
            self.score(texts),
            label_table(self.dev_posts),
            self.score(traffic),
            self.thresholds,
            dev_unread=unread(texts, self.languages),
            background_unread=unread(traffic, self.languages),
        )

    def identities(self) -> None:
        names, texts = zip(*load_neutral_suite().sentences(), strict=True)
        hate = self._hate(list(texts), "neutral identity templates")
        figures, worst = neutral_figures(list(names), hate, self.thresholds["hate"])
        self.figures["neutral_identity"] = figures
        self.measures["neutral_identity_worst"] = worst
        madlibs = madlibs_posts(self._corpus(MADLIBS))
        hate = self._hate([post.text for _, post in madlibs], "madlibs")
        figures, worst = neutral_figures([group for group, _ in madlibs], hate, self.thresholds["hate"])
        self.measures["madlibs_worst"] = worst
        if worst is not None:
            self.figures["madlibs"] = figures

    def robustness(self) -> None:
        suite = self._corpus(FUNCTIONAL_SUITE)
        hateful = sample_texts([_saying(suite, 1), _saying(self.dev_posts, 1)], SAMPLE_POSTS)
        harmless = sample_texts([_saying(suite, 0), _saying(self.dev_posts, 0)], HARMLESS_POSTS)
        if hateful:
            figures, found = robustness_figures(hateful, harmless, self._hate, self.thresholds["hate"])
            self.figures["robustness"] = figures
            self.measures |= found

    def counterfactual(self) -> None:
        """Flips on people's own words: HateXplain test, and with it dev posts that nobody wrote to order.

        HateXplain stands alone besides, since other systems' rates are of its posts.
        """
        hatexplain = [post.text for post in published_test(self._corpus(HATEXPLAIN))]
        dev = [post.text for post in self.dev_posts if post.corpus not in WRITTEN]
        if not hatexplain and not dev:
            return
        terms = load_identity_terms(configs_folder() / "train" / "identity-terms.yaml")

        def score(swapped: list[str]) -> NDArray[np.float32]:
            return self.score(swapped, "swapped identities")

        found = {}
        for measure, posts in (("flips", hatexplain + dev), ("flips_hatexplain", hatexplain)):
            figures = flip_rates(distinct_normalised(posts), score, self.thresholds["hate"], terms, SEED)
            found[measure] = figures
            for group, tables in figures["groups"].items():
                rate = tables["same_kind"]["all"]["flip_rate"]
                self.measures[f"{measure}_{group}"] = measured_from(rate)
        self.figures["counterfactual"] = {**found["flips"], "hatexplain": found["flips_hatexplain"]}

    def rationales(self, classifier: AnnotatingClassifier) -> None:
        posts = published_test(self._corpus(HATEXPLAIN))
        if not posts:
            return
        figures = rationale_figures(classifier, posts, SEED)
        self.figures["rationales"] = figures
        of_head = figures["rationale"]
        for name in RATIONALE_MEASURES:
            found = None if of_head is None else {**of_head[name], "posts": of_head["posts"]}
            self.measures[f"rationale_{name}"] = measured_from(found)

    def _hate(self, texts: Sequence[str], what: str) -> NDArray[np.float32]:
        return self.score(texts, what)[:, HATE]

    def _not_scored(self, what: str, texts: Sequence[str], *, raw: bool = True) -> NDArray[np.bool_]:
        """Which of the texts `watchhouse score` would not score; their number goes into the figures."""
        found = unread(texts, self.languages)
        self.figures.setdefault("not_scored", {})[what] = unread_figures(found, raw=raw)
        return found

    def _corpus(self, name: str) -> list[CorpusPost]:
        return read_corpus(self.manifest[name]) if name in self.manifest else []


def distinct_normalised(texts: Sequence[str]) -> list[str]:
    """The normalised texts, each once."""
    normalised = map(normalise_text, texts)
    return list({text_key(text): text for text in normalised if text_key(text)}.values())


def _saying(posts: Sequence[CorpusPost | MixturePost], label: int) -> list[str]:
    """The texts of the posts that people gave this label for `hate`."""
    return [post.text for post in posts if post.labels[HATE] == label]
