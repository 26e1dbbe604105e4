"""External data is refused wherever in an ONNX file it hides."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from model.errors import BundleRefused
from model.onnx_bytes import refuse_external_data


def outside_tensor(location_field: bool = True) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    if location_field:
        tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def graph_with(tensor: TensorProto) -> onnx.GraphProto:
    return onnx.GraphProto(name="g", initializer=[tensor])


def in_attribute(attribute: onnx.AttributeProto) -> onnx.ModelProto:
    return onnx.ModelProto(graph=onnx.GraphProto(node=[onnx.NodeProto(op_type="If", attribute=[attribute])]))


def sparse() -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=outside_tensor())


HIDING_PLACES = {
    "initializer": onnx.ModelProto(graph=graph_with(outside_tensor())),
    "no location field": onnx.ModelProto(graph=graph_with(outside_tensor(location_field=False))),
    "location alone": onnx.ModelProto(graph=graph_with(TensorProto(data_location=TensorProto.EXTERNAL))),
    "constant": in_attribute(onnx.AttributeProto(name="value", t=outside_tensor())),
    "tensors": in_attribute(onnx.AttributeProto(name="values", tensors=[outside_tensor()])),
    "subgraph": in_attribute(onnx.AttributeProto(name="then", g=graph_with(outside_tensor()))),
    "subgraphs": in_attribute(onnx.AttributeProto(name="all", graphs=[graph_with(outside_tensor())])),
    "sparse attribute": in_attribute(onnx.AttributeProto(name="s", sparse_tensor=sparse())),
    "sparse attributes": in_attribute(onnx.AttributeProto(name="s", sparse_tensors=[sparse()])),
    "sparse initializer": onnx.ModelProto(graph=onnx.GraphProto(sparse_initializer=[sparse()])),
    "function": onnx.ModelProto(
        functions=[
            onnx.FunctionProto(
                node=[onnx.NodeProto(attribute=[onnx.AttributeProto(name="t", t=outside_tensor())])]
            )
        ]
    ),
    "function default": onnx.ModelProto(
        functions=[onnx.FunctionProto(attribute_proto=[onnx.AttributeProto(name="t", t=outside_tensor())])]
    ),
    "training": onnx.ModelProto(
        training_info=[onnx.TrainingInfoProto(algorithm=graph_with(outside_tensor()))]
    ),
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_external_data_is_refused_wherever_it_hides(place: str) -> None:
    with pytest.raises(BundleRefused, match=r"model\.onnx: external data"):
        refuse_external_data(HIDING_PLACES[place].SerializeToString(), "model.onnx")


def test_model_that_holds_its_own_data_passes(tiny_bundle: Path) -> None:
    refuse_external_data((tiny_bundle / "model.onnx").read_bytes(), "model.onnx")


def test_large_tensor_whose_bytes_look_like_the_field_passes() -> None:
    raw = outside_tensor().SerializeToString() * 1000
    tensor = helper.make_tensor("w", TensorProto.UINT8, [len(raw)], raw, raw=True)
    refuse_external_data(onnx.ModelProto(graph=graph_with(tensor)).SerializeToString(), "model.onnx")


def test_subgraphs_nested_too_deeply_are_refused() -> None:
    # By hand: the onnx package itself cannot build what is deeper than its parser's limit.
    nested = b""
    for _ in range(40):
        for field in (6, 5, 1):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            nested = bytes([field << 3 | 2]) + _length(nested) + nested
    with pytest.raises(BundleRefused, match="deeply"):
        refuse_external_data(b"\x3a" + _length(nested) + nested, "model.onnx")


def _length(data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return out + bytes([size])


@pytest.mark.parametrize(
    "data", [b"\x3a\x05ab", b"\xff" * 20, b"\x3a", b"\x3b", b"\x09\x00", b"\x3a\xff\xff\xff\xff\x0f"]
)
def test_bytes_that_are_no_protobuf_are_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused, match="not an ONNX model"):
        refuse_external_data(data, "model.onnx")


@given(st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused_and_nothing_else(data: bytes) -> None:
    with suppress(BundleRefused):
        refuse_external_data(data, "model.onnx")
