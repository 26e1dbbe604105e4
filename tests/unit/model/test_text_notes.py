"""Text notes: which texts hold little for a model of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text_notes import SENTENCES, notes_of


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("The new library opens tomorrow at nine.", ()),
        ("Our rabbi spoke well tonight, read it at https://example.org/talk", ()),
        ("see https://example.org/news/2026/library-opens-tomorrow", ("mostly_links", "few_words")),
        ("@anna @ben @carla @david you all coming tonight", ("mostly_links",)),
        ("#library #books #monday #reading good day everyone", ("mostly_links",)),
        ("https://example.org", ("mostly_links", "few_words")),
        ("[Image: two people carry a banner down the street]", ("image_caption",)),
        ("(Photo description: a cat asleep in a bookshop window)", ("image_caption",)),
        ("Image description: a cat asleep in a bookshop window", ("image_caption",)),
        ("ALT TEXT: a cat asleep in a bookshop window", ("image_caption",)),
        ("Image may contain: one person, standing, outdoor", ("image_caption",)),
        ("my cat asleep in the shop window pic.twitter.com/a1b2", ("image_caption",)),
        ("what a day this has been https://example.org/x/1.jpg", ("mostly_links", "image_caption")),
        (
            "We walked along the river for two hours before the rain came down and it was lovely https://i.imgur.com/a.png",
            (),
        ),
        ("The image of the town has changed, and so has its library", ()),
        ("hello", ("few_words",)),
        ("😀 😀 12 34 !!!", ("few_words",)),
        ("", ("few_words",)),
        ("市中心的新图书馆明天早上九点开门", ()),
        ("新しい図書館は明日の朝九時に開きます。", ()),
        ("ห้องสมุดใหม่เปิดพรุ่งนี้เช้า", ()),
        ("市中心的新图书馆明天早上九点开门，所有人都可以来看书 pic.twitter.com/a1b2", ()),
        ("안녕하세요", ("few_words",)),
    ],
)
def test_text_has_the_notes_that_fit_it(text: str, notes: tuple[str, ...]) -> None:
    assert notes_of(text) == notes


@given(st.text(max_size=500))
def test_every_note_has_its_sentence_and_stands_once_in_order(text: str) -> None:
    notes = notes_of(text)
    assert list(notes) == [note for note in SENTENCES if note in notes]
