"""Which runtime serves a network fastest and keeps its quality: what decision 0014 rests on.

    python tests/benchmarks/bench_runtimes.py --run runs/minilm --data DATA

Takes the fp32 graph of a training run and compares, on dev posts and on one core: the shipped dynamic int8,
ONNX Runtime's static int8 (QDQ, calibrated on dev posts of the calibration half), and, where OpenVINO is
installed, OpenVINO on the fp32 graph (it takes bf16 by itself where the processor has it), and with NNCF its
static int8 (SmoothQuant), calibrated on the same posts. Prints posts per second of the network alone and the
average precision of every head. Figures belong to the machine and the minute. Neither is a dependency:

    pip install --target LIB openvino nncf; PYTHONPATH=LIB python tests/benchmarks/bench_runtimes.py ...
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import yaml
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score

from model.bundle import Bundle
from model.taxonomy import HEAD_ORDER
from training.batches import EncodedPosts, encode, in_length_order, load_tokenizer
from training.corpora.mixture import build_mixture
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED
from training.recipe import Recipe

CALIBRATION_POSTS = 300
BATCH_POSTS = 16
Network = Callable[[dict[str, NDArray[np.int64]]], NDArray[np.float32]]


class Reader(CalibrationDataReader):
    """Feeds calibration posts one by one."""

    def __init__(self, posts: EncodedPosts) -> None:
        self.feeds = feeds_of(posts, 1)

    def get_next(self) -> dict[str, NDArray[np.int64]] | None:
        """The next feed, or None when all have been given."""
        found = next(self.feeds, None)
        return None if found is None else found[1]


def feeds_of(posts: EncodedPosts, batch: int) -> Iterator[tuple[list[int], dict[str, NDArray[np.int64]]]]:
    """Rows and inputs, in order of length."""
    for rows in in_length_order(posts.lengths(), batch):
        found = posts.batch(rows)
        yield rows, {"input_ids": found.ids.numpy(), "attention_mask": found.mask.numpy()}


def with_onnxruntime(path: Path) -> Network:
    """The graph under ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda feed: session.run(["logits"], feed)[0]


def with_openvino(path: Path) -> Network:
    """The graph under OpenVINO on one thread, precision as OpenVINO chooses."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled: Any = openvino.Core().compile_model(str(path), "CPU", settings)
    return lambda feed: compiled(feed)["logits"]


def with_openvino_int8(path: Path, posts: EncodedPosts) -> Network:
    """The graph under OpenVINO on one thread, statically quantised by NNCF with SmoothQuant."""
    import nncf
    import openvino

    graph = openvino.Core().read_model(str(path))
    fed = nncf.Dataset([feed for _, feed in feeds_of(posts, 1)])
    quantised = nncf.quantize(
        graph, fed, model_type=nncf.ModelType.TRANSFORMER, subset_size=CALIBRATION_POSTS
    )
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled: Any = openvino.Core().compile_model(quantised, "CPU", settings)
    return lambda feed: compiled(feed)["logits"]


def static_int8(fp32: Path, folder: Path, posts: EncodedPosts) -> Path:
    """Writes the statically quantised graph: per channel, matrix products only, QDQ."""
    prepared, int8 = folder / "prepared.onnx", folder / "static.onnx"
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(int8),
        Reader(posts),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
    )
    return int8


def measured(network: Network, posts: EncodedPosts) -> tuple[float, dict[str, float]]:
    """Posts per second, the network alone, and average precision by head."""
    logits = np.zeros(posts.labels.shape, dtype=np.float32)
    feeds = list(feeds_of(posts, BATCH_POSTS))
    network(feeds[0][1])
    started = time.perf_counter()
    for rows, feed in feeds:
        logits[rows] = network(feed)
    seconds = time.perf_counter() - started
    found = {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = posts.labels[:, number] != NOT_ANNOTATED
        found[head] = float(
            average_precision_score(posts.labels[annotated, number] == 1, logits[annotated, number])
        )
    return len(logits) / seconds, found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run folder of `watchhouse train`")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--posts", type=int, default=4000)
    given = parser.parse_args()
    bundle = given.run / "bundle"
    recipe = Recipe.model_validate(yaml.safe_load((bundle / "recipe.yaml").read_text(encoding="utf-8")))
    dev = build_mixture(recipe, given.data, drop_near_duplicates=False).dev
    tokenizer = load_tokenizer(bundle / "tokenizer.json", recipe.max_tokens)
    fitted = [post for post in dev if in_calibration_half(post.text)][
        :: max(1, len(dev) // 2 // CALIBRATION_POSTS)
    ]
    others = [post for post in dev if not in_calibration_half(post.text)]
    strands = [post for post in others if 1 in post.labels[1:]]
    padding = Bundle.load(bundle).pad_token_id
    evenly = others[:: max(1, len(others) // given.posts)]
    posts = encode(strands + [post for post in evenly if 1 not in post.labels[1:]], tokenizer, padding)
    console = Console()
    table = Table("runtime", "posts/s, one core", *HEAD_ORDER, title=f"{len(posts.labels):,} dev posts")
    with tempfile.TemporaryDirectory() as place:
        calibration = encode(fitted, tokenizer, padding)
        static = static_int8(given.run / "fp32.onnx", Path(place), calibration)
        networks = {
            "ONNX Runtime, fp32": with_onnxruntime(given.run / "fp32.onnx"),
            "ONNX Runtime, dynamic int8 (ships)": with_onnxruntime(bundle / "model.onnx"),
            "ONNX Runtime, static int8": with_onnxruntime(static),
        }
        if importlib.util.find_spec("openvino") is not None:
            networks["OpenVINO, its own choice"] = with_openvino(given.run / "fp32.onnx")
        if importlib.util.find_spec("nncf") is not None:
            networks["OpenVINO, static int8 (NNCF)"] = with_openvino_int8(
                given.run / "fp32.onnx", calibration
            )
        for name, network in networks.items():
            speed, precision = measured(network, posts)
            table.add_row(name, f"{speed:,.0f}", *(f"{precision[head]:.4f}" for head in HEAD_ORDER))
    console.print(table)


if __name__ == "__main__":
    main()
