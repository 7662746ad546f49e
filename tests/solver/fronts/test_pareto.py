"""The energy-latency front against every mapping there is, and what is said when it is not complete."""

from __future__ import annotations

import csv
import io
import json
import math
from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zzcp
from tests.solver.brute_force import Case, batches_of, random_case
from zzcp.cost import EXACT
from zzcp.cost.batch import evaluate_batch
from zzcp.errors import InputError
from zzcp.solver.fronts.exploration import FrontProgress
from zzcp.solver.fronts.known import hull, non_dominated
from zzcp.solver.fronts.proofs import Proofs, below_hull

CLOSE = 1e-9
"""Energies of a batch are floats."""


def true_front(case: Case) -> list[tuple[float, float]]:
    """Return the non-dominated (latency, energy) of all mappings, the fastest first."""
    least: dict[float, float] = {}
    for batch in batches_of(case, EXACT):
        costs = evaluate_batch(case.accelerator, case.layer, case.spatial, batch, EXACT)
        latency = costs.latency.astype(float)
        for cycles in np.unique(latency[costs.valid]):
            energy = float(costs.energy[costs.valid & (latency == cycles)].min())
            least[cycles] = min(energy, least.get(cycles, math.inf))
    front: list[tuple[float, float]] = []
    for cycles, energy in sorted(least.items()):
        if not front or energy < front[-1][1] * (1 - CLOSE):
            front.append((cycles, energy))
    return front


def front_of(case: Case, **options: object) -> zzcp.Front:
    return zzcp.pareto(case.accelerator, case.layer, spatial=case.spatial, **options)  # type: ignore[arg-type]


def corners(front: zzcp.Front) -> list[tuple[float, float]]:
    return [(float(point.latency), point.energy) for point in front.points]


def check(case: Case, time_limit: float) -> int:
    """Compare a front with the enumeration; return how many points it has."""
    front, true = front_of(case, gap=0.0, time_limit=time_limit), true_front(case)
    if not true:
        assert front.points == ()
        assert front.diagnosis is not None
        assert front.statement == "no mapping exists"
        return 0
    found = corners(front)
    if front.complete:
        assert [cycles for cycles, _ in found] == [cycles for cycles, _ in true]
    for cycles, least in true:
        # what is missing is where something could be missing
        energy = min((energy for latency, energy in found if latency <= cycles), default=math.inf)
        assert energy >= least * (1 - CLOSE)
        known = energy == pytest.approx(least, rel=CLOSE)
        assert known or any(entry.first <= cycles <= entry.last for entry in front.open)
    for point in front.points:
        assert point.gap == 0 or not front.complete
        again = zzcp.evaluate(case.accelerator, case.layer, point.mapping)
        assert (again.energy.exact, again.latency.total) == (point.evaluation.energy.exact, point.latency)
    return len(found)


SEVERAL = (355, 704, 377, 8, 298, 56, 601)
LARGER = (676, 702, 380, 231, 67, 38, 87)
"""Random cases that have fronts of several points; most have one, the mapping that is best in everything."""


def several_case(number: int) -> Case:
    return random_case(Random(f"several {number}"), 2000)


@pytest.mark.parametrize("number", SEVERAL)
def test_the_front_is_that_of_all_mappings(number: int) -> None:
    assert check(several_case(number), 60.0) > 1


@pytest.mark.slow
@pytest.mark.parametrize("number", LARGER)
def test_larger_fronts(number: int) -> None:
    assert check(several_case(number), 60.0) > 1


