"""What is inside of nodes: functions of the file, branches, and bodies times their iterations."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.io.onnx.builders import ModelBuilder, save, subgraph
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx

# ---- functions ------------------------------------------------------------------------------------------------


def function(
    name: str, inputs: list[str], outputs: list[str], nodes: list[onnx.NodeProto], **more: Any
) -> Any:
    return helper.make_function(
        "local",
        name,
        inputs,
        outputs,
        nodes,
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
        **more,
    )


def with_functions(net: ModelBuilder, *functions: onnx.FunctionProto) -> onnx.ModelProto:
    model = net.build()
    model.functions.extend(functions)
    model.opset_import.append(helper.make_opsetid("local", 1))
    return model


def linear() -> onnx.FunctionProto:
    """Return x W + b."""
    return function(
        "Linear",
        ["x", "w", "b"],
        ["y"],
        [
            helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
            helper.make_node("Add", ["p", "b"], ["y"]),
        ],
    )


def test_functions_are_expanded_under_the_callers_name(tmp_path: Path) -> None:
    net = ModelBuilder()
    tensor = net.input(3, 5)
    for name, c, k in (("first", 5, 6), ("second", 6, 7)):
        tensor = net.node("Linear", tensor, net.weight(c, k), net.weight(k), name=name, domain="local")
    network = load_onnx(save(with_functions(net, linear()), tmp_path))
    assert [(layer.name, layer.sizes) for layer in network] == [
        ("first/product", {"C": 5, "D": 3, "K": 6}),
        ("second/product", {"C": 6, "D": 3, "K": 7}),
    ]
    assert network[1].sources == {"I": network.skipped[1].id}
    assert network.unmapped == ()
    assert {node.reason for node in network.skipped if node.operator == "Linear"} == {
        "control flow: function of the file: what is in it is read"
    }


def test_functions_call_functions_and_pass_attributes(tmp_path: Path) -> None:
    inner = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    reference = inner.attribute.add(name="strides", ref_attr_name="step", type=onnx.AttributeProto.INTS)
    assert reference.ref_attr_name == "step"
    block = function("Block", ["x", "w"], ["y"], [inner], attributes=["step"])
    call = helper.make_node("Block", ["x", "w"], ["y"], "block", domain="local", step=[2, 1])
    outer = function("Outer", ["x", "w"], ["y"], [call])
    net = ModelBuilder()
    net.node("Outer", net.input(1, 3, 9, 9), net.weight(4, 3, 3, 3), name="stem", domain="local")
    (layer,) = load_onnx(save(with_functions(net, block, outer), tmp_path))
    assert layer.name == "stem/block/conv"
    assert (layer.sizes["OY"], layer.sizes["OX"]) == (4, 7)


def test_a_function_that_calls_itself(tmp_path: Path) -> None:
    call = helper.make_node("Again", ["x"], ["y"], domain="local")
    net = ModelBuilder()
    net.node("Again", net.input(3), domain="local")
    with pytest.raises(InputError, match="function Again: a function of the file calls itself"):
        load_onnx(save(with_functions(net, function("Again", ["x"], ["y"], [call])), tmp_path))


def test_functions_that_double_are_too_large(tmp_path: Path) -> None:
    """Forty functions that each call the next one twice."""
    functions = [function("F40", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])])]
    for level in range(40):
        calls = [
            helper.make_node(f"F{level + 1}", ["x"], ["a"], domain="local"),
            helper.make_node(f"F{level + 1}", ["a"], ["y"], domain="local"),
        ]
        functions.append(function(f"F{level}", ["x"], ["y"], calls))
    net = ModelBuilder()
    net.node("F0", net.input(3), domain="local")
    with pytest.raises(
        InputError,
        match=r"function F\d+: a function of the file is too large with what it calls: expected at most 100000",
    ):
        load_onnx(save(with_functions(net, *functions), tmp_path))


def test_optional_arguments_left_out(tmp_path: Path) -> None:
    body = [helper.make_node("Clip", ["x", "low"], ["c"]), helper.make_node("MatMul", ["c", "w"], ["y"])]
    net = ModelBuilder()
    net.nodes.append(
        helper.make_node("F", [net.input(3, 5), net.weight(5, 6)], ["y"], "call", domain="local")
    )
    model = with_functions(net, function("F", ["x", "w", "low"], ["y"], body))
    assert load_onnx(save(model, tmp_path))[0].sizes == {"C": 5, "D": 3, "K": 6}


# ---- branches -------------------------------------------------------------------------------------------------


def product(weights: str, name: str) -> onnx.GraphProto:
    return subgraph([helper.make_node("MatMul", ["x", weights], ["r"], name)])


@pytest.mark.parametrize(("width", "chosen"), [(4, "narrow"), (9, "wide")])
def test_conditions_that_follow_from_sizes_choose_the_branch(width: int, chosen: str, tmp_path: Path) -> None:
    """As PyTorch exports ``if x.shape[1] > 6``: the longer branch was read, whatever the condition."""
    net = ModelBuilder()
    net.nodes.append(helper.make_node("Identity", [net.input(2, "width")], ["x"]))
    wide, narrow = net.weight(9, 5), net.weight(4, 3)
    shape = net.node("Gather", net.node("Shape", "x"), net.values(1))
    condition = net.node("Greater", net.node("Squeeze", shape), net.values(6))
    long = product(wide, "wide")
    long.node.extend([helper.make_node("Relu", ["r"], ["s"]), helper.make_node("Relu", ["s"], ["t"])])
    result = net.node("If", condition, then_branch=long, else_branch=product(narrow, "narrow"), name="if")
    net.node("Relu", result)
    network = load_onnx(save(net.build(), tmp_path), dimensions={"width": width})
    assert [layer.name for layer in network] == [chosen]
    reason = next(node.reason for node in network.skipped if node.name == "if")
    assert reason.startswith("control flow: the branch that its condition chooses")


@pytest.mark.parametrize(("rate", "chosen"), [(16000, "fine"), (8000, "coarse")])
def test_the_value_of_a_scalar_input_chooses_the_branch(rate: int, chosen: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    net.nodes.append(helper.make_node("Identity", [net.input(2, 4)], ["x"]))
    given = net.input(name="rate", dtype=TensorProto.INT64)
    condition = net.node("Equal", given, net.values(16000))
    branches = product(net.weight(4, 5), "fine"), product(net.weight(4, 3), "coarse")
    net.node("If", condition, then_branch=branches[0], else_branch=branches[1])
    network = load_onnx(save(net.build(), tmp_path), dimensions={"rate": rate})
    assert [layer.name for layer in network] == [chosen]


# ---- loops ----------------------------------------------------------------------------------------------------


def value(name: str, dtype: int, shape: Any = None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def loop(
    iterations: int | None, *, ends: bool = False, carried: str = "MatMul", open_end: bool = False
) -> onnx.ModelProto:
    """Return a loop that multiplies its state with 4 x 4 weights, and stacks what it had."""
    net = ModelBuilder()
    state, weights = net.node("Relu", net.input(3, 4)), net.weight(4, 4)
    limit = net.values(iterations) if iterations is not None else ""
    if iterations is not None:
        limit = net.node("Squeeze", limit)
    condition = net.node("Constant", value=helper.make_tensor("", TensorProto.BOOL, [], [True]))
    nodes = [helper.make_node(carried, ["s", weights], ["t"], "step")]
    if ends:  # three iterations
        last = helper.make_tensor("", TensorProto.INT64, [], [2])
        nodes += [helper.make_node("Constant", [], ["last"], value=last)]
        nodes += [helper.make_node("Less", ["i", "last"], ["go"])]
    elif open_end:
        nodes += [helper.make_node("ReduceMax", ["t"], ["m"], keepdims=0)]
        nodes += [helper.make_node("Cast", ["m"], ["go"], to=TensorProto.BOOL)]
    else:
        nodes += [helper.make_node("Identity", ["c"], ["go"])]
    nodes += [helper.make_node("Identity", ["t"], ["kept"])]
    body = helper.make_graph(
        nodes,
        "body",
        [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("s", TensorProto.FLOAT)],
        [value("go", TensorProto.BOOL), value("t", TensorProto.FLOAT), value("kept", TensorProto.FLOAT)],
    )
    net.nodes.append(helper.make_node("Loop", [limit, condition, state], ["last", "all"], "loop", body=body))
    net.node("MatMul", "all", net.weight(4, 2), name="after")
    return net.build()


def test_bodies_count_times_their_iterations(tmp_path: Path) -> None:
    network = load_onnx(save(loop(10), tmp_path))
    steps = [layer for layer in network if layer.name != "after"]
    assert [layer.name for layer in steps] == [f"loop/step[{i}]" for i in range(10)]
    assert all(layer.sizes == {"C": 4, "D": 3, "K": 4} for layer in steps)
    for before, following in itertools.pairwise(steps):
        assert following.sources == {"I": before.id}
    assert network.layer("after").sizes == {"C": 4, "D": 3, "K": 2, "B": 10}
    assert network.macs == 10 * 48 + 10 * 24
    assert network.unmapped == ()


def test_a_condition_that_is_computed_ends_the_loop(tmp_path: Path) -> None:
    network = load_onnx(save(loop(None, ends=True), tmp_path))
    assert len([layer for layer in network if layer.name.startswith("loop/step")]) == 3
    assert load_onnx(save(loop(2, ends=True), tmp_path)).layer("after").sizes["B"] == 2


def test_no_iterations(tmp_path: Path) -> None:
    network = load_onnx(save(loop(0), tmp_path))
    assert not [layer for layer in network if layer.name.startswith("loop/step")]


def test_an_end_that_data_decide_is_in_sight(tmp_path: Path) -> None:
    network = load_onnx(save(loop(None, open_end=True), tmp_path))
    (node,) = [node for node in network.unmapped if node.operator == "Loop"]
    assert node.macs is None
    assert node.reason == "control flow: it ends when data say so: one iteration is read"
    assert len([layer for layer in network if layer.name.startswith("loop/step")]) == 1


def test_a_million_iterations_do_not_become_layers(tmp_path: Path) -> None:
    network = load_onnx(save(loop(10**6), tmp_path))
    (node,) = [node for node in network.unmapped if node.operator == "Loop"]
    assert node.reason == "control flow: of 1000000 iterations 1 are read"


def test_a_loop_without_an_end(tmp_path: Path) -> None:
    network = load_onnx(save(loop(None), tmp_path))
    (node,) = [node for node in network.unmapped if node.operator == "Loop"]
    assert node.reason == "control flow: of an unknown number of iterations 256 are read"


def test_scan(tmp_path: Path) -> None:
    net = ModelBuilder()
    state, sequence = net.input(4), net.node("Relu", net.input(3, 7, 4))
    weights = net.weight(4, 4)
    nodes = [
        helper.make_node("MatMul", ["x", weights], ["p"], "step"),
        helper.make_node("Add", ["p", "s"], ["o"]),
        helper.make_node("ReduceMax", ["o"], ["n"], axes=[0], keepdims=0),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [value("s", TensorProto.FLOAT, [4]), value("x", TensorProto.FLOAT)],
        [value("n", TensorProto.FLOAT, [4]), value("o", TensorProto.FLOAT)],
    )
    net.nodes.append(
        helper.make_node(
            "Scan",
            [state, sequence],
            ["last", "all"],
            "scan",
            body=body,
            num_scan_inputs=1,
            scan_input_axes=[1],
        )
    )
    net.node("MatMul", "all", net.weight(4, 2), name="after")
    network = load_onnx(save(net.build(), tmp_path))
    steps = [layer for layer in network if layer.name.startswith("scan/step")]
    assert len(steps) == 7
    assert all(layer.sizes == {"C": 4, "D": 3, "K": 4} for layer in steps)
    assert network.layer("after").sizes == {"C": 4, "D": 3, "K": 2, "B": 7}


def test_the_branch_of_every_iteration_is_its_own(tmp_path: Path) -> None:
    """A body with an If on the iteration number: the first iteration multiplies, the others do not."""
    net = ModelBuilder()
    state, weights = net.node("Relu", net.input(3, 4)), net.weight(4, 4)
    first = subgraph([helper.make_node("MatMul", ["s", weights], ["a"], "only")])
    others = subgraph([helper.make_node("Relu", ["s"], ["b"])])
    zero = helper.make_tensor("", TensorProto.INT64, [], np.array(0))
    nodes = [
        helper.make_node("Constant", [], ["zero"], value=zero),
        helper.make_node("Equal", ["i", "zero"], ["is_first"]),
        helper.make_node("If", ["is_first"], ["t"], then_branch=first, else_branch=others),
        helper.make_node("Identity", ["c"], ["go"]),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("s", TensorProto.FLOAT)],
        [value("go", TensorProto.BOOL), value("t", TensorProto.FLOAT)],
    )
    limit = net.node("Squeeze", net.values(5))
    net.nodes.append(helper.make_node("Loop", [limit, "", state], ["last"], "loop", body=body))
    network = load_onnx(save(net.build("last"), tmp_path))
    assert [layer.name for layer in network] == ["loop/only[0]"]
