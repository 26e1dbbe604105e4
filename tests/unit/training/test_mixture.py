"""The rules of CLASSIFIER.md section 2 that the mixture must keep."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import BadConfig, LeakFound
from model.records import LabelledPost, write_jsonl
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import ANTISEMITIC, FAR_RIGHT, HATE, ISLAMOPHOBIC, Mixture, build_mixture
from training.corpora.overlap import jaccard_of, near_duplicates, near_pairs, text_key, word_set
from training.corpora.pack import NOT_ANNOTATED, read_manifest
from training.recipe import load_recipe

pytestmark = pytest.mark.training

Recipes = Callable[..., Path]
Folders = Callable[..., Path]


def row(number: int, text: str, **values: Any) -> dict[str, Any]:
    return {"id": str(number), "text": text, **dict.fromkeys(HEAD_ORDER), "split": "train", **values}


def mix(recipe: Path, data: Path, **more: Any) -> Mixture:
    return build_mixture(load_recipe(recipe).recipe, data, **more)


def labels_by_id(mixture: Mixture) -> dict[str, list[int]]:
    return {post.id: post.labels for post in [*mixture.train, *mixture.dev]}


@pytest.fixture
def one_corpus(tiny_recipe: Recipes, data_folder: Folders) -> Callable[..., Mixture]:
    """Mixes one corpus called `first` (and an evaluation suite) under the tiny recipe."""

    def build(
        rows: list[dict[str, Any]], suite: list[dict[str, Any]] | None = None, **changes: Any
    ) -> Mixture:
        data = data_folder({("train", "first"): rows, ("known", "hatecheck"): suite or []})
        return mix(tiny_recipe(corpora=[{"name": "first"}], background=[], **changes), data)

    return build


def test_text_of_an_evaluation_set_is_dropped_and_counted(one_corpus: Callable[..., Mixture]) -> None:
    rows = [row(1, "The bus was late again.", hate=0), row(2, "A quiet evening by the river", hate=0)]

    mixture = one_corpus(rows, suite=[row(9, "the BUS... was late, again", hate=0)])

    assert set(labels_by_id(mixture)) == {"2"}
    assert mixture.counts["left out: stands in an evaluation set"] == {"first": 1}


def test_published_test_split_is_never_trained_on_nor_its_text_elsewhere(
    one_corpus: Callable[..., Mixture],
) -> None:
    rows = [
        row(1, "Choir practice moved to Tuesday", hate=0, split="test"),
        row(2, "choir practice moved to tuesday!", hate=0),
        row(3, "The market opens at nine", hate=0),
    ]

    mixture = one_corpus(rows)

    assert set(labels_by_id(mixture)) == {"3"}


def test_texts_that_differ_in_an_emoji_are_two_texts(one_corpus: Callable[..., Mixture]) -> None:
    rows = [row(1, "see you there 😀", hate=0), row(2, "see you there 🐍", hate=0)]

    assert set(labels_by_id(one_corpus(rows))) == {"1", "2"}


def test_far_right_negatives_come_from_hate_0_without_lexicon_words(
    one_corpus: Callable[..., Mixture],
) -> None:
    rows = [
        row(1, "Our street party was lovely", hate=0),
        row(2, "The lecture explained how the great replacement myth spread", hate=0),
        row(3, "They should all be thrown out of here", hate=1),
        row(4, "A post somebody labelled", hate=0, far_right=1),
    ]

    labels = labels_by_id(one_corpus(rows))

    assert labels["1"][FAR_RIGHT] == 0
    assert labels["2"][FAR_RIGHT] == NOT_ANNOTATED
    assert labels["3"][FAR_RIGHT] == NOT_ANNOTATED
    assert labels["4"][FAR_RIGHT] == 1


def test_row_without_any_label_is_left_out(one_corpus: Callable[..., Mixture]) -> None:
    mixture = one_corpus([row(1, "An offensive post whose hate is null"), row(2, "A labelled one", hate=0)])

    assert set(labels_by_id(mixture)) == {"2"}
    assert mixture.counts["left out: no label for any head"] == {"first": 1}


@pytest.mark.parametrize(("weak_labels", "expected"), [(True, 1), (False, NOT_ANNOTATED)])
def test_derived_target_is_a_label_only_where_the_recipe_says_so(
    one_corpus: Callable[..., Mixture], weak_labels: bool, expected: int
) -> None:
    rows = [
        row(1, "A hateful post about a mosque", hate=1, meta='{"derived_target": "jewish+muslim"}'),
        row(
            2, "A neutral post about a synagogue", hate=0, antisemitic=0, meta='{"derived_target": "jewish"}'
        ),
    ]

    labels = labels_by_id(one_corpus(rows, weak_labels=weak_labels))

    assert labels["1"][ISLAMOPHOBIC] == expected
    assert labels["1"][ANTISEMITIC] == expected
    assert labels["2"][ANTISEMITIC] == 0


def test_hint_never_stands_on_a_dev_post(one_corpus: Callable[..., Mixture]) -> None:
    rows = [row(1, "A hateful post", hate=1, split="dev", meta='{"derived_target": "muslim"}')]

    assert labels_by_id(one_corpus(rows))["1"][ISLAMOPHOBIC] == NOT_ANNOTATED


def test_near_duplicate_of_a_dev_post_leaves_training(one_corpus: Callable[..., Mixture]) -> None:
    long = "the committee met on monday to talk about the new bridge over the canal and its cost to the town"
    rows = [
        row(1, long, hate=0, split="dev"),
        row(2, long + " today", hate=0),
        row(3, "An unrelated note", hate=0),
    ]

    mixture = one_corpus(rows, dev_percent=1)

    assert "1" in {post.id for post in mixture.dev}
    assert "2" not in labels_by_id(mixture)
    assert mixture.counts["left out: nearly repeats a dev post"] == {"first": 1}


def test_no_training_text_stands_in_dev(tiny_recipe: Recipes, tiny_pack: Path) -> None:
    mixture = mix(tiny_recipe(), tiny_pack)

    assert mixture.train
    assert mixture.dev
    assert not {text_key(p.text) for p in mixture.train} & {text_key(p.text) for p in mixture.dev}
    dev = [word_set(post.text) for post in mixture.dev]
    closest = max(jaccard_of(word_set(post.text), words) for post in mixture.train for words in dev)
    assert closest < 0.9  # the recipe's near_duplicate_jaccard


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=8), min_size=2, max_size=12))
def test_near_duplicates_are_what_brute_force_finds(word_lists: list[list[str]]) -> None:
    texts = [" ".join(words) for words in word_lists]
    kept, candidates = texts[: len(texts) // 2], texts[len(texts) // 2 :]

    expected = [any(jaccard_of(word_set(c), word_set(k)) >= 0.7 for k in kept) for c in candidates]

    assert near_duplicates(kept, candidates, jaccard=0.7) == expected


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=8), max_size=12))
def test_near_pairs_are_what_brute_force_finds(word_lists: list[list[str]]) -> None:
    texts = [" ".join(words) for words in word_lists]
    sets = [word_set(text) for text in texts]

    expected = [(a, b) for a, b in combinations(range(len(texts)), 2) if jaccard_of(sets[a], sets[b]) >= 0.7]

    assert near_pairs(texts, jaccard=0.7) == expected


def test_background_is_presumed_negative_and_its_test_split_stays_out(
    tiny_recipe: Recipes, tiny_pack: Path
) -> None:
    mixture = mix(tiny_recipe(), tiny_pack)

    background = [post for post in mixture.train if post.corpus == "background_tweeteval"]
    assert len(background) == 10
    assert all(post.labels[HATE] == 0 for post in background)
    assert not [post for post in mixture.dev if post.corpus == "background_tweeteval"]


def test_heads_of_a_corpus_can_be_limited(tiny_recipe: Recipes, data_folder: Folders) -> None:
    data = data_folder(
        {("train", "first"): [row(1, "A labelled post", hate=1, antisemitic=1)], ("known", "hatecheck"): []}
    )
    recipe = tiny_recipe(corpora=[{"name": "first", "heads": ["antisemitic"]}], background=[])

    labels = labels_by_id(mix(recipe, data))["1"]

    assert labels[ANTISEMITIC] == 1
    assert labels[HATE] == NOT_ANNOTATED


def test_hub_labels_are_mixed_in_with_null_kept(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    record = LabelledPost(
        id="h1", text="A sentence from the desk", source="hub", hate=1, antisemitic=1, split="train"
    )
    path = tmp_path / "labels.jsonl"
    write_jsonl([record], path)

    mixture = mix(tiny_recipe(labels_repeat=3), tiny_pack, labels=[path])

    (post,) = [post for post in mixture.train if post.corpus == "hub"]
    assert post.labels == [1, 1, NOT_ANNOTATED, NOT_ANNOTATED]
    assert post.repeat == 3


def test_label_of_a_person_stands_against_corpus_and_background(
    tiny_recipe: Recipes, data_folder: Folders, tmp_path: Path
) -> None:
    data = data_folder(
        {
            ("train", "first"): [row(1, "The first disputed sentence", hate=0)],
            ("background", "background_tweeteval"): [row(2, "The second disputed sentence")],
            ("known", "hatecheck"): [],
        }
    )
    texts = ["The first disputed sentence", "The second disputed sentence"]
    records = [
        LabelledPost(id=f"h{n}", text=t, source="hub", split="train", hate=1) for n, t in enumerate(texts)
    ]
    path = tmp_path / "labels.jsonl"
    write_jsonl(records, path)

    mixture = mix(tiny_recipe(corpora=[{"name": "first"}], labels_repeat=2), data, labels=[path])

    assert [post.labels[HATE] for post in mixture.train] == [1, 1]
    assert [post.repeat for post in mixture.train] == [2, 2]
    assert mixture.files["labels: labels.jsonl"]


def test_annotators_vote_and_a_tie_is_no_label(tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path) -> None:
    said = [("Two against one", (1, 1, 0)), ("One against one", (1, 0))]
    records = [
        LabelledPost(id=f"{text}{n}", text=text, source="hub", split="train", hate=hate, antisemitic=1)
        for text, votes in said
        for n, hate in enumerate(votes)
    ]
    path = tmp_path / "labels.jsonl"
    write_jsonl(records, path)

    mixture = mix(tiny_recipe(), tiny_pack, labels=[path])

    labels = {post.text: post.labels for post in mixture.train if post.corpus == "hub"}
    assert labels["Two against one"][HATE] == 1
    assert labels["One against one"][HATE] == NOT_ANNOTATED
    assert labels["One against one"][ANTISEMITIC] == 1


def test_hub_text_of_the_test_split_is_barred_everywhere(
    tiny_recipe: Recipes, data_folder: Folders, tmp_path: Path
) -> None:
    data = data_folder(
        {
            ("train", "first"): [row(1, "A gold sentence", hate=1), row(2, "Another sentence", hate=0)],
            ("known", "hatecheck"): [],
        }
    )
    path = tmp_path / "gold.jsonl"
    write_jsonl([LabelledPost(id="g", text="a gold sentence!", source="hub", split="test", hate=1)], path)

    mixture = mix(tiny_recipe(corpora=[{"name": "first"}], background=[]), data, labels=[path])

    assert set(labels_by_id(mixture)) == {"2"}


def test_presumption_never_overrides_a_post_that_people_left_unlabelled(
    tiny_recipe: Recipes, data_folder: Folders
) -> None:
    data = data_folder(
        {
            ("train", "first"): [row(1, "An offensive post"), row(2, "A hateful one", hate=1)],
            ("background", "background_tweeteval"): [row(3, "an offensive post"), row(4, "a hateful one")],
            ("known", "hatecheck"): [],
        }
    )

    mixture = mix(tiny_recipe(corpora=[{"name": "first"}]), data)

    labels = labels_by_id(mixture)
    assert set(labels) == {"2"}
    assert labels["2"] == [1, NOT_ANNOTATED, NOT_ANNOTATED, NOT_ANNOTATED]


@pytest.mark.parametrize("named_as", ["corpora", "background"])
def test_evaluation_set_cannot_be_trained_on(tiny_recipe: Recipes, tiny_pack: Path, named_as: str) -> None:
    uses: dict[str, Any] = {
        "corpora": {"corpora": [{"name": "hatecheck"}], "evaluation_only": []},
        "background": {
            "background": [{"name": "hatecheck", "posts": 5, "splits": ["train"]}],
            "evaluation_only": [],
        },
    }

    with pytest.raises(LeakFound, match="hatecheck"):
        mix(tiny_recipe(**uses[named_as]), tiny_pack)


def test_open_evaluation_is_barred_even_if_the_recipe_forgets_it(
    tiny_recipe: Recipes, tiny_pack: Path
) -> None:
    mixture = mix(tiny_recipe(evaluation_only=[]), tiny_pack)

    assert mixture.counts["left out: stands in an evaluation set"]


def test_altered_corpus_file_is_refused_by_name(tiny_recipe: Recipes, tiny_pack: Path) -> None:
    path = tiny_pack / "train" / "second.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(BadConfig, match=r"second\.parquet"):
        mix(tiny_recipe(), tiny_pack)


def test_corpus_with_a_non_commercial_licence_is_refused(tiny_recipe: Recipes, tiny_pack: Path) -> None:
    manifest = tiny_pack / "MANIFEST.csv"
    lines = manifest.read_text(encoding="utf-8").replace("CC0", "CC-BY-NC-4.0", 1)
    manifest.write_text(lines, encoding="utf-8")
    assert read_manifest(tiny_pack)["first"].licence == "CC-BY-NC-4.0"

    with pytest.raises(BadConfig, match="licence"):
        mix(tiny_recipe(), tiny_pack)


def test_shipped_recipe_loads_and_its_encoder_hashes_hold() -> None:
    loaded = load_recipe(Path(__file__).parents[3] / "configs" / "train" / "minilm.yaml")

    assert (loaded.recipe.encoder.locate() / "tokenizer.json").is_file()
