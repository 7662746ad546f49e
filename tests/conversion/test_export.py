"""Mappings as files of other tools: what they say of tiles, lanes and boundaries, and what they cannot say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.machines import machine, memory
from zzcp import Accelerator, InputError, Layer, Mapping
from zzcp.conversion import export

EIGHT = dict.fromkeys(("W", "I", "O", "O_final"), 8)
GEMM = Layer.gemm(b=8, k=4, c=12, precision=EIGHT)
WHOLE = ("D1", "D2")
MEMORIES = (
    memory("file", "I2 O", size=256),
    memory("sram", "I1 I2 O", size=8192, served_dimensions=WHOLE),
    memory("dram", "I1 I2 O", size=10**9, served_dimensions=WHOLE),
)
MACHINE = machine(MEMORIES)
EVEN = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2}},
        "temporal_mapping": {
            "W": [[["C", 3]], [["B", 8]], [["C", 2]]],
            "I": [[["C", 3], ["B", 8]], [["C", 2]]],
            "O": [[["C", 3]], [["B", 8]], [["C", 2]]],
        },
    }
)
UNEVEN = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2}},
        "temporal_mapping": {
            "W": [[["C", 3], ["B", 8]], [], [["C", 2]]],
            "I": [[["C", 3]], [["B", 8], ["C", 2]]],
            "O": [[["C", 3]], [["B", 8], ["C", 2]], []],
        },
    }
)


@pytest.mark.parametrize("tool", ["timeloop", "accelforge"])
def test_a_tensor_that_stays_has_no_counterpart(tool: Any) -> None:
    """It ended in a ValueError: there are fewer levels than memories."""
    stays = replace(EVEN, temporal={**EVEN.temporal, "O": EVEN.temporal["O"][:2]}, resident={"O": "sram"})
    with pytest.raises(
        InputError, match="O stays in sram between layers: expected a mapping whose tensors all"
    ):
        export(MACHINE, GEMM, stays, tool)


@pytest.mark.parametrize("tool", ["timeloop", "accelforge"])
def test_what_other_tensors_take_is_not_there(tool: Any) -> None:
    reserved = replace(EVEN, reserved={"sram": 4096})
    smaller = replace(MACHINE, memories=(MEMORIES[0], replace(MEMORIES[1], size=4096), MEMORIES[2]))
    assert export(MACHINE, GEMM, reserved, tool) == export(smaller, GEMM, EVEN, tool)


class _Loader(yaml.SafeLoader):
    """Reads a tag as a key of its mapping."""


_Loader.add_multi_constructor(
    "!",
    lambda loader, tag, node: {"tag": tag, **loader.construct_mapping(node, deep=True)},
)


def read(text: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(text, Loader=_Loader)
    return data


def tiles(specification: dict[str, Any]) -> dict[tuple[str, str], dict[str, int]]:
    """Return the tile of every operand in every memory: what AccelForge's loops leave below it."""
    bounds = specification["workload"]["iteration_space_shape"]
    left = {dim.upper(): int(text.rpartition("<")[2]) for dim, text in bounds.items()}
    found = {}
    for node in specification["mapping"]["nodes"]:
        match node["tag"]:
            case "Storage":
                (operand,) = node["tensors"]
                found[node["component"], operand] = dict(left)
            case "Temporal" | "Spatial":
                assert left[node["rank_variable"].upper()] % node["tile_shape"] == 0
                left[node["rank_variable"].upper()] = node["tile_shape"]
    assert set(left.values()) == {1}
    return found


def test_accelforge_holds_the_tiles_that_we_hold() -> None:
    found = tiles(read(export(MACHINE, GEMM, EVEN, "accelforge")))
    whole = {"B": 8, "K": 4, "C": 12}
    assert found == {
        ("dram", "W"): whole,
        ("dram", "I"): whole,
        ("dram", "O"): whole,
        ("sram", "W"): {"B": 8, "K": 4, "C": 6},
        ("sram", "I"): {"B": 8, "K": 4, "C": 6},
        # the outer loop over C leaves the outputs as they are, so that they stay; the loop over B the weights
        ("sram", "O"): whole,
        ("file", "W"): {"B": 8, "K": 1, "C": 3},
        ("file", "O"): {"B": 1, "K": 1, "C": 3},
    }


