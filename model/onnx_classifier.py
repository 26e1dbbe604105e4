"""The classifier that ships: ONNX Runtime on the CPU, int8, every text scored by itself."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.classifier import Annotation, Scores
from model.errors import Unavailable
from model.normalise import check_text
from model.onnx_session import LOGITS, RATIONALE, SPEECH_ACT, open_session
from model.taxonomy import HEAD_ORDER
from model.text_reader import CloseReading, TextReader
from model.thresholds import Thresholds
from model.turns import in_turn
from model.windows import Row, TextRows, TextsInWindows

ROWS_PER_TURN = 16
"""Rows that a thread takes at a time: a caller with a thousand posts keeps no other waiting for long."""

TEXTS_PER_GROUP = 32
"""Texts tokenised together: what the tokenizer says of a text is far larger than the ids that are kept."""

_NOTHING = np.empty(0, dtype=np.float32)

Outputs = dict[str, list[NDArray[np.float32]]]
"""By output name, one array a row: (4,) logits, (5,) speech act, (tokens,) rationale."""


class OnnxClassifier:
    """Scores texts with a verified bundle; safe to call from several threads.

    A text longer than the bundle's `max_tokens` is read in overlapping windows, and each head takes its
    largest value. Each row is run by itself, without padding: int8 takes its scales from all that is in a
    run, so in company a post's scores would depend on its neighbours (by up to 0.16 in decision 0014).
    Callers at the same time get the same share of the threads, however much each has to score.

    Raises: BundleRefused naming the file, if the network or the tokenizer cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self._bundle_id = bundle.bundle_id
        self._languages = bundle.languages
        self._thresholds = bundle.thresholds
        self._calibration = bundle.calibration
        self._reader = TextReader(bundle)
        self._session = open_session(bundle.model_bytes)
        self._outputs = [entry.name for entry in self._session.get_outputs()]
        # One session, one thread a run, several runs at once: measured faster than many threads
        # inside one run, because a network this small spends its time waiting at the joins.
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="score")
        # Twice the threads: none stands idle while the oldest of a caller's runs is still going.
        self._at_once = 2 * self._threads

    @property
    def bundle_id(self) -> str:
        """The id that stands beside every score this classifier gives."""
        return self._bundle_id

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes of the languages that the bundle reads; `*` among them means any."""
        return self._languages

    @property
    def thresholds(self) -> Thresholds:
        """The bundle's own threshold of each head, and its operating points and bands, chosen on dev."""
        return self._thresholds

    @property
    def rationale_threshold(self) -> float | None:
        """The probability from which a word belongs to the rationale; None without a rationale head."""
        return self._calibration.rationale_threshold if RATIONALE in self._outputs else None

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores (b, 4) float32 in input order, with the window that decided `hate` of each long text.

        Raises: NotText, TextEmpty, TextTooLong for the first bad text; Unavailable if the network
            gives anything but finite numbers.
        """
        read, logits = self._read(texts)
        values = self._calibration.apply(read.pooled(logits))
        if not read.has_windows:
            return Scores(values, self._bundle_id, cut=read.cut)
        rows = [read.rows_of(index) for index in range(len(texts))]
        decided = [int(logits[own.start : own.stop, 0].argmax()) for own in rows]
        windows = tuple(read.span(index, row) for index, row in enumerate(decided))
        return Scores(values, self._bundle_id, windows, read.cut)

    def logits(self, texts: Sequence[str], *, first_window_only: bool = False) -> NDArray[np.float32]:
        """The network's raw logits (b, 4) float32 in input order, as calibration is fitted on them.

        Calibration turns no order round, so the largest logit of a long text's windows is the logit of
        its largest score. With `first_window_only` a long text is cut as training cuts it, which is what
        to compare training's own logits with.

        Raises: as `score`.
        """
        read, logits = self._read(texts)
        return logits[read.bounds[:-1]] if first_window_only else read.pooled(logits)

    def annotate(self, texts: Sequence[str]) -> list[Annotation]:
        """All that the network says of each text, in order; slower than `score`, same logits.

        Raises: as `score`.
        """
        checked = [check_text(text) for text in texts]
        close = list(in_turn(self._pool, self._reader.read_closely, checked, self._at_once))
        read = self._gathered([one.rows for one in close])
        outputs = self._run_all(read.rows, self._outputs)
        return [self._annotation(one, read, index, outputs) for index, one in enumerate(close)]

    def count_fitting(self, texts: Sequence[str], most_windows: int) -> int:
        """How many of the texts, from the first on, are together no more than `most_windows` windows.

        Costs a small part of scoring those texts, and nothing for what comes after them.

        Raises: NotText, TextEmpty, TextTooLong for the first bad text that it comes to.
        """
        left = most_windows
        counts = in_turn(self._pool, self._reader.count_windows, map(check_text, texts), self._at_once)
        for fitting, windows in enumerate(counts):
            left -= windows
            if left < 0:
                return fitting
        return len(texts)

    def _annotation(
        self, close: CloseReading, read: TextsInWindows, index: int, outputs: Outputs
    ) -> Annotation:
        rows = read.rows_of(index)
        logits = np.stack(outputs[LOGITS][rows.start : rows.stop])
        decided = int(logits[:, 0].argmax())
        speech_act = rationales = None
        if SPEECH_ACT in outputs:
            of_row = outputs[SPEECH_ACT][rows[decided]]
            speech_act = self._calibration.apply_to_speech_act(of_row[np.newaxis])[0]
        if RATIONALE in outputs:
            values = self._calibration.apply_to_rationale(read.joined(index, outputs[RATIONALE])).tolist()
            rationales = [
                (*token, value)
                for token, value in zip(close.tokens, values, strict=True)
                if token is not None and math.isfinite(value)  # NaN: no window holds the token
            ]
        return Annotation(logits.max(axis=0), speech_act, rationales, read.span(index, decided))

    def _read(self, texts: Sequence[str]) -> tuple[TextsInWindows, NDArray[np.float32]]:
        """The texts as rows, and the rows' logits (rows, 4) float32."""
        checked = [check_text(text) for text in texts]
        size = max(1, min(TEXTS_PER_GROUP, -(-len(checked) // self._threads)))
        groups = [checked[start : start + size] for start in range(0, len(checked), size)]
        parts = in_turn(self._pool, self._reader.read, groups, self._at_once)
        read = self._gathered([text for part in parts for text in part])
        logits = self._run_all(read.rows, [LOGITS])[LOGITS]
        return read, np.asarray(logits, dtype=np.float32).reshape(-1, len(HEAD_ORDER))

    def _gathered(self, texts: Sequence[TextRows]) -> TextsInWindows:
        return TextsInWindows(texts, self._reader.before, self._reader.after)

    def _run_all(self, rows: Sequence[Row], wanted: list[str]) -> Outputs:
        """The wanted outputs of every row, in order. Raises: Unavailable if any is not a finite number."""
        found: Outputs = {name: [_NOTHING] * len(rows) for name in wanted}
        turns = [range(at, min(at + ROWS_PER_TURN, len(rows))) for at in range(0, len(rows), ROWS_PER_TURN)]
        runs = in_turn(
            self._pool, lambda turn: [self._run(rows[index], wanted) for index in turn], turns, self._at_once
        )
        for turn, of_rows in zip(turns, runs, strict=True):
            for index, arrays in zip(turn, of_rows, strict=True):
                for name, array in zip(wanted, arrays, strict=True):
                    if not np.isfinite(array).all():
                        raise Unavailable("the network gave a score that is not a finite number")
                    found[name][index] = array[0]
        return found

    def _run(self, row: Row, wanted: list[str]) -> Sequence[Any]:
        """The wanted outputs, float32 (1, ...), for one row."""
        ids = np.asarray([row], dtype=np.int64)
        outputs: Sequence[Any] = self._session.run(
            wanted, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )
        return outputs
