"""The bundled workloads: generated as committed, real topologies, and the published numbers of operations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest
from onnx import ModelProto

import zzcp

NAMES = (
    "alexnet",
    "resnet18",
    "resnet50",
    "mobilenetv2",
    "bert_base",
    "llama_7b_block_prefill",
    "llama_7b_block_decode",
)

# Multiply-accumulate operations of the torchvision models (its documentation, in GFLOPS, gives 0.71, 1.81, 4.09
# and 0.30); for the transformers, products of the published dimensions.
MACS = {
    "alexnet": 714_188_480,
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "mobilenetv2": 300_774_272,
    "bert_base": 12 * 512 * (4 * 768**2 + 2 * 768 * 3072 + 2 * 512 * 768) + 768**2,
    "llama_7b_block_prefill": 2048 * (4 * 4096**2 + 3 * 4096 * 11008 + 2 * 2048 * 4096),
    "llama_7b_block_decode": 4 * 4096**2 + 3 * 4096 * 11008 + 2 * 2048 * 4096,
}

# Published parameters, and how many of them folding BatchNorm removes (two a channel become one bias).
PARAMETERS = {
    "alexnet": (61_100_840, 0),
    "resnet18": (11_689_512, 4_800),
    "resnet50": (25_557_032, 26_560),
    "mobilenetv2": (3_504_872, 17_056),
    "bert_base": (109_482_240, 0),
}

YAML_MACS = {
    "seed_workload": [1_000_000, 1_000_000],
    "gemm_512": [512**3],
    "resnet18_conv2": [115_605_504],
    "resnet18_block": [1_806_336, 115_605_504, 115_605_504, 200_704],
    "mobilenetv2_depthwise": [2_709_504],
}


def load(models: Path, name: str) -> ModelProto:
    return onnx.load(models / "workloads" / f"{name}.onnx", load_external_data=False)


def sorted_shapes(model: ModelProto) -> ModelProto:
    """Return a copy with the inferred shapes in order of their names: versions of onnx list them differently."""
    copy = type(model)()
    copy.CopyFrom(model)
    shapes = sorted(copy.graph.value_info, key=lambda value: value.name)
    del copy.graph.value_info[:]
    copy.graph.value_info.extend(shapes)
    return copy


def test_nothing_is_left_untested(models: Path, generate: ModuleType) -> None:
    files = list((models / "workloads").iterdir())
    assert {path.stem for path in files if path.suffix == ".onnx"} == set(NAMES) == set(generate.MODELS)
    assert {path.stem for path in files if path.suffix == ".yaml"} == set(YAML_MACS)


@pytest.mark.parametrize("name", NAMES)
def test_generating_again_gives_the_committed_file(models: Path, generate: ModuleType, name: str) -> None:
    same = sorted_shapes(load(models, name)) == sorted_shapes(generate.MODELS[name]())
    assert same, "run python models/workloads/generate.py"


@pytest.mark.parametrize("name", NAMES)
def test_generating_is_deterministic(generate: ModuleType, name: str) -> None:
    first, second = (generate.MODELS[name]().SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_the_script_runs_as_documented(models: Path, tmp_path: Path) -> None:
    script = models / "workloads" / "generate.py"
    subprocess.run([sys.executable, script, "alexnet", "--output", tmp_path], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["alexnet.onnx"]
    assert (tmp_path / "alexnet.onnx").read_bytes() == (models / "workloads" / "alexnet.onnx").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_files_are_valid_and_small(models: Path, name: str) -> None:
    path = models / "workloads" / f"{name}.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_has_a_shape_and_every_node_a_name(
    models: Path, generate: ModuleType, name: str
) -> None:
    model = load(models, name)
    shapes = sys.modules["generator.count"].shapes(model)
    nodes = model.graph.node
    assert len({node.name for node in nodes}) == len(nodes)
    for node in nodes:
        for tensor in node.output:
            assert shapes[tensor], tensor
            assert all(size > 0 for size in shapes[tensor]), tensor


@pytest.mark.parametrize("name", NAMES)
def test_weights_have_shapes_and_no_values(models: Path, name: str) -> None:
    constants = load(models, name).graph.initializer
    assert sum(len(tensor.raw_data) + 8 * len(tensor.int64_data) for tensor in constants) < 1000


@pytest.mark.parametrize("name", NAMES)
def test_operations_are_the_published_ones(models: Path, generate: ModuleType, name: str) -> None:
    assert sys.modules["generator.count"].macs(load(models, name)) == MACS[name]
    network = zzcp.load_workload(models / "workloads" / f"{name}.onnx")
    assert network.macs == network.total_macs == MACS[name]
    assert {bits for layer in network for bits in layer.precision.values()} == {32}


def test_bert_agrees_with_a_published_table() -> None:
    """Kim et al., arXiv:2302.14017, Table 3, 512 tokens: GFLOPs of the three kinds of matrix products."""
    pooler = 768**2
    assert 2 * (MACS["bert_base"] - pooler) / 1e9 == pytest.approx(28.99 + 9.62 + 57.98, rel=1e-3)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_published_ones(models: Path, generate: ModuleType, name: str) -> None:
    published, folded = PARAMETERS[name]
    assert sys.modules["generator.count"].parameters(load(models, name)) == published - folded


def test_llama_blocks_add_up_to_the_published_model(models: Path, generate: ModuleType) -> None:
    """32 blocks, the two embeddings of 32,000 tokens and the last norm are the 6.7B of arXiv:2302.13971."""
    for name in ("llama_7b_block_prefill", "llama_7b_block_decode"):
        block = sys.modules["generator.count"].parameters(load(models, name))
        assert 32 * block + 2 * 32_000 * 4096 + 4096 == 6_738_415_616


@pytest.mark.parametrize(
    ("name", "operators"),
    [
        ("resnet18", {"Conv": 20, "Add": 8, "Relu": 17, "MaxPool": 1, "GlobalAveragePool": 1, "Gemm": 1}),
        ("resnet50", {"Conv": 53, "Add": 16, "Relu": 49, "MaxPool": 1, "GlobalAveragePool": 1, "Gemm": 1}),
        ("mobilenetv2", {"Conv": 52, "Add": 10, "Clip": 35, "GlobalAveragePool": 1, "Gemm": 1}),
        ("alexnet", {"Conv": 5, "Relu": 7, "MaxPool": 3, "Gemm": 3}),
        ("bert_base", {"MatMul": 96, "Softmax": 12, "LayerNormalization": 25, "Gelu": 12, "Gemm": 1}),
        ("llama_7b_block_decode", {"MatMul": 9, "Softmax": 1, "Sigmoid": 1, "Concat": 4}),
    ],
)
def test_topology(models: Path, name: str, operators: dict[str, int]) -> None:
    found: dict[str, Any] = dict.fromkeys(operators, 0)
    for node in load(models, name).graph.node:
        if node.op_type in found:
            found[node.op_type] += 1
    assert found == operators


def test_decode_attends_to_the_cache_and_the_new_token(models: Path) -> None:
    network = zzcp.load_workload(models / "workloads" / "llama_7b_block_decode.onnx")
    scores, context = network.layer("attention.scores"), network.layer("attention.context")
    assert (scores.sizes["D"], scores.sizes["K"], scores.sizes["H"]) == (1, 2048, 32)
    assert (context.sizes["C"], context.sizes["K"]) == (2048, 128)
    assert scores.constant_operands == context.constant_operands == ()


@pytest.mark.parametrize("name", YAML_MACS)
def test_yaml_workloads(models: Path, name: str) -> None:
    network = zzcp.load_workload(models / "workloads" / f"{name}.yaml")
    assert [layer.macs for layer in network] == YAML_MACS[name]


@pytest.mark.parametrize(
    ("single", "file", "node"),
    [
        ("resnet18_conv2", "resnet18", "layer1.0.conv1"),
        ("mobilenetv2_depthwise", "mobilenetv2", "features.2.conv.1.0"),
    ],
)
def test_single_layers_are_those_of_the_networks(models: Path, single: str, file: str, node: str) -> None:
    (layer,) = zzcp.load_workload(models / "workloads" / f"{single}.yaml")
    bits = {"W": 8, "I": 8, "O": 16, "O_final": 8}
    other = zzcp.load_workload(models / "workloads" / f"{file}.onnx", precision=bits).layer(node)
    real = {dim: size for dim, size in other.sizes.items() if size > 1}
    assert {dim: size for dim, size in layer.sizes.items() if size > 1} == real
    for operand in "WIO":
        assert layer.tensor_size(operand) == other.tensor_size(operand)
        assert layer.precision[operand] == other.precision[operand]


def test_block_is_connected_as_in_the_network(models: Path) -> None:
    block = zzcp.load_workload(models / "workloads" / "resnet18_block.yaml")
    assert sorted(block.graph().edges) == [(0, 1), (0, 3), (1, 2), (2, 3)]


def test_the_documented_table_is_what_the_script_prints(root: Path, generate: ModuleType) -> None:
    documented = (root / "docs" / "models.md").read_text()
    for line in generate.table(list(NAMES)).splitlines()[2:]:
        assert line.rstrip(" |") in documented
