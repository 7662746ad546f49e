"""Architectures of Timeloop and AccelForge, and cores of Stream, as accelerators."""

from __future__ import annotations

from pathlib import Path

import pytest

from zzcp import Accelerator, InputError, Layer, Mapping, Memory, evaluate
from zzcp.conversion import Converted, convert
from zzcp.conversion.convert import convert as convert_files
from zzcp.documents import parse_document
from zzcp.hardware import PortType
from zzcp.io import read_accelerator

DATA = Path(__file__).parent / "data"


def converted(*names: str, **options: object) -> Converted:
    return convert([str(DATA / name) for name in names], **options)  # type: ignore[arg-type]


def machine(found: Converted) -> Accelerator:
    assert isinstance(found.content, Accelerator)
    return found.content


def widths(memory: Memory) -> dict[str, int]:
    return {port.name: port.bandwidth_max for port in memory.ports}


@pytest.mark.parametrize(
    "names",
    [
        ("tree.arch.yaml", "tree.ERT.yaml", "tree.constraints.yaml"),
        ("tree.arch.yaml",),
        ("nodes.arch.yaml",),
        ("array.af.yaml",),
        ("core.stream.yaml",),
    ],
    ids=lambda names: names[0],
)
def test_what_is_written_is_read_back_equal(names: tuple[str, ...]) -> None:
    found = converted(*names)
    assert read_accelerator(parse_document(found.text)) == found.content
    assert all(remark.split(":")[0] in found.text.replace("\n#  ", "") for remark in found.missing)


# ---- Timeloop ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tree() -> Converted:
    return converted("tree.arch.yaml", "tree.ERT.yaml", "tree.constraints.yaml")


def test_tree_has_a_level_for_every_memory_that_keeps_something(tree: Converted) -> None:
    accelerator = machine(tree)
    found = {memory.name: (memory.operands, memory.size) for memory in accelerator.memories}
    assert found == {
        "sums": (("O",), 4 * 16),  # 8 words, of which multiple buffering leaves half
        "scratch": (("I1", "I2", "O"), 1024 * 2 * 16),  # depth x block size words
        "memory": (("I1", "I2", "O"), 2**43),
    }
    assert "row keeps nothing and is left out; its fan-out stays" in tree.assumed


def test_tree_fans_out_along_x_and_y(tree: Converted) -> None:
    accelerator = machine(tree)
    assert accelerator.array.sizes == (4, 2)
    assert [memory.served_dimensions for memory in accelerator.memories] == [(), ("D1", "D2"), ("D1", "D2")]
    assert accelerator.instances(accelerator.memory("sums")) == 8


def test_energies_of_the_table_are_of_a_block(tree: Converted) -> None:
    """A port of the full width costs the words in it, each its share of a block."""
    memory, scratch, sums = (machine(tree).memory(name) for name in ("memory", "scratch", "sums"))
    assert (memory.read_energy, memory.write_energy) == (800 / 4 * 4, 1000 / 4 * 2)  # 4 and 2 words a cycle
    # the largest of two energies of a read counts; 8 words of the shared port, 2 a block
    assert (scratch.read_energy, scratch.write_energy) == (24 / 2 * 8, 32 / 2 * 8)
    words = widths(sums)["r_O_tl"] / 16
    assert (sums.read_energy, sums.write_energy) == (1 * words, 2 * words)
    assert machine(tree).array.unit_energy == 0.75


def test_bandwidths_are_words_of_one_instance(tree: Converted) -> None:
    memory, scratch, sums = (machine(tree).memory(name) for name in ("memory", "scratch", "sums"))
    assert widths(memory) == {"r": 4 * 16, "w": 2 * 16}
    assert widths(scratch) == {"rw": 8 * 16}
    assert scratch.ports[0].type is PortType.READ_WRITE
    assert {port.bandwidth_min for port in (*memory.ports, *scratch.ports)} == {16}
    assert len(sums.ports) == 4  # no limit: one for every movement


def test_what_has_no_counterpart_is_named_with_its_consequence(tree: Converted) -> None:
    text = "\n".join(tree.missing)
    for expected in (
        "the energy of an update of scratch (20 a word): outputs that come from below cost a write there (16 a word)",
        "attribute n_banks: it is not looked at",
        "wires (XY_NoC): it has no size, so it is no memory; what it costs is left out",
        "constraints of scratch: limits on loops are left out",
    ):
        assert expected in text


