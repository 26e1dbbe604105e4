"""A bundle as a target: what `watchhouse score` would say, and nothing where that would say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.bundle import Bundle
from model.errors import BadInput
from model.language import check_languages
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from training.evaluation.scoring import CHUNK_POSTS
from training.evaluation.unread import unread
from training.targets.remembering import LANGUAGE, Answer, RememberingTarget


class BundleTarget(RememberingTarget):
    """Calibrated scores of a verified bundle, by the classifier that serves.

    A text in a language that the bundle does not read has no scores (reason `language`), nor has one that
    the classifier refuses (reason: the fault's code).

    Raises: BundleRefused naming the file, if the network or the tokenizer cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self.classifier = OnnxClassifier(bundle, threads=threads)
        check_languages(bundle.languages)
        super().__init__(
            bundle.manifest["name"], bundle.bundle_id, HEAD_ORDER, thresholds=self.classifier.thresholds
        )

    def _ask(self, texts: Sequence[str]) -> Iterator[Answer]:
        for start in range(0, len(texts), CHUNK_POSTS):
            yield from self._chunk(texts[start : start + CHUNK_POSTS])

    def _chunk(self, texts: Sequence[str]) -> Iterator[Answer]:
        not_read = unread(texts, self.bundle.languages)
        read = iter(
            self._scored([text for text, skipped in zip(texts, not_read, strict=True) if not skipped])
        )
        for skipped in not_read:
            yield LANGUAGE if skipped else next(read)

    def _scored(self, texts: Sequence[str]) -> list[Answer]:
        try:
            values = self.classifier.score(texts).values
        except BadInput as fault:
            if len(texts) == 1:
                return [fault.code]
            # Which text is refused, only texts alone can tell; there are few such texts, if any.
            middle = len(texts) // 2
            return self._scored(texts[:middle]) + self._scored(texts[middle:])
        return [dict(zip(HEAD_ORDER, row.tolist(), strict=True)) for row in values]
