"""The search over loops that need not divide, against every mapping of tiny layers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

import zzcp
from tests.machines import machine
from tests.solver.brute_force import Case, random_case
from tests.solver.padding.every_chain import best_mappings, count
from zzcp.cost import ZIGZAG
from zzcp.errors import InputError
from zzcp.solver import optimize
from zzcp.solver.clock import Ended
from zzcp.solver.padding.tiles import TileSearch

CHUNK, CHUNKS, SLOW_CHUNKS = 10, 3, 100
_MOST = 40_000
"""Mappings of a case, at most."""


def tiny(seed: int) -> Case:
    """Return a case in which loops that do not divide may matter."""
    rng = Random(f"padding {seed}")
    while True:
        case = random_case(rng, 30_000)
        if max(case.spatial.temporal_sizes(case.layer).values()) > 2 and count(case) <= _MOST:
            return case


def check(seed: int, changed: Callable[[Case], Case] = lambda case: case) -> bool:
    """Compare the search of a case with all its mappings; return whether loops that do not divide are better."""
    case = changed(tiny(seed))
    best = best_mappings(case)
    better = False
    for objective in ("edp", "energy", "latency") if seed % 4 == 0 else ("edp",):
        how = {"spatial": case.spatial, "gap": 1e-6, "time_limit": 600}
        perfect, found = (
            optimize(case.accelerator, case.layer, objective, factors=factors, **how)  # type: ignore[arg-type]
            for factors in ("perfect", "imperfect")
        )
        if not best:
            assert found.status == "infeasible"
            return False
        assert found.status == "optimal", (seed, objective)
        assert found.objective is not None
        assert found.mapping is not None
        assert found.objective == pytest.approx(best[objective].value, rel=2e-6), (seed, objective)
        assert found.lower_bound <= best[objective].value * (1 + 1e-9)
        again = zzcp.evaluate(case.accelerator, case.layer, found.mapping)
        assert found.evaluation is not None
        assert (again.energy, again.latency) == (found.evaluation.energy, found.evaluation.latency)
        # the law: loops that divide are in the space
        if perfect.objective is not None:
            assert found.objective <= perfect.objective
            better |= found.objective < perfect.objective * (1 - 1e-5)
    return better


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_best_of_all_chains_is_found(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS, CHUNKS + SLOW_CHUNKS))
def test_the_best_of_all_chains_is_found_in_more_cases(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed)


SMALL = machine()
PRIME = zzcp.Layer.gemm(b=13, k=8, c=6)
SPATIAL = {"D1": {"K": 4}, "D2": {"C": 2}}


def test_a_prime_dimension_has_better_tiles() -> None:
    """13 has no tiles but 1 and 13 where loops divide."""
    perfect, imperfect = (
        optimize(SMALL, PRIME, spatial=SPATIAL, factors=factors)  # type: ignore[arg-type]
        for factors in ("perfect", "imperfect")
    )
    assert perfect.objective is not None
    assert imperfect.objective is not None
    assert imperfect.status == "optimal"
    assert imperfect.objective < perfect.objective
    assert imperfect.mapping is not None
    assert imperfect.mapping.is_imperfect
    assert "loops that divide or do not" in str(imperfect.space)


def test_padding_can_be_limited() -> None:
    none = optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", max_padding=0.0)
    perfect = optimize(SMALL, PRIME, spatial=SPATIAL)
    assert none.objective == perfect.objective
    some = optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", max_padding=0.1)
    assert some.mapping is not None
    rows = math.prod(loop.size for loop in some.mapping.order if loop.dim == "B")
    assert rows <= 13 * 1.1
    assert "10%" in str(some.space)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="conventions zigzag count all tiles as whole ones"):
        optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", conventions=ZIGZAG)
    with pytest.raises(InputError, match="constraints are for loops that divide"):
        optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", constraints={"innermost": ["K"]})
    with pytest.raises(InputError, match="factors"):
        optimize(SMALL, PRIME, spatial=SPATIAL, factors="any")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="max_padding"):
        optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", max_padding=-1)


def test_a_hint_is_used() -> None:
    best = optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect")
    again = optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect", hint=best.mapping, time_limit=0.01)
    assert again.objective == best.objective


def test_a_result_says_that_its_loops_need_not_divide(tmp_path: Path) -> None:
    result = optimize(SMALL, PRIME, spatial=SPATIAL, factors="imperfect")
    data = json.loads(json.dumps(result.to_dict()))
    assert data["factors"] == "imperfect"
    assert data["space"]["factors"] == "imperfect"


def test_what_tile_sizes_have_proven_when_the_clock_ends_holds(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    # the bound was 0, a gap of 100 %, wherever the search of tile sizes did not come to its end
    searched = TileSearch.run
    proven: list[Fraction] = []

    def ended(self: TileSearch) -> None:
        searched(self)
        # half of it, as if more were left
        self.bound /= 2
        proven.append(self.bound)
        raise Ended

    monkeypatch.setattr(TileSearch, "run", ended)
    accelerator = zzcp.load_accelerator(root / "models" / "accelerators" / "gemmini_like.yaml")
    layer = zzcp.Layer.gemm(b=1, k=1000, c=512)
    result = optimize(accelerator, layer, factors="imperfect", spatial="full", time_limit=600)
    (bound,) = proven
    assert result.objective is not None
    assert 0.49 * result.objective < result.lower_bound
    assert result.lower_bound >= float(bound) * (1 - 1e-12)
