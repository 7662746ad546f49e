"""Memories that keep the overlap of sliding windows: by hand, by Timeloop, and in every form of the formulas."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

import pytest

import zzcp
from tests.cost.forms import check_all_forms, shuffled
from tests.machines import memory, port
from tests.simulation.tiny_cases import random_case
from zzcp.cost import EXACT, ZIGZAG, ZIGZAG_3_0, Evaluator
from zzcp.cost.batch import MappingBatch
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator, OperationalArray
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

UNIT = OperationalArray(("D1",), (1,), unit_energy=1.0, unit_area=1.0)


def machine(*keeping: str, size: int = 64) -> Accelerator:
    """Return a machine of one unit: a register of the inputs, which may keep overlaps, below the main memory."""
    return Accelerator(
        "keeping",
        (
            memory(
                "reg",
                "I1",
                port("r", "read", 8, "I1 tl"),
                port("w", "write", 8, "I1 fh"),
                size=size,
                keeps_overlap=keeping,
                served_dimensions=("D1",),
            ),
            memory(
                "dram",
                "I1 I2 O",
                port("inputs", "read", 8, "I1 tl"),
                port("weights", "read", 8, "I2 tl"),
                port("sums", "read", 32, "O tl"),
                port("results", "write", 32, "O fl"),
                size=10**9,
                served_dimensions=("D1",),
            ),
        ),
        UNIT,
    )


def fetched(accelerator: Accelerator, layer: Layer, order: list[tuple[str, int]], inside: int) -> int:
    """Return how many inputs of 8 bits the register is written, with so many loops below it."""
    ends = {"I": [inside, len(order)], "W": [len(order)], "O": [len(order)]}
    mapping = Mapping.from_order(SpatialMapping(()), order, ends)
    found = zzcp.evaluate(accelerator, layer, mapping).accesses["I"][0].from_above
    assert isinstance(found, int)
    return found


def row(outputs: int, taps: int, stride: int = 1, channels: int = 1) -> Layer:
    return Layer.conv(ox=outputs, oy=1, fx=taps, fy=1, k=2, c=channels, stride=(1, stride))


# ---- counted by hand ----------------------------------------------------------------------------------------------


def test_only_what_is_new_is_fetched() -> None:
    order = [("FX", 3), ("OX", 8), ("K", 2)]
    # a window of 3 for each of 8 outputs, twice; the next window adds one
    assert fetched(machine(), row(8, 3), order, inside=1) == 2 * 8 * 3
    assert fetched(machine("I1"), row(8, 3), order, inside=1) == 2 * (3 + 7 * 1)


def test_a_stride_adds_more_and_what_does_not_overlap_is_fetched() -> None:
    order = [("FX", 3), ("OX", 8), ("K", 2)]
    assert fetched(machine("I1"), row(8, 3, stride=2), order, inside=1) == 2 * (3 + 7 * 2)
    assert fetched(machine("I1"), row(8, 3, stride=5), order, inside=1) == 2 * 8 * 3


def test_loops_of_one_dimension_are_one_loop() -> None:
    whole = fetched(machine("I1"), row(8, 3), [("FX", 3), ("OX", 8), ("K", 2)], inside=1)
    assert fetched(machine("I1"), row(8, 3), [("FX", 3), ("OX", 2), ("OX", 4), ("K", 2)], inside=1) == whole
    # where another loop steps in between, what follows is a round of its own
    halves = fetched(machine("I1"), row(8, 3), [("FX", 3), ("OX", 4), ("K", 2), ("OX", 2)], inside=1)
    assert halves == 2 * 2 * (3 + 3 * 1)


def test_loops_that_do_not_matter_to_the_input_do_not_stand_between() -> None:
    order = [("FX", 3), ("K", 2), ("OX", 8)]
    assert fetched(machine("I1"), row(8, 3), order, inside=1) == 3 + 7 * 1


def test_only_the_loop_directly_above_slides() -> None:
    layer = row(8, 3, channels=2)
    assert (
        fetched(machine("I1"), layer, [("FX", 3), ("C", 2), ("OX", 8), ("K", 2)], inside=1) == 2 * 2 * 8 * 3
    )
    assert fetched(machine("I1"), layer, [("FX", 3), ("OX", 8), ("C", 2), ("K", 2)], inside=1) == 2 * 2 * 10


def test_taps_slide_as_well() -> None:
    assert fetched(machine("I1"), row(4, 3), [("OX", 4), ("FX", 3), ("K", 2)], inside=1) == 2 * (4 + 2 * 1)


def test_padding_is_not_fetched() -> None:
    layer = replace(row(8, 3), padding={"IX": (1, 1)})
    order = [("FX", 3), ("OX", 8), ("K", 2)]
    # the first window has one zero, and so has what the last one adds
    assert fetched(machine("I1"), layer, order, inside=1) == 2 * (2 + 6 * 1)


def test_a_tile_takes_no_more_room() -> None:
    order = [("FX", 3), ("OX", 8), ("K", 2)]
    assert fetched(machine("I1", size=24), row(8, 3), order, inside=1) == 20
    with pytest.raises(MappingError, match="memory reg holds 23 bits"):
        fetched(machine("I1", size=23), row(8, 3), order, inside=1)


def test_fewer_bits_stop_the_array_for_fewer_cycles() -> None:
    ends = {"I": [1, 3], "W": [3], "O": [3]}
    mapping = Mapping.from_order(SpatialMapping(()), [("FX", 3), ("OX", 8), ("K", 2)], ends)
    narrow = [
        replace(m, memories=(replace(m.memories[0], ports=_narrow(m)), m.memories[1]))
        for m in (machine(), machine("I1"))
    ]
    stalls = [zzcp.evaluate(m, row(8, 3), mapping).latency.temporal_stall for m in narrow]
    # three inputs take 6 cycles of 3, one takes 2; the second half begins with a whole window
    assert stalls == [15 * (6 - 3), 1 * (6 - 3)]


def _narrow(accelerator: Accelerator) -> tuple[zzcp.hardware.Port, ...]:
    read, write = accelerator.memories[0].ports
    return read, replace(write, bandwidth_min=4, bandwidth_max=4)


# ---- counted by Timeloop --------------------------------------------------------------------------------------------


def test_a_depthwise_layer_moves_as_much_as_in_timeloop() -> None:
    """Its figures at commit 4cf6d4c; a machine that fetches whole tiles moves the larger ones."""
    moves = {
        operand: ("fh", "tl", "fl", "th") if operand == "O" else ("fh", "tl") for operand in ("I1", "I2", "O")
    }
    words = port(
        "rw", "read_write", 16, *(f"{operand} {way}" for operand, ways in moves.items() for way in ways)
    )
    registers, sram, dram = (
        memory(name, "I1 I2 O", words, size=size, served_dimensions=served)
        for name, size, served in (
            ("registers", 64 * 16, ()),
            ("sram", 2**16 * 16, ("D1", "D2")),
            ("dram", 10**12, ("D1", "D2")),
        )
    )
    layer = Layer.conv(
        g=144, k=1, c=1, oy=56, ox=56, fy=3, fx=3, precision={"W": 16, "I": 16, "O": 16, "O_final": 16}
    )
    spatial = SpatialMapping.from_dict({"D1": {"G": 16}, "D2": {"G": 3}})
    order = [("FX", 3), ("FY", 3), ("OX", 14), ("OY", 8), ("OX", 4), ("OY", 7), ("G", 3)]
    mapping = Mapping.from_order(spatial, order, {"I": [2, 5, 7], "W": [2, 5, 7], "O": [2, 5, 7]})
    found = []
    for keeping in ((), ("I1",)):
        memories = (replace(registers, keeps_overlap=keeping), replace(sram, keeps_overlap=keeping), dram)
        array = OperationalArray(("D1", "D2"), (16, 16))
        moved = zzcp.evaluate(Accelerator("three", memories, array), layer, mapping).accesses["I"]
        found.append((moved[0].from_above, moved[1].from_above, moved[2].to_below))
    assert found == [(4_064_256, 584_640, 584_640), (1_548_288, 484_416, 484_416)]


# ---- every form of the formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("start", range(0, 60, 10))
def test_all_forms_of_the_formulas_agree(start: int, padded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(start, start + 10):
        case = random_case(seed, padded=padded, overlap=True)
        mappings = [case.mapping, *shuffled(case, Random(seed))]
        fixed = case.accelerator, case.layer, case.mapping.spatial, EXACT, case.links
        batch = MappingBatch.from_mappings(case.layer, mappings)
        check_all_forms(partial(Evaluator, *fixed), mappings, batch, monkeypatch)


@pytest.mark.parametrize("seed", range(60))
def test_keeping_is_never_worse(seed: int) -> None:
    case = random_case(seed, padded=seed % 2 == 1, overlap=True)
    memories = tuple(replace(memory, keeps_overlap=()) for memory in case.accelerator.memories)
    kept, fetched = (
        zzcp.evaluate(machine, case.layer, case.mapping)
        for machine in (case.accelerator, replace(case.accelerator, memories=memories))
    )
    assert kept.energy.exact <= fetched.energy.exact
    assert kept.latency.total <= fetched.latency.total
    assert kept.utilization.individual == fetched.utilization.individual


@pytest.mark.parametrize("conventions", [ZIGZAG, ZIGZAG_3_0], ids=lambda value: value.name)
def test_zigzag_fetches_whole_tiles(conventions: zzcp.CostConventions) -> None:
    for seed in range(40):
        case = random_case(seed, overlap=True)
        memories = tuple(replace(memory, keeps_overlap=()) for memory in case.accelerator.memories)
        kept, fetched = (
            Evaluator(machine, case.layer, case.mapping.spatial, conventions, case.links)
            .evaluate(case.mapping, allow_invalid=True)
            .to_dict()
            for machine in (case.accelerator, replace(case.accelerator, memories=memories))
        )
        assert kept == fetched


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_an_operand_that_is_not_there_keeps_nothing() -> None:
    message = "memory reg: keeps the overlap of operand I2, which it does not hold"
    with pytest.raises(InputError, match=message):
        machine("I2")


def test_loops_that_do_not_divide_are_refused() -> None:
    ends = {"I": [1, 3], "W": [3], "O": [3]}
    order = [("OX", 2), ("FX", 3), ("OX", 4)]
    layer = Layer.conv(ox=7, oy=1, fx=3, fy=1, k=1, c=1)
    mapping = Mapping.from_order(SpatialMapping(()), order, ends, factors="imperfect")
    assert zzcp.evaluate(machine(), layer, mapping).valid
    message = r"\(OX\) are not counted where a memory keeps the overlap .* as reg does of I"
    with pytest.raises(MappingError, match=message):
        zzcp.evaluate(machine("I1"), layer, mapping)


def test_sums_that_windows_share_are_refused() -> None:
    layer = Layer("O[k][iy]+=W[k][fy]*I[k][oy]", {"K": 1, "OY": 5, "FY": 3}, relations=("iy=1*oy+1*fy",))
    memories = (memory("reg", "O", keeps_overlap=("O",)), memory("dram", "I1 I2 O", size=10**9))
    order = [("OY", 5), ("FY", 3)]
    mapping = Mapping.from_order(SpatialMapping(()), order, {"O": [1, 2], "W": [2], "I": [2]})
    with pytest.raises(InputError, match="the overlap of output O, whose windows share sums, is not kept"):
        zzcp.evaluate(Accelerator("sums", memories, UNIT), layer, mapping)
