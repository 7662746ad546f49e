"""The figures of explanations: they add up, and they are those of the evaluator."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings

import zzcp
from tests.strategies import Case, cases, cost
from zzcp.explanations import collect
from zzcp.io import load_mapping_source

SOME = settings(max_examples=40, deadline=None)


def seed(memories: str, conventions: zzcp.CostConventions = zzcp.EXACT) -> zzcp.Evaluation:
    """Return the evaluation of a mapping of the seed question."""
    machine = zzcp.load_accelerator(f"models/accelerators/seed_eyeriss_{memories}.yaml")
    layer = zzcp.load_workload("models/workloads/seed_workload.yaml").layer("conv")
    source = load_mapping_source(f"examples/seed/conv_{memories}.yaml")
    return zzcp.evaluate(machine, layer, zzcp.Mapping.from_dict(source.by_layer[None]), conventions)


@given(case=cases())
@SOME
def test_they_add_up(case: Case) -> None:
    evaluation = cost(case)
    facts = collect(evaluation)
    latency = evaluation.latency
    for fill in (*facts.loading, *facts.unloading):
        assert fill.exposed + fill.hidden == fill.cycles == max(fill.read.cycles, fill.written.cycles)
        assert fill.hidden >= 0
        assert not fill.hidden or fill.times == 1
        for side in (fill.read, fill.written):
            if side.port is None:
                assert (side.name, side.bandwidth, side.cycles) == ("array", 0, 0)
            else:
                assert side.cycles == -(-Fraction(side.bytes) * 8 // side.bandwidth)
    assert sum(entry.energy for entry in facts.energies) + evaluation.energy.mac == pytest.approx(
        evaluation.energy.total
    )
    for port in facts.limiting:
        assert port.stall == latency.temporal_stall > 0
    assert bool(facts.limiting) == bool(latency.temporal_stall)
    assert [port.stall for port in facts.ports if port.stall > 0] == sorted(
        (port.stall for port in facts.ports if port.stall > 0), reverse=True
    )
    # every element of an input comes from its outermost memory at least once
    for flow in facts.flows:
        links = {**facts.layer.default_links, **(facts.mapping.links or {})}
        if (
            flow.upper == facts.accelerator.top(links[flow.operand]).name
            and flow.operand != facts.layer.output
        ):
            bits = facts.layer.tensor_size(flow.operand) * facts.layer.precision[flow.operand]
            assert flow.bytes * 8 >= bits


@given(case=cases())
@SOME
def test_what_determines_the_loading(case: Case) -> None:
    facts = collect(cost(case))
    deciding = [fill for fill in facts.loading if fill.critical]
    loading = facts.evaluation.latency.data_loading
    moved = sum(fill.exposed for fill in deciding)
    if facts.loading_port is not None:
        assert moved == loading > 0
    elif deciding:
        # one after the other from cycle 0, with the answers of the memories in between
        assert moved <= loading <= moved + sum(fill.latency for fill in deciding)
        assert min(fill.start or 0 for fill in deciding) == 0
    if not loading:
        assert not deciding


def test_the_seed_question(monkeypatch: pytest.MonkeyPatch, root: object) -> None:
    monkeypatch.chdir(str(root))
    facts = collect(seed("1_2_4"))
    assert [(fill.name, fill.exposed, fill.critical) for fill in facts.loading] == [
        ("W dram -> sram_64KB", 200, True),
        ("W sram_64KB -> rf_64B_W", 20, False),
        ("W rf_64B_W -> array", 4, False),
        ("I dram -> sram_1M", 200, True),
        ("I sram_1M -> rf_64B_I", 20, True),
        ("I rf_64B_I -> array", 4, True),
    ]
    assert [port.name for port in facts.limiting] == ["rf_64B_I.r_port_1", "rf_64B_W.r_port_1"]
    assert (facts.energies[0].memory, facts.energies[0].energy) == ("dram", 25_000_000)
    flows = {(flow.operand, flow.upper): flow for flow in facts.flows}
    # 100 x 100 elements of 4 bytes, five times over
    assert flows["W", "dram"].bytes == 100 * 100 * 4 * 5
    assert (flows["W", "dram"].times, flows["W", "dram"].tile) == (125, 1600)


def test_under_zigzag_no_chain_determines_the_loading(monkeypatch: pytest.MonkeyPatch, root: object) -> None:
    monkeypatch.chdir(str(root))
    facts = collect(seed("1_2_4", zzcp.ZIGZAG))
    assert facts.evaluation.latency.data_loading == 220
    assert sum(fill.exposed for fill in facts.loading) == 440
    assert not any(fill.critical for fill in facts.loading)
