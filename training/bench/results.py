"""Everything that is measured of one target, as `results` of report.json holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from model.explaining import AnnotatingClassifier
from model.intervals import wilson
from model.rationale import spans
from model.suite import Suite
from model.taxonomy import HEAD_ORDER
from training.bench.suite_results import SuiteResult, json_of, suite_result, worst_cases
from training.bench.target_measures import target_measures
from training.corpora.mixture import CONTRAST, Mixture
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import CorpusPost, read_corpus, read_manifest
from training.evaluation.bootstrap import Measured
from training.evaluation.clusters import family
from training.evaluation.definitions import definition_diff, load_definition_pairs
from training.evaluation.dev import annotated, label_table
from training.evaluation.drift import dated_posts, drift_rows
from training.evaluation.figures import measure_classifier
from training.evaluation.gates import judge, load_gates
from training.evaluation.group_rules import Groups, group_masks
from training.evaluation.groups import Axis, equality_differences, group_table
from training.evaluation.hatexplain import NORMAL, communities_of, published_test
from training.evaluation.metrics import head_figures, reliability
from training.evaluation.perturbation_settings import load_perturbation_settings
from training.evaluation.perturbations import perturbation_curves
from training.evaluation.rewording import coded_term_rows, paraphrase_rows
from training.evaluation.risk_coverage import risk_coverage_figures
from training.evaluation.scoring import Scorer
from training.targets.bundle_target import BundleTarget
from training.targets.predictions import PredictionsTarget
from training.targets.protocol import Target

HATE = HEAD_ORDER.index("hate")
AXES = get_args(Axis)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One target's part of the report, and case by case what it got right, suite by suite.

    `skipped` says of which posts the target answers too few to be measured on them, and for how many.
    """

    result: dict[str, Any]
    suites: dict[str, SuiteResult]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posts:
    """What all targets are measured on. `mixture` has the dev posts that a bundle's recipe leaves out.

    `plots` is the folder for pictures of those dev posts, if any are wanted.
    """

    data: Path
    suites: Sequence[Suite]
    groups: Groups
    mixture: Mixture | None = None
    plots: Path | None = None


def measure_target(target: Target, posts: Posts, say: Say) -> Measurement:
    """All that can be measured of a target; what it does not answer for is empty.

    A bundle is measured on everything, its dev posts and explanations too; the others on `hate` alone, and
    predictions on the cases they hold, since nothing new can be asked of a file.
    Raises: as `Target.score`.
    """
    say(f"{target.name}: suites")
    suites = {suite.name: _on_suite(target, suite) for suite in posts.suites}
    result: dict[str, Any] = {"suites": {name: found.table for name, found in suites.items()}}
    skipped: Mapping[str, str] = {}
    classifier = target.classifier if isinstance(target, BundleTarget) else None
    if classifier is not None and posts.mixture is not None:
        say(f"{target.name}: everything that a bundle has to show")
        result |= _of_bundle(target, classifier, posts.mixture, posts)
    else:
        say(f"{target.name}: open corpora")
        found = target_measures(target, posts.data)
        result["measures"] = {name: json_of(value) for name, value in found.measures.items()}
        result["headline"] = judge(load_gates(), found.measures)
        skipped = found.skipped
    say(f"{target.name}: groups")
    result["groups"], gaps = _groups(target, posts)
    result["measures"] |= {f"hatexplain_{name}": json_of(value) for name, value in gaps.items()}
    result["definition_diff"] = _definitions(posts.suites, suites, target.thresholds["hate"])
    say(f"{target.name}: robustness")
    result["robustness"] = _robustness(target, posts.suites, suites)
    result["worst"] = [
        case
        for found in suites.values()
        for case in worst_cases(found, _marked(classifier, found) if classifier is not None else None)
    ]
    return Measurement(result, suites, skipped)


def _on_suite(target: Target, suite: Suite) -> SuiteResult:
    ids, texts = [case.case_id for case in suite.cases], [case.text for case in suite.cases]
    return suite_result(suite, target.for_cases(ids, texts, suite.name), target.thresholds)


def _of_bundle(
    target: Target, classifier: AnnotatingClassifier, mixture: Mixture, posts: Posts
) -> dict[str, Any]:
    """Figures, calibration, risk and drift of a bundle on its dev posts that calibration has not seen."""
    score = Scorer(classifier)
    measured = measure_classifier(classifier, mixture.dev, posts.data, plots=posts.plots, score=score)
    figures = {"bundle": target.identity, **measured}
    half = [post for post in mixture.dev if not in_calibration_half(post.text) and post.corpus != CONTRAST]
    scores = score([post.text for post in half], "dev posts")
    dated = dated_posts(mixture.dev, posts.data)
    dated_scores = score([found.post.text for found in dated], "dated posts")
    dated_labels = label_table([found.post for found in dated])
    return {
        "headline": figures["gates"],
        "measures": dict(figures["measures"]),
        "calibration": {
            head: calibration_json(*annotated(half, scores, head), target.thresholds[head])
            for head in HEAD_ORDER
        },
        "risk_coverage": risk_coverage_figures(scores, label_table(half), target.thresholds),
        "drift": [
            row
            for head in HEAD_ORDER
            for row in drift_rows(dated, dated_scores, dated_labels, head, target.thresholds[head])
        ],
        "figures": figures,
    }


