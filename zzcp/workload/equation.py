"""The equation of a layer: which loop dimensions index which operand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType

from zzcp.checks import instance, integer, repr_of
from zzcp.errors import InputError

_OPERAND = re.compile(r"\s*([A-Za-z]\w*)((?:\s*\[\s*\w*\s*\])*)\s*")
_INDEX = re.compile(r"\[\s*(\w*)\s*\]")
_RELATION = re.compile(r"^\s*(\w+)\s*=\s*(?:(\d+)\s*\*\s*)?(\w+)\s*\+\s*(?:(\d+)\s*\*\s*)?(\w+)\s*$")

MAX_COEFFICIENT = 2**20
"""Largest stride or dilation accepted."""


@dataclass(frozen=True, slots=True)
class Equation:
    """An einsum-like equation, e.g. ``O[b][k][oy][ox] += W[k][c][fy][fx] * I[b][c][iy][ix]``.

    Parameters
    ----------
    output : str
        Name of the output operand.
    inputs : tuple of str
        Names of the input operands in the order of the equation.
    indices : mapping of str to tuple of str
        The (upper-case) index dimensions of every operand.
    combine : str
        ``*`` or ``+``: how the inputs are combined before they are accumulated.
    """

    output: str
    inputs: tuple[str, ...]
    indices: Mapping[str, tuple[str, ...]]
    combine: str = "*"

    @classmethod
    def parse(cls, text: str) -> Equation:
        """Read an equation in ZigZag's notation.

        Parameters
        ----------
        text : str
            ``=`` or ``+=`` between output and inputs, ``*`` or ``+`` between the inputs; ``[]`` for a scalar.

        Raises
        ------
        InputError
            If the text is not such an equation.
        """
        instance(text, str, "equation", "a text such as O[b][k]+=W[k][c]*I[b][c]")
        left, separator, right = text.replace("+=", "=").partition("=")
        if not separator or "=" in right:
            raise _malformed(text, "one '=' or '+='")
        combine = "+" if "+" in right else "*"
        if "+" in right and "*" in right:
            raise _malformed(text, "either '*' or '+' between the inputs")
        parts = [left, *right.split(combine)]
        operands: dict[str, tuple[str, ...]] = {}
        for part in parts:
            match = _OPERAND.fullmatch(part)
            if match is None:
                raise _malformed(text, f"an operand such as W[k][c], not {part.strip()!r}")
            name = match.group(1)
            if name in operands:
                raise InputError(f"operand {name} occurs twice in the equation", found=text.strip())
            indices = tuple(index.upper() for index in _INDEX.findall(match.group(2)) if index)
            if len(set(indices)) != len(indices):
                raise InputError(f"operand {name} has a repeated index", found=text.strip())
            operands[name] = indices
        output, *inputs = operands
        return cls(output, tuple(inputs), MappingProxyType(operands), combine)

    @property
    def operands(self) -> tuple[str, ...]:
        """All operands, the output first."""
        return (self.output, *self.inputs)

    def __str__(self) -> str:
        def tensor(name: str) -> str:
            return name + "".join(f"[{index.lower()}]" for index in self.indices[name])

        return f"{tensor(self.output)}+={self.combine.join(tensor(name) for name in self.inputs)}"

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Equation.parse, (str(self),)


def _malformed(text: str, expected: str) -> InputError:
    return InputError("malformed equation", expected=expected, found=repr_of(text.strip()))


@dataclass(frozen=True, slots=True)
class DimensionRelation:
    """A sliding window: ``IX = stride * OX + dilation * FX``.

    Parameters
    ----------
    window : str
        The dimension of the input that is not a loop, e.g. ``IX``.
    outer : str
        The loop that moves the window, e.g. ``OX``.
    stride : int
        How far the window moves per step of `outer`.
    inner : str
        The loop inside the window, e.g. ``FX``.
    dilation : int
        Distance between neighbouring elements inside the window.
    """

    window: str
    outer: str
    stride: int
    inner: str
    dilation: int

    def __post_init__(self) -> None:
        for field in ("window", "outer", "inner"):
            instance(getattr(self, field), str, f"{field} of a relation", "a dimension such as IX")
        for field in ("stride", "dilation"):
            value = integer(getattr(self, field), f"relation of {self.window}: {field}")
            if not 1 <= value <= MAX_COEFFICIENT:
                raise InputError(
                    f"relation of {self.window}: {field} out of range",
                    expected=f"1 to {MAX_COEFFICIENT}",
                    found=repr_of(value),
                )
            object.__setattr__(self, field, value)
        if len({self.window, self.outer, self.inner}) != 3:
            raise InputError(f"relation of {self.window} needs three different dimensions", found=str(self))

    @property
    def loops(self) -> tuple[str, str]:
        """The two loops that the window depends on."""
        return self.outer, self.inner

    @classmethod
    def parse(cls, text: str) -> DimensionRelation:
        """Read a relation such as ``ix=2*ox+1*fx``.

        Raises
        ------
        InputError
            If the text is not of that form.
        """
        match = _RELATION.match(instance(text, str, "relation", "a text such as ix=2*ox+1*fx"))
        if match is None:
            raise InputError(
                "malformed dimension relation", expected="the form ix=2*ox+1*fx", found=repr_of(text)
            )
        window, stride, outer, dilation, inner = match.groups()
        return cls(window.upper(), outer.upper(), int(stride or 1), inner.upper(), int(dilation or 1))

    def distinct(self, outer: int, inner: int) -> int:
        """Return how many different positions ``stride*i + dilation*j`` takes for i < outer, j < inner.

        With a common divisor g, (i, j) and (i + dilation/g, j - stride/g) coincide and nothing else does, so
        every pair that has such a predecessor is one position too many. Integer arrays are counted element-wise.
        """
        divisor = gcd(self.stride, self.dilation)
        step_outer, step_inner = self.dilation // divisor, self.stride // divisor
        spare_inner, spare_outer = inner - step_inner, outer - step_outer
        return outer * inner - (spare_inner * (spare_inner > 0)) * (spare_outer * (spare_outer > 0))

    def distinct_below(self, limit: int, outer: int, inner: int) -> int:
        """Return how many of the positions of `distinct` are less than `limit`."""
        if outer < inner:
            # the same positions, told apart by the loop with fewer steps
            exchanged = DimensionRelation(self.window, self.inner, self.dilation, self.outer, self.stride)
            return exchanged.distinct_below(limit, inner, outer)
        divisor = gcd(self.stride, self.dilation)
        step_outer, step_inner = self.dilation // divisor, self.stride // divisor
        count = 0
        for j in range(min(inner, -(-limit // self.dilation))):
            below = min(outer, -(-(limit - self.dilation * j) // self.stride))
            # of the pairs (i, j) that are one position the one with the least j counts
            repeated = min(below, max(0, outer - step_outer)) if j >= step_inner else 0
            count += below - repeated
        return count

    def distinct_zigzag(self, outer: int, inner: int) -> int:
        """Return ZigZag's count, which lacks the second max(0, .) and so exceeds `distinct` for dilated slivers.

        Source: ``LayerNode.calc_pr_dimension_size`` of zigzag-dse 3.9.1.
        """
        divisor = gcd(self.stride, self.dilation)
        step_outer, step_inner = self.dilation // divisor, self.stride // divisor
        spare_inner = inner - step_inner
        return outer * inner - spare_inner * (spare_inner > 0) * (outer - step_outer)

    def span(self, outer: int, inner: int) -> int:
        """Return the distance from the first to the last position, both included."""
        return (outer - 1) * self.stride + (inner - 1) * self.dilation + 1

    def __str__(self) -> str:
        return (
            f"{self.window.lower()}={self.stride}*{self.outer.lower()}+{self.dilation}*{self.inner.lower()}"
        )
