"""What the unrolling of a layer is, or may be: from what the user, a mapping file and the machine say of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS, Freedom
from zzcp.mapping.spatial import SpatialMapping
from zzcp.workload import Layer

AUTO: Final = "auto"
"""What users say where the unrolling is to be chosen, whatever files say."""
FULL: Final = "full"
"""What users say where nothing is to be chosen: a full unrolling takes the place of one that is not given."""
Choice = Literal["auto", "full"]
"""What users say of unrollings."""
Unrolling = SpatialMapping | Freedom
"""One unrolling, or what it may be."""


@dataclass(frozen=True, slots=True)
class UnrollingOptions:
    """How the unrollings of layers are found.

    Parameters
    ----------
    choice : str, optional
        ``auto``: they are chosen. ``full``: they are those of a mapping file, the machine's, or full ones
        (`default_spatial`). By default those of a mapping file or the machine's, and chosen where there is neither.
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    """

    choice: Choice | None = None
    max_dims: int = DEFAULT_MAX_DIMS

    @classmethod
    def of(cls, choice: str | None, max_dims: int = DEFAULT_MAX_DIMS) -> UnrollingOptions:
        """Return the options for what a user says.

        Raises
        ------
        InputError
            If it is none of None, `AUTO` and `FULL`.
        """
        if choice not in (None, AUTO, FULL):
            raise InputError("unknown spatial mapping", expected=f"{AUTO}, {FULL} or factors", found=choice)
        return cls(choice, max_dims)  # type: ignore[arg-type]  # one of these

    def with_factors(self, factors: str) -> UnrollingOptions:
        """Return the options for loops that divide or not: for the latter nothing is chosen unless it is asked for."""
        return replace(self, choice=FULL) if self.choice is None and factors == "imperfect" else self

    def unrolling(
        self,
        accelerator: Accelerator,
        layer: Layer,
        factors: Mapping[str, Mapping[str, int]] | None = None,
        hints: Mapping[str, Collection[str]] | None = None,
    ) -> Unrolling:
        """Return the unrolling of a layer, or what it may be.

        Parameters
        ----------
        accelerator, layer
            What is to run where.
        factors : mapping of str to mapping of str to int, optional
            What a mapping file gives; of it the layer takes what it can use. Array dimensions that it leaves out are
            chosen beside it, but not where nothing is to be chosen.
        hints : mapping of str to collection of str, optional
            Per array dimension the layer dimensions that may be unrolled on it; those that the layer lacks are left
            out.

        Raises
        ------
        InputError
            If the hints name an array dimension that does not exist.
        """
        if self.choice != AUTO and factors is not None:
            return self._beside(accelerator, layer, factors, hints or {})
        if self.choice == FULL or (self.choice is None and accelerator.dataflows):
            return default_spatial(accelerator, layer)
        allowed = {name: [dim for dim in dims if dim in layer.sizes] for name, dims in (hints or {}).items()}
        freedom = Freedom(self.max_dims, allowed)
        freedom.check(accelerator, layer)
        return freedom

    def _beside(
        self,
        accelerator: Accelerator,
        layer: Layer,
        factors: Mapping[str, Mapping[str, int]],
        hints: Mapping[str, Collection[str]],
    ) -> Unrolling:
        """Return the unrolling that a file gives; where it leaves array dimensions out, what these may take beside it.

        One that is there, and takes nothing of the layer, is not left out: it stays idle.
        """
        given = SpatialMapping.from_dict(factors).fitted(layer)
        left = [
            name
            for name in accelerator.array.dimensions
            if name not in factors and accelerator.array.size(name) > 1
        ]
        if self.choice == FULL or not left or given.violations(accelerator, layer):
            return given
        allowed = {name: [dim for dim in hints[name] if dim in layer.sizes] for name in left if name in hints}
        fixed = given.to_dict() | {
            name: {}
            for name in accelerator.array.dimensions
            if name not in left and not given.to_dict().get(name)
        }
        freedom = Freedom(self.max_dims, allowed, fixed)
        freedom.check(accelerator, layer)
        return freedom


GIVEN = UnrollingOptions(FULL)
"""Nothing is chosen."""
FREE = UnrollingOptions()
"""What nothing fixes is chosen."""


def unrolling_of(
    accelerator: Accelerator,
    layer: Layer,
    spatial: Unrolling | Mapping[str, Mapping[str, int]] | str | None,
    max_dims: int = DEFAULT_MAX_DIMS,
    factors: str = "perfect",
) -> Unrolling:
    """Return the unrolling that is given, or what it may be.

    Parameters
    ----------
    accelerator, layer
        What is to run where.
    spatial : SpatialMapping, Freedom, dict, "auto" or "full", optional
        What a caller says.
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    factors : str
        Whether loops divide; where they need not, nothing is chosen unless that is asked for.
    """
    if isinstance(spatial, SpatialMapping | Freedom):
        return spatial
    if spatial is None or isinstance(spatial, str):
        return UnrollingOptions.of(spatial, max_dims).with_factors(factors).unrolling(accelerator, layer)
    return SpatialMapping.from_dict(spatial)
