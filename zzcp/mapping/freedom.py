"""What the unrolling of a layer may be, where it is to be chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

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

    Raises
    ------
    InputError
        If a number is out of range.
    """

    max_dims: int = DEFAULT_MAX_DIMS
    allowed: Mapping[str, Collection[str]] = field(default_factory=dict)
    fixed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    least_utilization: float = 0.0

    def dims(self, array_dimension: str, dims: Sequence[str]) -> list[str]:
        """Return the layer dimensions that may be unrolled on an array dimension."""
        allowed = self.allowed.get(array_dimension)
        return [dim for dim in dims if allowed is None or dim in allowed]

    @property
    def description(self) -> str:
        """The space in words."""
        parts = [f"up to {self.max_dims} layer dimensions on every array dimension"]
        parts += [f"{name} of {', '.join(dims)}" for name, dims in self.allowed.items()]
        parts += [
            f"{name} {' '.join(f'{dim} {factor}' for dim, factor in factors.items()) or 'not unrolled'}"
            for name, factors in self.fixed.items()
        ]
        return ", ".join(parts)
