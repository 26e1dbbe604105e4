"""The network of a bundle, ready to run: made from verified bytes, its shape checked."""

from __future__ import annotations

from typing import Any

import onnxruntime

from model.errors import BundleRefused
from model.onnx_bytes import refuse_external_data
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER

LOGITS, SPEECH_ACT, RATIONALE = "logits", "speech_act", "rationale"
"""The outputs: `logits` float32 (b, 4) always; `speech_act` float32 (b, 5) and `rationale` float32 (b, s),
logits both, in bundles made since step 2."""

_INPUTS = ("input_ids", "attention_mask")


def open_session(model_bytes: bytes) -> Any:
    """An inference session made from the verified bytes; no path ever reaches ONNX Runtime.

    Raises: BundleRefused naming model.onnx.
    """
    refuse_external_data(model_bytes, "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime has a dozen unrelated exception classes; each means that the network is unusable.
        why = str(error).splitlines()[0][:200]
        raise BundleRefused(f"model.onnx: cannot be used ({why})", field="model.onnx") from None
    _check_shape(session)
    return session


def _check_shape(session: Any) -> None:
    inputs = {entry.name: (entry.type, len(entry.shape)) for entry in session.get_inputs()}
    if inputs != dict.fromkeys(_INPUTS, ("tensor(int64)", 2)):
        raise _refused("inputs must be input_ids and attention_mask, int64 (b, s)")
    outputs = {entry.name: entry for entry in session.get_outputs()}
    if len(outputs) < len(session.get_outputs()):
        raise _refused("an output is named twice")
    if LOGITS not in outputs or not outputs.keys() <= {LOGITS, SPEECH_ACT, RATIONALE}:
        raise _refused("outputs must be logits and, if any more, speech_act and rationale")
    for name, columns in ((LOGITS, len(HEAD_ORDER)), (SPEECH_ACT, len(SPEECH_ACT_ORDER))):
        if name in outputs and _columns(outputs[name]) != [columns]:
            raise _refused(f"output {name} must be float32 (b, {columns})")
    if RATIONALE in outputs:
        rest = _columns(outputs[RATIONALE])
        if len(rest) != 1 or isinstance(rest[0], int):
            raise _refused("output rationale must be float32 (b, s)")


def _columns(entry: Any) -> list[Any]:
    """The sizes of an output's dimensions after the first; nothing if it is not float32."""
    return list(entry.shape)[1:] if entry.type == "tensor(float)" else []


def _refused(why: str) -> BundleRefused:
    return BundleRefused(f"model.onnx: {why}", field="model.onnx")
