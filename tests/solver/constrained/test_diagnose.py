"""Why there is no mapping: what is named is to blame, all of it is, and what is proposed helps."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from random import Random
from typing import Any

import pytest

from tests.machines import memory
from tests.solver.brute_force import Case, best_mappings, random_case
from tests.solver.random_constraints import MAKERS, random_constraints
from zzcp.cost import EXACT, ZIGZAG
from zzcp.hardware import Accelerator, OperationalArray
from zzcp.mapping import Constraints
from zzcp.mapping.constraints import Bypass, Constraint, DoubleBuffering
from zzcp.solver import Result, optimize
from zzcp.workload import Layer

WHOLE = ("D1", "D2")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """How small a budget may be is not always proven, however long it takes."""
    monkeypatch.setattr("zzcp.solver.constrained.diagnose._SECONDS", 8.0)


LAYER = Layer.gemm(b=8, k=12, c=8)


def machine(buffer: int = 2048, **options: Any) -> Accelerator:
    """Return a machine with registers for weights and outputs, and a buffer for everything."""
    return Accelerator(
        "small",
        (
            memory("weights", "I2", size=64),
            memory("outputs", "O", size=64, read_energy=0.2, write_energy=0.2),
            memory("buffer", "I1 I2 O", size=buffer, served_dimensions=WHOLE, **options),
            memory(
                "dram", "I1 I2 O", size=10**9, read_energy=90.0, write_energy=99.0, served_dimensions=WHOLE
            ),
        ),
        OperationalArray(WHOLE, (4, 2), unit_energy=0.5, unit_area=1.0),
    )


def solve(constraints: Any, accelerator: Accelerator | None = None, **options: Any) -> Result:
    options = {"spatial": {"D1": {"K": 4}, "D2": {"C": 2}}, "time_limit": 20, **options}
    return optimize(accelerator or machine(), LAYER, constraints=constraints, **options)


def infeasible(constraints: Any, accelerator: Accelerator | None = None, **options: Any) -> Any:
    """Return the diagnosis of constraints that cannot be obeyed."""
    result = solve(constraints, accelerator, **options)
    assert result.status == "infeasible"
    assert result.mapping is None
    assert result.diagnosis is not None
    return result.diagnosis


# ---- the machine is too small -------------------------------------------------------------------------------------


def test_a_memory_that_is_too_small_is_named_with_bits() -> None:
    small = machine()
    small = replace(small, memories=(replace(small.memories[0], size=4), *small.memories[1:]))
    found = infeasible(None, small)
    assert str(found) == (
        "memory weights holds 4 bits, the smallest tiles need 8 (4 too many: W 8); "
        "a weights of 8 bits would do (4 more); "
        "nor has any of the 52 unrollings with up to 2 layer dimensions on every array dimension"
    )
    larger = replace(small, memories=(replace(small.memories[0], size=8), *small.memories[1:]))
    assert solve(None, larger, gap=0.5).status == "optimal"


def test_a_machine_that_is_too_small_is_so_under_any_constraints() -> None:
    small = machine(buffer=16)
    found = infeasible({"innermost": ["K"], "max_latency": 5}, small)
    assert [shortage.memory for shortage in found.shortages] == ["buffer"]
    assert found.conflict == ()


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_a_memory_that_holds_complete_outputs_only(conventions: Any) -> None:
    """A memory with room for a complete output, not for a partial sum, is enough where reductions come first."""
    narrow = Accelerator(
        "narrow",
        (
            memory("acc", "O", size=16),
            memory("out", "O", size=8, served_dimensions=WHOLE),
            memory("dram", "I1 I2 O", size=10**9, served_dimensions=WHOLE),
        ),
        OperationalArray(WHOLE, (2, 2), unit_energy=0.5, unit_area=1.0),
    )
    layer = Layer.gemm(b=2, k=2, c=2)  # B and K come before C
    result = optimize(narrow, layer, spatial={}, conventions=conventions, time_limit=600)
    assert result.status in ("optimal", "feasible")


ANYTHING = pytest.mark.parametrize(
    "constraints",
    [
        {"innermost": ["K"]},
        {"max_latency": 10**6},
        {"max_energy": 10**9},
        {"double_buffering": {"buffer": "forced"}},
        {"tile_sizes": [{"memory": "dram", "dimension": "K", "min": 2}]},
        {"tile_elements": [{"memory": "dram", "min": 2}]},
        {"even_mapping": ["buffer"]},
    ],
    ids=lambda constraints: next(iter(constraints)),
)


def with_outermost(size: int, accelerator: Accelerator) -> Accelerator:
    *inner, top = accelerator.memories
    return replace(accelerator, memories=(*inner, replace(top, size=size)))


@ANYTHING
@pytest.mark.parametrize("size", [100, 2047])
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_an_outermost_memory_that_is_too_small(conventions: Any, size: int, constraints: Any) -> None:
    """It has no boundary of its own: where the whole layer does not fit, nothing does, under any constraint."""
    found = infeasible(constraints, with_outermost(size, machine()), conventions=conventions)
    assert [(shortage.memory, shortage.needed) for shortage in found.shortages] == [("dram", 2048)]


@ANYTHING
def test_an_outermost_memory_that_just_holds_the_layer(constraints: Any) -> None:
    assert solve(constraints, with_outermost(2048, machine()), gap=0.9).status == "optimal"


@pytest.mark.parametrize("constraints", [None, {"innermost": ["K"]}])
@pytest.mark.parametrize("size", [40, 100, 200, 400])
def test_an_outermost_memory_that_is_too_small_for_windows(size: int, constraints: Any) -> None:
    """Where tiles with windows are kept twice, a model is asked, too."""
    forced = with_outermost(size, machine(force_double_buffering=True))
    layer = Layer.conv(k=4, c=4, ox=4, fx=3)
    found = optimize(forced, layer, spatial={}, constraints=constraints, time_limit=600)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert [shortage.memory for shortage in found.diagnosis.shortages] == ["dram"]


def too_small(rng: Random, case: Case) -> Case:
    """Return a case whose outermost memories may not hold its data, and others that may keep tiles twice."""
    outermost = {case.accelerator.top(operand).name for operand in case.accelerator.operands}
    memories = tuple(
        replace(memory, size=int(2 ** rng.uniform(3, 10)))
        if memory.name in outermost
        else replace(memory, force_double_buffering=rng.random() < 0.5)
        for memory in case.accelerator.memories
    )
    return replace(case, accelerator=replace(case.accelerator, memories=memories))


@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_outermost_memories_of_any_size(conventions: Any, number: int) -> None:
    """Under constraints nothing fits that does not without; those that change the machine may make room."""
    rng = Random(f"outermost {number}")
    case = too_small(rng, random_case(rng, 300))
    plain = optimize(
        case.accelerator, case.layer, spatial=case.spatial, conventions=conventions, time_limit=20
    )
    assert (plain.status == "infeasible") == (not best_mappings(case, conventions))
    kind = rng.choice([kind for kind in MAKERS if kind not in ("bypass", "max_latency", "max_energy")])
    constraints = random_constraints(rng, case, conventions, kind)
    found = optimize(
        case.accelerator,
        case.layer,
        spatial=case.spatial,
        conventions=conventions,
        constraints=constraints,
        time_limit=600,
    )
    assert found.status != "unknown"
    if plain.status == "infeasible" and not any(
        isinstance(item, Bypass | DoubleBuffering) for item in constraints
    ):
        assert found.status == "infeasible"
        assert found.diagnosis is not None


# ---- constraints that contradict the machine ----------------------------------------------------------------------


def test_the_memory_and_the_bits_that_a_tile_needs() -> None:
    tile = {"tile_elements": [{"memory": "weights", "min": 12}]}  # all that is left of K and C
    found = infeasible(tile)
    assert found.conflict == ("tile elements in weights at least 12",)
    assert found.memories == ("weights",)
    # the smaller change comes first: half as many elements, or half as many bits more
    assert found.changes == (
        "a weights of 96 bits would do (32 more)",
        "change 'tile elements in weights at least 12' to 'tile elements in weights at least 6'",
    )
    first, *rest = machine().memories
    for bits, status in ((96, "optimal"), (95, "infeasible")):
        changed = replace(machine(), memories=(replace(first, size=bits), *rest))
        assert solve(tile, changed, gap=0.9).status == status


def test_forced_second_copies_that_do_not_fit() -> None:
    asked = {"double_buffering": {"weights": "forced"}, "tile_elements": [{"memory": "weights", "min": 6}]}
    assert solve({"tile_elements": asked["tile_elements"]}, gap=0.9).status == "optimal"
    found = infeasible(asked)
    assert found.conflict == (
        "double buffering in weights forced",
        "tile elements in weights at least 6",
    )
    assert found.memories == ("weights",)
    assert "a weights of 96 bits would do (32 more)" in found.changes


# ---- constraints that contradict each other -----------------------------------------------------------------------


def test_two_orders() -> None:
    found = infeasible({"innermost": ["K"], "outermost": ["B"], "loop_order": [["B", "*"], ["*", "*"]]})
    assert set(found.conflict) < {"innermost K", "outermost B", "loop order B *, *"}
    assert len(found.conflict) == 2
    assert found.memories == ()
    assert "drop 'loop order B *, *'" in found.changes
    assert found.minimal


def test_an_order_that_does_not_cover_the_layer() -> None:
    found = infeasible({"loop_order": [["K", "*"], ["B", "*"]]})
    assert found.conflict == ("loop order K *, B *",)
    assert found.changes == ("drop 'loop order K *, B *'",)
    assert infeasible({"loop_order": [["K", 5], ["*", "*"]]}).conflict == ("loop order K 5, *",)


def test_what_does_not_take_part_is_not_named() -> None:
    found = infeasible(
        {
            "innermost": ["C"],
            "tile_sizes": [
                {"memory": "buffer", "dimension": "B", "operand": "O", "min": 4},
                {"memory": "buffer", "dimension": "B", "operand": "I", "max": 2},
                {"memory": "buffer", "dimension": "K", "operand": "W", "max": 3},
            ],
            "even_mapping": ["buffer"],
            "max_latency": 10**9,
        }
    )
    assert found.conflict == (
        "tile size B of O in buffer at least 4",
        "tile size B of I in buffer at most 2",
        "even mapping of buffer",
    )
    assert str(found).startswith("no mapping obeys these 3 constraints together: tile size B of O")
    assert (
        "change 'tile size B of O in buffer at least 4' to 'tile size B of O in buffer at least 2'"
        in found.changes
    )
    assert (
        "change 'tile size B of I in buffer at most 2' to 'tile size B of I in buffer at most 4'"
        in found.changes
    )


def test_conflicts_that_have_nothing_to_do_with_each_other() -> None:
    found = infeasible(
        {"loop_order": [["K", 5], ["*", "*"]], "tile_elements": [{"memory": "outputs", "min": 999}]}
    )
    assert found.changes == ()
    assert {found.conflict, *found.further} == {
        ("loop order K 5, *",),
        ("tile elements in outputs at least 999",),
    }
    assert "no single change" in str(replace(found, elsewhere=""))


def test_utilization_that_cannot_be_reached() -> None:
    asked = {"min_utilization": {"weights": 0.75}, "tile_elements": [{"memory": "weights", "max": 4}]}
    found = infeasible(asked)
    assert found.conflict == ("utilization of weights at least 0.75", "tile elements in weights at most 4")
    assert (
        "change 'tile elements in weights at most 4' to 'tile elements in weights at most 6'" in found.changes
    )
    relaxed = next(text for text in found.changes if text.startswith("change 'utilization"))
    share = float(relaxed.split()[-1].rstrip("'"))
    assert solve({**asked, "min_utilization": {"weights": share}}, gap=0.9).status == "optimal"
    assert solve({**asked, "min_utilization": {"weights": share + 0.001}}).status == "infeasible"


def test_a_bypass_is_named_where_it_is_to_blame() -> None:
    asked = {"bypass": {"I": ["buffer"], "O": ["buffer"]}, "min_utilization": {"buffer": 0.9}}
    found = infeasible(asked)
    assert "utilization of buffer at least 0.9" in found.conflict
    assert any(text.startswith("bypass of buffer") for text in found.conflict)


# ---- budgets ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fast() -> Result:
    return solve(None, objective="latency", gap=0)


@pytest.fixture(scope="module")
def frugal() -> Result:
    return solve(None, objective="energy", gap=0)


def test_the_smallest_latency_budget(fast: Result) -> None:
    found = infeasible({"max_latency": 10, "max_energy": 1e9})
    assert found.conflict == ("latency budget 10 cycles",)
    (change,) = found.changes
    match = re.fullmatch(
        r"a latency budget of (\d+) cycles would do \((that is the best possible|less than (\d+) is impossible)\)",
        change,
    )
    assert match is not None
    amount = int(match[1])
    assert amount <= fast.objective
    assert solve({"max_latency": amount}, gap=0.1).status == "optimal"
    assert solve({"max_latency": int(match[3] or amount) - 1}).status == "infeasible"


def test_the_smallest_energy_budget(frugal: Result) -> None:
    (change,) = infeasible({"max_energy": 10}).changes
    match = re.match(r"an energy budget of ([\d,.]+) pJ would do", change)
    assert match is not None
    amount = float(match[1].replace(",", ""))
    assert amount == pytest.approx(frugal.objective, rel=1e-6)
    assert solve({"max_energy": amount}, gap=0.1).status == "optimal"
    assert solve({"max_energy": amount * 0.999}).status == "infeasible"


def test_two_budgets(fast: Result, frugal: Result) -> None:
    assert fast.objective is not None
    assert frugal.evaluation is not None
    assert frugal.evaluation.latency.total > fast.objective + 2, "the example needs a choice"
    limits = {"max_latency": int(fast.objective), "max_energy": frugal.objective}
    found = infeasible(limits)
    assert len(found.conflict) == 2


def test_a_budget_against_another_constraint(fast: Result) -> None:
    assert fast.objective is not None
    assert fast.objective < 200
    found = infeasible({"innermost": ["B"], "outermost": ["K"], "max_latency": 200})
    assert "latency budget 200 cycles" in found.conflict
    assert set(found.conflict) & {"innermost B", "outermost K"}
    assert any(re.match("a latency budget of (2[0-9]{2}|31[01]) cycles", text) for text in found.changes)


# ---- laws ---------------------------------------------------------------------------------------------------------


def status_of(case: Any, items: tuple[Constraint, ...]) -> str:
    return optimize(
        case.accelerator,
        case.layer,
        spatial=case.spatial,
        constraints=Constraints(items),
        time_limit=600,
        gap=0.9,
    ).status


@pytest.mark.parametrize("number", range(12))
def test_every_part_of_a_conflict_can_be_obeyed(number: int) -> None:
    """And the conflict alone cannot: it is a minimal one."""
    check_conflict(f"conflict {number}")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_every_part_of_many_conflicts_can_be_obeyed(part: int) -> None:
    for number in range(10):
        check_conflict(f"conflict {part} {number}")


def check_conflict(seed: str) -> None:
    """Draw constraints that cannot be obeyed together, and try the subsets that matter."""
    rng = Random(seed)
    while True:
        case = random_case(rng, 300)
        if (
            optimize(case.accelerator, case.layer, spatial=case.spatial, time_limit=5, gap=0.9).mapping
            is None
        ):
            continue
        items = {
            str(item): item
            for kind in rng.sample([kind for kind in MAKERS if kind != "bypass"], k=4)
            for item in random_constraints(rng, case, EXACT, kind)
            if not isinstance(item, Bypass)
        }
        asked = Constraints(tuple(items.values()))
        result = optimize(
            case.accelerator, case.layer, spatial=case.spatial, constraints=asked, time_limit=10
        )
        if result.status == "infeasible":
            break
    found = result.diagnosis
    assert found is not None
    if not found.conflict:  # what is forced makes the memories too small for the smallest tiles
        return
    conflict = tuple(items[text] for text in found.conflict)
    assert status_of(case, conflict) == "infeasible"
    if found.minimal:
        for size in range(1, len(conflict)):
            for part in combinations(conflict, size):
                assert status_of(case, part) in ("optimal", "feasible"), part
    for text in found.changes:
        if text.startswith("drop"):
            kept = asked.without(items[text[6:-1]])
            assert not kept or status_of(case, kept.items) in ("optimal", "feasible")
