"""Cost models: the built-in one, CACTI through a package that a fake stands for, and sweeps with costs that move."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.machines import machine, memory
from zzcp import Accelerator, InputError, Layer, SweepTable, load_accelerator, sweep
from zzcp.cli.main import cli
from zzcp.costs import Asked, MemoryCosts, ModelName, cost_model, falling, package, priced
from zzcp.costs.cacti import Cacti
from zzcp.costs.table import CELL, FILLED
from zzcp.sweeps.budget import best_under

SEED = "models/accelerators/seed_eyeriss_1_2_4.yaml"
SIZE = "memories.sram_8KB.size"
GEMM = Layer.gemm(b=20, k=20, c=20, precision=dict.fromkeys(("W", "I", "O", "O_final"), 32))
SPATIAL = {"D1": {"K": 4}, "D2": {"C": 4}}


@pytest.fixture
def seed(root: Path) -> Accelerator:
    return load_accelerator(root / SEED)


def test_built_in_model() -> None:
    costs = cost_model("table").memory(Asked(8 * 8192, 64))
    assert costs[:3] == pytest.approx((10, 10, 8 * 8192 * CELL / FILLED))
    assert costs.leakage is None


@pytest.mark.parametrize(
    ("text", "clock"), [("table@1GHz", 1), ("table@200MHz", 0.2), ("table@0.2 GHz", 0.2), ("table@2", 2)]
)
def test_leakage_needs_the_length_of_a_cycle(text: str, clock: float) -> None:
    """1 MiB in 45 nm leaks 27 uW: 0.027 pJ in a nanosecond."""
    model = cost_model(text)
    costs = model.memory(Asked(8 * 2**20, 64))
    assert costs.leakage == pytest.approx(8 * 2**20 * 3.2e-12 * 1e12 / (clock * 1e9))
    assert costs[:3] == cost_model("table").memory(Asked(8 * 2**20, 64))[:3]
    assert model.name == f"table (45 nm, {clock:g} GHz)"
    assert cost_model(model.key) == model


@pytest.mark.parametrize(
    "text", ["table@", "table@1kHz", "table@0", "cacti@x", "table@-1", "table@1e400", "table@nan"]
)
def test_bad_clocks_are_one_message(text: str) -> None:
    with pytest.raises(InputError, match="no clock: expected a clock such as 1GHz"):
        cost_model(text)


@given(st.integers(8, 2**40), st.integers(8, 2**40), st.integers(1, 4096))
def test_built_in_model_is_monotone(first: int, second: int, width: int) -> None:
    table = cost_model("table")
    small, large = (table.memory(Asked(size, width)) for size in sorted((first, second)))
    assert all(a <= b for a, b in zip(small[:3], large[:3], strict=True))


class Library:
    """Stands for the package: 1 pJ a bit of the width, and an energy that falls at 32 KiB, as CACTI's does."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, int, int]] = []
        self.organised: list[tuple[int, int]] = []

    def __call__(self, *, tech_node: float, width: int, size: int, n_rw_ports: int, n_banks: int) -> Any:
        self.calls.append((tech_node, width, size))
        self.organised.append((n_rw_ports, n_banks))
        if size == 5 * 8192:
            raise Exception("CACTI failed with exit code 1\nlog")
        energy = (width if size < 32 * 8192 else width / 2) * 1e-12
        return SimpleNamespace(
            read=lambda: SimpleNamespace(energy=energy),
            write=lambda: SimpleNamespace(energy=2 * energy),
            area=size * 1e-12,
            leak_power=size * 1e-12,
        )


def cacti(library: Library, technology: float = 65) -> Cacti:
    return Cacti(technology, lambda: library, lambda: "1.0")


