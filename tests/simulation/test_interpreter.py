"""The evaluator's counts against an interpreter that walks the loops, under the exact conventions.

For every operand, memory level and direction the accesses must be equal as exact rationals; so must the energy, the
partial sums that are read back, and the bits of the tiles. The interpreter (see its docstring for the rules) shares no
formula with the evaluator. Four rules are conventions rather than physics, and both sides follow them:

- Loop counters, not data, decide when a tile is replaced. The next position of a window (both of its loops run in
  time) may happen to cover the same elements as the one before; it is fetched all the same. Windows that overlap in
  part are fetched whole.
- Instances act in lockstep: those without data of their own for a while still take part in what the others do. Outputs
  move over a link at one precision: the partial one if any of them is incomplete there.
- Every operand is looked at in the layout of its own levels: that decides how many elements the last tiles have where
  an unrolling does not divide, but not how many all of them have.
- What tiles of an output share with those before them is rounded to words in a fixed order of the tiles.
- Where temporal loops do not divide, a loop may have one iteration left in a last tile. It steps all the same, so that
  a tile is fetched again although it may be the one before.

A machine that looks at the data itself can only move less. So the evaluator's counts must be at least those of a
second walk that fetches no tile of the same data twice in a row, and equal to them where that never happens.

Left out: two operands with windows over the same loops, which no layer here has.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import pytest

from tests.simulation.interpreter import interpret
from tests.simulation.nest import Nest
from tests.simulation.tiny_cases import Case, random_case
from tests.simulation.views import KeepingView, LoopView, TensorView
from tests.simulation.walk import Walk
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluation, Evaluator, evaluate
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

CHUNK = 50
CHUNKS = 20
PADDED_CHUNKS = 4
SCATTERED_CHUNKS = 4
SLOW_CHUNKS = 60
IMPERFECT_CHUNKS = 12
OVERLAP_CHUNKS = 12
STATED_CHUNKS = 4

NAMES = {
    Direction.FROM_ABOVE: "from_above",
    Direction.TO_ABOVE: "to_above",
    Direction.FROM_BELOW: "from_below",
    Direction.TO_BELOW: "to_below",
}


def score(case: Case, conventions: CostConventions = EXACT) -> Evaluation:
    return Evaluator(case.accelerator, case.layer, case.mapping.spatial, conventions, case.links).evaluate(
        case.mapping
    )


@lru_cache(maxsize=256)
def walked(seed: int) -> tuple[Case, Walk]:
    case = random_case(seed)
    return case, interpret(LoopView(nest_of(case)))


def nest_of(case: Case) -> Nest:
    return Nest(case.accelerator, case.layer, case.mapping, case.links)


def counts(case: Case, evaluation: Evaluation, walk: Walk) -> dict[str, tuple[Fraction, Fraction]]:
    """Return the evaluator's and the interpreter's accesses per operand, level and direction."""
    return {
        f"{operand} {level} {name}": (
            Fraction(getattr(row, name)),
            walk.accesses(operand, level, direction),
        )
        for operand in case.layer.operands
        for level, row in enumerate(evaluation.accesses[operand])
        for direction, name in NAMES.items()
    }


def different(case: Case, evaluation: Evaluation, walk: Walk) -> dict[str, tuple[Fraction, Fraction]]:
    return {key: pair for key, pair in counts(case, evaluation, walk).items() if pair[0] != pair[1]}


def assert_equal(case: Case, evaluation: Evaluation, walk: Walk) -> None:
    assert different(case, evaluation, walk) == {}
    assert evaluation.energy.exact == walk.energy()
    for operand in case.layer.operands:
        memories = case.accelerator.levels(case.links[operand])
        used = tuple(walk.stored_bits(operand, level) / memory.size for level, memory in enumerate(memories))
        assert evaluation.utilization.individual[operand] == used


def check(
    seed: int,
    *,
    padded: bool = False,
    scattered: bool = False,
    imperfect: bool = False,
    overlap: bool = False,
    stated: bool = False,
) -> None:
    """Compare one case with both walks."""
    case = random_case(
        seed, padded=padded, scattered=scattered, imperfect=imperfect, overlap=overlap, stated=stated
    )
    evaluation = score(case)
    nest = nest_of(case)
    assert_equal(case, evaluation, interpret(LoopView(nest)))
    assert evaluation.latency.ideal + evaluation.latency.spatial_stall == nest.iterations
    tensors = interpret(TensorView(nest))
    if not case.may_collide and not padded and not imperfect:
        assert_equal(case, evaluation, tensors)
    pairs = counts(case, evaluation, tensors)
    assert {key: pair for key, pair in pairs.items() if pair[0] < pair[1]} == {}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_mappings(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed)


@pytest.mark.parametrize("chunk", range(PADDED_CHUNKS))
def test_random_mappings_with_zero_padding(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=True)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("chunk", range(SCATTERED_CHUNKS))
def test_random_mappings_with_a_window_on_the_output(chunk: int, padded: bool) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=padded, scattered=True)


@pytest.mark.slow
@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("chunk", range(CHUNKS, CHUNKS + SLOW_CHUNKS))
def test_more_random_mappings(chunk: int, padded: bool, scattered: bool) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=padded, scattered=scattered)


@pytest.mark.parametrize("seed", [2182, 2272, 2323, 2418])
def test_instances_whose_windows_do_not_meet_share_nothing(seed: int) -> None:
    """Lanes along a window whose other loop has one iteration are written one by one."""
    check(seed, scattered=True)


@pytest.mark.parametrize("chunk", range(IMPERFECT_CHUNKS))
def test_random_mappings_whose_loops_do_not_divide(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, imperfect=True)


@pytest.mark.parametrize(("padded", "scattered"), [(True, False), (False, True)])
def test_random_windows_whose_loops_do_not_divide(padded: bool, scattered: bool) -> None:
    for seed in range(2 * CHUNK):
        check(seed, padded=padded, scattered=scattered, imperfect=True)


@pytest.mark.slow
@pytest.mark.parametrize(("padded", "scattered"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("chunk", range(IMPERFECT_CHUNKS, IMPERFECT_CHUNKS + SLOW_CHUNKS))
def test_more_random_mappings_whose_loops_do_not_divide(chunk: int, padded: bool, scattered: bool) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=padded, scattered=scattered, imperfect=True)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("chunk", range(OVERLAP_CHUNKS))
def test_random_mappings_on_memories_that_keep_overlaps(chunk: int, padded: bool) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=padded, overlap=True)


@pytest.mark.slow
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("chunk", range(OVERLAP_CHUNKS, OVERLAP_CHUNKS + SLOW_CHUNKS))
def test_more_random_mappings_on_memories_that_keep_overlaps(chunk: int, padded: bool) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(seed, padded=padded, overlap=True)


@pytest.mark.parametrize("chunk", range(STATED_CHUNKS))
def test_random_mappings_on_memories_with_precisions_of_their_own(chunk: int) -> None:
    """All kinds of cases in turn: every memory is read, written and filled with elements of its own bits."""
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        kind = ("", "padded", "scattered", "imperfect", "overlap")[seed % 5]
        check(seed, stated=True, **{kind: True} if kind else {})


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(STATED_CHUNKS, STATED_CHUNKS + SLOW_CHUNKS))
def test_more_random_mappings_on_memories_with_precisions_of_their_own(chunk: int) -> None:
    test_random_mappings_on_memories_with_precisions_of_their_own(chunk)


@pytest.mark.parametrize("seed", range(100))
def test_who_keeps_more_moves_less(seed: int) -> None:
    """Nothing, what the next window shares, and what any tile shares with the one before it."""
    case = random_case(seed, overlap=True)
    memories = tuple(replace(memory, keeps_overlap=()) for memory in case.accelerator.memories)
    plain = replace(case, accelerator=replace(case.accelerator, memories=memories))
    nest = nest_of(case)
    walks = [interpret(KeepingView(nest)), interpret(LoopView(nest)), interpret(LoopView(nest_of(plain)))]
    for operand in case.layer.operands:
        for level in range(len(walks[0].levels[operand])):
            for direction in Direction:
                moved = [walk.levels[operand][level].moved(direction) for walk in walks]
                assert moved == sorted(moved)
    assert walks[0].energy() <= walks[1].energy() <= walks[2].energy()


def test_random_mappings_are_of_all_kinds() -> None:
    """Every rule of the interpreter is put to use by many of the cases."""
    seen = dict.fromkeys(
        ("three levels", "instances", "sums added", "sums read back", "idle lanes", "windows collide"), 0
    )
    equations = set()
    for seed in range(200):
        case, walk = walked(seed)
        output = walk.levels[case.layer.output]
        reads = [walk.read_back(level) for level in range(len(output))]
        seen["three levels"] += max(len(levels) for levels in walk.levels.values()) >= 3
        seen["instances"] += any(levels[0].instances > 1 for levels in walk.levels.values())
        seen["sums added"] += any(
            lower.moved(Direction.TO_ABOVE) > upper.moved(Direction.FROM_BELOW)
            for lower, upper in pairwise(output)
        )
        seen["sums read back"] += sum(reads[1:]) > 0
        seen["idle lanes"] += not case.divides
        seen["windows collide"] += case.may_collide
        equations.add(str(case.layer.equation))
    assert min(seen.values()) >= 10, seen
    assert len(equations) >= 10


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_partial_sum_reads", True),
        ("fractional_unrolling", True),
        ("overcounted_slivers", True),
        ("multiplied_windows", True),
        ("early_final_precision", True),
        ("whole_tiles", True),
        ("restored_everywhere", True),
        ("same_data_free", False),
    ],
)
def test_other_conventions_are_found_out(field: str, value: bool) -> None:
    conventions = replace(EXACT, **{field: value})
    assert any(different(case, score(case, conventions), walk) for case, walk in map(walked, range(400)))


@pytest.mark.parametrize("seed", range(60))
def test_capacity_is_needed_to_the_bit(seed: int) -> None:
    case, walk = walked(seed)
    needed = {memory.name: 0 for memory in case.accelerator.memories}
    for operand in case.layer.operands:
        for level, memory in enumerate(case.accelerator.levels(case.links[operand])):
            needed[memory.name] += walk.stored_bits(operand, level)
    single = {operand: (False,) * len(levels) for operand, levels in case.mapping.temporal.items()}

    def run(sizes: dict[str, int]) -> Evaluation:
        memories = tuple(
            replace(memory, size=max(1, sizes[memory.name]), force_double_buffering=False)
            for memory in case.accelerator.memories
        )
        machine = Accelerator("tight", memories, case.accelerator.array)
        return evaluate(machine, case.layer, case.mapping.with_buffering(single))

    run(needed)
    for name, bits in needed.items():
        if bits > 1:
            with pytest.raises(MappingError, match=rf"memory {name} .* needs {bits} \(1 too many\)"):
                run(needed | {name: bits - 1})


# ---- counted by hand ------------------------------------------------------------------------------------------


def two_levels(units: int, *, private: bool) -> Accelerator:
    """Return a machine with a register for everything, private to a unit or shared by all, and a DRAM."""

    def memory(name: str, served: tuple[str, ...]) -> Memory:
        ports = tuple(
            Port(
                kind.value,
                kind,
                8,
                8,
                tuple(
                    Allocation(operand, direction)
                    for operand in ("I1", "I2", "O")
                    for direction in Direction
                    if kind.allows(direction)
                ),
            )
            for kind in (PortType.READ, PortType.WRITE)
        )
        return Memory(name, 10**6, 1.0, 2.0, 0.0, 0, ("I1", "I2", "O"), ports, served)

    array = OperationalArray(("D1",), (units,))
    return Accelerator(
        "two levels", (memory("reg", () if private else ("D1",)), memory("dram", ("D1",))), array
    )


def gemm(spatial: dict[str, dict[str, int]], order: list[tuple[str, int]], inner: dict[str, int]) -> Mapping:
    """Return a mapping with the `inner` loops of every operand in the register."""
    cuts = {operand: [below, len(order)] for operand, below in inner.items()}
    return Mapping.from_order(SpatialMapping.from_dict(spatial), order, cuts)


def both(case: Case) -> Evaluation:
    evaluation = score(case)
    assert_equal(case, evaluation, interpret(LoopView(nest_of(case))))
    return evaluation


def test_a_product_on_one_unit() -> None:
    layer = Layer.gemm(b=2, k=2, c=2, precision={"O": 8})
    mapping = gemm({}, [("C", 2), ("K", 2), ("B", 2)], {"W": 1, "I": 1, "O": 1})
    found = both(Case(two_levels(1, private=False), layer, mapping, dict(layer.default_links))).accesses
    # W: each of k0 k1 k0 k1 brings 2 elements, and every operation reads another one
    assert found["W"] == ((8, 0, 0, 8), (0, 0, 0, 8))
    # I: b0 stays while k runs
    assert found["I"] == ((4, 0, 0, 8), (0, 0, 0, 4))
    # O: 8 additions, 4 of which begin with nothing; 4 complete outputs leave
    assert found["O"] == ((0, 4, 8, 4), (0, 0, 4, 0))


def test_irrelevant_loops_above_a_boundary_cost_nothing() -> None:
    layer = Layer.gemm(b=2, k=2, c=2, precision={"O": 8})
    machine = two_levels(1, private=False)
    order = [("C", 2), ("K", 2), ("B", 2)]
    links = dict(layer.default_links)
    below, above = (
        both(Case(machine, layer, gemm({}, order, {"W": 1, "I": inner, "O": 1}), links)) for inner in (2, 1)
    )
    assert below.accesses == above.accesses


def test_partial_sums_come_back_but_not_at_the_first_visit() -> None:
    layer = Layer.gemm(b=1, k=2, c=3, precision={"O": 16, "O_final": 8})
    mapping = gemm({}, [("K", 2), ("C", 3)], {"W": 0, "I": 0, "O": 0})
    found = both(Case(two_levels(1, private=False), layer, mapping, dict(layer.default_links))).accesses
    # every operation visits another output than the one before: 6 visits of 2 words, 4 of which find partial sums
    assert found["O"] == ((8, 12, 12, 8), (0, 0, 12, 8))


def test_parts_of_a_sum_are_read_as_partial_sums() -> None:
    """Four registers, each with a part of one output; they were read at 8 bits, as if each held the whole sum."""
    layer = Layer.gemm(b=1, k=1, c=8, precision={"O": 16, "O_final": 8})
    mapping = gemm({"D1": {"C": 4}}, [("C", 2)], {"W": 1, "I": 1, "O": 1})
    case = Case(two_levels(4, private=True), layer, mapping, dict(layer.default_links))
    register, dram = both(case).accesses["O"]
    assert (register.to_above, dram.from_below) == (8, 1)
    register, dram = score(case, ZIGZAG).accesses["O"]
    assert (register.to_above, dram.from_below) == (4, 1)
