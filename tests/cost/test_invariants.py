"""What holds for the cost of every mapping, whatever the machine, the layer and the mapping."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import Case, cases
from zzcp.cost import CONVENTIONS, EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions, Evaluation, Evaluator
from zzcp.hardware import Accelerator, Memory
from zzcp.mapping import Loop, Mapping
from zzcp.workload import Layer

EVERY = (EXACT, ZIGZAG, ZIGZAG_3_0)
FEW = settings(max_examples=25)


def cost(case: Case, conventions: CostConventions = EXACT, **changes: object) -> Evaluation:
    """Return the evaluation of a case, with its machine, layer or mapping exchanged."""
    accelerator, layer, mapping = case._replace(**changes)
    return Evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links).evaluate(mapping)


def cost_of_invalid(case: Case, conventions: CostConventions) -> Evaluation:
    """Return the evaluation of a case that need not be valid under these conventions."""
    accelerator, layer, mapping = case
    evaluator = Evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links)
    return evaluator.evaluate(mapping, allow_invalid=True)


def linked(case: Case, operand: str) -> tuple[Memory, ...]:
    """Return the memories of an operand of the layer, innermost first."""
    links = case.layer.default_links | dict(case.mapping.links or {})
    return case.accelerator.levels(links[operand])


# ---- parts and wholes -----------------------------------------------------------------------------------------


@given(case=cases())
@FEW
def test_latency_is_the_sum_of_its_parts(case: Case) -> None:
    for conventions in EVERY:
        latency = cost_of_invalid(case, conventions).latency
        parts = [getattr(latency, name) for name in type(latency).__slots__ if name != "total"]
        assert len(parts) == 6
        assert latency.total == sum(parts)
        assert min(parts) >= 0
        assert latency.ideal >= 1
        assert latency.ideal + latency.spatial_stall == case.mapping.spatial.cycles(case.layer)


@given(case=cases())
@FEW
def test_energy_is_the_sum_of_its_parts(case: Case) -> None:
    for conventions in EVERY:
        energy = cost_of_invalid(case, conventions).energy
        assert energy.total == pytest.approx(energy.mac + energy.memory)
        assert math.fsum(energy.by_memory.values()) == pytest.approx(energy.memory)
        assert math.fsum(part for row in energy.by_operand.values() for part in row) == pytest.approx(
            energy.memory
        )
        assert energy.mac == pytest.approx(case.accelerator.array.unit_energy * case.layer.macs)
        assert list(energy.by_operand) == list(case.layer.operands)
        for operand, rows in energy.by_direction.items():
            assert [row.memory for row in rows] == [memory.name for memory in linked(case, operand)]
            for row, total in zip(rows, energy.by_operand[operand], strict=True):
                parts = (row.from_above, row.to_above, row.from_below, row.to_below)
                assert min(parts) >= 0
                assert row.total == total == pytest.approx(sum(parts))


@given(case=cases())
@FEW
def test_exact_energy_is_accesses_times_the_costs_of_the_file(case: Case) -> None:
    evaluation = cost(case)
    total = Fraction(repr(case.accelerator.array.unit_energy)) * case.layer.macs
    for operand, row in evaluation.accesses.items():
        for memory, entry in zip(linked(case, operand), row, strict=True):
            total += entry.reads * Fraction(repr(memory.read_energy))
            total += entry.writes * Fraction(repr(memory.write_energy))
    assert evaluation.energy.exact == total
    assert evaluation.energy.total == float(total)
    assert evaluation.edp == evaluation.energy.total * evaluation.latency.total
    assert evaluation.edp_exact == total * evaluation.latency.total


@given(case=cases())
@FEW
def test_stall_and_loading_are_those_of_ports_and_links(case: Case) -> None:
    for conventions in EVERY:
        evaluation = cost_of_invalid(case, conventions)
        latency = evaluation.latency
        assert latency.temporal_stall == max([0, *(port.stall for port in evaluation.ports)])
        for port in evaluation.ports:
            assert port.busy >= 0
            assert bool(port.limits) == (port.stall > 0)
        for link in evaluation.links:
            assert link.cycles >= 0
            assert link.hidden >= 0
            assert link.cycles + link.hidden == max(link.lower_cycles, link.upper_cycles)


@given(case=cases())
@FEW
def test_the_schedule_of_the_loading_is_neither_too_short_nor_too_long(case: Case) -> None:
    evaluation = cost(case)
    chains: dict[str, list[int | float]] = {operand: [0] for operand in case.layer.operands}
    ends = []
    for link in evaluation.links:
        waiting = case.accelerator.memory(link.source).latency if link.cycles else 0
        chains[link.operand].append(link.cycles + waiting)
        if link.start is not None:
            ends.append(link.start + link.cycles + waiting)
    unloading = sum(chains.pop(case.layer.output))
    assert evaluation.latency.data_unloading == unloading
    assert evaluation.latency.data_loading == max([0, *ends])
    assert max(map(sum, chains.values())) <= evaluation.latency.data_loading <= sum(map(sum, chains.values()))


@given(case=cases())
@FEW
def test_a_port_fills_one_tile_at_a_time(case: Case) -> None:
    busy: dict[str, list[tuple[int | float, int | float]]] = {}
    for link in cost(case).links:
        if link.start is not None and link.cycles:
            for port in link.ports:
                busy.setdefault(port, []).append((link.start, link.start + link.cycles))
    for times in busy.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))


@given(case=cases())
@FEW
def test_memories_hold_what_they_must(case: Case) -> None:
    evaluation = cost(case)
    used = evaluation.utilization
    assert 0 < used.total <= min(used.spatial, used.temporal)
    assert max(used.spatial, used.temporal) <= 1
    held: dict[str, float] = {}
    kept: dict[str, float] = {}
    for operand, row in used.individual.items():
        flags = (*evaluation.double_buffered[operand], False)
        for memory, part, twice in zip(linked(case, operand), row, flags, strict=True):
            held[memory.name] = held.get(memory.name, 0) + part
            kept[memory.name] = kept.get(memory.name, 0) + part * (1 + twice)
    for operand, row in used.shared.items():
        for memory, part in zip(linked(case, operand), row, strict=True):
            assert part == pytest.approx(held[memory.name])
    assert max(kept.values()) <= 1 + 1e-9


# ---- conservation ---------------------------------------------------------------------------------------------


def bit_by_bit(case: Case) -> Case:
    """Return the case with ports that move single bits, and outputs of one precision: nothing is rounded."""
    memories = tuple(
        replace(memory, ports=tuple(replace(port, bandwidth_min=1) for port in memory.ports))
        for memory in case.accelerator.memories
    )
    precision = dict(case.layer.precision)
    precision[f"{case.layer.output}_final"] = precision[case.layer.output]
    layer = replace(case.layer, precision=precision)
    # tiles of outputs have grown
    memories = tuple(replace(memory, size=memory.size * 32) for memory in memories)
    return Case(replace(case.accelerator, memories=memories), layer, case.mapping)


def bits(case: Case, evaluation: Evaluation, operand: str) -> list[tuple[Fraction, ...]]:
    """Return per level the bits from above, to above, from below and to below over the layer, all instances."""
    memory_operand = (case.layer.default_links | dict(case.mapping.links or {}))[operand]
    rows = []
    for memory, entry in zip(linked(case, operand), evaluation.accesses[operand], strict=True):
        widths = []
        for direction in ("fh", "th", "fl", "tl"):
            port = memory.port(memory_operand, direction)  # type: ignore[arg-type]
            widths.append(port.bandwidth_max if port else 0)
        rows.append(tuple(Fraction(count) * width for count, width in zip(entry, widths, strict=True)))
    return rows


@given(case=cases())
@FEW
def test_every_bit_that_is_read_was_written_there(case: Case) -> None:
    case = bit_by_bit(case)
    layer = case.layer
    evaluation = cost(case)
    for operand in layer.inputs:
        tensor = layer.tensor_size(operand) * layer.precision[operand]
        rows = bits(case, evaluation, operand)
        assert rows[-1][:3] == (0, 0, 0)  # inputs come from nowhere but the top, and nothing goes back
        assert rows[-1][3] >= tensor
        for lower, upper in itertools.pairwise(rows):
            from_above, to_above, from_below, to_below = lower
            assert to_above == from_below == 0
            # one read above may be written into several instances below, never the reverse
            assert from_above >= upper[3]
            assert min(from_above, to_below) >= tensor
    tensor = layer.tensor_size(layer.output) * layer.precision[layer.output]
    rows = bits(case, evaluation, layer.output)
    assert rows[-1][:2] == (0, 0)
    for level, (from_above, to_above, from_below, to_below) in enumerate(rows):
        # what is read again has been written before, and the last write is not read again
        assert from_below - to_below >= tensor
        if level < len(rows) - 1:
            assert to_above - from_above >= tensor
            # sums of several instances are added up on the way
            assert to_above >= rows[level + 1][2]
            assert from_above >= rows[level + 1][3]
            # what leaves for the level above was written by the level below
            assert from_below >= to_above
            assert to_below >= from_above


@given(case=cases())
@FEW
def test_words_are_never_less_than_bits(case: Case) -> None:
    layer, evaluation = case.layer, cost(case)
    sizes = dict(layer.precision)
    sizes[layer.output] = layer.final_precision
    for operand in layer.operands:
        from_below, to_below = bits(case, evaluation, operand)[-1][2:]
        moved = from_below if operand == layer.output else to_below
        assert moved >= layer.tensor_size(operand) * sizes[operand]


@given(case=cases())
@FEW
def test_the_first_visit_of_an_output_tile_reads_nothing(case: Case) -> None:
    exact = cost(case).accesses[case.layer.output]
    as_often = cost(case, replace(EXACT, first_partial_sum_reads=True)).accesses[case.layer.output]
    irrelevant = case.layer.relevance(case.layer.output).irrelevant
    above = 1
    link_above: list[int] = []  # reductions above every link, the array's first
    merged = merged_down(case.layer, case.mapping.temporal[case.layer.output], irrelevant)
    for level in reversed([(), *merged]):
        link_above.insert(0, above)
        above *= math.prod(loop.size for loop in level if loop.dim in irrelevant)
    for level, (ours, theirs) in enumerate(zip(exact, as_often, strict=True)):
        assert ours.from_below == theirs.from_below
        assert ours.to_above == theirs.to_above
        below, beyond = link_above[level], link_above[level + 1]
        assert ours.to_below * below == theirs.to_below * (below - 1)
        assert ours.from_above * beyond == theirs.from_above * (beyond - 1)


# ---- mappings that are the same -------------------------------------------------------------------------------


def merged_down(
    layer: Layer, levels: tuple[tuple[Loop, ...], ...], irrelevant: tuple[str, ...]
) -> list[tuple[Loop, ...]]:
    """Return an operand's loops with the irrelevant ones directly above a boundary below it."""
    rows = [list(level) for level in levels]
    for upper in range(1, len(rows)):
        lower = rows[upper - 1]
        while any(rows[upper:]):
            first = next(row for row in rows[upper:] if row)
            if first[0].dim not in irrelevant:
                break
            lower.append(first.pop(0))
    return [tuple(row) for row in rows]


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
    assert other.latency == one.latency
    assert other.energy == one.energy
    assert other.accesses == one.accesses


