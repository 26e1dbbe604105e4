"""Which cases repeat one another, and which come near a text that a classifier is trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.configuration import configs_folder
from model.normalise import normalise_text
from model.suite import Suite, SuiteCase
from training.corpora.contrast import contrast_posts
from training.corpora.overlap import ROUNDING, jaccard_of, near_duplicates, text_key, word_set
from training.corpora.pack import read_corpus, read_manifest
from training.recipe import Recipe

SAMPLE_FEED = Path("hub") / "sample-feed.jsonl"


@dataclass(frozen=True, slots=True)
class Placed:
    """A case and the suite it stands in, with what texts are compared by."""

    suite: str
    case: SuiteCase
    normalised: str
    key: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """Normalised texts of one source, and the share of words from which another text is too near."""

    source: str
    texts: Sequence[str]
    jaccard: float


def placed_cases(suites: Iterable[Suite]) -> list[Placed]:
    """The cases of all suites in order."""
    found = []
    for suite in suites:
        for case in suite.cases:
            text = normalise_text(case.text)
            found.append(Placed(suite.name, case, text, text_key(text), word_set(text)))
    return found


def same_texts(cases: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Each case whose text stood before, with the first that has it."""
    first: dict[str, Placed] = {}
    for case in cases:
        if case.key in first:
            yield first[case.key], case
        first.setdefault(case.key, case)


def near_pairs(cases: Sequence[Placed], jaccard: float) -> Iterator[tuple[Placed, Placed, float]]:
    """Pairs with the same answer, of different templates, that share `jaccard` of their words or more.

    A hateful case near one that is not is what a contrast is for, and cases of one template are near by
    their making: neither is a pair. Nor are two whose keys are the same, which `same_texts` gives.
    """
    ordered = sorted(cases, key=lambda case: len(case.words))
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if len(one.words) < jaccard * len(other.words) - ROUNDING:
                break
            if one.case.hateful != other.case.hateful or one.case.template_id == other.case.template_id:
                continue
            shared = jaccard_of(one.words, other.words)
            if shared >= jaccard and one.key != other.key:
                yield one, other, shared


def training_texts(
    recipe: Recipe, data: Path | None, tick: Callable[[str], None] = lambda _what: None
) -> Iterator[TrainingTexts]:
    """What a bundle of the recipe may have seen: contrast posts, the sample feed, a data folder's corpora.

    The corpora in `known/` are among them: a suite that repeats HateCheck is not its own. Contrast posts
    have the distance that the recipe keeps them at from other evaluation suites. Raises: BadConfig.
    """
    if recipe.contrast is not None:
        tick("making contrast posts")
        folders = [configs_folder() / "train" / name for name in recipe.contrast.families]
        posts = contrast_posts(folders, recipe.contrast.posts, recipe.seed)
        texts = [normalise_text(post.text) for post in posts]
        yield TrainingTexts("contrast families", texts, recipe.contrast.jaccard)
    feed = (configs_folder() / SAMPLE_FEED).read_text(encoding="utf-8").splitlines()
    texts = [normalise_text(json.loads(line)["text"]) for line in feed if line.strip()]
    yield TrainingTexts("sample feed", texts, recipe.near_duplicate_jaccard)
    for corpus in read_manifest(data).values() if data is not None else ():
        tick(f"reading {corpus.corpus}")
        texts = [normalise_text(post.text) for post in read_corpus(corpus)]
        yield TrainingTexts(corpus.corpus, texts, recipe.near_duplicate_jaccard)


def near_training(cases: Sequence[Placed], training: TrainingTexts) -> list[tuple[Placed, bool]]:
    """The cases that stand among the training texts (True) or come near one (False)."""
    keys = {text_key(text) for text in training.texts}
    near = near_duplicates(training.texts, (case.normalised for case in cases), jaccard=training.jaccard)
    return [
        (case, case.key in keys)
        for case, is_near in zip(cases, near, strict=True)
        if is_near or case.key in keys
    ]
