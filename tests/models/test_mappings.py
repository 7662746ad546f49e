"""The bundled mappings: for every machine, for all kinds of layers, never more than the array has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import zzcp

MACHINES = {
    "seed_eyeriss_1_2_4": "seed_mapping",
    "seed_eyeriss_8_64_1024": "seed_mapping",
    **{name: name for name in ("eyeriss_like", "tpu_like", "gemmini_like", "simba_like", "edge_tpu_like")},
}
FULL = tuple(machine for machine, mapping in MACHINES.items() if machine == mapping)


def spatial(models: Path, machine: str, layer: zzcp.Layer) -> zzcp.SpatialMapping:
    """Return what a machine's mapping file makes of a layer."""
    accelerator = zzcp.load_accelerator(models / "accelerators" / f"{machine}.yaml")
    entry = zzcp.load_mapping(models / "mappings" / f"{MACHINES[machine]}.yaml").for_layer(layer)
    mapping = zzcp.SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    assert mapping.violations(accelerator, layer) == []
    return mapping


def utilisation(models: Path, machine: str, layer: zzcp.Layer) -> float:
    """Return the part of the array that works in an average cycle."""
    accelerator = zzcp.load_accelerator(models / "accelerators" / f"{machine}.yaml")
    cycles = spatial(models, machine, layer).cycles(layer)
    return layer.macs / cycles / accelerator.array.units


def test_nothing_is_left_untested(models: Path) -> None:
    assert {path.stem for path in (models / "mappings").iterdir()} == set(MACHINES.values())


@pytest.mark.parametrize("machine", FULL)
def test_has_an_entry_for_every_kind_of_layer(models: Path, machine: str) -> None:
    entries = yaml.safe_load((models / "mappings" / f"{machine}.yaml").read_text())
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    assert set(names) >= {"default", "Gemm", "MatMul", "depthwise", "Add", "Pooling", "MaxPool"}


@pytest.mark.parametrize("machine", FULL)
@pytest.mark.parametrize(
    "workload",
    [
        "alexnet.onnx",
        "resnet18.onnx",
        "resnet50.onnx",
        "mobilenetv2.onnx",
        "bert_base.onnx",
        "llama_7b_block_prefill.onnx",
        "llama_7b_block_decode.onnx",
        "resnet18_block.yaml",
        "mobilenetv2_depthwise.yaml",
    ],
)
def test_no_layer_is_given_more_than_the_array_has(models: Path, machine: str, workload: str) -> None:
    for layer in {x.signature(): x for x in zzcp.load_workload(models / "workloads" / workload)}.values():
        mapping = spatial(models, machine, layer)
        assert any(factor > 1 for _, _, factor in mapping), layer.name


@pytest.mark.parametrize("machine", ["seed_eyeriss_1_2_4", "seed_eyeriss_8_64_1024"])
def test_seed_mapping_fills_the_seed_machine(models: Path, machine: str) -> None:
    layers = zzcp.load_workload(models / "workloads" / "seed_workload.yaml")
    assert [utilisation(models, machine, layer) for layer in layers] == [1, 1]


@pytest.mark.parametrize(
    ("machine", "workload", "expected"),
    [
        ("eyeriss_like", "resnet18_conv2", 1),
        ("gemmini_like", "resnet18_conv2", 1),
        ("simba_like", "resnet18_conv2", 1),
        ("edge_tpu_like", "resnet18_conv2", 1),
        ("tpu_like", "resnet18_conv2", 64 * 64 / 65536),
        ("tpu_like", "gemm_512", 1),
        ("simba_like", "gemm_512", 1),
        ("eyeriss_like", "mobilenetv2_depthwise", 1),
        ("gemmini_like", "mobilenetv2_depthwise", 9 / 256),
    ],
)
def test_arrays_are_used_as_their_dataflow_lets_them(
    models: Path, machine: str, workload: str, expected: float
) -> None:
    (layer,) = zzcp.load_workload(models / "workloads" / f"{workload}.yaml")
    assert utilisation(models, machine, layer) == expected


@pytest.mark.parametrize("machine", FULL)
@pytest.mark.parametrize("workload", ["alexnet", "resnet18", "mobilenetv2", "bert_base"])
def test_names_do_not_matter(models: Path, machine: str, workload: str) -> None:
    """A network that somebody exported calls its layers otherwise."""
    for layer in zzcp.load_workload(models / "workloads" / f"{workload}.onnx"):
        renamed = replace(layer, name=f"/model/node_{layer.id}")
        assert spatial(models, machine, renamed) == spatial(models, machine, layer), layer.name


@pytest.mark.parametrize("machine", FULL)
@pytest.mark.parametrize(
    "workload", ["alexnet.onnx", "mobilenetv2.onnx", "bert_base.onnx", "resnet18_block.yaml"]
)
def test_the_unrollings_are_among_what_the_wiring_allows(models: Path, machine: str, workload: str) -> None:
    file = zzcp.load_mapping(models / "mappings" / f"{machine}.yaml")
    for layer in zzcp.load_workload(models / "workloads" / workload):
        hints = file.for_layer(layer).spatial_mapping_hint
        assert hints is not None
        for name, dim, factor in spatial(models, machine, layer):
            assert factor == 1 or dim in hints[name], f"{layer.name}: {dim} on {name}"
