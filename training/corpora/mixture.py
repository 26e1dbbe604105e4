"""From a data folder to the posts a run trains and is tuned on, under the rules of CLASSIFIER.md section 2.

1. A text of any evaluation set is dropped from training and dev; near-duplicates of dev leave training.
2. Far-right negatives are built from non-hateful posts that match no term of the far-right lexicon.
3. What is not annotated stays so; lexical hints become labels only where the recipe says `weak_labels`.
4. The source corpus stays beside every post. 5. Barred licences are refused.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig, LeakFound
from model.normalise import normalise_text
from model.records import LabelledPost, read_jsonl
from model.taxonomy import HEAD_ORDER
from training.corpora.lexicon import load_lexicon
from training.corpora.overlap import held_out, near_duplicates, text_key
from training.corpora.pack import (
    NOT_ANNOTATED,
    CorpusFile,
    CorpusPost,
    read_corpus,
    read_manifest,
    refuse_barred_licence,
)
from training.recipe import BackgroundUse, Recipe

HATE, ANTISEMITIC, ISLAMOPHOBIC, FAR_RIGHT = (
    HEAD_ORDER.index(head) for head in ("hate", "antisemitic", "islamophobic", "far_right")
)
WEAK_TARGETS = {
    "jewish": ANTISEMITIC,
    "jews": ANTISEMITIC,
    "jew": ANTISEMITIC,
    "muslim": ISLAMOPHOBIC,
    "muslims": ISLAMOPHOBIC,
}
HUB = "hub"
EVALUATION_GROUP = "known"
"""The group of the data folder that is open evaluation: never trained on, whatever a recipe says."""


@dataclass(slots=True)
class MixturePost:
    """A post ready for the tokenizer. `labels` follow `HEAD_ORDER`."""

    corpus: str
    id: str
    text: str
    labels: list[int]
    repeat: int = 1


@dataclass(slots=True)
class Mixture:
    """Training and dev posts, and the counts of what the rules did."""

    train: list[MixturePost] = field(default_factory=list)
    dev: list[MixturePost] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    lexicon_sha256: str = ""

    def count(self, what: str, corpus: str, number: int = 1) -> None:
        """Adds to the tally `what` of a corpus."""
        tally = self.counts.setdefault(what, {})
        tally[corpus] = tally.get(corpus, 0) + number


Tick = Callable[[str], None]


def build_mixture(
    recipe: Recipe,
    data: Path,
    labels: Sequence[Path] = (),
    tick: Tick = lambda _what: None,
    *,
    drop_near_duplicates: bool = True,
) -> Mixture:
    """The posts a recipe trains on. Raises: BadConfig, BadRecord.

    `drop_near_duplicates=False` saves a minute where only the dev posts are wanted: the rule takes
    posts out of training, never out of dev.
    """
    manifest = read_manifest(data)
    pattern, lexicon_sha256 = load_lexicon(configs_folder() / "train" / recipe.far_right_lexicon)
    mixture = Mixture(lexicon_sha256=lexicon_sha256)
    barred = _evaluation_keys(recipe, manifest, mixture, tick)
    for path in labels:
        mixture.files[f"labels: {path.name}"] = sha256_of(path.read_bytes())
        barred.update(text_key(normalise_text(r.text)) for r in read_jsonl(path) if r.split == "test")
    seen: dict[str, MixturePost] = {}
    for use in recipe.corpora:
        tick(f"reading {use.name}")
        corpus = _trainable(manifest, use.name, recipe, mixture)
        heads = {HEAD_ORDER.index(head) for head in use.heads}
        for post in read_corpus(corpus):
            _admit(post, recipe, mixture, barred, seen, pattern, repeat=use.repeat, heads=heads)
    for background in recipe.background:
        tick(f"reading {background.name}")
        stream = _trainable(manifest, background.name, recipe, mixture)
        drawn = _presumed_negatives(stream, background, recipe.seed)
        for post in drawn:
            _admit(post, recipe, mixture, barred, seen, pattern, presumed_negative=True)
    for path in labels:
        for record in read_jsonl(path):
            post = _hub_post(record)
            _admit(post, recipe, mixture, barred, seen, pattern, repeat=recipe.labels_repeat)
    if drop_near_duplicates:
        tick("looking for near-duplicates of dev posts")
        _drop_near_duplicates(mixture, recipe)
    return mixture


def _corpus(manifest: dict[str, CorpusFile], name: str, mixture: Mixture) -> CorpusFile:
    if name not in manifest:
        raise BadConfig(f"corpora: {name} is not in the data folder's manifest")
    mixture.files[name] = manifest[name].sha256
    return manifest[name]


def _trainable(manifest: dict[str, CorpusFile], name: str, recipe: Recipe, mixture: Mixture) -> CorpusFile:
    """The corpus, if it may be trained on. Raises: LeakFound, BadConfig."""
    corpus = _corpus(manifest, name, mixture)
    if corpus.group == EVALUATION_GROUP or name in recipe.evaluation_only:
        raise LeakFound(f"corpora: {name} is an evaluation set and must not be trained on")
    refuse_barred_licence(corpus)
    return corpus


def _evaluation_keys(
    recipe: Recipe, manifest: dict[str, CorpusFile], mixture: Mixture, tick: Tick
) -> set[str]:
    """Keys of every text that is evaluated on: whole evaluation corpora, and published test splits."""
    keys: set[str] = set()
    whole = {name for name, corpus in manifest.items() if corpus.group == EVALUATION_GROUP}
    for name in sorted(whole | set(recipe.evaluation_only)):
        tick(f"barring the texts of {name}")
        keys.update(text_key(normalise_text(p.text)) for p in read_corpus(_corpus(manifest, name, mixture)))
    names = [use.name for use in recipe.corpora] + [use.name for use in recipe.background]
    for name in names:
        posts = read_corpus(_corpus(manifest, name, mixture))
        keys.update(text_key(normalise_text(p.text)) for p in posts if p.split == "test")
    keys.discard("")
    return keys


def _presumed_negatives(corpus: CorpusFile, use: BackgroundUse, seed: int) -> list[CorpusPost]:
    posts = [post for post in read_corpus(corpus) if post.split in use.splits]
    random.Random(f"{seed}:{use.name}").shuffle(posts)  # noqa: S311 - a reproducible draw, not a secret
    chosen = posts[: use.posts]
    for post in chosen:
        post.labels = [0] * len(HEAD_ORDER)
        post.split = "train"
    return chosen


def _hub_post(record: LabelledPost) -> CorpusPost:
    values = [getattr(record, head) for head in HEAD_ORDER]
    return CorpusPost(
        corpus=HUB,
        id=record.id,
        text=record.text,
        split=record.split,
        labels=[NOT_ANNOTATED if value is None else value for value in values],
    )


def _admit(
    post: CorpusPost,
    recipe: Recipe,
    mixture: Mixture,
    barred: set[str],
    seen: dict[str, MixturePost],
    pattern: re.Pattern[str],
    *,
    repeat: int = 1,
    heads: set[int] | None = None,
    presumed_negative: bool = False,
) -> None:
    """Puts the post into train or dev, or counts why it stays out."""
    if post.split == "test":
        mixture.count("left out: published test split", post.corpus)
        return
    text = normalise_text(post.text)
    key = text_key(text)
    if not key:
        mixture.count("left out: no words", post.corpus)
        return
    if key in barred:
        mixture.count("left out: stands in an evaluation set", post.corpus)
        return
    in_dev = _goes_to_dev(post, key, recipe.dev_percent, presumed_negative)
    # Never on dev: a hint is a keyword, and measuring on it would reward spotting keywords.
    weak_labels = recipe.weak_labels and not in_dev
    labels = _labels(post, text, weak_labels, pattern, presumed_negative)
    if heads is not None:
        labels = [label if head in heads else NOT_ANNOTATED for head, label in enumerate(labels)]
    if all(label == NOT_ANNOTATED for label in labels):
        mixture.count("left out: no label for any head", post.corpus)
        return
    if key in seen:
        _merge(seen[key], labels)
        mixture.count("merged: same text as an earlier post", post.corpus)
        return
    ready = MixturePost(post.corpus, post.id, text, labels, repeat)
    seen[key] = ready
    (mixture.dev if in_dev else mixture.train).append(ready)
    mixture.count("dev" if in_dev else "train", post.corpus)


def _goes_to_dev(post: CorpusPost, key: str, dev_percent: int, presumed_negative: bool) -> bool:
    if post.split == "dev":
        return True
    has_its_split = post.corpus in _SPLIT_BY_AUTHORS or (post.corpus == HUB and post.split is not None)
    return not has_its_split and not presumed_negative and held_out(post.corpus, key, dev_percent)


# Corpora whose authors published a dev split; of the others a share is held out by hash.
_SPLIT_BY_AUTHORS = frozenset(
    {"hatexplain", "dghsd", "hatemoji_build", "cad", "md_agreement", "reddit_counter_context"}
)


def _labels(
    post: CorpusPost, text: str, weak_labels: bool, pattern: re.Pattern[str], presumed_negative: bool
) -> list[int]:
    labels = list(post.labels)
    matches_lexicon = pattern.search(text) is not None
    if labels[FAR_RIGHT] == NOT_ANNOTATED and labels[HATE] == 0 and not matches_lexicon:
        labels[FAR_RIGHT] = 0
    if presumed_negative and matches_lexicon:
        labels = [NOT_ANNOTATED] * len(HEAD_ORDER)
    if weak_labels and labels[HATE] == 1:
        strand = WEAK_TARGETS.get(str((post.meta or {}).get("derived_target")).lower())
        if strand is not None and labels[strand] == NOT_ANNOTATED:
            labels[strand] = 1
    return labels


def _merge(first: MixturePost, labels: list[int]) -> None:
    """Fills what the first post leaves open; where two corpora disagree the first one stands."""
    for head, label in enumerate(labels):
        if first.labels[head] == NOT_ANNOTATED:
            first.labels[head] = label


def _drop_near_duplicates(mixture: Mixture, recipe: Recipe) -> None:
    near = near_duplicates(
        [post.text for post in mixture.dev],
        (post.text for post in mixture.train),
        jaccard=recipe.near_duplicate_jaccard,
    )
    for post, is_near in zip(mixture.train, near, strict=True):
        if is_near:
            mixture.count("left out: nearly repeats a dev post", post.corpus)
            mixture.count("train", post.corpus, -1)
    mixture.train = [post for post, is_near in zip(mixture.train, near, strict=True) if not is_near]


def label_counts(posts: Sequence[MixturePost]) -> dict[str, dict[str, int]]:
    """How many posts say 1 and 0 for each head."""
    tally = {head: Counter(post.labels[number] for post in posts) for number, head in enumerate(HEAD_ORDER)}
    return {head: {"yes": count[1], "no": count[0]} for head, count in tally.items()}