def test_what_the_table_says_of_leakage_is_that_of_every_instance(tree: Converted, tmp_path: Path) -> None:
    accelerator = machine(tree)
    assert {memory.name: memory.leakage for memory in accelerator.memories} == {
        "sums": 0,
        "scratch": 0.5,
        "memory": 0,
    }
    assert any(
        remark.startswith("leak of the table is the energy of every instance") for remark in tree.assumed
    )
    table = tmp_path / "ERT.yaml"
    table.write_text(
        """
ERT:
  version: 0.4
  tables:
  - {name: system.multiplier, actions: [{name: compute, energy: 0.5}, {name: leak, energy: 0.25}]}
  - {name: system.sum_file, actions: [{name: read, energy: 1}, {name: write, energy: 1}, {name: leak, energy: 2}]}
"""
    )
    leaking = machine(convert([str(DATA / "nodes.arch.yaml"), str(table)]))
    assert (leaking.array.leakage, leaking.memory("sum_file").leakage) == (0.25 * 6 * 4, 2)
    assert leaking.leakage == 0.25 * 24 + 2 * 24


def test_memories_whose_words_differ_store_values_in_their_own() -> None:
    """Scratch and weights have words of 8 bits, sums of 16: whatever the layer says, a value takes one."""
    found = converted("nodes.arch.yaml")
    stored = {memory.name: dict(memory.precision) for memory in machine(found).memories}
    assert stored == {
        "sum_file": {"O": 16},
        "weight_file": {"I2": 8},
        "scratch": {"I1": 8, "O": 8},
        "memory": {"I1": 8, "I2": 8, "O": 8},
    }
    assert any(
        remark.startswith(
            "memories have words of their own (memory 8, scratch 8, weight_file 8, sum_file 16 bits)"
        )
        for remark in found.assumed
    )
    assert "precision:" in found.text


@pytest.mark.parametrize(("outputs", "fits"), [(16, True), (17, False)])
def test_a_memory_of_own_words_holds_as_many_values_as_it_has_words(outputs: int, fits: bool) -> None:
    """The file of sums has 16 words, also for a layer with sums of 32 bits."""
    layer = Layer.gemm(b=outputs, k=1, c=4, precision={"W": 4, "I": 4, "O": 32, "O_final": 32})
    loops = [["C", 4], ["B", outputs]]
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {},
            "temporal_mapping": {"W": [[], loops], "I": [[], loops], "O": [loops, [], []]},
        }
    )
    found = evaluate(machine(converted("nodes.arch.yaml")), layer, mapping, allow_invalid=True)
    assert any("sum_file" in text for text in found.violations) is not fits


def test_words_that_are_all_alike_are_those_of_the_layer(tree: Converted) -> None:
    assert all(memory.precision == () for memory in machine(tree).memories)
    assert "a value takes a word of 16 bits in Timeloop: give layers as many (--precision)" in tree.assumed


def test_without_a_table_energies_follow_the_rule() -> None:
    found = converted("tree.arch.yaml")
    assert (
        "memory has no energies in a table (ERT): 320 pJ a word, by the rule of docs/models.md"
        in found.assumed
    )
    assert machine(found).memory("memory").read_energy == 20 * 4 * 16  # 20 pJ a bit, 4 words
    # without constraints everything is kept everywhere
    assert all(memory.operands == ("I1", "I2", "O") for memory in machine(found).memories)


def test_nodes_of_version_04() -> None:
    accelerator = machine(converted("nodes.arch.yaml"))
    found = {memory.name: (memory.operands, memory.size) for memory in accelerator.memories}
    assert found == {
        "sum_file": (("O",), 16 * 16),
        "weight_file": (("I2",), 32 * 8),
        "scratch": (("I1", "O"), 256 * 2 * 64),
        "memory": (("I1", "I2", "O"), 2**43),
    }
    assert accelerator.array.sizes == (6, 4)
    # words of 8 bits by an expression of an attribute of the container
    assert accelerator.memory("memory").ports[0].bandwidth_min == 8


