"""What would help: the same layer on a machine with twice the bandwidth or capacity somewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from zzcp.cost import CONVENTIONS, CostConventions, Evaluation
from zzcp.cost.evaluate import cached_evaluator
from zzcp.cost.evaluation import plain
from zzcp.cost.objective import combined, objective_of
from zzcp.errors import MappingError
from zzcp.explanations.facts import Facts
from zzcp.explanations.phrases import listed
from zzcp.hardware import Accelerator, Memory, Port
from zzcp.solver import optimize
from zzcp.solver.cache import ResultCache

Number = int | float


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the machine, and what it brings.

    Parameters
    ----------
    text : str
        What changes: ``twice the bandwidth of sram.r_port_1``.
    kind : str
        ``bandwidth``, ``capacity`` or ``sharing`` (of a port by instances).
    target : str
        Memory or port, several with commas.
    energy, latency : float
        Of the layer on the changed machine.
    value : float
        The objective.
    gain : float
        By which fraction the objective falls; negative where it rises.
    most : float
        The largest fraction by which it can fall; equal to `gain` where the mapping stays.
    solved : bool
        Whether the best mapping for the changed machine was searched, and proven to be within the tolerance.
    """

    text: str
    kind: str
    target: str
    energy: float
    latency: Number
    value: float
    gain: float
    most: float
    solved: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


Tell = Callable[[str], None]


def same_mapping_changes(facts: Facts, objective: str) -> tuple[Change, ...]:
    """Return what twice the bandwidth of every port, and twice the capacity of every memory, brings the same mapping.

    The energy of a transfer stays: a port that is twice as wide takes twice the energy per access. Ports that stop the
    array for at least half as long as the worst one are widened together, too, as one alone would change little. More
    capacity lets tiles be kept twice; what else it is good for takes another mapping. Where instances of a memory share
    a port, a port for each counts as well, if it changes anything.

    Parameters
    ----------
    facts : Facts
        Of the mapping.
    objective : str
        What counts.
    """
    found = [_widened(facts, objective, ((port.memory, port.port),)) for port in facts.ports if port.busy]
    worst = facts.evaluation.latency.temporal_stall
    together = tuple((port.memory, port.port) for port in facts.ports if 0 < worst <= 2 * port.stall)
    if len(together) > 1:
        found.append(_widened(facts, objective, together))
    found += [
        _enlarged(facts, objective, memory)
        for memory in facts.accelerator.memories
        if _can_be_short(facts.accelerator, memory)
    ]
    for memory in facts.accelerator.memories:
        alone = (_unshared(facts, objective, memory, port) for port in memory.ports if port.shared_along)
        found += [change for change in alone if change.gain]
    return tuple(sorted(found, key=lambda change: -change.gain))


def resolved_changes(
    facts: Facts,
    objective: str,
    time_limit: float,
    gap: float,
    tell: Tell | None = None,
    cache: ResultCache | None = None,
) -> tuple[Change, ...]:
    """Return what the best mapping gains from twice the bandwidth, or twice the capacity, of every memory.

    Bandwidth is that of all ports of the memory, at the same energy per bit; capacity is at the same energy per
    access.

    Parameters
    ----------
    facts : Facts
        Of a mapping of the machine as it is, which is where the search starts.
    objective : str
        What is minimised.
    time_limit, gap : float
        For every search, as for `optimize`.
    tell : callable, optional
        Called with what is being done.
    cache : ResultCache, optional
        Where solved layers are kept.
    """
    found = []
    for text, kind, memory, accelerator in _machines(facts.accelerator):
        if tell is not None:
            tell(text)
        result = optimize(
            accelerator,
            facts.layer,
            objective,  # type: ignore[arg-type]  # checked by the caller
            spatial=facts.mapping.spatial,
            links=facts.mapping.links,
            hint=facts.mapping if kind == "capacity" else None,
            conventions=_conventions(facts),
            time_limit=time_limit,
            gap=gap,
            cache=cache,
        )
        evaluation = result.evaluation
        assert evaluation is not None  # the mapping that is there already fits
        found.append(
            _change(
                facts,
                objective,
                text,
                kind,
                memory,
                evaluation,
                result.lower_bound,
                result.status == "optimal",
            )
        )
        if result.interrupted:
            break
    return tuple(sorted(found, key=lambda change: -change.gain))


