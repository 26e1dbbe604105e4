"""Two bundles on the same cases: one comparison for each line that the gate judges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.classifier import Classifier
from model.onnx_classifier import OnnxClassifier
from model.suite import Suite, SuiteCase
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.clusters import family as template_family
from training.evaluation.scoring import Scorer
from training.evaluation.unread import unread
from training.gate.cases import OWN_NEUTRAL, GateCases, NeutralMention
from training.gate.decision import Comparison
from training.gate.noninferiority import (
    Evidence,
    Scores,
    known,
    paired_auc,
    paired_calibration,
    paired_f1,
    paired_shares,
)
from training.gate.rules import FAMILIES, FamilyName, GateRules
from training.gate.speed import posts_per_second
from training.gate.weighted import Drawn, weighted_auc, weighted_calibration, weighted_f1

Flags = NDArray[np.bool_]
Speeds = Callable[[Classifier, Classifier, Sequence[str]], tuple[float, float]]

OTHERS = "other kinds"
SPEED_POSTS = 1000


@dataclass(slots=True)
class Contender:
    """A bundle with what it has scored so far."""

    bundle: Bundle
    classifier: Classifier
    score: Scorer

    @classmethod
    def of(cls, bundle: Bundle, classifier: Classifier | None = None) -> Contender:
        """The bundle with its own classifier, or with one that a test puts in its place."""
        ready = classifier or OnnxClassifier(bundle)
        return cls(bundle, ready, Scorer(ready))

    def says(self, texts: Sequence[str], head: str = "hate") -> Flags:
        """Which texts (n,) reach the bundle's own threshold of `head`."""
        scores = self.score(texts, head)[:, HEAD_ORDER.index(head)]
        return np.asarray(scores >= self.classifier.thresholds[head], dtype=np.bool_)

    def refuses(self, texts: Sequence[str]) -> Flags:
        """Which texts (n,) it would not score for their language."""
        return unread(texts, self.bundle.languages)

    def leaves_alone(self, texts: Sequence[str]) -> Flags:
        """Which texts (n,) it neither calls hate nor sends to a person for their language."""
        alone: Flags = ~self.says(texts) & ~self.refuses(texts)
        return alone

    def right(self, cases: Sequence[SuiteCase], gold: Sequence[bool], head: str = "hate") -> Flags:
        """Which cases (n,) it answers as `gold` has it; one that it does not score is wrong."""
        texts = [case.text for case in cases]
        answered: Flags = (self.says(texts, head) == np.asarray(gold, dtype=np.bool_)) & ~self.refuses(texts)
        return answered


def compare(
    new: Contender, old: Contender, cases: GateCases, rules: GateRules, *, speeds: Speeds = posts_per_second
) -> list[Comparison]:
    """All lines, in the order of the rules' families; a family without cases has one, which holds back.

    `speeds` is how the two are timed. Raises: BadInput.
    """
    lines = _Lines(new, old, rules)
    found = [
        *lines.strands(cases),
        *lines.neutral(cases.neutral),
        *lines.suites(cases.suites),
        *lines.parity(),
        lines.speed(cases, speeds),
    ]
    return [*found, *lines.without_cases({line.family for line in found})]


