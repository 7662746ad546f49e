"""``zzcp convert``, and what the options for workloads do on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Golden, Run
from tests.io.onnx.builders import ModelBuilder, bert_block, save
from zzcp import Layer, Network, load_workload
from zzcp.cli.main import cli
from zzcp.conversion import convert
from zzcp.io import layer_to_dict, network_to_yaml

EIGHT = {"W": 8, "I": 8, "O": 16, "O_final": 8}


def small(folder: Path) -> Path:
    """Write a convolution, an activation, a pooling, and a transform that no layer stands for."""
    net = ModelBuilder()
    tensor = net.node(
        "Conv", net.input("batch", 3, 8, 9), net.weight(4, 3, 1, 5), name="conv", kernel_shape=[1, 5]
    )
    tensor = net.node("MaxPool", net.node("Relu", tensor, name="relu"), name="pool", kernel_shape=[2, 2])
    net.node("DeformConv", tensor, net.weight(4, 4, 1, 1), net.input(1, 2, 7, 4), name="deform")
    return net.save(folder, name="small.onnx")


def test_what_is_written(tmp_path: Path, zzcp: Run, golden: Golden) -> None:
    result = zzcp("convert", small(tmp_path), "-o", "-", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("convert", result.stdout)


@pytest.mark.parametrize("operators", ["macs", "all"])
@pytest.mark.parametrize("name", ["resnet18", "bert_base", "llama_7b_block_decode"])
def test_layers_are_read_back_equal(name: str, operators: str, tmp_path: Path, zzcp: Run) -> None:
    source, target = f"models/workloads/{name}.onnx", tmp_path / "network.yaml"
    assert zzcp("convert", source, "-o", target, "--operators", operators, "-q").exit_code == 0
    before, after = load_workload(source, operators=operators), load_workload(target)  # type: ignore[arg-type]
    assert after.macs == before.macs
    found = {layer.id: layer_to_dict(layer) for layer in after}
    for layer in before:
        expected = layer_to_dict(layer)
        del expected["operand_source"], found[layer.id]["operand_source"]
        assert found[layer.id] == expected


def test_names_cannot_end_a_comment(tmp_path: Path, zzcp: Run) -> None:
    net = ModelBuilder()
    tensor = net.node("Relu", net.input(3, 4), name="a\n- id: 7\u2028b")
    net.node("MatMul", tensor, net.weight(4, 5), name="fc")
    target = tmp_path / "out.yaml"
    assert zzcp("convert", net.save(tmp_path), "-o", target, "-q").exit_code == 0
    assert [layer.name for layer in load_workload(target)] == ["fc"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("models/workloads/gemm_512.yaml", "-o", "-"),
            "cannot be converted: expected a description of a machine",
        ),
        (
            ("models/mappings/tpu_like.yaml", "-o", "-"),
            "cannot be converted: expected a description of a machine",
        ),
        (
            ("examples/seed/conv_1_2_4.yaml", "-o", "-"),
            "cannot be converted: expected an ONNX file (.onnx), an arch",
        ),
        (("models/workloads/resnet18.onnx", "x.yaml", "-o", "-"), "one network at a time"),
        (
            ("models/workloads/resnet18.onnx", "-o", "-", "--layer", "conv1"),
            "--layer is for a result, with --to",
        ),
        (
            ("tests/conversion/data/tree.arch.yaml", "-o", "-", "--dim", "a=3"),
            "open dimensions are for ONNX files",
        ),
        (
            ("tests/conversion/data/tree.arch.yaml", "-o", "-", "--operand", "A"),
            "expected TENSOR=I1, found 'A='",
        ),
        (
            ("tests/conversion/data/tree.arch.yaml", "-o", "-", "--operand", "A=I3"),
            "wrong operand of tensor A",
        ),
        (("tests/conversion/data/tree.arch.yaml", "-o", "-", "--take", "network"), "there is no network"),
        (
            ("tests/conversion/data/tree.arch.yaml", "-o", "-", "--to", "timeloop"),
            "the key 'zzcp_version' is missing",
        ),
        (("missing.onnx", "-o", "-"), "cannot read the model: No such file or directory"),
        (("models/workloads/resnet18.onnx", "-o", "no/such/folder.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_converted(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("convert", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_nothing_to_convert(tmp_path: Path, zzcp: Run) -> None:
    net = ModelBuilder()
    net.node("Relu", net.input(3))
    result = zzcp("convert", net.save(tmp_path), "-o", "-")
    assert (result.exit_code, "network model has no layers to write" in result.stderr) == (2, True)


DATA = "tests/conversion/data"


def test_machine_of_timeloop(zzcp: Run, golden: Golden) -> None:
    files = (f"{DATA}/tree.arch.yaml", f"{DATA}/tree.ERT.yaml", f"{DATA}/tree.constraints.yaml")
    result = zzcp("convert", *files, "-o", "-", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("convert_timeloop", result.stdout)
    notes = zzcp("convert", *files, "-o", "-").stderr
    assert "note: without counterpart: attribute n_banks: it is not looked at" in notes


def test_machine_of_accelforge(zzcp: Run, golden: Golden) -> None:
    result = zzcp("convert", f"{DATA}/array.af.yaml", "--set", "BUFFER_BITS=8192", "-o", "-", "-q")
    assert result.exit_code == 0, result.stderr
    golden("convert_accelforge", result.stdout)


def test_networks_of_both(zzcp: Run, golden: Golden) -> None:
    for tool, name in (("timeloop", "conv.problem.yaml"), ("accelforge", "network.af.yaml")):
        result = zzcp("convert", f"{DATA}/{name}", "--precision", "O=24", "-o", "-", "-q")
        assert result.exit_code == 0, result.stderr
        golden(f"convert_{tool}_network", result.stdout)


def test_json_of_a_machine(zzcp: Run, tmp_path: Path) -> None:
    target = tmp_path / "machine.yaml"
    result = zzcp("convert", f"{DATA}/tree.arch.yaml", "-o", target, "--json", "-")
    (entry,) = json.loads(result.stdout)["files"]
    assert entry["tool"] == "Timeloop"
    assert "sums is divided by its multiple_buffering of 2" in entry["assumed"]
    assert any(remark.startswith("Timeloop's counting") for remark in entry["missing"])
    assert target.read_text().startswith(f"# Converted by zzcp from Timeloop: {DATA}/tree.arch.yaml\n")


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Return the result of a layer on the machine of AccelForge's format, with an even mapping."""
    folder = tmp_path_factory.mktemp("solved")
    machine = convert([str(root / DATA / "array.af.yaml")])
    (folder / "machine.yaml").write_text(machine.text)
    gemm = Layer.gemm(b=48, k=64, c=32, precision=dict.fromkeys(("W", "I", "O", "O_final"), 8))
    (folder / "network.yaml").write_text(network_to_yaml(Network("gemm", (gemm,))))
    (folder / "mapping.yaml").write_text("- name: default\n  spatial_mapping: {D1: ['B, 4'], D2: ['K, 8']}\n")
    (folder / "constraints.yaml").write_text("even_mapping: true\n")
    files = [("-a", "machine"), ("-w", "network"), ("-m", "mapping"), ("--constraints", "constraints")]
    arguments = [part for option, name in files for part in (option, str(folder / f"{name}.yaml"))]
    done = CliRunner().invoke(
        cli, ["solve", *arguments, "--objective", "energy", "-q", "--json", str(folder / "result.json")]
    )
    assert done.exit_code == 0, done.output
    return folder / "result.json"