# ---- buffering and capacity -----------------------------------------------------------------------------------


@given(case=cases())
@FEW
def test_the_buffering_that_is_returned_gives_the_same_cost(case: Case) -> None:
    chosen = cost(case)
    given_flags = case.mapping.with_buffering(chosen.double_buffered)
    same(cost(case, mapping=given_flags), chosen)


def enlarged(accelerator: Accelerator, number: int, factor: int) -> Accelerator:
    """Return the machine with one of its memories enlarged."""
    memories = list(accelerator.memories)
    memories[number] = replace(memories[number], size=memories[number].size * factor)
    return replace(accelerator, memories=tuple(memories))


@given(case=cases(), data=st.data())
@settings(max_examples=60)
def test_more_capacity_never_costs_anything(case: Case, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(case.accelerator.memories) - 1))
    larger = enlarged(case.accelerator, number, data.draw(st.sampled_from([2, 3, 1000])))
    before, after = cost(case), cost(case, accelerator=larger)
    assert after.energy == before.energy
    assert after.accesses == before.accesses
    assert after.latency.total <= before.latency.total
    # where the buffering is given nothing changes at all
    explicit = case.mapping.with_buffering(before.double_buffered)
    assert cost(case, mapping=explicit, accelerator=larger).latency == before.latency


# ---- scale ----------------------------------------------------------------------------------------------------


@given(case=cases())
@FEW
def test_energy_scales_with_the_costs_of_the_file(case: Case) -> None:
    doubled = replace(
        case.accelerator,
        memories=tuple(
            replace(memory, read_energy=2 * memory.read_energy, write_energy=2 * memory.write_energy)
            for memory in case.accelerator.memories
        ),
        array=replace(case.accelerator.array, unit_energy=2 * case.accelerator.array.unit_energy),
    )
    before, after = cost(case), cost(case, accelerator=doubled)
    assert after.energy.exact == 2 * before.energy.exact
    assert after.latency == before.latency


# ---- the plain form -------------------------------------------------------------------------------------------


@given(case=cases())
@FEW
def test_the_plain_form_is_json_and_stable(case: Case) -> None:
    for conventions in EVERY:
        evaluation = cost_of_invalid(case, conventions)
        text = json.dumps(evaluation.to_dict(), allow_nan=False)
        assert json.loads(text) == evaluation.to_dict()
        assert json.dumps(cost_of_invalid(case, conventions).to_dict()) == text
        assert CONVENTIONS[evaluation.to_dict()["conventions"]] is conventions
