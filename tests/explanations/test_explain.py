"""Explanations in words, what would help, and two results side by side."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

import zzcp
from tests.cost import test_shared_ports as shared_ports
from tests.explanations.test_facts import seed
from tests.strategies import Case, cases, cost
from zzcp.errors import InputError
from zzcp.explanations import Explanation
from zzcp.explanations.phrases import change, growth, listed, more, percent, times
from zzcp.explanations.verdict import larger_of
from zzcp.workload import Layer

SOME = settings(max_examples=25, deadline=None)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.fixture(autouse=True)
def at_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def numbers(text: str) -> set[float]:
    return {float(number.replace(",", "")) for number in NUMBER.findall(text)}


@given(case=cases())
@SOME
def test_the_words_hold_the_figures(case: Case) -> None:
    evaluation = cost(case)
    explained = zzcp.explain(evaluation)
    latency = evaluation.latency
    first = numbers(explained.sentences[0])
    for value in (latency.total, latency.ideal, latency.temporal_stall, latency.data_loading, latency.drain):
        assert not value or round(float(value), 2) in first
    text = " ".join(explained.sentences)
    assert ("Nothing has to be loaded" in text) == (latency.data_loading == 0)
    assert ("never waits for a port" in text) == (latency.temporal_stall == 0)
    assert "None" not in text
    assert json.loads(json.dumps(explained.to_dict()))["sentences"] == list(explained.sentences)


@given(case=cases())
@SOME
def test_what_would_help_is_what_the_evaluator_says(case: Case) -> None:
    evaluation = cost(case)
    for objective in ("edp", "energy", "latency"):
        explained = zzcp.explain(evaluation, objective=objective)
        gains = [entry.gain for entry in explained.changes]
        assert gains == sorted(gains, reverse=True)
        for entry in explained.changes:
            assert entry.energy == evaluation.energy.total
            if entry.kind == "capacity" and evaluation.conventions == "exact":
                # the copies that are kept can still be kept
                assert entry.latency <= evaluation.latency.total
        if objective == "energy":
            assert not any(gains)


def test_twice_the_bandwidth_of_a_port() -> None:
    evaluation = seed("8_64_1024")
    best = zzcp.explain(evaluation, objective="latency").changes
    by_name = {entry.target: entry for entry in best}
    machine = zzcp.load_accelerator("models/accelerators/seed_eyeriss_8_64_1024.yaml")
    memory = machine.memory("dram")
    wide = replace(memory, ports=(replace(memory.ports[0], bandwidth_max=128),))
    changed = replace(machine, memories=(*machine.memories[:-1], wide))
    layer = zzcp.load_workload("models/workloads/seed_workload.yaml").layer("conv")
    again = zzcp.evaluate(changed, layer, evaluation.details.mapping)  # type: ignore[attr-defined]
    assert by_name["dram.rw_port_1"].latency == again.latency.total
    # two ports stop the array for about as long: only both together help
    together = best[0]
    assert together.target == "rf_64B_I.r_port_1, rf_16B.rw_port_1"
    assert 0.45 < together.gain < 0.55
    assert all(entry.gain < 0.05 for entry in best[1:])


def test_the_best_mapping_for_every_change() -> None:
    machine = zzcp.load_accelerator("docs/toy.yaml")
    result = zzcp.optimize(machine, Layer.gemm(b=4, k=4, c=4), spatial="full")
    told: list[str] = []
    explained = zzcp.explain(result, resolve=True, on_progress=told.append)
    assert explained.resolved
    assert sorted(told) == sorted(entry.text for entry in explained.changes)
    assert {entry.kind for entry in explained.changes} == {"bandwidth", "capacity"}
    for entry in explained.changes:
        assert entry.solved
        assert entry.gain <= entry.most + 1e-12
        # more of anything at the same energy per bit or access makes nothing worse
        assert entry.gain >= -1e-4
    (buffer,) = (entry for entry in explained.changes if entry.text == "twice the capacity of buf")
    larger = replace(
        machine,
        memories=tuple(
            replace(memory, size=512) if memory.name == "buf" else memory for memory in machine.memories
        ),
    )
    assert buffer.value == pytest.approx(
        zzcp.optimize(larger, Layer.gemm(b=4, k=4, c=4), spatial="full").objective, rel=1e-4
    )
    assert "with the best mapping for it" in explained.sentences[-1]


def test_what_is_proven_comes_from_the_solver() -> None:
    result = zzcp.optimize(
        zzcp.load_accelerator("docs/toy.yaml"), Layer.gemm(b=4, k=4, c=4), "energy", spatial="full"
    )
    explained = zzcp.explain(result, what_if=False)
    assert (explained.status, explained.objective, explained.gap) == ("optimal", "energy", result.gap)
    assert explained.changes == ()
    assert zzcp.explain(result, objective="latency", what_if=False).gap is None
    assert zzcp.explain(result.evaluation, what_if=False).status is None


def test_what_cannot_be_explained() -> None:
    machine = zzcp.load_accelerator("docs/toy.yaml")
    tiny = replace(machine, memories=tuple(replace(memory, size=8) for memory in machine.memories))
    result = zzcp.optimize(tiny, Layer.gemm(b=4, k=4, c=4), spatial="full")
    with pytest.raises(InputError, match="no mapping to explain"):
        zzcp.explain(result)
    valid = zzcp.optimize(machine, Layer.gemm(b=4, k=4, c=4), spatial="full")
    assert valid.mapping is not None
    invalid = zzcp.evaluate(tiny, Layer.gemm(b=4, k=4, c=4), valid.mapping, allow_invalid=True)
    with pytest.raises(InputError, match="an invalid mapping has no explanation"):
        zzcp.explain(invalid)
    with pytest.raises(InputError, match="unknown objective"):
        zzcp.explain(valid, objective="power")


# ---- two results --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "conventions", [zzcp.EXACT, zzcp.ZIGZAG, zzcp.ZIGZAG_3_0], ids=lambda entry: entry.name
)
def test_side_by_side(conventions: zzcp.CostConventions) -> None:
    a, b = seed("1_2_4", conventions), seed("8_64_1024", conventions)
    compared = zzcp.explain(a, b)
    assert compared.names == ("seed_eyeriss_1_2_4", "seed_eyeriss_8_64_1024")
    parts = {pair.name: pair for pair in compared.components}
    assert parts["data_loading"].first == a.latency.data_loading
    assert parts["data_loading"].second == b.latency.data_loading
    assert sum(pair.difference for pair in compared.components) == b.latency.total - a.latency.total
    assert sum(pair.difference for pair in compared.memories) == pytest.approx(
        b.energy.total - a.energy.total
    )
    assert [entry.field for entry in compared.machine] == [
        "memories.sram_8KB.size",
        "memories.sram_64KB.size",
        "memories.sram_1M.size",
    ]
    text = " ".join(compared.sentences)
    smaller = a.latency.data_loading < b.latency.data_loading
    assert ("with less memory, loads faster" in text) == smaller
    assert ("has larger first tiles" in text) != smaller
    # the theorem is one of the exact conventions
    assert ("its optimum cannot be worse" in text) == (conventions == zzcp.EXACT)
    assert json.loads(json.dumps(compared.to_dict()))["sentences"] == list(compared.sentences)


def test_the_answer_does_not_depend_on_the_order() -> None:
    a, b = seed("1_2_4", zzcp.ZIGZAG_3_0), seed("8_64_1024", zzcp.ZIGZAG_3_0)
    answers = [
        next(line for line in zzcp.explain(*pair).sentences if "with less memory" in line)
        for pair in ((a, b), (b, a))
    ]
    assert answers[0] == answers[1]
    assert "220 against 5,020 cycles" in answers[0]
    assert "3,200 bytes from the outermost memories against 80,000" in answers[0]


def test_what_is_proven_of_two() -> None:
    machine = zzcp.load_accelerator("docs/toy.yaml")
    half = replace(
        machine,
        name="half",
        memories=tuple(
            replace(memory, size=128) if memory.name == "buf" else memory for memory in machine.memories
        ),
    )
    layer = Layer.gemm(b=4, k=4, c=4)
    compared = zzcp.explain(
        zzcp.optimize(half, layer, spatial="full"), zzcp.optimize(machine, layer, spatial="full")
    )
    assert compared.names == ("half", "toy")
    assert "It is proven that the energy-delay product of half is" in compared.sentences[-2]
    assert (
        compared.sentences[-1]
        == "So the energy-delay product of even the best mapping of half is above that of toy."
    )
    same = zzcp.explain(
        zzcp.optimize(machine, layer, spatial="full"),
        zzcp.optimize(machine, layer, spatial="full"),
        names=("one", "two"),
    )
    assert same.sentences[0].startswith("one and two take the same")
    assert not any("even the best" in line for line in same.sentences)
    assert same.mapping == same.machine == ()


@given(first=cases(), second=cases())
@SOME
def test_any_two_can_be_compared(first: Case, second: Case) -> None:
    a, b = cost(first), cost(second)
    compared = zzcp.explain(a, b)
    assert compared.sentences
    assert "None" not in " ".join(compared.sentences)
    assert {fill.name for fill in compared.fills} == {
        f"{link.operand} {link.source} -> {link.target}" for link in (*a.links, *b.links)
    }


def test_larger_memories_and_nothing_else() -> None:
    machine = zzcp.load_accelerator("docs/toy.yaml")

    def changed(**fields: object) -> zzcp.Accelerator:
        buf = replace(machine.memory("buf"), **fields)  # type: ignore[arg-type]
        return replace(
            machine, memories=tuple(buf if memory.name == "buf" else memory for memory in machine.memories)
        )

    assert larger_of(machine, changed(size=512)) == 1
    assert larger_of(changed(size=512), machine) == 0
    assert larger_of(changed(size=512, area=7.0), machine) == 0
    assert larger_of(machine, machine) is None
    assert larger_of(machine, changed(size=512, read_energy=9.0)) is None
    smaller = replace(
        changed(size=512), memories=(replace(machine.memories[0], size=8), *changed(size=512).memories[1:])
    )
    assert larger_of(machine, smaller) is None


def test_phrases() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert change(200, 100) == "-100 (-50%)"
    assert change(0, 5) == "+5"
    assert change(5, 5) == "no change"
    assert percent(1, 3) == "33%"
    assert percent(1, 1000) == "0.10%"
    assert percent(1, 10**9) == "less than 0.001%"
    assert percent(0, 5) == percent(1, 0) == "0%"
    assert times(2, 9) == "4.5 times"
    assert times(1, 25) == "25 times"
    assert (growth(100, 120), growth(100, 50), growth(7, 7)) == ("+20%", "-50%", "0%")
    assert (growth(1, 10), growth(100, 5441), growth(5400, 100)) == ("+900%", "54 times", "1/54")
    assert more(100, 120, "cycles", "fewer") == "20% more cycles"
    assert more(120, 100, "cycles", "fewer") == "17% fewer cycles"
    assert more(100, 5400, "energy") == "54 times the energy"
    assert more(5400, 100, "energy") == "1/54 of the energy"
    assert change(100, 5441) == "+5,341 (54 times)"


def test_types() -> None:
    assert isinstance(zzcp.explain(seed("1_2_4")), Explanation)


def test_an_idle_array_is_named_before_anything_is_advised() -> None:
    machine = zzcp.load_accelerator("models/accelerators/gemmini_like.yaml")
    layer = Layer.gemm(b=16, k=64, c=64)
    for factors, idle in (({"D1": {"C": 4}}, True), ({"D1": {"C": 16}, "D2": {"K": 16}}, False)):
        found = zzcp.optimize(machine, layer, spatial=factors, gap=0.5)
        assert found.evaluation is not None
        words = zzcp.explain(found).sentences
        said = [number for number, text in enumerate(words) if text.startswith("Most of the array is idle")]
        assert said == ([1] if idle else [])
        if idle:
            assert "keeps 4 of 256 units busy on average" in words[1]


def test_ports_that_take_turns_are_told() -> None:
    """Eight units share the port that writes their weights, so that refills are late."""
    alone, shared = (
        zzcp.evaluate(shared_ports.cells(*along), shared_ports.GEMM, shared_ports.MAPPING)
        for along in ((), ("D1", "D2"))
    )
    text = " ".join(zzcp.explain(shared).sentences)
    assert "W dram -> w_regs takes 8 cycles for 8 instances in turn where it has 1 of each 8" in text
    assert (
        "W dram -> w_regs: 1 bytes at 8 bits a cycle through w_regs.w for 8 instances in turn, 8 cycles"
        in text
    )
    assert "in turn" not in " ".join(zzcp.explain(alone).sentences)
    assert "1 -> 8 instances take turns at w_regs.w" in " ".join(zzcp.explain(alone, shared).sentences)


def test_a_port_for_every_instance_is_among_what_would_help() -> None:
    alone, shared = (
        zzcp.evaluate(shared_ports.cells(*along), shared_ports.GEMM, shared_ports.MAPPING)
        for along in ((), ("D1", "D2"))
    )
    explained = zzcp.explain(shared, objective="latency")
    best = explained.changes[0]
    assert (best.kind, best.target, best.latency) == ("sharing", "w_regs.w", alone.latency.total)
    assert best.gain == pytest.approx(1 - alone.latency.total / shared.latency.total)
    assert "a port w_regs.w for every instance" in " ".join(explained.sentences)
    assert all(change.kind != "sharing" for change in zzcp.explain(alone).changes)