def test_cacti_is_asked_in_metres_and_answers_in_picojoules() -> None:
    library = Library()
    model = cacti(library)
    for _ in range(2):
        costs = model.memory(Asked(16 * 8192, 64))
    assert costs[:3] == pytest.approx(MemoryCosts(64, 128, 16 * 8192 * 1e-6)[:3])
    assert costs.leakage is None
    slow = replace(model, clock=0.1).memory(Asked(16 * 8192, 64))  # 131,072 pW for 10 ns
    assert (slow[:3], slow.leakage) == (costs[:3], pytest.approx(131072e-12 * 10e-9 * 1e12))
    assert library.calls == [(65e-9, 64, 16 * 8192)]  # once, and to the last bit of the float
    assert (model.name, model.version) == ("cacti (65 nm)", "hwcomponents-cacti 1.0")


def test_cacti_is_asked_for_the_ports_of_a_memory_and_the_banks_of_the_model() -> None:
    library = Library()
    model = replace(cacti(library), banks=4)
    assert str(ModelName.of(model.key)) == model.key == "cacti:65,banks=4"
    assert cost_model("cacti:65,banks=4@200MHz").name == "cacti (65 nm, 4 banks, 0.2 GHz)"
    for ports in (1, 2):
        model.memory(Asked(16 * 8192, 64, ports))
    assert library.organised == [(1, 4), (2, 4)]
    with pytest.raises(InputError, match="expected a power of two, 32 at most, found 3"):
        cost_model("cacti,banks=3")
    for text in ("table,banks=2", "zigzag-cacti,banks=2", "cacti,banks=x"):
        with pytest.raises(InputError, match="no such cost model"):
            cost_model(text)


def test_what_cacti_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match="too small for CACTI") as error:
        cacti(Library()).memory(Asked(32, 8))
    assert "expected at least 512 bytes, found 4 bytes" in str(error.value)
    with pytest.raises(InputError, match="a process that CACTI does not know"):
        cost_model("cacti:130nm")
    with pytest.raises(InputError, match=r"CACTI does not lay out this memory.*before glibc 2\.38"):
        cacti(Library()).memory(Asked(5 * 8192, 8))
    for text in ("tabel", "cacti:x", "table:45", "cacti:²"):
        with pytest.raises(InputError, match="no such cost model"):
            cost_model(text)


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hwcomponents_cacti", None)
    with pytest.raises(InputError) as error:
        cost_model("cacti").memory(Asked(8192, 8))
    assert "pip install hwcomponents-cacti (Python 3.12 or newer)" in str(error.value)


