"""Mappings: their forms, the common loop order, the allocation, and what is refused."""

from __future__ import annotations

import importlib
import json
import math
import pickle
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, random_layer
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator
from zzcp.io import layer_to_dict, load_mapping
from zzcp.mapping import Loop, Mapping, SpatialMapping
from zzcp.mapping.mapping import Levels, flatten, refine
from zzcp.workload import Layer

DATA: dict[str, Any] = {
    "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2, "FX": 3}},
    "temporal_mapping": {
        "W": [[["C", 5]], [], [["K", 25], ["OX", 7]]],
        "I": [[["C", 5], ["K", 25]], [["OX", 7]]],
        "O": [[["C", 5], ["K", 5]], [["K", 5], ["OX", 7]]],
    },
    "double_buffered": {"W": [True, False], "O": [False]},
    "memory_operand_links": {"W": "I1", "I": "I2", "O": "O"},
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Accelerator, Layer, Mapping]:
    """Draw a random machine, layer and valid mapping."""
    rng = Random(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(sorted(KINDS)))
    while True:
        accelerator, layer = random_accelerator(rng), random_layer(rng, kind)
        mapping = random_mapping(rng, accelerator, layer, random_spatial(rng, accelerator, layer))
        if mapping is not None:
            return accelerator, layer, mapping


# ---- forms ----------------------------------------------------------------------------------------------------


def test_the_dictionary_form() -> None:
    mapping = Mapping.from_dict(DATA)
    assert mapping.spatial.total("K") == 4
    assert mapping.temporal["W"] == ((Loop("C", 5),), (), (Loop("K", 25), Loop("OX", 7)))
    assert mapping.buffering == {"W": (True, False), "O": (False,)}
    assert mapping.links == {"W": "I1", "I": "I2", "O": "O"}
    assert mapping.to_dict() == DATA


def test_what_may_be_left_out_is_left_out() -> None:
    data = {key: DATA[key] for key in ("spatial_mapping", "temporal_mapping")}
    mapping = Mapping.from_dict(data)
    assert (mapping.buffering, mapping.links) == (None, None)
    assert mapping.to_dict() == data
    assert Mapping.from_dict(data | {"double_buffered": None, "memory_operand_links": None}) == mapping


def test_loops_of_one_iteration_are_dropped_and_names_are_in_upper_case() -> None:
    mapping = Mapping.from_dict(
        {"spatial_mapping": {}, "temporal_mapping": {"O": [[["k", 2], ["C", 1]], [("ox", 3.0)]]}}
    )
    assert mapping.temporal == {"O": ((Loop("K", 2),), (Loop("OX", 3),))}


@given(cases())
@settings(max_examples=20)
def test_round_trips(case: tuple[Accelerator, Layer, Mapping]) -> None:
    mapping = case[2]
    flags = {operand: (True,) * (len(levels) - 1) for operand, levels in mapping.temporal.items()}
    for given_mapping in (mapping, mapping.with_buffering(flags)):
        for again in (
            Mapping.from_dict(given_mapping.to_dict()),
            Mapping.from_dict(json.loads(json.dumps(given_mapping.to_dict()))),
            Mapping.from_yaml(given_mapping.to_yaml()),
            pickle.loads(pickle.dumps(given_mapping)),
        ):
            assert again == given_mapping
            assert hash(again) == hash(given_mapping)
            assert again.to_yaml() == given_mapping.to_yaml()
    assert mapping.with_buffering(flags) != mapping
    assert mapping.with_buffering(flags).with_buffering(None) == mapping


@pytest.mark.parametrize("name", ["on", "No", "null", "y", "W2", "true", "a b", "ä", "#1", "1"])
def test_names_that_yaml_takes_for_something_else(name: str) -> None:
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {name: {name: 2}},
            "temporal_mapping": {name: [[[name, 3]]]},
            "double_buffered": {name: [True]},
            "memory_operand_links": {name: "O"},
        }
    )
    assert Mapping.from_yaml(mapping.to_yaml()) == mapping


def test_yaml_with_nothing_in_it() -> None:
    empty = Mapping(SpatialMapping(), {})
    assert empty.to_yaml() == "spatial_mapping: {}\ntemporal_mapping: {}\n"
    assert Mapping.from_yaml(empty.to_yaml()) == empty
    assert empty.order == ()
    no_levels = Mapping(SpatialMapping(), {"O": ()})
    assert Mapping.from_yaml(no_levels.to_yaml()) == no_levels


