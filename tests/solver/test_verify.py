"""`verify` finds whatever is wrong with a result, and nothing in one that is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.solver.test_optimize import BOTH, machine
from zzcp import Accelerator, InputError, Layer, Mapping, SpatialMapping, optimize, verify
from zzcp.checks import MAX_SEED
from zzcp.cost import EXACT, CostConventions, Evaluator
from zzcp.cost.objective import OBJECTIVES, Objective, objective_of
from zzcp.io.result import load_results
from zzcp.records.layers import SolvedLayer
from zzcp.records.plain import json_text
from zzcp.records.solved import solved_data
from zzcp.solver import Result
from zzcp.solver.proof import CONTRADICTED, OPEN, PROVEN, SKIPPED
from zzcp.solver.result import Diagnosis, Shortage
from zzcp.solver.verify import Verification, differing, equal_layers

LAYER = Layer.gemm(b=4, k=6, c=8, name="gemm")
MACHINE = machine()


@dataclass
class Book:
    """A result file that can be edited.

    Parameters
    ----------
    path : Path
        Where it is.
    data : dict
        What it holds.
    """

    path: Path
    data: Any

    @property
    def layer(self) -> Any:
        """The entry of its first layer."""
        return self.data["layers"][0]

    def check(self, **options: Any) -> Verification:
        """Write it, and verify it."""
        self.path.write_text(json_text(self.data))
        return verify(self.path, **{"time_limit": 20.0, **options})


def book(
    folder: Path,
    result: Result,
    objective: Objective = "edp",
    accelerator: Accelerator = MACHINE,
    layer: Layer = LAYER,
) -> Book:
    data = solved_data(
        "1.0",
        accelerator,
        objective,
        result.conventions,
        [SolvedLayer(layer, result)],
        options={"gap": 0.01, "seed": 0},
    )
    return Book(folder / "result.json", json.loads(json_text(data)))


@pytest.fixture(scope="module")
def solved() -> Result:
    result = optimize(MACHINE, LAYER, time_limit=600, gap=0.01, spatial="full")
    assert result.status == "optimal"
    return result


@pytest.fixture
def right(solved: Result, tmp_path: Path) -> Book:
    """Return a result with nothing wrong."""
    return book(tmp_path, solved)


@BOTH
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_right_results_are_verified(
    objective: Objective, conventions: CostConventions, tmp_path: Path
) -> None:
    result = optimize(
        MACHINE, LAYER, objective, conventions=conventions, time_limit=600, gap=0.01, spatial="full"
    )
    found = book(tmp_path, result, objective).check()
    assert found.ok
    assert found.proven
    (layer,) = found.layers
    assert layer.compared > 200
    assert layer.proof.bound >= result.lower_bound * (1 - 2e-6)


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of every single value, where it is held, and under which key."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        name = f"{path}[{key}]" if isinstance(data, list) else f"{path}.{key}" if path else str(key)
        if isinstance(value, dict | list):
            yield from leaves(value, name)
        else:
            yield name, data, key


def edited(value: Any) -> Any:
    """Return a value that is hardly different."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value * (1 + 2**-50) if value else 1e-300
        case str():
            return value + "x"
    return 0


def test_every_edited_figure_is_found(right: Book) -> None:
    original = json.dumps(right.data)
    names = [name for name, _, _ in leaves(right.layer["evaluation"], "layers[0].evaluation")]
    names += ["accelerator", "totals.energy", "totals.latency", "totals.edp", "layers[0].operator"]
    for name in Random("edits").sample(names, 60):
        right.data = json.loads(original)
        (place,) = [place for place in leaves(right.data) if place[0] == name]
        _, holder, key = place
        holder[key] = edited(holder[key])
        found = right.check(bounds=False)
        differences = [*found.differences, *found.layers[0].differences]
        assert [difference.field for difference in differences] == [name]
        assert not found.ok


def test_fields_that_are_missing_or_too_many_are_found() -> None:
    one = {"a": [1, 2], "b": {"c": None}, "d": True}
    other = {"a": [1], "b": {}, "d": 1, "e": 0}
    found = [difference.field for difference in differing(one, other)]
    assert found == ["a", "d", "e"]


def test_an_objective_or_gap_that_is_not_the_mapping_s(right: Book) -> None:
    right.layer["objective"] *= 0.99
    right.layer["gap"] = 0.0
    fields = {difference.field for difference in right.check(bounds=False).layers[0].differences}
    assert fields >= {"layers[0].objective"}