@pytest.mark.parametrize("number", range(6))
def test_fronts_of_any_size(number: int) -> None:
    check(random_case(Random(f"front {number}"), 800), 60.0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_the_front_is_that_of_all_mappings_on_many_machines(part: int) -> None:
    for number in range(10 * part, 10 * part + 10):
        check(random_case(Random(f"many fronts {number}"), 3000), 120.0)


@pytest.fixture(scope="module")
def several() -> Case:
    """Return the case whose front has the most points."""
    case = max(map(several_case, SEVERAL), key=lambda case: len(true_front(case)))
    assert len(true_front(case)) >= 3
    return case


def test_a_gap_leaves_out_only_what_is_close(several: Case) -> None:
    front, true = front_of(several, gap=0.05), true_front(several)
    assert front.complete
    found = corners(front)
    for cycles, energy in true:
        best = min(known for latency, known in found if latency <= cycles)
        assert best * (1 - 0.05) <= energy * (1 + CLOSE)


def test_supported_points_and_the_product(several: Case) -> None:
    front = front_of(several, gap=0.0)
    assert front.points[0].supported
    assert front.points[-1].supported
    best = zzcp.optimize(several.accelerator, several.layer, "edp", spatial=several.spatial, gap=0.0)
    assert float(min(point.evaluation.edp_exact for point in front.points)) == best.objective
    # no weights make another point the best one
    for weight in np.linspace(0.0, 1.0, 41):
        values = [
            (weight * point.energy + (1 - weight) * point.latency * front.points[0].energy, point)
            for point in front.points
        ]
        least = min(value for value, _ in values)
        assert any(point.supported for value, point in values if value <= least * (1 + CLOSE))


def check_supported(case: Case) -> tuple[int, int]:
    """Compare the supported points with those of the enumeration; return how many searches they and the front took."""
    front, supported = front_of(case, gap=0.0), front_of(case, gap=0.0, supported_only=True)
    assert supported.complete
    assert all(point.supported and point.gap == 0 for point in supported.points)
    assert corners(supported) == [(point.latency, point.energy) for point in front.supported]
    true = true_front(case)
    on_hull = hull([(Fraction(cycles), Fraction(energy)) for cycles, energy in true])
    # energies of the enumeration are floats: a point on an edge may be a corner there
    assert {cycles for cycles, _ in corners(supported)} <= {cycles for cycles, _ in true}
    assert abs(len(supported.points) - len(on_hull)) <= 1
    return supported.solved, front.solved


@pytest.mark.parametrize("number", SEVERAL)
def test_the_supported_points_by_themselves(number: int) -> None:
    check_supported(several_case(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", LARGER)
def test_the_supported_points_of_larger_fronts(number: int) -> None:
    check_supported(several_case(number))


def test_most_fronts_take_three_searches() -> None:
    """Their ends, and one enumeration of all that is between them."""
    counts = [check_supported(several_case(number))[1] for number in SEVERAL[:3]]
    assert sorted(counts)[1] == 3


def test_supported_points_are_said_to_be_all(several: Case) -> None:
    front = front_of(several, supported_only=True)
    assert front.supported_only
    assert front.statement == "all supported points, to 0.0001 of the energy: no mapping is below their hull"
    assert front.to_dict()["supported_only"] is True
    stopped = front_of(several, supported_only=True, max_points=2)
    assert stopped.complete or "all supported points, to 0.0001 of the energy but for" in stopped.statement


def test_so_many_points_and_no_more(several: Case) -> None:
    front = front_of(several, max_points=2)
    assert len(front.points) <= 3  # a search may find one point more than was missing
    everything = true_front(several)
    missing = [entry for entry in everything if entry not in corners(front)]
    for cycles, energy in missing:
        known = [point.energy for point in front.points if point.latency <= cycles]
        inside = any(entry.first <= cycles <= entry.last for entry in front.open)
        assert inside or min(known) * (1 - front.gap) <= energy * (1 + CLOSE)
    assert front.complete == (not front.open)
    if not front.complete:
        assert "points could be missing" in front.statement


def test_progress_and_forms(several: Case) -> None:
    seen: list[FrontProgress] = []
    front = front_of(several, on_progress=seen.append)
    assert [entry.solved for entry in seen] == list(range(1, front.solved + 1))
    assert (seen[-1].points, seen[-1].open) == (len(front.points), 0)
    data = json.loads(json.dumps(front.to_dict()))
    assert (data["kind"], data["complete"]) == ("pareto", True)
    assert [(entry["latency"], entry["energy"]) for entry in data["points"]] == corners(front)
    keys = ("spatial_mapping", "temporal_mapping", "double_buffered")
    mapping = zzcp.Mapping.from_dict({key: data["points"][0][key] for key in keys})
    assert (
        zzcp.evaluate(several.accelerator, several.layer, mapping).energy.total == data["points"][0]["energy"]
    )
    rows = list(csv.DictReader(io.StringIO(front.to_csv())))
    assert [(float(row["latency"]), float(row["energy"])) for row in rows] == corners(front)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"time_limit": 0}, "time limit out of range"),
        ({"search_limit": -1}, "search limit out of range"),
        ({"max_points": 0}, "number of points: expected an integer >= 1, found 0"),
        ({"gap": 1}, "gap out of range"),
        ({"seed": -1}, "seed out of range"),
    ],
)
def test_bad_arguments(several: Case, options: dict[str, object], part: str) -> None:
    with pytest.raises(InputError, match=part):
        front_of(several, **options)


# ---- what is open -------------------------------------------------------------------------------------------------


class Fixed:
    """Stands for an evaluation."""

    def __init__(self, latency: int, energy: int) -> None:
        self.latency = self
        self.energy = self
        self.total, self.exact = latency, Fraction(energy)


def known(*corners: tuple[int, int]) -> list:  # type: ignore[type-arg]
    return [(None, Fixed(*corner)) for corner in corners]


def ranges(proofs: Proofs, *corners: tuple[int, int], gap: float = 0.0) -> list[tuple[int, int]]:
    found = proofs.open_ranges(known(*corners), gap, with_given_up=True)
    return [(first, last) for first, last, _, _ in found]


