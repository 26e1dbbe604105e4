"""The network: one encoder, masked mean pooling, linear heads for the post and one for each token.

Shapes: `b` posts, `s` tokens, `d` hidden size, `h` heads in `HEAD_ORDER`, `a` speech acts, `c` corpora.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig
from transformers.utils import logging

from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from training.recipe import Dropout, SideWeights


class Outputs(NamedTuple):
    """What the network says of a batch; all float32 logits, not calibrated."""

    logits: Tensor
    """(b, h), one per head."""
    speech_act: Tensor
    """(b, a), for a softmax."""
    rationale: Tensor
    """(b, s), one per token; what it says of special tokens means nothing."""
    offensive: Tensor
    """(b,): teaches the encoder, is not exported."""


class HateNetwork(nn.Module):
    """Encoder and heads. A corpus with a bias of its own shifts its logits in training only, so that its
    idea of what is hateful enough does not pull at the shared heads."""

    def __init__(self, encoder: nn.Module, hidden_size: int, dropout: float, own_biases: int = 0) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden_size, len(HEAD_ORDER))
        self.side_heads = nn.ModuleDict(
            {
                "speech_act": nn.Linear(hidden_size, len(SPEECH_ACT_ORDER)),
                "rationale": nn.Linear(hidden_size, 1),
                "offensive": nn.Linear(hidden_size, 1),
            }
        )
        self.corpus_bias = nn.Embedding(own_biases + 1, len(HEAD_ORDER), padding_idx=0)
        nn.init.zeros_(self.corpus_bias.weight)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, corpora: Tensor | None = None) -> Outputs:
        """Logits for (b, s) int64 ids and mask; `corpora` (b,) int64 adds the bias of each post's corpus."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask
        ).last_hidden_state  # (b, s, d)
        weight = attention_mask.unsqueeze(-1).to(states.dtype)  # (b, s, 1)
        pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)  # (b, d)
        pooled = self.dropout(pooled)
        logits = self.heads(pooled).float()
        if corpora is not None:
            logits = logits + self.corpus_bias(corpora).float()
        return Outputs(
            logits,
            self.side_heads["speech_act"](pooled).float(),
            self.side_heads["rationale"](self.dropout(states)).squeeze(-1).float(),
            self.side_heads["offensive"](pooled).squeeze(-1).float(),
        )


class ExportedNetwork(nn.Module):
    """What ships of a `HateNetwork`: the named members of `Outputs`, in that order, for ids and mask."""

    def __init__(self, network: HateNetwork, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.names = tuple(names)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """The shipped outputs."""
        outputs: Outputs = self.network(input_ids, attention_mask)
        return tuple(getattr(outputs, name) for name in self.names)


def shipped_outputs(sides: SideWeights) -> list[str]:
    """The outputs that a recipe has taught: a head that learnt nothing would mark words at random."""
    return ["logits", *(name for name in ("speech_act", "rationale") if getattr(sides, name) > 0)]


def build_network(encoder_folder: Path, dropout: Dropout, own_biases: int = 0) -> HateNetwork:
    """A network on the pretrained encoder in `encoder_folder`, heads initialised by the seed in force."""
    logging.set_verbosity_error()  # it would list every weight of the file that no head here uses
    logging.disable_progress_bar()
    config = _config(encoder_folder, dropout)
    # Of the families that training knows, DeBERTa alone has no pooling layer to leave out.
    pooling = {} if config.model_type == "deberta-v2" else {"add_pooling_layer": False}
    encoder = AutoModel.from_pretrained(encoder_folder, config=config, local_files_only=True, **pooling)
    encoder.float()  # mDeBERTa's file is in half precision, in which AdamW's small steps are lost
    return HateNetwork(encoder, config.hidden_size, dropout.heads, own_biases)


def _config(encoder_folder: Path, dropout: Dropout) -> PretrainedConfig:
    config = AutoConfig.from_pretrained(encoder_folder, local_files_only=True)
    config.hidden_dropout_prob = dropout.hidden
    config.attention_probs_dropout_prob = dropout.attention
    # On CPU the fused attention's backward pass is slower than plain matrix products (measured: 153 against
    # 252 posts/s), and the plain form exports to a graph that ONNX Runtime knows how to fuse.
    config._attn_implementation = "eager"
    return config


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A block in which torch draws from `seed`; the random state outside is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
