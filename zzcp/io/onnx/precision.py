"""Bits of the operands of a layer: what the tensors of the file say, or the user.

Weights and activations take the bits of the type in which they are kept: where a tensor is dequantised, cast from a
constant, or only laid out anew before it is used, that is the type before. An output takes the bits of its tensor, or
of what a ``QuantizeLinear`` makes of it, directly or behind activations and the addition of a constant (a bias).
Partial sums are kept as usual: of floats in 32 bits (64 where an operand has 64), of integers of up to 8 bits in 32,
of wider ones in 64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zzcp.checks import MAX_PRECISION, among, repr_of
from zzcp.errors import InputError
from zzcp.io.onnx.graph import OnnxGraph, OnnxNode

KEYS = ("W", "I", "O", "O_final")
"""What a user may say: bits of weights, activations, partial sums and outputs."""

TYPES: Mapping[int, tuple[str, int]] = {
    1: ("float32", 32),
    2: ("uint8", 8),
    3: ("int8", 8),
    4: ("uint16", 16),
    5: ("int16", 16),
    6: ("int32", 32),
    7: ("int64", 64),
    9: ("bool", 8),
    10: ("float16", 16),
    11: ("float64", 64),
    12: ("uint32", 32),
    13: ("uint64", 64),
    14: ("complex64", 64),
    15: ("complex128", 128),
    16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8),
    19: ("float8e5m2", 8),
    20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4),
    22: ("int4", 4),
    23: ("float4e2m1", 4),
    24: ("float8e8m0", 8),
    25: ("uint2", 2),
    26: ("int2", 2),
    27: ("float6e2m3", 6),
    28: ("float6e3m2", 6),
}
"""Names and bits of the element types, as numbered in ``onnx.TensorProto.DataType``."""
FLOAT32 = 1
_LAYOUT = ("Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
_ELEMENTWISE = "Relu Clip LeakyRelu PRelu Sigmoid HardSigmoid HardSwish Tanh Elu Selu Softplus Gelu Mish Celu"
_PASSED = (*_LAYOUT, *_ELEMENTWISE.split())
_STEPS = 16
"""Most nodes that are looked through."""


def check_precision_given(given: Mapping[str, int]) -> dict[str, int]:
    """Return the bits that a user gives.

    Raises
    ------
    InputError
        If a key is unknown or a number of bits out of range.
    """
    for key, bits in given.items():
        among(key, KEYS, "precision of an unknown operand", found=repr(key), near=True)
        if not isinstance(bits, int) or isinstance(bits, bool) or not 0 <= bits <= MAX_PRECISION:
            raise InputError(
                f"precision of {key} out of range", expected=f"0 to {MAX_PRECISION} bits", found=repr_of(bits)
            )
    return dict(given)


@dataclass(frozen=True)
class Precision:
    """Finds the bits of operands.

    Parameters
    ----------
    graph : OnnxGraph
        Where the tensors are.
    given : mapping of str to int
        Bits that count instead of the file's: ``W`` of constants, ``I`` of what is computed, ``O`` of partial sums,
        ``O_final`` of outputs.
    untyped : set of str
        Takes the names of nodes with operands of no known type, which are taken for float32.
    """

    graph: OnnxGraph
    given: Mapping[str, int] = field(default_factory=dict)
    untyped: set[str] = field(default_factory=set)

    def of(
        self, node: OnnxNode, data: str, weights: str, output: str | None, *, variable: bool | None = None
    ) -> dict[str, int]:
        """Return the bits of the operands I, W and O of a layer.

        Parameters
        ----------
        node : OnnxNode
            The node of the layer.
        data, weights, output : str or None
            Its tensors; None for an output that stays inside of the node and has the type of the data.
        variable : bool, optional
            Whether the second operand is computed by the network, too; by default that is looked up.
        """
        constants = self.graph.constants
        if variable is None:
            variable = weights in self.graph.producers and weights not in constants
        fixed = data in constants and weights not in constants
        kinds = {"I": "W" if fixed else "I", "W": "I" if variable else "W"}
        zigzag = _zigzag_attributes(node)
        if zigzag is None:
            bits = self._stated(node, data, weights, output)
        else:
            bits = {**zigzag, "I": zigzag[kinds["I"]], "W": zigzag[kinds["W"]]}
        for operand, kind in kinds.items():
            bits[operand] = self.given.get(kind, bits[operand])
        return bits | {key: self.given[key] for key in ("O", "O_final") if key in self.given}

    def _stated(self, node: OnnxNode, data: str, weights: str, output: str | None) -> dict[str, int]:
        known = {"I": self.stored(data), "W": self.stored(weights)}
        found = [element for element in known.values() if element is not None]
        if not found:
            self.untyped.add(node.name)
        usual = found[0] if found else FLOAT32
        elements = {key: element if element is not None else usual for key, element in known.items()}
        result = self._result(output) if output is not None else None
        if result is None:
            result = elements["I"]
        return {
            "W": TYPES[elements["W"]][1],
            "I": TYPES[elements["I"]][1],
            "O_final": TYPES[result][1],
            "O": accumulator(elements["W"], elements["I"]),
        }

    def stored(self, tensor: str) -> int | None:
        """Return the element type in which a tensor is kept, or None where it is not known."""
        element = self._known(tensor)
        for _ in range(_STEPS):
            node = self.graph.producer(tensor)
            if node is None or not node.inputs or not node.inputs[0]:
                break
            quantised = node.operator == "DequantizeLinear"
            cast = node.operator == "Cast" and node.inputs[0] in self.graph.constants
            if not quantised and not cast and node.operator not in _LAYOUT:
                break
            tensor = node.inputs[0]
            if quantised or cast:
                element = self._known(tensor) or element
        return element

    def _known(self, tensor: str) -> int | None:
        element = self.graph.types.get(tensor)
        return element if element in TYPES else None

    def _result(self, tensor: str) -> int | None:
        """Return the element type of an output, quantised where it is only used so."""
        element = self._known(tensor)
        for _ in range(_STEPS):
            readers = self.graph.consumers.get(tensor, [])
            if len(readers) != 1 or not readers[0].outputs:
                break
            node = readers[0]
            if node.operator == "QuantizeLinear" and node.inputs[0] == tensor:
                return self._known(node.outputs[0]) or element
            biased = node.operator == "Add" and any(other in self.graph.constants for other in node.inputs)
            if node.operator not in _PASSED and not biased:
                break
            tensor = node.outputs[0]
        return element


def accumulator(*elements: int) -> int:
    """Return the bits of partial sums of products of some element types."""
    named = [TYPES[element] for element in elements]
    widest = max(bits for _, bits in named)
    if any("float" in name or "complex" in name for name, _ in named):
        return max(32, widest)
    return 32 if widest <= 8 else 64


def _zigzag_attributes(node: OnnxNode) -> dict[str, int] | None:
    """Return what ZigZag's attributes on a node say, or None where there are none; its defaults for the others."""
    if not {"weight_size", "act_size", "output_size"} & node.attributes.keys():
        return None
    activation = node.integer("act_size", 8)
    return {
        "W": node.integer("weight_size", 8),
        "I": activation,
        "O_final": activation,
        "O": node.integer("output_size", 2 * activation),
    }
