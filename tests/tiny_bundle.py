"""The tiny bundle: a real one of a few kB, made by hand, whose scores a test can foretell.

The fixtures `tiny_bundle`, `plain_bundle` and `english_bundle` of conftest.py build it.
"""

from __future__ import annotations

import json
from pathlib import Path

TINY_LOGITS: dict[str, tuple[float, float, float, float]] = {
    # word: logits in HEAD_ORDER. A text's logits are the largest of its words', head by head,
    # so a text's scores do not depend on its length: sigmoid(4) = 0.982, sigmoid(0) = 0.5.
    "hateword": (4.0, -4.0, -4.0, -4.0),
    "antiword": (4.0, 4.0, -4.0, -4.0),
    "islamword": (4.0, -4.0, 4.0, -4.0),
    "farword": (4.0, -4.0, -4.0, 4.0),
    "maybeword": (0.0, -4.0, -4.0, -4.0),
}


def build_tiny_bundle(folder: Path, *, annotates: bool = True, languages: tuple[str, ...] = ("*",)) -> str:
    """Fills an empty folder with the tiny bundle and returns its id.

    It reads any language unless told otherwise: the made-up keywords are words of none.
    """
    from model.bundle import write_manifest
    from model.taxonomy import HEAD_ORDER

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *TINY_LOGITS]
    (folder / "model.onnx").write_bytes(_tiny_network(words, annotates=annotates))
    (folder / "tokenizer.json").write_text(_tiny_tokenizer(words), encoding="utf-8")
    heads = {head: {"slope": 1.0, "intercept": 0.0} for head in HEAD_ORDER}
    calibration = {"schema_version": 1, "method": "platt", "heads": heads}
    (folder / "calibration.json").write_text(json.dumps(calibration), encoding="utf-8")
    thresholds = {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, 0.5)}
    (folder / "thresholds.json").write_text(json.dumps(thresholds), encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text("# Tiny\nA network for tests, made by hand.\n", encoding="utf-8")
    facts = {"name": "tiny", "max_tokens": 64, "pad_token_id": 0, "languages": list(languages)}
    return write_manifest(folder, facts)


def _tiny_network(words: list[str], *, annotates: bool) -> bytes:
    """Embedding -> masked maximum over the tokens -> logits (b, 4); speech_act (b, 5), rationale (b, s).

    The row of [PAD] is far above every word's: a classifier that pads without masking shows at once.
    """
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper

    rows = [(-4.0,) * 4 for _ in words]
    rows[0] = (50.0,) * 4
    for word, logits in TINY_LOGITS.items():
        rows[words.index(word)] = logits
    constants = {
        "embedding": np.asarray(rows, dtype=np.float32),
        "last_axis": np.asarray([-1], dtype=np.int64),
        "token_axis": np.asarray([1], dtype=np.int64),
        "off": np.asarray(-100.0, dtype=np.float32),
        "heads": np.eye(4, dtype=np.float32),
        # endorses = the largest head and 1, neutral = its opposite, the others always 0.
        "one": np.asarray(1.0, dtype=np.float32),
        "acts": np.asarray([[1.0, 0.0, 0.0, 0.0, -1.0]], dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["tokens"]),
        helper.make_node("Cast", ["attention_mask"], ["is_token"], to=TensorProto.BOOL),
        helper.make_node("Unsqueeze", ["is_token", "last_axis"], ["is_token_3d"]),
        helper.make_node("Where", ["is_token_3d", "tokens", "off"], ["masked"]),
        helper.make_node("ReduceMax", ["masked", "token_axis"], ["pooled"], keepdims=0),
        helper.make_node("MatMul", ["pooled", "heads"], ["logits"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 4])]
    if annotates:
        nodes += [
            helper.make_node("ReduceMax", ["logits", "last_axis"], ["largest"], keepdims=1),
            helper.make_node("Add", ["largest", "one"], ["raised"]),
            helper.make_node("MatMul", ["raised", "acts"], ["speech_act"]),
            helper.make_node("ReduceMax", ["tokens", "last_axis"], ["rationale"], keepdims=0),
        ]
        outputs += [
            helper.make_tensor_value_info("speech_act", TensorProto.FLOAT, ["b", 5]),
            helper.make_tensor_value_info("rationale", TensorProto.FLOAT, ["b", "s"]),
        ]
    else:
        del constants["acts"], constants["one"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "s"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["b", "s"]),
        ],
        outputs,
        initializer=[numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _tiny_tokenizer(words: list[str]) -> str:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    text: str = tokenizer.to_str()
    return text
