"""Tile sizes without room for them are left out, and none that have room."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.solver.padding.test_grouped import a_case, padded, some_groups
from tests.solver.ranges.test_kept_once import some_chain
from zzcp.cost.batch import score_batch
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import boundary_tables
from zzcp.solver.padding import completions
from zzcp.solver.padding.completions import Tiling, joined
from zzcp.solver.padding.groups import keys_of_groups


def everything_fits(_: object, __: object, ___: object, tiles: dict[object, np.ndarray]) -> np.ndarray:
    return np.ones(next(iter(tiles.values())).shape[1], dtype=bool)


def test_what_is_left_out_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [check_room(seed, monkeypatch) for seed in range(16)]
    assert sum(valid for valid, _ in found) > 100
    assert sum(left_out for _, left_out in found) > 50


def check_room(seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Compare the mappings of some chains with and without regard to room; return how many there are, and are not."""
    rng = Random(f"room {seed}")
    case = a_case(rng)
    groups, single = some_groups(case, rng)
    sizes = case.spatial.temporal_sizes(case.layer)
    others = keys_of({dim: n for dim, n in sizes.items() if dim not in groups and n > 1})
    keys = (*others, *keys_of_groups(groups))
    evaluator = padded(case, single)
    some = Tiling(evaluator.setting, keys, groups, frozenset())
    lattice = Lattice(keys, boundary_tables(padded(case, groups).model, keys))
    valid = left_out = 0
    for _ in range(60):
        chain = some_chain(rng, lattice)
        if chain is None:
            continue
        with monkeypatch.context() as patch:
            patch.setattr(completions, "with_room", everything_fits)
            every, complete = some.batches(chain, 4000)
        batches, _ = some.batches(chain, 4000)
        if not complete or not every:
            continue
        everywhere = score_batch(evaluator, joined(every)).valid.sum()
        scores = score_batch(evaluator, joined(batches)) if batches else None
        assert everywhere == (0 if scores is None else scores.valid.sum())
        valid += int(everywhere)
        left_out += sum(map(len, every)) - sum(map(len, batches))
    return valid, left_out