def test_optimal_means_within_the_gap(right: Book) -> None:
    right.data["options"]["gap"] = 1e-9
    right.layer["lower_bound"] *= 0.999
    fields = {difference.field for difference in right.check(bounds=False).layers[0].differences}
    assert fields == {"layers[0].status", "layers[0].gap"}


def test_a_mapping_that_does_not_cover_the_layer(right: Book) -> None:
    for levels in right.layer["temporal_mapping"].values():
        for level in levels:
            level[:] = [loop for loop in level if loop[0] != "K"]
    found = right.check()
    assert not found.ok
    (layer,) = found.layers
    assert any("K" in violation for violation in layer.violations)
    assert layer.proof.state == SKIPPED


def test_a_mapping_that_does_not_fit(right: Book) -> None:
    right.data["inputs"]["accelerator"]["content"]["memories"]["buffer"]["size"] = 24
    found = right.check()
    assert not found.ok


def outermost(objective: Objective = "edp", **claims: Any) -> Result:
    """Return the worst of results, which claims to be optimal."""
    order = [(dim, size) for dim, size in LAYER.sizes.items()]
    depth = {operand: len(MACHINE.levels(link)) for operand, link in LAYER.default_links.items()}
    ends = {operand: [0] * (levels - 1) + [len(order)] for operand, levels in depth.items()}
    mapping = Mapping.from_order(SpatialMapping(()), order, ends)
    evaluation = Evaluator(MACHINE, LAYER, mapping.spatial, EXACT).evaluate(mapping)
    value = float(objective_of(evaluation, objective))
    return replace(
        Result(
            "optimal", value, value, 0.0, mapping, evaluation, None, "exact", objective, 1.0,
            spatial=mapping.spatial,
        ),
        **claims,
    )  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_bound_that_is_none(objective: Objective, tmp_path: Path) -> None:
    claimed = book(tmp_path, outermost(objective), objective)
    (layer,) = (found := claimed.check()).layers
    assert layer.differences == ()
    assert layer.proof.state == CONTRADICTED
    assert layer.proof.better is not None
    assert layer.proof.better < layer.recorded_bound
    assert not found.ok


def test_a_bound_just_above_the_optimum(right: Book, solved: Result) -> None:
    assert solved.objective is not None
    right.layer["lower_bound"] = solved.objective * 1.001
    right.layer["gap"] = 0.0
    (layer,) = right.check().layers
    assert layer.proof.state == CONTRADICTED


def test_a_weaker_bound_is_proven_again(right: Book) -> None:
    right.layer["lower_bound"] *= 0.5
    (layer,) = right.check().layers
    assert layer.proof.state == PROVEN
    assert [difference.field for difference in layer.differences] == [
        "layers[0].status",
        "layers[0].gap",
    ]


def test_unrollings_that_are_chosen_with_loops_that_need_not_divide(tmp_path: Path) -> None:
    layer = Layer.gemm(b=3, k=4, c=2, name="gemm")
    result = optimize(MACHINE, layer, spatial="auto", factors="imperfect", time_limit=600, gap=0.01)
    assert result.objective is not None
    right = book(tmp_path, result, layer=layer)
    assert right.layer["space"]["factors"] == "imperfect"
    assert right.check(time_limit=600).proven
    right.layer["lower_bound"] = result.objective * 1.001
    right.layer["gap"] = 0.0
    (claimed,) = right.check(time_limit=600).layers
    assert claimed.proof.state == CONTRADICTED


