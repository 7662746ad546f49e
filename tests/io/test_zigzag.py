"""The same files through zigzag-dse's own parsers: what is read is the same."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.io import good_files
from zzcp.hardware import Accelerator, Direction
from zzcp.hardware.imc import array_area
from zzcp.io import MappingEntry, load_accelerator, load_mapping, load_workload
from zzcp.workload import Layer

pytestmark = pytest.mark.differential


def bundled(folder: str) -> list[Path]:
    """Return the input files that zigzag-dse brings, or none where it is not installed."""
    package = importlib.util.find_spec("zigzag")
    if package is None or package.origin is None:
        return []
    return sorted((Path(package.origin).parent / "inputs" / folder).glob("*.yaml"))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep ZigZag's many warnings out of the way."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def quietly(path: Path) -> Accelerator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_accelerator(path)


DIRECTIONS = {
    "wr_in_by_high": Direction.FROM_ABOVE,
    "rd_out_to_low": Direction.TO_BELOW,
    "wr_in_by_low": Direction.FROM_BELOW,
    "rd_out_to_high": Direction.TO_ABOVE,
}


def test_there_are_files_to_compare() -> None:
    assert len(bundled("hardware")) >= 11
    assert len(bundled("mapping")) >= 14


@pytest.mark.parametrize("path", bundled("hardware"), ids=lambda path: path.stem)
def test_memories_are_those_that_zigzag_builds(path: Path) -> None:
    from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage  # noqa: PLC0415

    theirs = AcceleratorParserStage.parse_accelerator(str(path))
    ours = quietly(path)
    assert ours.name == theirs.name
    hierarchy = theirs.memory_hierarchy
    assert [memory.name for memory in ours.memories] == [level.name for level in hierarchy.mem_level_list]
    assert set(ours.operands) == {operand.name for operand in hierarchy.get_operands()}
    for operand in hierarchy.get_operands():
        levels = [level.name for level in hierarchy.get_memory_levels(operand)]
        assert [memory.name for memory in ours.levels(operand.name)] == levels
    for memory, level in zip(ours.memories, hierarchy.mem_level_list, strict=True):
        instance = level.memory_instance
        assert (memory.size, memory.latency, memory.force_double_buffering) == (
            instance.size,
            instance.latency,
            instance.force_double_buffering,
        )
        assert (memory.read_energy, memory.write_energy) == (level.read_energy, level.write_energy)
        assert memory.area == instance.area
        assert set(memory.served_dimensions) == {dimension.name for dimension in level.served_dimensions}
        assert ours.instances(memory) == level.unroll_count
        assert list(memory.operands) == [operand.name for operand in level.operands]
        for operand in level.operands:
            assert ours.level_of(memory, operand.name) == level.mem_level_of_operands[operand]


@pytest.mark.parametrize("path", bundled("hardware"), ids=lambda path: path.stem)
def test_ports_are_those_that_zigzag_builds(path: Path) -> None:
    from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage  # noqa: PLC0415

    theirs = AcceleratorParserStage.parse_accelerator(str(path))
    ours = quietly(path)
    for memory, level in zip(ours.memories, theirs.memory_hierarchy.mem_level_list, strict=True):
        expected = [(port.name, str(port.type), port.bw_min, port.bw_max) for port in level.ports]
        found = [(port.name, str(port.type), port.bandwidth_min, port.bandwidth_max) for port in memory.ports]
        assert found == expected
        for port, their_port in zip(memory.ports, level.ports, strict=True):
            users = {
                (operand.name, number, DIRECTIONS[direction.value])
                for operand, number, direction in their_port.served_op_lv_dir
            }
            assert set(ours.users(memory, port)) == users
        for operand in level.operands:
            for direction, short in DIRECTIONS.items():
                width = {key.value: value for key, value in level.bandwidths_max[operand].items()}[direction]
                port = memory.port(operand.name, short)
                assert (None if port is None else port.bandwidth_max) == width


@pytest.mark.parametrize("path", bundled("hardware"), ids=lambda path: path.stem)
def test_the_array_is_the_one_that_zigzag_builds(path: Path) -> None:
    from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage  # noqa: PLC0415

    theirs = AcceleratorParserStage.parse_accelerator(str(path)).operational_array
    ours = quietly(path).array
    sizes = {dimension.name: size for dimension, size in theirs.dimension_sizes.items()}
    assert dict(zip(ours.dimensions, ours.sizes, strict=True)) == sizes
    if ours.in_memory_computing is None:
        assert (ours.unit_energy, ours.unit_area) == (theirs.unit.energy_cost, theirs.unit.area)
        assert array_area(ours) == theirs.total_area
        assert set(ours.systolic_dimensions) == {dimension.name for dimension in theirs.systolic_dimensions}
        return
    macro = ours.in_memory_computing
    assert macro.analog == theirs.is_aimc
    assert macro.input_precision == (theirs.activation_precision, theirs.weight_precision)
    assert macro.bit_serial_precision == theirs.bit_serial_precision
    assert macro.adc_resolution == theirs.adc_resolution


@pytest.mark.parametrize("name", ["default", "Conv", "Gemm", "Add", "Pooling", "example_name_of_layer0"])
@pytest.mark.parametrize("path", bundled("mapping"), ids=lambda path: path.stem)
def test_mappings_are_those_that_zigzag_builds(path: Path, name: str) -> None:
    """For a layer of a type, and for a layer of that name whatever its type."""
    from zigzag.parser.mapping_factory import MappingFactory  # noqa: PLC0415
    from zigzag.stages.parser.workload_parser import WorkloadParserStage  # noqa: PLC0415

    data = WorkloadParserStage.parse_mapping_data(str(path))
    file = load_mapping(path)
    for layer in (Layer.gemm(b=1, k=1, c=1, name=name), Layer.conv(name="other", operator=name)):
        compare(file.for_layer(layer), MappingFactory(layer.name, layer.operator, data))


def compare(entry: MappingEntry, factory: Any) -> None:
    spatial = {
        dimension.name: {dim.name: factor for dim, factor in factors.items()}
        for dimension, factors in factory.create_spatial_mapping().items()
    }
    assert (entry.spatial_mapping or {}) == spatial
    assert list(entry.spatial_mapping or {}) == list(spatial)
    hint = {
        dimension.name: {dim.name for dim in dims}
        for dimension, dims in factory.create_spatial_mapping_hint().data.items()
    }
    assert {dimension: set(dims) for dimension, dims in (entry.spatial_mapping_hint or {}).items()} == hint
    links = {operand.name: held.name for operand, held in factory.create_memory_operand_links().data.items()}
    assert (entry.memory_operand_links or {"O": "O", "I": "I1", "W": "I2"}) == links
    ordering = [(dim.name, size) for dim, size in factory.create_temporal_ordering().data]
    assert list(entry.temporal_ordering) == ordering


def test_layers_are_those_that_zigzag_builds(tmp_path: Path) -> None:
    """Sizes of tensors and windows, precisions, sources and padding of the good workload."""
    from zigzag.datatypes import LayerDim, LayerOperand  # noqa: PLC0415
    from zigzag.parser.workload_factory import LayerNodeFactory  # noqa: PLC0415
    from zigzag.parser.workload_validator import WorkloadValidator  # noqa: PLC0415
    from zigzag.stages.parser.workload_parser import WorkloadParserStage  # noqa: PLC0415

    path = tmp_path / "workload.yaml"
    path.write_text(good_files.WORKLOAD)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(good_files.MAPPING)
    validator = WorkloadValidator(yaml.safe_load(good_files.WORKLOAD))
    assert validator.validate()
    mappings = WorkloadParserStage.parse_mapping_data(str(mapping))
    for ours, data in zip(load_workload(path), validator.normalized_data, strict=True):
        theirs = LayerNodeFactory(data, mappings).create()
        assert (ours.id, ours.name, ours.operator) == (theirs.id, theirs.name, theirs.type)
        assert ours.sizes == {dim.name: size for dim, size in theirs.layer_dim_sizes.items()}
        assert ours.sources == {op.name: source for op, source in theirs.input_operand_source.items()}
        assert set(ours.constant_operands) == {operand.name for operand in theirs.constant_operands}
        assert ours.macs == theirs.total_mac_count
        for operand in ours.operands:
            assert ours.precision[operand] == theirs.operand_precision[LayerOperand(operand)]
            assert ours.tensor_size(operand) == theirs.operand_size_elem[LayerOperand(operand)]
        for relation in ours.relations:
            window = LayerDim(relation.window)
            assert ours.window_size(relation) == theirs.pr_layer_dim_sizes[window]
            assert ours.padding.get(relation.window, (0, 0)) == theirs.padding[window]
