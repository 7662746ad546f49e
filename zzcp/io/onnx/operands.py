"""What convolutions and matrix products of ONNX graphs have in common: sizes, precisions and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zzcp.errors import InputError, Place
from zzcp.io.onnx.graph import UNKNOWN, OnnxGraph, OnnxNode, Shape


def agree(node: OnnxNode, label: str, *sizes: int | str | None) -> int | str:
    """Return the size that several tensors state, ``?`` where none does.

    Raises
    ------
    InputError
        If two of them differ.
    """
    stated = [size for size in sizes if isinstance(size, int)]
    if len(set(stated)) > 1:
        raise node.error(f"tensors disagree about the {label}", found=" and ".join(map(str, stated)))
    return stated[0] if stated else UNKNOWN


def known(*sizes: int | str) -> tuple[int, ...] | None:
    """Return the sizes if all of them are known."""
    stated = tuple(size for size in sizes if isinstance(size, int))
    return stated if len(stated) == len(sizes) else None


def filled(shapes: Iterable[Shape | None], rank: int) -> Iterator[Shape]:
    """Yield the shapes, sizes of ``?`` in the place of one that is not known."""
    return ((UNKNOWN,) * rank if shape is None else shape for shape in shapes)


def unknown_shape(node: OnnxNode, graph: OnnxGraph, *tensors: str) -> str:
    """Return the reason for a node some of whose sizes are not known.

    Raises
    ------
    InputError
        If a graph input has open dimensions: then the caller can fix them, and must.
    """
    shapes = {tensor: graph.shapes.get(tensor) for tensor in tensors}
    vague = [tensor for tensor, shape in shapes.items() if shape is None or known(*shape) is None]
    text = "; ".join(f"{tensor} {_text(shapes[tensor])}" for tensor in vague)
    if graph.open_dimensions:
        names = ", ".join(f"{name!r}: SIZE" for name in graph.open_dimensions)
        raise InputError(
            f"{node.operator} on tensors whose sizes depend on open dimensions of the model",
            place=Place(field=f"node {node.name}"),
            found=text,
            hint=f"fix them: load_onnx(..., dimensions={{{names}}})",
        )
    return f"{node.operator} with a tensor of unknown shape: {text}"


def _text(shape: Shape | None) -> str:
    return "(no shape)" if shape is None else f"[{', '.join(map(str, shape))}]"


def precision(node: OnnxNode, *, variable_weights: bool, constant_data: bool = False) -> dict[str, int]:
    """Return the bits of the operands of a node.

    8-bit weights and activations and partial sums of twice the bits, or what ZigZag's attributes
    ``weight_size``, ``act_size`` and ``output_size`` on the node say.
    """
    activation = node.integer("act_size", 8)
    weight = node.integer("weight_size", 8)
    return {
        "W": activation if variable_weights else weight,
        "I": weight if constant_data else activation,
        "O_final": activation,
        "O": node.integer("output_size", 2 * activation),
    }


def sources(graph: OnnxGraph, **operands: str) -> dict[str, int]:
    """Return the nodes that produce the operands' tensors."""
    return {
        operand: graph.producers[tensor] for operand, tensor in operands.items() if tensor in graph.producers
    }
