"""The contrast families that ship, and the rules of drawing posts from templates."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from training.corpora.contrast import (
    POSTS_PER_FILLING,
    ContrastPost,
    Families,
    _even_shares,
    article_of,
    contrast_posts,
    describe,
    load_families,
)
from training.corpora.overlap import text_key

pytestmark = pytest.mark.training

SHIPPED = [configs_folder() / "train" / "contrast"]
HATE, ANTISEMITIC, ISLAMOPHOBIC, FAR_RIGHT = range(4)
POSTS = 20_000

SURFACE = {"leads": ["Hello."], "tails": ["Bye."], "hashtags": ["#x"], "emoji": ["🙂"]}
IDENTITIES = {
    "sikh": {
        "kind": "faith",
        "group": ["Sikhs"],
        "member": ["Sikh"],
        "adj": ["Sikh"],
        "they_are": ["Sikhs"],
        "one_is": ["Sikh"],
        "slots": {"worship": ["gurdwara"]},
    },
    "arab": {
        "kind": "ethnic",
        "unclear": ["islamophobic"],
        "group": ["Arabs"],
        "member": ["Arab"],
        "adj": ["Arab"],
        "they_are": ["Arab"],
        "one_is": ["Arab"],
    },
    "jewish": {
        "kind": "faith",
        "strand": "antisemitic",
        "group": ["Jewish people"],
        "member": ["Jewish man"],
        "adj": ["Jewish"],
        "they_are": ["Jewish"],
        "one_is": ["Jewish"],
        "slots": {"worship": ["synagogue"]},
    },
}
Write = Callable[..., list[Path]]


@pytest.fixture(scope="module")
def shipped() -> Families:
    return load_families(SHIPPED)


@pytest.fixture(scope="module")
def posts() -> list[ContrastPost]:
    return contrast_posts(SHIPPED, POSTS, seed=11)


def family(templates: str | list[str], **changes: Any) -> dict[str, Any]:
    return {
        "name": "spoken_of",
        "about": "A family for tests.",
        "hate": 0,
        "speech_act": "neutral",
        "strand": "none",
        "templates": templates,
        **changes,
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes one file of families; keyword arguments are more slots."""

    def build(*families: dict[str, Any], **slots: Any) -> list[Path]:
        path = tmp_path / "families.yaml"
        body = {"version": 1, "valid_from": "2026-11-21", "families": list(families)}
        body |= {"slots": {**SURFACE, **slots}, "identities": IDENTITIES}
        path.write_text(yaml.safe_dump(body, allow_unicode=True), encoding="utf-8")
        return [path]

    return build


def test_shipped_families_are_many_and_each_has_ten_templates_or_more(shipped: Families) -> None:
    assert len(shipped.templates) >= 900
    assert {f.name: len(f.templates) for f in shipped.families if len(f.templates) < 10} == {}
    assert len({t.text for t in shipped.templates}) == len(shipped.templates)


def test_shipped_families_hold_more_that_is_not_hate_than_hate(posts: list[ContrastPost]) -> None:
    assert 0.3 < sum(post.labels[HATE] for post in posts) / len(posts) < 0.45


def test_shipped_speech_acts_are_all_there_and_only_hate_endorses(shipped: Families) -> None:
    assert {f.speech_act.value for f in shipped.families} == set(SPEECH_ACT_ORDER)
    assert all((f.speech_act.value == "endorses") == bool(f.hate) for f in shipped.families)


def test_about_two_in_five_posts_with_a_group_are_jewish_or_muslim(posts: list[ContrastPost]) -> None:
    groups = Counter(post.group for post in posts if post.group)

    assert 0.3 < (groups["jewish"] + groups["muslim"]) / groups.total() < 0.5


def test_every_shipped_template_makes_a_post_without_a_brace(
    shipped: Families, posts: list[ContrastPost]
) -> None:
    assert {post.template_id for post in posts} == {template.id for template in shipped.templates}
    assert [post.text for post in posts if set(post.text) & set("{}[]")] == []


def test_twenty_thousand_posts_use_no_template_more_than_eighty_times(posts: list[ContrastPost]) -> None:
    assert 18_000 < len(posts) <= POSTS
    assert max(Counter(post.template_id for post in posts).values()) <= 80


def test_posts_are_all_different_in_their_letters(posts: list[ContrastPost]) -> None:
    assert len({text_key(post.text) for post in posts}) == len(posts)


def test_held_out_templates_are_whole_and_in_every_family(posts: list[ContrastPost]) -> None:
    train = {post.template_id for post in posts if not post.in_dev}
    dev = {post.template_id for post in posts if post.in_dev}

    assert train.isdisjoint(dev)
    assert {name for name, tally in describe(posts).items() if not (tally["train"] and tally["dev"])} == set()
    assert 0.08 < len(dev) / len(train | dev) < 0.18


def test_wordings_that_differ_in_stops_only_are_held_out_together(shipped: Families) -> None:
    sides: dict[tuple[str, str], set[bool]] = {}
    for template in shipped.templates:
        sides.setdefault((template.family.name, text_key(template.text)), set()).add(template.in_dev)

    assert {key for key, both in sides.items() if len(both) > 1} == set()


def test_strands_follow_the_group_in_hate_and_are_zero_elsewhere(
    shipped: Families, posts: list[ContrastPost]
) -> None:
    families = {f.name: f for f in shipped.families}
    for post in posts:
        of = families[post.family]
        assert post.labels[HATE] == of.hate
        assert post.labels[FAR_RIGHT] == (of.far_right if of.far_right is not None else -of.hate)
        assert SPEECH_ACT_ORDER[post.speech_act] == of.speech_act.value
        if not of.hate:
            assert post.labels == [0, 0, 0, 0]
        elif of.strand == "from_identity":
            assert post.group is not None
            assert post.labels[ANTISEMITIC] == (post.group == "jewish")
            unclear = post.group in {"arab", "pakistani"}
            assert post.labels[ISLAMOPHOBIC] == (-1 if unclear else int(post.group == "muslim"))


