"""Area, clock period and energy of an array that computes inside its weight memory.

A *macro* has columns (along the wordlines, the first dimension of the array by name) and rows (along the bitlines,
the second); further dimensions replicate it into banks. Every crossing of a row and a column stores weights in a
group of cells and multiplies one of them with the activation that its row brings; a column adds the products of its
rows. A digital macro adds in adder trees, an analog one on the bitlines, read by converters. Activations enter in
slices of some bits, whose results are shifted and accumulated.

Source: the model of zigzag-dse 3.9.1 (``zigzag/hardware/architecture/imc_array.py`` and ``imc_unit.py``), for a 28 nm
process; see Sun, Houshmand, Verhelst, "Analog or Digital In-memory Computing? Benchmarking through Quantitative
Modeling", arXiv 2405.14978. Floating-point operations are in its order, so that results are equal to the last bit.
Adders are ripple-carry adders of full adders made of three NAND and two XOR gates; a multiplier of two bits is one
gate. Units are pJ, ns and mm^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from zzcp.errors import InputError, Place
from zzcp.hardware.array import OperationalArray

CELLS = "cells"
"""Name of the memory in which an array computes."""

_VDD = 0.9  # V
_NAND_CAP = 0.7 / 1e3  # pF, as all capacitances
_WORDLINE_CAP = 0.7 / 2 / 1e3  # per cell
_BITLINE_CAP = 0.7 / 2 / 1e3  # per cell
_XOR_CAP = 0.7 * 1.5 / 1e3
_REGISTER_CAP = 0.7 * 3 / 1e3
_NAND_AREA = 0.614 / 1e6  # mm^2
_XOR_AREA = 0.614 * 2.4 / 1e6
_REGISTER_AREA = 0.614 * 6 / 1e6
_NAND_DELAY = 0.0478  # ns
_XOR_DELAY = 0.0478 * 2.4

_ADDER_ENERGY = (3 * _NAND_CAP + 2 * _XOR_CAP) * (_VDD**2)
_HALF_ADDER_ENERGY = (2 * _XOR_CAP) * (_VDD**2)
"""Of a full adder with one input at zero, so that its carry does not change."""
_MULTIPLIER_ENERGY = 0.5 * _NAND_CAP * (_VDD**2)
"""Half a gate's, since the weight stays the same."""
_REGISTER_ENERGY = _REGISTER_CAP * (_VDD**2)
_ADDER_AREA = 3 * _NAND_AREA + 2 * _XOR_AREA
_INPUT_TO_SUM = 2 * _XOR_DELAY
_INPUT_TO_CARRY = _XOR_DELAY + 2 * _NAND_DELAY
_CARRY_TO_CARRY = 2 * _NAND_DELAY


@dataclass(frozen=True, slots=True)
class MacroUse:
    """How a layer uses the macros of an array.

    Parameters
    ----------
    rows, columns : int
        Of a macro that take part.
    activations : float
        How often a macro computes a whole activation, over the layer and all banks.
    """

    rows: int
    columns: int
    activations: float


def array_area(array: OperationalArray) -> float:
    """Return the area of all units; where they compute in memory, in mm^2 without their cells, which are a memory."""
    if array.in_memory_computing is None:
        return array.unit_area * array.units
    return sum(area_breakdown(array, 0.0).values())


