"""Tiles of several sizes in time: what a movement takes where temporal loops do not divide.

Along every dimension of n iterations that tiles of t do not divide there are n // t whole tiles and a last one with the
rest. A movement so has up to 2^m kinds of transfers for m such dimensions, each with cycles, a window and a number of
its own. Dimensions of the data make transfers and windows smaller, the others only windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.cost.formulas.links import Transfers, tile_elements
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.formulas.words import move_precision
from zzcp.cost.setting.setting import IRRELEVANT, OperandSetting, Setting
from zzcp.cost.setting.state import OperandState


class Kind(NamedTuple):
    """Tiles of one kind below a link.

    Attributes
    ----------
    period, first_pass : Any
        Cycles (in operations) between two refills, and until all of the data was used once.
    tiles, visits : Any
        How many different ones there are, and how often each is there: their product is the number of periods.
    is_first : bool
        Whether each of their tiles is first visited as one of this kind.
    windows : list of (Any, Any)
        As in `zzcp.cost.setting.state.OperandState`.
    """

    period: Any
    first_pass: Any
    tiles: Any
    visits: Any
    is_first: bool
    windows: Sequence[tuple[Any, Any]]


class Transfer(NamedTuple):
    """Transfers of one kind: their cycles, the cycles in which they may take place, and how many there are.

    The first fill and the last drain, which are no part of the run, are left out.
    """

    cycles: Any
    window: Any
    repeats: Any


def tile_kinds(operand: OperandSetting, state: OperandState, link: int, numeric: Numeric) -> list[Kind]:
    """Return the kinds of tiles below a link, those of whole tiles first.

    Parameters
    ----------
    operand, state, link, numeric
        The operand, its boundaries, and the link.
    """
    of_data, irrelevant = (
        _combined(operand, state, link, numeric, irrelevant=inside) for inside in (False, True)
    )
    period, first_pass = state.period[link], state.first_pass[link]
    visits = state.irrelevant_above[link]
    different = state.counts[link] // visits
    for (dim, n), tile, done in zip(operand.remainders, state.tiles[link], state.passed[link], strict=True):
        period, first_pass = period // tile, first_pass // done
        if operand.kind[dim] == IRRELEVANT:
            visits = visits // -(-n // tile)
        else:
            different = different // -(-n // tile)
    return [
        Kind(
            period * (mine.period * other.period),
            first_pass * (mine.first_pass * other.first_pass),
            different * mine.count,
            visits * other.count,
            other.is_first,
            mine.windows,
        )
        for mine in of_data
        for other in irrelevant
    ]


class _Part(NamedTuple):
    """What some dimensions, of the data or irrelevant, contribute to tiles of one kind: factors, and the windows."""

    period: Any
    first_pass: Any
    count: Any
    is_first: bool
    windows: Sequence[tuple[Any, Any]]


def _combined(
    operand: OperandSetting, state: OperandState, link: int, numeric: Numeric, *, irrelevant: bool
) -> list[_Part]:
    """Return whole and last tiles along the dimensions that do not divide, of one sort, in all combinations."""
    found = [_Part(1, 1, 1, True, state.windows[link])]
    for (dim, n), tile, done in zip(operand.remainders, state.tiles[link], state.passed[link], strict=True):
        if (operand.kind[dim] == IRRELEVANT) != irrelevant:
            continue
        whole = n // tile
        rest = n - tile * whole
        # where nothing is left there is no such tile: any size will do
        last = numeric.where(rest > 0, rest, tile), numeric.where(rest > 0, 1, 0)
        found = [
            _Part(
                part.period * steps,
                part.first_pass * numeric.minimum(done, steps),
                part.count * count,
                part.is_first and not is_last,
                _with(operand, part.windows, dim, steps),
            )
            for part in found
            for is_last, (steps, count) in enumerate([(tile, whole), last])
        ]
    return found


def _with(
    operand: OperandSetting, windows: Sequence[tuple[Any, Any]], dim: str, steps: Any
) -> list[tuple[Any, Any]]:
    """Return windows with other iterations of a dimension."""
    return [
        (steps if relation.outer == dim else outer, steps if relation.inner == dim else inner)
        for relation, (outer, inner) in zip(operand.relations, windows, strict=True)
    ]


def move_transfers(
    setting: Setting, move: Move, state: OperandState, moved: Transfers, doubled: Any, numeric: Numeric
) -> list[Transfer]:
    """Return the transfers of a movement by their kinds.

    Parameters
    ----------
    setting, move, state, moved
        The setting, the movement, its operand's boundaries and transfers of whole tiles.
    doubled : Any
        Whether the tile is kept twice, so that the window is the period.
    numeric : Numeric
        Numbers or arrays.
    """
    operand, link = setting.operands[move.operand], move.link
    precision = move_precision(move, operand, moved, numeric)
    kinds = tile_kinds(operand, state, link, numeric)
    periods = state.counts[link]
    # what tiles of an output with windows share comes back with whole tiles
    more = moved.back[link] - periods + periods // state.irrelevant_above[link] if move.back else -1
    found: list[Transfer] = []
    cycles, before = None, None
    for kind in kinds:
        if kind.windows is not before:
            # kinds that differ in irrelevant dimensions only follow each other
            before = kind.windows
            windows = [before if a == link else row for a, row in enumerate(state.windows)]
            elements = tile_elements(
                operand,
                operand.latency,
                state._replace(windows=windows),
                link,
                link + move.is_upper,
                setting.conventions,
                numeric,
            )
            cycles = move.cycles(elements * precision)
        visits = kind.visits - 1 if move.back and kind.is_first else kind.visits
        repeats = kind.tiles * visits
        window = numeric.where(doubled, kind.period, kind.first_pass) if link else kind.period
        found.append(Transfer(cycles, window * setting.cycles_per_op, repeats if found else repeats + more))
    return found


def total(parts: Sequence[Any]) -> Any:
    """Return a sum."""
    result: Any = 0
    for part in parts:
        result = result + part
    return result


def late(transfers: Sequence[Transfer], numeric: Numeric) -> Any:
    """Return the cycles that transfers take beyond their own windows."""
    return total([numeric.maximum(0, part.cycles - part.window) * part.repeats for part in transfers])


def fitting(transfers: Sequence[Transfer], numeric: Numeric) -> Any:
    """Return the cycles of transfers within their windows."""
    return total([numeric.minimum(part.window, part.cycles) * part.repeats for part in transfers])


def busy(transfers: Sequence[Transfer]) -> Any:
    """Return the cycles of all transfers."""
    return total([part.cycles * part.repeats for part in transfers])
