"""Speech acts, marked words, contrast posts and presumed negatives on their way into the mixture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.errors import BadConfig
from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from training.corpora.mixture import CONTRAST, FAR_RIGHT, HATE, Mixture, MixturePost, build_mixture
from training.corpora.pack import NOT_ANNOTATED, CorpusPost
from training.corpora.side_labels import rationale_in
from training.recipe import load_recipe
from training.run import with_swapped_copies

pytestmark = pytest.mark.training

FAMILY = """
version: 1
valid_from: 2026-11-21
identities:
  sikh:
    {kind: faith, group: [Sikhs], member: [Sikh man], adj: [Sikh], they_are: [Sikh], one_is: [Sikh]}
slots:
  leads: [So.]
  tails: [Good to see.]
  hashtags: ["#Leeds"]
  emoji: ["\U0001f600"]
  place: [Leeds, Hull, York, Bath, Derby, Truro, Luton, Poole, Ely, Wells]
families:
  - name: greeting
    about: A neighbour is greeted.
    hate: 0
    speech_act: neutral
    strand: none
    templates: |
      Lovely evening with {group} from {place} at the temple.
      Our {adj} neighbours in {place} brought round a curry for us all.
"""


def row(number: int, text: str, **values: Any) -> dict[str, Any]:
    return {"id": str(number), "text": text, **dict.fromkeys(HEAD_ORDER), "split": "train", **values}


def by_id(mixture: Mixture) -> dict[str, MixturePost]:
    return {post.id: post for post in [*mixture.train, *mixture.dev]}


@pytest.fixture
def mixed(tiny_recipe: Callable[..., Path], data_folder: Callable[..., Path]) -> Callable[..., Mixture]:
    """Mixes rows of a corpus (and a suite, and background traffic) under the tiny recipe."""

    def build(
        rows: list[dict[str, Any]],
        corpus: str = "first",
        suite: list[dict[str, Any]] | None = None,
        traffic: list[dict[str, Any]] | None = None,
        **changes: Any,
    ) -> Mixture:
        data = data_folder(
            {
                ("train", corpus): rows,
                ("known", "hatecheck"): suite or [],
                ("background", "traffic"): traffic or [],
            }
        )
        recipe = tiny_recipe(corpora=[{"name": corpus}], **{"background": [], **changes})
        return build_mixture(load_recipe(recipe).recipe, data)

    return build


def test_marks_follow_the_words_through_normalising() -> None:
    raw = "\u200bWell,  they   are v3rmin \U0001f600 honestly"
    start = raw.index("v3rmin")
    post = CorpusPost("c", "1", raw, None, [1, -1, -1, -1], rationale=((start, start + 6),))

    spans = rationale_in(post)

    assert spans is not None
    assert [normalise_text(raw)[a:b] for a, b in spans] == ["vermin"]


def test_marks_that_a_corpus_puts_one_word_early_are_put_right() -> None:
    text = "they say those vermin people, again"
    early = (
        (text.index("those"), text.index("those") + 5),
        (text.index("people,"), text.index("people,") + 7),
    )

    def marked(split: str) -> list[str]:
        post = CorpusPost("hatexplain", "1", text, split, [1, -1, -1, -1], rationale=early)
        return [text[start:end] for start, end in rationale_in(post) or ()]

    assert marked("train") == ["vermin", "again"]
    assert marked("dev") == ["those", "people,"]


def test_mark_on_the_last_word_leads_nowhere() -> None:
    text = "a short post"

    post = CorpusPost("hatexplain", "1", text, "train", [1, -1, -1, -1], rationale=((8, 12),))

    assert rationale_in(post) is None


def test_offensive_post_with_marked_words_teaches_them_and_no_head(mixed: Callable[..., Mixture]) -> None:
    rows = [
        row(1, "what a nasty word this is", kind="offensive", rationale=json.dumps([[5, 6]])),  # one early
        row(2, "another nasty word here", kind="offensive"),
    ]

    posts = by_id(mixed(rows, corpus="hatexplain"))

    assert set(posts) == {"1"}
    assert posts["1"].labels == [NOT_ANNOTATED] * 4
    assert posts["1"].offensive == 1
    assert posts["1"].rationale == ((7, 12),)


def test_speech_acts_come_from_the_kind_and_from_hate(mixed: Callable[..., Mixture]) -> None:
    rows = [
        row(1, "you are wrong about them, they belong here", hate=0, kind="counterspeech"),
        row(2, "they must all leave the country", hate=1, kind="hate"),
        row(3, "the bus is late", hate=0, kind="neutral"),
        row(4, "somebody said a thing", hate=0, kind="none"),
    ]

    posts = by_id(mixed(rows))

    acts = {
        number: SPEECH_ACT_ORDER[post.speech_act] if post.speech_act >= 0 else None
        for number, post in posts.items()
    }
    assert acts == {"1": "counters", "2": "endorses", "3": "neutral", "4": None}


def test_presumed_negatives_name_identities_as_often_as_asked(mixed: Callable[..., Mixture]) -> None:
    posts = [row(n, f"Walk number {n} along the river", split="train") for n in range(40)]
    posts += [row(100 + n, f"Muslims in town {n} open their mosque", split="train") for n in range(10)]

    background_use = [{"name": "traffic", "posts": 12, "mentions": 8, "splits": ["train"]}]
    mixture = mixed(
        [row(1, "a quiet evening", hate=0)],
        traffic=[{**each, **dict.fromkeys(HEAD_ORDER)} for each in posts],
        swaps={"terms": "identity-terms.yaml", "share": 0.5, "weight": 0.1},
        background=background_use,
    )

    presumed = [post for post in mixture.train if post.corpus == "traffic"]
    assert len(presumed) == 12
    assert sum("Muslims" in post.text for post in presumed) >= 8
    assert all(post.presumed and post.labels[HATE] == 0 for post in presumed)
    assert all(SPEECH_ACT_ORDER[post.speech_act] == "neutral" for post in presumed)


@pytest.fixture
def contrast(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A recipe's `contrast` member on a family of our own."""
    path = tmp_path / "greeting.yaml"
    path.write_text(FAMILY, encoding="utf-8")

    def member(**changes: Any) -> dict[str, Any]:
        use = {"families": [str(path)], "posts": 30, "away_from": ["hatecheck"], "jaccard": 0.5, **changes}
        return {"contrast": use}

    return member