def test_yaml_is_for_readers() -> None:
    assert Mapping.from_dict(DATA).to_yaml() == (
        "spatial_mapping:\n"
        '  D1: {"K": 4}\n'
        '  D2: {"C": 2, "FX": 3}\n'
        "temporal_mapping:\n"
        "  W:\n"
        '    - [["C", 5]]\n'
        "    - []\n"
        '    - [["K", 25], ["OX", 7]]\n'
        "  I:\n"
        '    - [["C", 5], ["K", 25]]\n'
        '    - [["OX", 7]]\n'
        "  O:\n"
        '    - [["C", 5], ["K", 5]]\n'
        '    - [["K", 5], ["OX", 7]]\n'
        "double_buffered:\n"
        "  W: [true, false]\n"
        "  O: [false]\n"
        "memory_operand_links:\n"
        '  W: "I1"\n'
        '  I: "I2"\n'
        '  O: "O"\n'
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"temporal": {}},
            "unknown field of a mapping: expected spatial_mapping, temporal_mapping, double_buffered, "
            "memory_operand_links, bypass, resident, reserved, factors, found temporal "
            "(did you mean 'temporal_mapping'?)",
        ),
        ({"spatial_mapping": None}, "spatial_mapping of a mapping: expected a dictionary, found None"),
        ({"temporal_mapping": [1]}, "temporal_mapping of a mapping: expected a dictionary, found [1]"),
        ({"double_buffered": [True]}, "double_buffered of a mapping: expected a dictionary, found [True]"),
        (
            {"memory_operand_links": "W: I2"},
            "memory_operand_links of a mapping: expected a dictionary, found 'W: I2'",
        ),
        (
            {"temporal_mapping": {"W": {"C": 5}}},
            "temporal_mapping.W: expected one list of loops per memory level, innermost first, found {'C': 5}",
        ),
        (
            {"temporal_mapping": {"W": [[], "C 5"]}},
            "temporal_mapping.W[1]: expected a list of [dimension, size], found 'C 5'",
        ),
        (
            {"temporal_mapping": {"W": [["C", 5]]}},
            "temporal_mapping.W[0]: expected a loop [dimension, size], found 'C'",
        ),
        (
            {"temporal_mapping": {"W": [[[5, "C"]]]}},
            "temporal_mapping.W[0]: expected a loop [dimension, size], found [5, 'C']",
        ),
        (
            {"temporal_mapping": {"W": [[["C", 2.5]]]}},
            "temporal_mapping.W[0]: size of loop C: expected an integer >= 1, found 2.5",
        ),
        (
            {"temporal_mapping": {"W": [[["C", True]]]}},
            "temporal_mapping.W[0]: size of loop C: expected an integer >= 1, found True",
        ),
        (
            {"double_buffered": {"W": [1, 0]}},
            "double_buffered.W: expected one true or false per level, found [1, 0]",
        ),
    ],
)
def test_dictionaries_that_are_no_mapping(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Mapping.from_dict(DATA | change)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [None, 3, [DATA], "W"])
def test_what_is_no_dictionary_at_all(data: Any) -> None:
    with pytest.raises(InputError, match="a mapping: expected a dictionary, found "):
        Mapping.from_dict(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "malformed YAML"),
        ("{", "malformed YAML"),
        ("x\0", "malformed YAML"),
        ("2020-13-45", "a mapping: expected a dictionary, found '2020-13-45'"),
        ("[" * 700, "nested too deeply"),
        ("spatial_mapping: {}\nspatial_mapping: {}", "key given twice"),
        (
            "a: &a [x, x]\nb: &b [*a, *a]\n" + "c: [" + "*b, " * 50_000 + "]",
            "too large when its aliases are expanded",
        ),
    ],
)
def test_yaml_that_is_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mapping.from_yaml(text)


# ---- loop order and allocation --------------------------------------------------------------------------------


@st.composite
def groupings(draw: st.DrawFn) -> tuple[list[Loop], list[list[Loop]]]:
    """Draw a loop order of small factors and some ways to write neighbours of one dimension as one loop."""
    factors = draw(st.lists(st.builds(Loop, st.sampled_from("KCB"), st.sampled_from([2, 3, 5])), max_size=9))
    written = []
    for _ in range(draw(st.integers(1, 3))):
        order: list[Loop] = []
        for dim, size in factors:
            if order and order[-1].dim == dim and draw(st.booleans()):
                order[-1] = Loop(dim, order[-1].size * size)
            else:
                order.append(Loop(dim, size))
        written.append(order)
    return factors, written


