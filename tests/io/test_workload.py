"""The reader of workload files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.io import good_files
from zzcp.errors import InputError
from zzcp.io import load_workload, parse_document, read_workload
from zzcp.workload import Network


def read(data: Any) -> Network:
    return read_workload(
        parse_document(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False))
    )


@pytest.fixture
def layers() -> list[dict[str, Any]]:
    """Return the good workload as data."""
    loaded: list[dict[str, Any]] = yaml.safe_load(good_files.WORKLOAD)
    return loaded


def test_every_field_of_a_layer(layers: list[dict[str, Any]]) -> None:
    layers[0]["pr_loop_sizes"] = [15, 16]
    layer = read(layers)[0]
    assert (layer.id, layer.name, layer.operator) == (0, "first", "Conv")
    assert str(layer.equation) == "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]"
    assert list(layer.sizes.items()) == [
        ("B", 1), ("K", 16), ("C", 3), ("OY", 8), ("OX", 8), ("FY", 3), ("FX", 3)
    ]  # fmt: skip
    assert [str(relation) for relation in layer.relations] == ["ix=2*ox+1*fx", "iy=2*oy+1*fy"]
    assert layer.precision == {"W": 8, "I": 8, "O": 16, "O_final": 8}
    assert layer.padding == {"IX": (1, 1), "IY": (1, 0)}
    assert layer.window_sizes == {"IX": 15, "IY": 16}
    assert layer.sources == {}


def test_optional_fields_may_be_left_out(layers: list[dict[str, Any]]) -> None:
    del layers[1]["operand_source"]
    layer = read(layers)[1]
    assert (layer.name, layer.relations, layer.padding, layer.sources) == ("Layer1", (), {}, {})


def test_null_stands_for_no_value_where_zigzag_takes_it(layers: list[dict[str, Any]]) -> None:
    layers[1] |= {"name": None, "pr_loop_dims": None, "pr_loop_sizes": None, "padding": None}
    assert read(layers).layers == read(good_files.WORKLOAD).layers


def test_the_source_of_a_constant_operand_is_the_layer_itself() -> None:
    network = read(good_files.WORKLOAD)
    assert network[1].sources == {"I": 0}
    assert network[1].constant_operands == ("W",)
    assert network[0].constant_operands == ("W", "I")


def test_the_name_of_the_network_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(good_files.WORKLOAD)
    network = load_workload(path)
    assert network.name == "tiny"
    assert len(network) == 2


def test_a_mapping_of_names_to_layers(layers: list[dict[str, Any]]) -> None:
    network = read({"one": layers[0], "two": layers[1]})
    assert [layer.name for layer in network] == ["first", "two"]
    assert network[0] == read(layers)[0]


def test_an_error_in_a_mapping_of_layers_names_the_layer(layers: list[dict[str, Any]]) -> None:
    layers[1]["operand_source"]["I"] = 5
    with pytest.raises(InputError, match=r"two\.operand_source\.I: layer two: operand I comes from"):
        read({"one": layers[0], "two": layers[1]})


def test_layers_come_in_the_order_of_the_data_flow(layers: list[dict[str, Any]]) -> None:
    """Where that leaves a choice, in the order of the file."""
    third = layers[1] | {"id": 2, "operand_source": {"I": 1}, "loop_sizes": [4, 8, 8]}
    free = layers[1] | {"id": 3, "operand_source": {}}
    assert [layer.id for layer in read([third, free, layers[1], layers[0]])] == [3, 0, 1, 2]


@pytest.mark.parametrize(
    "operator", ["Conv", "Gemm", "MatMul", "Depthwise", "QLinearConv", "a kind of our own"]
)
def test_any_operator_type_is_accepted(operator: str, layers: list[dict[str, Any]]) -> None:
    layers[0]["operator_type"] = operator
    assert read(layers)[0].operator == operator


def test_operands_may_have_other_names(layers: list[dict[str, Any]]) -> None:
    layers[1] |= {
        "equation": "Y[b][k] += A[b][c] * B[c][k]",
        "operand_precision": {"A": 4, "B": 5, "Y": 20, "Y_final": 6},
        "operand_source": {"A": 0},
    }
    layer = read(layers)[1]
    assert layer.precision == {"A": 4, "B": 5, "Y": 20, "Y_final": 6}
    assert layer.sources == {"A": 0}


def test_a_weight_without_indices(layers: list[dict[str, Any]]) -> None:
    """As ZigZag's workloads write activation functions and poolings."""
    layers[1] |= {
        "operator_type": "Pooling",
        "equation": "O[b][k] += I[b][k] * W[]",
        "loop_dims": ["B", "K"],
        "loop_sizes": [4, 8],
        "operand_precision": {"W": 0, "I": 8, "O": 8, "O_final": 8},
    }
    layer = read(layers)[1]
    assert layer.equation.indices["W"] == ()
    assert layer.precision["W"] == 0


def test_dimensions_are_upper_case(layers: list[dict[str, Any]]) -> None:
    layers[1]["loop_dims"] = ["b", "k", "c"]
    assert list(read(layers)[1].sizes) == ["B", "K", "C"]


def test_onnx_goes_to_its_own_reader(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_workload(tmp_path / "missing.ONNX")
    assert "missing.ONNX" in str(caught.value)


def test_onnx_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, zzcp.io; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