def test_too_little_time(tmp_path: Path) -> None:
    layer = Layer.conv(b=1, k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    large = machine(buffer=2**16)
    result = optimize(large, layer, time_limit=2, spatial="full")
    claimed = replace(result, lower_bound=result.lower_bound + 0.5 * (result.objective - result.lower_bound))
    found = book(tmp_path, claimed, accelerator=large, layer=layer).check(time_limit=0.01)
    assert found.layers[0].proof.state in (OPEN, CONTRADICTED)


def test_layers_that_do_not_fit(tmp_path: Path) -> None:
    small = machine(registers=4)
    result = optimize(small, LAYER, spatial="full")
    assert result.status == "infeasible"
    assert book(tmp_path, result, accelerator=small).check().proven
    diagnosis = Diagnosis((Shortage("weights", 9, 8, (("W", 9),)),), ())
    claimed = Result(
        "infeasible", None, 0.0, None, None, None, diagnosis, "exact", "edp", 0.1, spatial=SpatialMapping(())
    )
    found = book(tmp_path, claimed).check()
    assert found.layers[0].proof.state == CONTRADICTED
    assert not found.ok


def test_another_machine_shows(right: Book) -> None:
    found = right.check(accelerator=machine(buffer=2**14), bounds=False)
    differences = found.layers[0].differences
    assert differences
    assert all(".utilization." in difference.field for difference in differences)
    dear = machine(buffer=4096, read_energy=7.0)
    found = right.check(accelerator=dear, bounds=False)
    assert "layers[0].evaluation.energy.total" in {
        difference.field for difference in found.layers[0].differences
    }


def test_equal_layers_are_proven_once(solved: Result, tmp_path: Path) -> None:
    layers = [replace(LAYER, name=f"gemm{number}", id=number) for number in range(3)]
    data = solved_data(
        "1.0",
        MACHINE,
        "edp",
        "exact",
        [SolvedLayer(layer, solved) for layer in layers],
        options={"gap": 0.01},
    )
    path = tmp_path / "result.json"
    path.write_text(json_text(data))
    found = verify(path, time_limit=600)
    assert found.proven
    assert len({id(layer.proof) for layer in found.layers}) == 1


def test_equal_layers_of_other_unrollings_are_claims_of_their_own(tmp_path: Path) -> None:
    """That the second one has no mapping was believed where that of the first was proven."""
    small = machine(registers=4)
    right = optimize(small, LAYER, spatial="full")
    wrong = replace(right, spatial=SpatialMapping.from_dict({"D1": {"B": 2}}))
    assert right.status == "infeasible"
    roomy = machine()
    layers = [replace(LAYER, name=f"gemm{number}", id=number) for number in range(2)]
    solved = [SolvedLayer(layer, result) for layer, result in zip(layers, (right, wrong), strict=True)]
    path = tmp_path / "result.json"
    path.write_text(json_text(solved_data("1.0", roomy, "edp", "exact", solved)))
    file = load_results(path)
    assert equal_layers(file) == [[0], [1]]
    again = json.loads(path.read_text())
    again["layers"][1]["spatial_mapping"] = again["layers"][0]["spatial_mapping"]
    path.write_text(json.dumps(again))
    assert equal_layers(load_results(path)) == [[0, 1]]


def test_the_largest_seed(right: Book) -> None:
    """A result with this seed could not be verified: that of the second proof was out of range."""
    right.data["options"]["seed"] = MAX_SEED
    assert right.check().proven


def test_a_space_that_the_file_leaves_open(right: Book) -> None:
    """None of these had a message."""
    right.layer["space"] = None
    assert right.check().proven
    right.layer["space"] = {
        "unrollings": 1,
        "solved": 1,
        "ruled_out": {},
        "complete": True,
        "description": "",
    }
    right.layer["space"] |= {"factors": "imperfect", "max_padding": None}
    with pytest.raises(
        InputError, match=r"layers\[0\].space.max_padding: wrong value: expected a number, found not"
    ):
        right.check()


def test_constraints_are_part_of_the_claim(tmp_path: Path) -> None:
    asked = {"innermost": ["K"]}
    result = optimize(MACHINE, LAYER, constraints=asked, time_limit=600, gap=0.01, spatial="full")
    assert result.status == "optimal"
    constrained = book(tmp_path, result)
    assert constrained.layer["constraints"] == result.constraints.to_dict()
    assert constrained.check().proven
    constrained.layer["constraints"] = {"innermost": ["C"]}
    (layer,) = constrained.check(bounds=False).layers
    assert layer.violations
    del constrained.layer["constraints"]
    free = optimize(MACHINE, LAYER, time_limit=600, gap=0.01, spatial="full")
    assert free.objective < result.lower_bound, "the constraint costs nothing: the test says nothing"
    (layer,) = constrained.check().layers
    assert layer.proof.state == CONTRADICTED


def test_constraints_that_cannot_be_obeyed(tmp_path: Path) -> None:
    result = optimize(MACHINE, LAYER, constraints={"max_latency": 1}, time_limit=600, spatial="full")
    assert result.status == "infeasible"
    impossible = book(tmp_path, result)
    assert impossible.check().proven
    impossible.layer["constraints"] = {"max_latency": 10**9}
    (layer,) = impossible.check().layers
    assert layer.proof.state == CONTRADICTED
