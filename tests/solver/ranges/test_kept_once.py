"""What single copies of whole chains lack of their windows: no more than the evaluator counts."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

from tests.solver.padding.test_grouped import a_case, padded, some_groups
from zzcp.cost.batch import score_batch
from zzcp.cost.setting.state import merge_down
from zzcp.mapping import Mapping
from zzcp.solver.lattice.factors import Factors
from zzcp.solver.lattice.keys import Place, Vector, keys_of
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.padding.completions import Tiling, joined
from zzcp.solver.padding.grouped import grouped_tables
from zzcp.solver.ranges.kept_once import late_terms
from zzcp.solver.ranges.relaxation import Relaxation


def some_chain(rng: Random, lattice: Lattice) -> dict[Place, Vector] | None:
    """Return boundaries at random vectors, each above those before it, or None where one cannot be."""
    full = tuple(length - 1 for length in lattice.shape)
    point = (0,) * len(full)
    waiting = [[(operand, link) for link in range(depth)] for operand, depth in enumerate(lattice.depths)]
    chain: dict[Place, Vector] = {}
    while any(waiting):
        place = rng.choice([row for row in waiting if row]).pop(0)
        low = point
        if place[1]:
            point = tuple(
                at if rng.random() < 0.5 else rng.randint(at, top) for at, top in zip(low, full, strict=True)
            )
        if not np.broadcast_to(lattice.alive[place], lattice.shape)[point]:
            return None
        chain[place] = point
    return chain


def is_own(mapping: Mapping, chain: dict[Place, Vector], tiling: Tiling) -> bool:
    """Return whether a mapping has these boundaries, with irrelevant loops above a boundary counted beneath it."""
    for index, operand in enumerate(tiling.setting.operands):
        loops, ends, stationary = merge_down(dict(operand.kind), mapping.temporal[operand.name])
        first = 0 if operand.is_output or not tiling.setting.conventions.same_data_free else stationary
        for link, end in enumerate((first, *ends[:-1])):
            for dim, size in tiling.setting.iterations.items():
                own = [
                    (key, at)
                    for key, at in zip(tiling.keys, chain[index, link], strict=True)
                    if key.dim == dim
                ]
                below = min(size, math.prod(factor for name, factor in loops[:end] if name == dim))
                low, high = (
                    math.prod(int(some[at]) for some, at in ((which(key), at) for key, at in own))
                    for which in (lambda key: key.products, lambda key: key.most)
                )
                if not low <= below <= high:
                    return False
    return True


def check(seed: int) -> int:
    """Compare some chains of a case with their mappings; return of how many chains single copies lack something."""
    rng = Random(f"kept once {seed}")
    case = a_case(rng)
    groups, single = some_groups(case, rng)
    sizes = case.spatial.temporal_sizes(case.layer)
    others = keys_of({dim: n for dim, n in sizes.items() if dim not in groups and n > 1})
    model = padded(case, groups).model
    keys, tables = grouped_tables(model, others, groups)
    if not all(len(table.data) for row in tables for table in row):
        return 0
    lattice = Lattice(keys, tables)
    relaxation, factors = Relaxation(model, tables, lattice), Factors(lattice, model.setting)
    every = padded(case, single)
    tiling = Tiling(every.setting, keys, groups, frozenset())
    lacking = 0
    for _ in range(60):
        chain = some_chain(rng, relaxation.lattice)
        batches = [] if chain is None else tiling.batches(chain, 400)[0]
        if chain is None or not batches:
            continue
        numbers = {place: np.array([np.ravel_multi_index(at, lattice.shape)]) for place, at in chain.items()}
        shares = relaxation.shares()
        used = np.array(
            [
                [sum(float(shares[place][chain[place]]) for place in term.parts)]
                for term in relaxation.capacity
            ]
        ).reshape(len(relaxation.capacity), 1)
        terms = late_terms(relaxation, factors, numbers, used)[:, 0]
        batch = joined(batches)
        found = score_batch(every, batch)
        own = [
            number
            for number in np.flatnonzero(found.valid)
            if is_own(batch.mapping(int(number), case.layer, case.spatial), chain, tiling)
        ]
        if not own:
            continue
        stall = found.temporal_stall[own].min()
        assert terms.max(initial=0.0) <= stall, seed
        plain = [
            term.constant
            + sum(relaxation.lattice.value(place, part, chain[place]) for place, part in term.parts.items())
            for term in relaxation.latency
            if term.late or term.crowded
        ]
        lacking += terms.max(initial=0.0) > max(plain, default=0.0)
    return lacking


@pytest.mark.parametrize("seed", [28, 160, 241, 342])
def test_no_mapping_waits_less_where_single_copies_lack_something(seed: int) -> None:
    assert check(seed) > 0


def test_no_mapping_waits_less() -> None:
    for seed in range(20):
        check(seed)
