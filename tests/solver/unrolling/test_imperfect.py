"""Unrollings that are chosen together with loops that need not divide, against every unrolling and every chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

import zzcp
from tests.machines import machine
from tests.simulation.tiny_cases import keeping_overlap
from tests.solver.brute_force import Case
from tests.solver.machine_fields import FIELDS
from tests.solver.padding.every_chain import best_mappings, count
from tests.solver.unrolling.every_unrolling import tiny_case, unrollings
from zzcp.cost import EXACT, ZIGZAG
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping.freedom import Freedom
from zzcp.solver import optimize
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.padding.relaxed import Relaxed
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import choices_of
from zzcp.solver.unrolling.common import Common
from zzcp.solver.unrolling.interleaved import interleaved_bounds
from zzcp.solver.unrolling.ladders import Ladders
from zzcp.solver.unrolling.relaxed import relaxed_bounds
from zzcp.workload import Layer

ENOUGH = 3600.0
"""Seconds that no machine needs, however busy it is."""
FLOAT_ERROR = 1e-9
_MOST = 50_000
"""Mappings of an unrolling, and of all of them, at most."""


def changed(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return the machine, now and then with values of a field of its own."""
    if rng.random() < 0.3:
        return FIELDS[rng.choice(list(FIELDS))](rng, accelerator)
    return accelerator


# ---- bounds ---------------------------------------------------------------------------------------------------


def check_bounds(seed: int) -> int:
    """Compare the bounds of some unrollings with the best of all mappings of each; return how many were compared."""
    rng = Random(f"imperfect bounds {seed}")
    accelerator, layer = tiny_case(rng)
    accelerator = changed(rng, accelerator)
    choices = choices_of(accelerator, layer, Freedom(rng.choice((1, 2, 3))), fractional=False)
    every = np.concatenate(list(choices.blocks()))
    common = Common.of(accelerator, layer, EXACT, None, choices, imperfect=True)
    compared = 0
    for row in every[sorted(rng.sample(range(len(every)), k=min(3, len(every))))]:
        case = Case(accelerator, layer, choices.spatial(row))
        if count(case) > _MOST:
            continue
        evaluator = case.evaluator(EXACT)
        whole = Relaxed(evaluator, Paddings.of(layer, evaluator.setting.iterations).sizes)
        for objective, best in best_mappings(case).items():
            highest = best.value * (1 + FLOAT_ERROR)
            cheap = CheapBounds(common, objective)  # type: ignore[arg-type]
            known = cheap.of(row[None])
            assert max(cheap.least, known[0]) <= highest
            assert cheap.fewest_lanes(best.value) <= int(choices.totals(row[None]).prod())
            for rival in (best.value, 2 * best.value, 10 * best.value):
                for of_set in (interleaved_bounds, relaxed_bounds):
                    bound = of_set(common, row[None], objective, rival, known)[0]  # type: ignore[arg-type]
                    assert known[0] <= bound, (seed, of_set)
                    assert min(bound, rival) <= highest, (seed, of_set)
            root = whole.bound_of_all(objective, 2 * best.value, float(known[0]))  # type: ignore[arg-type]
            assert known[0] <= root <= highest, seed
            compared += 1
    return compared


