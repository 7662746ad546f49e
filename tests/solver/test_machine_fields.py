"""Every search against every mapping there is, on machines with fields that ZigZag does not know."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import test_optimize_network, test_residency
from tests.networks.brute_force import random_network
from tests.solver import test_brute_force
from tests.solver.brute_force import Case, batches_of, random_case
from tests.solver.constrained import test_constraints
from tests.solver.fronts import test_pareto
from tests.solver.machine_fields import FIELDS
from tests.solver.padding import test_search
from tests.solver.random_constraints import random_constraints
from tests.solver.unrolling import test_joint
from zzcp.cost import EXACT
from zzcp.cost.batch import evaluate_batch
from zzcp.cost.objective import OBJECTIVES
from zzcp.solver.engines import Engine

ENGINES: tuple[Engine, ...] = ("auto", "ranges", "cp-sat")
EVERY = pytest.mark.parametrize("field", FIELDS)


def with_field(case: Case, field: str, seed: object) -> Case:
    """Return a case on a machine with random values of a field."""
    return replace(case, accelerator=FIELDS[field](Random(f"{field} {seed}"), case.accelerator))


@EVERY
@settings(max_examples=10)
@given(number=st.integers(0, 10**6))
def test_nothing_is_better(field: str, number: int) -> None:
    """For all four objectives."""
    case = random_case(Random(f"fields {number}"), 1000)
    test_brute_force.check(with_field(case, field, number), EXACT, "auto")


@EVERY
@settings(max_examples=15)
@given(number=st.integers(0, 10**6), factor=st.sampled_from([2, 3, 1000]), data=st.data())
def test_more_capacity_never_costs_anything(
    field: str, number: int, factor: int, data: st.DataObject
) -> None:
    """The theorem of sweeps, mapping by mapping: neither energy nor latency, hence no objective."""
    case = with_field(random_case(Random(f"capacity {number}"), 200), field, number)
    batch = next(batches_of(case, EXACT))
    memories = list(case.accelerator.memories)
    which = data.draw(st.integers(0, len(memories) - 1))
    memories[which] = replace(memories[which], size=memories[which].size * factor)
    larger = replace(case.accelerator, memories=tuple(memories))
    before, after = (
        evaluate_batch(machine, case.layer, case.spatial, batch, EXACT)
        for machine in (case.accelerator, larger)
    )
    valid = before.valid
    assert after.valid[valid].all()
    assert (after.latency[valid] <= before.latency[valid]).all()
    assert (after.energy[valid] <= before.energy[valid]).all()


@EVERY
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(8))
def test_no_engine_claims_too_much(field: str, engine: Engine, number: int) -> None:
    case = random_case(Random(f"engines {number}"), 2000)
    test_brute_force.check(with_field(case, field, number), EXACT, engine)


@EVERY
@pytest.mark.slow
@pytest.mark.parametrize("part", range(30))
def test_nothing_is_better_on_many_machines(field: str, part: int) -> None:
    for number in range(20 * part, 20 * part + 20):
        case = random_case(Random(f"many fields {number}"), 30_000)
        engine = ENGINES[number % len(ENGINES)]
        test_brute_force.check(with_field(case, field, number), EXACT, engine, test_brute_force.SLOW_LIMIT)


@EVERY
@pytest.mark.parametrize("first", ["max_energy", "max_latency", "bypass", "double_buffering"])
@pytest.mark.parametrize("number", range(3))
def test_nothing_that_obeys_is_better(field: str, first: str, number: int) -> None:
    rng = Random(f"obeying {first} {number}")
    case = with_field(random_case(rng, 1000), field, number)
    constraints = random_constraints(rng, case, EXACT, first)
    for engine in ENGINES:
        test_constraints.check(case, constraints, EXACT, ("edp", "energy", "latency")[number], 20.0, engine)


@EVERY
@pytest.mark.parametrize("number", test_pareto.SEVERAL)
def test_the_front_is_that_of_all_mappings(field: str, number: int) -> None:
    test_pareto.check(with_field(test_pareto.several_case(number), field, number), 60.0)


@EVERY
@pytest.mark.parametrize("seed", range(12))
def test_no_unrolling_and_no_mapping_is_better(field: str, seed: int) -> None:
    test_joint.check(seed, EXACT, partial(FIELDS[field], Random(f"{field} {seed}")))


@EVERY
@pytest.mark.parametrize("seed", range(5))
def test_no_chain_of_tile_sizes_is_better(field: str, seed: int) -> None:
    test_search.check(seed, lambda case: with_field(case, field, seed))


@EVERY
@pytest.mark.parametrize("seed", range(6))
def test_no_combination_of_mappings_of_a_network_is_better(field: str, seed: int) -> None:
    cases = random_network(Random(f"network {seed}"), test_optimize_network.MOST)
    changed = with_field(cases[0], field, seed).accelerator
    # equal layers stay one object
    known = {id(case): replace(case, accelerator=changed) for case in cases}
    test_optimize_network.check([known[id(case)] for case in cases], OBJECTIVES[seed % 4], EXACT)


@EVERY
@pytest.mark.parametrize("seed", range(4))
def test_no_plan_of_tensors_that_stay_is_better(field: str, seed: int) -> None:
    test_residency.check(Random(f"resident {seed}"), partial(FIELDS[field], Random(f"{field} {seed}")))
