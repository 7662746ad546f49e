"""Tensors that stay on the chip: what the evaluator counts, which plans there are, and every plan by brute force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from random import Random

import pytest

from tests.machines import ARRAY, WHOLE, memory, port
from tests.networks.brute_force import front_of, least
from tests.solver.brute_force import Case, mappings_of
from zzcp import EXACT, InputError, Layer, Mapping, NetworkResult, evaluate, optimize, optimize_network
from zzcp.cost.objective import Objective
from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.machine import with_residents
from zzcp.networks.residency import ResidentPlans, Tensor, tensors_of
from zzcp.networks.search import search_network
from zzcp.networks.tasks import distinct, machine_for
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.workload import Network
from zzcp.workload.network import SkippedNode

GAP = 1e-7
MOST = 3_000
EVERYTHING = ("I1 fh", "I1 tl", "I2 fh", "I2 tl", "O fh", "O tl", "O fl", "O th")


def machine(
    buffer: int = 4096, *, energy: float = 5.0, width: int = 16, small: int | None = None
) -> Accelerator:
    """Return a machine with registers, a buffer for everything (or two), and a main memory."""
    memories = [
        memory("weights", "I2", size=64),
        memory("outputs", "O", size=64, read_energy=0.2, write_energy=0.2),
    ]
    if small is not None:
        memories.append(memory("small", "I1 O", size=small, read_energy=0.7, served_dimensions=WHOLE))
    wide = port("rw", "read_write", width, *EVERYTHING)
    memories.append(
        memory("buffer", "I1 I2 O", wide, size=buffer, read_energy=energy, served_dimensions=WHOLE)
    )
    memories.append(
        memory("dram", "I1 I2 O", size=10**9, read_energy=100.0, write_energy=110.0, served_dimensions=WHOLE)
    )
    return Accelerator("chip", tuple(memories), ARRAY)


def chain(*widths: int, batch: int = 4, skip: bool = False) -> Network:
    """Return matrix products one after the other, at the end a sum with the first of them where that is possible."""
    layers = []
    for number, (c, k) in enumerate(pairwise(widths)):
        layer = Layer.gemm(b=batch, c=c, k=k, name=f"layer{number}", id=number)
        layers.append(replace(layer, sources={"I": number - 1} if number else {}))
    if skip:
        last = len(layers) - 1
        layers.append(
            Layer(
                "O[b][k]+=I[b][k]*W[b][k]",
                {"B": batch, "K": widths[-1]},
                name="sum",
                operator="Add",
                id=last + 1,
                sources={"I": last, "W": 0},
            )
        )
    return Network("chain", tuple(layers))


def tasks_of(chip: Accelerator, network: Network, spatial: SpatialMapping | None = None) -> list[Job]:
    return [Job(chip, layer, "edp", (spatial or SpatialMapping()).fitted(layer)) for layer in network]


# ---- the evaluator --------------------------------------------------------------------------------------------


def test_nothing_of_a_resident_operand_moves_above_its_memory() -> None:
    chip, layer = machine(), Layer.gemm(b=4, k=8, c=8)
    stays = {"I": "buffer", "O": "buffer"}
    found = optimize(with_residents(chip, stays, {}, layer.default_links), layer, spatial={})
    assert found.mapping is not None
    assert found.evaluation is not None
    mapping = replace(found.mapping, resident=stays)
    counted = evaluate(chip, layer, mapping)
    assert counted.to_dict() == found.evaluation.to_dict()
    assert Mapping.from_dict(mapping.to_dict()) == mapping
    assert Mapping.from_yaml(mapping.to_yaml()) == mapping
    for operand in ("I", "O"):
        top = counted.accesses[operand][-1]
        assert (top.from_above, top.to_above) == (0, 0)
        assert len(counted.accesses[operand]) == len(chip.levels(layer.default_links[operand])) - 1
    alone = optimize(chip, layer, spatial={})
    assert alone.evaluation is not None
    assert counted.edp < alone.evaluation.edp


def test_what_is_reserved_is_not_there() -> None:
    chip, layer = machine(1024), Layer.gemm(b=4, k=8, c=8)
    found = optimize(chip, layer, spatial={})
    assert found.mapping is not None
    whole = replace(found.mapping, reserved={"buffer": 1000})
    with pytest.raises(InputError, match="buffer holds 24 bits"):
        evaluate(chip, layer, whole)
    assert evaluate(chip, layer, replace(whole, reserved={"buffer": 0})) == found.evaluation
    with pytest.raises(InputError, match="no room"):
        evaluate(chip, layer, replace(whole, reserved={"buffer": 1024}))


@pytest.mark.parametrize(
    ("stays", "message"),
    [
        ({"X": "buffer"}, "does not have"),
        ({"I": "weights"}, "does not hold it"),
        ({"I": "lake"}, "does not hold it"),
    ],
)
def test_what_cannot_stay_is_one_message(stays: dict[str, str], message: str) -> None:
    chip, layer = machine(), Layer.gemm(b=4, k=8, c=8)
    mapping = optimize(chip, layer, spatial={}).mapping
    assert mapping is not None
    with pytest.raises(InputError, match=message):
        evaluate(chip, layer, replace(mapping, resident=stays))


# ---- tensors and plans ----------------------------------------------------------------------------------------


def test_tensors_are_what_layers_read_of_each_other() -> None:
    chip, network = machine(small=64), chain(4, 8, 8, skip=True)
    tensors = tensors_of(network, tasks_of(chip, network))
    assert tensors == [
        Tensor(0, ((1, "I"), (2, "W")), 4 * 8 * 8, ("buffer",)),
        Tensor(1, ((2, "I"),), 4 * 8 * 8, ("small", "buffer")),
    ]
    plans = ResidentPlans(tasks_of(chip, network), distinct(tasks_of(chip, network)), tensors)
    between = plans.variant(1, ((0, "buffer"), (1, "small")))
    assert between is not None
    assert between.resident == (("O", "small"), ("I", "buffer"))
    assert plans.variant(1, ((0, "buffer"),)).reserved == ()


def test_a_tensor_that_something_else_reads_leaves_the_chip() -> None:

    network = chain(4, 8, 8)
    for operator, stays in (("Relu", True), ("Softmax", False)):
        other = SkippedNode(7, "node", operator, "not mapped")
        first, second = network.layers
        passed = Network(
            "passed", (first, replace(second, sources={"I": 7})), (other,), edges=((0, 7), (7, 1))
        )
        assert bool(tensors_of(passed, tasks_of(machine(), passed))) is stays


def test_layers_out_of_order_and_sizes_that_contradict_are_one_message() -> None:
    first, second = chain(4, 8, 8).layers
    with pytest.raises(InputError, match="runs before"):
        optimize_network(machine(), Network("turned", (second, first)), spatial={}, keep_on_chip=True)
    larger = replace(second, sizes={**second.sizes, "C": 16})
    with pytest.raises(InputError, match="more of layer layer0 than it makes"):
        optimize_network(machine(), Network("larger", (first, larger)), spatial={}, keep_on_chip=True)


# ---- brute force ----------------------------------------------------------------------------------------------


def every_plan(tensors: list[Tensor]) -> Iterator[tuple[str | None, ...]]:
    yield from product(*((None, *tensor.memories) for tensor in tensors))


def brute_force(network: Network, tasks: list[Job], objective: Objective) -> Fraction | None:
    """Return the least objective over all plans and all combinations of mappings."""
    tensors = tensors_of(network, tasks)
    plans = ResidentPlans(tasks, distinct(tasks), tensors)
    fronts: dict[object, list[tuple[Fraction, Fraction]]] = {}
    best: Fraction | None = None
    for plan in every_plan(tensors):
        rows = []
        for number, task in enumerate(tasks):
            stays = tuple(
                (index, memory)
                for index, (tensor, memory) in enumerate(zip(tensors, plan, strict=True))
                if memory is not None and tensor.producer <= number <= tensor.last
            )
            variant = plans.variant(number, stays)
            if variant is None:
                rows.append([])
                continue
            if variant not in fronts:
                case = Case(machine_for(task, variant), task.layer, task.spatial)
                fronts[variant] = front_of(case, EXACT)
            rows.append(fronts[variant])
        value = least(rows, objective)
        if value is not None and (best is None or value < best):
            best = value
    return best


def random_case(rng: Random) -> tuple[Accelerator, Network, list[Job]]:
    while True:
        chip = machine(
            rng.choice((300, 400, 600, 1000, 2000)),
            energy=rng.choice((1.0, 5.0, 30.0)),
            width=rng.choice((8, 16, 64)),
            small=rng.choice((None, None, 128, 300)),
        )
        widths = [rng.choice((2, 3, 4, 6, 8)) for _ in range(rng.randint(3, 5))]
        skip = rng.random() < 0.4
        if skip:
            widths[1] = widths[-1]
        network = chain(*widths, batch=rng.choice((1, 2, 3, 4)), skip=skip)
        spatial = rng.choice(({}, {"D1": {"K": 2}}, {"D2": {"B": 2}}, {"D1": {"K": 4}, "D2": {"C": 2}}))
        tasks = tasks_of(chip, network, SpatialMapping.from_dict(spatial))
        if all(mappings_of(Case(chip, task.layer, task.spatial)) <= MOST for task in tasks):
            return chip, network, tasks


def check(
    rng: Random, change: Callable[[Accelerator], Accelerator] = lambda accelerator: accelerator
) -> NetworkResult:
    """Compare the search with the enumeration, on a machine that may be changed before."""
    chip, network, tasks = random_case(rng)
    chip = change(chip)
    objective: Objective = rng.choice(("edp", "edp", "edp", "ed2", "energy", "latency"))
    how = SearchOptions(20.0, GAP)
    tasks = [replace(task, accelerator=chip, goal=objective, options=how) for task in tasks]
    result = search_network("chain", tasks, tensors=tensors_of(network, tasks))
    best = brute_force(network, tasks, objective)
    if best is None:
        assert result.exact is None
        return result
    assert result.exact is not None
    assert Fraction(result.lower_bound) <= best <= result.exact
    assert result.exact - best <= best * Fraction(GAP)
    assert result.status == "optimal"
    assert not result.faults
    for layer, own in zip(network, result.layers, strict=True):
        assert own.mapping is not None
        assert evaluate(chip, layer, own.mapping).to_dict() == own.evaluation.to_dict()
    if result.without is not None:
        assert result.exact <= result.without
    return result


@pytest.mark.parametrize("seed", range(10))
def test_no_plan_and_no_combination_of_mappings_is_better(seed: int) -> None:
    check(Random(f"resident {seed}"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_no_plan_of_many_networks_is_better(seed: int) -> None:
    check(Random(f"many resident {seed}"))


def test_tensors_stay_where_that_pays_and_are_named() -> None:
    network = chain(8, 8, 8)
    result = optimize_network(machine(2048), network, spatial={}, keep_on_chip=True, time_limit=600)
    assert [(entry.tensor, entry.memory, entry.layers) for entry in result.resident] == [
        ("layer0", "buffer", ("layer0", "layer1"))
    ]
    assert result.resident[0].bits == 4 * 8 * 8
    assert result.without is not None
    assert result.exact is not None
    assert result.exact < result.without
    assert result.layers[0].mapping.resident == {"O": "buffer"}
    assert result.layers[1].mapping.resident == {"I": "buffer"}
    assert result.to_dict()["totals"]["resident"][0]["memory"] == "buffer"


def test_a_constraint_on_a_level_that_is_left_out_rules_the_plan_out() -> None:
    network = chain(8, 8, 8)
    constraints = {"tile_sizes": [{"memory": "dram", "operand": "O", "dimension": "K", "max": 8}]}
    result = optimize_network(
        machine(2048), network, spatial={}, keep_on_chip=True, time_limit=600, constraints=constraints
    )
    assert result.status == "optimal"
    assert result.resident == ()
