"""Two mappings side by side: what differs between them, component by component and link by link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zzcp.cost.evaluation import COMPONENTS, plain
from zzcp.explanations.differences import Difference, machine_differences, mapping_differences
from zzcp.explanations.facts import Facts, Fill, Flow, Number
from zzcp.explanations.verdict import compare_words, proof_words


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of two results.

    Parameters
    ----------
    name : str
        What it is.
    first, second : int or float
        Its values; 0 where a result has no such thing.
    """

    name: str
    first: Number
    second: Number

    @property
    def difference(self) -> Number:
        """How much larger the second is."""
        return self.second - self.first

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"name": self.name, "first": self.first, "second": self.second, "difference": self.difference}


@dataclass(frozen=True, slots=True)
class FillPair:
    """One link's first fill or last drain in two results; None where one has no such link."""

    name: str
    first: Fill | None
    second: Fill | None

    @property
    def difference(self) -> Number:
        """How many more cycles of the second lie outside the computation."""
        return (self.second.exposed if self.second else 0) - (self.first.exposed if self.first else 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            **{
                key: None
                if fill is None
                else {
                    "bytes": fill.slower.bytes,
                    "bandwidth": fill.slower.bandwidth,
                    "cycles": fill.cycles,
                    "exposed": fill.exposed,
                    "hidden": fill.hidden,
                    "times": fill.times,
                }
                for key, fill in (("first", self.first), ("second", self.second))
            },
            "difference": self.difference,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two results differ in.

    Parameters
    ----------
    names : tuple of str
        What they are called.
    first, second : Facts
        Their figures.
    objective : str
        What is compared.
    totals, components, memories, traffic : tuple of Pair
        Energy, latency and their product; cycles by component; energy by memory (and of the operations); bytes over
        every link in the whole run.
    fills : tuple of FillPair
        First fills and last drains, those that differ most first.
    machine, mapping : tuple of Difference
        What differs between the machines and between the mappings.
    gaps : tuple of float or None
        Proven distances to the optimum, where they come from the solver.
    sentences : tuple of str
        The same in words.
    """

    names: tuple[str, str]
    first: Facts
    second: Facts
    objective: str
    totals: tuple[Pair, ...]
    components: tuple[Pair, ...]
    memories: tuple[Pair, ...]
    traffic: tuple[Pair, ...]
    fills: tuple[FillPair, ...]
    machine: tuple[Difference, ...]
    mapping: tuple[Difference, ...]
    gaps: tuple[float | None, float | None]
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "names": list(self.names),
            "objective_name": self.objective,
            "gaps": list(self.gaps),
            **{
                name: [entry.to_dict() for entry in getattr(self, name)]
                for name in ("totals", "components", "memories", "traffic", "fills", "machine", "mapping")
            },
            "sentences": list(self.sentences),
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
        }


def compare_facts(
    first: Facts,
    second: Facts,
    objective: str,
    names: tuple[str, str] | None = None,
    gaps: tuple[float | None, float | None] = (None, None),
) -> Comparison:
    """Return what two mappings differ in.

    Parameters
    ----------
    first, second : Facts
        Their figures.
    objective : str
        What is compared.
    names : tuple of str, optional
        What to call them.
    gaps : tuple of float, optional
        Proven distances to the optimum.
    """
    called = names or _names(first, second)
    return Comparison(
        names=called,
        first=first,
        second=second,
        objective=objective,
        totals=_totals(first, second),
        components=tuple(
            Pair(
                name,
                plain(getattr(first.evaluation.latency, name)),
                plain(getattr(second.evaluation.latency, name)),
            )
            for name in COMPONENTS
        ),
        memories=_memories(first, second),
        traffic=_traffic(first.flows, second.flows),
        fills=_fills((*first.loading, *first.unloading), (*second.loading, *second.unloading)),
        machine=machine_differences(first.accelerator, second.accelerator),
        mapping=mapping_differences(first, second),
        gaps=gaps,
        sentences=(
            *compare_words(first, second, called, objective),
            *proof_words((first, second), called, objective, gaps),
        ),
    )


def _names(first: Facts, second: Facts) -> tuple[str, str]:
    if first.accelerator.name != second.accelerator.name:
        return first.accelerator.name, second.accelerator.name
    if first.layer.name != second.layer.name:
        return first.layer.name, second.layer.name
    return "A", "B"


def _totals(first: Facts, second: Facts) -> tuple[Pair, ...]:
    a, b = first.evaluation, second.evaluation
    return (
        Pair("energy", a.energy.total, b.energy.total),
        Pair("latency", plain(a.latency.total), plain(b.latency.total)),
        Pair("edp", a.edp, b.edp),
    )


def _memories(first: Facts, second: Facts) -> tuple[Pair, ...]:
    a, b = first.evaluation.energy, second.evaluation.energy
    names = dict.fromkeys((*a.by_memory, *b.by_memory))
    pairs = [Pair(name, a.by_memory.get(name, 0.0), b.by_memory.get(name, 0.0)) for name in names]
    pairs.append(Pair("operations", a.mac, b.mac))
    if a.leakage or b.leakage:
        pairs.append(Pair("leakage", a.leakage, b.leakage))
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.difference)))


def _traffic(first: Sequence[Flow], second: Sequence[Flow]) -> tuple[Pair, ...]:
    a, b = (
        {f"{flow.operand} {flow.upper} <-> {flow.lower}": flow.bytes for flow in flows}
        for flows in (first, second)
    )
    pairs = [Pair(name, a.get(name, 0), b.get(name, 0)) for name in dict.fromkeys((*a, *b))]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.difference)))


def _fills(first: Sequence[Fill], second: Sequence[Fill]) -> tuple[FillPair, ...]:
    a, b = ({fill.name: fill for fill in fills} for fills in (first, second))
    pairs = [FillPair(name, a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.difference)))
