"""The data card: what it counts, what it says is not stated, and that words from outside stay words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.interchange.card_facts import (
    AgreementFigure,
    CardFacts,
    HarmFacts,
    SourceOfTexts,
    load_card_facts,
)
from labelling.interchange.card_figures import Figures
from labelling.interchange.data_card import data_card, plain
from model.errors import BadConfig

HEADINGS = (
    *(
        "Summary",
        "Paradigm",
        "Who labelled",
        "Codebook",
        "Sampling",
        "Agreement",
        "What was answered",
        "Severity",
    ),
    *("Help from the machine", "Sources and licences", "HarmCheck", "Known limits"),
)


def label(number: int, **fields: Any) -> Annotation:
    return Annotation.model_validate(
        {"label_id": str(number), "item_id": "x1", "annotator": f"a{number}", **fields}
    )


def counted(*labels: Annotation) -> Figures:
    figures = Figures()
    figures.add(Labelled(Item.model_validate({"item_id": "x1", "text": "secret words"}), labels))
    return figures


def sections(card: str) -> dict[str, str]:
    _, *parts = card.split("\n## ")
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in parts}


def test_card_without_facts_has_every_section_and_says_what_is_not_stated() -> None:
    card = data_card(counted(), CardFacts(title="Nothing yet", paradigm="prescriptive"))

    found = sections(card)
    assert tuple(found) == HEADINGS
    for heading in ("Summary", "Sampling", "Agreement", "HarmCheck", "Sources and licences"):
        assert "Not stated." in found[heading], heading
    matter = yaml.safe_load(card.split("---\n")[1])
    assert matter["license"] == "unknown"
    assert matter["size_categories"] == ["n<1K"]
    assert "language" not in matter, "nobody said which"


def test_card_counts_people_cohorts_codebooks_samples_and_severity() -> None:
    figures = counted(
        label(1, cohort="community", hate=True, severity=2, codebook="v1", codebook_sha256="ab" * 32),
        label(2, cohort="community", hate=False, severity=0, codebook="v1", codebook_sha256="ab" * 32),
        label(3, hate=True, severity=2, codebook="v2", assisted="prefilled"),
        label(4, skipped_because="not_english"),
        label(5, sample_reason="audit_random", inclusion_probability=0.012, hate=None, strands_asked=[]),
        label(6, sample_reason="audit_random", inclusion_probability=0.2, ground_truth=True),
    )

    card = sections(data_card(figures, CardFacts(title="T", paradigm="descriptive")))

    assert "| 1 | 5 | 5 | 1 | 0 | Not stated. |" in card["Summary"]
    assert "| community | 2 | 2 | 1 (50.0%) |" in card["Who labelled"]
    assert "| not told | 3 | 3 | 1 (100.0%) |" in card["Who labelled"]
    assert f"| v1 | `{'ab' * 32}` | 2 |" in card["Codebook"]
    assert r"| audit\_random | 2 | 0.012 to 0.2 | 0 |" in card["Sampling"]
    assert "| not told | 3 | – | 3 |" in card["Sampling"]
    assert "| S2 | 2 | 40.0% |" in card["Severity"]
    assert "| not answered | 2 | 40.0% |" in card["Severity"]
    assert "| antisemitic | 4 | 0 (0.0%) |" in card["What was answered"]
    assert "Disagreement is data" in card["Paradigm"]
    limits = card["Known limits"]
    assert "3 versions of the codebook" in limits
    assert "1 labels were made with the machine's answer in view" in limits
    assert "3 labels have no inclusion probability" in limits
    assert "3 labels tell no cohort" in limits


def test_facts_are_told_as_they_were_given() -> None:
    facts = CardFacts(
        title="T",
        paradigm="prescriptive",
        licence="cc-by-4.0",
        languages=("en",),
        sources=(SourceOfTexts(name="Forum", licence="terms of use", url="https://example.org/a_b"),),
        agreement=(
            AgreementFigure(
                subject="hate", measure="Krippendorff's alpha", value=0.434, low=0.3, high=0.5, items=40
            ),
            AgreementFigure(
                subject="far_right", measure="Krippendorff's alpha", note="undefined: one value used"
            ),
        ),
        harm=HarmFacts(harm_types=("hate speech",), mitigations=("breaks", "opt-out")),
        known_limits=("One platform only.",),
    )

    text = data_card(counted(label(1)), facts)

    card = sections(text)
    assert "| hate | Krippendorff's alpha | 0.434 | 0.300 to 0.500 | 40 |  |" in card["Agreement"]
    assert (
        r"| far\_right | Krippendorff's alpha | – | – | – | undefined: one value used |" in card["Agreement"]
    )
    assert r"| Forum | terms of use | https://example.org/a\_b |  |" in card["Sources and licences"]
    assert "breaks; opt-out" in card["HarmCheck"]
    assert "- One platform only." in card["Known limits"]
    assert yaml.safe_load(text.split("---\n")[1])["license"] == "cc-by-4.0"


HOSTILE = "a | b\n# c\r\n<script>alert(1)</script> [x](javascript:y) `d` ---"


def test_words_from_outside_stay_words_in_body_and_front_matter() -> None:
    figures = counted(label(1, annotator=HOSTILE, cohort=HOSTILE, codebook=HOSTILE, sample_reason=HOSTILE))

    text = data_card(figures, CardFacts(title=HOSTILE, paradigm="prescriptive", summary=HOSTILE))

    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["pretty_name"] == HOSTILE
    assert "<script" not in body
    assert "\n# c" not in body
    assert tuple(sections(text)) == HEADINGS
    for line in body.splitlines():
        if line.startswith("| a"):
            assert line.replace("\\|", "").count("|") in (3, 4, 5)


def test_card_never_holds_a_text() -> None:
    assert "secret" not in data_card(counted(label(1)), CardFacts(title="T", paradigm="prescriptive"))


def test_plain_words_are_one_line() -> None:
    assert plain(" a\n*b* \u2028c ") == r"a \*b\* c"


def test_facts_are_read_from_a_file_whose_faults_are_all_told(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text("title: A test\nparadigm: descriptive\nlicence: cc-by-4.0\n", encoding="utf-8")
    assert load_card_facts(path).title == "A test"

    path.write_text("title: A test\nparadigm: neither\nauthor: me\n", encoding="utf-8")
    with pytest.raises(BadConfig, match=r"paradigm.*author"):
        load_card_facts(path)
