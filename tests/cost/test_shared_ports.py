"""Ports that several instances of a memory share, such as the one write port of a whole macro."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from statistics import fmean, median

import pytest

from tests import macros
from tests.cost.forms import check_all_forms, shuffled
from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import MEMORIES, WHOLE, machine, memory, port
from tests.random_layers import KINDS, random_layer
from tests.simulation.interpreter import interpret
from tests.simulation.nest import Nest
from tests.simulation.test_cycles import whole_words
from tests.simulation.test_cycles_overlap import totals
from tests.simulation.tiny_cases import random_case
from tests.simulation.views import LoopView
from tests.solver.machine_fields import shared_along
from zzcp import EXACT, ZIGZAG, ZIGZAG_3_0, Accelerator, InputError, Layer, Mapping, evaluate
from zzcp.cost import CostConventions, Evaluator
from zzcp.cost.arguments import not_counted
from zzcp.cost.batch import MappingBatch
from zzcp.cost.formulas.core import mapping_traffic
from zzcp.documents import parse_document
from zzcp.explanations.differences import machine_differences
from zzcp.hardware import Direction, Port
from zzcp.io import accelerator_to_yaml, read_accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.machine import without_bypassed

GEMM = Layer.gemm(b=8, k=8, c=2, precision={"W": 8, "I": 8, "O": 16, "O_final": 8})
MAPPING = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2}},
        "temporal_mapping": {
            "W": [[["B", 8]], [["K", 2]]],
            "I": [[["B", 8], ["K", 2]]],
            "O": [[["B", 8], ["K", 2]]],
        },
    }
)


def cells(*shared: str) -> Accelerator:
    """Return a machine whose weights lie in the units, written by a port of 8 bits that units may share."""
    registers = memory(
        "w_regs",
        "I2",
        port("r", "read", 8, "I2 tl"),
        replace(port("w", "write", 8, "I2 fh"), shared_along=shared),
        size=8,
    )
    ways = ("I1 tl", "I2 tl", "O tl", "O fl")
    ports = (port(way, "write" if way == "O fl" else "read", 1024, way) for way in ways)
    return machine((registers, memory("dram", "I1 I2 O", *ports, size=10**9, served_dimensions=WHOLE)))


def sharing_all(accelerator: Accelerator) -> Accelerator:
    """Return a machine whose ports are shared along all dimensions along which their memory is replicated."""
    names = accelerator.array.dimensions
    memories = tuple(
        replace(
            m,
            ports=tuple(
                replace(p, shared_along=tuple(name for name in names if name not in m.served_dimensions))
                for p in m.ports
            ),
        )
        for m in accelerator.memories
    )
    return replace(accelerator, memories=memories)


def without(accelerator: Accelerator) -> Accelerator:
    memories = tuple(
        replace(m, ports=tuple(replace(p, shared_along=()) for p in m.ports)) for m in accelerator.memories
    )
    return replace(accelerator, memories=memories)


def weights(accelerator: Accelerator, mapping: Mapping = MAPPING) -> tuple[int, int, int, int]:
    """Return of the weights the cycles on both sides of a refill, the loading, and the stall."""
    found = evaluate(accelerator, GEMM, mapping)
    link = next(link for link in found.links if (link.operand, link.target) == ("W", "w_regs"))
    return link.lower_cycles, link.upper_cycles, found.latency.data_loading, found.latency.temporal_stall


@pytest.mark.parametrize(
    ("shared", "turns"), [((), 1), (("D2",), 2), (("D1",), 4), (("D1", "D2"), 8), (("D2", "D1"), 8)]
)
def test_units_are_written_one_after_the_other(shared: tuple[str, ...], turns: int) -> None:
    """Eight units take a weight each, which the DRAM reads at once; a refill has 1 of 8 cycles, its last use."""
    lower, upper, _, stall = weights(cells(*shared))
    assert (lower, upper) == (turns, 1)
    # tiles are kept once and used in all 8 cycles, so that a refill may take place in the last one only
    assert stall == turns - 1


def test_nothing_but_time_changes() -> None:
    alone, together = (evaluate(cells(*shared), GEMM, MAPPING) for shared in ((), ("D1", "D2")))
    assert alone.energy.exact == together.energy.exact
    assert alone.accesses == together.accesses
    assert alone.utilization.shared == together.utilization.shared
    assert alone.latency.total < together.latency.total


def test_units_without_work_take_no_turn() -> None:
    few = replace(GEMM, sizes={**GEMM.sizes, "K": 3})
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 3}},
            "temporal_mapping": {
                "W": [[["B", 8]], [["C", 2]]],
                "I": [[["B", 8], ["C", 2]]],
                "O": [[["B", 8], ["C", 2]]],
            },
        }
    )
    link = next(link for link in evaluate(cells("D1", "D2"), few, mapping).links if link.target == "w_regs")
    assert link.lower_cycles == 3


def test_copies_take_a_turn_each() -> None:
    """Units along D2 work on other rows of the batch with the same weights: each has a copy of its own to write."""
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 4}, "D2": {"B": 2}},
            "temporal_mapping": {
                "W": [[["B", 4]], [["K", 2], ["C", 2]]],
                "I": [[["B", 4], ["K", 2], ["C", 2]]],
                "O": [[["B", 4], ["K", 2], ["C", 2]]],
            },
        }
    )
    assert weights(cells("D1", "D2"), mapping)[0] == 8


def test_sums_come_back_to_one_of_those_that_made_them() -> None:
    """Four units make parts of the same sum: all four are read on the way out, one is written on the way back."""
    ways = (("r", "read", "O tl"), ("up", "read", "O th"), ("w", "write", "O fl"), ("back", "write", "O fh"))
    sums = memory(
        "sums",
        "O",
        *(replace(port(name, kind, 16, move), shared_along=("D1",)) for name, kind, move in ways),
        size=16,
    )
    chip = machine((sums, *MEMORIES))
    layer = Layer.gemm(b=2, k=2, c=8, precision={"W": 8, "I": 8, "O": 16, "O_final": 8})
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"C": 4}},
            "temporal_mapping": {
                "W": [[["B", 2], ["K", 2]], [["C", 2]]],
                "I": [[], [["B", 2], ["K", 2], ["C", 2]], []],
                "O": [[], [["B", 2], ["K", 2], ["C", 2]], []],
            },
        }
    )
    evaluator = Evaluator(chip, layer, mapping.spatial)
    output = layer.operands.index(layer.output)
    turns = {
        move.direction: move.turns
        for move in evaluator.model.moves
        if (move.operand, move.level) == (output, 0)
    }
    assert turns == {
        Direction.TO_BELOW: 4,
        Direction.FROM_BELOW: 4,
        Direction.TO_ABOVE: 4,
        Direction.FROM_ABOVE: 1,
    }


def test_cells_of_a_macro_are_written_row_by_row() -> None:
    """A macro of 4 columns and 8 rows: with a port for every column its rows take turns."""
    plain = macros.machine(macros.macro(4, 8), 8)
    stored = plain.memory("cells")
    layer = Layer.gemm(b=2, k=4, c=8, precision={"W": 8})
    spatial = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 8}})
    found = []
    for shared in ((), ("D2",), ("D1", "D2")):
        ports = tuple(replace(p, shared_along=shared) for p in stored.ports)
        memories = tuple(replace(m, ports=ports) if m is stored else m for m in plain.memories)
        model = Evaluator(replace(plain, memories=memories), layer, spatial).model
        found.append(
            [
                move.turns
                for move in model.moves
                if layer.operands[move.operand] == "W" and (move.level, move.direction) == (0, "fh")
            ]
        )
    assert found == [[1], [8], [32]]


@pytest.mark.parametrize("seed", range(60))
def test_a_shared_port_carries_all_accesses_of_its_memory(seed: int) -> None:
    """A port of whole words that all instances share is busy for a cycle an access, as the interpreter counts these."""
    case = random_case(seed)
    if not case.divides or case.layer.relevance(case.layer.output).partial:
        return
    chip = sharing_all(whole_words(case.accelerator))
    walk = interpret(LoopView(Nest(chip, case.layer, case.mapping, case.links)))
    model = Evaluator(chip, case.layer, case.mapping.spatial, links=case.links).model
    traffic = mapping_traffic(model, case.mapping.temporal)
    for number, move in enumerate(model.moves):
        operand = case.layer.operands[move.operand]
        if case.layer.precision[operand]:
            moved = traffic.latency_moves[move.operand]
            carried = traffic.cycles[number] * (moved.back if move.back else moved.counts)[move.link]
            assert carried == walk.accesses(operand, move.level, move.direction), (operand, move)


@pytest.mark.parametrize("seed", range(12))
def test_all_forms_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(seed, overlap=seed % 3 == 0, imperfect=seed % 3 == 1)
    case = replace(case, accelerator=shared_along(Random(seed), case.accelerator))
    fixed = case.accelerator, case.layer, case.mapping.spatial, EXACT, case.links
    mappings = shuffled(case, Random(seed))
    batch = MappingBatch.from_mappings(case.layer, mappings)
    check_all_forms(partial(Evaluator, *fixed), mappings, batch, monkeypatch)


@pytest.mark.parametrize("seed", range(40))
def test_a_port_of_its_own_is_never_slower(seed: int) -> None:
    case = random_case(seed)
    some = shared_along(Random(seed), case.accelerator)
    none, part, every = (
        evaluate(chip, case.layer, case.mapping)
        for chip in (case.accelerator, some, sharing_all(case.accelerator))
    )
    assert none.latency.total <= part.latency.total <= every.latency.total
    assert none.energy.exact == part.energy.exact == every.energy.exact


@pytest.mark.parametrize("conventions", [ZIGZAG, ZIGZAG_3_0], ids=lambda conventions: conventions.name)
def test_zigzag_knows_none(conventions: CostConventions) -> None:
    shared, alone = cells("D1"), cells()
    assert (
        evaluate(shared, GEMM, MAPPING, conventions=conventions).to_dict()
        == evaluate(alone, GEMM, MAPPING, conventions=conventions).to_dict()
    )
    assert not_counted(shared, conventions) == ["shared_along of w_regs.w"]
    assert not_counted(shared, EXACT) == not_counted(alone, conventions) == []


@pytest.mark.parametrize(
    ("seed", "longest"),
    [(0, 150), *(pytest.param(seed, 600, marks=pytest.mark.slow) for seed in range(1, 6))],
)
def test_the_simulator_is_as_near_as_without(seed: int, longest: int) -> None:
    """Of cases where it matters that ports are shared most agree; the others are as far off without.

    Without, errors have the causes of docs/latency-error.md, which slower ports do not take away.
    """
    rng = Random(f"simulated turns {seed}")
    errors: list[tuple[float, float]] = []
    while len(errors) < 15:
        chip, layer = shared_along(rng, random_accelerator(rng)), random_layer(rng, rng.choice(list(KINDS)))
        spatial = random_spatial(rng, chip, layer)
        if spatial.cycles(layer) > longest or any(
            size % spatial.total(dim) for dim, size in layer.sizes.items()
        ):
            continue
        mapping = random_mapping(rng, chip, layer, spatial, EXACT)
        if mapping is None:
            continue
        counted, run = totals(chip, layer, mapping)
        bare = totals(without(chip), layer, mapping)
        if counted == bare[0]:
            continue  # no port that counts is shared
        errors.append((abs(counted / run - 1), abs(bare[0] / bare[1] - 1)))
    own, plain = zip(*errors, strict=True)
    assert median(own) <= 0.02
    assert fmean(own) <= fmean(plain) + 0.02


def test_what_is_bypassed_keeps_the_ports_of_others_shared() -> None:
    chip = machine((cells("D1").memories[0], *MEMORIES[1:]))
    left = without_bypassed(chip, {"I": ["sram"]}, GEMM.default_links)
    assert [p.shared_along for p in left.memory("w_regs").ports] == [(), ("D1",)]


def test_the_field_is_read_and_written() -> None:
    shared = cells("D2", "D1", "D2")
    assert shared.memory("w_regs").ports[1].shared_along == ("D2", "D1")
    text = accelerator_to_yaml(shared)
    assert text.count("shared_along") == 1
    assert read_accelerator(parse_document(text)) == shared
    assert "shared_along" not in accelerator_to_yaml(cells())


def test_two_machines_differ_in_it() -> None:
    (found,) = machine_differences(cells("D1"), cells())
    assert (found.field, found.first) == ("memories.w_regs.ports.w.shared_along", "D1")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"shared_along": ("D1",), "served": ("D1",)},
            "memory w_regs: port w is shared along D1, along which the memory has one instance: expected array "
            "dimensions that are not among its served_dimensions, found D1",
        ),
        (
            {"shared_along": ("D3",), "served": ()},
            "memory w_regs: port w is shared along a dimension that the array does not have: expected D1, D2, "
            "found D3",
        ),
        ({"shared_along": "D1", "served": ()}, "shared_along of port w"),
        ({"shared_along": (1,), "served": ()}, "shared_along of port w"),
    ],
)
def test_bad_values(wrong: dict[str, object], message: str) -> None:
    def made() -> Accelerator:
        read, write = cells().memories[0].ports
        ports = (read, replace(write, shared_along=wrong["shared_along"]))
        registers = replace(cells().memories[0], ports=ports, served_dimensions=wrong["served"])
        return machine((registers, *MEMORIES[1:]))

    with pytest.raises(InputError, match=message):
        made()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- D1\n", "- D7\n", r"^machine.yaml:\d+: memories.w_regs.ports\[1\].shared_along: .* found D7"),
        (
            "served_dimensions: []",
            "served_dimensions: [D1]",
            r"^machine.yaml:\d+: memories.w_regs.ports\[1\].sh",
        ),
        ("- D1\n", "- 1\n", r"^machine.yaml:\d+: memories.w_regs.ports\[1\].shared_along\[0\]: "),
    ],
)
def test_a_wrong_dimension_is_named_with_its_line(old: str, new: str, message: str) -> None:
    head, text = accelerator_to_yaml(cells("D1")).split("shared_along:\n", 1)
    if old in head:
        head = head.replace(old, new, 1)
    else:
        text = text.replace(old, new, 1)
    with pytest.raises(InputError, match=message):
        read_accelerator(parse_document(f"{head}shared_along:\n{text}", "machine.yaml"))


def test_a_port_is_not_shared_by_default() -> None:
    plain: Port = port("r", "read", 8, "I2 tl")
    assert plain.shared_along == ()