@pytest.mark.parametrize("seed", range(4))
def test_no_chain_of_tiles_is_below_a_bound(seed: int) -> None:
    check_bounds(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_no_chain_of_tiles_is_below_a_bound_slow(part: int) -> None:
    assert sum(check_bounds(seed) for seed in range(1000 + 20 * part, 1020 + 20 * part))


def test_ladders_of_all_numbers_leave_none_out() -> None:
    for number in range(1, 50):
        for rungs in range(3, 12):
            column = np.array([[number]])
            ladders = Ladders.of(column, [rungs], imperfect=True)
            classes = [*zip(ladders.low[0][0].tolist(), ladders.high[0][0].tolist(), strict=True)]
            assert {size for low, high in classes for size in range(low, high + 1)} == set(
                range(1, number + 1)
            )
            assert (classes[0], classes[-1]) == ((1, 1), (number, number))


# ---- the search -----------------------------------------------------------------------------------------------


def tiny(seed: int) -> tuple[Accelerator, Layer]:
    """Return a machine and a layer all of whose unrollings and chains of tile sizes can be listed."""
    rng = Random(f"imperfect unrollings {seed}")
    while True:
        accelerator, layer = tiny_case(rng)
        if max(layer.sizes.values()) < 3:
            continue
        left = _MOST
        for spatial in unrollings(accelerator, layer, 2):
            left -= count(Case(accelerator, layer, spatial))
            if left < 0:
                break
        else:
            return changed(rng, accelerator), layer


def check(seed: int) -> bool:
    """Compare the search with the enumeration; return whether loops that do not divide are better."""
    accelerator, layer = tiny(seed)
    objective = ("edp", "energy", "latency")[seed % 3]
    values = [
        found[objective].value
        for spatial in unrollings(accelerator, layer, 2)
        if (found := best_mappings(Case(accelerator, layer, spatial)))
    ]
    perfect, result = (
        optimize(accelerator, layer, objective, spatial="auto", factors=factors, time_limit=ENOUGH)  # type: ignore[arg-type]
        for factors in ("perfect", "imperfect")
    )
    if not values:
        assert result.status == "infeasible"
        return False
    best = min(values)
    assert result.status == "optimal", seed
    assert result.objective is not None
    assert result.mapping is not None
    assert result.lower_bound <= best * (1 + FLOAT_ERROR), seed
    assert best * (1 - FLOAT_ERROR) <= result.objective <= best * (1 + 1e-4), seed
    again = zzcp.evaluate(accelerator, layer, result.mapping)
    assert result.evaluation is not None
    assert (again.energy, again.latency) == (result.evaluation.energy, result.evaluation.latency)
    assert result.space.complete
    assert sum(result.space.ruled_out.values()) + result.space.solved == result.space.unrollings
    if perfect.objective is None:
        return True
    # the law: loops that divide are in the space
    assert result.objective <= perfect.objective * (1 + 1e-4), seed
    return result.objective < perfect.objective * (1 - 1e-3)


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_unrolling_and_no_chain_of_tiles_is_better(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_no_unrolling_and_no_chain_of_tiles_is_better_slow(part: int) -> None:
    for seed in range(100 + 10 * part, 110 + 10 * part):
        check(seed)


PRIME = Layer.gemm(b=7, k=5, c=3)


@pytest.fixture(scope="module")
def both() -> dict[str, zzcp.Result]:
    return {
        factors: optimize(machine(), PRIME, spatial="auto", factors=factors, gap=1e-3, time_limit=ENOUGH)  # type: ignore[arg-type]
        for factors in ("perfect", "imperfect")
    }


def test_the_space_is_named(both: dict[str, zzcp.Result]) -> None:
    perfect, found = both["perfect"], both["imperfect"]
    assert perfect.objective is not None
    assert found.objective is not None
    assert (perfect.status, found.status) == ("optimal", "optimal")
    assert found.objective <= perfect.objective
    assert ", loops that divide or do not: " in str(found.space)
    data = found.space.to_dict()
    assert data["factors"] == "imperfect"
    assert "freedom" in data


def test_an_unrolling_that_is_given_is_not_better(both: dict[str, zzcp.Result]) -> None:
    for spatial in ({}, {"D1": {"B": 4}, "D2": {"C": 2}}):
        given = optimize(machine(), PRIME, spatial=spatial, factors="imperfect", gap=1e-3, time_limit=ENOUGH)
        assert given.objective is not None
        assert both["imperfect"].lower_bound <= given.objective


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda chip: keeping_overlap(Random(1), chip), {}, "keeps the overlap of windows of I"),
        (lambda chip: chip, {"conventions": ZIGZAG}, "count all tiles as whole ones"),
        (lambda chip: chip, {"constraints": {"outermost": ["K"]}}, "constraints are for loops that divide"),
    ],
)
def test_what_does_not_go_together_is_one_message(
    change: Callable[[Accelerator], Accelerator], options: dict[str, object], message: str
) -> None:
    layer = Layer.conv(k=2, c=2, oy=4, ox=4, fy=3, fx=3)
    chip = machine()
    chip = replace(chip, memories=tuple(replace(memory, size=10**6) for memory in chip.memories))
    with pytest.raises(InputError, match=message):
        optimize(change(chip), layer, spatial="auto", factors="imperfect", **options)  # type: ignore[arg-type]


# ---- beside other commands ------------------------------------------------------------------------------------

ODD = Layer.gemm(b=7, k=4, c=2)


def test_mappers_are_compared_with_the_optimum_over_all_loops() -> None:
    options = {"spatial": {"D1": {"K": 4}}, "time_limit": ENOUGH}
    optimum = optimize(machine(), ODD, factors="imperfect", **options)  # type: ignore[arg-type]
    compared = zzcp.compare(machine(), ODD, ["greedy"], factors="imperfect", **options)  # type: ignore[arg-type]
    assert compared.options["factors"] == "imperfect"
    (layer,) = compared.layers
    assert layer.result.objective == optimum.objective
    assert layer.mappers[0].objective is not None
    assert layer.mappers[0].objective >= layer.result.lower_bound


def test_every_point_of_a_sweep_is_over_all_loops(tmp_path: Path) -> None:
    vary = {"memories.w_regs.size": [64, 128]}
    how = {"spatial": {"D1": {"K": 4}}, "time_limit": ENOUGH, "db": tmp_path / "points.sqlite"}
    perfect, found, again = (
        zzcp.sweep(machine(), ODD, vary, factors=factors, **how)  # type: ignore[arg-type]
        for factors in ("perfect", "imperfect", "imperfect")
    )
    assert found.options["factors"] == "imperfect"
    assert [point.reused for point in found.points] == [False, False]
    assert [point.reused for point in again.points] == [True, True]
    for point, plain, kept in zip(found.points, perfect.points, again.points, strict=True):
        chip = replace(
            machine(),
            memories=tuple(
                replace(memory, size=dict(point.values)["memories.w_regs.size"])
                if memory.name == "w_regs"
                else memory
                for memory in machine().memories
            ),
        )
        alone = optimize(chip, ODD, spatial={"D1": {"K": 4}}, factors="imperfect", time_limit=ENOUGH)
        assert alone.objective is not None
        assert point.outcome.objective == pytest.approx(alone.objective, rel=1e-4)
        assert kept.outcome.objective == point.outcome.objective
        assert plain.outcome.objective is not None
        assert point.outcome.objective is not None
        assert point.outcome.objective <= plain.outcome.objective * (1 + 1e-4)
        assert point.outcome.data["space"]["factors"] == "imperfect"


def test_fronts_are_of_loops_that_divide() -> None:
    with pytest.raises(InputError, match="fronts are of loops that divide: expected perfect"):
        zzcp.pareto(machine(), ODD, factors="imperfect")
    with pytest.raises(InputError, match="factors"):
        zzcp.sweep(machine(), ODD, {"memories.w_regs.size": [64]}, factors="any")  # type: ignore[arg-type]
