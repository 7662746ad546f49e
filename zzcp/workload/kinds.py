"""Kinds of layers, told by equation and sizes, and selectors such as ``is depthwise`` that files choose layers with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zzcp.errors import InputError, nearest
from zzcp.workload.layer import Layer

PREFIX = "is "
"""What the name of an entry begins with that is for a kind of layers."""
FEW_CHANNELS = 4
"""Input channels of a first layer, at most: an image has 1, 3 or 4."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the loops of a layer do; those of one iteration do nothing.

    Parameters
    ----------
    windows : bool
        Whether an input has sliding windows.
    taps : int
        Iterations over the elements of a window.
    groups : int
        Iterations that index every operand.
    reduction : int
        Iterations over which sums are made, but for those over windows.
    rows : int
        Iterations that index output and first input but not the weights: pixels, rows, images.
    inputs : int
        Operands that are read.
    products : bool
        Whether these are multiplied.
    """

    windows: bool
    taps: int
    groups: int
    reduction: int
    rows: int
    inputs: int
    products: bool

    @classmethod
    def of(cls, layer: Layer) -> Shape:
        """Return the shape of a layer."""
        equation = layer.equation
        inner = {relation.inner for relation in layer.relations}
        taps = groups = reduction = rows = 1
        indexed = {operand: _dims(layer, operand) for operand in layer.operands}
        weights = [operand for operand in equation.inputs if not _has_windows(layer, operand)]
        weight = weights[0] if len(equation.inputs) > 1 and weights else None
        for dim, size in layer.sizes.items():
            if dim in inner:
                taps *= size
            elif dim not in indexed[equation.output]:
                reduction *= size
            elif all(dim in dims for dims in indexed.values()):
                groups *= size
            elif weight is not None and dim not in indexed[weight]:
                rows *= size
        return cls(
            bool(layer.relations),
            taps,
            groups,
            reduction,
            rows,
            len(equation.inputs),
            equation.combine == "*",
        )


def _has_windows(layer: Layer, operand: str) -> bool:
    indices = layer.equation.indices[operand]
    return any(relation.window in indices for relation in layer.relations)


def _dims(layer: Layer, operand: str) -> set[str]:
    """Return the loops that change an operand's data."""
    indices = set(layer.equation.indices[operand])
    windows = [relation for relation in layer.relations if relation.window in indices]
    return indices | {dim for relation in windows for dim in relation.loops}


KINDS: Mapping[str, tuple[str, Callable[[Shape], bool]]] = {
    "convolution": (
        "two operands, one of them with windows",
        lambda s: s.windows and s.inputs == 2 and s.products,
    ),
    "depthwise": (
        "a convolution of every channel by itself",
        lambda s: s.windows and s.inputs == 2 and s.products and s.groups > 1 and s.reduction == 1,
    ),
    "grouped": (
        "a convolution in groups of several channels",
        lambda s: s.windows and s.inputs == 2 and s.products and s.groups > 1 and s.reduction > 1,
    ),
    "pointwise": (
        "a convolution with windows of one element",
        lambda s: s.windows and s.inputs == 2 and s.products and s.taps == 1 and s.reduction > 1,
    ),
    "first": (
        f"a convolution of at most {FEW_CHANNELS} input channels, none of them a group",
        lambda s: (
            s.windows and s.inputs == 2 and s.products and s.groups == 1 and s.reduction <= FEW_CHANNELS
        ),
    ),
    "matrix-product": (
        "a product without windows in which something is summed up",
        lambda s: not s.windows and s.inputs == 2 and s.products and s.reduction > 1,
    ),
    "matrix-vector": (
        "a matrix product with one row",
        lambda s: not s.windows and s.inputs == 2 and s.products and s.reduction > 1 and s.rows == 1,
    ),
    "pooling": ("one input, with windows", lambda s: s.windows and s.inputs == 1),
    "elementwise": (
        "nothing is summed up, and there are no windows",
        lambda s: not s.windows and s.reduction == 1,
    ),
}
"""Kinds of layers: what they are in words, and by their shape. A layer may be of several."""


def kinds_of(layer: Layer) -> tuple[str, ...]:
    """Return the kinds that a layer is of.

    Examples
    --------
    >>> kinds_of(Layer.depthwise(g=32, oy=8, ox=8, fy=3, fx=3))
    ('convolution', 'depthwise')
    """
    shape = Shape.of(layer)
    return tuple(name for name, (_, fits) in KINDS.items() if fits(shape))


_SIZE = re.compile(r"([A-Za-z]\w*)(<=|>=|=|<|>)(\d{1,12})")
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "=": lambda size, number: size == number,
    "<": lambda size, number: size < number,
    ">": lambda size, number: size > number,
    "<=": lambda size, number: size <= number,
    ">=": lambda size, number: size >= number,
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Which layers an entry of a file is for: all those of some kinds, with some sizes.

    Parameters
    ----------
    kinds : tuple of str
        Names of `KINDS`; all of them.
    sizes : tuple of (str, str, int)
        Dimension, comparison and number; all of them. A dimension that a layer lacks has one iteration.
    """

    kinds: tuple[str, ...] = ()
    sizes: tuple[tuple[str, str, int], ...] = ()

    @classmethod
    def of(cls, name: str) -> Selector | None:
        """Return the selector that the name of an entry is, such as ``is convolution FY=7``; None if it is a name.

        Raises
        ------
        InputError
            If it begins like a selector and is none.
        """
        if not name.startswith(PREFIX):
            return None
        kinds, sizes = [], []
        for word in name[len(PREFIX) :].split():
            found = _SIZE.fullmatch(word)
            if found is not None:
                sizes.append((found[1].upper(), found[2], int(found[3])))
            elif word in KINDS:
                kinds.append(word)
            else:
                raise InputError(
                    "unknown kind of layer",
                    expected=f"{', '.join(KINDS)}, or a size such as FY=7 or C<=4",
                    found=word,
                    hint=nearest(word, tuple(KINDS)),
                )
        if not kinds and not sizes:
            raise InputError(
                "no kind of layer", expected=f"{', '.join(KINDS)}, or a size such as FY=7", found=repr(name)
            )
        return cls(tuple(kinds), tuple(sizes))

    def selects(self, layer: Layer) -> bool:
        """Return whether a layer is one of these."""
        kinds = kinds_of(layer)
        return all(kind in kinds for kind in self.kinds) and all(
            _COMPARE[compared](layer.sizes.get(dim, 1), number) for dim, compared, number in self.sizes
        )
