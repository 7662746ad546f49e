"""ZigZag reads the bundled models, sees the same layers in them, and maps a layer on every machine."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import zzcp

pytestmark = pytest.mark.differential

MACHINES = ("eyeriss_like", "tpu_like", "gemmini_like", "simba_like", "edge_tpu_like")


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Keep ZigZag's warnings out of the output."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def paths(folder: str, suffix: str = ".yaml") -> list[str]:
    """Return the files of a folder of models, for parametrisation."""
    root = Path(__file__).resolve().parents[2] / "models" / folder
    return sorted(path.name for path in root.iterdir() if path.suffix == suffix)


def part(module: str) -> Any:
    """Return a module of ZigZag, which not every installation has."""
    return importlib.import_module(f"zigzag.{module}")


def accepts(validator: Any, path: Path) -> bool:
    return bool(validator(yaml.safe_load(path.read_text())).validate())


@pytest.mark.parametrize("file", paths("accelerators"))
def test_validator_accepts_accelerator(models: Path, file: str) -> None:
    assert accepts(part("parser.accelerator_validator").AcceleratorValidator, models / "accelerators" / file)


@pytest.mark.parametrize("file", paths("mappings"))
def test_validator_accepts_mapping(models: Path, file: str) -> None:
    assert accepts(part("parser.mapping_validator").MappingValidator, models / "mappings" / file)


@pytest.mark.parametrize("file", paths("workloads"))
def test_validator_accepts_workload(models: Path, file: str) -> None:
    assert accepts(part("parser.workload_validator").WorkloadValidator, models / "workloads" / file)


@pytest.mark.parametrize("file", paths("workloads", ".onnx"))
def test_zigzag_sees_the_same_layers(models: Path, file: str) -> None:
    path = models / "workloads" / file
    parser = part("parser.onnx.onnx_model_parser").ONNXModelParser
    workload = parser(str(path), str(models / "mappings" / "gemmini_like.yaml")).run()
    layer_node = part("workload.layer_node").LayerNode
    theirs = {
        node.id: {str(dim): size for dim, size in node.layer_dim_sizes.items()}
        for node in workload.node_list
        if isinstance(node, layer_node)
    }
    ours = {layer.id: dict(layer.sizes) for layer in zzcp.load_workload(path)}
    assert ours == theirs


@pytest.mark.parametrize("machine", MACHINES)
def test_loma_maps_a_layer_and_both_evaluators_agree_on_it(
    models: Path, tmp_path: Path, machine: str
) -> None:
    files = [models / "workloads" / "gemm_512.yaml"]
    files += [models / folder / f"{machine}.yaml" for folder in ("accelerators", "mappings")]
    energy, latency, results = part("api").get_hardware_performance_zigzag(
        *map(str, files),
        opt="EDP",
        dump_folder=str(tmp_path),
        lpf_limit=4,
        loma_show_progress_bar=False,
    )
    found = results[0][1][0][0].temporal_mapping.mapping_dic_origin
    (layer,) = zzcp.load_workload(files[0])
    accelerator, entry = zzcp.load_accelerator(files[1]), zzcp.load_mapping(files[2]).for_layer(layer)
    spatial = zzcp.SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    temporal = {
        str(operand): [[[str(dim), int(size)] for dim, size in level] for level in levels]
        for operand, levels in found.items()
    }
    mapping = zzcp.Mapping.from_dict({"spatial_mapping": spatial.to_dict(), "temporal_mapping": temporal})
    evaluation = zzcp.evaluate(accelerator, layer, mapping, conventions=zzcp.ZIGZAG)
    assert evaluation.energy.total == pytest.approx(energy, rel=1e-9)
    assert evaluation.latency.total == latency