def calibration_json(
    scores: NDArray[np.float32], labels: NDArray[np.int8], threshold: float
) -> dict[str, Any]:
    """ECE, Brier and the reliability bins with their Wilson intervals, for one head."""
    figures = head_figures(scores, labels, threshold)
    bins = []
    for found in reliability(scores, labels):
        low, high = wilson(found["positive"], int(found["posts"]))
        bins.append({**found, "posts": int(found["posts"]), "low": round(low, 4), "high": round(high, 4)})
    return {"ece": figures["ece"], "brier": figures["brier"], "bins": bins}


def _groups(target: Target, posts: Posts) -> tuple[list[dict[str, Any]], dict[str, Measured | None]]:
    """HateXplain's communities, as its authors compare them, and the groups of the file among its posts."""
    manifest = read_manifest(posts.data)
    test = published_test(read_corpus(manifest["hatexplain"])) if "hatexplain" in manifest else []
    if not test:
        return [], {}
    texts = [post.text for post in test]
    hate = target.for_cases([post.id for post in test], texts, "HateXplain test")[:, HATE]
    if not np.isfinite(hate).any():
        return [], {}
    toxic = np.asarray([post.kind != NORMAL for post in test])
    communities = communities_of(test)
    anywhere = np.any(np.stack(list(communities.values())), axis=0)
    inside = {name: mask[anywhere] for name, mask in communities.items()}
    threshold = target.thresholds["hate"]
    rows = group_table(hate[anywhere], toxic[anywhere], inside, threshold, "community")
    gaps = equality_differences(hate[anywhere], toxic[anywhere], inside, threshold)
    masks = group_masks(posts.groups, texts, columns_of(test))
    for axis in AXES:
        wanted = {name: masks[name] for name in posts.groups.on(axis) if name in masks}
        rows += group_table(hate, toxic, wanted, threshold, axis)
    return [row.as_json() for row in rows], gaps


def columns_of(posts: Sequence[CorpusPost]) -> dict[str, list[str | None]]:
    """What the posts (n,) say of themselves, for groups known by a column: `kind`, `target` and `meta`."""
    told: list[dict[str, Any]] = [
        {"kind": post.kind, "target": post.target, **(post.meta or {})} for post in posts
    ]
    names = sorted({name for cells in told for name in cells})
    return {name: [None if cells.get(name) is None else str(cells[name]) for cells in told] for name in names}


def _definitions(
    suites: Sequence[Suite], found: dict[str, SuiteResult], threshold: float
) -> list[dict[str, Any]]:
    if not suites:
        return []
    cases = [case for suite in suites for case in suite.cases]
    scores = np.concatenate([found[suite.name].scores for suite in suites])
    return definition_diff(cases, scores, threshold, load_definition_pairs())


def _robustness(
    target: Target, suites: Sequence[Suite], found: dict[str, SuiteResult]
) -> dict[str, list[dict[str, Any]]]:
    """Curves over our own suites' cases; of predictions only what asks nothing new."""
    own = [suite for suite in suites if any(case.strand is not None for case in suite.cases)]
    if not own:
        return {}
    cases = [case for suite in own for case in suite.cases]
    threshold = target.thresholds["hate"]
    scores = np.concatenate([found[suite.name].scores for suite in own])
    curves: dict[str, list[dict[str, Any]]] = {}
    if not isinstance(target, PredictionsTarget):
        settings = load_perturbation_settings()

        def score(texts: Sequence[str], what: str) -> NDArray[np.float32]:
            return target.score(texts, what)[:, HATE]

        hateful = [case.text for case in cases if case.hateful]
        harmless = [case.text for case in cases if not case.hateful]
        families = {case.text: family(case) for case in cases}
        curves |= perturbation_curves(hateful, harmless, score, threshold, settings, families)
        curves["coded_terms"] = coded_term_rows(cases, score, threshold, settings)
    curves["paraphrase"] = paraphrase_rows(cases, scores, threshold)
    return {name: rows for name, rows in curves.items() if rows}


def _marked(
    classifier: AnnotatingClassifier, found: SuiteResult
) -> dict[str, Sequence[tuple[int, int]]] | None:
    """The words that the bundle marks in the cases that will be shown, by text."""
    threshold = classifier.rationale_threshold
    texts = list(dict.fromkeys(case["text"] for case in worst_cases(found)))
    if threshold is None or not texts:
        return None
    annotations = classifier.annotate(texts)
    return {
        text: [(span.start, span.end) for span in spans(annotation, text, threshold) or []]
        for text, annotation in zip(texts, annotations, strict=True)
    }
