"""What a mapping moves and stores is what exists: counted by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

import zzcp
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, Port, PortType
from zzcp.io import load_accelerator, load_mapping_source, load_workload
from zzcp.mapping import Mapping
from zzcp.solver import optimize

DATA = Path(__file__).parents[1] / "data" / "counts"


def evaluated(machine: str, workload: str, mapping: str) -> zzcp.Evaluation:
    layer = load_workload(DATA / workload).layers[0]
    source = load_mapping_source(DATA / mapping)
    found = Mapping.from_dict(source.by_layer[None])
    return zzcp.evaluate(load_accelerator(DATA / machine), layer, found)


@pytest.fixture
def toy(root: Path) -> Accelerator:
    return load_accelerator(root / "docs" / "toy.yaml")


def with_memory(machine: Accelerator, name: str, **fields: int) -> Accelerator:
    memories = (replace(memory, **fields) if memory.name == name else memory for memory in machine.memories)
    return replace(machine, memories=tuple(memories))


# ---- a window on the output -----------------------------------------------------------------------------------


def test_outputs_that_a_window_visits_again_are_read_back() -> None:
    """4 inputs and 3 taps are 12 operations on 6 outputs, so that 6 of them find a partial sum."""
    main = evaluated("machine_outputs.yaml", "output_window.yaml", "map_outputs.yaml").accesses["O"][0]
    word = 64 / 512
    assert (main.from_below, main.to_below) == (12 * word, 6 * word)


def test_an_input_gradient_reads_its_accumulator(root: Path) -> None:
    """Of the rows that 14 lanes make at once some were there before, with other taps or in neighbouring positions."""
    machine = load_accelerator(root / "models" / "accelerators" / "gemmini_like.yaml")
    layer = load_workload(DATA / "input_gradient.yaml").layers[0]
    order = [("FX", 3), ("FY", 3), ("C", 8), ("OX", 14), ("B", 4)]
    spatial = zzcp.SpatialMapping.from_dict({"D1": {"K": 16}, "D2": {"OY": 14}})
    ends = {"O": (4, 5), "W": (0, 5, 5), "I": (5, 5)}
    result = zzcp.evaluate(machine, layer, Mapping.from_order(spatial, order, ends))
    seen: set[tuple[int, int]] = set()
    writes = reads = 0
    for ox, fy, fx in product(range(14), range(3), range(3)):
        outputs = {(2 * oy + fy, 2 * ox + fx) for oy in range(14)}
        writes, reads = writes + 1, reads + bool(outputs & seen)
        seen |= outputs
    assert len(seen) == 29 * 29
    # one word of 512 bits holds all that the lanes make at once
    accumulator = result.accesses["O"][0]
    assert (accumulator.from_below, accumulator.to_below) == (32 * writes, 32 * reads)
    assert reads > 0


# ---- zero padding ---------------------------------------------------------------------------------------------


def test_zero_padding_inside_tiles_is_neither_moved_nor_stored() -> None:
    """Four tiles of 7 x 7 outputs need 8 x 8 inputs each: of 9 x 9 positions one row and one column are padding."""
    result = evaluated("machine_padded.yaml", "padded.yaml", "map_padded.yaml")
    buffer, main = result.accesses["I"]
    assert main.to_below == buffer.from_above == 4 * 64
    # at the array, what is padding is read by no operation: (14 x 3 - 2) x (14 x 3 - 2)
    assert buffer.to_below == 40 * 40
    assert result.utilization.individual["I"][0] == 64 * 8 / 5600


# ---- unrollings that do not divide ----------------------------------------------------------------------------


def odd(toy: Accelerator, k: int) -> tuple[Accelerator, zzcp.Layer, Mapping]:
    """Return a machine of four lanes, a layer of `k` outputs, and a mapping that takes them four at a time."""
    machine = replace(toy, array=replace(toy.array, sizes=(4, 2)))
    layer = zzcp.Layer.gemm(b=1, k=k, c=1, precision={"W": 8, "I": 8, "O": 8, "O_final": 8})
    loops = [["K", -(-k // 4)]]
    levels = {"W": [[], loops], "I": [[], [], loops], "O": [[], loops]}
    return (
        machine,
        layer,
        Mapping.from_dict({"spatial_mapping": {"D1": {"K": 4}}, "temporal_mapping": levels}),
    )


def test_what_an_unrolling_adds_to_a_layer_is_not_moved(toy: Accelerator) -> None:
    result = zzcp.evaluate(*odd(toy, 13))
    assert result.accesses["W"][1].to_below == 13
    assert result.accesses["O"][1].from_below == 13
    # one write per weight and register, not one per lane and iteration
    assert result.accesses["W"][0].from_above == 13


def test_a_memory_that_holds_the_tensors_is_large_enough(toy: Accelerator) -> None:
    machine, layer, _ = odd(toy, 13)
    needed = 8 * (13 + 1 + 13)
    result = optimize(with_memory(machine, "dram", size=needed), layer, spatial={"D1": {"K": 4}})
    assert result.status == "optimal"
    less = optimize(with_memory(machine, "dram", size=needed - 1), layer, spatial={"D1": {"K": 4}})
    assert less.status == "infeasible"


def test_the_array_drains_the_lanes_in_use(toy: Accelerator) -> None:
    """K 5 takes two iterations, and so three of four lanes."""
    machine, layer, mapping = odd(toy, 5)
    assert zzcp.evaluate(machine, layer, mapping).latency.drain == 2
    assert zzcp.evaluate(machine, layer, mapping, conventions=zzcp.ZIGZAG).latency.drain == 3


# ---- partial sums of several instances -------------------------------------------------------------------------


def private_sums(toy: Accelerator) -> Accelerator:
    """Return the machine with a register for the output in every unit."""

    def port(name: str, kind: PortType, *directions: Direction) -> Port:
        return Port(name, kind, 16, 16, tuple(Allocation("O", direction) for direction in directions))

    ports = (
        port("r", PortType.READ, Direction.TO_BELOW, Direction.TO_ABOVE),
        port("w", PortType.WRITE, Direction.FROM_BELOW, Direction.FROM_ABOVE),
    )
    register = Memory("reg_O", 64, 1.0, 1.0, 0.0, 0, ("O",), ports, ())
    return replace(with_memory(toy, "buf", size=4096), memories=(register, *toy.memories))


def test_one_of_several_instances_starts_from_the_sum_that_comes_back(toy: Accelerator) -> None:
    machine = with_memory(private_sums(toy), "buf", size=4096)
    layer = zzcp.Layer.gemm(b=4, k=1, c=8)
    outer = [["B", 4], ["C", 2]]
    levels = {"W": [[["C", 2]], outer], "I": [[["C", 2]], outer, []], "O": [[["C", 2]], outer, []]}
    mapping = Mapping.from_dict({"spatial_mapping": {"D1": {"C": 2}}, "temporal_mapping": levels})
    register = zzcp.evaluate(machine, layer, mapping).accesses["O"][0]
    # 4 sums come back once; 8 are read on the way out, of both units, twice each
    assert (register.from_above, register.to_above) == (4, 16)
    everywhere = replace(zzcp.EXACT, name="everywhere", restored_everywhere=True)
    assert zzcp.evaluate(machine, layer, mapping, conventions=everywhere).accesses["O"][0].from_above == 8


# ---- windows that share a loop ---------------------------------------------------------------------------------


def test_windows_on_a_diagonal_are_refused() -> None:
    with pytest.raises(InputError, match="operand I has two windows that share a loop"):
        zzcp.Layer(
            "O[ox]+=W[fx][fy]*I[ix][iy]",
            {"OX": 4, "FX": 1, "FY": 1},
            relations=("ix=1*ox+1*fx", "iy=1*ox+1*fy"),
        )


# ---- the array's first read and its last write --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "cycles"),
    [
        # 64 weights, an input and, but for the first time, 64 sums pass one byte a cycle; a word leaves at the end
        ("first_read.yaml", {1: 65 + 1 + 1, 2: 2 * 65 + 64 + 1, 8: 8 * 65 + 7 * 64 + 1}),
        # a main memory fills the buffer before, and sums go up after
        ("first_read_two_levels.yaml", {1: 135, 2: 263, 8: 1037}),
        # 64 sums leave after every iteration, one byte a cycle
        ("last_write.yaml", {1: 67, 2: 131, 8: 515}),
    ],
)
def test_first_operands_reach_the_array_and_last_results_leave_it(
    machine: str, cycles: dict[int, int]
) -> None:
    """The total once was 1 cycle where the report showed a port busy for 65."""
    accelerator = load_accelerator(DATA / machine)
    for channels, expected in cycles.items():
        layer = zzcp.Layer.gemm(b=1, k=64, c=channels, precision={"W": 8, "I": 8, "O": 8, "O_final": 8})
        result = optimize(accelerator, layer, "latency", spatial={"D1": {"K": 64}})
        assert result.evaluation is not None
        assert result.objective == expected
        assert all(port.busy <= expected for port in result.evaluation.ports)
