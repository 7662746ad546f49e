"""The conventions: presets, and for every choice the smallest case in which it makes a difference."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machines import memory, port
from tests.strategies import Case, cases
from zzcp.cost import CONVENTIONS, EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions, Evaluation, Evaluator
from zzcp.cost.setting.unrolling import fractional_factors, whole_factors
from zzcp.hardware import Accelerator, Memory, OperationalArray
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

FLAGS = [field.name for field in dataclasses.fields(CostConventions) if field.type == "bool"]
WIDTH = 1024
LOADS = get_args(get_type_hints(CostConventions)["once_only_loads"])


def wide(name: str, operand: str, **options: Any) -> Memory:
    """Return a memory of one operand with a port for each way, too wide to be in the way, of single bits."""
    ways = ("tl", "th", "fl", "fh") if operand == "O" else ("tl", "fh")
    ports = [
        port(way, "read" if way[0] == "t" else "write", WIDTH, f"{operand} {way}", word=1) for way in ways
    ]
    return memory(name, operand, *ports, **options)


def top(operand: str, **options: Any) -> Memory:
    """Return an outermost memory of one operand that is never in the way."""
    return wide(f"top_{operand}", operand, size=10**9, served_dimensions=("D1",), **options)


def machine(*memories: Memory, lanes: int = 1) -> Accelerator:
    """Return a machine of some lanes; an operand without an outermost memory gets one."""
    have = {operand for held in memories for operand in held.operands if held.name.startswith("top")}
    tops = [top(operand) for operand in ("I1", "I2", "O") if operand not in have]
    return Accelerator("tiny", (*memories, *tops), OperationalArray(("D1",), (lanes,)))


def evaluated(
    accelerator: Accelerator,
    layer: Layer,
    order: list[tuple[str, int]],
    conventions: CostConventions,
    spatial: dict[str, dict[str, int]] | None = None,
    **inner: tuple[int, ...],
) -> Evaluation:
    """Return the cost of an order; `inner` are an operand's boundaries below its top level."""
    unrolling = SpatialMapping.from_dict(spatial or {})
    ends = {operand: (*inner.get(operand, ()), len(order)) for operand in layer.operands}
    mapping = Mapping.from_order(unrolling, order, ends)
    return Evaluator(accelerator, layer, unrolling, conventions).evaluate(mapping)


# ---- presets --------------------------------------------------------------------------------------------------


