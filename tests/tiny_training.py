"""A tiny seeded encoder, a tiny data folder and a recipe on both: training end to end without a download."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import yaml

from model.configuration import sha256_of
from model.taxonomy import HEAD_ORDER

WORDS = [
    "the",
    "council",
    "opened",
    "a",
    "new",
    "library",
    "near",
    "our",
    "station",
    "today",
    "and",
    "everyone",
    "in",
    "town",
    "likes",
    "it",
    "very",
    "much",
    "we",
    "had",
    "tea",
    "with",
    "friends",
    "after",
    "work",
    "then",
    "walked",
    "home",
    "through",
    "the",
    "park",
    "because",
    "rain",
    "had",
    "stopped",
]
HATEFUL = {
    "antisemitic": "jews secretly control every bank",
    "islamophobic": "muslims are invaders who must leave",
    "far_right": "our blood and nation must be cleansed",
}


def made_up_posts(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows in the pack's schema: half ordinary sentences, half with a marker phrase of one strand."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        words = [draw.choice(WORDS) for _ in range(draw.randint(4, 14))]
        labels: dict[str, int | None] = dict.fromkeys(HEAD_ORDER, 0)
        labels["far_right"] = None
        if number % 2:
            strand = list(HATEFUL)[number // 2 % 3]
            words.insert(draw.randrange(len(words)), HATEFUL[strand])
            labels = {"hate": 1, "antisemitic": 0, "islamophobic": 0, "far_right": 0, strand: 1}
        text = " ".join(words) + f" {number}"
        marked = [[text.index(p), text.index(p) + len(p)] for p in HATEFUL.values() if p in text]
        rows.append(
            {"id": f"{seed}-{number}", "text": text, "split": None, "rationale": json.dumps(marked), **labels}
        )
    return rows


def plain_posts(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of harmless words in no order, those of the neutral suite: a rare word alone means nothing."""
    from training.evaluation.identities import load_neutral_suite

    suite = load_neutral_suite()
    sentences = " ".join(re.sub(r"\{.*?\}", " ", template) for template in suite.templates)
    groups = " ".join(f"{one.adjective} {one.people}" for one in suite.identities)
    words = sorted(set(re.findall(r"\w+", f"{sentences} {groups}".lower())))
    draw = random.Random(seed)
    return [
        {
            "id": f"plain-{seed}-{number}",
            "text": " ".join([*draw.sample(words, 9), str(number)]),
            "split": None,
            **dict.fromkeys(HEAD_ORDER, 0),
        }
        for number in range(count)
    ]


def write_pack(folder: Path, corpora: dict[tuple[str, str], list[dict[str, Any]]]) -> Path:
    """A data folder of the given (group, corpus) -> rows, with its manifest."""
    manifest = []
    for (group, corpus), rows in corpora.items():
        path = folder / group / f"{corpus}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ["id", "text", "split", *HEAD_ORDER, "kind", "target", "functionality", "rationale", "meta"]
        types = {head: pa.int8() for head in HEAD_ORDER}
        table = pa.table(
            {c: pa.array([row.get(c) for row in rows], types.get(c, pa.string())) for c in columns}
        )
        parquet.write_table(table, path)
        manifest.append(
            {
                "group": group,
                "corpus": corpus,
                "sha256": sha256_of(path.read_bytes()),
                "licence": "CC0",
                "citation": "us",
            }
        )
    with (folder / "MANIFEST.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["group", "corpus", "sha256", "licence", "citation"])
        writer.writeheader()
        writer.writerows(manifest)
    return folder


def build_tiny_encoder(folder: Path) -> Path:
    """A two-layer BERT of 32 dimensions with random seeded weights and a WordPiece vocabulary made here."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    sentences = [" ".join(WORDS), *HATEFUL.values(), "0 1 2 3 4 5 6 7 8 9"]
    tokenizer.train_from_iterator(sentences, vocab_size=300, min_frequency=1, show_progress=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def write_tiny_pack(folder: Path) -> Path:
    """Two labelled corpora, one evaluation suite that repeats a training text, one background stream."""
    first = made_up_posts(160, seed=1)
    suite = [
        {**row, "split": "test", "functionality": "F1_h" if row["hate"] else "F2_nh"}
        for row in made_up_posts(40, seed=3)
    ]
    suite[0]["text"] = first[5]["text"].upper() + "!!"
    background = [
        {**row, **dict.fromkeys(HEAD_ORDER, None), "split": split}
        for row, split in zip(made_up_posts(60, seed=4)[::2], ["train", "test"] * 15, strict=True)
    ]
    return write_pack(
        folder,
        {
            ("train", "first"): first,
            ("train", "second"): made_up_posts(80, seed=2),
            ("known", "hatecheck"): suite,
            ("background", "background_tweeteval"): background,
        },
    )


def write_tiny_recipe(path: Path, tiny_encoder: Path, **changes: Any) -> Path:
    """A recipe on the tiny encoder and pack; `changes` replace its members."""
    recipe: dict[str, Any] = {
        "name": "tiny",
        "version": 1,
        "description": "A recipe for tests.",
        "encoder": {
            "folder": str(tiny_encoder),
            "sha256": {
                name: sha256_of((tiny_encoder / name).read_bytes())
                for name in ("model.safetensors", "tokenizer.json")
            },
        },
        "max_tokens": 32,
        "dropout": {"hidden": 0.1, "attention": 0.0, "heads": 0.1},
        "head_weights": dict.fromkeys(HEAD_ORDER, 1.0),
        "epochs": 6,
        "batch_posts": 16,
        "learning_rate": 2e-3,
        "heads_learning_rate": 1e-2,
        "weight_decay": 0.01,
        "warmup_share": 0.1,
        "clip_norm": 1.0,
        "seed": 3,
        "checkpoint_steps": 5,
        "precision": "no",
        "dev_percent": 30,
        "near_duplicate_jaccard": 0.9,
        "weak_labels": True,
        "noise_share": 0.1,
        "far_right_lexicon": "far-right-lexicon.yaml",
        "thresholds": {head: {"maximise": "f1"} for head in HEAD_ORDER},
        "corpora": [{"name": "first", "repeat": 2}, {"name": "second"}],
        "background": [{"name": "background_tweeteval", "posts": 10, "splits": ["train"]}],
        "evaluation_only": ["hatecheck"],
        **changes,
    }
    path.write_text(yaml.safe_dump(json.loads(json.dumps(recipe))), encoding="utf-8")
    return path
