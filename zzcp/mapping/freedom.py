"""What the unrolling of a layer may be, where it is to be chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zzcp.checks import integer
from zzcp.errors import InputError, nearest
from zzcp.hardware import Accelerator
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

    Raises
    ------
    InputError
        If a number is out of range.
    """

    max_dims: int = DEFAULT_MAX_DIMS
    allowed: Mapping[str, Collection[str]] = field(default_factory=dict)
    fixed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    least_utilization: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.max_dims, bool) or not isinstance(self.max_dims, int) or self.max_dims < 1:
            raise InputError(
                "layer dimensions on one array dimension out of range",
                expected="an integer >= 1",
                found=repr(self.max_dims),
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
        for name in (*self.allowed, *self.fixed):
            if name not in known:
                raise InputError(
                    "unrolling: array dimension does not exist",
                    expected=", ".join(known),
                    found=name,
                    hint=nearest(name, known),
                )
        named = [dim for dims in (*self.allowed.values(), *self.fixed.values()) for dim in dims]
        unknown = next((dim for dim in named if dim not in layer.sizes), None)
        if unknown is not None:
            raise InputError(
                f"unrolling: layer {layer.name} has no dimension of that name",
                expected=", ".join(layer.sizes),
                found=unknown,
                hint=nearest(unknown, list(layer.sizes)),
            )

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
                {
                    str(name): {str(dim): integer(factor, "factor") for dim, factor in factors.items()}
                    for name, factors in data["fixed"].items()
                },
                data["least_utilization"],
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
        }

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
