"""Looks through serialised ONNX bytes for tensors that live in another file, and refuses them.

A model that names other files makes the runtime open paths that a stranger chose
(CVE-2022-25882, CVE-2024-27318, CVE-2025-51480, CVE-2026-27489; Source: PROMISES.md section 1.7),
also when the model itself comes from memory. The walk reads the protobuf wire format directly, so
serving needs no onnx package; field numbers are those of onnx.proto3, which never change.
"""

from __future__ import annotations

from collections.abc import Iterator

from model.errors import BundleRefused

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse_tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse_tensor",
        23: "sparse_tensor",
    },
    "sparse_tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Which fields of which message hold messages in which a tensor can stand."""

_DEEPEST = 64


def refuse_external_data(model: bytes, file_name: str) -> None:
    """Passes a serialised model that holds all its own data.

    Raises: BundleRefused naming `file_name` if a tensor anywhere in it (subgraphs, functions and
        attributes included) points outside, or if the bytes are no protobuf message.
    """
    waiting: list[tuple[str, memoryview, int]] = [("model", memoryview(model), 0)]
    try:
        while waiting:
            kind, message, depth = waiting.pop()
            if depth > _DEEPEST:
                raise BundleRefused(f"{file_name}: nests too deeply", field=file_name)
            for number, value in _fields(message):
                if kind == "tensor" and _points_outside(number, value):
                    raise BundleRefused(f"{file_name}: external data is refused", field=file_name)
                child = _CHILDREN[kind].get(number)
                if child is not None and isinstance(value, memoryview):
                    waiting.append((child, value, depth + 1))
    except ValueError:
        raise BundleRefused(f"{file_name}: not an ONNX model", field=file_name) from None


def _points_outside(number: int, value: int | memoryview) -> bool:
    return number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one message: numbers for varints, bytes for everything else.

    Raises: ValueError if the bytes are not in the wire format. Source: protobuf.dev, "Encoding".
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == 2:
            size, position = _varint(message, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError("unknown wire type")
        if position + size > len(message):
            raise ValueError("a field ends outside its message")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if position + index >= len(message):
            break
        byte = message[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number does not end")
