"""What the unrolling of a layer may be, where it is to be chosen."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from zzcp.checks import among, integer, native
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping.spatial import SpatialMapping
from zzcp.mapping.unrolling_constraints import (
    AllowedDims,
    MinArrayUtilization,
    MostDims,
    UnrollingConstraint,
    fixed_factors,
    units_in_use,
)
from zzcp.workload import Layer

DEFAULT_MAX_DIMS = 2
"""Layer dimensions on one array dimension."""


@dataclass(frozen=True, slots=True)
class Freedom:
    """What an unrolling may be.

    Parameters
    ----------
    max_dims : int
        Layer dimensions on one array dimension, at most.
    allowed : mapping of str to collection of str
        Per array dimension the layer dimensions that may be unrolled on it; all where it is not named.
    fixed : mapping of str to mapping of str to int
        Factors of array dimensions that are given.
    least_utilization : float
        Share of the array's units that must be in use.
    most : mapping of str to int
        Per array dimension how many layer dimensions, in place of `max_dims`.
    part : mapping of str to mapping of str to int
        Per array dimension the factors of some layer dimensions; others may be unrolled beside them.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    max_dims: int = DEFAULT_MAX_DIMS
    allowed: Mapping[str, Collection[str]] = field(default_factory=dict)
    fixed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    least_utilization: float = 0.0
    most: Mapping[str, int] = field(default_factory=dict)
    part: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_dims", native(self.max_dims))
        for number, least in [(self.max_dims, 1), *((number, 0) for number in self.most.values())]:
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise InputError(
                    "layer dimensions on one array dimension out of range",
                    expected=f"an integer >= {least}",
                    found=repr(number),
                )
        if not 0 <= self.least_utilization <= 1:
            raise InputError(
                "least utilization out of range", expected="0 to 1", found=repr(self.least_utilization)
            )

    def __hash__(self) -> int:
        return hash(repr(self.to_dict()))

    def check(self, accelerator: Accelerator, layer: Layer) -> None:
        """Check that what is named exists.

        Raises
        ------
        InputError
            If an array dimension or a layer dimension does not.
        """
        known = accelerator.array.dimensions
        for name in (*self.allowed, *self.fixed, *self.most, *self.part):
            among(name, known, "unrolling: array dimension does not exist", near=True)
        every = (*self.allowed.values(), *self.fixed.values(), *self.part.values())
        for dim in (dim for dims in every for dim in dims):
            among(dim, layer.sizes, f"unrolling: layer {layer.name} has no dimension of that name", near=True)

    @classmethod
    def from_dict(cls, data: Any) -> Freedom:
        """Read what `to_dict` returns.

        Raises
        ------
        InputError
            If it is something else.
        """
        try:
            return cls(
                data["max_dims"],
                {str(name): [str(dim) for dim in dims] for name, dims in data["allowed"].items()},
                _factors(data["fixed"]),
                data["least_utilization"],
                {str(name): integer(most, "most") for name, most in data.get("most", {}).items()},
                _factors(data.get("part", {})),
            )
        except (AttributeError, KeyError, TypeError):
            expected = "max_dims, allowed, fixed and least_utilization"
            raise InputError("wrong freedom of an unrolling", expected=expected, found=repr(data)) from None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, which `from_dict` reads."""
        return {
            "max_dims": self.max_dims,
            "allowed": {name: list(dims) for name, dims in self.allowed.items()},
            "fixed": {name: dict(factors) for name, factors in self.fixed.items()},
            "least_utilization": self.least_utilization,
            **({"most": dict(self.most)} if self.most else {}),
            **({"part": {name: dict(factors) for name, factors in self.part.items()}} if self.part else {}),
        }

    def under(self, items: Iterable[UnrollingConstraint], layer: Layer) -> Freedom:
        """Return what is left of it under constraints (`zzcp.mapping.unrolling_constraints`)."""
        items = list(items)
        allowed, most = {name: list(dims) for name, dims in self.allowed.items()}, dict(self.most)
        least = Fraction(str(self.least_utilization))
        for item in items:
            if isinstance(item, AllowedDims):
                own = allowed.get(item.array_dimension, layer.sizes)
                allowed[item.array_dimension] = [
                    dim for dim in own if dim in item.dims and dim in layer.sizes
                ]
            elif isinstance(item, MostDims):
                most[item.array_dimension] = min(most.get(item.array_dimension, item.most), item.most)
            elif isinstance(item, MinArrayUtilization):
                least = max(least, item.share)
        part = fixed_factors(items, layer)
        share = float(least)
        if Fraction(str(share)) > least:  # rounded up it would ask for one unit more
            share = math.nextafter(share, 0)
        return replace(self, allowed=allowed, most=most, part=part, least_utilization=share)

    @property
    def is_free(self) -> bool:
        """Whether nothing bounds the unrolling but the array and `max_dims`."""
        bounded = self.allowed or self.fixed or self.most or self.part or self.least_utilization
        return not bounded

    @property
    def given(self) -> SpatialMapping:
        """What is given of the unrolling."""
        return SpatialMapping.from_dict({**self.part, **self.fixed})

    def least_units(self, units: int) -> int:
        """Return how many of an array's units must be in use."""
        return math.ceil(Fraction(str(self.least_utilization)) * units)

    def most_dims(self, array_dimension: str) -> int:
        """Return how many layer dimensions may be unrolled on an array dimension, at most."""
        return self.most.get(array_dimension, self.max_dims)

    def accepts(self, array_dimension: str, factors: Mapping[str, int]) -> bool:
        """Return whether an array dimension may take some factors, whatever its size; those that are 1 do not count.

        What is fixed is compared with all else that is asked.
        """
        unrolled = {dim for dim, factor in factors.items() if factor > 1}
        part = self.part.get(array_dimension, {})
        pinned = {dim for dim, factor in part.items() if factor > 1}
        limit = self.most.get(array_dimension, max(self.max_dims, len(pinned)))
        if array_dimension in self.fixed and array_dimension not in self.most:
            limit = len(unrolled)
        return (
            unrolled == set(self.dims(array_dimension, list(unrolled)))
            and len(unrolled) <= limit
            and all(factors.get(dim, 1) == factor for dim, factor in part.items())
        )

    def holds(self, accelerator: Accelerator, layer: Layer, spatial: SpatialMapping) -> bool:
        """Return whether an unrolling is one of these."""
        by_name = spatial.to_dict()
        for name in accelerator.array.dimensions:
            factors = {dim: factor for dim, factor in by_name.get(name, {}).items() if factor > 1}
            fixed = self.fixed.get(name)
            if fixed is not None and factors != {dim: factor for dim, factor in fixed.items() if factor > 1}:
                return False
            if not self.accepts(name, factors):
                return False
        return units_in_use(layer, spatial) >= self.least_units(accelerator.array.units)

    def dims(self, array_dimension: str, dims: Sequence[str]) -> list[str]:
        """Return the layer dimensions that may be unrolled on an array dimension."""
        allowed = self.allowed.get(array_dimension)
        return [dim for dim in dims if allowed is None or dim in allowed]

    @property
    def description(self) -> str:
        """The space in words."""
        parts = [f"up to {self.max_dims} layer dimensions on every array dimension"]
        parts += [f"{name} of {', '.join(dims) or 'nothing'}" for name, dims in self.allowed.items()]
        parts += [
            f"{name} {' '.join(f'{dim} {factor}' for dim, factor in factors.items()) or 'not unrolled'}"
            for name, factors in self.fixed.items()
        ]
        parts += [f"at most {most} on {name}" for name, most in self.most.items()]
        parts += [
            f"{name} with {' '.join(f'{dim} {factor}' for dim, factor in factors.items())}"
            for name, factors in self.part.items()
        ]
        if self.least_utilization:
            parts.append(f"at least {self.least_utilization:.4g} of the units in use")
        return ", ".join(parts)


def _factors(data: Any) -> dict[str, dict[str, int]]:
    """Return factors of layer dimensions per array dimension."""
    return {
        str(name): {str(dim): integer(factor, "factor") for dim, factor in factors.items()}
        for name, factors in data.items()
    }
