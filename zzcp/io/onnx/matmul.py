"""Matrix products of ONNX graphs: ``Gemm`` and the ``MatMul`` family, those of onnxruntime among them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from zzcp.io.onnx.graph import OnnxNode, Shape
from zzcp.io.onnx.operands import Built, Context, agree, built_layer, filled, known, unknown_shape
from zzcp.workload.layer import Layer


class _Batch(NamedTuple):
    """One batch loop of a product: its name, its size and whether each operand has an index for it."""

    name: str
    size: int
    left: bool
    right: bool


def gemm_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``Gemm``, or why it cannot be mapped; the addition of its bias is not modelled.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    left, right, output = node.input(0), node.input(1), node.output()
    graph = context.graph
    shapes = [graph.shapes.get(tensor) for tensor in (left, right, output)]
    if any(shape is not None and len(shape) != 2 for shape in shapes):
        ranks = ", ".join("?" if shape is None else str(len(shape)) for shape in shapes)
        raise node.error("Gemm multiplies matrices", expected="tensors of rank 2", found=f"ranks {ranks}")
    a, b, result = filled(shapes, 2)
    a = a[::-1] if node.flag("transA") else a
    b = b[::-1] if node.flag("transB") else b
    sizes = known(
        agree(node, "reduction", a[1], b[0]),
        agree(node, "rows", a[0], result[0]),
        agree(node, "columns", b[1], result[1]),
    )
    if sizes is None:
        return unknown_shape(node, graph, left, right, output)
    return (_layer(node, context, (left, right), sizes, []),)


def matmul_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``MatMul`` or ``MatMulInteger``; see `matrix_product`."""
    return matrix_product(node, context, node.input(0), node.input(1))


def quantized_matmul_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``QLinearMatMul``, whose second operand follows scale and zero point of the first."""
    return matrix_product(node, context, node.input(0), node.input(3))


def packed_matmul_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``MatMulNBits``: weights of 2 to 8 bits, packed; their scales are not modelled.

    Raises
    ------
    InputError
        If an attribute is missing or contradicts the data.
    """
    left, right = node.input(0), node.input(1)
    shape = context.graph.shapes.get(left)
    reduction, columns = node.integer("K", 0), node.integer("N", 0)
    bits = node.integer("bits", 4)
    if shape is None or not shape or known(*shape) is None:
        return unknown_shape(node, context.graph, left)
    agree(node, "reduction", shape[-1], reduction)
    *outer, _ = (size for size in shape if isinstance(size, int))
    sizes = (reduction, outer[-1] if outer else 1, columns)
    axes = _batches(node, tuple(outer[:-1]), (), produced=False)
    layer = _layer(node, context, (left, right), sizes, axes)
    if "W" in context.bits.given:
        return (layer,)
    return (replace(layer, precision={**layer.precision, "W": bits, "O": max(32, layer.precision["I"])}),)


def matrix_product(node: OnnxNode, context: Context, left: str, right: str) -> Built:
    """Return the layer of a matrix product, or why it cannot be mapped.

    A vector is a matrix of one row or column. Batch axes become the loops B and H, as in ZigZag; more than two
    are folded. An operand that is broadcast along a batch axis has no index for it, so that its data is reused
    there. Attributes transA and transB, which onnxruntime's products have, exchange the last two axes.

    Parameters
    ----------
    node, context
        The node and what it is read with.
    left, right : str
        The tensors that become operands I and W.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    output, graph = node.output(), context.graph
    a, b, result = (graph.shapes.get(tensor) for tensor in (left, right, output))
    a = (*a[:-2], a[-1], a[-2]) if a is not None and len(a) > 1 and node.flag("transA") else a
    b = (*b[:-2], b[-1], b[-2]) if b is not None and len(b) > 1 and node.flag("transB") else b
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
    produced = right in graph.producers and right not in graph.constants
    axes = _batches(node, batch_a, batch_b, produced=produced)
    return (_layer(node, context, (left, right), sizes, axes),)


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
    context: Context,
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
    return built_layer(
        node,
        context,
        f"O{part_o}[d][k]+=I{part_i}[d][c]*W{part_w}[c][k]",
        {"C": reduction, "D": rows, "K": columns} | {batch.name: batch.size for batch in batches},
        context.bits.of(node, data, weights, node.output()),
        {"I": data, "W": weights},
    )
