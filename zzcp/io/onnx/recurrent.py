"""Recurrent nodes: ``LSTM``, ``GRU``, ``RNN`` and onnxruntime's quantised LSTM, time step by time step."""

from __future__ import annotations

from collections.abc import Iterator

from zzcp.io.onnx.graph import OnnxNode
from zzcp.io.onnx.operands import Built, Context, LeftOut, agree, built_layer, known, sources, unknown_shape
from zzcp.workload.equation import Equation
from zzcp.workload.layer import Layer

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4, "DynamicQuantizeLSTM": 4}
"""Matrices side by side in the weights of an operator."""
MAX_STEPS = 20_000
"""Most time steps that become layers."""

_EQUATION = Equation.parse("O[d][k]+=I[d][c]*W[c][k]")


def recurrent_layers(node: OnnxNode, context: Context) -> Built:
    """Return the layers of a recurrent node, or why it has none.

    Of every direction the products of the inputs with their weights, which wait for nothing, are one layer for all time
    steps (``NAME/input``); those of the state with the recurrent weights are one layer for each time step
    (``NAME/step0``, ...), which needs the one before. All gates are columns of one product. Element-wise work (gates,
    peepholes, biases) is not modelled.

    Raises
    ------
    InputError
        If the tensors contradict each other.
    """
    data, weights, recurrent = node.input(0), node.input(1), node.input(2)
    shapes = [context.graph.shapes.get(name) for name in (data, weights, recurrent)]
    x, w, r = shapes
    if x is None or w is None or r is None:
        return unknown_shape(node, context.graph, data, weights, recurrent)
    if not len(x) == len(w) == len(r) == 3:
        raise node.error("tensors of the wrong rank", expected="rank 3", found=str([len(x), len(w), len(r)]))
    steps, batch = (x[1], x[0]) if node.flag("layout") else (x[0], x[1])
    if node.operator == "DynamicQuantizeLSTM":  # its weights are stored transposed
        w, r = (w[0], w[2], w[1]), (r[0], r[2], r[1])
    gates = GATES[node.operator]
    sizes = known(
        steps,
        batch,
        agree(node, "input size", x[2], w[2]),
        agree(node, "hidden size", r[2], node.integer("hidden_size", 0) or None),
        agree(node, "directions", w[0], r[0]),
        agree(node, "gates", w[1], r[1]),
    )
    if sizes is None:
        return unknown_shape(node, context.graph, data, weights, recurrent)
    steps_n, batch_n, input_n, hidden, directions, columns = sizes
    agree(node, "gates", columns, gates * hidden)
    macs = directions * steps_n * batch_n * columns * (input_n + hidden)
    if directions * steps_n > MAX_STEPS:
        return LeftOut(
            f"{node.operator} of {steps_n:,} time steps: its multiply-accumulate work is left out", macs
        )
    layers: list[Layer] = []
    for direction in range(directions):
        label = node.name if directions == 1 else f"{node.name}/{('forward', 'reverse')[direction % 2]}"
        last = direction == directions - 1
        layers += _direction(node, context, label, (steps_n, batch_n, input_n, hidden, columns), last)
    return tuple(layers)


def _direction(
    node: OnnxNode, context: Context, label: str, sizes: tuple[int, ...], last: bool
) -> Iterator[Layer]:
    """Yield the layers of one direction; the last one of the last direction has the id of the node."""
    steps, batch, inputs, hidden, columns = sizes
    data, weights, recurrent = node.input(0), node.input(1), node.input(2)
    first = next(context.ids)
    loops = {"C": inputs, "D": steps * batch, "K": columns}
    yield _product(node, context, f"{label}/input", loops, weights, first, sources(context.graph, I=data))
    before: int | None = None
    for step in range(steps):
        number = node.id if last and step == steps - 1 else next(context.ids)
        loops = {"C": hidden, "D": batch, "K": columns}
        state = {} if before is None else {"I": before}
        yield _product(node, context, f"{label}/step{step}", loops, recurrent, number, state)
        context.edges.append((first, number))
        before = number
    if before is not None and before != node.id:
        context.edges.append((before, node.id))  # the output holds both directions


def _product(
    node: OnnxNode,
    context: Context,
    name: str,
    loops: dict[str, int],
    weights: str,
    number: int,
    produced: dict[str, int],
) -> Layer:
    precision = context.bits.of(node, node.input(0), weights, None)
    return built_layer(node, context, _EQUATION, loops, precision, {}, name=name, id=number, sources=produced)