def ordinary_rows(count: int) -> list[dict[str, Any]]:
    words = ["tea", "bus", "rain", "park", "book", "song", "door", "lamp", "road", "shop"]
    return [
        row(n, f"{words[n % 10]} {words[n // 10 % 10]} {words[n // 100 % 10]} number{n}", hate=0)
        for n in range(count)
    ]


def test_contrast_posts_are_labelled_and_whole_templates_are_held_out(
    mixed: Callable[..., Mixture], contrast: Callable[..., dict[str, Any]]
) -> None:
    mixture = mixed(ordinary_rows(400), **contrast())

    made = {
        place: [post for post in posts if post.corpus == CONTRAST]
        for place, posts in {"train": mixture.train, "dev": mixture.dev}.items()
    }
    assert made["train"]
    assert made["dev"]
    assert all(post.labels == [0, 0, 0, 0] for posts in made.values() for post in posts)
    templates = {place: {post.id.rpartition("-")[0] for post in posts} for place, posts in made.items()}
    assert templates["train"].isdisjoint(templates["dev"])


def test_contrast_post_near_an_evaluation_suite_is_left_out(
    mixed: Callable[..., Mixture], contrast: Callable[..., dict[str, Any]]
) -> None:
    near = [
        {**row(n, f"Lovely evening with Sikhs from {place} at the temple"), "hate": 0}
        for n, place in enumerate(["Leeds", "Hull", "York", "Bath", "Derby"])
    ]

    def greetings(suite: list[dict[str, Any]]) -> int:
        mixture = mixed(ordinary_rows(400), suite=suite, **contrast(posts=3000))
        assert bool(mixture.counts["left out: near an evaluation suite"][CONTRAST]) == bool(suite)
        return sum("lovely evening" in post.text.lower() for post in [*mixture.train, *mixture.dev])

    assert greetings([]) > 5
    assert greetings(near) == 0


def test_too_large_a_share_of_contrast_is_refused(
    mixed: Callable[..., Mixture], contrast: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(BadConfig, match="of what is shown"):
        mixed(ordinary_rows(40), **contrast(posts=3000))


def test_swapped_copy_near_dev_or_a_suite_is_left_out(
    mixed: Callable[..., Mixture], contrast: Callable[..., dict[str, Any]], tiny_recipe: Callable[..., Path]
) -> None:
    swaps = {"swaps": {"terms": "identity-terms.yaml", "share": 1.0, "weight": 0.1}}
    rows = ordinary_rows(400)
    rows.append(row(900, "I saw that all these Jews moved to our quiet old town today", hate=0))
    suite = [
        {**row(n, f"I saw that all these {group} moved to our quiet old village today"), "hate": 0}
        for n, group in enumerate(["Muslims", "Christians", "Hindus", "Sikhs", "Buddhists", "atheists"])
    ]
    recipe = load_recipe(tiny_recipe(background=[], **swaps, **contrast())).recipe

    def copied(suite: list[dict[str, Any]]) -> int:
        mixture = mixed(rows, suite=suite, **swaps, **contrast())
        shown, _, places = with_swapped_copies(list(mixture.train), recipe, mixture)
        return sum(shown[place].id.endswith("900") or ":" in shown[place].id for place in places)

    assert copied([]) > copied(suite)


def test_far_right_negatives_come_from_contrast_too(
    mixed: Callable[..., Mixture], contrast: Callable[..., dict[str, Any]]
) -> None:
    mixture = mixed(ordinary_rows(400), **contrast())

    assert {post.labels[FAR_RIGHT] for post in mixture.train if post.corpus == CONTRAST} == {0}
