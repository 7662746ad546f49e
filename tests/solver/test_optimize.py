"""The search on layers and machines at the edges of what is allowed."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.generators import odd_spatial, random_accelerator, random_spatial
from tests.machines import memory, port
from tests.random_layers import KINDS, odd_layer, random_layer
from zzcp import constraint_violations
from zzcp.cost import EXACT, ZIGZAG, CostConventions, evaluate
from zzcp.cost.objective import OBJECTIVES, Objective
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, OperationalArray
from zzcp.solver import Progress, Result, optimize
from zzcp.workload import Layer

EVERYTHING = ("D1", "D2")
ARRAY = OperationalArray(EVERYTHING, (4, 2), unit_energy=0.5, unit_area=1.0)
BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)


def machine(registers: int = 64, buffer: int = 4096, **options: Any) -> Accelerator:
    """Return a machine with registers for weights and outputs, a buffer for everything, and a main memory."""
    wide = port(
        "rw",
        "read_write",
        64,
        *(f"{op} {way}" for op in ("I1", "I2") for way in ("fh", "tl")),
        *(f"O {way}" for way in ("fh", "tl", "fl", "th")),
    )
    return Accelerator(
        "small",
        (
            memory("weights", "I2", size=registers),
            memory("outputs", "O", size=registers, read_energy=0.2, write_energy=0.2),
            memory("buffer", "I1 I2 O", size=buffer, served_dimensions=EVERYTHING, **options),
            memory(
                "dram",
                "I1 I2 O",
                wide,
                size=10**16,
                read_energy=100.0,
                write_energy=120.0,
                served_dimensions=EVERYTHING,
            ),
        ),
        ARRAY,
    )


def flat() -> Accelerator:
    """Return a machine with one memory."""
    return Accelerator("flat", (memory("dram", "I1 I2 O", size=10**16, served_dimensions=EVERYTHING),), ARRAY)


def prove(
    accelerator: Accelerator,
    layer: Layer,
    conventions: CostConventions,
    objective: Objective = "edp",
    **options: Any,
) -> Any:
    """Return the result of a search that must be proven, after checking that its figures are the evaluator's."""
    options = {"time_limit": 30.0, "gap": 0.01, "spatial": "full", **options}
    result = optimize(accelerator, layer, objective, conventions=conventions, **options)
    assert result.status == "optimal"
    assert result.gap <= options["gap"]
    assert result.lower_bound <= result.objective
    again = evaluate(accelerator, layer, result.mapping, conventions)
    assert again.energy.exact == result.evaluation.energy.exact
    assert again.latency == result.evaluation.latency
    return result


@BOTH
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_layer_of_one_operation(objective: Objective, conventions: CostConventions) -> None:
    result = prove(machine(), Layer.gemm(b=1, k=1, c=1), conventions, objective)
    assert all(not loops for levels in result.mapping.temporal.values() for loops in levels)


@BOTH
def test_one_memory(conventions: CostConventions) -> None:
    result = prove(flat(), Layer.gemm(b=4, k=6, c=10), conventions)
    assert {len(levels) for levels in result.mapping.temporal.values()} == {1}


@BOTH
def test_large_primes(conventions: CostConventions) -> None:
    prove(machine(), Layer.gemm(b=127, k=131, c=509), conventions)


@BOTH
def test_huge_dimensions(conventions: CostConventions) -> None:
    layer = Layer.gemm(b=2**20, k=2**20, c=2**20)
    result = optimize(machine(buffer=2**23), layer, conventions=conventions, time_limit=5, spatial="full")
    assert result.status in ("optimal", "feasible")
    assert 0 < result.lower_bound <= result.objective


@BOTH
def test_a_layer_that_fits_the_innermost_memories(conventions: CostConventions) -> None:
    layer = Layer.gemm(b=4, k=4, c=4)
    result = prove(machine(registers=2**16, buffer=2**16), layer, conventions, "energy")
    assert result.mapping.temporal["O"][1] == ()
    assert result.mapping.temporal["O"][2] == ()


@BOTH
def test_operands_without_bits(conventions: CostConventions) -> None:
    layer = Layer.pooling(b=1, g=8, oy=4, ox=4, fy=2, fx=2, stride=2)
    assert layer.precision["W"] == 0
    prove(machine(), layer, conventions)


@BOTH
def test_one_input(conventions: CostConventions) -> None:
    layer = Layer("O[b][g]+=I[b][g][c]", {"B": 4, "G": 6, "C": 8}, precision={"I": 8, "O": 16, "O_final": 8})
    prove(machine(), layer, conventions)


@BOTH
def test_forced_second_copies(conventions: CostConventions) -> None:
    layer = Layer.gemm(b=8, k=16, c=16)
    free = prove(machine(buffer=1024), layer, conventions, "energy")
    forced = prove(machine(buffer=1024, force_double_buffering=True), layer, conventions, "energy")
    assert forced.objective >= free.objective


@BOTH
def test_unrolling_that_does_not_divide(conventions: CostConventions) -> None:
    spatial = {"D1": {"K": 4}, "D2": {"C": 2}}
    prove(machine(), Layer.gemm(b=6, k=10, c=9), conventions, spatial=spatial)


