"""Whole ONNX models: transformer blocks, skipped nodes, open dimensions, branches and broken graphs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tests.io.onnx.builders import ModelBuilder, alexnet, bert_block, save, subgraph, vit_block
from zzcp.errors import InputError
from zzcp.io.onnx.reader import load_onnx


def loops(path: Path, **dimensions: int) -> dict[str, str]:
    """Return name and loops of every layer."""
    network = load_onnx(path, dimensions=dimensions)
    return {layer.name: " ".join(f"{dim}{size}" for dim, size in layer.sizes.items()) for layer in network}


# ---- transformers ---------------------------------------------------------------------------------------------


def test_vision_transformer(tmp_path: Path) -> None:
    path = save(vit_block(), tmp_path, "vit.onnx")
    assert loops(path) == {
        "patch": "B1 K32 G1 OX4 OY4 C3 FX4 FY4",
        "query": "C32 D17 K32 B1",
        "key": "C32 D17 K32 B1",
        "value": "C32 D17 K32 B1",
        "scores": "C16 D17 K17 B1 H2",
        "mixed": "C17 D17 K16 B1 H2",
        "projection": "C32 D17 K32 B1",
        "up": "C32 D17 K64 B1",
        "down": "C64 D17 K32 B1",
    }
    network = load_onnx(path)
    assert network.name == "vit"
    assert str(network.layer("scores").equation) == "O[b][h][d][k]+=I[b][h][d][c]*W[b][h][c][k]"
    assert set(network.layer("scores").sources) == {"I", "W"}
    assert len(network) + len(network.skipped) == len(vit_block().graph.node)


def test_open_dimensions_are_named_and_can_be_set(tmp_path: Path) -> None:
    path = save(bert_block(), tmp_path)
    with pytest.raises(InputError) as error:
        load_onnx(path)
    assert str(error.value) == (
        f"{path}: node query: MatMul on tensors whose sizes depend on open dimensions of the model: "
        "found t0 [1, sequence, 32]; t1 [1, sequence, 32] "
        "(give them: --dim sequence=SIZE, or dimensions={'sequence': SIZE} in Python)"
    )
    expected = loops(save(bert_block(1, 8), tmp_path, "fixed.onnx"))
    assert expected["scores"] == "C8 D8 K8 B1 H4"
    assert expected["pooler"] == "C32 D1 K32"
    assert loops(path, sequence=8) == expected
    assert loops(path, **{"input_ids[1]": 8}) == expected
    assert loops(path, sequence=8, batch=3)["scores"] == "C8 D8 K8 B3 H4"


@pytest.mark.parametrize(
    ("shape", "dimensions", "expected"),
    [
        (("n", 6), {}, 1),
        ((None, 6), {}, 1),
        ((0, 6), {}, 1),
        (("n", 6), {"n": 4}, 4),
        ((None, 6), {"input0[0]": 4}, 4),
    ],
)
def test_open_batch_is_one_as_in_zigzag(
    shape: tuple[int | str | None, ...], dimensions: dict[str, int], expected: int, tmp_path: Path
) -> None:
    net = ModelBuilder()
    tensor = net.node("Relu", net.input(*shape))
    # stale shapes of later tensors do not stand in the way
    net.value_info.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape))
    net.node("Gemm", tensor, net.weight(6, 7))
    (layer,) = load_onnx(save(net.build(shape=(shape[0], 7)), tmp_path), dimensions=dimensions)
    assert layer.sizes == {"C": 6, "D": expected, "K": 7}


def test_symbol_that_is_no_batch_elsewhere_stays_open(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input("tokens", 6), net.weight(6, 7))
    net.node("Relu", net.input(1, "tokens"))
    with pytest.raises(InputError, match="'tokens': SIZE"):
        load_onnx(net.save(tmp_path))


def test_open_dimensions_that_no_layer_needs(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input(5, 6), net.weight(6, 7))
    net.node("Relu", net.input(1, "anything"))
    assert len(load_onnx(net.save(tmp_path))) == 1


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ({"sequense": 8}, r"expected batch, input_ids\[0\], sequence.*did you mean 'sequence'"),
        ({"sequence": 0}, "dimension 'sequence': size out of range: expected 1 to"),
        ({"sequence": 10**12}, "size out of range"),
        ({"sequence": True}, "size out of range"),
    ],
)
def test_dimensions_are_checked(dimensions: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_onnx(save(bert_block(), tmp_path), dimensions=dimensions)


def test_one_dimension_two_sizes(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Add", net.input("n", 6), net.input("n", 6))
    with pytest.raises(InputError, match=r"dimension 'n' is given two sizes: found 2 and 3 \(input1\[0\]\)"):
        load_onnx(net.save(tmp_path), dimensions={"input0[0]": 2, "input1[0]": 3})
    with pytest.raises(InputError, match="found 2 and 5"):
        load_onnx(net.save(tmp_path), dimensions={"input0[0]": 2, "n": 5})


# ---- what is not mapped ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "domain", "reason"),
    [
        ("Relu", "", "element-wise, no multiply-accumulate work modelled"),
        ("GlobalAveragePool", "", "pooling, no multiply-accumulate work modelled"),
        ("LayerNormalization", "", "normalisation, no multiply-accumulate work modelled"),
        ("Softmax", "", "reduction, no multiply-accumulate work modelled"),
        ("Reshape", "", "shape operator, moves data at most"),
        ("DequantizeLinear", "ai.onnx", "conversion of precision, no multiply-accumulate work modelled"),
        ("Dropout", "", "no work at inference"),
        ("Loop", "", "control flow: its body does not fit it and is not read"),
        ("DeformConv", "", "has multiply-accumulate work that is not mapped (left out of all totals)"),
        ("STFT", "", "has multiply-accumulate work that is not mapped (left out of all totals)"),
        ("Novelty", "", "operator without a layer: any multiply-accumulate work in it is left out"),
        (
            "Trigonometry",
            "com.microsoft",
            "operator of domain com.microsoft: any multiply-accumulate work in it is left out",
        ),
    ],
)
def test_reasons(operator: str, domain: str, reason: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node(operator, net.input(1, 4, 8, 8), domain=domain)
    network = load_onnx(net.save(tmp_path))
    assert [(node.name, node.operator, node.reason) for node in network.skipped] == [
        ("Op0", operator, reason)
    ]
    left = "left out" in reason or "not read" in reason
    assert network.unmapped == (network.skipped if left else ())
    assert network.skipped[0].macs == (None if left else 0)


def test_edges_of_skipped_nodes_are_the_first_two_as_in_zigzag(tmp_path: Path) -> None:
    net = ModelBuilder()
    parts = [net.node("Relu", net.input(1, 4)) for _ in range(3)]
    net.node("Concat", *parts, axis=0)
    net.node("Sum", parts[0], parts[0], parts[1])
    assert load_onnx(net.save(tmp_path)).edges == ((0, 3), (1, 3), (0, 4))


def test_inputs_left_out_are_no_edges(tmp_path: Path) -> None:
    net = ModelBuilder()
    tensor = net.node("Relu", net.input(1, 4))
    net.nodes.append(helper.make_node("Dropout", [tensor], ["dropped", ""]))
    net.nodes.append(helper.make_node("Clip", ["dropped", "", ""], ["clipped"]))
    assert load_onnx(net.save(tmp_path)).edges == ((0, 1), (1, 2))


# ---- branches -------------------------------------------------------------------------------------------------


def test_nested_branches_follow_the_graph(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.input(name="condition", dtype=TensorProto.BOOL)
    tensor = net.node("Relu", net.input(5, 6))
    weights = net.weight(6, 6)
    short = subgraph([helper.make_node("Identity", [tensor], ["same"])])
    inner = subgraph([helper.make_node(*args) for args in (
        ("MatMul", ["x", weights], ["y"], "deep"), ("Relu", ["y"], ["z"])
    )])  # fmt: skip
    outer = subgraph([
        helper.make_node("MatMul", [tensor, weights], ["x"], "shallow"),
        helper.make_node("If", ["condition"], ["r"], "if2", then_branch=inner, else_branch=short),
    ])  # fmt: skip
    result = net.node("If", "condition", name="if1", then_branch=short, else_branch=outer)
    net.node("MatMul", net.node("Relu", result), weights, name="after")
    network = load_onnx(save(net.build(), tmp_path))
    assert [(layer.id, layer.name) for layer in network] == [(4, "shallow"), (6, "deep"), (3, "after")]
    notes = {node.name: node.reason for node in network.skipped}
    assert (
        notes["if1"] == "control flow: its longer branch (else_branch, 2 nodes) is read, the other left out"
    )
    assert (
        notes["if2"] == "control flow: its longer branch (then_branch, 2 nodes) is read, the other left out"
    )
    # the result of a branch is that of the node around it
    assert set(network.edges) == {(0, 4), (4, 6), (6, 7), (7, 2), (2, 3)}


def test_branches_may_share_names(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.input(name="condition", dtype=TensorProto.BOOL)
    tensor = net.node("Relu", net.input(5, 6))
    branch = subgraph([helper.make_node("Relu", [tensor], ["a"]), helper.make_node("Relu", ["a"], ["b"])])
    for _ in range(2):
        net.node("If", "condition", name="also shared", then_branch=branch, else_branch=branch)
    assert load_onnx(net.save(tmp_path)).edges == ((0, 3), (3, 4), (0, 5), (5, 6))


# ---- broken graphs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "message", "place"),
    [
        ([("Relu", ["nothing"], ["a"])], "tensor 'nothing' does not exist", "node Op0"),
        ([("Relu", ["input0"], ["a"]), ("Relu", ["input0"], ["a"])], "tensor 'a' is defined twice", "node Op1"),
        ([("Relu", ["input0"], ["input0"])], "tensor 'input0' is defined twice", "node Op0"),
        ([("Add", ["b", "b"], ["a"]), ("Relu", ["a"], ["b"])], "found Op1 -> Op0 -> Op1", "node Op1"),
        ([("Relu", ["a"], ["a"])], "the nodes feed each other in a cycle", "node Op0"),
        ([("Relu", ["a"], ["b"]), ("Relu", ["input0"], ["a"])], "uses the output of Op1, which follows", "node Op0"),
        ([("Conv", ["input0"], ["a"])], "Conv lacks input 1: found 1 inputs", "node Op0"),
        ([("Gemm", ["input0", ""], ["a"])], "Gemm lacks input 1", "node Op0"),
        ([("MatMul", ["input0", "input0"], [])], "MatMul has no output", "node Op0"),
    ],
)  # fmt: skip
def test_broken_graphs(
    nodes: list[tuple[str, list[str], list[str]]], message: str, place: str, tmp_path: Path
) -> None:
    model = ModelBuilder()
    model.input(1, 4)
    model.nodes += [helper.make_node(*node) for node in nodes]
    with pytest.raises(InputError) as error:
        load_onnx(save(model.build("x"), tmp_path))
    assert message in str(error.value)
    assert error.value.place.field == place
    assert error.value.place.file == str(tmp_path / "model.onnx")


@pytest.mark.parametrize("size", [-1, 10**12, 0])
def test_absurd_sizes_of_inputs(size: int, tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input(5, size), net.weight(6, 7))
    with pytest.raises(InputError, match=r"(graph input|tensor) input0: size out of range"):
        load_onnx(net.save(tmp_path))


@pytest.mark.parametrize("dims", [(-6, 7), (0, 7), (6, 0)])
def test_absurd_sizes_of_weights(dims: tuple[int, int], tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input(5, 6), net.weight(*dims), name="product")
    with pytest.raises(InputError, match=r"out of range|disagree about the reduction"):
        load_onnx(net.save(tmp_path))


def test_names_given_twice(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Relu", net.input(1, name="x"))
    net.input(1, name="x")
    with pytest.raises(InputError, match="two graph inputs have the same name: found x"):
        load_onnx(net.save(tmp_path))
    net.inputs.pop()
    net.weight(1, name="w")
    net.weight(2, name="w")
    with pytest.raises(InputError, match="two initializers have the same name: found w"):
        load_onnx(net.save(tmp_path))


def test_initializers_may_be_listed_as_inputs(tmp_path: Path) -> None:
    """As files before IR version 4 do."""
    net = ModelBuilder()
    weights = net.weight(6, 7)
    net.node("MatMul", net.input(5, 6), weights)
    net.input(6, 7, name=weights)
    assert load_onnx(net.save(tmp_path))[0].sizes == {"C": 6, "D": 5, "K": 7}


def test_operators_of_a_version_that_onnx_does_not_know(tmp_path: Path) -> None:
    net = ModelBuilder(opset=9999)
    net.node("MatMul", net.node("Relu", net.input(5, 6)), net.weight(6, 7))
    layers = load_onnx(net.save(tmp_path))
    assert [layer.sizes for layer in layers] == [{"C": 6, "D": 5, "K": 7}]


# ---- damage ---------------------------------------------------------------------------------------------------


def everything() -> onnx.ModelProto:
    """Return a model with a recurrence, a contraction, attention, a transposed convolution, a branch and a function."""
    net = ModelBuilder(23)
    net.node("LSTM", net.input(3, 1, 6), net.weight(1, 16, 6), net.weight(1, 16, 4), hidden_size=4)
    net.node("Einsum", net.input(2, 3, 4), net.input(2, 4, 5), equation="bij,bjk->bik")
    net.node("Attention", *(net.input(1, 2, 4, 8) for _ in range(3)))
    net.node("ConvTranspose", net.input(1, 2, 5, 5), net.weight(2, 3, 3, 3), strides=[2, 2])
    data = net.input(2, 6)
    shape = net.node("Gather", net.node("Shape", data), net.values(1))
    branch = subgraph([helper.make_node("MatMul", [data, net.weight(6, 5)], ["m"])])
    net.node("If", net.node("Greater", shape, net.values(4)), then_branch=branch, else_branch=branch)
    net.node("Twice", data, domain="local")
    model = net.build("t0")
    body = [helper.make_node("Add", ["x", "x"], ["y"])]
    opsets = [helper.make_opsetid("", 23)]
    model.functions.append(helper.make_function("local", "Twice", ["x"], ["y"], body, opsets))
    return model


MODELS = [vit_block().SerializeToString(), everything().SerializeToString()]


def test_everything_is_read(tmp_path: Path) -> None:
    network = load_onnx(save(everything(), tmp_path))
    assert len(network) == 4 + 1 + 2 + 1 + 1
    assert network.unmapped == ()


def read_or_refuse(path: Path) -> None:
    """Fail where reading raises anything but an InputError that names the file, or returns no sound network."""
    refusal = None
    try:
        network = load_onnx(path)
    except InputError as error:
        refusal = error
    if refusal is not None:
        assert refusal.place.file == str(path)
        assert len(str(refusal)) < 1000
    else:
        assert len(network) + len(network.skipped) >= 1
        assert all(size >= 1 for layer in network for size in layer.sizes.values())


@given(st.data())
def test_damaged_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(MODELS)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content)
    read_or_refuse(path)


SIZES = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**31, 2**40, 2**63 - 1])


@given(st.data())
def test_absurd_numbers_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes that still parse: other sizes of inputs and weights, other values of attributes."""
    model = onnx.ModelProto()
    model.CopyFrom(data.draw(st.sampled_from([vit_block(), alexnet(), everything()])))
    dims = [dim for value in model.graph.input for dim in value.type.tensor_type.shape.dim]
    lists = [tensor.dims for tensor in model.graph.initializer if tensor.dims]
    lists += [attribute.ints for node in model.graph.node for attribute in node.attribute if attribute.ints]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(dims) + len(lists) - 1))
        if place < len(dims):
            dims[place].dim_value = data.draw(SIZES)
        else:
            target = lists[place - len(dims)]
            target[data.draw(st.integers(0, len(target) - 1))] = data.draw(SIZES)
    read_or_refuse(save(model, tmp_path_factory.getbasetemp(), "absurd.onnx"))


