"""The documentation: examples print what the pages say, arithmetic is right, tables hold the package's figures.

The examples of README.md are run by tests/test_repository.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import zzcp
from zzcp.cost.formulas.core import mapping_traffic
from zzcp.io import load_mapping_source
from zzcp.io.hardware_schema import AcceleratorSchema, ArraySchema, MemorySchema, PortSchema
from zzcp.io.mapping import EntrySchema, FullMappingSchema
from zzcp.io.workload import LayerSchema
from zzcp.mappers.ordering import mapping_from_entry

FOLDER = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EQUATION = re.compile(r"`(?:\w+ = )?([^`=\n]*[\d)] *[-+*/×][^`=\n]*) = (-?[\d,.]+)`")
"""Arithmetic in the text, such as ``T = 4 × 2 × 4 = 32``."""


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def rows(name: str, columns: int) -> Iterator[list[str]]:
    """Yield the rows of a page's tables that have so many columns."""
    for line in page(name).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns:
            yield cells


def number(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.fixture(autouse=True)
def at_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages name files as seen from the project's root."""
    monkeypatch.chdir(root)


def settled(text: str, name: str) -> str:
    """Return a text without what is not the same for every optimum, on the page that prints it: parts of a latency."""
    if name == "tutorial.md":
        return re.sub(r"\b(loading|unloading|stall) +[\d,]+", r"\1 #", text)
    return text


@pytest.mark.parametrize("name", [name for name in PAGES if "```python" in page(name)])
def test_examples_print_what_the_page_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The python blocks of a page run in one namespace; what one prints stands in the text block after it."""
    blocks = BLOCK.findall(page(name))
    scope: dict[str, object] = {"__name__": name}
    for (language, code), (following, text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "python":
            exec(compile(code, f"<{name}>", "exec"), scope)
            printed = capsys.readouterr().out
            assert settled(printed, name) == (settled(text, name) if following == "text" else ""), code
            if name == "tutorial.md" and "zzcp.sweep" in code:
                loading = [number(cycles) for cycles in re.findall(r"loading +([\d,]+)", printed)]
                # what the page tells of them: it rises, and falls below where it began
                assert max(loading) > 2 * loading[0] > 2 * loading[-1]


@pytest.mark.parametrize("name", [name for name in PAGES if EQUATION.search(page(name))])
def test_arithmetic_of_the_page_is_right(name: str) -> None:
    known = {"ceil": math.ceil, "max": max, "min": min}
    for term, value in EQUATION.findall(page(name)):
        found = eval(term.replace("×", "*").strip(), {"__builtins__": {}}, known)
        digits = len(value.partition(".")[2])
        assert round(found, digits) == number(value), f"{term} = {value}"


def test_index_lists_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w.-]+)\)", page("index.md")))
    assert {path.name for path in FOLDER.iterdir()} - {"index.md"} <= linked


# ---- cost-model.md ------------------------------------------------------------------------------------------------


def worked_example() -> tuple[zzcp.Evaluator, zzcp.Mapping]:
    """Return the evaluator and the mapping of the example that cost-model.md works by hand."""
    scope: dict[str, object] = {}
    exec(BLOCK.findall(page("cost-model.md"))[0][1], scope)
    machine, layer, mapping = scope["toy"], scope["gemm"], scope["mapping"]
    assert isinstance(machine, zzcp.Accelerator)
    assert isinstance(layer, zzcp.Layer)
    assert isinstance(mapping, zzcp.Mapping)
    return zzcp.Evaluator(machine, layer, mapping.spatial), mapping


def test_periods_and_counts_of_the_worked_example() -> None:
    evaluator, mapping = worked_example()
    states = mapping_traffic(evaluator.model, mapping.temporal).states
    found = {
        f"{operand.name} {link}": [str(state.period[link]), str(state.counts[link])]
        for operand, state in zip(evaluator.setting.operands, states, strict=True)
        for link in range(operand.depth)
    }
    assert {row[0]: row[3:] for row in rows("cost-model.md", 5) if row[0] in found} == found


def test_tiles_of_the_worked_example() -> None:
    evaluator, mapping = worked_example()
    moved = mapping_traffic(evaluator.model, mapping.temporal).latency_moves
    tiles = {op.name: (m.tile, m.upper) for op, m in zip(evaluator.setting.operands, moved, strict=True)}
    line = " ".join(re.search(r"^Toy: W .*?\.$", page("cost-model.md"), re.MULTILINE | re.DOTALL)[0].split())
    (w, upper), (i, _), (o, _) = tiles["W"], tiles["I"], tiles["O"]
    assert line == (
        f"Toy: W {w[1]} elements in each `reg_W`, {upper[1]} from `dram` for both; "
        f"I {i[1]} in `reg_I`, {i[2]} in `buf`; O {o[1]} in `buf` (B 4 × K 2 spatial)."
    )


def test_energies_and_components_of_the_worked_example() -> None:
    evaluator, mapping = worked_example()
    result = evaluator.evaluate(mapping)
    energies = {row[0]: number(row[2]) for row in rows("cost-model.md", 3) if re.fullmatch("[\\d,]+", row[2])}
    by_memory = dict(result.energy.by_memory)
    by_memory["buf, I"], by_memory["buf, O"] = (
        result.energy.by_operand["I"][1],
        result.energy.by_operand["O"][0],
    )
    assert by_memory.pop("buf") == by_memory["buf, I"] + by_memory["buf, O"]
    assert energies.items() >= (by_memory | {"array": result.energy.mac}).items()
    components = {row[0]: row[2].strip("`").split("= ")[-1] for row in rows("cost-model.md", 3)}
    cycles = result.latency
    assert components["data loading, unloading"] == f"{cycles.data_loading}, {cycles.data_unloading}"
    for name in ("ideal", "spatial stall", "temporal stall", "drain", "total"):
        assert components[name] == str(getattr(cycles, name.replace(" ", "_")))


def test_zigzag_loading_of_the_worked_example() -> None:
    evaluator, mapping = worked_example()
    setting = evaluator.setting
    result = zzcp.evaluate(setting.accelerator, setting.layer, mapping, conventions=zzcp.ZIGZAG)
    assert f"`0 + max(16 + 2, 4) = {result.latency.data_loading}`" in page("cost-model.md")


# ---- conventions.md -----------------------------------------------------------------------------------------------


def test_table_of_conventions_holds_the_presets() -> None:
    names = [field.name for field in fields(zzcp.CostConventions) if field.name != "name"]
    table = {row[0].split("]")[0][1:]: row[1:] for row in rows("conventions.md", 3) if row[0].startswith("[")}
    assert table == {
        name: [str(getattr(zzcp.ZIGZAG, name)), str(getattr(zzcp.EXACT, name))] for name in names
    }


def test_every_convention_has_a_section() -> None:
    names = [field.name for field in fields(zzcp.CostConventions) if field.name != "name"]
    assert re.findall(r"^## (\w+)$", page("conventions.md"), re.MULTILINE) == names


def test_presets_differ_where_the_page_says() -> None:
    different = [
        field.name
        for field in fields(zzcp.CostConventions)
        if getattr(zzcp.ZIGZAG, field.name) != getattr(zzcp.ZIGZAG_3_0, field.name)
    ]
    assert different == ["name", "once_only_loads"]
    assert zzcp.ZIGZAG_3_0.once_only_loads == "exposed"


# ---- seed-question.md ---------------------------------------------------------------------------------------------

MACHINES = ("1_2_4", "8_64_1024")
CONVENTIONS = (zzcp.ZIGZAG_3_0, zzcp.ZIGZAG, zzcp.EXACT)


def seed_machine(memories: str) -> zzcp.Accelerator:
    return zzcp.load_accelerator(f"models/accelerators/seed_eyeriss_{memories}.yaml")


def seed_row(memories: str, layer: str, conventions: zzcp.CostConventions) -> list[str]:
    workload = zzcp.load_workload("models/workloads/seed_workload.yaml")
    source = load_mapping_source(f"examples/seed/{layer}_{memories}.yaml")
    mapping = zzcp.Mapping.from_dict(source.by_layer[None])
    result = zzcp.evaluate(seed_machine(memories), workload.layer(layer), mapping, conventions=conventions)
    cycles = result.latency
    shown = (cycles.data_loading, cycles.data_unloading, cycles.temporal_stall, cycles.total)
    return [
        memories,
        conventions.name,
        *(f"{value:,}" for value in shown),
        f"{result.energy.total / 1e6:.3f}",
    ]


@pytest.mark.parametrize("layer", ["conv", "gemm"])
def test_seed_table(layer: str) -> None:
    expected = [
        seed_row(memories, layer, conventions) for memories in MACHINES for conventions in CONVENTIONS
    ]
    assert [row for row in rows("seed-question.md", 7) if row[0] in MACHINES] == expected


def test_question_is_what_zigzag_3_0_says() -> None:
    small, large = (seed_row(memories, "conv", zzcp.ZIGZAG_3_0) for memories in MACHINES)
    asked = [row[1:3] for row in rows("seed-question.md", 4) if row[0].endswith("KB")]
    assert asked == [[large[2], large[5]], [small[2], small[5]]]


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("memories", MACHINES)
def test_proven_optima_of_the_seed_question(memories: str, objective: str) -> None:
    cells = next(row for row in rows("seed-question.md", 3) if row[0].lower().startswith(objective))
    scale = {"energy": 1e6, "latency": 1, "edp": 1e12}[objective]
    layer = zzcp.load_workload("models/workloads/seed_workload.yaml").layer("conv")
    spatial = {"D1": {"K": 4}, "D2": {"C": 4}}
    result = zzcp.optimize(seed_machine(memories), layer, objective, spatial=spatial, time_limit=300)
    assert result.status == "optimal"
    # another mapping within the gap is as good
    assert result.objective == pytest.approx(number(cells[1 + MACHINES.index(memories)]) * scale, rel=2e-4)


# ---- formats.md and api.md ----------------------------------------------------------------------------------------

SCHEMAS = (
    AcceleratorSchema,
    MemorySchema,
    PortSchema,
    ArraySchema,
    LayerSchema,
    EntrySchema,
    FullMappingSchema,
)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
def test_every_field_of_the_files_is_described(schema: type[AcceleratorSchema]) -> None:
    described = {name for row in rows("formats.md", 2) for name in re.findall(r"`(\w+)`", row[0])}
    assert set(schema.model_fields) <= described


def test_every_described_field_exists() -> None:
    sections = ("Hardware", "Workload", "Mapping file", "Full mapping")
    text = "\n".join(
        re.search(rf"^## {title}$.*?(?=^## )", page("formats.md"), re.M | re.S)[0] for title in sections
    )
    known = {name for schema in SCHEMAS for name in schema.model_fields} | {"fh", "tl", "fl", "th"}
    described = {
        name for line in re.findall(r"^\|([^|]*)\|", text, re.M) for name in re.findall(r"`(\w+)`", line)
    }
    assert described <= known


def test_mappings_of_the_formats_page_are_read(tmp_path: Path) -> None:
    evaluator, mapping = worked_example()
    entry, full = (text for language, text in BLOCK.findall(page("formats.md")) if language == "yaml")
    assert zzcp.Mapping.from_yaml(full).temporal == mapping.temporal
    (tmp_path / "full.yaml").write_text(full)
    source = load_mapping_source(tmp_path / "full.yaml")
    assert zzcp.Mapping.from_dict(source.by_layer[None]) == zzcp.Mapping.from_yaml(full)
    (tmp_path / "entry.yaml").write_text(entry)
    setting = evaluator.setting
    read = zzcp.load_mapping(tmp_path / "entry.yaml").for_layer(setting.layer)
    assert mapping_from_entry(setting.accelerator, setting.layer, read).order == mapping.order


def test_api_page_names_all_that_is_public() -> None:
    named = set(re.findall(r"`(\w+)`", page("api.md")))
    assert set(zzcp.__all__) - {"__version__"} <= named
