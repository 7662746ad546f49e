"""What a result says of the unrollings that it is the best of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from zzcp.mapping.freedom import Freedom

REASONS = {
    "equivalent": "the same as another one to the cost model",
    "capacity": "without a mapping, since the smallest tiles do not fit",
    "bound": "ruled out by their compulsory cycles and accesses",
    "relaxation": "ruled out by the relaxation of their mappings",
}
"""Why unrollings were not searched, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Space:
    """The unrollings that a result's bound holds for.

    Parameters
    ----------
    unrollings : int
        In the space.
    ruled_out : mapping of str to int
        How many were ruled out without a search of their own, by the reasons of `REASONS`.
    solved : int
        How many were searched to their optimum, or until they could not be the best.
    complete : bool
        Whether all were disposed of: then none is better than the result by more than its gap.
    description : str
        What is in the space, in words.
    freedom : Freedom or None
        The same, as it was asked; None where the unrolling was given.
    max_padding : float or None
        What loops may come to beyond the iterations, as a share of them; None where they must divide.
    """

    unrollings: int
    ruled_out: Mapping[str, int] = field(default_factory=dict)
    solved: int = 0
    complete: bool = True
    description: str = ""
    freedom: Freedom | None = None
    max_padding: float | None = None

    @classmethod
    def given(cls, *, complete: bool = True) -> Space:
        """Return the space of one unrolling that was given."""
        return cls(1, {}, 1, complete, "the given unrolling")

    def __str__(self) -> str:
        parts = [f"{count:,} {REASONS[reason]}" for reason, count in self.ruled_out.items() if count]
        parts.append(f"{self.solved:,} searched")
        left = self.unrollings - sum(self.ruled_out.values()) - self.solved
        if left:
            parts.append(f"{left:,} left")
        return f"{self.description}: {self.unrollings:,} unrollings, of which {', '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "unrollings": self.unrollings,
            "ruled_out": dict(self.ruled_out),
            "solved": self.solved,
            "complete": self.complete,
            "description": self.description,
            **({} if self.freedom is None else {"freedom": self.freedom.to_dict()}),
            **({} if self.max_padding is None else _factors(self.max_padding)),
        }


def of_factors(max_padding: float | None) -> str:
    """Return in words which loops are in a space, after what else is; nothing where they must divide."""
    if max_padding is None:
        return ""
    limit = f", up to {max_padding:.0%} beyond the iterations" if isfinite(max_padding) else ""
    return f", loops that divide or do not{limit}"


def _factors(max_padding: float) -> dict[str, Any]:
    """Return what result files say of loops that need not divide; without a limit of the padding none is named."""
    return {"factors": "imperfect"} | ({"max_padding": max_padding} if isfinite(max_padding) else {})
