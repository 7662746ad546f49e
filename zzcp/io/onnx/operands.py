"""What the makers of layers have in common: the context, sizes and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from zzcp.errors import InputError, Place
from zzcp.io.onnx.graph import UNKNOWN, OnnxGraph, OnnxNode, Shape
from zzcp.io.onnx.precision import Precision
from zzcp.workload.equation import Equation
from zzcp.workload.layer import Layer


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a node has no layer, and the multiply-accumulate operations left out with it (None: not known)."""

    reason: str
    macs: int | None = None


Built = tuple[Layer, ...] | LeftOut
"""The layers of a node, the last one with the node's id; or why there are none."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a maker of layers works with.

    Parameters
    ----------
    graph : OnnxGraph
        Where the node stands.
    bits : Precision
        Finds the bits of operands.
    notes : list of str
        Takes what the user should know.
    crosswise : list of str
        Takes the names of layers that ZigZag reads with rows and columns exchanged.
    edges : list of (int, int)
        Takes data flow that no layer's sources say.
    """

    graph: OnnxGraph
    bits: Precision
    notes: list[str] = field(default_factory=list)
    crosswise: list[str] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    ids: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        largest = max((node.id for node in self.graph.nodes), default=-1)
        object.__setattr__(self, "ids", count(largest + 1))


Maker = Callable[[OnnxNode, Context], Built]
"""Makes the layers of a node."""


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


def unknown_shape(node: OnnxNode, graph: OnnxGraph, *tensors: str) -> LeftOut:
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
        options = " ".join(f"--dim {name}=SIZE" for name in graph.open_dimensions)
        raise InputError(
            f"{node.operator} on tensors whose sizes depend on open dimensions of the model",
            place=Place(field=f"node {node.name}"),
            found=text,
            hint=f"give them: {options}, or dimensions={{{names}}} in Python",
        )
    return LeftOut(f"{node.operator} with a tensor of unknown shape: {text}")


def _text(shape: Shape | None) -> str:
    return "(no shape)" if shape is None else f"[{', '.join(map(str, shape))}]"


def sources(graph: OnnxGraph, **operands: str) -> dict[str, int]:
    """Return the nodes that produce the operands' tensors; constants have none, whatever they pass through."""
    return {
        operand: graph.producers[tensor]
        for operand, tensor in operands.items()
        if tensor in graph.producers and tensor not in graph.constants
    }


def built_layer(
    node: OnnxNode,
    context: Context,
    equation: Equation | str,
    sizes: dict[str, int],
    precision: dict[str, int],
    tensors: dict[str, str],
    **more: Any,
) -> Layer:
    """Return the layer of a node.

    Parameters
    ----------
    node, context
        The node and what it is read with.
    equation, sizes, precision, **more
        Of the layer; name, id and sources are those of the node where nothing is said.
    tensors : dict of str to str
        The tensors that become its input operands.

    Raises
    ------
    InputError
        If there is no such layer, at the node.
    """
    own: dict[str, Any] = {"name": node.name, "id": node.id, "sources": sources(context.graph, **tensors)}
    try:
        parsed = equation if isinstance(equation, Equation) else Equation.parse(equation)
        return Layer(parsed, sizes, operator=node.operator, precision=precision, **own | more)
    except InputError as error:
        raise node.enclose(error) from None