def area_breakdown(array: OperationalArray, cells_area: float) -> dict[str, float]:
    """Return the area of an array by component.

    Parameters
    ----------
    array : OperationalArray
        The array.
    cells_area : float
        Area of one group of cells in mm^2: that of the memory `CELLS`.

    Returns
    -------
    dict of str to float
        In mm^2: ``cells``, ``dacs``, ``adcs``, ``mults``, ``adders_regular`` (the trees that add the rows),
        ``adders_pv`` (those that add bits of different place value) and ``accumulators``.
    """
    macro = _Macro.of(array)
    converters = _converter_area(macro.resolution) if macro.analog else 0
    accumulators = macro.accumulator_bits * macro.columns * macro.banks
    return {
        "cells": array.units * cells_area,
        "dacs": 0,
        "adcs": converters * macro.weight_bits * macro.columns * macro.banks,
        "mults": _NAND_AREA * (macro.multipliers(macro.rows) * macro.banks),
        "adders_regular": _ADDER_AREA * macro.row_adders * (macro.trees * macro.banks),
        "adders_pv": _ADDER_AREA * macro.place_adders * (macro.columns * macro.banks),
        "accumulators": _ADDER_AREA * accumulators + _REGISTER_AREA * accumulators,
    }


def clock_breakdown(array: OperationalArray) -> dict[str, float]:
    """Return the delays along the longest path of an array, in ns, by component (see `area_breakdown`)."""
    macro = _Macro.of(array)
    rows = places = accumulators = 0.0
    if not macro.analog:
        rows = _tree_delay(macro.depth, macro.weight_bits + macro.depth - 1)
    sum_bits = macro.place_bits
    if macro.places > 1:
        places = _tree_delay(math.log2(macro.places), macro.places)
        sum_bits += macro.places
    if macro.accumulates:
        accumulators = _INPUT_TO_CARRY + (macro.accumulator_bits - sum_bits - 1) * _CARRY_TO_CARRY
    return {
        "cells": 0,
        "dacs": 0,
        "adcs": _converter_delay(macro.resolution, macro.rows) if macro.analog else 0,
        "mults": _NAND_DELAY,
        "adders_regular": rows,
        "adders_pv": places,
        "accumulators": accumulators,
    }


def clock_period(array: OperationalArray) -> float:
    """Return the clock period of an array in ns."""
    return sum(clock_breakdown(array).values())


def peak_energy(array: OperationalArray) -> dict[str, float]:
    """Return the energy of one cycle of the whole array by component, in pJ (see `layer_energy`)."""
    macro = _Macro.of(array)
    analog = macro.analog
    accumulators = macro.accumulator_bits * macro.columns * macro.banks
    return {
        "local_bl_precharging": 0,
        "dacs": _driver_energy(macro.slice_bits) * macro.rows * macro.banks if analog else 0,
        "adcs": _converter_energy(macro.resolution) * macro.weight_bits * macro.columns * macro.banks
        if analog
        else 0,
        "mults": _MULTIPLIER_ENERGY * (macro.multipliers(macro.rows) * macro.banks),
        "analog_bl_addition": macro.bitline_energy * macro.columns * macro.rows * macro.banks,
        "adders_regular": _ADDER_ENERGY * macro.row_adders * (macro.trees * macro.banks),
        "adders_pv": _ADDER_ENERGY * macro.place_adders * (macro.columns * macro.banks),
        "accumulators": _ADDER_ENERGY * accumulators + _REGISTER_ENERGY * accumulators,
    }


def layer_energy(array: OperationalArray, use: MacroUse) -> dict[str, float]:
    """Return the energy of an array over a layer by component.

    Rows and columns that the layer leaves empty cost nothing in converters and adders; the multipliers of all
    columns work, and in a digital array those of all rows, too.

    Parameters
    ----------
    array : OperationalArray
        The array.
    use : MacroUse
        What of it the layer uses.

    Returns
    -------
    dict of str to float
        In pJ: ``local_bl_precharging`` (zero: what reading weights takes depends on the temporal mapping, see
        `precharge_energy_per_weight`), ``dacs``, ``adcs``, ``mults``, ``analog_bl_addition``, ``adders_regular``,
        ``adders_pv`` and ``accumulators``.
    """
    macro = _Macro.of(array)
    columns = use.columns
    drivers = converters = rows_added = 0.0
    if macro.analog:
        drivers = _driver_energy(macro.slice_bits) * use.rows
        converters = _converter_energy(macro.resolution) * macro.weight_bits * columns
    else:
        rows_added = macro.tree_energy(use.rows) * (macro.slice_bits * columns)
    register_and_adder = _ADDER_ENERGY + _REGISTER_ENERGY
    once = {
        "local_bl_precharging": 0.0,
        "dacs": drivers,
        "adcs": converters,
        "mults": _MULTIPLIER_ENERGY * macro.multipliers(use.rows if macro.analog else macro.rows),
        "analog_bl_addition": macro.bitline_energy * columns * macro.rows,
        "adders_regular": rows_added,
        "adders_pv": _ADDER_ENERGY * macro.place_adders * columns,
        "accumulators": register_and_adder * macro.accumulator_bits * columns,
    }
    slices = macro.activation_bits / macro.slice_bits
    return {part: energy * slices * use.activations for part, energy in once.items()}