def _machines(accelerator: Accelerator) -> Iterator[tuple[str, str, str, Accelerator]]:
    """Yield the machines with twice the capacity or bandwidth of one memory."""
    for memory in accelerator.memories:
        if _can_be_short(accelerator, memory):
            yield (
                f"twice the capacity of {memory.name}",
                "capacity",
                memory.name,
                _with(accelerator, replace(memory, size=memory.size * 2)),
            )
    for memory in accelerator.memories:
        wide = replace(
            memory,
            read_energy=memory.read_energy * 2,
            write_energy=memory.write_energy * 2,
            ports=tuple(replace(port, bandwidth_max=port.bandwidth_max * 2) for port in memory.ports),
        )
        yield f"twice the bandwidth of {memory.name}", "bandwidth", memory.name, _with(accelerator, wide)


def _can_be_short(accelerator: Accelerator, memory: Memory) -> bool:
    """Return whether a memory is not the outermost one of all its operands, and no part of the array."""
    if accelerator.array.in_memory_computing is not None and memory.name == "cells":
        return False
    return any(accelerator.top(operand) is not memory for operand in memory.operands)


def _with(accelerator: Accelerator, changed: Memory) -> Accelerator:
    memories = tuple(changed if memory.name == changed.name else memory for memory in accelerator.memories)
    return replace(accelerator, memories=memories)


def _conventions(facts: Facts) -> CostConventions:
    return CONVENTIONS[facts.evaluation.conventions]


def _widened(facts: Facts, objective: str, ports: tuple[tuple[str, str], ...]) -> Change:
    accelerator = facts.accelerator
    for name in dict.fromkeys(memory for memory, _ in ports):
        memory = accelerator.memory(name)
        wide = tuple(
            replace(port, bandwidth_max=port.bandwidth_max * 2) if (name, port.name) in ports else port
            for port in memory.ports
        )
        accelerator = _with(accelerator, replace(memory, ports=wide))
    names = [f"{memory}.{port}" for memory, port in ports]
    target = ", ".join(names)
    text = f"twice the bandwidth of {listed(names)}" + (" together" if len(ports) > 1 else "")
    return _change(facts, objective, text, "bandwidth", target, _best(facts, accelerator), kept_energy=True)


def _unshared(facts: Facts, objective: str, memory: Memory, port: Port) -> Change:
    ports = tuple(replace(other, shared_along=()) if other is port else other for other in memory.ports)
    accelerator = _with(facts.accelerator, replace(memory, ports=ports))
    name = f"{memory.name}.{port.name}"
    text = f"a port {name} for every instance"
    return _change(facts, objective, text, "sharing", name, _best(facts, accelerator))


def _enlarged(facts: Facts, objective: str, memory: Memory) -> Change:
    accelerator = _with(facts.accelerator, replace(memory, size=memory.size * 2))
    text = f"twice the capacity of {memory.name}"
    return _change(facts, objective, text, "capacity", memory.name, _best(facts, accelerator))


def _best(facts: Facts, accelerator: Accelerator) -> Evaluation:
    """Score the same loops on another machine: with the tiles kept twice that are, or with those that fit."""
    mapping = facts.mapping
    evaluator = cached_evaluator(
        accelerator, facts.layer, mapping.spatial, _conventions(facts), mapping.links
    )
    found = []
    for buffering in (facts.evaluation.double_buffered, None):
        try:
            found.append(evaluator.evaluate(mapping.with_buffering(buffering)))
        except MappingError:  # a memory that must keep every tile twice
            continue
    return min(found, key=lambda evaluation: evaluation.latency.total)


def _change(
    facts: Facts,
    objective: str,
    text: str,
    kind: str,
    target: str,
    evaluation: Evaluation,
    bound: float | None = None,
    solved: bool = False,
    *,
    kept_energy: bool = False,
) -> Change:
    before = objective_of(facts.evaluation, objective)
    energy = facts.evaluation.energy if kept_energy else evaluation.energy
    value: Fraction = combined(energy.exact, Fraction(evaluation.latency.total), objective)
    gain = float(1 - value / before) if before else 0.0
    most = gain if bound is None or not before else float(1 - Fraction(bound) / before)
    return Change(
        text,
        kind,
        target,
        energy.total,
        plain(evaluation.latency.total),
        float(value),
        gain,
        max(gain, most),
        solved,
    )
