"""An explanation in words. Every sentence is made from figures and left out where it would not be true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zzcp.explanations.facts import Facts, Fill, PortUse
from zzcp.explanations.phrases import cycles, energy, figure, listed, percent
from zzcp.explanations.whatif import Change
from zzcp.mapping import Mapping
from zzcp.mapping.idle import idle_units

NAMES = {
    "edp": "the energy-delay product",
    "energy": "the energy",
    "latency": "the latency",
    "ed2": "energy times delay squared",
}
"""Objectives in a sentence."""
_SMALLEST = 1e-5
"""Gains below this are no help."""
_FEW = 3
"""Most entries of a list in a sentence."""


def explain_words(
    facts: Facts, objective: str, changes: Sequence[Change], *, resolved: bool, asked: bool
) -> Iterator[str]:
    """Yield sentences about one mapping.

    Parameters
    ----------
    facts : Facts
        The figures.
    objective : str
        What counts for the changes.
    changes : sequence of Change
        What changes of the machine bring, the largest gain first.
    resolved : bool
        Whether the best mapping was searched for each.
    asked : bool
        Whether they were computed at all.
    """
    yield _components(facts)
    yield from _idle(facts)
    yield from _loading(facts)
    yield from _unloading(facts)
    yield from _stall(facts)
    yield from _energy(facts)
    if asked:
        yield _help(objective, changes, resolved=resolved)


def resident_words(mapping: Mapping) -> Iterator[str]:
    """Yield sentences about what stays on the chip between layers, and what that takes of the memories."""
    for operand, memory in (mapping.resident or {}).items():
        yield f"{operand} stays on the chip, in {memory}: between layers nothing of it moves above."
    for memory, bits in (mapping.reserved or {}).items():
        yield f"Tensors of other layers that stay in {memory} take {figure(bits)} of its bits."


def _components(facts: Facts) -> str:
    latency = facts.evaluation.latency
    parts = [
        (latency.ideal, "a full array that never waits would take"),
        (latency.spatial_stall, "are added because the array is not full"),
        (latency.temporal_stall, "while it waits for ports"),
        (latency.data_loading, "before the first operation"),
        (latency.data_unloading, "after the last one"),
        (latency.drain, "along the systolic array"),
    ]
    total = latency.total
    first = f"{parts[0][1]} {figure(parts[0][0])} ({percent(parts[0][0], total)})"
    rest = [f"{figure(value)} {text} ({percent(value, total)})" for value, text in parts[1:] if value]
    return (
        f"{facts.layer.name} takes {cycles(total)} on {facts.accelerator.name}: {'; '.join([first, *rest])}."
    )


def _idle(facts: Facts) -> Iterator[str]:
    """Say where most of the array is idle and another unrolling would help: before anything else does."""
    text = idle_units(facts.accelerator, facts.layer, facts.mapping.spatial)
    if text is not None:
        yield f"Most of the array is idle, and a better unrolling comes first: {text}."


def in_turn(turns: int) -> str:
    """Return how many instances share a port, if more than one does."""
    return f" for {figure(turns)} instances in turn" if turns > 1 else ""


def fill_text(fill: Fill) -> str:
    """Return a fill with its bytes, the bandwidth that limits it and its cycles."""
    side = fill.slower
    text = f"{fill.name}: {figure(side.bytes)} bytes at {figure(side.bandwidth)} bits a cycle"
    text += f" through {side.name}{in_turn(side.turns)}, {cycles(fill.cycles)}"
    return f"{text}, of which {figure(fill.hidden)} hide behind the computation" if fill.hidden else text


def _loading(facts: Facts) -> Iterator[str]:
    latency = facts.evaluation.latency
    if not latency.data_loading:
        yield "Nothing has to be loaded before the first operation."
        return
    chain = [fill for fill in facts.loading if fill.critical]
    chain.sort(key=lambda fill: fill.start or 0)
    if facts.loading_port is not None:
        texts = "; ".join(fill_text(fill) for fill in chain)
        head = f"Data loading takes {cycles(latency.data_loading)}, in which {facts.loading_port} carries first fills"
        yield f"{head} without a break: {texts}."
    elif chain:
        texts = "; then ".join(fill_text(fill) for fill in chain)
        waits = latency.data_loading - sum(fill.exposed for fill in chain)
        answered = f" (with {cycles(waits)} until memories answer)" if waits else ""
        head = f"Data loading takes {cycles(latency.data_loading)}, as long as this chain of first fills{answered}"
        yield f"{head}: {texts}."
    else:
        texts = "; ".join(fill_text(fill) for fill in facts.loading if fill.exposed)
        yield f"Data loading takes {cycles(latency.data_loading)}: {texts}."
    yield from _beside(facts, chain)
    yield from _behind(facts.loading)


def _beside(facts: Facts, chain: Sequence[Fill]) -> Iterator[str]:
    rest = [fill for fill in facts.loading if fill.exposed and fill not in chain]
    if chain and rest:
        verb = "go" if len(rest) > 1 else "goes"
        yield f"{listed([fill.name for fill in rest])} {verb} on beside it, through other ports or in the gaps."


def _behind(fills: Sequence[Fill]) -> Iterator[str]:
    hidden = [fill for fill in fills if fill.hidden and fill.times == 1]
    if hidden:
        verb = "are" if len(hidden) > 1 else "is"
        yield (
            f"{listed([fill.name for fill in hidden])} {verb} moved once in the whole run, which is why "
            f"{figure(sum(fill.hidden for fill in hidden))} of {cycles(sum(fill.cycles for fill in hidden))} can hide "
            "behind the computation."
        )


def _unloading(facts: Facts) -> Iterator[str]:
    latency = facts.evaluation.latency
    if not latency.data_unloading:
        return
    moved = [fill for fill in facts.unloading if fill.exposed]
    waits = latency.data_unloading - sum(fill.exposed for fill in moved)
    answered = (
        f" (with {cycles(waits)} until memories answer)" if 0 < waits <= sum(f.latency for f in moved) else ""
    )
    texts = "; then ".join(fill_text(fill) for fill in moved)
    yield f"Unloading takes {cycles(latency.data_unloading)}{answered}: {texts}."


def port_text(port: PortUse) -> str:
    """Return a port that stops the array, with the transfers that do it."""
    late = [transfer for transfer in port.transfers if transfer.late > 0]
    head = f"{port.name} ({figure(port.bandwidth)} bits a cycle)"
    if not late:
        names = listed([transfer.name for transfer in port.transfers])
        return f"{head}: {names} fit the time they have one by one, but not together"
    texts = [
        f"{transfer.name} takes {cycles(transfer.cycles)}{in_turn(transfer.turns)} where it has "
        f"{figure(transfer.window)}"
        + (f" of each {figure(transfer.period)}" if transfer.window < transfer.period else "")
        for transfer in late[:_FEW]
    ]
    return f"{head}: {listed(texts)}"


def _stall(facts: Facts) -> Iterator[str]:
    stall = facts.evaluation.latency.temporal_stall
    if not stall:
        yield "The array never waits for a port during the computation."
        return
    limiting = facts.limiting
    texts = "; and as long for ".join(port_text(port) for port in limiting[:_FEW])
    yield f"The array waits {cycles(stall)} for {texts}."
    if len(limiting) > _FEW:
        yield f"As many cycles cost {listed([port.name for port in limiting[_FEW:]])}."
    following = next((port for port in facts.ports if 0 < port.stall < stall), None)
    if following is not None:
        yield f"Without that it would wait {cycles(following.stall)} for {following.name}."


def _energy(facts: Facts) -> Iterator[str]:
    result = facts.evaluation.energy
    if not result.total:
        return
    memories = sorted(result.by_memory.items(), key=lambda entry: -entry[1])
    name, value = memories[0]
    if result.leakage > max(value, result.mac):
        head = f"Leakage takes the largest share of the energy, {percent(result.leakage, result.total)}"
        yield f"{head} of {energy(result.total)}; of the memories {name}, {percent(value, result.total)}."
    elif result.mac >= value:
        head = f"The operations take the largest share of the energy, {percent(result.mac, result.total)}"
        yield f"{head} of {energy(result.total)}; of the memories {name}, {percent(value, result.total)}."
    else:
        yield f"{name} takes the largest share of the energy, {percent(value, result.total)} of {energy(result.total)}."
    largest = facts.energies[0]
    accesses = [
        f"{figure(count)} {kind} at {each:g} pJ"
        for count, kind, each in (
            (largest.reads, "reads", largest.read_energy),
            (largest.writes, "writes", largest.write_energy),
        )
        if count
    ]
    if accesses:
        yield (
            f"The largest part for one operand is {largest.operand} in {largest.memory}, "
            f"{percent(largest.energy, result.total)}: {listed(accesses)}."
        )


def _help(objective: str, changes: Sequence[Change], *, resolved: bool) -> str:
    name = NAMES[objective]
    useful = [change for change in changes if change.gain > _SMALLEST]
    scope = "with the best mapping for it" if resolved else "with the same mapping"
    if not useful:
        unproven = [change for change in changes if change.most > 1e-3]
        if resolved and unproven:
            where = listed([change.text for change in unproven])
            return f"No mapping was found with which a larger or faster memory lowers {name}; not proven for {where}."
        return f"Twice the bandwidth or the capacity in any one place would not lower {name} {scope}."
    texts = [f"{change.text} (-{percent(change.gain, 1)})" for change in useful[:_FEW]]
    return f"What would lower {name} most, {scope}: {'; then '.join(texts)}."