def precharge_energy_per_weight(array: OperationalArray, cells_size: int) -> float:
    """Return the energy of reading another weight of a group of cells, in pJ.

    Parameters
    ----------
    array : OperationalArray
        The array.
    cells_size : int
        Bits of one group of cells: the size of the memory `CELLS`.

    Returns
    -------
    float
        For precharging the local bitlines and driving the wordlines of one weight; zero where a group stores a
        single weight, which the multipliers see all the time.

    Notes
    -----
    ``ImcUnit.get_precharge_energy`` of zigzag-dse 3.9.1 has this formula but fails with an AttributeError where a
    group stores several weights.
    """
    weight_bits = _Macro.of(array).weight_bits
    weights = cells_size / weight_bits
    if weights <= 1:
        return 0.0
    return ((_WORDLINE_CAP * (_VDD**2)) + (_BITLINE_CAP * (_VDD**2) * weights)) * weight_bits


def check_cells(
    array: OperationalArray, size: int, operands: tuple[str, ...], served: tuple[str, ...]
) -> None:
    """Check that the memory `CELLS` fits its array.

    Parameters
    ----------
    array : OperationalArray
        The array that computes in it.
    size : int
        Bits of one group of cells.
    operands, served : tuple of str
        The operands that it holds and the dimensions that one instance of it serves.

    Raises
    ------
    InputError
        If it does not; the field of its place is that of the memory.
    """
    weight_bits = _Macro.of(array).weight_bits
    for field, fits, message, expected, found in (
        ("operands", operands == ("I2",), "cells hold weights only", "[I2]", f"[{', '.join(operands)}]"),
        ("served_dimensions", not served, "cells belong to one unit each", "[]", f"[{', '.join(served)}]"),
        (
            "size",
            size % weight_bits == 0,
            "cells hold whole weights",
            f"a multiple of {weight_bits} bits",
            str(size),
        ),
    ):
        if not fits:
            raise InputError(message, place=Place(field=field), expected=expected, found=found)


