"""Labels as the labelled posts that training reads: the other hand-over, which holds less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from labelling.interchange.annotations import Annotation, Item, Labelled
from model.records import Label, LabelledPost, to_line

SOURCE: Final = "hub"


def write(labelled: Iterable[Labelled], file: BinaryIO) -> None:
    """Writes one labelled post a line for each label; skips have none."""
    for one in labelled:
        file.writelines(to_line(post).encode() + b"\n" for post in posts_of(one))


def posts_of(labelled: Labelled) -> Iterator[LabelledPost]:
    """A labelled post for each label of the item that is no skip: no majority is taken."""
    for annotation in labelled.annotations:
        if annotation.skipped_because is None:
            yield _post(labelled.item, annotation)


def _post(item: Item, one: Annotation) -> LabelledPost:
    return LabelledPost(
        id=one.label_id,
        text=item.text,
        source=SOURCE,
        hate=None if one.hate is None else _flag(one.hate),
        antisemitic=_strand(one, "antisemitic"),
        islamophobic=_strand(one, "islamophobic"),
        far_right=_strand(one, "far_right"),
        severity=one.severity,
        speech_act=one.speech_act,
        rationale=one.rationale or None,
        annotator=one.annotator,
        codebook=one.codebook,
        codebook_sha256=one.codebook_sha256,
        labelled_at=None if one.labelled_at is None else one.labelled_at.isoformat(),
        note=one.note,
    )


def _strand(one: Annotation, strand: str) -> Label:
    """1 for hate with the strand ticked, 0 for a no; None where that cannot be told.

    A strand ticked without an answer on hate may be a report of hate: no label. Far-right content that is not
    hate is no negative either. Source: `hate_rule` of the codebook; CLASSIFIER.md section 2.
    """
    ticked = one.strand_answer(strand)
    if ticked is None or (ticked and one.hate is None):
        return None
    if ticked and not one.hate and strand == "far_right":
        return None
    return _flag(ticked and one.hate is True)


def _flag(value: bool) -> Label:
    return 1 if value else 0
