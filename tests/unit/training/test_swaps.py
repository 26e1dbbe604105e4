"""Identity swaps: parallel wording, refusals, and the labels of the swapped copies."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import configs_folder
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.overlap import text_key
from training.corpora.swaps import (
    FORMS,
    Swapped,
    groups_named,
    load_identity_terms,
    mentions,
    paired,
    rename,
    swap,
    swapped_labels,
)

pytestmark = pytest.mark.training

TERMS_FILE = configs_folder() / "train" / "identity-terms.yaml"
TERMS = load_identity_terms(TERMS_FILE)


def swapped_text(text: str, to: str) -> str | None:
    found = swap(text, random.Random(1), TERMS, to=to)
    return None if found is None else found.text


def post(text: str, labels: list[int], number: str = "1") -> MixturePost:
    return MixturePost("c", number, text, labels, repeat=3, hints=[-1, -1, 1, -1], rationale=((0, 3),))


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        ("The mosque where Muslims pray", "jewish", "The synagogue where Jews pray"),
        ("Judaism has its rabbis and its Torah", "muslim", "Islam has its imams and its Quran"),
        ("JEWS and their neighbours", "muslim", "MUSLIMS and their neighbours"),
        ("our muslim neighbours", "jewish", "our jewish neighbours"),
        ("we met a devout Muslim.", "jewish", "we met a devout Jew."),
        ("a Muslim opened the shop", "jewish", "a Jew opened the shop"),
        ("she is Muslim and proud of it", "jewish", "she is Jewish and proud of it"),
        ("that Muslim's bakery", "jewish", "that Jew's bakery"),
        ("no place for anti-Muslim jokes", "jewish", "no place for anti-Jewish jokes"),
        ("the reading from the Quran", "sikh", "the reading from the Guru Granth Sahib"),
        ("black people vote here", "asian", "Asian people vote here".lower()),
        ("refugees are welcome", "asylum_seeker", "asylum seekers are welcome"),
    ],
)
def test_names_are_swapped_in_their_form_and_case(text: str, to: str, expected: str) -> None:
    assert swapped_text(text, to) == expected


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        ("an imam spoke", "jewish", "a rabbi spoke"),
        ("A rabbi spoke", "muslim", "An imam spoke"),
        ("AN IMAM SPOKE", "christian", "A PRIEST SPOKE"),
        ("A RABBI SPOKE", "muslim", "AN IMAM SPOKE"),
        ("a black man", "asian", "an asian man"),
        ("vitamin a Muslims need", "hindu", "vitamin a Hindus need"),
        ("Maria Muslims know", "hindu", "Maria Hindus know"),
    ],
)
def test_article_agrees_with_the_new_name(text: str, to: str, expected: str) -> None:
    assert swapped_text(text, to) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Jews remember the Holocaust",
        "a halal shop run by Muslims",
        "the hijab that Muslims wear",
        "Israel and the Jews abroad",
        "Muslims and Jews share a kitchen",
        "they marched for black lives matter with black people",
        "we had tea and went home",
        "write to @muslim_guy or see example.org/jews",
        "black tea in a white cup",
    ],
)
def test_text_without_a_clean_counterfactual_is_refused(text: str) -> None:
    assert swap(text, random.Random(1), TERMS) is None


def test_group_without_the_form_is_never_the_target() -> None:
    drawn = {swap("the mosque is open", random.Random(n), TERMS) for n in range(60)}

    groups = {found.target_group for found in drawn if found is not None}
    assert groups == {"jewish", "christian", "hindu", "sikh"}
    assert swapped_text("the mosque is open", "buddhist") is None


def test_first_kind_with_one_group_is_swapped_and_others_stay() -> None:
    assert swapped_text("Muslim women met here", "hindu") == "Hindu women met here"
    found = swap("Muslim women met here", random.Random(1), TERMS, kinds=("gender",))
    assert found == Swapped("Muslim men met here", "women", "men")


def test_bound_phrase_that_a_swap_would_write_is_refused() -> None:
    assert swapped_text("the mosque of England", "christian") is None


def test_groups_named_leaves_out_bound_words_and_gender() -> None:
    assert groups_named("he told the Jews and the Sikhs of Ramadan", TERMS) == {"jewish", "sikh"}
    assert {m.group for m in mentions("he told the Jews of Ramadan", TERMS)} == {"men", "jewish", "muslim"}


def test_word_bound_to_two_groups_mentions_both() -> None:
    assert {m.group for m in mentions("news from Gaza", TERMS)} == {"muslim", "arab"}


def test_letters_that_grow_in_lower_case_keep_positions() -> None:
    assert swapped_text("İİİ the Muslims of İzmir", "sikh") == "İİİ the Sikhs of İzmir"


def test_rename_crosses_kinds_only_where_it_reads() -> None:
    assert rename("Muslim families live here", "muslim", "black", TERMS) == "Black families live here"
    assert rename("Muslims live here", "muslim", "asian", TERMS) == "Asians live here"
    assert rename("Muslim law is old", "muslim", "black", TERMS) is None
    assert rename("the mosque is old", "muslim", "white", TERMS) is None
    assert rename("Muslims met white people", "muslim", "white", TERMS) is None
    assert rename("the hijab and Muslims", "muslim", "black", TERMS) is None


NAMES = [
    (name, form, TERMS.groups[name].names(form)[0])
    for name in TERMS.groups
    for form in FORMS
    if TERMS.groups[name].names(form)
]
CASES = (str, str.lower, str.upper)


@given(
    st.lists(st.sampled_from(["we met", "near the park", "today", "!", "a", "the", "and", ","]), max_size=6),
    st.sampled_from(NAMES),
    st.sampled_from(CASES),
    st.sampled_from(["people", "families", "voters"]),
    st.integers(0, 10**6),
)
def test_swap_there_and_back_names_the_same_group(
    words: list[str], name: tuple[str, str, str], case: object, noun: str, seed: int
) -> None:
    group, _form, word = name
    assert callable(case)
    text = " ".join([*words, case(word), noun, *words])
    there = swap(text, random.Random(seed), TERMS)
    assert there is not None
    assert (there.source_group, TERMS.groups[there.target_group].kind) == (group, TERMS.groups[group].kind)

    back = swap(there.text, random.Random(seed), TERMS, to=group)

    assert {m.group for m in mentions(there.text, TERMS)} == {there.target_group}
    assert back is not None
    assert {m.group for m in mentions(back.text, TERMS)} == {m.group for m in mentions(text, TERMS)}


@given(st.text(max_size=200), st.integers(0, 10**6))
def test_any_text_is_swapped_or_refused(text: str, seed: int) -> None:
    found = swap(text + " Sikhs", random.Random(seed), TERMS)

    assert found is None or found.target_group != found.source_group


def labels(hate: int, antisemitic: int, islamophobic: int, far_right: int) -> list[int]:
    by_head = {"hate": hate, "antisemitic": antisemitic, "islamophobic": islamophobic, "far_right": far_right}
    return [by_head[head] for head in HEAD_ORDER]


@pytest.mark.parametrize(
    ("source", "target", "before", "after"),
    [
        ("jewish", "muslim", labels(1, 1, 0, 0), labels(1, 0, 1, 0)),
        ("muslim", "jewish", labels(1, 0, 1, 1), labels(1, 1, 0, -1)),
        ("jewish", "hindu", labels(1, 1, 0, -1), labels(1, 0, 0, -1)),
        ("jewish", "muslim", labels(1, -1, -1, -1), labels(1, -1, -1, -1)),
        ("muslim", "jewish", labels(1, 0, -1, 0), labels(1, -1, -1, 0)),
        ("christian", "jewish", labels(1, 0, 0, 0), labels(1, -1, 0, 0)),
        ("arab", "black", labels(1, 0, 1, 0), labels(1, 0, -1, 0)),
        ("black", "white", labels(1, 0, 0, 1), labels(1, 0, 0, -1)),
        ("jewish", "muslim", labels(0, 0, 0, 0), labels(0, 0, 0, 0)),
        ("jewish", "muslim", labels(0, 0, -1, 1), labels(0, 0, -1, -1)),
    ],
)
def test_strands_of_the_copy_follow_the_group(
    source: str, target: str, before: list[int], after: list[int]
) -> None:
    assert swapped_labels(before, Swapped("", source, target), TERMS) == after


def test_copy_keeps_hate_and_drops_what_belongs_to_the_source() -> None:
    first = post("Muslims opened a shop", labels(0, 0, 0, 0))

    ((source, copy),) = paired([first], share=1.0, seed=1, terms=TERMS)

    assert source is first
    assert copy.text != first.text
    assert copy.labels == first.labels
    assert (copy.rationale, copy.repeat, copy.hints, copy.speech_act) == (None, 1, [-1] * 4, first.speech_act)
    assert copy.id.startswith("1:")


def test_only_a_share_is_paired_and_the_same_in_every_run() -> None:
    posts = [post(f"Muslims opened shop number {n}", labels(0, 0, 0, 0), str(n)) for n in range(1000)]

    pairs = paired(posts, share=0.3, seed=1, terms=TERMS)

    assert 230 < len(pairs) < 370
    assert pairs == paired(posts, share=0.3, seed=1, terms=TERMS)
    assert pairs[:20] == paired(posts[:100], share=0.3, seed=1, terms=TERMS)[:20]
    assert pairs != paired(posts, share=0.3, seed=2, terms=TERMS)


def test_unannotated_barred_and_gendered_posts_are_not_paired() -> None:
    open_hate = post("Muslims opened a shop", labels(-1, 0, 0, 0))
    asylum = post("refugees opened a shop", labels(0, 0, 0, 0))
    women = post("women opened a shop", labels(0, 0, 0, 0))
    barred = {text_key("immigrants opened a shop"), text_key("asylum seekers opened a shop")}

    assert paired([open_hate, asylum, women], 1.0, 1, TERMS, barred) == []
    assert len(paired([open_hate, asylum, women], 1.0, 1, TERMS)) == 1


def test_terms_of_another_file_are_checked(tmp_path: Path) -> None:
    raw = yaml.safe_load(TERMS_FILE.read_text(encoding="utf-8"))
    raw["groups"]["sikh"]["people"] = ["Hindus"]
    path = tmp_path / "terms.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")

    with pytest.raises(BadConfig, match=r"groups\.sikh\.people"):
        load_identity_terms(path)


def test_terms_carry_the_hash_of_their_file(tmp_path: Path) -> None:
    copy = tmp_path / "terms.yaml"
    copy.write_bytes(TERMS_FILE.read_bytes() + b"# one more line\n")

    assert len(TERMS.sha256) == 64
    assert load_identity_terms(copy).sha256 != TERMS.sha256
