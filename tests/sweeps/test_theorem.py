"""What the monotonicity theorem says of an axis, and that points which contradict it are found."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.machines import machine
from zzcp.sweeps import Axis, Check, parse_axis
from zzcp.sweeps.fields import catalogue
from zzcp.sweeps.theorem import Seen, check_axes
from zzcp.workload import Layer

KNOWN = catalogue(machine(), [Layer.gemm(b=2, k=2, c=2)])
SIZE = parse_axis("memories.sram.size=1000,2000,4000", KNOWN)
SERIES = ("net", "gemm", "edp")


def seen(
    step: int, objective: int | None, bound: float, axis: Axis = SIZE, *, loading: int = 0, **other: object
) -> Seen:
    status = "infeasible" if objective is None else "optimal"
    value = None if objective is None else Fraction(objective)
    point = Seen(SERIES, (axis.steps[step],), status, value, bound, loading)
    return point._replace(**other)  # type: ignore[arg-type]


def check(*points: Seen, axis: Axis = SIZE, exact: bool = True) -> Check:
    (found,) = check_axes([axis], points, exact=exact)
    return found


def test_points_that_agree() -> None:
    found = check(seen(0, 100, 99.0), seen(1, 90, 90.0, loading=5), seen(2, 90, 89.0, loading=7))
    assert found == Check(SIZE.name, applies=True, pairs=3, improved=3, more_loading=3)
    assert found.holds


def test_a_mapping_that_is_worse_within_the_gap_is_no_contradiction() -> None:
    assert check(seen(0, 100, 99.0), seen(1, 101, 100.0)) == Check(SIZE.name, True, 1, 0, 1)


def test_a_bound_above_an_objective_is_one() -> None:
    found = check(seen(0, 100, 99.0), seen(1, 110, 101.0), seen(2, 100, 100.0))
    assert not found.holds
    (violation,) = found.violations
    assert (violation.worse, violation.better) == ("125 B", "250 B")
    assert violation.text == "bound 101 above edp 100"
    assert found.to_dict()["holds"] is False


def test_the_comparison_is_exact() -> None:
    large = 2**60
    assert check(seen(0, large, 0.0), seen(1, large + 1, float(large))).holds
    # the next float above 2^60 is 256 more
    assert not check(seen(0, large, 0.0), seen(1, large + 999, float(large + 512))).holds


def test_becoming_impossible_is_a_contradiction() -> None:
    found = check(seen(0, 100, 99.0), seen(1, None, 0.0))
    assert found.violations[0].text == "a mapping with edp 100 became impossible"
    assert check(seen(0, None, 0.0), seen(1, 100, 100.0)).holds


def test_only_points_that_differ_along_the_axis_alone_are_compared() -> None:
    other = parse_axis("memories.dram.r_cost=100,50", KNOWN)
    points = [
        Seen(SERIES, (SIZE.steps[size], other.steps[cost]), "optimal", Fraction(value), float(value), 0)
        for size, cost, value in ((0, 0, 100), (0, 1, 60), (1, 0, 90), (1, 1, 50))
    ]
    points.append(points[0]._replace(series=("net", "other", "edp"), objective=Fraction(1), lower_bound=1.0))
    first, second = check_axes([SIZE, other], points, exact=True)
    assert (first.pairs, second.pairs) == (2, 2)
    assert first.holds
    assert second.holds


@pytest.mark.parametrize(
    ("text", "objective", "applies"),
    [
        ("memories.sram.size=1,2", "latency", True),
        ("memories.sram.r_cost=1,2", "energy", True),
        ("memories.sram.latency=1,2", "edp", True),
        ("operational_array.unit_energy=1,2", "ed2", True),
        ("memories.sram.ports.top.bandwidth_max=64,128", "energy", True),
        ("memories.sram.ports.top.bandwidth_max=64,128", "latency", True),
        ("memories.sram.ports.top.bandwidth=64,128", "energy", False),
        ("memories.sram.area=1,2", "edp", False),
        ("operational_array.sizes.D1=1,2", "edp", False),
        ("workload.loop_sizes.K=1,2", "edp", False),
        ("memories.sram.size,memories.dram.size=1/1,2/2", "edp", True),
        ("memories.sram.size,memories.sram.r_cost=1/2,2/1", "edp", True),
        # larger, but dearer
        ("memories.sram.size,memories.sram.r_cost=1/1,2/2", "edp", False),
        ("memories.sram.size,memories.sram.r_cost=1/1,2/1", "edp", True),
    ],
)
def test_where_it_applies(text: str, objective: str, applies: bool) -> None:
    axis = parse_axis(text, KNOWN)
    points = [
        seen(0, 1, 1.0, axis, series=("", "", objective)),
        seen(1, 1, 1.0, axis, series=("", "", objective)),
    ]
    found = check(*points, axis=axis)
    assert (found.applies, found.pairs) == (applies, int(applies))
    assert not check(*points, axis=axis, exact=False).applies
