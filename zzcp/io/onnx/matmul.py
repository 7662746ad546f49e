"""Matrix products of ONNX graphs: ``Gemm`` and the ``MatMul`` family."""

from __future__ import annotations

from typing import NamedTuple

from zzcp.errors import InputError
from zzcp.io.onnx.graph import OnnxGraph, OnnxNode, Shape
from zzcp.io.onnx.operands import agree, filled, known, precision, sources, unknown_shape
from zzcp.workload.equation import Equation
from zzcp.workload.layer import Layer


class _Batch(NamedTuple):
    """One batch loop of a product: its name, its size and whether each operand has an index for it."""

    name: str
    size: int
    left: bool
    right: bool


def gemm_layer(node: OnnxNode, graph: OnnxGraph, left: str, right: str) -> Layer | str:
    """Return the layer of a ``Gemm``, or why it cannot be mapped; the addition of its bias is not modelled.

    Parameters
    ----------
    node, graph
        The node and where it stands.
    left, right : str
        The tensors that become operands I and W.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    output = node.output()
    shapes = [graph.shapes.get(tensor) for tensor in (left, right, output)]
    if any(shape is not None and len(shape) != 2 for shape in shapes):
        ranks = ", ".join("?" if shape is None else str(len(shape)) for shape in shapes)
        raise node.error("Gemm multiplies matrices", expected="tensors of rank 2", found=f"ranks {ranks}")
    a, b, result = filled(shapes, 2)
    a = a[::-1] if node.integer("transA", 0) else a
    b = b[::-1] if node.integer("transB", 0) else b
    sizes = known(
        agree(node, "reduction", a[1], b[0]),
        agree(node, "rows", a[0], result[0]),
        agree(node, "columns", b[1], result[1]),
    )
    if sizes is None:
        return unknown_shape(node, graph, left, right, output)
    return _layer(node, graph, (left, right), sizes, [])


def matmul_layer(node: OnnxNode, graph: OnnxGraph, left: str, right: str) -> Layer | str:
    """Return the layer of a ``MatMul``, ``MatMulInteger`` or ``QLinearMatMul``, or why it cannot be mapped.

    A vector is a matrix of one row or column. Batch axes become the loops B and H, as in ZigZag; more than two
    are folded. An operand that is broadcast along a batch axis has no index for it, so that its data is reused
    there. Parameters and exceptions are those of `gemm_layer`.
    """
    output = node.output()
    a, b, result = (graph.shapes.get(tensor) for tensor in (left, right, output))
    if a is None and b is not None and len(b) == 2 and result is not None and len(result) > 1:
        a = (*result[:-1], b[0])
    if a is None or b is None:
        return unknown_shape(node, graph, left, right, output)
    if not a or not b:
        raise node.error("MatMul of a scalar", expected="tensors of rank 1 or more")
    rows, columns = _outer_sizes(node, a, b, result)
    a = a if len(a) > 1 else (1, *a)
    b = b if len(b) > 1 else (*b, 1)
    sizes = known(agree(node, "reduction", a[-1], b[-2]), rows, columns)
    batch_a, batch_b = known(*a[:-2]), known(*b[:-2])
    if sizes is None or batch_a is None or batch_b is None:
        return unknown_shape(node, graph, left, right, output)
    axes = _batches(node, batch_a, batch_b, produced=right in graph.producers)
    return _layer(node, graph, (left, right), sizes, axes)


def _outer_sizes(node: OnnxNode, a: Shape, b: Shape, result: Shape | None) -> tuple[int | str, int | str]:
    """Return rows and columns of the product; an operand that is a vector takes its axis out of the result."""
    rank = max(len(a), len(b), 2) - (len(a) == 1) - (len(b) == 1)
    if result is not None and len(result) != rank:
        raise node.error("output of the wrong rank", expected=str(rank), found=str(len(result)))
    stated_columns = result[-1] if result and len(b) > 1 else None
    stated_rows = result[-1 if len(b) == 1 else -2] if result and len(a) > 1 else None
    rows = 1 if len(a) == 1 else agree(node, "rows", a[-2], stated_rows)
    columns = 1 if len(b) == 1 else agree(node, "columns", b[-1], stated_columns)
    return rows, columns


def _batches(node: OnnxNode, a: tuple[int, ...], b: tuple[int, ...], *, produced: bool) -> list[_Batch]:
    """Return the batch loops. A constant right operand has no index for a batch of 1, as in ZigZag."""
    rank = max(len(a), len(b))
    axes = []
    for size_a, size_b in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        size = max(size_a, size_b)
        if {size_a, size_b} - {1, size}:
            raise node.error(
                "batch axes do not match", expected="equal sizes, or 1 on one side", found=f"{a} and {b}"
            )
        axes.append((size, size_a == size, size_b == size and (size > 1 or produced)))
    if rank <= 2:
        return [_Batch(name, *axis) for name, axis in zip("BH", axes, strict=False)]
    folded: dict[tuple[bool, bool], int] = {}
    for size, on_a, on_b in axes:
        if size > 1:
            folded[on_a, on_b] = folded.get((on_a, on_b), 1) * size
    return [_Batch(name, size, *on) for name, (on, size) in zip("BHG", folded.items(), strict=False)]


def _layer(
    node: OnnxNode,
    graph: OnnxGraph,
    tensors: tuple[str, str],
    sizes: tuple[int, ...],
    batches: list[_Batch],
) -> Layer:
    """Put the layer together; `sizes` holds reduction, rows and columns."""
    reduction, rows, columns = sizes
    data, weights = tensors

    def index(names: list[str]) -> str:
        return "".join(f"[{name.lower()}]" for name in names)

    part_o = index([batch.name for batch in batches])
    part_i = index([batch.name for batch in batches if batch.left])
    part_w = index([batch.name for batch in batches if batch.right])
    constant_data = data in graph.constants and weights not in graph.constants
    try:
        return Layer(
            Equation.parse(f"O{part_o}[d][k]+=I{part_i}[d][c]*W{part_w}[c][k]"),
            {"C": reduction, "D": rows, "K": columns} | {batch.name: batch.size for batch in batches},
            name=node.name,
            operator=node.operator,
            precision=precision(
                node,
                variable_weights=weights in graph.producers and weights not in graph.constants,
                constant_data=constant_data,
            ),
            id=node.id,
            sources=sources(graph, I=data, W=weights),
        )
    except InputError as error:
        raise node.enclose(error) from None