def test_presets() -> None:
    assert CONVENTIONS == {"exact": EXACT, "zigzag": ZIGZAG, "zigzag-3.0": ZIGZAG_3_0}
    assert replace(ZIGZAG_3_0, name="zigzag", once_only_loads=ZIGZAG.once_only_loads) == ZIGZAG
    different = [name for name in FLAGS if getattr(EXACT, name) != getattr(ZIGZAG, name)]
    assert set(FLAGS) - set(different) == {"same_data_free"}
    assert [rules.once_only_loads for rules in (ZIGZAG_3_0, ZIGZAG, EXACT)] == list(LOADS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXACT.name = "inexact"  # type: ignore[misc]


def test_a_result_names_its_conventions() -> None:
    layer = Layer.gemm(b=2, k=2, c=2)
    mine = replace(EXACT, name="mine", access_latency=False)
    order = [("C", 2), ("K", 2), ("B", 2)]
    assert evaluated(machine(), layer, order, mine).conventions == "mine"


@given(
    case=cases(),
    choices=st.fixed_dictionaries({name: st.booleans() for name in FLAGS}),
    loads=st.sampled_from(LOADS),
)
@settings(max_examples=25)
def test_any_combination_can_be_evaluated(case: Case, choices: dict[str, bool], loads: Any) -> None:
    conventions = CostConventions(name="any", once_only_loads=loads, **choices)
    evaluator = Evaluator(case.accelerator, case.layer, case.mapping.spatial, conventions, case.mapping.links)
    evaluation = evaluator.evaluate(case.mapping, allow_invalid=True)
    latency = evaluation.latency
    parts = [getattr(latency, name) for name in type(latency).__slots__ if name != "total"]
    assert latency.total == pytest.approx(sum(parts))
    assert min(parts) >= 0
    assert evaluation.energy.total == pytest.approx(evaluation.energy.mac + evaluation.energy.memory)
    assert evaluation.to_dict()["conventions"] == "any"


# ---- one choice at a time -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counted", "reads"), [(False, 4), (True, 6)])
def test_first_partial_sum_reads(counted: bool, reads: int) -> None:
    """Two outputs of three additions each: the first addition has nothing to read."""
    rules = replace(EXACT, first_partial_sum_reads=counted)
    accelerator = machine(memory("acc", "O", port("rw", "read_write", 16, "O fh", "O tl", "O fl", "O th")))
    result = evaluated(accelerator, Layer.gemm(b=1, k=2, c=3), [("K", 2), ("C", 3)], rules, O=(2,))
    assert (result.accesses["O"][0].from_below, result.accesses["O"][0].to_below) == (6, reads)


@pytest.mark.parametrize(("free", "reads"), [(True, 2), (False, 8)])
def test_same_data_free(free: bool, reads: int) -> None:
    """Each of two weights is used in four consecutive cycles."""
    rules = replace(EXACT, same_data_free=free)
    registers = memory("regs", "I2", port("rw", "read_write", 8, "I2 fh", "I2 tl"))
    layer = Layer.gemm(b=4, k=1, c=2)
    result = evaluated(machine(registers), layer, [("B", 4), ("C", 2)], rules, W=(2,))
    assert result.accesses["W"][0].to_below == reads


@pytest.mark.parametrize(("added", "loading", "unloading"), [(False, 3, 2), (True, 3 + 7 + 1, 2 + 3)])
def test_access_latency(added: bool, loading: int, unloading: int) -> None:
    """16 bits of weights take two cycles, after the 7 that the memory above takes to answer; the first is read in one.

    They answer after another one. The last result is written in one cycle, and takes one on its way out.
    """
    rules = replace(EXACT, access_latency=added)
    registers = memory("regs", "I2", port("rw", "read_write", 8, "I2 fh", "I2 tl"))
    outputs = wide("acc", "O", latency=3)
    accelerator = machine(registers, outputs, top("I2", latency=7))
    layer = Layer.gemm(b=1, k=4, c=2)
    result = evaluated(accelerator, layer, [("C", 2), ("K", 4)], rules, W=(1,), O=(1,))
    assert (result.latency.data_loading, result.latency.data_unloading) == (loading, unloading)


@pytest.mark.parametrize(("free", "loading", "unloading"), [(True, 0, 0), (False, 4, 2)])
def test_free_array_ends(free: bool, loading: int, unloading: int) -> None:
    """Four lanes take four weights of 8 bits from a port of 8 bits, and give four sums of 8 bits to one of 16."""
    rules = replace(EXACT, free_array_ends=free)
    ways = port("r", "read", 8, "I2 tl"), port("r", "read", 16, "O tl"), port("w", "write", 16, "O fl")
    large = {"size": 10**9, "latency": 0, "served_dimensions": ("D1",)}
    weights, sums = memory("top_I2", "I2", ways[0], **large), memory("top_O", "O", *ways[1:], **large)
    layer = Layer.gemm(b=1, k=8, c=1, precision={"O": 8, "O_final": 8})
    result = evaluated(machine(weights, sums, lanes=4), layer, [("K", 2)], rules, {"D1": {"K": 4}})
    latency = result.latency
    # the second of two transfers has one of four cycles to hide behind in any case
    assert (latency.data_loading, latency.temporal_stall, latency.data_unloading) == (loading, 3, unloading)
    assert latency.total == (2 + 3 + loading + unloading)
    assert (latency.total >= max(port.busy for port in result.ports)) == (not free)


@pytest.mark.parametrize(("uncoupled", "stall"), [(True, 15 + 12 - 16), (False, 15 + 12 + 12 - 16)])
def test_uncoupled_ports(uncoupled: bool, stall: int) -> None:
    """Four sums take turns, four times: after the first time each is fetched, added to, and sent up.

    Adding takes the ports of the accumulator, sending up the one for reads and that of the memory above, fetching the
    latter and the one for writes: 12 times each, and 15 times before the last drain.
    """
    rules = replace(EXACT, uncoupled_ports=uncoupled)
    ways = port("r", "read", 8, "O tl", "O th"), port("w", "write", 8, "O fl", "O fh")
    small = memory("acc", "O", *ways, size=64, latency=0)
    above = memory("top_O", "O", port("rw", "read_write", 8, "O tl", "O fl"), size=10**9, latency=0)
    layer = Layer.gemm(b=4, k=1, c=4, precision={"O": 8, "O_final": 8})
    order = [("B", 4), ("C", 4)]
    result = evaluated(machine(small, above), layer, order, rules, O=(0,))
    assert result.latency.temporal_stall == stall
    limiting = {port.port for port in result.ports if port.stall == stall}
    assert limiting >= ({"r", "w", "rw"} if not uncoupled else set())


@pytest.mark.parametrize(("refetched", "written"), [(False, 3 + 7), (True, 8 * 3)])
def test_refetched_overlap(refetched: bool, written: int) -> None:
    """Each of 8 windows of 3 shares 2 inputs with the one before it."""
    rules = replace(EXACT, refetched_overlap=refetched)
    registers = memory("regs", "I1", port("rw", "read_write", 8, "I1 fh", "I1 tl"), keeps_overlap=("I1",))
    layer = Layer.conv(ox=8, oy=1, fx=3, fy=1, k=1, c=1)
    result = evaluated(machine(registers), layer, [("FX", 3), ("OX", 8)], rules, I=(1,))
    assert result.accesses["I"][0].from_above == written


def top_of_inputs(width: int) -> Memory:
    """Return an outermost memory of both inputs with one port."""
    ways = ("I1 fh", "I1 tl", "I2 fh", "I2 tl")
    return memory("top", "I1 I2", port("rw", "read_write", width, *ways), size=10**9)


@pytest.mark.parametrize(("combined", "loading"), [(False, 9), (True, 4)])
def test_combined_loading(combined: bool, loading: int) -> None:
    """Two fills of 32 bits through one port of 8 bits take 8 cycles, unless the port is counted once.

    The first values are read in another one, which ZigZag's formula does not know.
    """
    rules = replace(EXACT, combined_loading=combined, once_only_loads="exposed", access_latency=False)
    accelerator = machine(wide("w", "I2"), wide("i", "I1"), top_of_inputs(8))
    layer = Layer.gemm(b=4, k=4, c=4)
    result = evaluated(accelerator, layer, [("C", 4), ("K", 4), ("B", 4)], rules, W=(1,), I=(1,))
    assert result.latency.data_loading == loading


@pytest.mark.parametrize(
    ("rule", "exposed"), [("exposed", 16), ("hidden_by_run", 4), ("hidden_until_needed", 12)]
)
def test_once_only_loads(rule: Any, exposed: int) -> None:
    """Four weights are loaded once, 2 bits per cycle: 16 cycles, 4 of them for the first weight.

    The run has 32 cycles, but after 4 of them every weight has been needed.
    """
    rules = replace(EXACT, once_only_loads=rule)
    buffer = memory("buffer", "I2", port("r", "read", 8, "I2 tl"), port("w", "write", 2, "I2 fh"), size=32)
    layer = Layer.gemm(b=8, k=1, c=4)
    result = evaluated(machine(wide("regs", "I2"), buffer), layer, [("C", 4), ("B", 8)], rules, W=(0, 1))
    fill = next(link for link in result.links if link.target == "buffer")
    assert (fill.cycles, fill.hidden) == (exposed, 16 - exposed)
    assert (result.latency.ideal, result.latency.temporal_stall) == (32, 0)


@pytest.mark.parametrize(("truncated", "hidden"), [(True, 16), (False, 8)])
def test_truncated_bandwidth(truncated: bool, hidden: int) -> None:
    """I takes 1.5 of a port's 2 bits per cycle: a quarter of the 32 cycles is left for W, or half of them."""
    rules = replace(
        EXACT, combined_loading=True, once_only_loads="hidden_by_run", truncated_bandwidth=truncated
    )
    accelerator = machine(wide("regs", "I2"), wide("buffer", "I2"), wide("i", "I1"), top_of_inputs(2))
    layer = Layer.gemm(b=4, k=2, c=4, precision={"I": 3})
    order = [("K", 2), ("C", 4), ("B", 4)]
    result = evaluated(accelerator, layer, order, rules, W=(0, 2), I=(1,))
    assert result.latency.temporal_stall == 0
    fill = next(link for link in result.links if link.target == "buffer")
    assert (max(fill.lower_cycles, fill.upper_cycles), fill.hidden) == (32, hidden)


def test_fractional_unrolling() -> None:
    """Ten rows on four lanes take three rounds, of four lanes each: ZigZag counts 10/3 lanes, or 3."""
    layer, spatial = Layer.gemm(b=1, k=10, c=1), SpatialMapping.from_dict({"D1": {"K": 4}})
    assert whole_factors(layer, spatial) == {"D1": [("K", 4)]}
    assert fractional_factors(layer, spatial) == {"D1": [("K", 3)]}
    assert fractional_factors(layer, spatial, allow_fractions=True) == {"D1": [("K", 10 / 3)]}


@pytest.mark.parametrize(("fractional", "outputs"), [(False, 4), (True, 10 / 3)])
def test_fractional_unrolling_in_a_memory(fractional: bool, outputs: float) -> None:
    rules = replace(EXACT, fractional_unrolling=fractional)
    accelerator = machine(wide("acc", "O", size=80, served_dimensions=("D1",)), lanes=4)
    result = evaluated(accelerator, Layer.gemm(b=1, k=10, c=1), [("K", 3)], rules, {"D1": {"K": 4}}, O=(0,))
    assert result.utilization.individual["O"][0] == pytest.approx(outputs * 8 / 80)


@pytest.mark.parametrize(("overcounted", "elements"), [(False, 6), (True, 10)])
def test_overcounted_slivers(overcounted: bool, elements: int) -> None:
    """Three filter elements 4 apart, moved once by 1: positions 0, 1, 4, 5, 8 and 9."""
    rules = replace(EXACT, overcounted_slivers=overcounted)
    layer = Layer.conv(ox=8, fx=3, dilation=4)
    order = [("OX", 2), ("FX", 3), ("OX", 4)]
    result = evaluated(machine(wide("buffer", "I1", size=800)), layer, order, rules, I=(2,))
    assert result.utilization.individual["I"][0] == elements * 8 / 800


@pytest.mark.parametrize(("multiplied", "elements"), [(False, 4), (True, 6)])
def test_multiplied_windows(multiplied: bool, elements: int) -> None:
    """Two lanes with neighbouring windows of three elements need four together."""
    rules = replace(EXACT, multiplied_windows=multiplied)
    accelerator = machine(wide("regs", "I1"), lanes=2)
    layer = Layer.conv(ox=2, fx=3)
    result = evaluated(accelerator, layer, [("FX", 3)], rules, {"D1": {"OX": 2}}, I=(1,))
    assert result.accesses["I"][1].to_below * WIDTH == elements * 8


@pytest.mark.parametrize(("early", "bits"), [(False, 16), (True, 8)])
def test_early_final_precision(early: bool, bits: int) -> None:
    """Four lanes hold a part of one sum each: complete, and of 8 bits, only after they have been added up."""
    rules = replace(EXACT, early_final_precision=early)
    accelerator = machine(wide("acc", "O"), lanes=4)
    result = evaluated(accelerator, Layer.gemm(b=1, k=1, c=4), [], rules, {"D1": {"C": 4}}, O=(0,))
    assert result.accesses["O"][0].to_above * WIDTH == 4 * bits
    assert result.accesses["O"][1].from_below * WIDTH == 8


@pytest.mark.parametrize(
    ("greedy", "twice", "stall"), [(False, "I", (4 - 2) * 15), (True, "W", (32 - 8) * 3)]
)
def test_greedy_buffering(greedy: bool, twice: str, stall: int) -> None:
    """A buffer has room for a second tile of W (16 bits) or of I (64 bits). ZigZag gives it to W, which comes first.

    W is repeated for all of B: 4 cycles of refill in 8 / 4 cycles, 16 times. I is repeated for all of K: 32 cycles
    in 32 / 4 cycles, four times.
    """
    rules = replace(EXACT, greedy_buffering=greedy)
    ports = (
        port("r_w", "read", WIDTH, "I2 tl"),
        port("w_w", "write", 4, "I2 fh"),
        port("r_i", "read", WIDTH, "I1 tl"),
        port("w_i", "write", 2, "I1 fh"),
    )
    accelerator = machine(memory("buffer", "I2 I1", *ports, size=16 + 64 + 64))
    layer = Layer.gemm(b=4, k=4, c=8)
    order = [("C", 2), ("B", 4), ("K", 4), ("C", 4)]
    result = evaluated(accelerator, layer, order, rules, W=(2,), I=(3,))
    assert result.double_buffered == {"O": (), "W": (twice == "W",), "I": (twice == "I",)}
    assert result.latency.temporal_stall == stall