@pytest.mark.parametrize("tool", ["timeloop", "accelforge"])
def test_mapping_of_a_result(tool: str, solved: Path, zzcp: Run, golden: Golden) -> None:
    result = zzcp("convert", solved, "--to", tool, "-o", "-", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"convert_to_{tool}", result.stdout)
    if tool == "accelforge":  # it reads its own machine and network again
        path = solved.with_name("again.yaml")
        path.write_text(result.stdout)
        again = zzcp("convert", path, "-o", "-", "--take", "network", "-q")
        assert "equation: O[b][k]+=W[k][c]*I[b][c]" in again.stdout


def test_a_mapping_is_of_one_layer(solved: Path, zzcp: Run) -> None:
    result = zzcp("convert", solved, "--to", "timeloop", "--layer", "other", "-o", "-")
    assert result.exit_code == 2
    assert (
        "a file of another tool is for one layer: expected --layer with one of gemm, found other"
        in result.stderr
    )


# ---- options of all commands that read a workload ---------------------------------------------------------------


def test_open_dimensions_are_asked_for_in_the_form_of_the_option(tmp_path: Path, zzcp: Run) -> None:
    path = save(bert_block(), tmp_path)
    result = zzcp("show", path)
    assert result.exit_code == 2
    assert "(give them: --dim sequence=SIZE, or dimensions={'sequence': SIZE} in Python)" in result.stderr
    result = zzcp("show", path, "--dim", "sequence=8", "--json", "-")
    assert result.exit_code == 0
    layers = json.loads(result.stdout)["files"][0]["layers"]
    assert [layer["loop_sizes"] for layer in layers if layer["name"] == "scores"] == [[8, 8, 8, 1, 4]]
    assert "batch: taken for a batch of 1 (--dim batch=SIZE for another)" in result.stderr


