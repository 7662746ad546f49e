"""Jobs and results as plain data: they come back equal, through JSON, and nothing else is made of what is read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import zzcp
from tests.machines import machine
from zzcp.cost.conventions import ZIGZAG
from zzcp.cost.objective import WeightedSum
from zzcp.errors import InputError
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.machine import with_residents
from zzcp.mapping.spatial import SpatialMapping
from zzcp.runs.records import Records
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.portable import RECORDS, SEARCH
from zzcp.solver.result import Progress, Result
from zzcp.workload import Layer

LAYER = Layer.gemm(b=2, k=4, c=4)
MODELS = sorted(Path(__file__).parents[2].joinpath("models", "accelerators").glob("*.yaml"))


def again(value: object) -> object:
    return RECORDS.from_plain(json.loads(json.dumps(RECORDS.to_plain(value))))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_machines_come_back_equal(path: Path) -> None:
    accelerator = zzcp.load_accelerator(path)
    assert again(accelerator) == accelerator
    assert repr(again(accelerator)) == repr(accelerator)


@pytest.mark.parametrize("name", ["resnet18.onnx", "mobilenetv2.onnx", "bert_base.onnx", "gemm_512.yaml"])
def test_layers_come_back_equal(name: str, root: Path) -> None:
    for layer in zzcp.load_workload(root / "models/workloads" / name):
        assert again(layer) == layer
        assert again(layer).signature() == layer.signature()  # type: ignore[attr-defined]


def test_a_job_comes_back_equal(root: Path) -> None:
    chip = machine()
    constraints = Constraints.from_dict({"innermost": ["K"], "double_buffering": {"w_regs": "forbidden"}})
    for spatial in (SpatialMapping(), Freedom(1, {"D1": ("K",)}, {"D2": {"C": 2}}, 0.5)):
        for goal in ("edp", WeightedSum(Fraction(1, 3), Fraction(10**30, 7))):
            options = SearchOptions(None, 1e-7, 3, replace(ZIGZAG, name="mine"), "ranges", None, 0.1)
            hint = zzcp.optimize(chip, LAYER, spatial="full").mapping
            job = Job(chip, LAYER, goal, spatial, {"W": "I2"}, constraints, options, hint)  # type: ignore[arg-type]
            assert again(job) == job
            assert SEARCH.unpack(json.loads(json.dumps(SEARCH.pack(job)))) == job


def test_a_machine_with_residents_comes_back_equal(root: Path) -> None:
    chip = zzcp.load_accelerator(root / "models/accelerators/tpu_like.yaml")
    layer = Layer.gemm(b=8, k=8, c=8)
    levels = [memory.name for memory in chip.levels(layer.default_links["O"])]
    reduced = with_residents(chip, {"O": levels[-2]}, {levels[-2]: 64}, layer.default_links)
    assert again(reduced) == reduced


@pytest.mark.parametrize("size", [4, 64])
def test_a_result_comes_back_with_its_figures_counted_again(size: int) -> None:
    memories = tuple(
        replace(memory, size=size) if memory.name == "w_regs" else memory for memory in machine().memories
    )
    job = Job(machine(memories), LAYER, "edp", default_spatial(machine(memories), LAYER))
    result = SEARCH(job, lambda _: None)
    assert result.status == ("infeasible" if size == 4 else "optimal")
    back = SEARCH.unpack_result(job, json.loads(json.dumps(SEARCH.pack_result(result))))
    assert isinstance(back, Result)
    assert back == result
    assert back.to_dict() == result.to_dict()


@pytest.mark.parametrize("change", [{"objective": 1.0}, {"lower_bound": 1e300}, {"lower_bound": -1.0}])
def test_a_result_that_is_not_what_it_says_is_refused(change: dict[str, float]) -> None:
    job = Job(machine(), LAYER, "edp", default_spatial(machine(), LAYER))
    data = SEARCH.pack_result(replace(SEARCH(job, lambda _: None), **change))
    with pytest.raises(InputError, match="is not what it says"):
        SEARCH.unpack_result(job, data)


def test_progress_and_numbers_come_back() -> None:
    told = Progress(0.5, None, 1.25, None, "relaxation")
    assert SEARCH.unpack_message(SEARCH.pack_message(told)) == told
    for value in (math.inf, -math.inf, 0.1, Fraction(1, 3), (1, [2, {3: None}]), frozenset({1, 2}), {"a"}):
        assert again(value) == value
    assert math.isnan(again(math.nan))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        {"is": "system", "of": ["ls"]},
        {"is": "Path", "of": ["/"]},
        {"is": "Layer", "with": {}},
        {"is": "Layer", "with": {"equation": 3, "sizes": 4}},
        {"is": "Fraction", "value": "1/0"},
        {"is": "dict", "value": [[1]]},
        {},
        {"is": "Freedom", "with": {"max_dims": 0}},
    ],
)
def test_what_is_no_record_is_refused(data: object) -> None:
    with pytest.raises(InputError):
        RECORDS.from_plain(data)


def test_what_is_not_known_is_not_sent() -> None:
    with pytest.raises(TypeError, match=r"no record: .*Path"):
        RECORDS.to_plain(Path())
    with pytest.raises(TypeError, match="no record: Freedom"):
        Records(()).to_plain(Freedom())
