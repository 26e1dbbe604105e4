"""Spelling noise: reproducible, bounded, and never a change of how often a post is shown."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.normalise import normalise_text
from training.corpora.mixture import MixturePost
from training.noise import (
    CHANGES,
    LEET,
    delete_letter,
    leet,
    noisy,
    run_together,
    space_out,
    swap_letters,
    with_noise,
)

pytestmark = pytest.mark.training


def posts(count: int, repeat: int = 1) -> list[MixturePost]:
    return [
        MixturePost("c", str(n), f"somebody wrote sentence number {n} here", [0, 0, 0, 0], repeat)
        for n in range(count)
    ]


def test_share_of_posts_is_noisy_and_the_rest_untouched() -> None:
    before = posts(1000)

    after = with_noise(before, share=0.2, seed=1)

    changed = sum(a.text != b.text for a, b in zip(after, before, strict=True))
    assert 120 < changed < 250  # some of it the normaliser undoes


def test_repeated_post_keeps_a_clean_showing() -> None:
    after = with_noise(posts(50, repeat=2), share=0.0001, seed=1)

    assert sum(post.repeat for post in after) == 100
    clean = {post.text for post in posts(50)}
    assert 50 <= sum(post.text in clean for post in after) < 75  # a change may leave a word as it was


def test_no_share_changes_nothing() -> None:
    assert with_noise(posts(20, repeat=3), share=0.0, seed=1) == posts(20, repeat=3)


def test_noise_is_the_same_in_every_run() -> None:
    assert with_noise(posts(100), share=0.5, seed=1) == with_noise(posts(100), share=0.5, seed=1)
    assert with_noise(posts(100), share=0.5, seed=1) != with_noise(posts(100), share=0.5, seed=2)


@given(st.text(alphabet="abcdefgh ", max_size=80), st.integers(0, 10**6))
def test_noise_adds_no_letters(text: str, seed: int) -> None:
    changed = noisy(text, random.Random(seed))

    back = {sign: letter for letter, signs in LEET.items() for sign in signs}
    # A word that names an emoji ("bed") may stand as the emoji, which is no letter.
    letters = [back.get(c, c) for c in changed if c.isascii() and c != " "]
    assert "\0" not in changed
    assert len(letters) <= len(text.replace(" ", ""))
    assert set(letters) <= set(text) | set(back.values())


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_alters_a_word(change: object) -> None:
    assert callable(change)
    assert change("wandering", random.Random(3)) != "wandering"


def test_changes_do_what_they_say() -> None:
    draw = random.Random(1)

    assert len(delete_letter("people", draw)) == 5
    assert sorted(swap_letters("people", draw)) == sorted("people")
    assert space_out("people", draw).replace(" ", "") == "people"
    assert run_together("people", draw) == "people\0"
    assert any(c in "03" for c in leet("people", draw))


def test_word_that_an_emoji_shows_is_pictured_and_named_again() -> None:
    texts = [noisy("the rats left", random.Random(seed)) for seed in range(20)]

    pictured = [text for text in texts if "🐀🐀" in text]
    assert 4 < len(pictured) < 16
    assert all("rat rat" in normalise_text(text) for text in pictured)
