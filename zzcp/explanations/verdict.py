"""Two results in words: what makes the difference, and why. Every sentence is made from figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from zzcp.cost import EXACT
from zzcp.cost.evaluation import ARRAY, COMPONENTS
from zzcp.cost.objective import objective_of
from zzcp.explanations.facts import Facts, Fill, Flow
from zzcp.explanations.phrases import (
    Number,
    capacity,
    change,
    cycles,
    energy,
    figure,
    growth,
    is_multiple,
    listed,
    more,
    percent,
    times,
)
from zzcp.explanations.words import NAMES
from zzcp.hardware import Accelerator, Memory

Names = tuple[str, str]
_FEW = 3
_WORDS = {
    "ideal": "the cycles of a full array",
    "spatial_stall": "the array not being full",
    "temporal_stall": "waiting for ports",
    "data_loading": "data loading",
    "data_unloading": "unloading",
    "drain": "the way through the array",
}


def compare_words(first: Facts, second: Facts, names: Names, objective: str) -> Iterator[str]:
    """Yield sentences about what two mappings differ in.

    Parameters
    ----------
    first, second : Facts
        Their figures.
    names : tuple of str
        What they are called.
    objective : str
        What is compared.
    """
    yield from _totals(first, second, names)
    yield from _components(first, second)
    yield from _loading(first, second, names)
    yield from _stall(first, second, names)
    yield from _energies(first, second)
    yield from _memory_question(first, second, names, objective)


def _totals(first: Facts, second: Facts, names: Names) -> Iterator[str]:
    a, b = first.evaluation, second.evaluation
    if (a.latency.total, a.energy.exact) == (b.latency.total, b.energy.exact):
        same = f"the same {cycles(a.latency.total)} and the same {energy(a.energy.total)}"
        yield f"{names[0]} and {names[1]} take {same}."
        return
    latency = (
        f"as many cycles, {figure(a.latency.total)}"
        if a.latency.total == b.latency.total
        else f"{more(a.latency.total, b.latency.total, 'cycles', 'fewer')} "
        f"({figure(a.latency.total)} -> {figure(b.latency.total)})"
    )
    joules = (
        f"as much energy, {energy(a.energy.total)}"
        if a.energy.exact == b.energy.exact
        else f"{more(a.energy.total, b.energy.total, 'energy')} "
        f"({energy(a.energy.total)} -> {energy(b.energy.total)})"
    )
    yield f"Against {names[0]}, {names[1]} takes {latency}, and {joules}."


def _components(first: Facts, second: Facts) -> Iterator[str]:
    pairs: list[tuple[str, Number, Number]] = [
        (name, getattr(first.evaluation.latency, name), getattr(second.evaluation.latency, name))
        for name in COMPONENTS
    ]
    different = sorted(
        (pair for pair in pairs if pair[1] != pair[2]),
        key=lambda pair: -abs(Fraction(pair[2]) - Fraction(pair[1])),
    )
    if not different:
        return
    texts = [
        f"{_WORDS[name]} {figure(before)} -> {figure(after)} ({change(before, after)})"
        for name, before, after in different
    ]
    yield f"In cycles they differ in {listed(texts)}."
    same = [pair for pair in pairs if pair[1] == pair[2] and pair[1]]
    if same:
        yield f"The same in both: {listed([f'{_WORDS[name]} {figure(value)}' for name, value, _ in same])}."


def _loading(first: Facts, second: Facts, names: Names) -> Iterator[str]:
    for title, a, b in (
        ("Data loading", first.loading, second.loading),
        ("Unloading", first.unloading, second.unloading),
    ):
        before, after = {fill.name: fill for fill in a}, {fill.name: fill for fill in b}
        shared = [name for name in before if name in after and before[name].exposed != after[name].exposed]
        shared.sort(key=lambda name: -abs(after[name].exposed - before[name].exposed))
        if (
            title == "Data loading"
            and first.evaluation.latency.data_loading != second.evaluation.latency.data_loading
        ):
            yield (
                "Data loading is the time before the first operation, in which every memory gets what the first "
                "operations need from it: it depends on the first tiles, not on how much is moved in all."
            )
        for name in shared[:_FEW]:
            yield _fill(before[name], after[name], first, second)
        only = [
            [name for name in one if name not in other] for one, other in ((before, after), (after, before))
        ]
        for side, called in zip(only, names, strict=True):
            if side:
                yield f"{title}: only {called} has {listed(side)}."


def _fill(before: Fill, after: Fill, first: Facts, second: Facts) -> str:
    """Return why a first fill or last drain takes more or fewer cycles outside the computation."""
    text = f"{before.name} takes {figure(before.exposed)} -> {figure(after.exposed)} of these cycles"
    reasons = []
    a, b = before.slower, after.slower
    if a.bytes != b.bytes and a.name == b.name:
        holder = before.source if before.operand == first.layer.output else before.target
        reasons.append(f"it moves {figure(a.bytes)} -> {figure(b.bytes)} bytes{_held(holder, first, second)}")
    if (a.name, a.bandwidth) != (b.name, b.bandwidth):
        reasons.append(
            f"the slower side is {a.name} with {figure(a.bytes)} bytes at {figure(a.bandwidth)} bits a "
            f"cycle -> {b.name} with {figure(b.bytes)} bytes at {figure(b.bandwidth)}"
        )
    if a.turns != b.turns:
        reasons.append(f"{figure(a.turns)} -> {figure(b.turns)} instances take turns at {b.name}")
    if before.hidden != after.hidden:
        reasons.append(
            f"{figure(before.hidden)} of {figure(before.cycles)} -> {figure(after.hidden)} of {cycles(after.cycles)} "
            f"hide behind the computation{_once(before, after)}"
        )
    return f"{text}: {'; '.join(reasons)}." if reasons else f"{text}."


def _held(memory: str, first: Facts, second: Facts) -> str:
    """Return how much a memory holds on the two machines, where that differs; the array holds nothing."""
    if memory == ARRAY:
        return ""
    sizes = [facts.accelerator.memory(memory).size for facts in (first, second)]
    return f" ({memory} holds {capacity(sizes[0])} -> {capacity(sizes[1])})" if sizes[0] != sizes[1] else ""


def _once(before: Fill, after: Fill) -> str:
    if before.times == after.times:
        return ""
    texts = ["once" if fill.times == 1 else f"{figure(fill.times)} times" for fill in (before, after)]
    reason = ", and only what is moved once can hide" if 1 in (before.times, after.times) else ""
    return f" (moved {texts[0]} -> {texts[1]} in the run{reason})"


def _stall(first: Facts, second: Facts, names: Names) -> Iterator[str]:
    a, b = first.evaluation.latency.temporal_stall, second.evaluation.latency.temporal_stall
    if not a and not b:
        return
    limits = [listed([port.name for port in facts.limiting[:_FEW]]) for facts in (first, second)]
    if a == b:
        common = [
            port.name for port in first.limiting if port.name in {other.name for other in second.limiting}
        ]
        if common:
            yield f"Both wait {cycles(a)} for {listed(common[:_FEW])}."
        else:
            yield f"Both wait {cycles(a)}: {names[0]} for {limits[0]}, {names[1]} for {limits[1]}."
        return
    texts = [
        f"{name} waits {cycles(stall)} for {limit}" if stall else f"{name} never waits for a port"
        for name, stall, limit in zip(names, (a, b), limits, strict=True)
    ]
    yield f"{texts[0]}; {texts[1]}."


def _energies(first: Facts, second: Facts) -> Iterator[str]:
    a, b = first.evaluation.energy, second.evaluation.energy
    total = b.total - a.total
    if not total:
        return
    shared = {name: b.by_memory[name] - a.by_memory[name] for name in a.by_memory if name in b.by_memory}
    shared = {name: value for name, value in shared.items() if value * total > 0}
    if not shared:
        return
    name = max(shared, key=lambda memory: abs(shared[memory]))
    yield (
        f"The largest part of the difference in energy is in {name}: {energy(a.by_memory[name])} -> "
        f"{energy(b.by_memory[name])}, {percent(shared[name], total)} of it."
    )
    flows = _flows_at(name, first.flows), _flows_at(name, second.flows)
    moved = [
        f"{operand} {figure(flows[0][operand])} -> {figure(flows[1][operand])}"
        for operand in flows[0]
        if operand in flows[1] and flows[0][operand] != flows[1][operand]
    ]
    if moved:
        yield f"Bytes that {name} exchanges with the level below in the whole run: {listed(moved)}."


def _flows_at(memory: str, flows: Sequence[Flow]) -> dict[str, Number]:
    return {flow.operand: flow.bytes for flow in flows if flow.upper == memory}


# ---- larger and smaller memories ----------------------------------------------------------------------------------


def larger_of(first: Accelerator, second: Accelerator) -> int | None:
    """Return which of two machines has the larger memories and is the same otherwise: 0, 1, or None if neither."""
    a, b = ([(memory.name, memory.size) for memory in machine.memories] for machine in (first, second))
    if [name for name, _ in a] != [name for name, _ in b] or a == b or first.array != second.array:
        return None
    for one, other in zip(first.memories, second.memories, strict=True):
        if _but_for_size(one) != _but_for_size(other):
            return None
    grown = any(x < y for (_, x), (_, y) in zip(a, b, strict=True))
    shrunk = any(x > y for (_, x), (_, y) in zip(a, b, strict=True))
    return None if grown == shrunk else int(grown)


def _but_for_size(memory: Memory) -> Memory:
    return replace(memory, size=1, area=0.0)


def proof_words(
    facts: tuple[Facts, Facts], names: Names, objective: str, gaps: tuple[float | None, float | None]
) -> Iterator[str]:
    """Say whether the difference between two results of the solver can be due to the mappings.

    Parameters
    ----------
    facts : tuple of Facts
        Their figures.
    names : tuple of str
        What they are called.
    objective : str
        What was minimised in both.
    gaps : tuple of float
        Proven distances to the optimum; None where there is none.
    """
    first, second = gaps
    if first is None or second is None:
        return
    a, b = (objective_of(entry.evaluation, objective) for entry in facts)
    yield (
        f"It is proven that {NAMES[objective]} of {names[0]} {_near(first)}, and that of {names[1]} {_near(second)}."
    )
    low, high = (a, b * (1 - Fraction(second))) if a < b else (b, a * (1 - Fraction(first)))
    if low < high:
        better, worse = names if a < b else (names[1], names[0])
        yield f"So {NAMES[objective]} of even the best mapping of {worse} is above that of {better}."


def _near(gap: float) -> str:
    """Return how far from the optimum a result can be at most."""
    if not gap:
        return "is the optimum"
    # the gap is relative to what was found, not to the optimum
    if gap >= 1:
        return "has no bound but 0"
    text = growth(1 - gap, 1)
    return (
        f"is at most {text} the optimum"
        if is_multiple(1 - gap, 1)
        else f"is at most {text[1:]} above the optimum"
    )


def _memory_question(first: Facts, second: Facts, names: Names, objective: str) -> Iterator[str]:
    """Say why less memory loads faster or slower, where the machines differ in the sizes of memories only."""
    which = larger_of(first.accelerator, second.accelerator)
    same = (
        first.layer.signature() == second.layer.signature()
        and first.mapping.spatial == second.mapping.spatial
    )
    if which is None or not same or first.evaluation.conventions != second.evaluation.conventions:
        return
    pair = (second, first) if which == 0 else (first, second)
    small, large = pair
    called = (names[1], names[0]) if which == 0 else names
    yield from _why(small, large, called)
    if small.evaluation.conventions != EXACT.name:
        return
    yield (
        f"{called[1]} differs from {called[0]} in larger memories only, so every mapping of {called[0]} runs on it at "
        f"the same cost: its optimum cannot be worse."
    )
    values = [objective_of(facts.evaluation, objective) for facts in pair]
    if values[1] > values[0]:
        yield (
            f"That {NAMES[objective]} is higher here ({growth(*values)}) is due to the "
            f"mapping: the one of {called[0]} would do better on {called[1]}."
        )


def _why(small: Facts, large: Facts, names: Names) -> Iterator[str]:
    loading = [facts.evaluation.latency.data_loading for facts in (small, large)]
    tiles = [sum(fill.written.bytes for fill in _outermost(facts)) for facts in (small, large)]
    moved = [sum(fill.read.bytes * fill.times for fill in _outermost(facts)) for facts in (small, large)]
    hidden = [sum(fill.hidden for fill in facts.loading) for facts in (small, large)]
    if not all(tiles):
        return
    later = ""
    if moved[0] > moved[1]:
        later = (
            f" Over the whole run {names[0]} fetches {times(moved[1], moved[0])} as much from the outermost"
        )
        later += f" memories ({figure(moved[0])} against {figure(moved[1])} bytes)"
        stalls = [facts.evaluation.latency.temporal_stall for facts in (small, large)]
        later += (
            ", but during the computation, which waits no longer for it." if stalls[0] <= stalls[1] else "."
        )
    if loading[0] < loading[1]:
        reason = (
            f"because its first tiles are smaller: {figure(tiles[0])} bytes from the outermost memories against "
            f"{figure(tiles[1])}"
            if tiles[0] < tiles[1]
            else f"though its first tiles are no smaller ({figure(tiles[1])} -> {figure(tiles[0])} bytes)"
        )
        faster = f"loads faster ({figure(loading[0])} against {cycles(loading[1])})"
        yield f"So {names[0]}, with less memory, {faster}, {reason}.{later}"
    elif tiles[0] < tiles[1]:
        behind = (
            f": {cycles(hidden[1])} of its first fills hide behind the computation"
            if hidden[1] > hidden[0]
            else ""
        )
        longer = "less time" if loading[1] < loading[0] else "no longer"
        yield (
            f"{names[1]}, with more memory, has larger first tiles ({figure(tiles[1])} against {figure(tiles[0])} "
            f"bytes from the outermost memories), and yet loads for {longer} ({figure(loading[1])} against "
            f"{cycles(loading[0])}){behind}.{later}"
        )


def _outermost(facts: Facts) -> list[Fill]:
    """Return the fills from the outermost memory of every input."""
    links = {**facts.layer.default_links, **(facts.mapping.links or {})}
    return [fill for fill in facts.loading if facts.accelerator.top(links[fill.operand]).name == fill.source]
