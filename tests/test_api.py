"""The names that users of the library may rely on."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import zzcp

LIBRARY = (
    "load_accelerator",
    "load_workload",
    "load_mapping",
    "evaluate",
    "optimize",
    "Layer",
    "Mapping",
    "EXACT",
    "ZIGZAG",
)


@pytest.mark.parametrize("name", zzcp.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    assert getattr(zzcp, name) is not None
    assert name in dir(zzcp)


def test_the_names_of_the_library_are_public() -> None:
    assert set(LIBRARY) <= set(zzcp.__all__)
    assert len(set(zzcp.__all__)) == len(zzcp.__all__)


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="module 'zzcp' has no attribute 'optimise'"):
        _ = zzcp.optimise  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "part", ["cost", "errors", "hardware", "io", "mappers", "mapping", "solver", "workload"]
)
def test_the_names_of_every_part_exist(part: str) -> None:
    module = importlib.import_module(f"zzcp.{part}")
    assert getattr(zzcp, part) is module
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), name


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (zzcp.evaluate, ("accelerator", "layer", "mapping", "conventions")),
        (zzcp.optimize, ("accelerator", "layer", "objective", "spatial", "time_limit", "gap", "seed")),
        (zzcp.optimize, ("workers", "conventions", "hint", "on_progress")),
        (zzcp.Layer.gemm, ("b", "k", "c")),
        (zzcp.Layer.conv, ("b", "k", "c", "oy", "ox", "fy", "fx", "stride", "padding")),
        (zzcp.Mapping.from_dict, ("data",)),
    ],
)
def test_parameters(function: object, parameters: tuple[str, ...]) -> None:
    assert callable(function)
    assert set(parameters) <= set(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (zzcp.Evaluation, {"energy", "latency", "accesses", "utilization", "edp", "to_dict"}),
        (zzcp.Mapping, {"to_dict", "from_dict", "to_yaml", "to_zigzag", "spatial", "order", "allocation"}),
        (zzcp.Mapping, {"buffering", "links", "temporal"}),
        (zzcp.Result, {"status", "lower_bound", "gap", "mapping", "evaluation"}),
        (zzcp.Layer, {"equation", "sizes", "precision", "macs", "name", "operator"}),
    ],
)
def test_attributes(kind: type, names: set[str]) -> None:
    fields = {field.name for field in dataclasses.fields(kind)}
    assert names <= fields | set(dir(kind))


@pytest.mark.parametrize(
    "name",
    [
        "Accelerator",
        "CostConventions",
        "Evaluation",
        "Layer",
        "Mapping",
        "Memory",
        "Network",
        "SpatialMapping",
    ],
)
def test_the_domain_is_frozen(name: str) -> None:
    kind = getattr(zzcp, name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, zzcp; print(sorted({'numpy', 'ortools', 'networkx', 'onnx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_from_files_to_figures(root: Path) -> None:
    """The way of the documentation, once."""
    accelerator = zzcp.load_accelerator(root / "models" / "accelerators" / "seed_eyeriss_1_2_4.yaml")
    layer = zzcp.load_workload(root / "models" / "workloads" / "seed_workload.yaml")[0]
    mapping = zzcp.Mapping.from_yaml((root / "examples" / "seed" / "conv_1_2_4.yaml").read_text())
    evaluation = zzcp.evaluate(accelerator, layer, mapping, conventions=zzcp.ZIGZAG_3_0)
    assert (evaluation.latency.total, evaluation.latency.data_loading) == (250_439, 220)
