"""Mappings that mean the same cost the same."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import EVERY, Case, cases, cost, cost_of_invalid, merged_down
from zzcp.cost import Evaluation
from zzcp.mapping import Loop, Mapping
from zzcp.workload import Layer

FEW = settings(max_examples=20)


def same(first: Evaluation, second: Evaluation) -> None:
    """Check that two evaluations agree in every figure."""
    assert first == second
    assert first.to_dict() == second.to_dict()


@given(case=cases())
@FEW
def test_irrelevant_loops_above_a_boundary_belong_below_it(case: Case) -> None:
    temporal = {
        operand: tuple(merged_down(case.layer, levels, case.layer.relevance(operand).irrelevant))
        for operand, levels in case.mapping.temporal.items()
    }
    merged = case._replace(mapping=replace(case.mapping, temporal=temporal))
    for conventions in EVERY:
        same(cost_of_invalid(merged, conventions), cost_of_invalid(case, conventions))


@given(case=cases())
@FEW
def test_a_loop_may_be_written_as_several(case: Case) -> None:
    def split(level: tuple[Loop, ...]) -> tuple[Loop, ...]:
        rows: list[Loop] = []
        for dim, size in level:
            divisor = next(d for d in range(2, size + 1) if size % d == 0)
            rows += [Loop(dim, divisor), Loop(dim, size // divisor)] if divisor < size else [Loop(dim, size)]
        return tuple(rows)

    mapping = case.mapping
    common = Mapping.from_order(mapping.spatial, mapping.order, mapping.allocation, links=mapping.links)
    temporal = {operand: tuple(map(split, levels)) for operand, levels in common.temporal.items()}
    for conventions in EVERY:
        whole = cost_of_invalid(case, conventions)
        same(cost_of_invalid(case._replace(mapping=common), conventions), whole)
        same(cost_of_invalid(case._replace(mapping=replace(common, temporal=temporal)), conventions), whole)


def merged_ends(case: Case, operand: str) -> list[int]:
    """Return how many loops lie below the array's and every level's boundary, where irrelevant ones have moved down."""
    order, irrelevant = case.mapping.order, case.layer.relevance(operand).irrelevant
    ends = []
    for end in (0, *case.mapping.allocation[operand]):
        run = itertools.takewhile(lambda loop: loop.dim in irrelevant, order[end:])
        ends.append(end + len(list(run)))
    return ends


@given(case=cases(), data=st.data())
@FEW
def test_only_windows_depend_on_the_order_between_boundaries(case: Case, data: st.DataObject) -> None:
    """All loops but the one right above a boundary may change places: traffic, energy and sizes stay the same."""
    ends = {operand: merged_ends(case, operand) for operand in case.layer.operands}
    cuts = sorted({0, len(case.mapping.order)}.union(*ends.values()))
    order: list[Loop] = []
    for start, end in itertools.pairwise(cuts):
        first, *others = case.mapping.order[start:end]
        order += [first, *data.draw(st.permutations(others))]
    permuted = Mapping.from_order(
        case.mapping.spatial,
        order,
        {operand: levels for operand, (_, *levels) in ends.items()},
        links=case.mapping.links,
    )
    before, after = cost(case), cost(case, mapping=permuted)
    assert after.accesses == before.accesses
    assert after.energy == before.energy
    assert after.utilization.individual == before.utilization.individual
    assert after.latency.spatial_stall == before.latency.spatial_stall


@given(case=cases())
@FEW
def test_names_mean_nothing(case: Case) -> None:
    """Other names of loops, operands and memories give the same cost."""
    layer, mapping, accelerator = case.layer, case.mapping, case.accelerator
    dims = {dim: f"L{number}" for number, dim in enumerate(layer.sizes)}
    dims |= {relation.window: f"W{number}" for number, relation in enumerate(layer.relations)}
    operands = {operand: f"T{number}" for number, operand in enumerate(layer.operands)}
    renamed = Layer(
        replace(
            layer.equation,
            output=operands[layer.output],
            inputs=tuple(operands[operand] for operand in layer.inputs),
            indices={
                operands[operand]: tuple(dims[dim] for dim in indices)
                for operand, indices in layer.equation.indices.items()
            },
        ),
        {dims[dim]: size for dim, size in layer.sizes.items()},
        relations=tuple(
            replace(r, window=dims[r.window], outer=dims[r.outer], inner=dims[r.inner])
            for r in layer.relations
        ),
        precision={
            key.replace(key.removesuffix("_final"), operands[key.removesuffix("_final")]): value
            for key, value in layer.precision.items()
        },
        padding={dims[dim]: pad for dim, pad in layer.padding.items()},
        window_sizes={dims[dim]: size for dim, size in layer.window_sizes.items()},
    )
    links = layer.default_links | dict(mapping.links or {})
    again = Mapping(
        replace(
            mapping.spatial,
            unrolling=tuple(
                (row, tuple((dims[dim], factor) for dim, factor in factors))
                for row, factors in mapping.spatial.unrolling
            ),
        ),
        {
            operands[operand]: tuple(tuple(Loop(dims[d], n) for d, n in level) for level in levels)
            for operand, levels in mapping.temporal.items()
        },
        links={operands[operand]: link for operand, link in links.items()},
    )
    machine = replace(
        accelerator,
        memories=tuple(replace(memory, name=f"x{memory.name}") for memory in accelerator.memories),
    )
    for conventions in EVERY:
        one = cost_of_invalid(case, conventions)
        other = cost_of_invalid(Case(machine, renamed, again), conventions)
        assert other.latency == one.latency
        assert other.energy == one.energy
        assert list(other.accesses.values()) == list(one.accesses.values())
        assert list(other.double_buffered.values()) == list(one.double_buffered.values())


@given(case=cases())
@FEW
def test_the_order_of_the_inputs_means_nothing(case: Case) -> None:
    layer = case.layer
    links = layer.default_links | dict(case.mapping.links or {})
    turned = replace(layer, equation=replace(layer.equation, inputs=layer.inputs[::-1]))
    one, other = cost(case), cost(case, layer=turned, mapping=replace(case.mapping, links=links))
    # of several shortest schedules one may load for longer and unload for less
    assert other.latency.total == one.latency.total
    assert other.energy == one.energy
    assert other.accesses == one.accesses
