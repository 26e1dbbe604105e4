"""SentencePiece vocabularies: trained on one's own posts, and turned into a `tokenizer.json`.

A bundle carries `tokenizer.json` alone, so that serving needs the `tokenizers` library and nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sentencepiece
from tokenizers import Tokenizer
from transformers.convert_slow_tokenizer import DebertaV2Converter, XLMRobertaConverter

from model.errors import BadConfig

SPECIAL_PIECES = {"pad": "[PAD]", "unk": "[UNK]", "bos": "[CLS]", "eos": "[SEP]"}
"""The special pieces of a vocabulary trained here, in the order of their ids from 0; [MASK] follows."""

LONGEST_POST_BYTES = 65_536


def train_vocabulary(texts: Iterable[str], pieces: int) -> bytes:
    """A SentencePiece unigram model of at most `pieces` pieces, learnt from normalised texts.

    The same texts in the same order give the same bytes. Texts are put into lower case: a vocabulary this
    small cannot afford two forms of a word. Source: Kudo 2018, subword regularisation (the unigram model).

    Raises: BadConfig if there are no texts, or more different characters than pieces.
    """
    lines = list(dict.fromkeys(text.lower() for text in texts if text.strip()))
    if not lines:
        raise BadConfig("encoder: no training posts to learn a vocabulary from")
    model = io.BytesIO()
    special: dict[str, Any] = {}
    for number, (name, piece) in enumerate(SPECIAL_PIECES.items()):
        special |= {f"{name}_id": number, f"{name}_piece": piece}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=pieces,
            hard_vocab_limit=False,
            control_symbols=["[MASK]"],
            # Our normaliser has done the rest, and the case rules that SentencePiece would put into the model
            # lose a combining mark behind a capital in `tokenizers` (found with 0.23.3).
            normalization_rule_name="identity",
            max_sentence_length=LONGEST_POST_BYTES,
            num_threads=1,  # the sums of several threads would depend on how many there are
            minloglevel=2,
            **special,
        )
    except RuntimeError:
        # Its message may quote a text.
        raise BadConfig(f"encoder: {pieces} pieces are too few for the characters of the posts") from None
    return model.getvalue()


def tokenizer_from_sentencepiece(path: Path, family: str) -> Tokenizer:
    """The tokenizer that reads as the SentencePiece model at `path` does, with the ids of its `family`.

    `family` is an encoder's `model_type`: "xlm-roberta" has its own four special tokens before the pieces;
    "deberta-v2" takes the pieces as they are, and so does "bert", with a vocabulary trained here, of texts
    in lower case.
    Raises: BadConfig for another family, or a file that is not such a model.
    """
    converters = {
        "xlm-roberta": XLMRobertaConverter,
        "deberta-v2": DebertaV2Converter,
        "bert": DebertaV2Converter,
    }
    if family not in converters:
        raise BadConfig(f"encoder: no rule for the SentencePiece model of a {family}; give a tokenizer.json")
    pieces = sentencepiece.SentencePieceProcessor()
    try:
        pieces.Load(str(path))
    except (OSError, RuntimeError):
        raise BadConfig(f"encoder: {path} is not a SentencePiece model") from None
    ids = {"<s>": 0, "</s>": 2} if family == "xlm-roberta" else _ids_of(pieces, path)
    # The converters want the slow tokenizer; of it they use no more than this.
    slow = SimpleNamespace(
        vocab_file=str(path),
        convert_tokens_to_ids=ids.__getitem__,
        do_lower_case=family == "bert",
        split_by_punct=False,
        add_prefix_space=True,
    )
    tokenizer: Tokenizer = converters[family](slow).converted()
    return tokenizer


def _ids_of(pieces: Any, path: Path) -> dict[str, int]:
    ids = {piece: pieces.PieceToId(piece) for piece in ("[CLS]", "[SEP]")}
    if pieces.unk_id() in ids.values():
        raise BadConfig(f"encoder: {path} has no [CLS] or no [SEP]")
    return ids
