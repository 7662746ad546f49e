"""All that does not change from one temporal mapping to the next, compiled once per layer, machine and unrolling.

Notation, used by every module of the package: an operand has memory levels 0 .. L-1, innermost first. *Arch level*
a stands for the data held below link a: a = 0 is the operand at the array, a = l + 1 the tile in memory level l.
*Link* a, for a = 0 .. L-1, connects arch level a (its lower side, memory level a - 1) to memory level a (its upper
side). Spatial loops between two levels belong to the link between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import NamedTuple

from zzcp.cost.conventions import CostConventions
from zzcp.cost.setting.overlap import Slides
from zzcp.cost.setting.volumes import Volumes
from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.mapping import SpatialMapping
from zzcp.mapping.mapping import DEFAULT_LINKS
from zzcp.workload import DimensionRelation, Layer

Number = int | float
Spatial = tuple[tuple[str, Number], ...]

IRRELEVANT, RELEVANT, PARTIAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Variant:
    """The spatial unrolling of one operand, under one rule for factors that do not divide.

    Parameters
    ----------
    spatial : tuple of Spatial
        Loops unrolled at link a, for a = 0 .. L (the last: unrolled above the top level).
    relevant : tuple of Number
        Product of the relevant spatial factors below arch level a (links 0 .. a-1), for a = 0 .. L.
    windows : tuple of tuple of (Number, Number)
        For every arch level and window the spatial factors of its outer and inner loop below that level.
    units : tuple of int
        Memory instances in use at arch level a, duplicates included, for a = 0 .. L.
    distinct : tuple of Number
        Instances at arch level a that hold different data.
    boost : tuple of int
        Distinct instances below one upper instance, per link a = 0 .. L-1.
    reduction_above : tuple of Number
        For the output: product of the irrelevant spatial factors at links above a (a+1 .. L), for a = 0 .. L-1.
    reduction_here : tuple of Number
        The same with link a itself: what is added up on the way over the link counts, too.
    integral : bool
        Whether every factor is an integer.
    """

    spatial: tuple[Spatial, ...]
    relevant: tuple[Number, ...]
    windows: tuple[tuple[tuple[Number, Number], ...], ...]
    units: tuple[int, ...]
    distinct: tuple[Number, ...]
    boost: tuple[int, ...]
    reduction_above: tuple[Number, ...]
    reduction_here: tuple[Number, ...]
    integral: bool


class Bits(NamedTuple):
    """Bits of an element of an operand in one place; of an input both are equal.

    Attributes
    ----------
    partial, final : int
        Of a partial sum, and of what is complete.
    """

    partial: int
    final: int

    @property
    def least(self) -> int:
        """The smaller of both."""
        return min(self)

    @property
    def most(self) -> int:
        """The larger of both."""
        return max(self)


@dataclass(frozen=True, slots=True)
class OperandSetting:
    """What the cost model needs of one operand.

    Parameters
    ----------
    name, memory_operand : str
        The operand in the layer and in the accelerator.
    is_output : bool
        Whether it is the output.
    memories : tuple of Memory
        Its levels, innermost first.
    kind : mapping of str to int
        IRRELEVANT, RELEVANT or PARTIAL for every dimension of the layer.
    relations : tuple of DimensionRelation
        Its sliding windows. Where what exists of a tile is counted, a loop that an unrolling does not divide counts
        as a window with an inner loop of one step and no name.
    window_sizes : tuple of int
        Largest extent of every window (padding left out).
    precision, final_precision : int
        Bits of an element as the layer has it; for inputs both are equal.
    stored : tuple of Bits
        Bits of an element as each of the memories stores it, and as it moves through that memory's ports.
    energy, latency : Variant
        The unrolling as it counts for the energy and for the latency.
    ports : tuple of mapping of Direction to Port
        Per memory level the port of every direction in which the operand moves.
    turns : tuple of mapping of Direction to int
        Per memory level how many instances take turns at the port of every direction.
    elements : int
        Elements of the whole tensor.
    volumes : Volumes or None
        The tiles where they are not all of one size, or overlap and are an output's.
    revisited : bool
        Whether the loops of a window visit outputs again, and the conventions count that.
    remainders : tuple of (str, int)
        The dimensions whose temporal loops do not divide, with their iterations. Those that change the operand's data
        are PARTIAL, each with a window of its own if it has no other.
    slides : Slides or None
        The windows whose overlap some of its memories keep between refills.
    """

    name: str
    memory_operand: str
    is_output: bool
    memories: tuple[Memory, ...]
    kind: Mapping[str, int]
    relations: tuple[DimensionRelation, ...]
    window_sizes: tuple[int, ...]
    precision: int
    final_precision: int
    stored: tuple[Bits, ...]
    energy: Variant
    latency: Variant
    ports: tuple[Mapping[Direction, Port], ...]
    turns: tuple[Mapping[Direction, int], ...]
    elements: int
    volumes: Volumes | None = None
    revisited: bool = False
    remainders: tuple[tuple[str, int], ...] = ()
    slides: Slides | None = None

    @property
    def depth(self) -> int:
        """Number of memory levels."""
        return len(self.memories)

    def held(self, arch_level: int) -> Bits:
        """Return the bits of an element at an arch level: at the array as the layer has it."""
        return self.stored[arch_level - 1] if arch_level else Bits(self.precision, self.final_precision)


@dataclass(frozen=True, slots=True)
class PortUse:
    """One movement through a physical port.

    Parameters
    ----------
    operand : int
        Position of the operand in `Setting.operands`.
    level : int
        Memory level of the operand at which the port stands.
    direction : Direction
        How the data moves.
    """

    operand: int
    level: int
    direction: Direction

    @property
    def link(self) -> int:
        """The link that the movement belongs to."""
        return self.level if self.direction in (Direction.TO_BELOW, Direction.FROM_BELOW) else self.level + 1


@dataclass(frozen=True, slots=True)
class PortSetting:
    """A physical port and all that moves through it for this layer.

    Parameters
    ----------
    memory : Memory
        The memory it belongs to.
    port : Port
        The port.
    uses : tuple of PortUse
        Movements in the order of the memory's operands and the file's ports.
    both_inputs : bool
        Whether the accelerator lets both inputs pass through it.
    """

    memory: Memory
    port: Port
    uses: tuple[PortUse, ...]
    both_inputs: bool


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The operands that share one memory.

    Parameters
    ----------
    memory : Memory
        The memory.
    tenants : tuple of (int, int)
        Operand (position in `Setting.operands`) and its level there, in the memory's order.
    """

    memory: Memory
    tenants: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Refill:
    """What a systolic array takes when the tile changes that stays in its units.

    Parameters
    ----------
    operand : int
        Position of the operand that stays.
    shift : int
        Cycles in which an element moves in through the array.
    fill : int
        Cycles from the first unit to the last.
    """

    operand: int
    shift: int
    fill: int


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """The accelerator, the layer and the unrolling as the cost model sees them.

    Parameters
    ----------
    accelerator, layer, spatial, conventions
        What was compiled.
    links : mapping of str to str
        Memory operand of every operand.
    operands : tuple of OperandSetting
        In the order of the layer's equation, the output first.
    ports : tuple of PortSetting
        The ports that move something.
    tenancies : tuple of Tenancy
        The memories that hold something.
    temporal_sizes : mapping of str to int
        The product of the temporal loops of every dimension: its iterations, or more where they do not divide.
    iterations : mapping of str to int
        Iterations of every dimension.
    cycles_per_op : int
        Cycles of one operation of the array.
    ideal_cycles : int
        Cycles with a full array that never waits.
    drain : int
        Cycles along the systolic dimensions of the array, for one tile of one element where it is refilled.
    mac_energy : Fraction
        Energy of all operations.
    leakage : Fraction
        Energy of every cycle, whatever happens in it; 0 where the conventions know no leakage.
    refill : Refill or None
        What the array takes at every change of the tile that stays in its units, where it is refilled.
    """

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping
    conventions: CostConventions
    links: Mapping[str, str]
    operands: tuple[OperandSetting, ...]
    ports: tuple[PortSetting, ...]
    tenancies: tuple[Tenancy, ...]
    temporal_sizes: Mapping[str, int]
    iterations: Mapping[str, int]
    cycles_per_op: int
    ideal_cycles: int
    drain: int
    mac_energy: Fraction
    leakage: Fraction
    refill: Refill | None = None

    @property
    def remainders(self) -> tuple[str, ...]:
        """The dimensions whose temporal loops do not divide."""
        return tuple(dim for dim, _ in self.operands[0].remainders)

    @property
    def of_any_product(self) -> tuple[str, ...]:
        """Those of them whose loops may come to any product from the iterations on."""
        return tuple(dim for dim in self.remainders if self.temporal_sizes[dim] == self.iterations[dim])

    @property
    def loops_at_most(self) -> int:
        """What the products of the temporal loops of all dimensions come to at the most."""
        return prod(self.temporal_sizes.values()) << len(self.of_any_product)

    @property
    def keeps_overlap(self) -> bool:
        """Whether some memory keeps the overlap of windows between refills."""
        return any(operand.slides is not None for operand in self.operands)

    @property
    def run_cycles(self) -> int:
        """Cycles of the computation without stalls."""
        return prod(self.iterations.values()) * self.cycles_per_op

    @property
    def own_links(self) -> Mapping[str, str] | None:
        """The memory operands where neither names nor places of the operands are the usual ones.

        A mapping of operands named otherwise states them: without its layer nobody could tell the inputs apart.
        """
        usual = DEFAULT_LINKS.keys() >= self.links.keys() and self.links == self.layer.default_links
        return None if usual else self.links

    def operand_index(self, name: str) -> int:
        """Return the position of an operand in `operands`."""
        return self.layer.operands.index(name)
