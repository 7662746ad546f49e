"""`costs:` of a machine or of a memory in a hardware file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from zzcp import Accelerator, InputError, Layer, load_accelerator, optimize, sweep
from zzcp.cli.main import cli
from zzcp.costs import cost_model, costs_of
from zzcp.documents import parse_document
from zzcp.hardware import Costing
from zzcp.io import accelerator_to_yaml, layer_to_dict, read_accelerator

TOY = "docs/toy.yaml"
STATED = "    r_cost: 8\n    w_cost: 8\n    area: 0\n"
"""The costs of the buffer of the toy, which no other memory has."""
GEMM = Layer.gemm(b=4, k=4, c=4)
SPATIAL = {"D1": {"K": 2}}


@pytest.fixture
def toy(root: Path) -> str:
    text = (root / TOY).read_text()
    assert text.count(STATED) == 1
    return text


def read(text: str) -> Accelerator:
    return read_accelerator(parse_document(text, "toy.yaml"))


def of_memory(toy: str, block: str, stated: str = "") -> str:
    return toy.replace(STATED, f"{stated}    costs: {block}\n")


def test_a_memory_has_the_costs_of_a_model(toy: str) -> None:
    buffer = read(of_memory(toy, "{model: table, technology: 45nm}")).memory("buf")
    costs = costs_of(cost_model("table"), buffer.size, buffer.ports)
    assert (buffer.read_energy, buffer.write_energy, buffer.area) == costs[:3]
    assert (costs.leakage, buffer.leakage) == (None, 0)
    assert buffer.costing == Costing("table", "Horowitz 2014", ("r_cost", "w_cost", "area"))


def test_a_machine_has_one_for_what_states_no_costs(toy: str) -> None:
    machine = read("costs: {model: table}\n" + toy.replace(STATED, "    r_cost: 3\n"))
    costs = costs_of(cost_model("table"), machine.memory("buf").size, machine.memory("buf").ports)
    assert machine.memory("buf").read_energy == 3
    assert (machine.memory("buf").write_energy, machine.memory("buf").area) == costs[1:3]
    assert machine.memory("buf").costing == Costing("table", "Horowitz 2014", ("w_cost", "area"))
    for name in ("reg_W", "reg_I", "dram"):
        assert machine.memory(name) == read(toy).memory(name)


def test_that_of_a_memory_comes_first(toy: str) -> None:
    text = "costs: {model: cacti, technology: 45nm}\n" + of_memory(toy, "{model: table}")
    costing = read(text).memory("buf").costing
    assert costing is not None
    assert costing.model == "table"


def test_banks_are_written_and_read_again(toy: str) -> None:
    """Figures that stand in a file are not computed again, so the package need not be there."""
    block = "{model: cacti, technology: 65nm, banks: 4, version: some 1, figures: [area]}"
    machine = read(of_memory(toy, block, "    r_cost: 1.5\n    w_cost: 2.5\n    area: 7\n"))
    assert machine.memory("buf").costing == Costing("cacti:65,banks=4", "some 1", ("area",))
    assert "banks: 4" in accelerator_to_yaml(machine)
    assert read(accelerator_to_yaml(machine)) == machine


@pytest.mark.parametrize("stated", ["", "    area: 7\n", "    r_cost: 1.5\n    w_cost: 2.5\n"])
def test_what_is_written_is_read_again(toy: str, stated: str) -> None:
    machine = read(of_memory(toy, "{model: table}", stated))
    text = accelerator_to_yaml(machine)
    assert "version: Horowitz 2014" in text
    assert read(text) == machine
    assert read(accelerator_to_yaml(read(toy))) == read(toy)
    assert "costs:" not in accelerator_to_yaml(read(toy))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{model: tabel}", r"memories.buf.costs.model: wrong value.*did you mean 'table'"),
        ("{technology: 45nm}", r"memories.buf.costs.model"),
        ("{model: cacti, technology: fine}", r"memories.buf.costs.technology: .*a process in nm"),
        ("{model: cacti, technology: 5nm}", r"memories.buf.costs: a process that CACTI does not know"),
        ("{model: table, technology: 22nm}", r"memories.buf.costs: no such cost model"),
        ("{model: table, version: other}", r"memories.buf.costs.version: the cost model has another version"),
        ("{model: table, clock: fast}", r"memories.buf.costs.clock: .*a clock such as 1GHz"),
        ("{model: table, clock: 0}", r"memories.buf.costs.clock: .*a clock such as 1GHz"),
        ("{model: table, figures: [leakage]}", r"costs.figures: leakage of a cycle without a clock"),
        ("{model: cacti, banks: 3}", r"memories.buf.costs: banks that CACTI does not know"),
        ("{model: table, banks: 0}", r"memories.buf.costs.banks: wrong value"),
        ("{model: table, nodes: 4}", r"memories.buf.costs.nodes: unknown key"),
    ],
)
def test_bad_blocks_are_one_message(toy: str, block: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(of_memory(toy, block))


def test_models_know_no_dram(toy: str) -> None:
    start = toy.index("  dram:")
    end = toy.index("operational_array:")
    lines = toy[start:end].splitlines(keepends=True)
    unpriced = "".join(line for line in lines if "_cost:" not in line and "area:" not in line)
    text = toy[:start] + unpriced.replace("    size:", "    mem_type: dram\n    size:") + toy[end:]
    broken = "costs: {model: table}\n" + text
    with pytest.raises(InputError, match="cost models know memories on the chip only"):
        read(broken)


def test_what_is_extracted_counts_and_not_what_the_file_states(toy: str, tmp_path: Path) -> None:
    """As in ZigZag. What CACTI cannot know, a DRAM, keeps its own costs, with a warning."""
    stated = "    r_cost: 1.5\n    w_cost: 2.5\n    area: 7\n"
    model = read(of_memory(toy, "{model: table}", ""))
    plain = read(of_memory(toy, "{model: table}", stated))
    extracted = read(of_memory(toy, "{model: table}", stated + "    auto_cost_extraction: true\n"))
    assert plain.memory("buf").read_energy == 1.5
    assert extracted == model
    assert read(accelerator_to_yaml(extracted)) == extracted
    path = tmp_path / "machine.yaml"
    path.write_text(of_memory(toy, "{model: table}", stated + "    auto_cost_extraction: true\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_accelerator(path) == model
    dram = "  dram: # one port for everything\n"
    assert dram in toy
    path.write_text(
        "costs: {model: table}\n"
        + toy.replace(dram, dram + "    mem_type: dram\n    auto_cost_extraction: true\n")
    )
    with pytest.warns(
        UserWarning,
        match=r"memories\.dram\.auto_cost_extraction: .* the cost model table knows memories on the chip only",
    ):
        assert load_accelerator(path).memory("dram").read_energy == 100


def test_costs_follow_the_size_in_a_sweep(toy: str) -> None:
    """The figures that the model gave move with the size; those that the file states stay."""
    machine = read(of_memory(toy, "{model: table}", "    area: 7\n"))
    table = sweep(machine, GEMM, {"memories.buf.size": [256, 2**16]}, spatial=SPATIAL)
    for point, size in zip(table.points, (256, 2**16), strict=True):
        own = read(of_memory(toy, "{model: table}", "    area: 7\n").replace("size: 256", f"size: {size}"))
        assert own.memory("buf").size == size
        alone = optimize(own, GEMM, spatial=SPATIAL)
        assert alone.evaluation is not None
        assert point.outcome.energy_exact == alone.evaluation.energy.exact
        assert point.area == own.area == 7
    assert table.options["costs"]["memories"] == ["buf"]
    assert table.options["costs"]["version"] == "Horowitz 2014"
    # more is not always better there
    assert not any(check.applies for check in table.checks)
    with pytest.raises(InputError, match="costs of a model, and costs that are varied"):
        sweep(machine, GEMM, ["memories.buf.size=256,512", "memories.buf.r_cost=1,2"], spatial=SPATIAL)
    other = sweep(machine, GEMM, {"memories.buf.area": [7, 8]}, spatial=SPATIAL)
    assert "costs" not in other.options


def test_leakage_follows_the_size_where_a_clock_is_given(toy: str) -> None:
    text = of_memory(toy, "{model: table, clock: 500MHz}")
    machine = read(text)
    buffer = machine.memory("buf")
    assert buffer.leakage == costs_of(cost_model("table@0.5"), buffer.size, buffer.ports).leakage > 0
    assert buffer.costing == Costing("table@0.5", "Horowitz 2014", ("r_cost", "w_cost", "area", "leakage"))
    assert read(accelerator_to_yaml(machine)) == machine
    table = sweep(machine, GEMM, {"memories.buf.size": [256, 2**16]}, spatial=SPATIAL)
    for point, size in zip(table.points, (256, 2**16), strict=True):
        alone = optimize(read(text.replace("size: 256", f"size: {size}")), GEMM, spatial=SPATIAL)
        assert alone.evaluation is not None
        cycles = alone.evaluation.latency.total
        assert alone.evaluation.energy.leakage == pytest.approx(cycles * size * 3.2e-9 / 0.5)
        assert point.outcome.energy_exact == alone.evaluation.energy.exact
    with pytest.raises(InputError, match="costs of a model, and costs that are varied"):
        sweep(machine, GEMM, ["memories.buf.size=256,512", "memories.buf.leakage=1,2"], spatial=SPATIAL)
    # a file's own leakage, and a memory off the chip
    stated = read(of_memory(toy, "{model: table, clock: 1GHz}", "    leakage: 3\n")).memory("buf")
    assert (stated.leakage, stated.costing.figures) == (3, ("r_cost", "w_cost", "area"))  # type: ignore[union-attr]
    off_chip = toy.replace("    size: 100000\n", "    size: 100000\n    mem_type: dram\n")
    assert off_chip != toy
    machine = read("costs: {model: table, clock: 1GHz}\n" + off_chip)
    assert machine.memory("dram").leakage == 0
    assert machine.memory("buf").leakage > 0
    assert machine.memory("buf").read_energy == read(toy).memory("buf").read_energy


def test_leakage_without_a_clock_stays_what_it_is(toy: str) -> None:
    machine = read(toy.replace(STATED, STATED + "    leakage: 2\n"))
    sizes = ["memories.buf.size=512,1024"]
    plain = sweep(machine, GEMM, sizes, spatial=SPATIAL, costs=cost_model("table"))
    varied = sweep(
        machine, GEMM, [*sizes, "memories.buf.leakage=2"], spatial=SPATIAL, costs=cost_model("table")
    )
    timed = sweep(machine, GEMM, sizes, spatial=SPATIAL, costs=cost_model("table@1MHz"))
    for a, b, c in zip(plain.points, varied.points, timed.points, strict=True):
        assert a.outcome.energy_exact == b.outcome.energy_exact
        assert c.outcome.energy_exact != a.outcome.energy_exact
    assert timed.options["costs"]["model"] == "table (45 nm, 0.001 GHz)"


def test_show_says_where_costs_come_from(toy: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(of_memory(toy, "{model: table}"))
    result = CliRunner().invoke(cli, ["show", str(path)])
    assert result.exit_code == 0
    assert "r_cost, w_cost, area by table, Horowitz 2014" in " ".join(result.stdout.replace("│", " ").split())
    assert load_accelerator(path).memory("buf").costing is not None


def test_results_say_where_costs_come_from(toy: str, tmp_path: Path) -> None:
    """Text, JSON and page name the memory, the figures, the model and its version."""
    machine, workload = tmp_path / "machine.yaml", tmp_path / "layer.yaml"
    machine.write_text(of_memory(toy, "{model: table}"))
    workload.write_text(yaml.safe_dump([layer_to_dict(GEMM)]))
    solved, scored = tmp_path / "solved.json", tmp_path / "scored.json"
    files = ["-a", str(machine), "-w", str(workload), "-q"]
    said = "costs of buf: r_cost, w_cost, area by table, Horowitz 2014"
    costing = {"model": "table", "version": "Horowitz 2014", "figures": ["r_cost", "w_cost", "area"]}
    result = CliRunner().invoke(cli, ["solve", *files, "--json", str(solved)])
    assert said in result.stdout
    memories = json.loads(solved.read_text())["inputs"]["accelerator"]["content"]["memories"]
    assert memories["buf"]["costs"] == costing
    result = CliRunner().invoke(cli, ["evaluate", *files, "-m", str(solved), "--json", str(scored)])
    assert said in result.stdout
    assert json.loads(scored.read_text())["costs"] == {"buf": costing}
    assert said in CliRunner().invoke(cli, ["pareto", *files]).stdout
    page = tmp_path / "page.html"
    CliRunner().invoke(cli, ["report", str(solved), "-o", str(page)])
    assert said.replace("costs", "Costs", 1) in page.read_text()