def test_what_is_open() -> None:
    proofs = Proofs({None: Fraction(10)}, [])
    # 10 is the least energy of all; nothing is known of fewer than 50 cycles
    assert ranges(proofs, (20, 30), (50, 10)) == [(20, 49), (1, 19)]
    proofs.add(15, math.inf)
    assert ranges(proofs, (20, 30), (50, 10)) == [(20, 49), (16, 19)]
    proofs.add(49, Fraction(20))
    assert ranges(proofs, (20, 30), (50, 10)) == [(20, 49), (16, 19)]
    assert ranges(proofs, (20, 30), (40, 20), (50, 10)) == [(20, 39), (16, 19)]
    proofs.add(30, Fraction(30))
    assert ranges(proofs, (20, 30), (40, 20), (50, 10)) == [(31, 39), (16, 19)]
    assert ranges(proofs, (20, 30), (40, 20), (50, 10), gap=0.4) == [(16, 19)]
    proofs.add(39, Fraction(30))
    proofs.add(19, math.inf)
    assert ranges(proofs, (20, 30), (40, 20), (50, 10)) == []
    assert proofs.at(25) == 30
    assert proofs.at(45) == 20
    assert proofs.at(51) == 10


def test_a_search_that_was_given_up_is_not_repeated() -> None:
    proofs = Proofs({None: Fraction(10), 19: math.inf}, [(20, 49)])
    corners = known((20, 30), (50, 10))
    assert proofs.open_ranges(corners, 0.0, with_given_up=False) == []
    assert len(proofs.open_ranges(corners, 0.0, with_given_up=True)) == 1


@given(points=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=12))
def test_non_dominated_points_and_their_hull(points: list[tuple[int, int]]) -> None:
    front = [(entry[1].total, int(entry[1].exact)) for entry in non_dominated(known(*points))]
    beaten = {(x, y) for x, y in points for a, b in points if (a <= x and b < y) or (a < x and b <= y)}
    assert front == sorted(set(points) - beaten)
    supported = hull([(Fraction(x), Fraction(y)) for x, y in front])
    assert {0, len(front) - 1} <= supported
    for number, (x, y) in enumerate(front):
        # on the hull if and only if it lies below every line between two others around it
        below = all(
            (x - a) * (d - b) > (y - b) * (c - a) for a, b in front[:number] for c, d in front[number + 1 :]
        )
        assert (number in supported) == below


# ---- what is open below a hull ------------------------------------------------------------------------------------

HULL = [(Fraction(10), Fraction(100)), (Fraction(20), Fraction(40)), (Fraction(50), Fraction(10))]


@pytest.mark.parametrize(
    ("open_range", "left"),
    [
        ((10, 19, Fraction(100), Fraction(40)), (10, 19)),  # nothing proven but what the next corner has
        ((10, 19, Fraction(100), Fraction(70)), (10, 14)),  # the edge falls to 70 at 15
        ((10, 19, Fraction(100), Fraction(71)), (10, 14)),
        ((10, 19, Fraction(100), Fraction(100)), None),
        ((16, 19, Fraction(100), Fraction(70)), None),  # the edge is at 64 already
        ((12, 40, Fraction(100), Fraction(30)), (12, 29)),  # across a corner
        ((50, 90, Fraction(10), Fraction(9)), (50, 90)),  # beyond the last corner
        ((1, 9, None, Fraction(0)), (1, 9)),  # faster than all that is known
    ],
)
def test_open_ranges_below_a_hull(
    open_range: tuple[int, int, Fraction | None, Fraction], left: tuple[int, int] | None
) -> None:
    found = list(below_hull([open_range], HULL, 0.0))
    assert found == ([] if left is None else [(*left, *open_range[2:])])


@given(
    corners=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=6),
    first=st.integers(1, 40),
    length=st.integers(0, 30),
    bound=st.integers(0, 45),
)
def test_every_latency_at_which_the_hull_is_above_the_bound_is_left(
    corners: list[tuple[int, int]], first: int, length: int, bound: int
) -> None:
    known = non_dominated([(None, Fixed(*corner)) for corner in corners])  # type: ignore[misc]
    points = [(Fraction(cost.total), Fraction(cost.exact)) for _, cost in known]  # type: ignore[attr-defined]
    edges = [points[number] for number in sorted(hull(points))]
    first = max(first, int(edges[0][0]))

    def height(latency: int) -> Fraction:
        for (x1, y1), (x2, y2) in pairwise(edges):
            if x1 <= latency <= x2:
                return y1 + (y2 - y1) * (latency - x1) / (x2 - x1)
        return edges[-1][1]

    above = [latency for latency in range(first, first + length + 1) if height(latency) > bound]
    found = list(below_hull([(first, first + length, Fraction(50), Fraction(bound))], edges, 0.0))
    assert [(low, high) for low, high, _, _ in found] == ([(first, above[-1])] if above else [])