def cuts(order: list[Loop] | tuple[Loop, ...]) -> set[int]:
    """Return the products at which a loop order begins another loop."""
    return {math.prod(loop.size for loop in order[:end]) for end in range(len(order) + 1)}


@given(groupings())
@settings(max_examples=60)
def test_the_common_order_has_the_cuts_of_all_and_no_other(case: tuple[list[Loop], list[list[Loop]]]) -> None:
    _, written = case
    temporal: dict[str, Levels] = {str(n): (tuple(order),) for n, order in enumerate(written)}
    common = Mapping(SpatialMapping(), temporal).order
    assert cuts(common) == set().union(*map(cuts, written))
    for order in written:
        assert refine(common, order) == common
    # the same loops below every cut
    for dim in "KCB":
        assert len({math.prod(size for d, size in order if d == dim) for order in (*written, common)}) == 1


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ([("K", 6)], [("K", 2), ("K", 3)], [("K", 2), ("K", 3)]),
        ([("K", 4), ("K", 9)], [("K", 12), ("K", 3)], [("K", 4), ("K", 3), ("K", 3)]),
        ([("K", 2), ("K", 3)], [("K", 3), ("K", 2)], None),  # 2 does not divide 3
        ([("K", 2), ("C", 2)], [("C", 2), ("K", 2)], None),
        ([("K", 2)], [("K", 2), ("C", 2)], None),
        ([("K", 4)], [("K", 2), ("C", 2), ("K", 2)], None),
        ([], [], []),
    ],
)
def test_refinement(
    first: list[tuple[str, int]], second: list[tuple[str, int]], common: list[tuple[str, int]] | None
) -> None:
    one, other = ([Loop(*loop) for loop in order] for order in (first, second))
    expected = None if common is None else tuple(common)
    assert refine(one, other) == expected
    assert refine(other, one) == expected


def test_orders_that_contradict_each_other() -> None:
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {},
            "temporal_mapping": {"W": [[["K", 2]], [["C", 3]]], "I": [[["C", 3], ["K", 2]]], "O": [[]]},
        }
    )
    with pytest.raises(MappingError) as caught:
        _ = mapping.order
    assert caught.value.violations == (
        "operands W and I have different loop orders (innermost first): K 2, C 3 against C 3, K 2",
    )
    with pytest.raises(MappingError, match="K 2, C 3 against no loops"):
        _ = Mapping(SpatialMapping(), {"W": mapping.temporal["W"], "O": ((),)}).order


@given(groupings(), st.data())
@settings(max_examples=40)
def test_order_and_boundaries_there_and_back(
    case: tuple[list[Loop], list[list[Loop]]], data: st.DataObject
) -> None:
    order = case[0]
    ends = st.lists(st.integers(0, len(order)), max_size=3).map(lambda inner: (*sorted(inner), len(order)))
    allocation = {operand: data.draw(ends) for operand in "WIO"}
    mapping = Mapping.from_order(SpatialMapping(), order, allocation)
    assert mapping.order == tuple(order)
    assert mapping.allocation == allocation
    for operand, levels in mapping.temporal.items():
        assert flatten(levels) == tuple(order)
        assert [len(level) for level in levels] == [
            end - start for start, end in zip((0, *allocation[operand]), allocation[operand], strict=False)
        ]


def test_a_boundary_inside_a_loop_of_another_operand() -> None:
    mapping = Mapping.from_dict(DATA)
    assert mapping.order == (Loop("C", 5), Loop("K", 5), Loop("K", 5), Loop("OX", 7))
    assert mapping.allocation == {"W": (1, 1, 4), "I": (3, 4), "O": (2, 4)}
    same = Mapping.from_order(mapping.spatial, mapping.order, mapping.allocation)
    assert same.order == mapping.order
    assert same.allocation == mapping.allocation
    assert same.temporal["I"] == ((Loop("C", 5), Loop("K", 5), Loop("K", 5)), (Loop("OX", 7),))


def test_loops_of_one_iteration_in_an_order_count_for_nothing() -> None:
    order = [("K", 1), ("C", 3), ("B", 1)]
    mapping = Mapping.from_order(SpatialMapping(), order, {"W": (1, 3), "O": (2, 3)})
    assert mapping.order == (Loop("C", 3),)
    assert mapping.allocation == {"W": (0, 1), "O": (1, 1)}


