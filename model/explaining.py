"""`watchhouse score --explain`: which words, as offsets, beside every scored row.

Two ways: `rationale`, which the network gives with the scores, and `occlusion`, a slow second opinion that
any bundle can give. An explanation holds offsets and numbers only, never words of the post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from model.classifier import Annotation, Classifier
from model.errors import BadConfig
from model.occlusion import kendall_tau, occlude
from model.post_files import PostRow
from model.rationale import Span, spans, word_scores
from model.taxonomy import SPEECH_ACT_ORDER
from model.thresholds import Thresholds

COLUMN = "explanation"
"""The member of a JSONL row, and the column of CSV and Parquet (JSON in one cell)."""

RATIONALE_HEAD = "hate"
"""The head whose words the rationale head marks: it learnt from what people marked as hateful."""


class Method(StrEnum):
    """A way to explain."""

    RATIONALE = "rationale"
    OCCLUSION = "occlusion"


class AnnotatingClassifier(Classifier, Protocol):
    """A classifier that says more of a text than its scores."""

    @property
    def rationale_threshold(self) -> float | None:
        """The probability from which a word counts, chosen on dev; None without a rationale head."""

    def annotate(self, texts: Sequence[str]) -> list[Annotation]:
        """All that the network says of each text. Raises: as `score`."""


Explain = Callable[[Sequence[str], Sequence[float]], list[dict[str, Any]]]
"""Raw texts and their `hate` in, one explanation each out, in order."""


def explainer(method: str | None, classifier: AnnotatingClassifier) -> Explain | None:
    """What explains texts by `method`; None if no explanation was asked for.

    Raises: BadConfig naming `--explain` for an unknown method, or for `rationale` when the bundle has no
        rationale head.
    """
    if method is None:
        return None
    if method not in set(Method):
        raise BadConfig(f"--explain: must be {' or '.join(Method)}", field="explain")
    if method == Method.OCCLUSION:
        return lambda texts, _hate: explain_by_occlusion(classifier, texts)
    threshold = classifier.rationale_threshold
    if threshold is None:
        raise BadConfig(
            "--explain: the bundle has no rationale head; --explain occlusion works with any bundle",
            field="explain",
        )
    return lambda texts, hate: explain_by_rationale(classifier, texts, hate, threshold)


def explain_by_rationale(
    classifier: AnnotatingClassifier, texts: Sequence[str], hate: Sequence[float], threshold: float
) -> list[dict[str, Any]]:
    """`{"method","head","spans","held_back","speech_act"}` per text; `speech_act` None: the bundle has none.

    The head has learnt from hateful and offensive posts alone, and in others marks words that mean nothing:
    `spans` is empty and `held_back` true where `hate` lies below the bundle's recall-first point.
    """
    least = Thresholds.of(classifier.thresholds).bound("recall_first", RATIONALE_HEAD)
    return [
        {
            "method": Method.RATIONALE.value,
            "head": RATIONALE_HEAD,
            "spans": [] if score < least else _plain(spans(annotation, text, threshold) or []),
            "held_back": bool(score < least),
            "speech_act": _speech_act(annotation),
        }
        for text, score, annotation in zip(texts, hate, classifier.annotate(texts), strict=True)
    ]


def explain_by_occlusion(classifier: AnnotatingClassifier, texts: Sequence[str]) -> list[dict[str, Any]]:
    """`{"method","head","spans","speech_act","agreement"}` per text, for the head with the highest score.

    `agreement` is Kendall's tau-b between the words' importance and their rationale, both for `hate`
    ("do both opinions order the words alike?"); None without a rationale head, where another head is
    explained, or where either gives no order.
    """
    found = []
    for text, annotation in zip(texts, classifier.annotate(texts), strict=True):
        occlusion = occlude(classifier, text)
        agreement = None
        if annotation.token_rationales is not None and occlusion.head == RATIONALE_HEAD:
            rationale = word_scores(annotation.token_rationales, occlusion.word_spans)
            agreement = kendall_tau(rationale, occlusion.importance.tolist())
        found.append(
            {
                "method": Method.OCCLUSION.value,
                "head": occlusion.head,
                "spans": _plain(occlusion.spans()),
                "speech_act": _speech_act(annotation),
                "agreement": None if agreement is None else round(agreement, 4),
            }
        )
    return found


def with_explanations(
    rows: Sequence[Mapping[str, Any]], posts: Sequence[PostRow], explain: Explain | None
) -> list[dict[str, Any]]:
    """The output rows of the same posts with the member `explanation`: None in a row without scores.

    The rows as they are if nothing is to be explained.
    """
    if explain is None:
        return [dict(row) for row in rows]
    scored = [at for at, row in enumerate(rows) if row.get("scores")]
    hate = [rows[at]["scores"][RATIONALE_HEAD] for at in scored]
    explanations = dict(zip(scored, explain([posts[at].text for at in scored], hate), strict=True))
    return [{**row, COLUMN: explanations.get(at)} for at, row in enumerate(rows)]


def _plain(found: Sequence[Span]) -> list[list[float]]:
    """`[start, end, score]` per span, the score rounded to four decimals as scores are."""
    return [[span.start, span.end, round(span.score, 4)] for span in found]


def _speech_act(annotation: Annotation) -> dict[str, float] | None:
    if annotation.speech_act is None:
        return None
    return {
        act: round(float(value), 4)
        for act, value in zip(SPEECH_ACT_ORDER, annotation.speech_act, strict=True)
    }
