"""Tables over groups of tile sizes: no tile size of a group costs less, boundary by boundary."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from tests.solver.brute_force import Case, random_case
from tests.solver.padding.every_chain import best_mappings, count
from zzcp.cost import EXACT
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.setting.remainders import undivided
from zzcp.solver.lattice.keys import Array, StateSpace, keys_of
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import BoundaryTable, boundary_tables
from zzcp.solver.padding.grouped import grouped_tables
from zzcp.solver.padding.groups import Group, Groups, groups_of, growing, keys_of_groups, refined
from zzcp.solver.padding.tiles import applies
from zzcp.solver.ranges.multipliers import Line
from zzcp.solver.ranges.relaxation import Relaxation

_MOST = 40_000


def a_case(rng: Random) -> Case:
    """Return a case with several tile sizes in a group."""
    while True:
        case = random_case(rng, 400_000)
        if applies(case.evaluator(EXACT)) and max(case.spatial.temporal_sizes(case.layer).values()) > 4:
            return case


def padded(case: Case, groups: Groups) -> Evaluator:
    """Return the evaluator of the smallest tile sizes of groups."""
    sizes = {dim: tuple(group.low for group in some) for dim, some in groups.items()}
    return Evaluator(case.accelerator, case.layer, case.spatial, EXACT, None, sizes)


def some_groups(case: Case, rng: Random) -> tuple[Groups, Groups]:
    """Return groups of several tile sizes, some of them halved, and each tile size as a group of its own."""
    kept = undivided(case.layer)
    sizes = {
        dim: n for dim, n in case.spatial.temporal_sizes(case.layer).items() if n > 2 and dim not in kept
    }
    single = {dim: tuple(Group(size, size) for size in range(1, n + 1)) for dim, n in sizes.items()}
    groups = growing(padded(case, single).model, {dim: groups_of(n) for dim, n in sizes.items()})
    apart = {
        dim: [number for number in range(len(some)) if rng.random() < 0.3] for dim, some in groups.items()
    }
    return refined(groups, apart), single


def found(narrow: StateSpace, among: StateSpace, lows: dict[str, Array]) -> Array:
    """Return for every state of single tile sizes the number of that which stands for it."""

    def loops(space: StateSpace) -> Iterator[tuple[int, ...]]:
        for number in range(len(space)):
            yield tuple(int(sizes[number]) for sizes in space.by_dim.values())

    known = {row: number for number, row in enumerate(loops(among))}
    dims = list(narrow.by_dim)
    return np.array(
        [
            known[
                tuple(
                    int(lows[dim][size]) if dim in lows else size for dim, size in zip(dims, row, strict=True)
                )
            ]
            for row in loops(narrow)
        ],
        dtype=np.int64,
    )


def places(table: BoundaryTable, lows: dict[str, Array], wide: BoundaryTable) -> tuple[Array, Array]:
    """Return the rows and columns of a grouped table for every row and column of one of single tile sizes."""
    columns = np.zeros(len(table.reuse_values), dtype=np.int64)
    columns[table.reuse_index] = wide.reuse_index[found(table.reuse, wide.reuse, lows)]
    return found(table.data, wide.data, lows), columns


@pytest.mark.parametrize("seed", range(40))
def test_no_tile_size_of_a_group_costs_less(seed: int) -> None:
    rng = Random(f"grouped {seed}")
    case = a_case(rng)
    groups, single = some_groups(case, rng)
    others = keys_of(
        {dim: n for dim, n in case.spatial.temporal_sizes(case.layer).items() if dim not in groups and n > 1}
    )
    _, lower = grouped_tables(padded(case, groups).model, others, groups)
    exact = boundary_tables(padded(case, single).model, (*others, *keys_of_groups(single)))
    lows = {}
    for dim, some in groups.items():
        lows[dim] = np.zeros(some[-1].high + 1, dtype=np.int64)
        for low, high in some:
            lows[dim][low : high + 1] = low
    for row, wide_row in zip(exact, lower, strict=True):
        for table, wide in zip(row, wide_row, strict=True):
            if not len(table.data):
                continue
            at = np.ix_(*places(table, lows, wide))
            rows = at[0].reshape(-1)
            assert (
                wide.energy[at] / float(lower.scale) <= table.energy / float(exact.scale) * (1 + 1e-12)
            ).all()
            assert (wide.stored[rows] <= table.stored).all()
            assert (wide.bits[rows] <= table.bits).all()
            assert (wide.fill[at] <= table.fill).all()
            assert ((wide.fill - wide.room)[at] <= table.fill - table.room).all()
            for part, least in zip(table.moves, wide.moves, strict=True):
                assert (least.count[at] == part.count).all()
                for name in ("cycles", "repeats", "busy", "late"):
                    assert (getattr(least, name)[at] <= getattr(part, name)).all(), name
                beyond = least.busy if least.beyond is None else least.beyond
                assert (wide.fill[at] + beyond[at] <= table.fill + part.busy).all()
            if table.refill is not None:
                assert wide.refill is not None
                assert all(
                    (least[at] <= part).all() for least, part in zip(wide.refill, table.refill, strict=True)
                )


@pytest.mark.parametrize("seed", range(10))
def test_no_mapping_is_below_the_relaxation_over_groups(seed: int) -> None:
    rng = Random(f"grouped relaxation {seed}")
    while True:
        case = random_case(rng, 20_000)
        sizes = case.spatial.temporal_sizes(case.layer)
        # where lanes are idle, mappings with loops that divide are another set
        even = all(n == sizes[dim] * case.spatial.total(dim) for dim, n in case.layer.sizes.items())
        if even and max(sizes.values()) > 2 and count(case) <= _MOST and applies(case.evaluator(EXACT)):
            best = best_mappings(case)
            if best:
                break
    base = case.evaluator(EXACT)
    groups, _ = some_groups(case, rng)
    others = keys_of({dim: n for dim, n in sizes.items() if dim not in groups and n > 1})
    model = padded(case, groups).model
    keys, tables = grouped_tables(model, others, groups)
    relaxation = Relaxation(model, tables, Lattice(keys, tables))
    energy, latency = best["energy"].value * float(tables.scale), best["latency"].value
    assert relaxation.tighten(Line(1 / energy, 0.0), 8)[0] <= 1 + 1e-9
    assert relaxation.tighten(Line(0.0, 1 / latency), 8)[0] <= 1 + 1e-9
    assert base.setting.remainders == ()
