"""The classifier that ships: ONNX Runtime on the CPU, int8, texts of like length scored together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime
import tokenizers
from numpy.typing import NDArray

from model.bundle import Bundle
from model.classifier import Scores
from model.errors import BundleRefused, Unavailable
from model.normalise import check_text, normalise_text
from model.onnx_bytes import refuse_external_data
from model.taxonomy import HEAD_ORDER

TOKENS_PER_RUN = 512
"""Rows times padded length of one run: enough to fill a core, small enough to stay in its cache."""

LENGTH_STEP = 8
"""Padded lengths are multiples of this, so that a row carries at most 7 wasted tokens."""

# Our own threads share out the tokenising, so that `threads` holds for it too; the library's pool would
# take every core and warn after each fork. It reads the environment at its first batch.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_INPUTS = ("input_ids", "attention_mask")
_OUTPUT = "logits"


class OnnxClassifier:
    """Scores texts with a verified bundle; safe to call from several threads.

    A text longer than the bundle's `max_tokens` is cut there: what follows is not read. Scores of
    one text do not depend on the texts beside it, but for float noise below 1e-5.

    Raises: BundleRefused naming the file, if the network or the tokenizer cannot be used.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self._bundle_id = bundle.bundle_id
        self._thresholds = bundle.thresholds
        self._calibration = bundle.calibration
        self._max_tokens = bundle.max_tokens
        self._pad_token_id = bundle.pad_token_id
        self._tokenizer = _tokenizer(bundle)
        self._session = _session(bundle)
        # One session, one thread a run, several runs at once: measured faster than many threads
        # inside one run, because a network this small spends its time waiting at the joins.
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="score")

    @property
    def bundle_id(self) -> str:
        """The id that stands beside every score this classifier gives."""
        return self._bundle_id

    @property
    def thresholds(self) -> dict[str, float]:
        """The bundle's own threshold of each head, chosen on dev."""
        return dict(self._thresholds)

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores (b, 4) float32 in input order.

        Raises: NotText, TextEmpty, TextTooLong for the first bad text; Unavailable if the network
            gives anything but finite numbers.
        """
        return Scores(self._calibration.apply(self.logits(texts)), self._bundle_id)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The network's raw logits (b, 4) float32 in input order, as calibration is fitted on them.

        Raises: as `score`.
        """
        rows = self._tokenise([normalise_text(check_text(text)) for text in texts])
        logits = np.empty((len(rows), len(HEAD_ORDER)), dtype=np.float32)
        batches = list(_batches(rows, TOKENS_PER_RUN))
        found = self._pool.map(lambda batch: self._run(rows, batch), batches)
        for batch, batch_logits in zip(batches, found, strict=True):
            logits[batch] = batch_logits
        if not np.isfinite(logits).all():
            raise Unavailable("the network gave a score that is not a finite number")
        return logits

    def _tokenise(self, texts: list[str]) -> list[list[int]]:
        """Token ids per text, each at most `max_tokens` long, without padding."""
        share = max(1, -(-len(texts) // self._threads))
        shares = [texts[start : start + share] for start in range(0, len(texts), share)]
        encoded = self._pool.map(self._tokenizer.encode_batch_fast, shares)
        return [encoding.ids for part in encoded for encoding in part]

    def _run(self, rows: list[list[int]], batch: list[int]) -> NDArray[np.float32]:
        """Logits (len(batch), 4) float32 for the rows that `batch` points at."""
        length = _padded(max(len(rows[index]) for index in batch))
        ids = np.full((len(batch), min(length, self._max_tokens)), self._pad_token_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, index in enumerate(batch):
            ids[place, : len(rows[index])] = rows[index]
            mask[place, : len(rows[index])] = 1
        (logits,) = self._session.run([_OUTPUT], {"input_ids": ids, "attention_mask": mask})
        return np.asarray(logits, dtype=np.float32)


def _padded(length: int) -> int:
    return max(LENGTH_STEP, -(-length // LENGTH_STEP) * LENGTH_STEP)


def _batches(rows: Sequence[Sequence[int]], tokens_per_run: int) -> Iterator[list[int]]:
    """Indices of rows of the same padded length, at most `tokens_per_run` tokens a batch."""
    batch: list[int] = []
    width = 0
    for index in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        padded = _padded(len(rows[index]))
        if batch and (padded != width or (len(batch) + 1) * padded > tokens_per_run):
            yield batch
            batch = []
        batch.append(index)
        width = padded
    if batch:
        yield batch


def _tokenizer(bundle: Bundle) -> Any:
    try:
        tokenizer = tokenizers.Tokenizer.from_str(bundle.tokenizer_json)
    except Exception as error:
        # The tokenizers library raises bare Exception for whatever is wrong with a file.
        raise BundleRefused(f"tokenizer.json: cannot be used ({error})", field="tokenizer.json") from None
    tokenizer.enable_truncation(max_length=bundle.max_tokens)
    tokenizer.no_padding()
    return tokenizer


def _session(bundle: Bundle) -> Any:
    """An inference session made from the verified bytes; no path ever reaches ONNX Runtime."""
    refuse_external_data(bundle.model_bytes, "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(
            bundle.model_bytes, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        # ONNX Runtime has a dozen unrelated exception classes; each means that the network is unusable.
        why = str(error).splitlines()[0][:200]
        raise BundleRefused(f"model.onnx: cannot be used ({why})", field="model.onnx") from None
    _check_shape(session)
    return session


def _check_shape(session: Any) -> None:
    inputs = {entry.name: (entry.type, len(entry.shape)) for entry in session.get_inputs()}
    if inputs != dict.fromkeys(_INPUTS, ("tensor(int64)", 2)):
        raise BundleRefused("model.onnx: inputs must be input_ids and attention_mask, int64 (b, s)")
    outputs = [(entry.name, entry.type, list(entry.shape)[1:]) for entry in session.get_outputs()]
    if outputs != [(_OUTPUT, "tensor(float)", [len(HEAD_ORDER)])]:
        raise BundleRefused("model.onnx: the one output must be logits, float32 (b, 4)")