def test_the_version_of_a_package_that_is_not_installed_is_the_same_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sweep whose only size is that of the file asks for nothing but the version: it ended in a traceback."""

    def lacking(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(package, "version", lacking)
    with pytest.raises(InputError, match="needs a package that is not installed"):
        _ = cost_model("cacti").version


def test_memories_cost_what_the_model_says() -> None:
    before = machine()
    after = priced(before, cost_model("table"), ["sram"])
    sram = after.memory("sram")
    # the widest port has 64 bits; 1 KiB
    assert sram.read_energy == pytest.approx(10 * (1 / 8) ** 0.5)
    assert sram.area == 8192 * CELL / FILLED
    assert [m for m in after.memories if m.name != "sram"] == [m for m in before.memories if m.name != "sram"]
    with pytest.raises(InputError, match="unknown memory"):
        priced(before, cost_model("table"), ["glb"])


def test_where_a_model_falls_it_is_noted() -> None:
    model = cacti(Library())
    machines = []
    for kib in (16, 31, 33):
        buffer = memory("buf", "I1 I2 O", size=kib * 8192, served_dimensions=("D1", "D2"))
        machines.append(priced(machine((buffer,)), model, ["buf"]))
    (note,) = falling(machines, ["buf"])
    assert note == "buf costs 64 pJ a read with 253,952 bits, 32 with 270,336"


# ---- sweeps ----------------------------------------------------------------------------------------------------


def swept(seed: Accelerator, sizes: list[int], **options: Any) -> SweepTable:
    return sweep(seed, GEMM, {SIZE: sizes}, spatial=SPATIAL, **options)


def with_size(seed: Accelerator, size: int) -> Accelerator:
    memories = tuple(replace(m, size=size) if m.name == "sram_8KB" else m for m in seed.memories)
    return replace(seed, memories=memories)


def test_sweep_with_costs_that_move(seed: Accelerator) -> None:
    sizes = [8_000, 512_000, 64_000_000]
    plain, honest = (swept(seed, sizes, costs=costs) for costs in (None, cost_model("table")))
    assert plain.checks[0].applies
    assert plain.checks[0].holds
    assert not honest.checks[0].applies  # more may cost more
    values = [point.outcome.objective or 0 for point in honest.points]
    assert 0 < min(values[:2]) < values[2]
    for point, size in zip(honest.points, sizes, strict=True):
        assert point.area == priced(with_size(seed, size), cost_model("table"), ["sram_8KB"]).area
    assert honest.options["costs"] == {
        "model": "table (45 nm)", "version": "Horowitz 2014", "memories": ["sram_8KB"], "notes": []
    }  # fmt: skip


def test_costs_need_a_memory_that_changes(seed: Accelerator) -> None:
    table = cost_model("table")
    with pytest.raises(InputError, match="no memory changes"):
        sweep(seed, GEMM, {"operational_array.unit_energy": [1.0]}, spatial=SPATIAL, costs=table)
    both = {SIZE: [8000], "memories.sram_8KB.r_cost": [1.0]}
    with pytest.raises(InputError, match="costs of a model, and costs that are varied"):
        sweep(seed, GEMM, both, spatial=SPATIAL, costs=table)


def test_best_machine_within_a_budget(seed: Accelerator) -> None:
    table = swept(seed, [8_000, 512_000, 2_000_000], costs=cost_model("table"))
    areas = [point.area for point in table.points]
    values = [point.outcome.objective or 0 for point in table.points]
    for most in (areas[0], areas[1], areas[2], areas[0] - 1):
        (best,) = best_under(table, {"area": most})
        allowed = [value for area, value in zip(areas, values, strict=True) if area <= most]
        assert (best.within, best.total) == (len(allowed), 3)
        if allowed:
            assert best.value == min(allowed)
            assert best.proven
            assert best.power == pytest.approx(best.energy / best.latency)
        else:
            assert best.values is None
    (best,) = best_under(table, {"power": 1e-9})
    assert best.steps is None
    assert best.least is not None
    assert best.least["area"] == min(areas)
    for budget, message in (({"volume": 1}, "no such budget"), ({"area": 0}, "budget of area")):
        with pytest.raises(InputError, match=message):
            best_under(table, budget)


def test_command(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    files = ["-a", SEED, "-w", "models/workloads/seed_workload.yaml", "--layer", "gemm", "--db", ":memory:"]
    files += ["-m", "models/mappings/seed_mapping.yaml"]
    vary = ["--vary", "memories.sram_1M.size=16KB,64KB,512KB"]

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["sweep", *files, *vary, *arguments])

    done = run("--costs", "table", "--best-under", "area=100,power=1000", "-q")
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())  # lines are wrapped to the width that there is
    assert "(inside of the range of sram_1M.size)" in text
    assert "Best within area 100 and power 1,000 pJ per cycle" in text
    assert "sram_1M: energies and areas by table (45 nm), Horowitz 2014" in text
    assert "best of 3 within of 3 machines, proven" in text
    data = json.loads(run("--costs", "table", "--best-under", "area=1", "-q", "--json", "-").stdout)
    (none,) = data["best_under"]["best"]
    least = none.pop("least")
    assert none == {"workload": "seed_workload", "objective_name": "edp", "within": 0, "total": 3}
    assert least["area"] == min(point["area"] for point in data["points"]) > 1
    said = " ".join(run("--costs", "table", "--best-under", "area=1", "-q").stdout.split())
    assert "none of 3 machines; the least area is" in said
    for option, message in (
        (("--costs", "tabel"), "no such cost model"),
        (("--best-under", "area"), "expected area=NUMBER"),
        (("--best-under", "area=-1"), "expected a positive limit"),
    ):
        done = run(*option)
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
