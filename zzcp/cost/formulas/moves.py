"""The movements of a setting: every way in which data passes through a memory level, numbered once.

All per-mapping quantities of the core are lists over these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Any

from zzcp.cost.setting.setting import IRRELEVANT, OperandSetting, Setting
from zzcp.hardware import Direction, Memory
from zzcp.hardware.figures import decimal_of


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of an operand through a memory level.

    Parameters
    ----------
    operand : int
        Position of the operand in `Setting.operands`.
    level : int
        Memory level of the operand.
    direction : Direction
        From or to the level above or below.
    link : int
        The link that the movement belongs to: `level` for its lower neighbour, `level` + 1 for the upper one.
    back : bool
        Whether partial sums are read back to the array's side.
    width_min, width : int
        Smallest word and full width of the port in bits per cycle.
    units : int
        Memory instances in use that move data; where the tiles of all of them are added up, how many hold the same.
    turns : int
        Memory instances that take turns at the port (see `zzcp.cost.setting.turns`).
    """

    operand: int
    level: int
    direction: Direction
    link: int
    back: bool
    width_min: int
    width: int
    units: int
    turns: int

    @property
    def is_upper(self) -> bool:
        """Whether the memory is the upper side of the link."""
        return self.link == self.level

    def cycles(self, bits: Any) -> Any:
        """Return the cycles in which the port moves so many bits of every instance, one after the other."""
        whole = -(-bits // self.width)
        return whole if self.turns == 1 else whole * self.turns


def compile_moves(setting: Setting) -> tuple[Move, ...]:
    """Return every movement of the layer, operand by operand and level by level."""
    moves = []
    for index, operand in enumerate(setting.operands):
        for level, ports in enumerate(operand.ports):
            top = level == operand.depth - 1
            for direction, port in ports.items():
                upwards = direction in (Direction.TO_ABOVE, Direction.FROM_BELOW)
                outside = top and direction in (Direction.FROM_ABOVE, Direction.TO_ABOVE)
                if outside or (upwards and not operand.is_output):
                    continue
                below = direction in (Direction.TO_BELOW, Direction.FROM_BELOW)
                link, back = (level if below else level + 1), operand.is_output and not upwards
                # sums that are added up on the way out come back to one of their instances
                restored = back and not below and not setting.conventions.restored_everywhere
                moves.append(
                    Move(
                        operand=index,
                        level=level,
                        direction=direction,
                        link=link,
                        back=back,
                        width_min=port.bandwidth_min,
                        width=port.bandwidth_max,
                        units=_units(operand, level, restored_over=link if restored else None),
                        turns=operand.turns[level][direction],
                    )
                )
    return tuple(moves)


def _units(operand: OperandSetting, level: int, restored_over: int | None) -> int:
    """Return how often the words of a movement count (see `Move`)."""
    variant = operand.energy
    units: float = variant.units[level + 1] if operand.volumes is None else variant.reduction_above[level]
    for dim, lanes in () if restored_over is None else variant.spatial[restored_over]:
        if operand.kind[dim] == IRRELEVANT:
            units = units / lanes
    return round(units)


def access_energy(memory: Memory, direction: Direction) -> Fraction:
    """Return the energy of one full-width access of a memory."""
    return decimal_of(memory.write_energy if direction.is_write else memory.read_energy)


def word_energies(setting: Setting, moves: tuple[Move, ...]) -> tuple[int, tuple[int, ...]]:
    """Return a scale and the energy of one smallest word of every movement as integers in units of 1 / scale."""
    costs = [_word_energy(setting.operands[move.operand].memories[move.level], move) for move in moves]
    scale = lcm(
        setting.mac_energy.denominator, setting.leakage.denominator, *(cost.denominator for cost in costs)
    )
    return scale, tuple(cost.numerator * (scale // cost.denominator) for cost in costs)


def _word_energy(memory: Memory, move: Move) -> Fraction:
    energy = memory.write_energy if move.direction.is_write else memory.read_energy
    return _share(energy, move.width_min, move.width)


@lru_cache(maxsize=4096)
def _share(energy: float, width_min: int, width: int) -> Fraction:
    return decimal_of(energy) * Fraction(width_min, width)
