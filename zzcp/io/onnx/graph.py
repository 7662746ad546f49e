"""The graph of an ONNX model as plain data: nodes, tensor shapes and who produces what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from zzcp.errors import InputError, Place

AttributeValue = int | float | str | tuple[int, ...] | None
Shape = tuple[int | str, ...]
"""Sizes of a tensor; a name (``?`` where it has none) in the place of a size that the file leaves open."""

UNKNOWN = "?"
"""A size without a value or a name."""

STANDARD_DOMAINS = ("", "ai.onnx")
"""Domains of the operators that the ONNX standard defines."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """A node of an ONNX graph.

    Parameters
    ----------
    id : int
        Position in the file; nodes of branches, bodies and functions follow those of the graph around them.
    name, operator, domain : str
        As in the file; ``Op<id>`` for a node without a name, ``CALLER/NAME`` for one of a function.
    inputs, outputs : tuple of str
        Names of tensors, empty where an optional one is left out.
    attributes : mapping of str to int, float, str, tuple of int or None
        None stands for a value of any other type.
    note : str
        What reading the graph has to say about the node, e.g. which branch of it was read.
    complete : bool
        Whether all that is inside the node is read.
    """

    id: int
    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]
    note: str = ""
    complete: bool = True

    def flag(self, name: str, default: int = 0) -> bool:
        """Return an attribute that is 0 or 1."""
        return self.integer(name, default) != 0

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a text."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.error(f"attribute {name} has the wrong type", expected="text", found=repr(value))
        return value

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self.error(f"attribute {name} has the wrong type", expected="an integer", found=repr(value))
        return value

    def integers(self, name: str, length: int) -> tuple[int, ...] | None:
        """Return an attribute of `length` integers, or None where it is missing."""
        if name not in self.attributes:
            return None
        value = self.attributes[name]
        if not isinstance(value, tuple) or len(value) != length:
            raise self.error(
                f"attribute {name} has the wrong form", expected=f"{length} integers", found=repr(value)
            )
        return value

    def input(self, position: int) -> str:
        """Return the name of a required input."""
        if position >= len(self.inputs) or not self.inputs[position]:
            raise self.error(f"{self.operator} lacks input {position}", found=f"{len(self.inputs)} inputs")
        return self.inputs[position]

    def optional(self, position: int) -> str | None:
        """Return the name of an optional input, or None where it is left out."""
        return self.inputs[position] or None if position < len(self.inputs) else None

    def output(self) -> str:
        """Return the name of the first output."""
        if not self.outputs or not self.outputs[0]:
            raise self.error(f"{self.operator} has no output")
        return self.outputs[0]

    def error(self, message: str, *, expected: str | None = None, found: str | None = None) -> InputError:
        """Return an error that names the node."""
        return InputError(message, place=Place(field=f"node {self.name}"), expected=expected, found=found)

    def enclose(self, error: InputError) -> InputError:
        """Return the error of a part of the node with the node's name added to its place."""
        named = error.at()
        named.place = Place(field=": ".join(filter(None, (f"node {self.name}", error.place.field))))
        return named


@dataclass(frozen=True)
class OnnxGraph:
    """A flat graph: functions, branches and bodies expanded.

    Parameters
    ----------
    nodes : tuple of OnnxNode
        In the order in which they run.
    shapes : mapping of str to Shape
        Shapes of the tensors whose rank is known.
    types : mapping of str to int
        Element types of the tensors, as numbered in ``onnx.TensorProto.DataType``.
    producers : mapping of str to int
        Which node produces a tensor; graph inputs and initializers have none.
    constants : frozenset of str
        Tensors that do not depend on the graph's inputs.
    open_dimensions : tuple of str
        Sizes of graph inputs that neither the file nor the caller fixes.
    """

    nodes: tuple[OnnxNode, ...]
    shapes: Mapping[str, Shape]
    types: Mapping[str, int]
    producers: Mapping[str, int]
    constants: frozenset[str] = frozenset()
    open_dimensions: tuple[str, ...] = ()

    def predecessors(self, node: OnnxNode) -> list[int]:
        """Return the nodes that produce the inputs of a node, one per such input."""
        return [self.producers[tensor] for tensor in node.inputs if tensor in self.producers]

    def producer(self, tensor: str) -> OnnxNode | None:
        """Return the node that produces a tensor, if any."""
        return self.by_id.get(self.producers.get(tensor, -1))

    @cached_property
    def by_id(self) -> Mapping[int, OnnxNode]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def consumers(self) -> Mapping[str, list[OnnxNode]]:
        """The nodes that read a tensor, by its name."""
        found: dict[str, list[OnnxNode]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(filter(None, node.inputs)):
                found.setdefault(tensor, []).append(node)
        return found
