"""A small suite in the shape of configs/suites, for tests that alter it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def functionality(code: str, name: str, *, hateful: bool, templates: int = 9) -> dict[str, Any]:
    """Templates that share few words, each with a slot of four towns, so three cases each."""
    says = "Keep Muslims out of {town}:" if hateful else "Muslims in {town} met for tea:"
    return {
        "code": code,
        "name": name,
        "title": name.replace("_", " "),
        "kind": "exclusion" if hateful else "neutral",
        "hateful": hateful,
        "speech_act": "endorses" if hateful else "neutral",
        "clauses": ["limb_b"] if hateful else ["exclude:5"],
        "why": "Made for a test.",
        "templates": "\n".join(
            f"{says} " + " ".join(f"{code}word{n}{letter}" for letter in "abcdefgh") for n in range(templates)
        ),
    }


def definition() -> dict[str, Any]:
    """A suite without a fault but that it is small."""
    hateful = functionality("IS01", "keep_out", hateful=True)
    return {
        "schema_version": 1,
        "suite": "tiny",
        "version": "1",
        "valid_from": "2026-11-22",
        "title": "Tiny",
        "about": "A suite that a test wrote.",
        "strand": "islamophobic",
        "codebook": "2026-11.1",
        "slots": {"town": "Leeds\nBradford\nKeighley\nHull"},
        "functionalities": [
            hateful | {"contrast": "tea"},
            functionality("IS02", "tea", hateful=False) | {"contrast": "keep_out"},
        ],
    }


def written(folder: Path, content: dict[str, Any], name: str = "tiny.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path
