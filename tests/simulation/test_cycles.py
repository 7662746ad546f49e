"""The cycle-level simulator itself, and how far the evaluator's latency is from it (see docs/latency-error.md)."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.latency import filled
from tests.machines import memory, port
from tests.simulation.chains import build_chain
from tests.simulation.cycles import Run, Simulation, simulate
from tests.simulation.interpreter import interpret
from tests.simulation.latency_error import (
    BY_HAND,
    CAUSES,
    GROUPS,
    LARGE,
    Case,
    Measured,
    cycles_of,
    draw,
    explain,
    mean_error,
    measure,
    remaining_error,
)
from tests.simulation.nest import Nest
from tests.simulation.physics import Physics
from tests.simulation.streams import Stream
from tests.simulation.tiny_cases import random_case
from tests.simulation.views import LoopView
from zzcp.cost import evaluate
from zzcp.hardware import Accelerator, Direction, Memory, OperationalArray, Port, PortType
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

CASES, LONGEST_CASE = 30, 300
"""Cases per group in every run of the tests, and their operations at most."""
SLOW_CASES, CHUNK = 1000, 50
"""Cases per group in the slow run, of all sizes."""

NAMES = {
    Direction.FROM_ABOVE: "from_above",
    Direction.TO_ABOVE: "to_above",
    Direction.FROM_BELOW: "from_below",
    Direction.TO_BELOW: "to_below",
}

UNIT = OperationalArray(("D1",), (1,), unit_energy=1.0, unit_area=1.0)


# ---- worked by hand -----------------------------------------------------------------------------------------------


def machine(*memories: Memory) -> Accelerator:
    return Accelerator("hand", memories, UNIT)


def dram(*ports: Port, latency: int = 0) -> Memory:
    return memory("dram", "I1 I2 O", *ports, size=10**9, latency=latency, served_dimensions=("D1",))


def run(
    accelerator: Accelerator, layer: Layer, order: str, cuts: dict[str, tuple[int, ...]], **doubled: bool
) -> Run:
    """Run a layer; `order` as ``C 4, K 2``, `cuts` as for `Mapping.from_order`."""
    loops = [(dim, int(size)) for dim, size in (loop.split() for loop in order.split(", "))]
    mapping = Mapping.from_order(SpatialMapping(()), loops, cuts)
    links = dict(layer.default_links)
    flags = {
        operand: (doubled.get(operand, False),) * (len(accelerator.levels(links[operand])) - 1)
        for operand in layer.operands
    }
    runs = {
        Simulation(accelerator, layer, mapping, links, flags, step_by_step=slow).run()
        for slow in (False, True)
    }
    assert len(runs) == 1
    return runs.pop()


UNUSED = (port("other", "read_write", 8, "I2 tl", "O tl"),)
COPY = Layer("O[b]+=I[b]", {"B": 4}, operator="Copy", precision={"I": 8, "O": 8, "O_final": 8})
PRODUCT = Layer.gemm(b=4, k=2, c=1, precision={"W": 8, "I": 8, "O": 8, "O_final": 8})
SUMS = Layer("O[b]+=I[b][c]", {"B": 2, "C": 2}, operator="Sum", precision={"I": 8, "O": 8, "O_final": 8})


@pytest.mark.parametrize(
    ("read", "write", "expected"),
    [
        (8, 8, Run(1, 4, 0, 1)),  # the first value is read, four are used, the last result is written
        (4, 8, Run(2, 4, 3, 1)),  # two cycles for every value: operations at 2, 4, 6 and 8
        (
            8,
            4,
            Run(1, 4, 2, 3),
        ),  # operations at 1, 2, 4 and 6: one result waits while the other leaves, until 9
        (4, 4, Run(2, 4, 3, 2)),  # operations at 2, 4, 6 and 8; the last result leaves in 9 and 10
    ],
)
def test_array_and_one_memory(read: int, write: int, expected: Run) -> None:
    ports = (port("r", "read", read, "I1 tl"), port("w", "write", write, "O fl"), *UNUSED)
    assert run(machine(dram(*ports)), COPY, "B 4", {"I": (1,), "O": (1,)}) == expected


def test_one_port_serves_reads_and_writes_in_turn() -> None:
    """Operations at 1, 3, 5, 7, each with a read a cycle before; writes in between, as results leave first.

    Seen from the array, which takes reads, operations and writes of a value for one cycle, there is one of the port's
    transfers in each of 8 cycles; the pipeline adds one before and one after.
    """
    shared = dram(port("rw", "read_write", 8, "I1 tl", "I2 tl", "O fl", "O tl"))
    assert run(machine(shared), COPY, "B 4", {"I": (1,), "O": (1,)}) == Run(1, 4, 3, 2)


def buffered(latency: int = 0, width: int = 2, size: int = 8) -> Accelerator:
    """Return a machine with a register of the weights behind a narrow port of the DRAM."""
    register = memory(
        "reg", "I2", port("r", "read", 8, "I2 tl"), port("w", "write", 8, "I2 fh"), size=size, latency=0
    )
    ports = (
        port("weights", "read", width, "I2 tl"),
        port("inputs", "read", 8, "I1 tl"),
        port("sums", "read", 8, "O tl"),
        port("results", "write", 8, "O fl"),
    )
    return machine(register, dram(*ports, latency=latency))


@pytest.mark.parametrize(
    ("width", "latency", "expected"),
    [
        (8, 0, Run(2, 8, 0, 1)),  # a weight arrives in cycle 0, is read in 1 and used in 2
        (2, 0, Run(5, 8, 0, 1)),  # four cycles; the next weight comes while the first one is at the array
        (2, 3, Run(8, 8, 0, 1)),  # the latency passes once, before the first use
        (1, 0, Run(9, 8, 4, 1)),  # eight cycles for the next weight, of which four operations hide four
    ],
)
def test_weights_come_through_a_register(width: int, latency: int, expected: Run) -> None:
    """B 4, K 2: every weight is used for four operations, and its place is free once the array has it."""
    cuts = {"W": (1, 2), "I": (2,), "O": (2,)}
    assert run(buffered(latency, width), PRODUCT, "B 4, K 2", cuts) == expected


@pytest.mark.parametrize(
    ("width", "size", "doubled", "stall"),
    [
        (4, 16, False, 1),  # two cycles per weight: from 6 on (operation 2), and from 8 on (operation 4)
        (4, 24, False, 0),  # the third place takes the first of the next two from cycle 4 on
        (2, 16, False, 5),  # four cycles per weight: operation 4 waits for two, operation 5 for three
        (2, 24, False, 3),
        (2, 32, False, 3),  # the port is busy without a break
        (2, 32, True, 3),
    ],
)
def test_tiles_come_when_there_is_room(width: int, size: int, doubled: bool, stall: int) -> None:
    """C 2, B 2, K 2: two weights are used twice, by operations 0 2 and 1 3; 4 and 5 need the next two.

    With room for two, the place of the first one is free in operation 2, that of the second one in operation 3.
    """
    layer = Layer.gemm(b=2, k=2, c=2, precision={"W": 8, "I": 8, "O": 8, "O_final": 8})
    cuts = {"W": (2, 3), "I": (3,), "O": (3,)}
    found = run(buffered(0, width, size), layer, "C 2, B 2, K 2", cuts, W=doubled)
    assert found == Run(2 * 8 // width + 1, 8, stall, 1)


def summing(wide: int, narrow: int) -> Accelerator:
    """Return a machine with a register of the sums; `wide` is its port, `narrow` that of the DRAM."""
    register = memory(
        "sum", "O", port("rw", "read_write", wide, "O fh", "O tl", "O fl", "O th"), size=8, latency=0
    )
    ports = (
        port("inputs", "read", 8, "I1 tl"),
        port("weights", "read", 8, "I2 tl"),
        port("r", "read", narrow, "O tl"),
        port("w", "write", narrow, "O fl"),
    )
    return machine(register, dram(*ports))


@pytest.mark.parametrize(
    ("order", "cut", "wide", "narrow", "expected"),
    [
        # a sum is written (cycle 0), read for the next operation (1), written (2) and sent up (3)
        ("C 2, B 2", 1, 8, 8, Run(1, 4, 2, 3)),
        # a wider port does not carry more at a time
        ("C 2, B 2", 1, 32, 8, Run(1, 4, 2, 3)),
        # the two sums take turns: written, sent up, fetched (4 and 8) and read again
        ("B 2, C 2", 0, 8, 8, Run(1, 4, 6, 3)),
    ],
)
def test_partial_sums(order: str, cut: int, wide: int, narrow: int, expected: Run) -> None:
    found = run(summing(wide, narrow), SUMS, order, {"I": (2,), "O": (cut, 2)})
    assert found == expected


# ---- every transfer happens ---------------------------------------------------------------------------------------


def whole_words(accelerator: Accelerator) -> Accelerator:
    """Return a machine whose ports always access their full width, so that accesses are cycles."""
    memories = [
        replace(m, ports=tuple(replace(port, bandwidth_min=port.bandwidth_max) for port in m.ports))
        for m in accelerator.memories
    ]
    return replace(accelerator, memories=tuple(memories))


class Counting(Simulation):
    """Counts the cycles of every operand at every level and direction, and looks at the room that tiles take.

    Attributes
    ----------
    carried : Counter
        Port cycles by operand, level and direction.
    claims : Counter
        Transfers by cycle and port.
    """

    def run(self) -> Run:
        self.carried: Counter[tuple[str, int, Direction]] = Counter()
        self.claims: Counter[tuple[int, int]] = Counter()
        for stream in self.streams.values():
            self._watch(stream)
        return super().run()

    def _watch(self, stream: Stream) -> None:
        operand, link, up = stream.chain.operand, stream.link, stream.kind == "drain"
        sides = (stream.chain.up if up else stream.chain.down)[link]
        lower, upper = (
            (Direction.TO_ABOVE, Direction.FROM_BELOW) if up else (Direction.FROM_ABOVE, Direction.TO_BELOW)
        )
        ends = (
            [(operand, link, upper)]
            if len(sides) == 1
            else [(operand, link - 1, lower), (operand, link, upper)]
        )
        numbers = [self.ports.number(side) for side in sides]
        advance = stream.advance

        def counted() -> None:
            for number, end in zip(numbers, ends, strict=True):
                used = number in stream.ports_at[stream.step]
                self.carried[end] += used
                self.claims[self.now, number] += used
            advance()
            if stream.kind == "fill" and link and not stream.done:
                assert places(stream) <= stream.slots

        stream.advance = counted


def places(fill: Stream) -> int:
    """Return the places that the pieces of an input take: those that have begun to come and are still in use."""
    tile = fill.tile
    begun = fill.job * tile.pieces + (fill.last_piece[fill.step - 1] + 1 if fill.step else 0)
    period, uses = divmod(fill.lower.job, len(tile.piece_of))
    return begun - period * tile.pieces - tile.dead[uses]


def check_transfers(seeds: Iterable[int]) -> None:
    for seed in seeds:
        case = random_case(seed)
        accelerator = whole_words(case.accelerator)
        evaluation = evaluate(accelerator, case.layer, case.mapping)
        flags = evaluation.double_buffered
        simulation = Counting(accelerator, case.layer, case.mapping, case.links, flags, step_by_step=True)
        found = simulation.run()
        walk = interpret(LoopView(Nest(accelerator, case.layer, case.mapping, case.links)))
        assert found.operations == cycles_of(evaluation).operations
        assert found == simulate(accelerator, case.layer, case.mapping, case.links, flags)
        assert max(simulation.claims.values()) == 1
        for operand in (chain.operand for chain in simulation.chains):
            for level, here in enumerate(walk.levels[operand]):
                counted = evaluation.accesses[operand][level]
                for way in Direction:
                    cycles = simulation.carried[operand, level, way]
                    place = (seed, operand, level, way)
                    accesses = walk.accesses(operand, level, way)
                    assert accesses == Fraction(getattr(counted, NAMES[way]))
                    # every transfer takes the cycles of the largest tile, and every instance those of the one
                    # that receives the sums
                    restored = operand == case.layer.output and way is Direction.FROM_ABOVE
                    if case.divides and not restored:
                        assert cycles == accesses / here.instances, place
                    else:
                        assert cycles >= accesses / here.instances, place


@pytest.mark.parametrize("chunk", range(4))
def test_transfers_are_those_of_the_loop_nest(chunk: int) -> None:
    """What ports carry is what the interpreter finds by walking the loops, and what the evaluator counts."""
    check_transfers(range(15 * chunk, 15 * (chunk + 1)))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(10))
def test_transfers_of_more_loop_nests(chunk: int) -> None:
    check_transfers(range(60 + 50 * chunk, 110 + 50 * chunk))


# ---- laws ---------------------------------------------------------------------------------------------------------


def private(accelerator: Accelerator) -> Accelerator:
    """Return a machine in which every movement has a port of its own, as wide as the one it had."""
    memories = []
    for m in accelerator.memories:
        # a movement that several ports may carry is the last one's
        owner = {move: port for port in m.ports for move in port.allocation}
        ports = [
            replace(
                port,
                name=f"p{number}",
                type=PortType.WRITE if move.direction.is_write else PortType.READ,
                allocation=(move,),
            )
            for number, (move, port) in enumerate(owner.items())
        ]
        memories.append(replace(m, ports=tuple(ports)))
    return replace(accelerator, memories=tuple(memories))


def wider(accelerator: Accelerator) -> Accelerator:
    memories = [
        replace(m, ports=tuple(replace(port, bandwidth_max=2 * port.bandwidth_max) for port in m.ports))
        for m in accelerator.memories
    ]
    return replace(accelerator, memories=tuple(memories))


def changed(accelerator: Accelerator, **fields: int) -> Accelerator:
    return replace(accelerator, memories=tuple(replace(m, **fields) for m in accelerator.memories))


def larger(accelerator: Accelerator) -> Accelerator:
    return replace(accelerator, memories=tuple(replace(m, size=2 * m.size) for m in accelerator.memories))


def small_cases(group: str, seeds: Iterable[int]) -> list[tuple[int, Case]]:
    return [(seed, draw(group, seed, longest=100)) for seed in seeds]


@pytest.mark.parametrize("group", GROUPS)
def test_more_is_never_slower(group: str) -> None:
    """Without shared ports, neither wider ports nor larger memories nor shorter latencies make anything later.

    Where ports are shared they may, as serving what is needed first is no optimal schedule.
    """
    for seed, case in small_cases(group, range(12)):

        def total(accelerator: Accelerator, case: Case = case, flags: dict | None = None) -> int:
            mapping = case.mapping if flags is None else case.mapping.with_buffering(flags)
            return Case(accelerator, case.layer, mapping).simulate().total

        alone = private(case.accelerator)
        least = total(alone)
        doubled = {operand: (True,) * len(flags) for operand, flags in case.mapping.buffering.items()}
        assert least <= total(case.accelerator), seed
        assert total(wider(alone)) <= least, seed
        assert total(larger(alone)) <= least, seed
        assert total(changed(alone, latency=0)) <= least, seed
        assert total(alone, flags=doubled) <= least, seed


@pytest.mark.parametrize("group", GROUPS)
def test_no_run_is_shorter_than_its_ports_are_busy(group: str) -> None:
    for seed, case in small_cases(group, range(20)):
        busy: Counter[tuple[str, str]] = Counter()
        links = dict(case.layer.default_links)
        for operand in (name for name in case.layer.operands if case.layer.precision[name]):
            chain = build_chain(case.accelerator, case.layer, case.mapping, links, operand)
            for link, tile in enumerate(chain.tiles):
                if not chain.is_output:
                    moved = [(chain.down[link], tile.count)]
                else:
                    again = sum(visit >= 0 for visit in chain.visits[link])
                    moved = [(chain.up[link], tile.count), (chain.down[link], again)]
                for sides, times in moved:
                    for side in sides:
                        busy[side.port] += side.cycles * times
        found = case.simulate()
        assert found.total >= max(busy.values()), seed
        assert found.operations == math.prod(case.mapping.spatial.temporal_sizes(case.layer).values())
        assert min(found) >= 0


@pytest.mark.parametrize(
    "freed", [(), *((name,) for name in CAUSES)], ids=lambda freed: "".join(freed) or "machine"
)
def test_cycles_that_are_skipped_change_nothing(freed: tuple[str, ...]) -> None:
    """Also that a run is the same every time, on every kind of machine."""
    rules = Physics(**{key: value for name in freed for key, value in CAUSES[name].items()})
    for group in GROUPS:
        for _, case in small_cases(group, range(6)):
            setting = (case.accelerator, case.layer, case.mapping, dict(case.layer.default_links))
            if case.simulate().total < 5000:
                slow = Simulation(*setting, case.mapping.buffering, rules, step_by_step=True).run()
                assert simulate(*setting, case.mapping.buffering, rules) == slow


@pytest.mark.parametrize("group", GROUPS)
def test_machines_that_are_free_of_room_and_latency_rules_are_no_slower(group: str) -> None:
    for seed, case in small_cases(group, range(12)):
        alone = replace(case, accelerator=private(case.accelerator), runs={})
        for name in ("round trips", "no slack at the array", "clashes"):
            assert alone.simulate(name).total <= alone.simulate().total, (seed, name)


# ---- the error of the evaluator -----------------------------------------------------------------------------------


def check_errors(rows: Iterable[Measured]) -> None:
    """EXACT is at least twice as near as ZIGZAG, and what is far off has a cause."""
    for group in GROUPS:
        members = [row for row in rows if row.group == group]
        assert 2 * mean_error(members, "exact") <= mean_error(members, "zigzag")
    assert [(row.group, row.seed) for row in rows if row.causes is None] == []


def test_exact_is_twice_as_near_as_zigzag() -> None:
    """For the figures over many more cases see docs/latency-error.md."""
    rows = [
        measure(group, seed, draw(group, seed, LONGEST_CASE)) for group in GROUPS for seed in range(CASES)
    ]
    check_errors(rows)
    assert mean_error(rows, "exact") < 0.05
    assert any(row.large for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(SLOW_CASES // CHUNK))
def test_large_errors_have_causes(chunk: int) -> None:
    rows = [
        measure(group, seed, draw(group, seed))
        for group in GROUPS
        for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK)
    ]
    assert [(row.group, row.seed) for row in rows if row.causes is None] == []
    assert 2 * mean_error(rows, "exact") <= mean_error(rows, "zigzag")


def test_causes_are_what_is_left_out() -> None:
    """Freed of its causes, the machine takes as long as EXACT says; freed of fewer, it does not."""
    explained = 0
    for group in GROUPS:
        for _, case in small_cases(group, range(20)):
            if abs(remaining_error(case, ())) > LARGE:
                causes = explain(case)
                assert causes
                assert abs(remaining_error(case, causes)) <= LARGE
                if len(causes) > 1:
                    assert all(abs(remaining_error(case, (name,))) > LARGE for name in CAUSES)
                explained += 1
    assert explained


# ---- the page -----------------------------------------------------------------------------------------------------


def test_page_holds_the_recorded_figures(root: Path) -> None:
    """Written by ``python -m benchmarks latency``."""
    page = (root / "docs" / "latency-error.md").read_text()
    figures = json.loads((root / "benchmarks" / "results" / "latency.json").read_text())
    assert filled(page, figures) == page
    for group in GROUPS:
        errors = figures["errors"][group]
        assert 2 * errors["exact"]["mean"] <= errors["zigzag"]["mean"]
    assert [row for row in figures["large"] if row["causes"] is None] == []


def test_page_explains_every_cause(root: Path) -> None:
    page = (root / "docs" / "latency-error.md").read_text()
    names = [*CAUSES, *(name for names in BY_HAND.values() for name in names)]
    assert [name for name in names if f"\n**{name[0].upper()}{name[1:]}.**" not in page] == []