def test_every_hateful_family_of_a_strand_draws_a_group_for_every_template(shipped: Families) -> None:
    hateful = [t for t in shipped.templates if t.family.strand == "from_identity"]

    assert len(hateful) > 200
    assert [t.id for t in hateful if not t.identities] == []


def test_same_seed_makes_the_same_posts_and_another_seed_others(posts: list[ContrastPost]) -> None:
    assert contrast_posts(SHIPPED, POSTS, seed=11) == posts
    assert contrast_posts(SHIPPED, 500, seed=1) != contrast_posts(SHIPPED, 500, seed=2)


def test_another_process_with_another_hash_seed_makes_the_same_posts() -> None:
    code = (
        "import json, sys; from pathlib import Path; from training.corpora.contrast import contrast_posts; "
        "print(json.dumps([p.text for p in contrast_posts([Path(sys.argv[1])], 300, 5)]))"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", code, str(SHIPPED[0])],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(configs_folder().parent)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == [post.text for post in contrast_posts(SHIPPED, 300, 5)]


def test_a_few_posts_of_many_are_asked_for_and_no_more_come() -> None:
    assert 0 < len(contrast_posts(SHIPPED, 60, seed=4)) <= 60


def test_a_template_that_is_used_up_gives_fewer_posts_than_wanted(write: Write) -> None:
    made = contrast_posts(write(family(["The bus was late."])), 5_000, seed=1)

    assert 0 < len(made) <= POSTS_PER_FILLING


def test_slot_of_nobody_is_refused_by_family_and_template(write: Write) -> None:
    with pytest.raises(BadConfig, match="spoken_of, template 2: flavour: no such slot"):
        load_families(write(family(["{Group} met.", "{A flavour} for {group}."])))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("A {adj} friend came by.", "article before a slot"),
        ("{Group} met on {", "brace"),
        ("[martian] {Group} met.", "no such identity"),
        ("[arab] The {worship} is open.", "no identity has all these"),
        ("{ping}", "deep"),
    ],
)
def test_template_that_cannot_be_filled_is_refused(write: Write, line: str, says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        load_families(write(family([line]), ping=["{ping}"]))


def test_files_without_the_surface_slots_are_refused(write: Write) -> None:
    with pytest.raises(BadConfig, match="slots: leads"):
        load_families(write(family(["{Group} met."]), leads=["Said the {group}."]))


def test_name_that_stands_twice_is_refused(write: Write) -> None:
    with pytest.raises(BadConfig, match="spoken_of"):
        load_families(write(family(["{Group} met."]), family(["{Group} sang."])))


def test_slot_of_two_files_is_refused(write: Write, tmp_path: Path) -> None:
    second = tmp_path / "second.yaml"
    second.write_text(yaml.safe_dump({"version": 1, "valid_from": "2026-11-21", "slots": {"leads": ["Hi."]}}))

    with pytest.raises(BadConfig, match="leads"):
        load_families([*write(family(["{Group} met."])), second])


def test_unknown_key_of_a_family_is_refused(write: Write) -> None:
    with pytest.raises(BadConfig, match="tempaltes"):
        load_families(write(family(["{Group} met."], tempaltes=[])))


def test_lines_of_a_block_are_templates_and_a_slot_of_one_group_narrows_them(write: Write) -> None:
    loaded = load_families(
        write(family("{Group} met.\n\n[faith] {Person} sang.\nThe {worship} is open.\nHi.\n"))
    )

    assert [set(template.identities) for template in loaded.templates] == [
        {"sikh", "arab", "jewish"},
        {"sikh", "jewish"},
        {"sikh", "jewish"},
        set(),
    ]


def test_group_of_a_religion_meant_or_not_leaves_the_strand_open(write: Write) -> None:
    hateful = family("{Group} are a nuisance.", hate=1, speech_act="endorses", strand="from_identity")

    labels = {post.group: post.labels for post in contrast_posts(write(hateful), 250 * 60, seed=2)}

    assert labels == {"sikh": [1, 0, 0, -1], "arab": [1, 0, -1, -1], "jewish": [1, 1, 0, -1]}
    assert len(HEAD_ORDER) == 4


def test_slots_agree_within_a_post_and_numbered_ones_differ(write: Write) -> None:
    template = "[arab] {Person} met {a job} and {a job2}; the {job} was {one_is}."
    made = contrast_posts(write(family([template]), job=["engineer", "nurse"]), 250 * 20, seed=3)

    for post in made:
        text = post.text.lower()
        assert "an arab met" in text
        assert ("an engineer and a nurse; the engineer" in text) or (
            "a nurse and an engineer; the nurse" in text
        )


@given(st.integers(0, 200), st.lists(st.integers(0, 30), max_size=12))
@settings(max_examples=60)
def test_shares_fill_the_room_evenly(whole: int, room: list[int]) -> None:
    shares = _even_shares(whole, room)

    assert sum(shares) == min(whole, sum(room))
    assert all(share <= most for share, most in zip(shares, room, strict=True))
    unfilled = [share for share, most in zip(shares, room, strict=True) if share < most]
    assert not unfilled or max(shares) - min(unfilled) <= 1


def test_article_goes_by_the_sound_of_the_next_word() -> None:
    words = ("immigrant", "Arab", "Ukrainian", "European", "unicorn", "ugly hat", "Sikh", "honest man")

    assert [article_of(word) for word in words] == ["an", "an", "a", "a", "a", "an", "a", "an"]
