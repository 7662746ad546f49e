"""The joint search against every unrolling and every mapping there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from tests.machines import machine
from tests.simulation.tiny_cases import keeping_overlap
from tests.solver.machine_fields import FIELDS
from tests.solver.unrolling.every_unrolling import best_of_all, tiny_case
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.hardware import Accelerator
from zzcp.solver import optimize
from zzcp.workload import Layer

GAP = 1e-4
FLOAT_ERROR = 1e-12
"""Objectives of a batch are products of floats."""
ENOUGH = 3600.0
"""Seconds that no machine needs, however busy it is."""
BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)


def check(
    seed: int,
    conventions: CostConventions,
    change: Callable[[Accelerator], Accelerator] = lambda accelerator: accelerator,
) -> None:
    """Compare the joint search with the enumeration, on a machine that may be changed before."""
    accelerator, layer = tiny_case(Random(seed))
    accelerator = change(accelerator)
    best = best_of_all(accelerator, layer, 2, conventions)
    objective = ("edp", "energy", "latency", "ed2")[seed % 4]
    result = optimize(
        accelerator, layer, objective, spatial="auto", conventions=conventions, gap=GAP, time_limit=ENOUGH
    )
    if objective not in best:
        assert result.status == "infeasible"
        return
    value, spatial = best[objective]
    where = f"{spatial.to_dict()} is {value}, found {result.objective} with bound {result.lower_bound}"
    assert result.status == "optimal", where
    assert result.objective is not None
    assert result.lower_bound <= value * (1 + FLOAT_ERROR), where
    assert value * (1 - FLOAT_ERROR) <= result.objective <= value * (1 + GAP), where
    space = result.space
    assert space.complete
    assert sum(space.ruled_out.values()) + space.solved == space.unrollings


@BOTH
@pytest.mark.parametrize("seed", range(12))
def test_no_unrolling_and_no_mapping_is_better(seed: int, conventions: CostConventions) -> None:
    check(seed, conventions)


@pytest.mark.parametrize("seed", range(8))
def test_no_unrolling_and_no_mapping_is_better_where_memories_keep_overlaps(seed: int) -> None:
    check(seed, EXACT, lambda accelerator: keeping_overlap(Random(seed), accelerator))


def test_a_whole_tensor_takes_the_bits_of_its_memory() -> None:
    """The outermost memory has room for the weights at half of the layer's bits only; all unrollings were ruled out."""
    chip = machine()
    *inner, top = chip.memories
    layer = Layer.gemm(b=2, k=8, c=8)
    bits = 8 * 8 * 4 + 2 * 8 * 8 + 2 * 8 * 8
    tight = replace(chip, memories=(*inner, replace(top, size=bits, precision=(("I2", 4),))))
    found, given = (
        optimize(tight, layer, spatial=spatial, time_limit=ENOUGH)  # type: ignore[arg-type]
        for spatial in ("auto", {"D1": {"K": 4}, "D2": {"C": 2}})
    )
    assert found.objective is not None
    assert given.objective is not None
    assert (found.status, found.objective <= given.objective) == ("optimal", True)
    plain = replace(tight, memories=(*inner, replace(top, size=bits)))
    assert optimize(plain, layer, spatial="auto", time_limit=ENOUGH).status == "infeasible"


@BOTH
def test_sums_that_the_array_adds_up_need_no_room_for_partial_ones(conventions: CostConventions) -> None:
    """Only unrollings of the whole reduction fit; the layer once was called infeasible."""
    check(2024, conventions)


def test_what_holds_for_all_unrollings_is_the_bound_where_their_own_ones_are_less() -> None:
    """All were ruled out, and the best mapping within 2e-5 of the bound for all: it was called 0.12 % from it."""
    check(65, EXACT, partial(FIELDS["systolic_refill"], Random("systolic_refill 65")))


def test_of_equal_factors_zigzag_cuts_the_first() -> None:
    """Array dimensions that every memory treats alike are not, then; one unrolling was merged away."""
    check(1321, ZIGZAG)


def test_which_factor_is_the_largest_matters_to_zigzag() -> None:
    """Of two unrollings with the same lanes in use the better one once was left out."""
    check(1103, ZIGZAG)


def test_an_unrolling_of_which_nothing_can_be_made_does_not_end_the_search() -> None:
    """Under ZigZag's buffering a search may neither find nor rule out a mapping."""
    accelerator, layer = tiny_case(Random(2075))
    value, _ = best_of_all(accelerator, layer, 2, ZIGZAG)["ed2"]
    result = optimize(accelerator, layer, "ed2", spatial="auto", conventions=ZIGZAG, gap=GAP)
    assert result.objective is not None
    assert result.lower_bound <= value * (1 + FLOAT_ERROR)
    assert value * (1 - FLOAT_ERROR) <= result.objective <= value * (1 + GAP)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("part", range(20))
def test_no_unrolling_and_no_mapping_is_better_slow(part: int, conventions: CostConventions) -> None:
    for seed in range(1000 + 50 * part, 1050 + 50 * part):
        check(seed, conventions)