@dataclass(slots=True)
class _Lines:
    """Makes comparisons of two contenders with the margins of the rules."""

    new: Contender
    old: Contender
    rules: GateRules

    def strands(self, cases: GateCases) -> Iterator[Comparison]:
        old_scores = self.old.score(cases.texts, "labelled posts")
        new_scores = self.new.score(cases.texts, "labelled posts")
        for number, head in enumerate(HEAD_ORDER):
            column = cases.labels[:, number]
            known_posts = column != NOT_ANNOTATED
            positive = column[known_posts] == 1
            drawn = None if cases.drawn is None else cases.drawn.only(known_posts)
            both = bool(positive.any() and not positive.all())
            before, after = old_scores[known_posts, number], new_scores[known_posts, number]
            old_said, new_said = (
                before >= self.old.classifier.thresholds[head],
                after >= self.new.classifier.thresholds[head],
            )
            unit = f"labelled posts ({int(positive.sum())} of {len(positive)} so far are {head})"
            of: list[tuple[FamilyName, str, Evidence | None]] = [
                ("strand_f1", "F1", _f1(positive, old_said, new_said, drawn) if both else None),
                ("strand_auc", "ROC-AUC", _auc(before, after, positive, drawn) if both else None),
                (
                    "calibration",
                    "calibration",
                    _calibration(before, after, positive, drawn) if both else None,
                ),
            ]
            for family, measure, evidence in of:
                yield self._line(f"{measure} of {head}", family, head, evidence, unit)

    def neutral(self, mentions: Sequence[NeutralMention]) -> Iterator[Comparison]:
        texts = [mention.text for mention in mentions]
        old_right, new_right = self.old.leaves_alone(texts), self.new.leaves_alone(texts)
        sources = np.asarray([mention.source for mention in mentions])
        groups = np.asarray([mention.group for mention in mentions])
        templates = np.asarray([mention.template for mention in mentions])
        for source in dict.fromkeys(sources.tolist()):
            inside = sources == source
            overall = paired_shares(old_right[inside], new_right[inside], templates[inside].tolist())
            name = f"neutral mentions left alone, all groups ({source})"
            yield self._line(name, "neutral_all", None, overall, "neutral sentences")
            for group in dict.fromkeys(groups[inside].tolist()):
                chosen = inside & (groups == group)
                found = paired_shares(old_right[chosen], new_right[chosen])
                name = f"neutral mentions left alone: {group} ({source})"
                yield self._line(name, "neutral_group", group, found, f"neutral sentences about: {group}")

    def suites(self, suites: Sequence[Suite]) -> Iterator[Comparison]:
        """Lines over cases that every definition profile judges alike: where they differ, nobody is wrong."""
        everything: list[SuiteCase] = []
        for suite in suites:
            cases = [case for case in suite.cases if not case.hateful_under]
            if not cases:
                continue
            everything += cases
            gold = [case.hateful for case in cases]
            unit = f"cases of {suite.name}"
            yield self._cases(f"suite {suite.name}", "suite", None, cases, gold, unit)
            yield from self._strand_of(suite.name, cases)
        yield from self._parts(everything, "suite_kind", _kind, OTHERS)
        yield from self._parts([case for case in everything if case.target], "suite_target", _target, None)

    def _strand_of(self, suite: str, cases: Sequence[SuiteCase]) -> Iterator[Comparison]:
        by_strand: dict[str, list[SuiteCase]] = {}
        for case in cases:
            if case.strand is not None and case.strand_label is not None:
                by_strand.setdefault(case.strand.value, []).append(case)
        for head, said in by_strand.items():
            gold = [case.strand_label == 1 for case in said]
            name = f"suite {suite}, head {head}"
            yield self._cases(name, "suite", None, said, gold, f"cases of {suite}", head)

    def _parts(
        self,
        cases: Sequence[SuiteCase],
        family: FamilyName,
        part: Callable[[SuiteCase], str],
        rest: str | None,
    ) -> Iterator[Comparison]:
        """A line for each part of the cases; parts below `least` share the line `rest`, if there is one."""
        by_part: dict[str, list[SuiteCase]] = {}
        for case in cases:
            by_part.setdefault(part(case), []).append(case)
        least = self.rules.families[family].least
        small = [name for name, inside in by_part.items() if len(inside) < least] if rest else []
        if rest and small:
            by_part[rest] = [case for name in small for case in by_part.pop(name)]
        words = family.removeprefix("suite_")
        for name, inside in sorted(by_part.items()):
            gold = [case.hateful for case in inside]
            yield self._cases(
                f"suites, {words}: {name}", family, name, inside, gold, f"cases of {words} {name}"
            )

    def _cases(
        self,
        name: str,
        family: FamilyName,
        group: str | None,
        cases: Sequence[SuiteCase],
        gold: Sequence[bool],
        unit: str,
        head: str = "hate",
    ) -> Comparison:
        templates = [template_family(case) for case in cases]
        old, new = self.old.right(cases, gold, head), self.new.right(cases, gold, head)
        return self._line(name, family, group, paired_shares(old, new, templates), unit)

    def parity(self) -> Iterator[Comparison]:
        """What the export wrote of int8 against full precision: a fact of each bundle, no sample of ours."""
        parity = self.new.bundle.manifest.get("parity")
        losses = {} if parity is None else parity.get("int8_average_precision_loss", {})
        posts = 0 if parity is None else int(parity.get("posts", 0))
        if not any(loss is not None for loss in losses.values()):
            yield self._line("int8 parity, as the export wrote it", "int8_parity", None, None, "")
        for head, loss in sorted(losses.items()):
            if loss is not None:
                evidence = known(-float(loss), 0.0, -float(loss), posts)
                yield self._line(f"int8 parity of {head}", "int8_parity", head, evidence, "")

    def speed(self, cases: GateCases, speeds: Speeds) -> Comparison:
        texts = [*cases.texts, *(mention.text for mention in cases.neutral if mention.source == OWN_NEUTRAL)]
        step = max(1, len(texts) // SPEED_POSTS)
        sample = texts[::step][:SPEED_POSTS]
        new, old = speeds(self.new.classifier, self.old.classifier, sample)
        return self._line("posts a second", "speed", None, known(new / old - 1, old, new, len(sample)), "")

    def without_cases(self, judged: Collection[str]) -> Iterator[Comparison]:
        """What no case was about has not been shown to be as good: a line that nothing was measured of."""
        for family_name in FAMILIES:
            if family_name not in judged:
                yield self._line(f"{family_name}: no case", family_name, None, None, "cases")

    def _line(
        self, name: str, family: FamilyName, group: str | None, evidence: Evidence | None, unit: str
    ) -> Comparison:
        rule = self.rules.families[family]
        least = rule.least if unit else 1
        return Comparison(name, family, group, rule.margin, evidence, least, unit)


def _f1(positive: Flags, old_said: Flags, new_said: Flags, drawn: Drawn | None) -> Evidence:
    if drawn is None:
        return paired_f1(positive, old_said, new_said)
    return weighted_f1(positive, old_said, new_said, drawn)


def _auc(old: Scores, new: Scores, positive: Flags, drawn: Drawn | None) -> Evidence:
    return paired_auc(old, new, positive) if drawn is None else weighted_auc(old, new, positive, drawn)


def _calibration(old: Scores, new: Scores, positive: Flags, drawn: Drawn | None) -> Evidence:
    if drawn is None:
        return paired_calibration(old, new, positive)
    return weighted_calibration(old, new, positive, drawn)


def _kind(case: SuiteCase) -> str:
    """The case's kind (else its functionality's first word, as HateCheck names classes) and its side."""
    kind = case.kind or case.functionality.split("_")[0]
    return f"{kind} ({'hateful' if case.hateful else 'not hateful'})"


def _target(case: SuiteCase) -> str:
    return case.target or ""
