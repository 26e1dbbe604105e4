"""The mapping of foreign names: the default, one's own on top of it, and pseudonyms."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelling.interchange.mapping import Mapping, Meaning, default_mapping, folded, load_mapping
from labelling.interchange.pseudonyms import Pseudonyms
from model.errors import BadConfig, BadRecord

OWN = """
schema_version: 1
version: "t"
labels:
  - {names: [Hate, "sentiment:bad"], strands: [antisemitic], hate: true}
columns: {text: [Nachricht]}
offset_unit: utf16
"""


def mapping_file(folder: Path, content: str) -> Path:
    path = folder / "mapping.yaml"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name", ["antisemitic", "ANTISEMITISM", "Anti-Semitic", " anti_semitism ", "anti  semitic", "ANT"]
)
def test_common_names_are_known_whatever_their_spelling(name: str) -> None:
    meaning = default_mapping().find("target", name)

    assert meaning is not None
    assert (meaning.strands, meaning.hate) == (("antisemitic",), None)


@pytest.mark.parametrize(
    "name", ["offensive", "toxic", "abusive", "1", "0", "neutral", "", "LABEL_1", "none", "other"]
)
def test_names_whose_meaning_is_not_plain_are_not_guessed(name: str) -> None:
    assert default_mapping().find("target", name) is None


def test_own_mapping_stands_before_the_default(tmp_path: Path) -> None:
    mapping = load_mapping(mapping_file(tmp_path, OWN))

    own, qualified, default = (
        mapping.find("x", "hate"),
        mapping.find("sentiment", "bad"),
        mapping.find("x", "not hate"),
    )
    assert own is not None
    assert own.strands == ("antisemitic",)
    assert qualified == own
    assert default is not None
    assert default.hate is False
    assert mapping.find("other", "bad") is None
    assert mapping.columns.text == ("Nachricht",)
    assert mapping.columns.labels == default_mapping().columns.labels
    assert mapping.offset_unit == "utf16"


def test_own_mapping_may_stand_alone(tmp_path: Path) -> None:
    mapping = load_mapping(mapping_file(tmp_path, OWN + "builds_on_default: false\n"))

    assert mapping.find("x", "not hate") is None
    assert mapping.columns.labels == ()


@pytest.mark.parametrize(
    "fault",
    [
        "labels: [{names: [x], strands: [secret]}]",
        "labels: [{names: [x], speech_act: shouts}]",
        "labels: [{names: [a-b], hate: true}, {names: [A_B], hate: false}]",
        "labels: [{names: []}]",
        "asked_strands: [secret]",
        "offset_unit: bytes",
        "no_such_key: 1",
    ],
)
def test_mapping_that_contradicts_itself_is_refused(tmp_path: Path, fault: str) -> None:
    with pytest.raises(BadConfig):
        load_mapping(mapping_file(tmp_path, f'schema_version: 1\nversion: "t"\n{fault}\n'))


def test_names_are_folded_once_and_for_all() -> None:
    assert folded(folded(" A-b  C_")) == folded(" A-b  C_")


def test_pseudonyms_are_stable_by_tool_and_key_and_tell_no_name() -> None:
    plain, again = Pseudonyms("doccano", {}), Pseudonyms("doccano", {})
    keyed, other = Pseudonyms("doccano", {}, key=b"k"), Pseudonyms("argilla", {})

    assert plain.of("ada") == again.of("ada") != plain.of("bo")
    assert len({plain.of("ada"), keyed.of("ada"), other.of("ada")}) == 3
    assert "ada" not in str(plain.of("ada"))
    assert plain.of(7) == plain.of("7")
    assert plain.of(None) is None
    assert plain.of("") is None


def test_known_names_and_our_own_pseudonyms_are_kept() -> None:
    people = Pseudonyms("doccano", {"ada": "annotator-7"})

    assert people.of("ada") == "annotator-7"
    assert people.of("annotator-0123456789ab") == "annotator-0123456789ab"
    assert Pseudonyms("lewidi", {}, keep=True).of("Ann1") == "Ann1"
    with pytest.raises(BadRecord):
        people.of(["ada"])


def test_meaning_has_at_least_one_name() -> None:
    assert Meaning(names=("x",)).names == ("x",)
    with pytest.raises(ValueError, match="asked_strands"):
        Mapping(schema_version=1, version="t", asked_strands=("secret",))
