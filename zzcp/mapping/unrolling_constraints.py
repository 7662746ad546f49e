"""What a user may ask of an unrolling, and what of it an unrolling violates.

A dimension that a layer lacks has one iteration: it may be allowed, and the factor that is asked of it is 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from zzcp.errors import InputError, nearest
from zzcp.hardware import Accelerator
from zzcp.mapping.spatial import SpatialMapping
from zzcp.workload import Layer
from zzcp.workload.checks import USUAL_DIMENSIONS


@dataclass(frozen=True, slots=True)
class AllowedDims:
    """The layer dimensions that may be unrolled on an array dimension; none, if there are none.

    Parameters
    ----------
    array_dimension : str
        Where.
    dims : tuple of str
        Which.
    """

    array_dimension: str
    dims: tuple[str, ...]

    def __str__(self) -> str:
        return f"unrolled on {self.array_dimension} only {' or '.join(self.dims) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class MostDims:
    """How many layer dimensions may be unrolled on an array dimension, at most.

    Parameters
    ----------
    array_dimension : str
        Where.
    most : int
        How many.
    """

    array_dimension: str
    most: int

    def __str__(self) -> str:
        return f"at most {self.most} unrolled on {self.array_dimension}"


@dataclass(frozen=True, slots=True)
class FixedFactor:
    """The factor of a layer dimension on an array dimension, reduced to what the layer has; others may be beside it.

    Parameters
    ----------
    array_dimension, dim : str
        Which layer dimension, and where.
    factor : int
        How far it is unrolled; 1, if it is not.
    """

    array_dimension: str
    dim: str
    factor: int

    def __str__(self) -> str:
        return f"{self.dim} {self.factor} on {self.array_dimension}"


@dataclass(frozen=True, slots=True)
class MinArrayUtilization:
    """The share of the array's units that must be in use.

    Parameters
    ----------
    share : Fraction
        From 0 to 1.
    """

    share: Fraction

    def __str__(self) -> str:
        return f"utilization of the array at least {float(self.share):g}"


UnrollingConstraint = AllowedDims | MostDims | FixedFactor | MinArrayUtilization
"""What can be asked of an unrolling."""
UNROLLING_CONSTRAINTS = (AllowedDims, MostDims, FixedFactor, MinArrayUtilization)
"""The classes of these."""


def check_names(items: Iterable[UnrollingConstraint], accelerator: Accelerator, layer: Layer) -> None:
    """Check that constraints name array dimensions and layer dimensions that there are.

    Raises
    ------
    InputError
        If there is no such array dimension, or neither the layer nor any usual one has such a dimension.
    """
    known = accelerator.array.dimensions
    for item in items:
        if isinstance(item, MinArrayUtilization):
            continue
        if item.array_dimension not in known:
            raise unknown_name(item, "array dimension", item.array_dimension, known)
        dims: tuple[str, ...] = ()
        if isinstance(item, AllowedDims | FixedFactor):
            dims = item.dims if isinstance(item, AllowedDims) else (item.dim,)
        for dim in dims:
            if dim not in layer.sizes and dim not in USUAL_DIMENSIONS:
                raise unknown_name(item, "dimension", dim, tuple(layer.sizes))


def unknown_name(item: object, what: str, name: str, known: Sequence[str]) -> InputError:
    """Return the error of a constraint that names what there is not."""
    return InputError(
        f"constraint '{item}': unknown {what}",
        expected=f"one of {', '.join(known)}",
        found=name,
        hint=nearest(name, known),
    )


def violation(
    item: UnrollingConstraint, accelerator: Accelerator, layer: Layer, spatial: SpatialMapping
) -> str | None:
    """Return in words how an unrolling violates a constraint, or None if it obeys."""
    if isinstance(item, MinArrayUtilization):
        used, units = units_in_use(layer, spatial), accelerator.array.units
        return None if used >= item.share * units else f"{used:,} of {units:,} units are in use"
    there = {dim: factor for name, dim, factor in spatial if name == item.array_dimension and factor > 1}
    text = " x ".join(f"{dim} {factor}" for dim, factor in there.items()) or "nothing"
    match item:
        case AllowedDims(_, dims):
            obeyed = set(there) <= set(dims)
        case MostDims(_, most):
            obeyed = len(there) <= most
        case FixedFactor(_, dim, factor):
            obeyed = there.get(dim, 1) == min(factor, layer.sizes.get(dim, 1))
    return None if obeyed else f"{text} is unrolled there"


def units_in_use(layer: Layer, spatial: SpatialMapping) -> int:
    """Return the units of the array that have work in some iteration.

    Of a dimension the largest factor counts only as far as the iterations need it, as in the cost model
    (`zzcp.cost.setting.unrolling.whole_factors`).
    """
    used = 1
    sizes = spatial.temporal_sizes(layer)
    for dim in {dim for _, dim, _ in spatial}:
        factors = [factor for _, name, factor in spatial if name == dim]
        others = math.prod(factors) // max(factors)
        used *= others * -(-layer.sizes[dim] // (sizes[dim] * others))
    return used


def fixed_factors(items: Iterable[UnrollingConstraint], layer: Layer) -> dict[str, dict[str, int]]:
    """Return the factors that are asked for, per array dimension, reduced to what the layer has."""
    found: dict[str, dict[str, int]] = {}
    for item in items:
        if isinstance(item, FixedFactor) and item.dim in layer.sizes:
            found.setdefault(item.array_dimension, {})[item.dim] = min(item.factor, layer.sizes[item.dim])
    return found
