"""What an interpreted run has moved, in elements, bits, accesses and energy."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from zzcp.hardware import Direction, Memory
from zzcp.workload import Layer


@dataclass
class Level:
    """What an operand does at one memory level.

    Attributes
    ----------
    memory : Memory
        The level.
    transfers : dict of Direction to Counter
        How many transfers there were of how many elements, over all instances.
    incomplete : set
        Directions in which incomplete outputs moved.
    largest : int
        Elements of the largest tile in one instance.
    instances : int
        Instances in use.
    """

    memory: Memory
    transfers: dict[Direction, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    incomplete: set[Direction] = field(default_factory=set)
    largest: int = 0
    instances: int = 0

    def moved(self, direction: Direction) -> int:
        """Return the elements that moved in a direction."""
        return sum(elements * times for elements, times in self.transfers[direction].items())


@dataclass(frozen=True)
class Walk:
    """All that moved while a layer ran.

    Parameters
    ----------
    layer : Layer
        The layer.
    links : dict
        Memory operand of every operand.
    levels : dict
        Per operand its levels, innermost first.
    mac_energy : Fraction
        Energy of the operations.
    """

    layer: Layer
    links: dict[str, str]
    levels: dict[str, list[Level]]
    mac_energy: Fraction

    def accesses(self, operand: str, level: int, direction: Direction) -> Fraction:
        """Return full-width accesses: every transfer takes a whole number of smallest words."""
        here = self.levels[operand][level]
        if not here.transfers[direction]:
            return Fraction(0)
        port = here.memory.port(self.links[operand], direction)
        bits = self._bits(operand, here.memory, direction in here.incomplete)
        words = sum(
            -(-elements * bits // port.bandwidth_min) * times
            for elements, times in here.transfers[direction].items()
        )
        return Fraction(words * port.bandwidth_min, port.bandwidth_max)

    def read_back(self, level: int) -> int:
        """Return the partial sums that are read at a level for the one below, in elements."""
        return self.levels[self.layer.output][level].moved(Direction.TO_BELOW)

    def stored_bits(self, operand: str, level: int) -> int:
        """Return the bits of the largest tile of an operand in one instance."""
        here = self.levels[operand][level]
        incomplete = here.incomplete & {Direction.FROM_BELOW, Direction.FROM_ABOVE}
        return here.largest * self._bits(operand, here.memory, bool(incomplete))

    def energy(self) -> Fraction:
        """Return the energy of all accesses and operations."""
        total = self.mac_energy
        for operand, levels in self.levels.items():
            for number, here in enumerate(levels):
                for direction in Direction:
                    cost = here.memory.write_energy if direction.is_write else here.memory.read_energy
                    total += self.accesses(operand, number, direction) * Fraction(str(cost))
        return total

    def _bits(self, operand: str, memory: Memory, incomplete: bool) -> int:
        is_result = operand == self.layer.output and not incomplete
        bits = self.layer.final_precision if is_result else self.layer.precision[operand]
        return own_bits(memory, self.links[operand], bits)


def own_bits(memory: Memory, memory_operand: str, bits: int) -> int:
    """Return the bits of an element in a memory: those that it states; nothing stays nothing."""
    return dict(memory.precision).get(memory_operand, bits) if bits else 0
