"""House rules that can be read off the files: sizes, names, templates, scripts, excuses."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

LINE_LIMIT = 400
BYTE_LIMIT = 30 * 1024 * 1024
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "manager",
    "core",
    "types",
    "constants",
}
LIBRARY_NAMES = {
    "datasets",
    "evaluate",
    "tokenizers",
    "onnx",
    "onnxruntime",
    "torch",
    "transformers",
    "logging",
}
DATA_SUFFIXES = {
    ".parquet",
    ".sqlite",
    ".db",
    ".bin",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".joblib",
    ".safetensors",
}

INLINE_IN_TEMPLATE = {
    "a script written in the page": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "an on... handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "text that escapes escaping": re.compile(r"\|\s*safe\b|autoescape\s+false"),
}
MARKUP_FROM_TEXT = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\s*\(|new\s+Function|DOMParser|srcdoc)\b"
)
EXCUSE = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<rest>.*)")
REASONED = {
    "noqa": re.compile(r"^:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*\s*[-#–—]+\s*\S.{7,}"),
    "type": re.compile(r"^\[[a-z-]+(,\s*[a-z-]+)*\]\s*[-#–—]+\s*\S.{7,}"),
}


def comments(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def is_reasoned(comment: str) -> bool:
    excuse = EXCUSE.search(comment)
    if excuse is None:
        return True
    kind = "noqa" if excuse.group(1) == "noqa" else "type"
    return REASONED[kind].match(excuse.group("rest")) is not None


def test_python_files_stay_under_the_line_limit(repository: Path, python_files: list[Path]) -> None:
    lengths = {
        file: len((repository / file).read_text(encoding="utf-8").splitlines()) for file in python_files
    }
    too_long = {str(file): lines for file, lines in lengths.items() if lines >= LINE_LIMIT}

    assert too_long == {}


def test_no_module_has_a_vague_or_borrowed_name(python_files: list[Path]) -> None:
    names = {part.removesuffix(".py") for file in python_files for part in file.parts}

    assert names & (VAGUE_NAMES | LIBRARY_NAMES) == set()


def test_tests_hold_no_init_file(repository: Path) -> None:
    # With one, tests/unit/model would be importable as `model` and shadow the product.
    assert list((repository / "tests").rglob("__init__.py")) == []


def test_no_file_is_too_large_to_clone(repository: Path, house_files: list[Path]) -> None:
    large = [str(file) for file in house_files if (repository / file).stat().st_size > BYTE_LIMIT]

    assert large == []


def test_no_data_and_no_pickle_is_in_the_tree(house_files: list[Path]) -> None:
    assert [str(file) for file in house_files if file.suffix.lower() in DATA_SUFFIXES] == []


def test_templates_hold_nothing_that_the_policy_would_block(
    repository: Path, house_files: list[Path]
) -> None:
    templates = [file for file in house_files if file.suffix == ".html"]
    found = [
        f"{file}: {what}"
        for file in templates
        for what, pattern in INLINE_IN_TEMPLATE.items()
        if pattern.search((repository / file).read_text(encoding="utf-8"))
    ]

    assert templates
    assert found == []


def test_scripts_never_make_markup_from_text(repository: Path, house_files: list[Path]) -> None:
    scripts = [file for file in house_files if file.suffix == ".js"]
    found = [
        f"{file}: {match.group(0)}"
        for file in scripts
        for match in MARKUP_FROM_TEXT.finditer((repository / file).read_text(encoding="utf-8"))
    ]

    assert scripts
    assert found == []


def test_every_excuse_carries_its_reason(repository: Path, python_files: list[Path]) -> None:
    bare = [
        f"{file}:{line}: {comment}"
        for file in python_files
        for line, comment in comments(repository / file)
        if not is_reasoned(comment)
    ]

    assert bare == []


@pytest.mark.parametrize(
    ("comment", "reasoned"),
    [
        ("# an ordinary comment", True),
        ("# no" + "qa: S311 - seeded numbers, not secrets", True),
        ("# no" + "qa: S311", False),
        ("# no" + "qa", False),
        ("# type: ig" + "nore[arg-type] - the stub knows no bytes", True),
        ("# type: ig" + "nore[arg-type]  # the stub knows no bytes", True),
        ("# type: ig" + "nore[arg-type]", False),
        ("# type: ig" + "nore", False),
    ],
)
def test_excuse_with_and_without_reason_is_told_apart(comment: str, reasoned: bool) -> None:
    assert is_reasoned(comment) is reasoned


@pytest.mark.parametrize(
    "template",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>",
        '<p class="a" style="color:red">',
        "<style>p {}</style>",
        '<a href="javascript:x()">',
        "{{ post.text | safe }}",
    ],
)
def test_inline_code_in_a_template_is_noticed(template: str) -> None:
    assert any(pattern.search(template) for pattern in INLINE_IN_TEMPLATE.values())