def test_little_time_still_gives_a_mapping() -> None:
    layer = Layer.conv(b=1, k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    started = time.monotonic()
    result = optimize(machine(buffer=2**16), layer, time_limit=0.01, spatial="full")
    assert result.status == "feasible"
    assert result.mapping is not None
    assert time.monotonic() - started < 60


@BOTH
def test_a_machine_that_is_too_small(conventions: CostConventions) -> None:
    result = optimize(
        machine(registers=4), Layer.gemm(b=4, k=4, c=4), conventions=conventions, spatial="full"
    )
    assert result.status == "infeasible"
    assert result.mapping is None
    assert result.diagnosis is not None
    assert {shortage.memory for shortage in result.diagnosis.shortages} == {"weights", "outputs"}
    assert "weights" in str(result.diagnosis)


def test_the_bound_holds_for_a_hint_that_is_optimal() -> None:
    layer = Layer.gemm(b=8, k=8, c=8)
    first = prove(machine(), layer, EXACT)
    again = prove(machine(), layer, EXACT, hint=first.mapping)
    assert again.objective <= first.objective


def test_the_same_seed_gives_the_same_result() -> None:
    layer = Layer.gemm(b=12, k=8, c=6)
    one, other = (prove(machine(), layer, EXACT, seed=3) for _ in range(2))
    assert one.mapping == other.mapping
    assert one.lower_bound == other.lower_bound


def test_progress_improves() -> None:
    seen: list[Progress] = []
    layer = Layer.gemm(b=8, k=16, c=12)
    optimize(machine(), layer, time_limit=600, on_progress=seen.append, spatial="full")
    assert seen
    bounds = [message.lower_bound for message in seen]
    values = [message.objective for message in seen if message.objective is not None]
    assert bounds == sorted(bounds)
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    "options", [{"objective": "area"}, {"time_limit": 0}, {"gap": -1}, {"gap": 1}, {"workers": 0}]
)
def test_arguments_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        optimize(machine(), Layer.gemm(b=2, k=2, c=2), **options)


def test_other_conventions_give_other_bounds() -> None:
    layer = Layer.gemm(b=8, k=8, c=8)
    assert prove(machine(), layer, EXACT).conventions == "exact"
    assert prove(machine(), layer, ZIGZAG).conventions == "zigzag"


def test_the_model_holds_an_incumbent_whose_figures_are_rounded() -> None:
    """Under ZIGZAG energies may be floats, here one below the exact sum: the model then left its mapping out."""
    rng = Random("revA48")
    accelerator = random_accelerator(rng)
    layer = random_layer(rng, rng.choice(list(KINDS)), max_macs=rng.choice((10**3, 10**5, 2 * 10**6)))
    if rng.random() < 0.4:
        layer = odd_layer(rng, layer)
    spatial = (odd_spatial if rng.random() < 0.5 else random_spatial)(rng, accelerator, layer)
    result = optimize(accelerator, layer, "ed2", spatial=spatial, conventions=ZIGZAG, deterministic_limit=0.1)
    assert result.status == "optimal"
    assert not result.faults


@pytest.mark.parametrize("objective", ["edp", "ed2", "energy"])
def test_without_energies_the_solver_is_not_accused(objective: Objective) -> None:
    """The model once held only mappings of at most one cycle then, and its claim that there is none was a fault."""
    accelerator = machine()
    free = replace(
        accelerator,
        memories=tuple(replace(entry, read_energy=0.0, write_energy=0.0) for entry in accelerator.memories),
        array=replace(ARRAY, unit_energy=0.0),
    )
    result = prove(free, Layer.gemm(b=8, k=8, c=8), EXACT, objective)
    assert (result.objective, result.lower_bound, result.gap) == (0, 0, 0)
    assert result.faults == ()


@BOTH
@pytest.mark.parametrize("objective", ["edp", "ed2"])
def test_a_tile_size_on_a_dimension_of_size_one(objective: Objective, conventions: CostConventions) -> None:
    """It was refused: a file of constraints is for many layers, and tiles have one iteration of it."""
    layer = Layer.gemm(b=8, k=1, c=8)

    def under(**bounds: int) -> Result:
        asked = {"tile_sizes": [{"memory": "buffer", "dimension": "K", **bounds}]}
        result = optimize(
            machine(), layer, objective, conventions=conventions, constraints=asked, spatial="full"
        )
        if result.mapping is not None:
            assert constraint_violations(machine(), layer, result.mapping, asked, conventions) == []
        return result

    free = optimize(machine(), layer, objective, conventions=conventions, spatial="full")
    for bounds in ({"max": 2}, {"max": 1}, {"equal": 1}, {"min": 1, "max": 64}):
        result = under(**bounds)
        assert result.status == "optimal"
        assert result.objective is not None
        assert result.objective <= (free.objective or 0) * (1 + 1e-4)
    assert "change 'tile size K in buffer at least 2' to 'tile size K in buffer at least 1'" in str(
        under(min=2).diagnosis
    )


def test_loops_that_do_not_divide_are_refused_where_a_memory_keeps_overlaps() -> None:
    layer = Layer.conv(ox=7, oy=1, fx=3, fy=1, k=2, c=1)
    keeping = tuple(
        replace(memory, keeps_overlap=("I1",)) if "I1" in memory.operands else memory
        for memory in machine().memories
    )
    message = "memory buffer keeps the overlap of windows of I, for loops that divide"
    with pytest.raises(InputError, match=message):
        optimize(replace(machine(), memories=keeping), layer, spatial={}, factors="imperfect")
