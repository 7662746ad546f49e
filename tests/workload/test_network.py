"""Networks: their graph, their layers by name, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zzcp.errors import InputError
from zzcp.workload import Layer, Network, SkippedNode
from zzcp.workload.equation import DimensionRelation


def layer(number: int, *sources: int, name: str = "") -> Layer:
    """Return a layer that reads the outputs of up to two others."""
    return Layer(
        "O[b]+=W[b]*I[b]",
        {"B": 2},
        name=name,
        id=number,
        sources=dict(zip("IW", sources, strict=False)),
    )


RELU = SkippedNode(5, "relu", "Relu", "element-wise: takes no multiply-accumulate operations")


def test_the_graph_follows_the_sources() -> None:
    network = Network("net", (layer(0), layer(1, 0), layer(2, 0, 1)))
    graph = network.graph()
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 2)}
    assert graph.nodes[1]["layer"] is network[1]


def test_skipped_nodes_are_part_of_the_graph() -> None:
    network = Network("net", (layer(0), layer(6, 5)), (RELU,), edges=((0, 5), (5, 6)))
    graph = network.graph()
    assert list(nx.topological_sort(graph)) == [0, 5, 6]
    assert graph.nodes[5]["skipped"] is RELU
    assert set(network.graph().edges) == {(0, 5), (5, 6)}


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=2), min_size=1, max_size=12))
@settings(max_examples=40)
def test_any_network_in_topological_order_is_accepted(links: list[list[int]]) -> None:
    layers = tuple(
        layer(number, *(source % number for source in sources if number))
        for number, sources in enumerate(links)
    )
    graph = Network("net", layers).graph()
    assert sorted(graph) == list(range(len(layers)))
    assert set(graph.edges) == {(source, node.id) for node in layers for source in node.sources.values()}


def test_a_network_is_a_sequence_of_its_layers() -> None:
    layers = (layer(0), layer(1), layer(2))
    network = Network("net", layers)
    assert isinstance(network, Sequence)
    assert (len(network), tuple(network), network[-1], network[1:]) == (3, layers, layers[2], layers[1:])
    assert layers[1] in network
    assert network.index(layers[2]) == 2


def test_layers_by_name_or_id() -> None:
    layers = (layer(0, name="conv1"), layer(1, name="7"), layer(7, name="conv2"))
    network = Network("net", layers)
    assert network.layer("conv2") is layers[2]
    assert network.layer("0") is layers[0]
    assert network.layer("7") is layers[1]  # a name goes before an id


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (
            ["conv1", "fc"],
            "conv2",
            "network net has no layer of that name: expected one of conv1, fc, found conv2 "
            "(did you mean 'conv1'?)",
        ),
        ([f"l{n}" for n in range(22)], "x", None),
        (["conv", "conv"], "conv", "network net has several layers of that name: found conv"),
    ],
)
def test_names_that_no_layer_or_several_have(names: list[str], wanted: str, message: str | None) -> None:
    network = Network("net", tuple(layer(number, name=name) for number, name in enumerate(names)))
    with pytest.raises(InputError) as caught:
        network.layer(wanted)
    if message is None:
        assert str(caught.value.expected).endswith(", l18, l19, ...")
    else:
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"layers": (layer(0), layer(1), layer(0))},
            "layers[2].id: layer id given twice: expected every id once, found ids: 0",
        ),
        (
            {"layers": (layer(0), layer(5)), "skipped": (RELU,)},
            "layers[1].id: layer id given twice: expected every id once, found ids: 5",
        ),
        (
            {"layers": (layer(0), layer(1, 9))},
            "layers[1].sources.I: layer Layer1: operand I comes from a layer that does not exist: "
            "expected an id of a layer: 0, 1, found 9",
        ),
        (
            {"layers": (layer(0, 1), layer(1, 0))},
            "layers[0].sources: the layers feed each other in a cycle: "
            "expected data flow without cycles, found ids: 0, 1",
        ),
        (
            {"layers": (layer(0), layer(1, 0), layer(2, 3, 1), layer(3, 4), layer(4, 2))},
            "layers[2].sources: the layers feed each other in a cycle: "
            "expected data flow without cycles, found ids: 2, 4, 3",
        ),
    ],
)
def test_networks_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Network("net", **fields)
    assert str(caught.value) == message


CONV = Layer(
    "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
    {"B": 1, "K": 4, "C": 4, "OY": 8, "OX": 8, "FY": 3, "FX": 3},
    relations=(DimensionRelation.parse("ix=ox+fx"), DimensionRelation.parse("iy=oy+fy")),
    id=0,
    name="conv",
)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, None),  # a padding that is not written
        ({"padding": {"IX": (1, 1), "IY": (1, 1)}}, None),
        ({"window_sizes": {"IX": 10, "IY": 10}}, 400),
        ({"sizes": {**CONV.sizes, "C": 8}}, 288),
        ({"sizes": {**CONV.sizes, "OX": 11}}, None),
        ({"sizes": {**CONV.sizes, "OX": 11, "C": 5}}, 270),
    ],
)
def test_no_layer_reads_more_than_there_is(changes: dict[str, Any], read: int | None) -> None:
    second = replace(CONV, id=1, name="next", sources={"I": 0}, **changes)
    if read is None:
        assert len(Network("net", (CONV, second))) == 2
        return
    with pytest.raises(InputError) as caught:
        Network("net", (CONV, second))
    assert str(caught.value) == (
        "layers[1].sources.I: layer next reads more of layer conv than it makes: expected at most 256 elements, "
        f"found {read} (a tensor that comes from elsewhere, or from several layers, has no source)"
    )


def test_long_lists_of_ids_are_cut() -> None:
    layers = tuple(layer(number // 2) for number in range(60))
    with pytest.raises(InputError) as caught:
        Network("net", layers)
    assert str(caught.value.found).endswith(", 18, 19, ...")


@pytest.mark.parametrize("edge", [(0, 7), (7, 0)])
def test_an_edge_to_nowhere_is_refused(edge: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        Network("net", (layer(0), layer(6)), (RELU,), edges=((0, 5), edge))
    assert str(caught.value) == (
        "edges[1]: network net: data flows from or to a layer that does not exist: "
        "expected an id of a layer: 0, 5, 6, found 7"
    )


def test_edges_in_a_cycle_are_refused() -> None:
    with pytest.raises(InputError, match="the layers feed each other in a cycle"):
        Network("net", (layer(0), layer(6)), (RELU,), edges=((0, 5), (5, 6), (6, 0)))
