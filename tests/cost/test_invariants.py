"""What holds for the cost of every mapping: parts add up, nothing is negative, schedules keep their ports."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings

from tests.strategies import EVERY, Case, cases, cost, cost_of_invalid, linked
from zzcp.cost import CONVENTIONS, EXACT
from zzcp.cost.evaluation import ARRAY

FEW = settings(max_examples=20)


@given(case=cases())
@FEW
def test_latency_is_the_sum_of_its_parts(case: Case) -> None:
    for conventions in EVERY:
        latency = cost_of_invalid(case, conventions).latency
        parts = [getattr(latency, name) for name in type(latency).__slots__ if name != "total"]
        assert len(parts) == 6
        assert latency.total == sum(parts)
        assert min(parts) >= 0
        assert latency.ideal == math.ceil(Fraction(case.layer.macs, case.accelerator.array.units))
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
            assert port.stall >= 0  # it was the slack with a minus where a port has a single user
            assert port.slack >= 0
            assert not (port.stall and port.slack)
            assert bool(port.limits) == (port.stall > 0)
        for link in evaluation.links:
            assert link.cycles >= 0
            assert link.hidden >= 0
            assert link.cycles + link.hidden == max(link.lower_cycles, link.upper_cycles)


@given(case=cases())
@FEW
def test_the_schedule_of_the_loading_is_neither_too_short_nor_too_long(case: Case) -> None:
    evaluation = cost(case, replace(EXACT, once_only_loads="exposed"))
    chains: dict[str, list[int | float]] = {operand: [0] for operand in case.layer.operands}
    ends = []
    for link in evaluation.links:
        waiting = case.accelerator.memory(link.source).latency if link.cycles and link.source != ARRAY else 0
        chains[link.operand].append(link.cycles + waiting)
        if link.start is not None:
            ends.append(link.start + link.cycles + waiting)
    unloading = sum(chains.pop(case.layer.output))
    assert evaluation.latency.data_unloading == unloading
    assert evaluation.latency.data_loading == max([0, *ends])
    assert max(map(sum, chains.values())) <= evaluation.latency.data_loading <= sum(map(sum, chains.values()))


@given(case=cases())
@FEW
def test_no_port_carries_more_than_there_is_time_for(case: Case) -> None:
    evaluation = cost(case)
    latency = evaluation.latency
    everything = cost(case, replace(EXACT, once_only_loads="exposed")).latency
    assert latency.total <= everything.total
    for output, time in ((False, latency.data_loading), (True, latency.data_unloading)):
        busy: dict[str, int | float] = {}
        for link in evaluation.links:
            if (link.operand == case.layer.output) == output:
                for port in link.ports:
                    busy[port] = busy.get(port, 0) + link.cycles
        assert max(busy.values(), default=0) <= time


@given(case=cases())
@settings(max_examples=60)
def test_no_layer_is_shorter_than_its_ports_are_busy(case: Case) -> None:
    """Without the array's own links 64 lanes behind a port of a byte per cycle took 1 cycle, the port busy for 65."""
    evaluation = cost(case)
    assert evaluation.latency.total >= max(port.busy for port in evaluation.ports)


@given(case=cases())
@FEW
def test_a_port_fills_one_tile_at_a_time(case: Case) -> None:
    busy: dict[str, list[tuple[int | float, int | float]]] = {}
    for link in cost(case, replace(EXACT, once_only_loads="exposed")).links:
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


@given(case=cases())
@FEW
def test_the_plain_form_is_json_and_stable(case: Case) -> None:
    for conventions in EVERY:
        evaluation = cost_of_invalid(case, conventions)
        text = json.dumps(evaluation.to_dict(), allow_nan=False)
        assert json.loads(text) == evaluation.to_dict()
        assert json.dumps(cost_of_invalid(case, conventions).to_dict()) == text
        assert CONVENTIONS[evaluation.to_dict()["conventions"]] is conventions
