"""Our records as LeWiDi JSON, of either edition."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, BinaryIO, Final, Literal

from labelling.interchange.annotations import Annotation, Labelled
from labelling.interchange.remainder import KEY, Remainder, predictions_of, rest_of
from labelling.interchange.shapes import without
from model.configuration import sha256_of

TASK: Final = "hate speech detection"
"""What the answers are to: our head `hate`."""

Edition = Literal["2023", "2025"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


def write(labelled: Iterable[Labelled], file: BinaryIO, *, edition: Edition = "2023") -> None:
    """Writes one JSON object with an entry a line."""
    before = b"{\n"
    for number, one in enumerate(labelled, start=1):
        entry = json.dumps(_entry_of(one, edition), ensure_ascii=False)
        file.write(before + f'"{number}": {entry}'.encode())
        before = b",\n"
    file.write(b"\n}\n" if before == b",\n" else b"{}\n")


def _entry_of(labelled: Labelled, edition: Edition) -> dict[str, Any]:
    item = labelled.item
    native = _native(labelled.annotations)
    said = [int(bool(one.hate)) for one in native.values()]
    names = list(native)
    split, lang = (_text_or_nothing(item.metadata.get(name)) for name in ("split", "lang"))
    rests = {one.label_id: rest_of(one, ()) for one in labelled.annotations}
    rests |= {one.label_id: _rest(name, one) for name, one in native.items()}
    block = Remainder(
        item_id=item.item_id,
        metadata=without(
            item.metadata, [name for name, value in (("split", split), ("lang", lang)) if value]
        ),
        annotations=rests,
        links={name: one.label_id for name, one in native.items()},
        predictions=predictions_of(labelled),
    )
    return {
        "text": item.text,
        "annotation task": TASK,
        "number of annotations": len(said),
        "annotations": dict(zip(names, map(str, said), strict=True))
        if edition == "2025"
        else ",".join(map(str, said)),
        "annotators": ",".join(names),
        "lang": lang or "",
        "hard_label": _hard(said),
        "soft_label": {str(value): said.count(value) / len(said) for value in (0, 1)} if said else {},
        "split": split or "",
        "other_info": {
            "annotators group": ",".join(_plain(one.cohort) or "" for one in native.values()),
            KEY: block.as_json(),
        },
    }


def _native(annotations: tuple[Annotation, ...]) -> dict[str, Annotation]:
    """By name, the labels that the format can hold: one of each annotator, with an answer on hate."""
    found: dict[str, Annotation] = {}
    for one in annotations:
        name = _plain(one.annotator) or f"Ann-{sha256_of(one.label_id.encode())[:12]}"
        if one.hate is not None and name not in found:
            found[name] = one
    return found


def _rest(name: str, annotation: Annotation) -> dict[str, Any]:
    """What stands in `other_info`: annotator and cohort too where the name that is written is not theirs."""
    rest = rest_of(annotation, ("hate", "annotator", "cohort"))
    if annotation.annotator != name:
        rest["annotator"] = annotation.annotator
    if annotation.cohort != _plain(annotation.cohort):
        rest["cohort"] = annotation.cohort
    return rest


def _plain(name: str | None) -> str | None:
    """The name, if it can stand between commas."""
    return name if name is not None and _PLAIN.fullmatch(name) else None


def _text_or_nothing(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _hard(said: list[int]) -> str | None:
    """The majority; none for a tie, which says neither."""
    counts = Counter(said).most_common()
    return None if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]) else str(counts[0][0])
