"""An encoder from scratch: a small BERT with a SentencePiece vocabulary learnt from the training posts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM
from transformers.utils import logging

from model.errors import BadConfig
from training.batches import load_tokenizer, plan_epoch
from training.network import seeded
from training.recipe import MaskedWords, Recipe
from training.vocabulary import SPECIAL_PIECES, tokenizer_from_sentencepiece, train_vocabulary

MASKED_SHARE = 0.15
SHOWN_AS_MASK, SHOWN_AS_ANOTHER = 0.8, 0.1
"""How masked tokens are shown; the rest stays as it is. Source: Devlin et al. 2019, section 3.1."""

_IGNORED = -100
_FIRST_PIECE = len(SPECIAL_PIECES) + 1
"""The first id that is no special token; before it stands [MASK]."""


def make_scratch_encoder(folder: Path, recipe: Recipe, texts: Sequence[str]) -> None:
    """Writes config, weights, `spm.model` and `tokenizer.json` of `encoder.scratch` into `folder`.

    `texts` are the normalised training posts. The weights are random, or have learnt to guess masked
    tokens of those posts if the recipe says so. Raises: BadConfig as `train_vocabulary`.
    """
    sizes = recipe.encoder.scratch
    if sizes is None:
        raise BadConfig("encoder: scratch says no sizes")
    (folder / "spm.model").write_bytes(train_vocabulary(texts, sizes.vocabulary))
    tokenizer_from_sentencepiece(folder / "spm.model", "bert").save(str(folder / "tokenizer.json"))
    tokenizer = load_tokenizer(folder / "tokenizer.json", recipe.max_tokens)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.attention_heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=recipe.max_tokens,
        type_vocab_size=1,
        pad_token_id=0,
        hidden_dropout_prob=recipe.dropout.hidden,
        attention_probs_dropout_prob=recipe.dropout.attention,
    )
    logging.disable_progress_bar()
    with seeded(recipe.seed):
        model = BertForMaskedLM(config)
        if sizes.masked_words is not None:
            _guess_masked_words(model, tokenizer, texts, recipe, sizes.masked_words)
    model.bert.save_pretrained(folder)


def _guess_masked_words(
    model: BertForMaskedLM, tokenizer: Tokenizer, texts: Sequence[str], recipe: Recipe, rule: MaskedWords
) -> None:
    """Trains the model to guess masked tokens, in full precision; killed before its end it starts again."""
    rows = [encoding.ids for encoding in tokenizer.encode_batch(list(dict.fromkeys(texts)))]
    lengths = np.asarray([len(row) for row in rows], dtype=np.int64)
    once = np.ones(len(rows), dtype=np.int64)
    plans = [
        plan_epoch(lengths, once, batch_posts=recipe.batch_posts, seed=recipe.seed, epoch=2000 + epoch)
        for epoch in range(rule.epochs)
    ]
    steps = sum(len(plan) for plan in plans)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    for step, batch in enumerate(places for plan in plans for places in plan):
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(rows[row]) for row in batch], batch_first=True)
        shown, wanted = masked(ids, tokenizer.get_vocab_size())
        for group in optimiser.param_groups:
            group["lr"] = rule.learning_rate * (steps - step) / steps
        given = {"input_ids": shown, "attention_mask": (ids != 0).long(), "labels": wanted}
        loss = model(**{name: values.to(device) for name, values in given.items()}).loss
        if bool((wanted != _IGNORED).any()):  # a mean over nothing is not a number
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
            optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    model.cpu().eval()


def masked(ids: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    """What is shown and what is to be guessed: both (b, s) int64; `wanted` is -100 where nothing is asked.

    Draws from torch's random state. Special tokens and padding are never asked for.
    """
    asked = (torch.rand(ids.shape) < MASKED_SHARE) & (ids >= _FIRST_PIECE)
    wanted = torch.where(asked, ids, torch.full_like(ids, _IGNORED))
    draw = torch.rand(ids.shape)
    another = torch.randint(_FIRST_PIECE, vocabulary, ids.shape)
    shown = torch.where(asked & (draw < SHOWN_AS_MASK), torch.full_like(ids, _FIRST_PIECE - 1), ids)
    swapped = asked & (draw >= SHOWN_AS_MASK) & (draw < SHOWN_AS_MASK + SHOWN_AS_ANOTHER)
    return torch.where(swapped, another, shown), wanted
