"""Spatial mapping: which loops are unrolled over which dimension of the array, and how far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zzcp.checks import integer, pairs, repr_of
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.workload import Layer


@dataclass(frozen=True, slots=True)
class SpatialMapping:
    """The unrolling of layer dimensions over array dimensions.

    Parameters
    ----------
    unrolling : tuple of (str, tuple of (str, int))
        For every array dimension, in the order of the user, the layer dimensions unrolled on it with their
        factors. A factor need not divide the layer dimension.
    """

    unrolling: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()

    def __post_init__(self) -> None:
        try:
            fits = all(
                type(array_dimension) is str
                and all(type(dim) is str and type(factor) is int and factor > 0 for dim, factor in factors)
                for array_dimension, factors in self.unrolling
            )
        except (TypeError, ValueError):  # no pairs
            fits = False
        if not fits:
            raise InputError(
                "wrong unrolling",
                expected="array dimensions, each with layer dimensions and their factors; see SpatialMapping.from_dict",
                found=repr_of(self.unrolling),
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, int]]) -> SpatialMapping:
        """Read ``{"D1": {"K": 4}, "D2": {"C": 2, "FX": 3}}``.

        Raises
        ------
        InputError
            If a factor is not a positive integer, or a layer dimension is given twice for one array dimension.
        """
        unrolling = []
        for array_dimension, given in pairs(
            data, "spatial mapping", "a dictionary per array dimension"
        ).items():
            what = f"spatial mapping of {array_dimension}"
            factors = pairs(given, what, "layer dimensions with factors")
            names = [dim.upper() for dim in factors]
            if len(set(names)) != len(names):
                raise InputError(f"{what}: layer dimension given twice", found=", ".join(factors))
            found = (integer(factor, f"{what}: factor of {dim}", least=1) for dim, factor in factors.items())
            unrolling.append((array_dimension, tuple(zip(names, found, strict=True))))
        return cls(tuple(unrolling))

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the form that `from_dict` reads."""
        return {array_dimension: dict(factors) for array_dimension, factors in self.unrolling}

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Iterate over (array dimension, layer dimension, factor)."""
        for array_dimension, factors in self.unrolling:
            for dim, factor in factors:
                yield array_dimension, dim, factor

    def total(self, dim: str) -> int:
        """Return the product of the factors of a layer dimension over the whole array."""
        return math.prod(factor for _, layer_dim, factor in self if layer_dim == dim)

    def fitted(self, layer: Layer) -> SpatialMapping:
        """Return the part of this unrolling that a layer can use.

        Dimensions that the layer lacks are left out, and a factor larger than what is left of its dimension
        (after the unrolling on earlier array dimensions) is reduced to that. Mapping files, which serve many
        layers, are applied in this way. Array dimensions are never exceeded silently: see `check`.
        """
        left = dict(layer.sizes)
        result = []
        for array_dimension, factors in self.unrolling:
            kept = []
            for dim, factor in factors:
                if dim not in left:
                    continue
                used = min(factor, left[dim])
                left[dim] = -(-left[dim] // used)
                kept.append((dim, used))
            if kept:
                result.append((array_dimension, tuple(kept)))
        return SpatialMapping(tuple(result))

    def temporal_sizes(self, layer: Layer) -> dict[str, int]:
        """Return what is left of every loop for the temporal mapping: ceil(size / unrolling)."""
        return {dim: -(-size // self.total(dim)) for dim, size in layer.sizes.items()}

    def cycles(self, layer: Layer) -> int:
        """Return the number of temporal iterations of the whole layer."""
        return math.prod(self.temporal_sizes(layer).values())

    def violations(self, accelerator: Accelerator, layer: Layer) -> list[str]:
        """Return what the array cannot do, each with the amount by which it is exceeded."""
        found = []
        array = accelerator.array
        for array_dimension, factors in self.unrolling:
            if array_dimension not in array.dimensions:
                known = ", ".join(array.dimensions)
                found.append(
                    f"spatial mapping: array dimension {array_dimension} does not exist (known: {known})"
                )
                continue
            used = math.prod(factor for _, factor in factors)
            size = array.size(array_dimension)
            if used > size:
                found.append(
                    f"spatial mapping: {array_dimension} has {size} units, the unrolling needs {used} "
                    f"({used - size} too many)"
                )
        left = dict(layer.sizes)
        for array_dimension, dim, factor in self:
            if dim not in left:
                found.append(f"spatial mapping: layer {layer.name} has no dimension {dim}")
            elif factor > left[dim]:
                found.append(
                    f"spatial mapping: {dim} is unrolled {factor} times on {array_dimension}, "
                    f"the layer has {left[dim]} iterations of it left ({factor - left[dim]} too many)"
                )
            else:
                left[dim] = -(-left[dim] // factor)
        return found
