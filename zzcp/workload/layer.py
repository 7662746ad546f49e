"""A layer: loop sizes, operands and precisions, and the sizes of tensors and tiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zzcp.checks import among, instance, integer, pairs, two
from zzcp.errors import InputError, Place
from zzcp.workload.checks import (
    check_indices,
    check_precision,
    check_sizes,
    check_sources,
    check_windows,
    equation_of,
    paddings,
    relations_of,
    whole_numbers,
)
from zzcp.workload.equation import DimensionRelation, Equation

FINAL = "_final"
"""Suffix of the precision key of the complete output, as in ``O_final``."""


class Relevance(NamedTuple):
    """How the loops of a layer relate to one operand.

    Attributes
    ----------
    relevant : tuple of str
        Loops that index the operand: every step needs other data.
    irrelevant : tuple of str
        Loops during which the operand's data stays the same.
    partial : tuple of DimensionRelation
        Sliding windows of the operand; both of a window's loops are partially relevant.
    """

    relevant: tuple[str, ...]
    irrelevant: tuple[str, ...]
    partial: tuple[DimensionRelation, ...]

    @property
    def partially_relevant(self) -> tuple[str, ...]:
        """The loops of the sliding windows."""
        return tuple(dim for relation in self.partial for dim in relation.loops)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network as a perfectly nested loop.

    Parameters
    ----------
    equation : Equation or str
        What is computed, e.g. ``O[m][n]+=W[m][k]*I[k][n]``.
    sizes : mapping of str to int
        Size of every loop, keyed by (upper-case) dimension.
    name : str
        Name for reports; ``Layer<id>`` where not given.
    operator : str
        Kind of layer, e.g. ``Conv`` or ``Gemm``; a mapping file may select on it.
    relations : sequence of DimensionRelation or str
        Sliding windows such as ``ix=2*ox+1*fx``.
    precision : mapping of str to int
        Bits of every operand; the output's own key counts while partial sums are incomplete, the key with
        ``_final`` after that. 8-bit inputs, 16-bit partial and 8-bit final outputs where not given.
    padding : mapping of str to (int, int)
        Elements of zero padding before and after, per window dimension: they are never stored or moved.
    window_sizes : mapping of str to int
        Size of a window dimension in memory where the file states it; else computed from loops and padding.
    id : int
        Identifier within the network.
    sources : mapping of str to int
        For input operands that another layer produces, that layer's id. All others are constant.

    Raises
    ------
    InputError
        If sizes, precisions or relations contradict the equation or are out of range.
    """

    equation: Equation
    sizes: Mapping[str, int]
    name: str = ""
    operator: str = "Conv"
    relations: tuple[DimensionRelation, ...] = ()
    precision: Mapping[str, int] = field(default_factory=dict)
    padding: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    window_sizes: Mapping[str, int] = field(default_factory=dict)
    id: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        equation = equation_of(self.equation)
        self._set("equation", equation)
        self._set("relations", relations_of(self.relations))
        self._set("precision", _full_precision(equation, self.precision))
        self._set("sizes", whole_numbers(self.sizes, "sizes", "size of loop"))
        self._set("padding", paddings(self.padding))
        self._set("window_sizes", whole_numbers(self.window_sizes, "window_sizes", "size of"))
        self._set("id", integer(self.id, "id of a layer"))
        sources = pairs(self.sources, "sources of a layer", "a dictionary of operands and ids")
        found = {operand: integer(source, f"source of {operand}") for operand, source in sources.items()}
        self._set("sources", {operand: source for operand, source in found.items() if source != self.id})
        for name in ("name", "operator"):
            instance(getattr(self, name), str, f"{name} of a layer", "a text")
        if not self.name:
            self._set("name", f"Layer{self.id}")
        self._check()

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check(self) -> None:
        check_sizes(self.sizes)
        check_precision(self.precision)
        check_windows(self.relations, self.sizes, self.padding, self.window_sizes)
        for relation in self.relations:
            sizes = [self.window_size(relation, zigzag=zigzag) for zigzag in (False, True)]
            if min(*sizes, self.touched_positions(relation)) < 1:
                raise InputError(
                    f"window dimension {relation.window} has no elements left after padding",
                    place=Place(field="padding"),
                )
        check_indices(self.equation, self.sizes, self.relations)
        check_sources(self.equation, self.sources)

    @classmethod
    def conv(
        cls,
        *,
        b: int = 1,
        k: int = 1,
        c: int = 1,
        oy: int = 1,
        ox: int = 1,
        fy: int = 1,
        fx: int = 1,
        g: int | None = None,
        stride: int | tuple[int, int] = 1,
        dilation: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        name: str = "conv",
        operator: str = "Conv",
        precision: Mapping[str, int] | None = None,
        id: int = 0,  # noqa: A002
    ) -> Layer:
        """Return a convolution.

        Parameters
        ----------
        b, k, c, oy, ox, fy, fx : int
            Batch, output channels, input channels, output and filter height and width.
        g : int, optional
            Groups; `k` and `c` are then per group.
        stride, dilation, padding : int or (int, int)
            For both directions, or (vertical, horizontal). Padding is added on both sides.
        name, operator, precision, id
            As for `Layer`.
        """
        relations, pads = _windows(stride, dilation, padding)
        group = "" if g is None else "[g]"
        sizes = {"B": b, "K": k, "C": c, "OY": oy, "OX": ox, "FY": fy, "FX": fx}
        return cls(
            Equation.parse(f"O[b]{group}[k][oy][ox]+=W{group}[k][c][fy][fx]*I[b]{group}[c][iy][ix]"),
            sizes if g is None else {"G": g, **sizes},
            name=name,
            operator=operator,
            relations=relations,
            precision={} if precision is None else precision,
            padding=pads,
            id=id,
        )

    @classmethod
    def depthwise(
        cls,
        *,
        g: int,
        b: int = 1,
        oy: int = 1,
        ox: int = 1,
        fy: int = 1,
        fx: int = 1,
        stride: int | tuple[int, int] = 1,
        dilation: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        name: str = "depthwise",
        precision: Mapping[str, int] | None = None,
        id: int = 0,  # noqa: A002
    ) -> Layer:
        """Return a depthwise convolution over `g` channels; parameters as for `conv`."""
        return cls.conv(
            g=g,
            b=b,
            oy=oy,
            ox=ox,
            fy=fy,
            fx=fx,
            stride=stride,
            dilation=dilation,
            padding=padding,
            name=name,
            precision=precision,
            id=id,
        )

    @classmethod
    def gemm(
        cls,
        *,
        b: int,
        k: int,
        c: int,
        batch: int | None = None,
        name: str = "gemm",
        precision: Mapping[str, int] | None = None,
        id: int = 0,  # noqa: A002
    ) -> Layer:
        """Return a matrix product ``O[b][k] += W[k][c] * I[b][c]``.

        Parameters
        ----------
        b, k, c : int
            Rows of the input, columns of the output, and the reduction between them.
        batch : int, optional
            Number of independent products (dimension ``H``), each with weights of its own.
        name, precision, id
            As for `Layer`.
        """
        index = "" if batch is None else "[h]"
        sizes = {"B": b, "K": k, "C": c}
        return cls(
            Equation.parse(f"O{index}[b][k]+=W{index}[k][c]*I{index}[b][c]"),
            sizes if batch is None else {"H": batch, **sizes},
            name=name,
            operator="Gemm",
            precision={} if precision is None else precision,
            id=id,
        )

    @classmethod
    def pooling(
        cls,
        *,
        g: int,
        b: int = 1,
        oy: int = 1,
        ox: int = 1,
        fy: int = 1,
        fx: int = 1,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        name: str = "pooling",
        precision: Mapping[str, int] | None = None,
        id: int = 0,  # noqa: A002
    ) -> Layer:
        """Return a pooling layer over `g` channels: a depthwise window whose weights take no bits."""
        relations, pads = _windows(stride, 1, padding)
        return cls(
            Equation.parse("O[b][g][oy][ox]+=W[fy][fx]*I[b][g][iy][ix]"),
            {"B": b, "G": g, "OY": oy, "OX": ox, "FY": fy, "FX": fx},
            name=name,
            operator="Pooling",
            relations=relations,
            precision={"W": 0}
            | pairs(
                {} if precision is None else precision,
                "precision of a layer",
                "a dictionary of operands and bits",
            ),
            padding=pads,
            id=id,
        )

    @classmethod
    def add(
        cls,
        *,
        g: int,
        b: int = 1,
        oy: int = 1,
        ox: int = 1,
        name: str = "add",
        precision: Mapping[str, int] | None = None,
        id: int = 0,  # noqa: A002
    ) -> Layer:
        """Return an element-wise addition of two tensors of shape (b, g, oy, ox)."""
        return cls(
            Equation.parse("O[b][g][oy][ox]+=W[b][g][oy][ox]+I[b][g][oy][ox]"),
            {"B": b, "G": g, "OY": oy, "OX": ox},
            name=name,
            operator="Add",
            precision={} if precision is None else precision,
            id=id,
        )

    @property
    def operands(self) -> tuple[str, ...]:
        """All operands, the output first."""
        return self.equation.operands

    @property
    def output(self) -> str:
        """The output operand."""
        return self.equation.output

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input operands in the order of the equation."""
        return self.equation.inputs

    @property
    def constant_operands(self) -> tuple[str, ...]:
        """The inputs that no other layer produces, such as weights."""
        return tuple(operand for operand in self.inputs if operand not in self.sources)

    @property
    def final_precision(self) -> int:
        """Bits of a complete output element."""
        return self.precision[self.output + FINAL]

    @property
    def macs(self) -> int:
        """Number of multiply-accumulate operations."""
        return math.prod(self.sizes.values())

    @property
    def multiplies(self) -> bool:
        """Whether products are accumulated: not so where the inputs are added, or one takes no bits (pooling)."""
        return (
            self.equation.combine == "*"
            and len(self.inputs) > 1
            and all(self.precision[operand] for operand in self.inputs)
        )

    @property
    def default_links(self) -> dict[str, str]:
        """Which memory operand holds which operand where a mapping does not say: ``W: I2, I: I1, O: O``.

        With other names, the first input takes the weights' place and the second the activations'.
        """
        links = {self.output: "O"}
        if len(self.inputs) == 1:
            links[self.inputs[0]] = "I2" if self.inputs == ("W",) else "I1"
        elif self.inputs == ("I", "W"):
            links |= {"I": "I1", "W": "I2"}
        else:
            links |= dict(zip(self.inputs, ("I2", "I1"), strict=False))
        return links

    def relevance(self, operand: str) -> Relevance:
        """Return which loops are relevant, irrelevant and partially relevant to an operand.

        Loops of size 1 are left out of all three but for the loops of a window.
        """
        indices = self.equation.indices[operand]
        partial = tuple(relation for relation in self.relations if relation.window in indices)
        windows = {dim for relation in partial for dim in relation.loops}
        return Relevance(
            tuple(dim for dim in self.sizes if dim in indices and self.sizes[dim] > 1),
            tuple(
                dim for dim in self.sizes if dim not in indices and dim not in windows and self.sizes[dim] > 1
            ),
            partial,
        )

    def window_size(self, relation: DimensionRelation, *, zigzag: bool = False) -> int:
        """Return the number of elements of a window dimension that are in memory, padding left out.

        Parameters
        ----------
        relation : DimensionRelation
            The window.
        zigzag : bool
            Count as ZigZag does: all of the padding is taken off the positions that the loops touch, even where
            the window steps over it.
        """
        if relation.window in self.window_sizes:
            return self.window_sizes[relation.window]
        outer, inner = self.sizes[relation.outer], self.sizes[relation.inner]
        before, after = self.padding.get(relation.window, (0, 0))
        if zigzag:
            return relation.distinct_zigzag(outer, inner) - before - after
        # seen from the far end the positions are the same
        padding = sum(relation.distinct_below(pad, outer, inner) for pad in (before, after))
        return relation.distinct(outer, inner) - padding

    def stored_positions(self, relation: DimensionRelation) -> tuple[int, int]:
        """Return the first position of a window dimension that is in memory, and the end of those that are.

        Positions count from the first one that the loops touch, padding included.
        """
        before, after = self.padding.get(relation.window, (0, 0))
        if relation.window in self.window_sizes:
            return before, before + self.window_sizes[relation.window]
        outer, inner = self.sizes[relation.outer], self.sizes[relation.inner]
        return before, relation.span(outer, inner) - after

    def touched_positions(self, relation: DimensionRelation) -> int:
        """Return how many of the positions of a window dimension that are in memory the loops touch."""
        first, end = self.stored_positions(relation)
        outer, inner = self.sizes[relation.outer], self.sizes[relation.inner]
        # seen from the far end the positions are the same
        outside = (first, relation.span(outer, inner) - end)
        return relation.distinct(outer, inner) - sum(
            relation.distinct_below(n, outer, inner) for n in outside
        )

    def tile_size(self, operand: str, factors: Mapping[str, int], *, zigzag: bool = False) -> int:
        """Return the number of different elements of an operand that a tile of the loops touches.

        Parameters
        ----------
        operand : str
            One of `operands`.
        factors : mapping of str to int
            How many iterations of each loop the tile covers; 1 where a loop is missing.
        zigzag : bool
            Count windows as ZigZag does (see `DimensionRelation.distinct_zigzag`).
        """
        relevance = self.relevance(operand)
        elements = math.prod(factors.get(dim, 1) for dim in relevance.relevant)
        for relation in relevance.partial:
            count = relation.distinct_zigzag if zigzag else relation.distinct
            window = count(factors.get(relation.outer, 1), factors.get(relation.inner, 1))
            elements *= min(self.window_size(relation, zigzag=zigzag), window)
        return elements

    def tensor_size(self, operand: str) -> int:
        """Return the number of elements of an operand that the whole layer touches, padding left out."""
        relevance = self.relevance(operand)
        windows = math.prod(self.touched_positions(relation) for relation in relevance.partial)
        return math.prod(self.sizes[dim] for dim in relevance.relevant) * windows

    def signature(self) -> tuple[object, ...]:
        """Return what the cost of the layer depends on: layers of equal signature have equal optima."""
        return (
            str(self.equation),
            tuple(self.sizes.items()),
            tuple(map(str, self.relations)),
            tuple(self.precision.items()),
            tuple(self.padding.items()),
            tuple(self.window_sizes.items()),
        )

    def __hash__(self) -> int:
        # equal layers may list their loops in different orders
        return hash((str(self.equation), frozenset(self.sizes.items()), self.name, self.id))


def _full_precision(equation: Equation, given: Mapping[str, int]) -> dict[str, int]:
    """Return the bits of every operand, those that are not given filled in."""
    final = equation.output + FINAL
    given = pairs(given, "precision of a layer", "a dictionary of operands and bits")
    precision = {
        **dict.fromkeys(equation.inputs, 8),
        equation.output: 16,
        final: given.get(equation.output, 8),
    }
    for key, bits in given.items():
        message = "precision of an unknown operand"
        among(key, precision, message, field=f"precision.{key}", near=True)
        precision[key] = integer(bits, f"precision of {key}")
    return precision


def _windows(
    stride: int | tuple[int, int], dilation: int | tuple[int, int], padding: int | tuple[int, int]
) -> tuple[tuple[DimensionRelation, ...], dict[str, tuple[int, int]]]:
    """Return the windows of a filter over an image, and the padding on both sides of each."""
    given = {"stride": stride, "dilation": dilation, "padding": padding}
    (stride_y, stride_x), (dilation_y, dilation_x), (pad_y, pad_x) = (
        two(value, name, "a number, or one for each direction")
        if isinstance(value, Sequence)
        else (integer(value, name),) * 2
        for name, value in given.items()
    )
    relations = (
        DimensionRelation("IX", "OX", stride_x, "FX", dilation_x),
        DimensionRelation("IY", "OY", stride_y, "FY", dilation_y),
    )
    return relations, {"IX": (pad_x, pad_x), "IY": (pad_y, pad_y)}
