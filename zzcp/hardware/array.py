"""The operational array: the multiply-accumulate units and their dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zzcp.errors import InputError, Place

MAX_UNITS = 2**31
"""Largest number of units accepted in an array."""


@dataclass(frozen=True, slots=True)
class InMemoryComputing:
    """What an in-memory-computing array adds to a plain one.

    Parameters
    ----------
    analog : bool
        Analog (with converters) or digital.
    input_precision : tuple of int
        Activation and weight precision of the macro in bits.
    bit_serial_precision : int
        Activation bits consumed per cycle.
    adc_resolution : int
        Resolution of the analog-to-digital converters in bits; 0 for a digital array.
    """

    analog: bool
    input_precision: tuple[int, int]
    bit_serial_precision: int
    adc_resolution: int = 0


@dataclass(frozen=True, slots=True)
class OperationalArray:
    """A multi-dimensional array of multiply-accumulate units.

    Parameters
    ----------
    dimensions : tuple of str
        Names of the array's dimensions, e.g. ``("D1", "D2")``.
    sizes : tuple of int
        Units along each dimension.
    unit_energy : float
        Energy of one multiply-accumulate operation in pJ (or the unit of the input file).
    unit_area : float
        Area of one unit in the unit of the input file.
    systolic_dimensions : tuple of str
        Dimensions along which operands move one unit per cycle instead of being broadcast.
    input_precision : tuple of int, optional
        Precision of the two inputs in bits, where the file states it; informative for a plain array.
    in_memory_computing : InMemoryComputing, optional
        Present where the array computes inside its weight memory.
    """

    dimensions: tuple[str, ...]
    sizes: tuple[int, ...]
    unit_energy: float = 0.0
    unit_area: float = 0.0
    systolic_dimensions: tuple[str, ...] = ()
    input_precision: tuple[int, int] | None = None
    in_memory_computing: InMemoryComputing | None = None

    def __post_init__(self) -> None:
        if len(self.dimensions) != len(self.sizes):
            raise InputError(
                "the array needs one size per dimension",
                place=Place(field="sizes"),
                expected=f"{len(self.dimensions)} sizes for {', '.join(self.dimensions) or 'no dimensions'}",
                found=f"{len(self.sizes)} sizes",
            )
        if len(set(self.dimensions)) != len(self.dimensions):
            raise InputError(
                "array dimension given twice", place=Place(field="dimensions"), found=", ".join(self.dimensions)
            )
        for dimension, size in zip(self.dimensions, self.sizes, strict=True):
            if size < 1:
                raise InputError(f"array dimension {dimension}: size out of range", expected=">= 1", found=str(size))
        if self.units > MAX_UNITS:
            raise InputError(
                "the array is too large",
                place=Place(field="sizes"),
                expected=f"at most {MAX_UNITS} units",
                found=str(self.units),
            )
        for dimension in self.systolic_dimensions:
            if dimension not in self.dimensions:
                raise InputError(
                    "systolic dimension is not a dimension of the array",
                    place=Place(field="systolic_dimensions"),
                    expected=", ".join(self.dimensions),
                    found=dimension,
                )
        for label, value in (("unit energy", self.unit_energy), ("unit area", self.unit_area)):
            if not 0 <= value < float("inf"):
                raise InputError(f"{label} out of range", expected="a finite number >= 0", found=str(value))

    @property
    def units(self) -> int:
        """Number of multiply-accumulate units."""
        return math.prod(self.sizes)

    @property
    def area(self) -> float:
        """Area of all units."""
        return self.unit_area * self.units

    def size(self, dimension: str) -> int:
        """Return the number of units along a dimension."""
        return self.sizes[self.dimensions.index(dimension)]
