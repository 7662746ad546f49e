"""The operational array: the multiply-accumulate units and their dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from zzcp.checks import all_of, among, choice, each_once, entries, flag, instance, integer, repr_of, two
from zzcp.errors import InputError, Place
from zzcp.hardware.figures import energy, non_negative

Refill = Literal["per_layer", "per_tile"]
REFILLS: tuple[Refill, ...] = get_args(Refill)
"""How often a systolic array may be filled and drained."""
MAX_UNITS = 2**31
"""Largest number of units accepted in an array."""
MAX_CYCLES = 2**20
"""Most cycles of an operation that are accepted."""
MAX_RESOLUTION = 64
"""Largest resolution accepted of an analog-to-digital converter, in bits."""


@dataclass(frozen=True, slots=True)
class InMemoryComputing:
    """What an in-memory-computing array adds to a plain one.

    Parameters
    ----------
    analog : bool
        Analog (with converters) or digital.
    input_precision : tuple of int
        Activation and weight precision of the macro in bits, powers of two.
    bit_serial_precision : int
        Activation bits consumed per cycle, a power of two.
    adc_resolution : int
        Resolution of the analog-to-digital converters in bits; 0 for a digital array.

    Raises
    ------
    InputError
        If the numbers contradict each other or are out of range.
    """

    analog: bool
    input_precision: tuple[int, int]
    bit_serial_precision: int
    adc_resolution: int = 0

    def __post_init__(self) -> None:
        flag(self.analog, "analog")
        object.__setattr__(self, "input_precision", _bits_of_both(self.input_precision))
        for field in ("bit_serial_precision", "adc_resolution"):
            object.__setattr__(self, field, integer(getattr(self, field), field))
        serial, resolution = self.bit_serial_precision, self.adc_resolution
        for field, values in (("input_precision", self.input_precision), ("bit_serial_precision", (serial,))):
            for bits in values:
                if not _is_power_of_two(bits):
                    raise InputError(
                        "wrong value",
                        place=Place(field=field),
                        expected="a power of two",
                        found=repr_of(bits),
                    )
        if serial > self.input_precision[0]:
            raise InputError(
                "more bits per cycle than an activation has",
                place=Place(field="bit_serial_precision"),
                expected=f"at most {self.input_precision[0]}",
                found=repr_of(serial),
            )
        if resolution and not self.analog:
            raise InputError(
                "adc_resolution of a digital array",
                place=Place(field="adc_resolution"),
                expected="0, or no such key",
                found=repr_of(resolution),
            )
        if not 0 <= resolution <= MAX_RESOLUTION:
            raise InputError(
                "wrong value",
                place=Place(field="adc_resolution"),
                expected=f"0 to {MAX_RESOLUTION} bits",
                found=repr_of(resolution),
            )


def _bits_of_both(given: object) -> tuple[int, int]:
    """Return the bits of both inputs."""
    first, second = two(given, "input_precision", "two numbers of bits")
    return integer(first, "input_precision"), integer(second, "input_precision")


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
        Energy of one multiply-accumulate operation in pJ (or the unit of the input file). Unused where the array
        computes in memory, as is `unit_area`: see `zzcp.hardware.imc`.
    unit_area : float
        Area of one unit in the unit of the input file.
    systolic_dimensions : tuple of str
        Dimensions along which operands move one unit per cycle instead of being broadcast.
    input_precision : tuple of int, optional
        Precision of the two inputs in bits, where the file states it; informative for a plain array.
    in_memory_computing : InMemoryComputing, optional
        Present where the array computes inside its weight memory.
    cycles_per_op : int
        Cycles of an operation of a plain array. One that computes in memory takes as many as its precisions ask for:
        see `operation_cycles`.
    leakage : float
        Energy that the whole array takes per cycle, whatever happens, in the unit of `unit_energy`.
    systolic_refill : Refill
        How often the array is filled and drained along its systolic dimensions: once a layer, or at every change of the
        tile that stays in its units, which moves in along the first systolic dimension.
    """

    dimensions: tuple[str, ...]
    sizes: tuple[int, ...]
    unit_energy: float = 0.0
    unit_area: float = 0.0
    systolic_dimensions: tuple[str, ...] = ()
    input_precision: tuple[int, int] | None = None
    in_memory_computing: InMemoryComputing | None = None
    cycles_per_op: int = 1
    leakage: float = 0.0
    systolic_refill: Refill = "per_layer"

    def __post_init__(self) -> None:
        for field in ("dimensions", "systolic_dimensions"):
            names = all_of(getattr(self, field), str, f"{field} of the array", "a tuple of texts such as D1")
            object.__setattr__(self, field, names)
        self._check_sizes()
        if self.input_precision is not None:
            object.__setattr__(self, "input_precision", _bits_of_both(self.input_precision))
        for dimension in self.systolic_dimensions:
            message = "systolic dimension is not a dimension of the array"
            among(dimension, self.dimensions, message, field="systolic_dimensions")
        object.__setattr__(self, "unit_energy", energy(self.unit_energy, "unit energy"))
        object.__setattr__(self, "unit_area", non_negative(self.unit_area, "unit area"))
        object.__setattr__(self, "leakage", energy(self.leakage, "leakage of the array"))
        choice(self.systolic_refill, "systolic_refill of the array", REFILLS)
        if self.systolic_refill != "per_layer" and not self.systolic_dimensions:
            raise InputError(
                "nothing moves through the array from unit to unit",
                place=Place(field="systolic_refill"),
                expected="systolic_dimensions, or no such key",
                found=self.systolic_refill,
            )
        object.__setattr__(self, "cycles_per_op", integer(self.cycles_per_op, "cycles_per_op of the array"))
        self._check_cycles()
        if self.in_memory_computing is not None:
            self._check_macro(instance(self.in_memory_computing, InMemoryComputing, "in_memory_computing"))

    @property
    def operation_cycles(self) -> int:
        """Cycles of one operation: of one that computes in memory, the slices of an activation."""
        macro = self.in_memory_computing
        if macro is None:
            return self.cycles_per_op
        return -(-macro.input_precision[0] // macro.bit_serial_precision)

    def _check_cycles(self) -> None:
        if not 1 <= self.cycles_per_op <= MAX_CYCLES:
            raise InputError(
                "cycles of an operation out of range",
                place=Place(field="cycles_per_op"),
                expected=f"1 to {MAX_CYCLES:,}",
                found=repr_of(self.cycles_per_op),
            )
        if self.cycles_per_op > 1 and self.in_memory_computing is not None:
            raise InputError(
                "cycles_per_op of an array that computes in memory",
                place=Place(field="cycles_per_op"),
                expected="no such key: its precisions say how many cycles an operation takes",
                found=repr_of(self.cycles_per_op),
            )

    def _check_sizes(self) -> None:
        """Every dimension is named once and has a size."""
        given = entries(self.sizes, "sizes of the array", "a tuple of integers")
        if len(self.dimensions) != len(given):
            raise InputError(
                "the array needs one size per dimension",
                place=Place(field="sizes"),
                expected=f"{len(self.dimensions)} sizes for {', '.join(self.dimensions) or 'no dimensions'}",
                found=f"{len(given)} sizes",
            )
        each_once(self.dimensions, "array dimension given twice", field="dimensions")
        named = dict(zip(self.dimensions, given, strict=True))
        sizes = tuple(integer(size, f"size of array dimension {name}") for name, size in named.items())
        for dimension, size in zip(self.dimensions, sizes, strict=True):
            if size < 1:
                raise InputError(
                    f"array dimension {dimension}: size out of range", expected=">= 1", found=repr_of(size)
                )
        object.__setattr__(self, "sizes", sizes)
        if self.units > MAX_UNITS:
            raise InputError(
                "the array is too large",
                place=Place(field="sizes"),
                expected=f"at most {MAX_UNITS} units",
                found=repr_of(self.units),
            )

    def _check_macro(self, macro: InMemoryComputing) -> None:
        """A macro has columns and rows; the rows of a digital one are added in a binary tree."""
        if len(self.dimensions) < 2:
            raise InputError(
                "an array that computes in memory needs columns and rows",
                place=Place(field="dimensions"),
                expected="at least 2 dimensions",
                found=", ".join(self.dimensions),
            )
        if self.systolic_dimensions:
            raise InputError(
                "an array that computes in memory has no systolic dimensions",
                place=Place(field="systolic_dimensions"),
                expected="none",
                found=", ".join(self.systolic_dimensions),
            )
        _, rows = self.macro_dimensions
        if not macro.analog and not _is_power_of_two(self.size(rows)):
            raise InputError(
                f"the rows of a digital macro, along {rows}, are added in a binary tree",
                place=Place(field="sizes"),
                expected=f"a power of two for {rows}",
                found=repr_of(self.size(rows)),
            )

    @property
    def units(self) -> int:
        """Number of multiply-accumulate units."""
        return math.prod(self.sizes)

    @property
    def macro_dimensions(self) -> tuple[str, str]:
        """Of a macro that computes in memory: the dimensions along its columns and its rows, the first two by name."""
        first, second = sorted(self.dimensions)[:2]
        return first, second

    def size(self, dimension: str) -> int:
        """Return the number of units along a dimension."""
        return self.sizes[self.dimensions.index(dimension)]


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0
