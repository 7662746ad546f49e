"""The reader of mapping files, full mappings and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.io import good_files
from zzcp.errors import InputError
from zzcp.io import FullMappings, MappingEntry, MappingFile, load_mapping, load_mapping_source
from zzcp.workload import Layer

LINKS = {"O": "O", "W": "I2", "I": "I1"}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """Return the path of the good mapping file."""
    path = tmp_path / "mapping.yaml"
    path.write_text(good_files.MAPPING)
    return path


def test_every_field_of_an_entry(mapping: Path) -> None:
    default, conv = load_mapping(mapping).entries
    assert default == MappingEntry(
        name="default",
        spatial_mapping={"D1": {"K": 4}, "D2": {"C": 2, "FX": 3}},
        spatial_mapping_hint={"D1": ("K",)},
        memory_operand_links=LINKS,
        temporal_ordering=(),
    )
    assert conv == MappingEntry(name="Conv", temporal_ordering=(("OX", 8), ("K", None), ("*", None)))


def test_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("- name: default\n  spatial_mapping:\n    D2: ['FX, 3', 'C, 2']\n    D1: ['K, 4']\n")
    spatial = load_mapping(path).entries[0].spatial_mapping
    assert spatial is not None
    assert [(dim, list(factors)) for dim, factors in spatial.items()] == [("D2", ["FX", "C"]), ("D1", ["K"])]


@pytest.mark.parametrize("spatial", ["null", "{}"])
def test_an_empty_spatial_mapping_is_none(spatial: str, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(f"- name: default\n  spatial_mapping: {spatial}\n")
    assert load_mapping(path).entries == (MappingEntry("default"),)


def test_an_entry_for_a_kind_comes_after_a_name_and_before_an_operator() -> None:
    names = ("default", "Conv", "is depthwise FY=3", "is depthwise", "special", "is matrix-product")
    file = MappingFile(tuple(map(MappingEntry, names)))
    deep = {"g": 8, "oy": 4, "ox": 4}
    assert file.for_layer(Layer.depthwise(fy=3, fx=3, **deep)).name == "is depthwise FY=3"
    assert file.for_layer(Layer.depthwise(fy=5, fx=5, **deep)).name == "is depthwise"
    assert file.for_layer(Layer.depthwise(fy=5, fx=5, name="special", **deep)).name == "special"
    assert file.for_layer(Layer.conv(k=2, c=8, fy=3, fx=3)).name == "Conv"
    assert file.for_layer(Layer.gemm(b=1, k=4, c=4)).name == "is matrix-product"


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("- name: default\n- name: is depthwse\n")
    with pytest.raises(InputError) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(f"{path}:2: [1].name: unknown kind of layer: expected convolution")
    assert "found depthwse (did you mean 'depthwise'?)" in str(caught.value)


def test_an_entry_is_chosen_by_name_then_operator_then_default() -> None:
    entries = tuple(MappingEntry(name) for name in ("default", "Conv", "first"))
    file = MappingFile(entries)
    assert file.for_layer(Layer.conv(name="first")).name == "first"
    assert file.for_layer(Layer.conv(name="second")).name == "Conv"
    assert file.for_layer(Layer.gemm(b=1, k=1, c=1)).name == "default"
    with pytest.raises(InputError, match="an entry named gemm, Gemm or default, found Conv, first"):
        MappingFile(entries[1:]).for_layer(Layer.gemm(b=1, k=1, c=1))


def test_a_mapping_file_is_a_source(mapping: Path) -> None:
    assert load_mapping_source(mapping) == load_mapping(mapping)


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_full_mapping(suffix: str, tmp_path: Path) -> None:
    data = json.loads(good_files.FULL_MAPPING)
    path = tmp_path / f"mapping.{suffix}"
    path.write_text(good_files.FULL_MAPPING if suffix == "json" else yaml.safe_dump(data))
    source = load_mapping_source(path)
    assert isinstance(source, FullMappings)
    assert source.by_layer == {None: data}
    assert source.file == str(path)


@pytest.mark.parametrize("key", ["double_buffered", "memory_operand_links"])
def test_parts_of_a_full_mapping_may_be_left_out(key: str, tmp_path: Path) -> None:
    data: dict[str, Any] = json.loads(good_files.FULL_MAPPING)
    del data[key]
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(data))
    source = load_mapping_source(path)
    assert isinstance(source, FullMappings)
    assert source.by_layer == {None: data}


def test_the_mappings_of_a_result(tmp_path: Path) -> None:
    """Layers that share a name go by their id; a layer without a mapping is left out."""
    path = tmp_path / "result.json"
    path.write_text(good_files.RESULT)
    source = load_mapping_source(path)
    assert isinstance(source, FullMappings)
    assert list(source.by_layer) == ["conv", "1", "2"]
    keys = ("spatial_mapping", "temporal_mapping", "double_buffered")
    layer = json.loads(good_files.RESULT)["layers"][0]
    assert source.by_layer["conv"] == {key: layer[key] for key in keys}


def test_a_large_result_is_read(tmp_path: Path) -> None:
    layer = json.loads(good_files.RESULT)["layers"][0] | {"evaluation": {"accesses": [1.5] * 300}}
    layers = [layer | {"id": i, "name": f"layer{i}"} for i in range(200)]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"layers": layers}, indent=1))
    source = load_mapping_source(path)
    assert isinstance(source, FullMappings)
    assert len(source.by_layer) == 200


def test_dimensions_that_no_layer_has_are_refused_with_the_nearest_one() -> None:
    network = [Layer.conv(k=4, c=4, oy=4, ox=4, fy=3, fx=3)]
    usual = MappingEntry("default", {"D1": {"G": 4, "K": 2}}, {"D2": ("OX", "D")})
    MappingFile((usual, MappingEntry("Other", {"D1": {"KK": 4}}))).check_dimensions(network)
    for wrong in (
        MappingEntry("default", {"D1": {"KK": 4}}),
        MappingEntry("default", None, {"D1": ("C", "KK")}),
    ):
        with pytest.raises(InputError, match=r"no layer has a dimension of that name.*\bKK\b") as caught:
            MappingFile((wrong,), "mapping.yaml").check_dimensions(network)
        assert caught.value.hint == "did you mean 'K'?"
        assert caught.value.place.file == "mapping.yaml"
        assert caught.value.place.field is not None
        assert caught.value.place.field.startswith("default.spatial_mapping")


def test_dimensions_of_the_network_may_have_any_name() -> None:
    network = [Layer(equation="O[x]+=W[x][yy]*I[yy]", sizes={"X": 2, "YY": 4})]
    MappingFile((MappingEntry("default", {"D1": {"YY": 4}}),)).check_dimensions(network)