@dataclass(frozen=True, slots=True)
class _Macro:
    """The numbers of an array that its costs depend on.

    Parameters
    ----------
    analog : bool
        Whether the rows are added on the bitlines.
    activation_bits, weight_bits, slice_bits : int
        Bits of an activation, of a weight, and of an activation that enter in a cycle.
    resolution : int
        Bits of the converters.
    columns, rows, banks : int
        Size of the macro and number of macros.
    """

    analog: bool
    activation_bits: int
    weight_bits: int
    slice_bits: int
    resolution: int
    columns: int
    rows: int
    banks: int

    @classmethod
    def of(cls, array: OperationalArray) -> _Macro:
        imc = array.in_memory_computing
        if imc is None:
            raise InputError("the array does not compute in memory")
        columns, rows = (array.size(dimension) for dimension in array.macro_dimensions)
        banks = array.units // (columns * rows)
        bits = (*imc.input_precision, imc.bit_serial_precision, imc.adc_resolution)
        return cls(imc.analog, *bits, columns, rows, banks)

    @property
    def depth(self) -> int:
        """Levels of the tree that adds the rows of a column."""
        return self.rows.bit_length() - 1

    @property
    def trees(self) -> int:
        """Trees that add the rows of a macro: one per column and bit of the slice."""
        return self.slice_bits * self.columns

    @property
    def row_adders(self) -> int:
        """Full adders in one of them."""
        return 0 if self.analog else self.adders(self.rows)

    def adders(self, inputs: int) -> int:
        """Return the full adders in a tree over weights without place values, for a power of two of inputs."""
        depth = inputs.bit_length() - 1
        return inputs * (self.weight_bits + 1) - (self.weight_bits + depth + 1)

    def tree_energy(self, inputs: int) -> float:
        """Return the energy of a tree over all rows of which only the first `inputs` are not zero."""
        if inputs >= self.rows:
            return self.adders(self.rows) * _ADDER_ENERGY + 0 * _HALF_ADDER_ENERGY
        full = half = 0
        size = self.rows
        while inputs:
            # the adder that joins two subtrees of `size` rows; one of the two is followed further down
            size //= 2
            joint = self.weight_bits + size.bit_length() - 1
            if inputs > size:
                full += self.adders(size) + joint
                inputs -= size
            else:
                half += joint
                if inputs == size:
                    full += self.adders(size)
                    inputs = 0
        return full * _ADDER_ENERGY + half * _HALF_ADDER_ENERGY

    @property
    def places(self) -> int:
        """Place values that are added in the same cycle: bits of a weight, or of the activation's slice."""
        return self.weight_bits if self.analog else self.slice_bits

    @property
    def place_bits(self) -> int:
        """Bits of the sum of one place value."""
        return self.resolution if self.analog else self.weight_bits + self.depth

    @property
    def place_adders(self) -> float:
        """Full adders in the tree that adds the place values of a column."""
        if self.places == 1:
            return 0
        return self.place_bits * (self.places - 1) + self.places * (math.log2(self.places) - 0.5)

    @property
    def accumulates(self) -> bool:
        """Whether an activation takes more than one cycle."""
        return self.slice_bits != self.activation_bits

    @property
    def accumulator_bits(self) -> int:
        """Bits of the accumulator of a column, 0 where there is none."""
        if not self.accumulates:
            return 0
        return self.activation_bits + (self.resolution if self.analog else self.depth) + self.weight_bits

    @property
    def bitline_energy(self) -> float:
        """Energy of adding the bits of one weight on the bitlines."""
        return (_BITLINE_CAP * (_VDD**2) * self.weight_bits) if self.analog else 0.0

    def multipliers(self, rows: int) -> int:
        """Return the one-bit multipliers in some rows of a macro; an analog one takes several bits as a voltage."""
        return (1 if self.analog else self.slice_bits) * self.weight_bits * self.columns * rows


def _tree_delay(depth: float, carries: int) -> float:
    """Return the delay of an adder tree: through sums to the last adder, then along its carries."""
    return (depth - 1) * _INPUT_TO_SUM + _INPUT_TO_CARRY + (carries - 1) * _CARRY_TO_CARRY


def _converter_area(resolution: int) -> float:
    """Return the area of an analog-to-digital converter, fitted to three 28 nm macros."""
    if resolution <= 1:
        return 0.0
    return float(10 ** (-0.0369 * resolution + 1.206) * 2**resolution * (10**-6))


def _converter_delay(resolution: int, rows: int) -> float:
    return resolution * (0.00653 * rows + 0.640)


def _converter_energy(resolution: int) -> float:
    if resolution == 0:
        return 0.0
    femtojoules = (100 * resolution + 0.001 * 4**resolution) * _VDD**2
    return float(femtojoules / 1000)


def _driver_energy(slice_bits: int) -> float:
    """Return the energy of a digital-to-analog converter; a single bit needs none."""
    return 0.0 if slice_bits == 1 else 50e-3 * slice_bits * _VDD**2
