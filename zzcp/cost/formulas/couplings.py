"""Ports that are held together: transfers of which no two can take place in the same cycle, though they share no port.

A link holds a port on either side. Of three ports, a, b and c, a link over a and b, one over b and c and one over c and
a exclude each other pair by pair, so that in every cycle at most one of them moves. Each port alone sees only two of
the three. A run without stalls has room for as many cycles as it has itself, and no more:

    stall >= sum over the links between two of the three ports of (cycles in which both are held) - run.

Both ports are held in all cycles of the faster side. The array adds in place: it reads a sum in the cycle in which it
writes the one that comes of it, and so holds both ports of the memory above it like a link between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from zzcp.cost.formulas.moves import Move
from zzcp.cost.setting.setting import Setting

Pair = tuple[int, int]
"""Two movements that take place together, on two ports; the second is the rarer one."""


def compile_couplings(
    setting: Setting, moves: Sequence[Move], port_moves: Sequence[Sequence[int]]
) -> tuple[tuple[Pair, ...], ...]:
    """Return for every three ports that links couple all pairs of movements between two of them.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    moves : sequence of Move
        Its movements.
    port_moves : sequence of sequence of int
        The movements through every port.
    """
    if setting.conventions.uncoupled_ports:
        return ()
    port_of = {number: port for port, through in enumerate(port_moves) for number in through}
    between: dict[frozenset[int], list[Pair]] = {}
    for pair in _pairs(moves):
        ports = frozenset(port_of[number] for number in pair)
        if len(ports) == 2:
            between.setdefault(ports, []).append(pair)
    found = []
    for three in combinations(sorted({port for ports in between for port in ports}), 3):
        sides = [frozenset(two) for two in combinations(three, 2)]
        if all(side in between for side in sides):
            found.append(tuple(pair for side in sides for pair in between[side]))
    return tuple(found)


def _pairs(moves: Sequence[Move]) -> list[Pair]:
    """Return the two sides of every link, and what an output's sums hold at the array."""
    numbers: dict[tuple[int, int, bool], list[int]] = {}
    for number, move in enumerate(moves):
        numbers.setdefault((move.operand, move.link, move.back), []).append(number)
    pairs = []
    for (operand, link, back), sides in numbers.items():
        if link:
            pairs.append((sides[0], sides[1]))
        elif back:
            pairs.append((numbers[operand, 0, False][0], sides[0]))
    return pairs
