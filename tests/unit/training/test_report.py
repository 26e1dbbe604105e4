"""The report: hostile texts stay texts, nothing is fetched or run, and the numbers are where one looks."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_report import figure, small_report

from model.errors import BadFile
from training.report.formatting import pieces
from training.report.page import content_policy, report_page
from training.report.shape import Report
from training.report.writing import read_report, write_report


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


class Page(HTMLParser):
    """What a browser would make of the page: elements, attributes, headings and tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def attributes(self, name: str) -> list[str]:
        return [found[name] or "" for _, found in self.elements if name in found]


@pytest.fixture(scope="module")
def html() -> str:
    return report_page(Report.model_validate(small_report()))


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_page_of_hostile_texts_holds_no_script_handler_form_or_frame(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}

    assert tags.isdisjoint({"script", "iframe", "object", "embed", "form", "base", "link", "svg", "b", "i"})
    assert not [
        name for _, found in page.elements for name in found if name.startswith("on") or name == "style"
    ]
    assert "<script>alert(1)</script>" in page.text


def test_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert all(found.startswith("#") for found in page.attributes("href"))
    pictures = page.attributes("src")
    assert pictures
    assert all(found.startswith("data:image/svg+xml;base64,") for found in pictures)
    for name in ("srcset", "action", "poster", "data", "background"):
        assert page.attributes(name) == []


def test_pictures_hold_no_script_and_no_outside_address(page: Page) -> None:
    for found in page.attributes("src"):
        svg = base64.b64decode(found.split(",", 1)[1]).decode("utf-8")
        assert "<script" not in svg
        assert "evil" not in svg.replace("evil.example", "evil") or 'href="http' not in svg
        addresses = set(re.findall(r"https?://[^\"'\s)<]+", svg))
        assert addresses <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
            "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd",
        }, addresses


def test_policy_allows_only_the_style_that_the_page_has(html: str, page: Page) -> None:
    policy = next(
        found["content"]
        for tag, found in page.elements
        if found.get("http-equiv") == "Content-Security-Policy"
    )
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert policy == content_policy(style)
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "script-src" not in policy
    assert "url(" not in style
    assert "@import" not in style
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_every_table_has_a_caption_and_every_head_cell_a_scope(html: str, page: Page) -> None:
    tables = re.findall(r"<table>(.*?)</table>", html, re.DOTALL)

    assert len(tables) > 15
    for table in tables:
        assert table.lstrip().startswith("<caption>")
        assert re.sub(r"<[^>]+>", "", table.split("</caption>")[0]).strip()
    heads = [found for tag, found in page.elements if tag == "th"]
    assert all(found.get("scope") in {"col", "row", "rowgroup"} for found in heads)


