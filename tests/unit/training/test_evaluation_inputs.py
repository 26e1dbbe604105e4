"""What a measurement reads: the recipe that a bundle carries, and marked words as the folder has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

from model.errors import BadConfig
from training.corpora.pack import read_corpus, read_manifest
from training.evaluation.figures import recipe_of
from training.evaluation.rationales import marked_posts

pytestmark = pytest.mark.training

DataFolder = Callable[[dict[tuple[str, str], list[dict[str, Any]]]], Path]


def test_recipe_with_a_member_that_this_version_does_not_know_is_refused_by_name(
    tmp_path: Path, tiny_recipe: Callable[..., Path]
) -> None:
    path = tiny_recipe(from_another_version=3)  # tmp_path / "recipe.yaml"

    with pytest.raises(BadConfig, match="from_another_version"):
        recipe_of(path.parent)
    path.unlink()
    with pytest.raises(BadConfig, match="does not carry its recipe"):
        recipe_of(tmp_path)


def test_marked_words_are_read_as_hatexplain_stores_them(data_folder: DataFolder) -> None:
    text = "the bankers are to blame for all"
    rows: list[dict[str, Any]] = [
        {"id": "1", "split": "test", "text": text, "kind": "hatespeech", "rationale": "[[4, 11], [19, 24]]"},
        {"id": "2", "split": "test", "text": text, "kind": "hatespeech", "rationale": "[]"},
        {"id": "3", "split": "test", "text": text, "kind": "normal", "rationale": None},
        {"id": "4", "split": "dev", "text": text, "kind": "offensive", "rationale": "[[4, 11]]"},
    ]
    posts = read_corpus(read_manifest(data_folder({("train", "hatexplain"): rows}))["hatexplain"])

    (found,) = marked_posts(posts, "test")

    assert [post.rationale for post in posts] == [((4, 11), (19, 24)), None, None, ((4, 11),)]
    assert [text[a:b] for (a, b), gold in zip(found.word_spans, found.gold, strict=True) if gold] == [
        "bankers",
        "blame",
    ]
