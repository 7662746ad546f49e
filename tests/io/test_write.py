"""What is written is read back equal, by zzcp and by ZigZag's own validators."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.io import strategies
from zzcp.hardware import Accelerator
from zzcp.io import (
    accelerator_to_dict,
    accelerator_to_yaml,
    layer_to_dict,
    network_to_yaml,
    parse_document,
    read_accelerator,
    read_workload,
)
from zzcp.workload import Layer, Network, SkippedNode


@given(strategies.accelerators())
def test_an_accelerator_is_read_back_equal(accelerator: Accelerator) -> None:
    again = read_accelerator(parse_document(accelerator_to_yaml(accelerator)))
    assert again == accelerator
    assert again.dataflows == accelerator.dataflows


@given(strategies.networks())
def test_a_network_is_read_back_equal(network: Network) -> None:
    again = read_workload(parse_document(network_to_yaml(network)), network.name)
    assert again.layers == network.layers
    assert again.name == network.name
    assert [list(layer.sizes) for layer in again] == [list(layer.sizes) for layer in network]


@given(strategies.names)
def test_any_name_is_read_back(name: str) -> None:
    layer = Layer.gemm(b=1, k=2, c=3, name=name)
    again = read_workload(parse_document(network_to_yaml(Network("n", (layer,)))))
    assert again[0].name == name


@pytest.mark.differential
@settings(max_examples=40)
@given(strategies.accelerators(zigzag=True))
def test_zigzag_accepts_the_accelerator(accelerator: Accelerator) -> None:
    from zigzag.parser.accelerator_validator import AcceleratorValidator  # noqa: PLC0415

    logging.disable()
    validator = AcceleratorValidator(yaml.safe_load(accelerator_to_yaml(accelerator)))
    assert validator.validate(), validator.validator.errors


@pytest.mark.differential
@settings(max_examples=40)
@given(strategies.networks(zigzag=True))
def test_zigzag_accepts_the_workload(network: Network) -> None:
    from zigzag.parser.workload_validator import WorkloadValidator  # noqa: PLC0415

    logging.disable()
    validator = WorkloadValidator(yaml.safe_load(network_to_yaml(network)))
    assert validator.validate(), validator.validator.errors


def test_the_form_is_zigzags() -> None:
    layer = Layer.conv(k=16, c=3, oy=8, ox=8, fy=3, fx=3, stride=(1, 2), padding=(0, 1), id=4)
    assert layer_to_dict(layer) == {
        "id": 4,
        "name": "conv",
        "operator_type": "Conv",
        "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
        "dimension_relations": ["ix=2*ox+1*fx", "iy=1*oy+1*fy"],
        "loop_dims": ["B", "K", "C", "OY", "OX", "FY", "FX"],
        "loop_sizes": [1, 16, 3, 8, 8, 3, 3],
        "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8},
        "operand_source": {"W": 4, "I": 4},
        "pr_loop_dims": ["IX"],
        "padding": [[1, 1]],
    }


@settings(max_examples=40)
@given(strategies.accelerators(), st.integers(1, 2**40))
def test_the_dictionary_may_be_changed_before_it_is_read(accelerator: Accelerator, size: int) -> None:
    data = accelerator_to_dict(accelerator)
    memory = accelerator.memories[-1]
    data["memories"][memory.name]["size"] = size
    again = read_accelerator(parse_document(yaml.safe_dump(data, sort_keys=False)))
    assert again.memories[-1].size == size
    assert again.memories[:-1] == accelerator.memories[:-1]


def test_sources_reach_past_skipped_nodes() -> None:
    """A file of ZigZag's has no nodes that are not mapped, so a layer's source is the layer before them."""
    layers = (
        Layer.gemm(b=1, k=2, c=3, id=0),
        replace(Layer.gemm(b=1, k=2, c=2, id=2), sources={"I": 1}),
        replace(Layer.gemm(b=1, k=2, c=3, id=4), sources={"I": 3}),
        replace(Layer.gemm(b=1, k=2, c=4, id=6), sources={"I": 5}),
    )
    skipped = (
        SkippedNode(1, "relu", "Relu", "free"),
        SkippedNode(3, "constant", "Constant", "free"),
        SkippedNode(5, "upsample", "Upsample", "free"),
    )
    network = Network("n", layers, skipped, edges=((0, 1), (1, 2), (3, 4), (0, 5), (5, 6)))
    again = read_workload(parse_document(network_to_yaml(network)))
    assert [layer.sources for layer in again] == [{}, {"I": 0}, {}, {}]