def test_nodes_of_the_machine_stand_from_the_outermost_inwards() -> None:
    nodes = read(export(MACHINE, GEMM, EVEN, "accelforge"))["arch"]["nodes"]
    assert [node["name"] for node in nodes] == ["dram", "sram", "D1", "D2", "file", "MAC"]
    assert nodes[2]["spatial"] == [{"name": "D1", "fanout": 4}]
    assert nodes[-2]["tensors"]["keep"] == "W | O"
    assert {action["name"]: action["energy"] for action in nodes[1]["actions"]} == {"read": 1.0, "write": 1.5}


def test_timeloop_has_one_boundary_for_a_memory() -> None:
    mapping = read(export(MACHINE, GEMM, EVEN, "timeloop"))["mapping"]
    temporal = {entry["target"]: entry["factors"] for entry in mapping if entry["type"] == "temporal"}
    assert temporal == {"dram": "B=1 K=1 C=2", "sram": "B=8 K=1 C=1", "file": "B=1 K=1 C=3"}
    (spatial,) = [entry for entry in mapping if entry["type"] == "spatial"]
    assert spatial == {
        "target": "sram", "type": "spatial", "factors": "B=1 K=4 C=2", "permutation": "KCB", "split": 1
    }  # fmt: skip
    bypass = {entry["target"]: entry["bypass"] for entry in mapping if entry["type"] == "bypass"}
    assert bypass == {"dram": [], "sram": [], "file": ["I"]}


def test_factors_of_timeloop_multiply_to_the_sizes() -> None:
    data = read(export(MACHINE, GEMM, EVEN, "timeloop"))
    products = dict.fromkeys("BKC", 1)
    for entry in data["mapping"]:
        for factor in entry.get("factors", "").split():
            dim, _, size = factor.partition("=")
            products[dim] *= int(size)
    assert products == {"B": 8, "K": 4, "C": 12} == data["problem"]["instance"]


def test_energies_of_timeloop_are_of_a_word() -> None:
    tables = read(export(MACHINE, GEMM, EVEN, "timeloop"))["ERT"]["tables"]
    energies = {
        (table["name"], action["name"]): action["energy"] for table in tables for action in table["actions"]
    }
    # 8 of the 64 bits of a port
    assert energies["system.sram", "read"] == 1.0 * 8 / 64
    assert energies["system.sram", "update"] == 1.5 * 8 / 64
    assert energies["system.MAC", "compute"] == 0.5


def test_names_of_a_convolution_have_one_letter() -> None:
    conv = Layer.conv(k=2, c=2, oy=4, ox=4, fy=1, fx=3, stride=2, precision=EIGHT)
    loops = [["FX", 3], ["OX", 4], ["OY", 4], ["C", 2], ["K", 2]]
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {},
            "temporal_mapping": {"W": [[], loops, []], "I": [loops, []], "O": [[], loops, []]},
        }
    )
    problem = read(export(MACHINE, conv, mapping, "timeloop"))["problem"]
    assert problem["instance"]["P"] == 4
    inputs = next(space for space in problem["shape"]["data-spaces"] if space["name"] == "I")
    assert inputs["projection"][2:] == [
        [["R", "IYdilation"], ["P", "IYstride"]],
        [["S", "IXdilation"], ["Q", "IXstride"]],
    ]
    text = export(MACHINE, conv, mapping, "accelforge")
    assert "IX: 2 * ox + fx" in text
    assert "windows: AccelForge keeps their overlap" in text


def columns_and_rows() -> Accelerator:
    """Return a machine in which each column has inputs of its own and each row weights."""
    return machine(
        (
            memory("sums", "O", size=64),
            memory("rows", "I2", size=64, served_dimensions=("D1",)),
            memory("columns", "I1", size=64, served_dimensions=("D2",)),
            memory("dram", "I1 I2 O", size=10**9, served_dimensions=WHOLE),
        )
    )


@pytest.mark.parametrize(
    ("tool", "accelerator", "mapping", "message"),
    [
        (
            "accelforge",
            MACHINE,
            UNEVEN,
            "I in sram is filled inside of a tile of W in file, below the fan-out D1, D2",
        ),
        ("timeloop", MACHINE, UNEVEN, "sram holds O over 2 loops and I over 1"),
        (
            "accelforge",
            columns_and_rows(),
            replace(EVEN, temporal=dict.fromkeys(("W", "I", "O"), (EVEN.order, ()))),
            "columns serves D2, rows D1: no list of levels has such fan-outs",
        ),
    ],
)
def test_what_cannot_be_said(tool: Any, accelerator: Accelerator, mapping: Mapping, message: str) -> None:
    with pytest.raises(InputError) as error:
        export(accelerator, GEMM, mapping, tool)
    assert message in str(error.value)