def test_damage_is_said_at_once(tmp_path: Path) -> None:
    """What grows without bounds is refused before it grows: tensors of 2^62 elements computed from sizes."""
    net = ModelBuilder()
    size = net.values(2**31, 2**31)
    zeros = net.node("ConstantOfShape", size)
    long = net.node("Range", *(net.node("Squeeze", net.values(value)) for value in (0, 2**40, 1)))
    net.node("MatMul", net.node("Reshape", net.input(5, 6), zeros), net.node("Tile", long, net.values(2**30)))
    with pytest.raises(InputError, match="size out of range"):
        load_onnx(net.save(tmp_path))


def test_fused_convolutions_have_shapes(tmp_path: Path) -> None:
    net = ModelBuilder()
    fused = net.node(
        "FusedConv", net.input(1, 3, 9, 9), net.weight(4, 3, 3, 3), domain="com.microsoft", activation="Relu",
        strides=[2, 1], name="fused",
    )  # fmt: skip
    net.node("Conv", net.node("Relu", fused), net.weight(5, 4, 1, 1), name="after")
    after = load_onnx(net.save(tmp_path)).layer("after")
    assert (after.sizes["OY"], after.sizes["OX"]) == (4, 7)


# ---- without the onnx package ---------------------------------------------------------------------------------


def test_module_imports_without_onnx(root: Path) -> None:
    code = "import sys; sys.modules['onnx'] = None; import zzcp.io.onnx.reader"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_missing_onnx_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(vit_block(), tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"needs the onnx package \(pip install zzcp\[onnx\]\)"):
        load_onnx(path)