# ---- ZigZag's form --------------------------------------------------------------------------------------------


@given(cases())
@settings(max_examples=15)
def test_our_reader_understands_what_is_written_for_zigzag(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Accelerator, Layer, Mapping]
) -> None:
    _, layer, mapping = case
    path = tmp_path_factory.mktemp("mapping") / "mapping.yaml"
    path.write_text(mapping.to_zigzag(layer.name))
    entry = load_mapping(path).for_layer(layer)
    assert entry.name == layer.name
    assert SpatialMapping.from_dict(entry.spatial_mapping or {}) == mapping.spatial
    assert entry.temporal_ordering == mapping.order
    assert entry.memory_operand_links == (mapping.links or {"O": "O", "W": "I2", "I": "I1"})


def test_the_entry_for_all_layers() -> None:
    mapping = Mapping.from_dict(DATA)
    (entry,) = yaml.safe_load(mapping.to_zigzag())
    assert entry == {
        "name": "default",
        "spatial_mapping": {"D1": ["K, 4"], "D2": ["C, 2", "FX, 3"]},
        "memory_operand_links": {"W": "I1", "I": "I2", "O": "O"},
        "temporal_ordering": [["C", 5], ["K", 5], ["K", 5], ["OX", 7]],
    }
    named = yaml.safe_load(mapping.to_zigzag("Conv"))
    assert named == [entry | {"name": "Conv"}, entry]  # ZigZag demands an entry for all others


def test_what_zigzags_file_cannot_say_stands_above_it() -> None:
    """A bypass, tensors that stay, and double buffers were dropped without a word."""
    plain = Mapping.from_dict(DATA)
    depth = {operand: len(levels) for operand, levels in plain.temporal.items()}
    told = replace(
        plain,
        bypass={"I": ("sram", "file")},
        resident={"O": "sram"},
        reserved={"sram": 4096},
        buffering={operand: (True,) + (False,) * (depth[operand] - 2) for operand in depth},
    )
    bare = replace(plain, buffering=None).to_zigzag()
    assert "#" not in bare
    text = told.to_zigzag()
    assert yaml.safe_load(text) == yaml.safe_load(bare)
    assert text.endswith(bare)
    comments = text.removesuffix(bare).splitlines()
    assert [line.split(";")[0] for line in comments] == [
        "# not in ZigZag's file: I bypasses sram, file",
        "# not in ZigZag's file: O stays in sram between layers",
        "# not in ZigZag's file: 4,096 bits of sram taken by tensors of other layers",
        "# not in ZigZag's file: tiles that are kept twice",
    ]


def test_operands_of_other_names_are_linked_in_the_file_for_zigzag() -> None:
    """It once named W and I whatever the operands were."""
    temporal = {"Y": [[["K", 2]]], "A": [[["K", 2]]], "B": [[["K", 2]]]}
    data = {"spatial_mapping": {}, "temporal_mapping": temporal}
    with pytest.raises(InputError, match="does not say which memory operand holds Y: expected links of all"):
        Mapping.from_dict(data).to_zigzag()
    links = {"A": "I2", "B": "I1", "Y": "O"}
    (entry,) = yaml.safe_load(Mapping.from_dict(data | {"memory_operand_links": links}).to_zigzag())
    assert entry["memory_operand_links"] == links


@pytest.mark.differential
@given(cases())
@settings(max_examples=15)
def test_zigzag_takes_the_unrolling_and_the_order(case: tuple[Accelerator, Layer, Mapping]) -> None:
    _, layer, mapping = case
    data = yaml.safe_load(mapping.to_zigzag(layer.name))
    validator = importlib.import_module("zigzag.parser.mapping_validator").MappingValidator(data)
    assert validator.validate()
    factory = importlib.import_module("zigzag.parser.workload_factory").LayerNodeFactory
    node = factory(layer_to_dict(layer), validator.normalized_data).create()
    assert [
        (str(row), str(dim), factor)
        for row, factors in node.spatial_mapping.items()
        for dim, factor in factors.items()
    ] == list(mapping.spatial)
    assert [(str(dim), size) for dim, size in node.temporal_ordering.data] == list(mapping.order)
    sizes = mapping.spatial.temporal_sizes(layer)
    dimension = importlib.import_module("zigzag.datatypes").LayerDim
    left = {dimension(dim): size for dim, size in sizes.items() if size > 1}
    assert node.temporal_ordering.is_complete(left)