def test_lanes_that_do_not_divide_are_not_for_timeloop() -> None:
    layer = Layer.gemm(b=8, k=3, c=12, precision=EIGHT)
    with pytest.raises(
        InputError, match="loops over K cover 4 iterations: expected factors that multiply to 3"
    ):
        export(MACHINE, layer, EVEN, "timeloop")
    assert "K, which loops and lanes do not divide" in export(MACHINE, layer, EVEN, "accelforge")


def test_word_of_timeloop_is_the_widest() -> None:
    wide = Layer.gemm(b=8, k=4, c=12, precision={**EIGHT, "O": 24})
    text = export(MACHINE, wide, EVEN, "timeloop")
    assert "operands of 8, 24 bits: Timeloop counts words, here of 24 bits" in text
    local = read(text)["architecture"]["subtree"][0]["local"]
    assert [part["name"] for part in local] == ["dram", "sram", "file[0..7]", "MAC[0..7]"]
    assert local[1]["attributes"]["depth"] == 8192 // 24
    assert math.prod(local[2]["attributes"][key] for key in ("meshX", "meshY")) == 8


def changed(name: str, **fields: Any) -> Accelerator:
    """Return the machine with other figures of one memory."""
    memories = tuple(replace(m, **fields) if m.name == name else m for m in MEMORIES)
    return replace(MACHINE, memories=memories)


def test_a_memory_of_its_own_precision_has_words_of_these_bits() -> None:
    own = changed("file", precision=(("I2", 16), ("O", 16)))
    text = export(own, GEMM, EVEN, "timeloop")
    data = read(text)
    file, plain = (data["architecture"]["subtree"][0]["local"][number]["attributes"] for number in (2, 1))
    assert (file["word-bits"], file["width"], file["depth"]) == (16, 16, 256 // 16)
    assert (plain["word-bits"], plain["depth"]) == (8, 8192 // 8)
    assert file["shared_bandwidth"] == 64 / 16
    energies = {table["name"]: table["actions"][0]["energy"] for table in data["ERT"]["tables"]}
    assert (energies["system.file"], energies["system.sram"]) == (1.0 * 16 / 64, 1.0 * 8 / 64)
    assert "precision of" not in text
    some = export(changed("file", precision=(("O", 16),)), GEMM, EVEN, "timeloop")
    assert "precision of file: words of 8 bits there, whatever is in them" in some


def test_the_precision_of_a_memory_is_accelforges_bits_per_value() -> None:
    own = changed("file", precision=(("I2", 16), ("O", 24)))
    text = export(own, GEMM, EVEN, "accelforge")
    stated = {
        node["name"]: node["bits_per_value"]
        for node in read(text)["arch"]["nodes"]
        if "bits_per_value" in node
    }
    assert stated == {"file": {"W": 16, "O": 24}}
    assert "precision of" not in text


def test_leakage_goes_along() -> None:
    leaking = changed("file", leakage=0.25)
    leaking = replace(leaking, array=replace(leaking.array, leakage=4.0))
    tables = {
        table["name"]: {action["name"]: action["energy"] for action in table["actions"]}
        for table in read(export(leaking, GEMM, EVEN, "timeloop"))["ERT"]["tables"]
    }
    assert (tables["system.file"]["leak"], tables["system.MAC"]["leak"]) == (0.25, 4.0 / 8)
    assert "leak" not in tables["system.sram"]
    nodes = read(export(leaking, GEMM, EVEN, "accelforge"))["arch"]["nodes"]
    assert {node["name"]: node["leak_power"] for node in nodes if "leak_power" in node} == {
        "dram": 0,
        "sram": 0,
        "file": 0.25,
        "MAC": 0.5,
    }


@pytest.mark.parametrize("tool", ["timeloop", "accelforge"])
def test_ports_that_instances_share_are_named(tool: str) -> None:
    (wide,) = MEMORIES[0].ports
    text = export(changed("file", ports=(replace(wide, shared_along=("D1",)),)), GEMM, EVEN, tool)
    assert "shared_along of file.rw: every instance has a port of its own there" in text.replace("\n#  ", "")
    assert "shared_along" not in export(MACHINE, GEMM, EVEN, tool)
