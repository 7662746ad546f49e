"""Costs of the CACTI that zigzag-dse brings along."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.machines import memory, port
from zzcp import InputError, load_accelerator
from zzcp.costs import cost_model, costs_of
from zzcp.costs.model import Asked, MemoryCosts
from zzcp.costs.zigzag import ZigZagCacti
from zzcp.documents import parse_document
from zzcp.io import accelerator_to_yaml, read_accelerator

pytestmark = [
    pytest.mark.differential,
    pytest.mark.skipif(find_spec("zigzag") is None, reason="zigzag-dse is not installed"),
]

MAIN = (1348.06, 1237.93, 1517.75)
STATED = "    r_cost: 8\n    w_cost: 8\n    area: 0\n"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(65536 * 8, 64), (7.38046, 6.43063, 0.123675)),
        (Asked(8192 * 8, 512, read_width=128), (2.82784, 4.58085, 0.0160579)),
        (Asked(512, 8), (0.046343, 0.0863606, 0.00021481)),
        (Asked(512, 8, kind="rf"), (1.64595, 0.61447, 0.0140107)),
        (Asked(64, 16, kind="rf"), (0.343101, 0.373403, 0.00201175)),
    ],
)
def test_costs_are_those_that_zigzag_extracts(asked: Asked, expected: tuple[float, ...]) -> None:
    """What ``CactiParser.get_item`` of zigzag-dse 3.9.1 returns, with a port to read and one to write."""
    costs = cost_model("zigzag-cacti").memory(asked)
    assert costs[:3] == pytest.approx(expected, rel=1e-12)
    assert costs.leakage is None


def test_the_width_is_that_of_the_first_port_that_reads() -> None:
    class Kept:
        name, key, version = "kept", "kept", "1"

        def memory(self, asked: Asked, /) -> MemoryCosts:
            seen.append(asked)
            return MemoryCosts(1.0, 1.0, 1.0)

    seen: list[Asked] = []
    both = memory(
        "m",
        "I1",
        port("rw", "read_write", 64, "I1 fh"),
        port("r", "read", 32, "I1 tl"),
        size=8192,
    )
    shared = memory("m", "I1", port("rw", "read_write", 16, "I1 fh", "I1 tl"), size=8192)
    writes = memory("m", "I1", port("w", "write", 8, "I1 fh"), size=8192)
    for some in (both, shared, writes):
        costs_of(Kept(), some.size, some.ports, "rf")
    assert [asked.read_width for asked in seen] == [32, 16, None]
    assert [asked.width for asked in seen] == [64, 16, 8]
    assert {asked.kind for asked in seen} == {"rf"}


def test_a_file_names_it(root: Path, tmp_path: Path) -> None:
    """Together with ``auto_cost_extraction`` it means what the flag alone does in ZigZag: no warning is left."""
    toy = (root / "docs/toy.yaml").read_text()
    large = toy.replace("    size: 256\n", "    size: 65536\n")
    added = "    auto_cost_extraction: true\n    costs: {model: zigzag-cacti}\n"
    text = large.replace(STATED, STATED + added)
    machine = read_accelerator(parse_document(text, "toy.yaml"))
    buffer = machine.memory("buf")
    costs = costs_of(cost_model("zigzag-cacti"), buffer.size, buffer.ports)
    assert (buffer.read_energy, buffer.write_energy, buffer.area) == costs[:3]
    assert buffer.costing is not None
    assert (buffer.costing.model, buffer.costing.version) == ("zigzag-cacti", "zigzag-dse 3.9.1")
    path = tmp_path / "machine.yaml"
    path.write_text(accelerator_to_yaml(machine))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_accelerator(path) == machine


def test_the_flag_alone_means_what_it_does_in_zigzag(root: Path, tmp_path: Path) -> None:
    """No model is named: figures are those of ZigZag's CACTI, a main memory's too, whatever the file states."""
    toy = (root / "docs/toy.yaml").read_text()
    flag = "    auto_cost_extraction: true\n"
    text = toy.replace("    size: 256\n", "    size: 65536\n").replace(STATED, STATED + flag)
    dram = "    size: 100000\n"
    assert dram in text
    path = tmp_path / "machine.yaml"
    path.write_text(text.replace(dram, f"    size: 8589934592\n    mem_type: dram\n{flag}"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        machine = load_accelerator(path)
    named = read_accelerator(
        parse_document(text.replace(flag, flag + "    costs: {model: zigzag-cacti}\n"), "toy.yaml")
    )
    assert machine.memory("buf") == named.memory("buf")
    main = machine.memory("dram")
    # CactiParser.get_item(mem_type="dram", size=2**33, r_bw=8) of zigzag-dse 3.9.1
    assert (main.read_energy, main.write_energy, main.area) == pytest.approx(MAIN, rel=1e-12)
    assert main.costing == named.memory("buf").costing
    assert read_accelerator(parse_document(accelerator_to_yaml(machine))) == machine


def test_what_zigzag_does_not_lay_out_is_an_error_that_names_the_flag(root: Path) -> None:
    toy = (root / "docs/toy.yaml").read_text()
    text = toy.replace("    size: 256\n", "    size: 16\n").replace(
        STATED, STATED + "    auto_cost_extraction: true\n"
    )
    with pytest.raises(InputError, match="does not lay out this memory") as raised:
        read_accelerator(parse_document(text, "toy.yaml"))
    assert raised.value.place.field == "memories.buf.auto_cost_extraction"
    assert (
        raised.value.hint
        == "ZigZag stops there, too; without auto_cost_extraction the costs of the file count"
    )


def test_what_it_does_not_lay_out_is_said() -> None:
    with pytest.raises(InputError, match="does not lay out this memory") as raised:
        cost_model("zigzag-cacti").memory(Asked(8, 8))
    assert raised.value.expected == "8 bits in words of 8"


@pytest.mark.parametrize("name", ["zigzag-cacti@1GHz", "zigzag-cacti:22"])
def test_it_has_no_clock_and_no_process(name: str) -> None:
    with pytest.raises(InputError):
        cost_model(name)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> None:
        raise ModuleNotFoundError("zigzag")

    monkeypatch.setattr("zzcp.costs.zigzag.find_spec", nothing)
    with pytest.raises(InputError, match="a package that is not installed") as raised:
        ZigZagCacti().memory(Asked(4096, 8))
    assert raised.value.hint == "pip install 'zzcp[zigzag]'"


def test_folders_that_a_shell_takes_apart_are_refused(
    tmp_path: Path, settled: Callable[[Path], None]
) -> None:
    place = tmp_path / "two words"
    place.mkdir()
    settled(place)
    with pytest.raises(InputError, match="no such folder for temporary files"):
        ZigZagCacti().memory(Asked(7777 * 8, 8))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what makes a folder that of temporary files."""

    def settle(place: Path) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(place))

    return settle