@pytest.mark.parametrize("command", ["solve", "compare", "evaluate", "sweep", "pareto"])
def test_every_command_takes_the_options(command: str, tmp_path: Path, zzcp: Run) -> None:
    """They fail for the size, which they would not know without it."""
    path = save(bert_block(), tmp_path)
    files = ["-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", path]
    files += ["-m", "examples/seed/conv_1_2_4.yaml"] if command == "evaluate" else []
    result = zzcp(command, *files, "--dim", "sequence=0")
    assert "expected NAME=SIZE, such as sequence=128, found 'sequence=0'" in result.stderr
    result = zzcp(command, *files, "--dim", "sequense=8")
    assert "the model has no such open dimension" in result.stderr
    assert result.exit_code == 2
    result = zzcp(command, *files, "--dim", "sequence=8", "--precision", "X=3")
    assert "precision of an unknown operand" in result.stderr


def test_precision_of_a_solved_layer(tmp_path: Path, zzcp: Run) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input(4, 4), net.weight(4, 4), name="fc")
    arguments = ("-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", net.save(tmp_path), "--json", "-")
    result = zzcp("solve", *arguments, "--precision", "W=8,I=8,O=16,O_final=8")
    assert result.exit_code == 0, result.stderr
    (layer,) = json.loads(result.stdout)["layers"]
    assert layer["definition"]["operand_precision"] == EIGHT


@pytest.mark.parametrize("text", ["W", "W=", "W=-1", "=8", "W=²"])
def test_precision_of_a_wrong_form(text: str, zzcp: Run) -> None:
    result = zzcp("show", "models/workloads/resnet18.onnx", "--precision", text)
    assert result.exit_code == 2
    assert "invalid value for '--precision': expected bits, such as W=8,I=8,O=16,O_final=8" in result.stderr


# ---- what is left out ------------------------------------------------------------------------------------------------


def recurrent(folder: Path) -> Path:
    """Write a product, recurrences that are too long to be layers, and work of unknown size."""
    net = ModelBuilder()
    sequence = net.node("Relu", net.input(5, 1, 20))
    for _ in range(2):
        net.node("LSTM", sequence, net.weight(1, 128, 20), net.weight(1, 128, 32), hidden_size=32, outputs=3)
    net.node("MatMul", sequence, net.weight(20, 100), name="fc")
    net.node("STFT", net.input(1, 100, 1), net.values(10), domain="")
    return net.save(folder, name="recurrent.onnx")


def test_what_is_left_out_is_said_first(
    tmp_path: Path, zzcp: Run, monkeypatch: pytest.MonkeyPatch, golden: Golden
) -> None:
    monkeypatch.setattr("zzcp.io.onnx.recurrent.MAX_STEPS", 4)
    path = recurrent(tmp_path)
    shown = zzcp("show", path, "--summary", "-q").stdout
    golden("show_summary", shown)
    head = shown.splitlines()[1]
    assert head.endswith("left out: 2 LSTM (66.6 k MACs), 1 of unknown size (1 STFT)")
    files = ("-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", path)
    solved = zzcp("solve", *files, "--precision", "W=8,I=8,O=16,O_final=8")
    assert solved.stdout.splitlines()[0] == head
    result = zzcp("show", path, "--json", "-", "-q")
    (entry,) = json.loads(result.stdout)["files"]
    assert entry["totals"] == {"layers": 1, "macs": 10_000, "total_macs": 10_000 + 2 * 5 * 128 * 52}
    network = load_workload(path)
    assert [(node.operator, node.macs) for node in network.unmapped] == [
        ("LSTM", 33_280), ("LSTM", 33_280), ("STFT", None)
    ]  # fmt: skip
    assert (network.macs, network.total_macs) == (10_000, 76_560)


def test_no_layers_is_an_error_unless_show_is_asked(tmp_path: Path, zzcp: Run) -> None:
    net = ModelBuilder()
    net.node("Relu", net.input(3))
    path = net.save(tmp_path)
    result = zzcp("solve", "-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", path)
    assert result.exit_code == 2
    assert "has no layers that can be mapped: found 1 nodes that have none (zzcp show" in result.stderr
    assert zzcp("show", path).exit_code == 0


def test_note_where_zigzag_reads_another_layer(tmp_path: Path, zzcp: Run) -> None:
    path = small(tmp_path)
    files = ("-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", path, "--dim", "batch=1")
    files = (*files, "--precision", "W=8,I=8,O=16,O_final=8", "--time-limit", "5")
    text = "ZigZag reads another layer in the place of conv: it exchanges rows and columns"
    assert text in zzcp("solve", *files, "--conventions", "zigzag").stderr
    assert text not in zzcp("solve", *files).stderr
