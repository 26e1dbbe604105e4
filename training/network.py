"""The network: one encoder, masked mean pooling, one linear layer to the heads.

Shapes: `b` posts, `s` tokens, `d` hidden size, `h` heads in `HEAD_ORDER`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from model.taxonomy import HEAD_ORDER
from training.recipe import Dropout


class HateNetwork(nn.Module):
    """Logits for every head: (b, s) int64 ids and mask in, (b, h) float32 out."""

    def __init__(self, encoder: nn.Module, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden_size, len(HEAD_ORDER))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (b, h) float32, not calibrated."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask
        ).last_hidden_state  # (b, s, d)
        weight = attention_mask.unsqueeze(-1).to(states.dtype)  # (b, s, 1)
        pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)  # (b, d)
        logits: Tensor = self.heads(self.dropout(pooled))
        return logits.float()


def build_network(encoder_folder: Path, dropout: Dropout) -> HateNetwork:
    """A network on the pretrained encoder in `encoder_folder`, heads initialised by the seed in force."""
    config = _config(encoder_folder, dropout)
    encoder = AutoModel.from_pretrained(
        encoder_folder, config=config, local_files_only=True, add_pooling_layer=False
    )
    return HateNetwork(encoder, config.hidden_size, dropout.heads)


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
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    yield
    torch.set_rng_state(before)