def test_headings_never_skip_a_level_and_ids_stand_once(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    ids = page.attributes("id")

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(ids) == len(set(ids))
    assert {found.removeprefix("#") for found in page.attributes("href")} <= set(ids)
    assert {found for names in page.attributes("aria-labelledby") for found in names.split()} <= set(ids)


def test_every_picture_says_its_numbers_in_words(page: Page) -> None:
    alternatives = [found.get("alt") or "" for tag, found in page.elements if tag == "img"]

    # Per target: groups, reliability, risk and coverage, disguises, years.
    assert len(alternatives) == 10
    assert all(re.search(r"\d\.\d", words) for words in alternatives)


def test_numbers_of_every_section_appear(page: Page) -> None:
    for words in (
        "94.6 %",  # suite
        "92.6 to 96.6",  # its interval
        "97.8 %",  # functionality
        "98.6 %",  # Perspective on F1
        "at least 0.930",
        "holds the must",
        "not measured",
        "93.5 %",  # Muslims
        "25.0 %",  # Perspective, Muslims, not hateful
        "0.888",  # subgroup
        "Brier score 0.081",
        "4.3 %",  # risk at 90 %
        "65.0 %",  # caught at full leet
        "2017",
        "37 are judged differently",
        "below 0.001",
        "+0.050",
        "0.914",  # worst case
        "Hatemoji DeBERTa-base",
        "Mistral, fine-tuned (several languages)",
        "as of: 2021",
        "version 0.1.0",
    ):
        assert words in page.text, words


def test_posts_stand_behind_covers_with_rationale_marked_and_hidden_characters_shown(html: str) -> None:
    covers = re.findall(r'<details class="cover">(.*?)</details>', html, re.DOTALL)
    outside = re.sub(r'<details class="cover">.*?</details>', "", html, flags=re.DOTALL)

    assert len(covers) == 6
    assert all("<summary>Show a post that may be hateful" in cover for cover in covers)
    assert "neighbour" not in outside
    assert (
        'My <span class="token">⟦U+200B⟧</span><mark>neighbour</mark> &lt;script&gt;' in covers[1] + covers[2]
    )
    assert not re.search("[\u202a-\u202e\u200b]", html)


def test_card_is_text_without_links_or_pictures_of_its_own(page: Page) -> None:
    assert "<script>alert(4)</script>" in page.text
    assert "](http://evil.example)" in page.text
    assert "Table 1 of the card of minilm-v2 : Deep" in page.text


def test_written_twice_gives_the_same_bytes(report: dict[str, Any], tmp_path: Path) -> None:
    first = write_report(report, tmp_path / "a")
    second = write_report(report, tmp_path / "b")

    assert [path.name for path in first] == ["report.json", "report.html"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["report.html", "report.json"]


def test_report_read_back_is_the_one_written(report: dict[str, Any], tmp_path: Path) -> None:
    path, _ = write_report(report, tmp_path)
    keys = list(json.loads(path.read_text(encoding="utf-8")))

    assert keys == sorted(keys)
    assert Report.model_validate(read_report(path)) == Report.model_validate(report)


def test_disk_that_fails_leaves_the_old_page_and_no_scrap(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = write_report(report, tmp_path)
    before = page.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    report["seconds"] = 1.0
    with pytest.raises(OSError, match="No space"):
        write_report(report, tmp_path)

    assert page.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda report: report.update(surprise=1), "surprise"),
        (lambda report: report["targets"].clear(), "targets"),
        (lambda report: report["results"].pop("minilm-v2"), "value_error"),
        (lambda report: report.update(made_at="2026-11-22T03:00:00"), "made_at"),
        (
            lambda report: report["results"]["minilm-v2"]["measures"].update(x=figure(float("nan"))),
            "measures.x",
        ),
        (lambda report: report["results"]["minilm-v2"]["figures"].update(x=float("inf")), "figures"),
    ],
)
def test_report_of_another_shape_is_refused_without_its_texts(
    report: dict[str, Any], tmp_path: Path, spoil: Any, place: str
) -> None:
    spoil(report)
    with pytest.raises(BadFile) as caught:
        write_report(report, tmp_path / "out")

    assert place in caught.value.message
    assert "neighbour" not in caught.value.message
    assert not (tmp_path / "out").exists()


def test_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{", encoding="utf-8")

    with pytest.raises(BadFile, match="not JSON"):
        read_report(tmp_path / "no.json")
    with pytest.raises(BadFile, match="cannot be opened"):
        read_report(tmp_path / "none.json")


def test_report_of_one_target_and_nothing_measured_makes_a_page(report: dict[str, Any]) -> None:
    report["targets"] = report["targets"][:1]
    report |= {"results": {"minilm-v2": {}}, "suites": [], "comparisons": [], "peers": []}

    page = Page(report_page(Report.model_validate(report)))

    assert "Not measured for this target." in page.text
    assert "came without a card" in page.text


@given(text=st.text(), spans=st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40)), max_size=4))
def test_pieces_keep_every_character_in_order(text: str, spans: list[tuple[int, int]]) -> None:
    found = pieces(text, spans)
    shown = "".join(
        chr(int(piece.text[3:-1], 16)) if piece.kind == "token" else piece.text for piece in found
    )

    assert shown == text


def test_family_of_emoji_is_not_taken_apart() -> None:
    assert [piece.kind for piece in pieces("👩\u200d👧 a\u200db")] == ["text", "token", "text"]