def test_oldest_form(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(
        """
arch:
  arithmetic: {name: units, instances: 16, meshX: 8, word-bits: 8}
  storage:
  - {name: file, entries: 4, instances: 16, meshX: 8, word-bits: 8}
  - {name: buffer, sizeKB: 2, instances: 1, word-bits: 8, block-size: 4, bandwidth: 2}
  - {name: outside, technology: DRAM, instances: 1, word-bits: 8}
"""
    )
    accelerator = machine(convert_files([str(path)]))
    assert [(memory.name, memory.size) for memory in accelerator.memories] == [
        ("file", 32), ("buffer", 2 * 8192), ("outside", 2**43)
    ]  # fmt: skip
    assert accelerator.array.sizes == (8, 2)
    assert widths(accelerator.memory("buffer")) == {"r": 16, "w": 16}


# ---- AccelForge ------------------------------------------------------------------------------------------------


def test_accelforge_machine() -> None:
    accelerator = machine(converted("array.af.yaml", settings={"BUFFER_BITS": "4096"}))
    dram, buffer, registers = (accelerator.memory(name) for name in ("dram", "buffer", "registers"))
    assert accelerator.array.sizes == (4, 8)
    # a cycle is the time of an operation, 5e-10: 4 actions of 8 bits in it, 2 for writes
    assert widths(dram) == {"r": 32, "w": 16}
    assert (dram.read_energy, dram.write_energy) == (25.5 * 8 * 4, 26 * 8 * 2)
    assert (buffer.size, widths(buffer), buffer.read_energy) == (4096, {"rw": 64}, 18)
    assert (registers.operands, registers.served_dimensions) == (("I2", "O"), ())
    assert registers.read_energy == 0.25 * widths(registers)["r_O_tl"] / 8
    assert {port.bandwidth_min for memory in accelerator.memories for port in memory.ports} == {1}
    assert accelerator.array.unit_energy == 0.5


def accelforge(nodes: str, tmp_path: Path) -> Converted:
    path = tmp_path / "machine.yaml"
    path.write_text(
        "arch:\n  nodes:\n"
        + nodes
        + "  - !Compute\n    name: MAC\n    actions: [{name: compute, energy: 1, throughput: 1}]\n"
    )
    return convert_files([str(path)])


MAIN = (
    "  - !Memory\n    name: main\n    size: inf\n    tensors: {keep: All}\n    actions:\n"
    "    - {name: read, energy: 8, throughput: 8}\n    - {name: write, energy: 8, throughput: 8}\n"
)


@pytest.mark.parametrize(
    ("tensors", "operands"),
    [
        ("{keep: input | output}", ("I1", "O")),
        ("{keep: ~weight}", ("I1", "O")),
        ("{keep: weight, may_keep: output}", ("I2", "O")),
        ("{keep: ~main | input}", ("I1",)),
        ("{keep: All - weight & ~input}", ("I1", "I2", "O")),  # & binds after -, as in Python
        ("{}", ("I1", "I2", "O")),
    ],
)
def test_sets_of_tensors(tensors: str, operands: tuple[str, ...], tmp_path: Path) -> None:
    memory = MAIN.replace("main", "inner").replace("{keep: All}", tensors).replace("inf", "4096")
    found = machine(accelforge(MAIN + memory, tmp_path)).memory("inner").operands
    expected = ("O",) if "&" in tensors else operands
    assert found == expected


@pytest.mark.parametrize(
    ("latency", "ports"),
    [
        ("", {"rw": 4}),
        ("total_latency: max(a.n_calls / a.throughput for a in actions)", {"r": 8, "w": 4}),
        ("total_latency: max(read_latency, write_latency)", {"r": 8, "w": 4}),
        ("total_latency: (read_actions + 2 * write_actions) / 32", {"rw": 16}),
        ("total_latency: read_actions / 2 + write_latency", {"rw": 2}),
    ],
)
def test_ports_out_of_latencies(latency: str, ports: dict[str, int], tmp_path: Path) -> None:
    memory = MAIN.replace("main", "inner").replace("inf", f"4096\n    {latency}")
    memory = memory.replace("name: write, energy: 8, throughput: 8", "name: write, energy: 8, throughput: 4")
    assert widths(machine(accelforge(MAIN + memory, tmp_path)).memory("inner")) == ports


def test_memory_without_keep_is_free_there(tmp_path: Path) -> None:
    found = accelforge(MAIN.replace("{keep: All}", "{}"), tmp_path)
    assert any("AccelForge leaves it out, and its traffic is free" in remark for remark in found.missing)


# ---- Stream ---------------------------------------------------------------------------------------------------


def test_core_of_stream() -> None:
    found = converted("core.stream.yaml")
    assert [memory.name for memory in machine(found).memories] == ["registers", "buffer"]
    assert {remark.split(":")[0] for remark in found.missing} == {
        "operator_types", "operand_precision", "banks of registers"
    }  # fmt: skip


# ---- what cannot be read ---------------------------------------------------------------------------------------

BAD = {
    "core.stream.yaml": [
        ("zigzag.compute", "memory", ":3: type: a core that computes nothing"),
        ("sizes: [4, 4]", "sizes: [0, 0]", "operational_array.sizes"),
    ],
    "array.af.yaml": [
        ("!Container\n    name: D1", "!Fork\n    name: D1", "a node that is not understood"),
        ("2 ** 2", "2 ** 2 ** 99", "wrong value: expected a fan-out"),
        ("2 ** 2", "__import__('os')", "wrong value: expected a fan-out"),
        ("keep: weight | output", "keep: weight | psum", "the name 'psum' in 'weight | psum'"),
        ("{% set", "{% for i in range(3) %}{% endfor %}{% set", ":2: a template that is not understood"),
        ("2e9}", "2e9 * nothing}", "with the name 'nothing'"),
        ("default(65536)", "default('8' * 999)", "the template cannot be filled in"),
        ("total_latency: sum(", "total_latency: 3 + sum(", "a latency that is not understood"),
        ("keep: All", "keep: weight", "no memory holds I1"),
        ("energy: 18,", "energy: inf,", "expected an energy, a finite one"),
        ("throughput: 4 * rate", "throughput: 0", "actions of dram never end"),
        ("total_latency: 0", "total_latency: inf", "expected a finite latency"),
    ],
    "tree.arch.yaml": [
        ("unit[0..7]", "unit[0..6]", "sums does not fill its mesh"),
        ("unit[0..7]", "unit[7..0]", "wrong range"),
        ("memory_depth: 1024", "memory_depth: many", "expected depth of scratch"),
        ("name: unit", "title: unit", "name is missing"),
    ],
    "nodes.arch.yaml": [("!Parallel", "!Sequence", "a node that is not understood")],
}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [(name, *case) for name, cases in BAD.items() for case in cases],
    ids=lambda value: str(value)[:30],
)
def test_bad_files(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (DATA / name).read_text()
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as error:
        convert_files([str(path)])
    assert message in str(error.value)
    assert str(path) in str(error.value) or "no memory holds" in message


def test_bits_per_value_of_an_accelforge_memory_are_its_precision(tmp_path: Path) -> None:
    """They were left out without a word."""
    inner = MAIN.replace("main", "inner").replace("inf", "4096")
    own = inner + "    bits_per_value: {input | weight: 8 * 2, output: 24}\n"
    found = machine(accelforge(MAIN + own, tmp_path))
    assert found.memory("inner").precision == (("I1", 16), ("I2", 16), ("O", 24))
    assert found.memory("main").precision == ()
    with pytest.raises(InputError, match="a number of bits, a whole number of at least 1"):
        accelforge(MAIN + own.replace("24", "0.5"), tmp_path)


def test_leakage_of_accelforge_is_a_power(tmp_path: Path) -> None:
    """A cycle is 0.5e-9 of the file's time, an operation at 2e9 a time."""
    text = (DATA / "array.af.yaml").read_text()
    path = tmp_path / "leaking.yaml"
    registers = text.index("name: registers")
    path.write_text(text[:registers] + text[registers:].replace("leak_power: 0", "leak_power: word / 2"))
    found = convert([str(path)])
    accelerator = machine(found)
    assert {memory.name: memory.leakage for memory in accelerator.memories} == {
        "registers": 4 * 0.5e-9,
        "buffer": 0,
        "dram": 0,
    }
    assert accelerator.array.leakage == pytest.approx(0.5e-9 * 32 * 4)
    assert "leak_power is what every instance takes in the time of a cycle, in use or not" in found.assumed
    fanned = path.read_text().replace(
        "leak_power: word / 2", "leak_power: 1\n    spatial: [{name: Z, fanout: 2}]", 1
    )
    path.write_text(fanned)
    missing = "\n".join(convert([str(path)]).missing)
    assert "leak_power of registers, which has a fan-out of its own: AccelForge counts it once" in missing
