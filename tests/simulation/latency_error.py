"""How far the evaluator's latency is from the simulated one over random cases, and what the large errors come from.

A case is a machine, a layer and a valid mapping, with the double buffering that `EXACT` chooses. Its error is
evaluator / simulation - 1, in cycles in all, those along systolic dimensions left out.

An error of more than `LARGE` is explained by counterfactuals: the machine is freed of one rule after the other, then of
two and of three at a time (`CAUSES`). The least number of rules without which the evaluator is right, to `LARGE`, is
what the error comes from; of several such sets the one that leaves the smallest error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, random_layer
from tests.simulation.cycles import Run, simulate
from tests.simulation.physics import Physics
from zzcp import load_accelerator
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluation, evaluate
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

LARGE = 0.1
"""Errors beyond this are explained one by one."""

SHORTEST, LONGEST = 50, 600
"""Operations of a case."""

BUNDLED = (
    "edge_tpu_like",
    "eyeriss_like",
    "gemmini_like",
    "seed_eyeriss_1_2_4",
    "seed_eyeriss_8_64_1024",
    "simba_like",
    "tpu_like",
)
_MODELS = Path(__file__).resolve().parents[2] / "models" / "accelerators"

GROUPS = ("random", "bundled")
"""Cases on machines of `tests.generators`, and on those in models/accelerators."""

CAUSES: dict[str, dict[str, Any]] = {
    "round trips": {"spare_pieces": 8, "ready_sums": True},
    "no slack at the array": {"registers": 32},
    "urgent first": {"turns": True},
    "first visits": {"first_reads": True},
    "wide sides": {"sides": "both"},
    "coupled ports": {"sides": "slower"},
    "bursts": {"even": True},
    "clashes": {"queue": 16},
}
"""What an error can come from, each with the rules of a machine that is free of it (see docs/latency-error.md)."""

Names = tuple[str, ...]
"""Some causes, in the order of `CAUSES`."""

BY_HAND: dict[tuple[str, int], Names] = {
    ("bundled", 261): ("stalls in windows",),
    ("bundled", 405): ("stalls in windows",),
    ("bundled", 814): ("stalls in windows",),
    ("bundled", 965): ("stalls in windows",),
    ("bundled", 295): ("early refills",),
    ("random", 982): ("streamed pieces",),
}
"""What no rule of the machine explains, since it is the formula that is too strict (see docs/latency-error.md)."""

_READS_ALL = replace(EXACT, name="exact, reads on first visits", first_partial_sum_reads=True)


PARTS = ("loading", "stall", "unloading")
"""The components in which the evaluator and the simulation may differ."""


@dataclass(frozen=True)
class Case:
    """A layer on a machine under a valid mapping whose double buffering is given.

    Parameters
    ----------
    accelerator, layer, mapping
        What runs where and how.
    runs : dict
        The runs so far, by the causes that the machine was free of.
    """

    accelerator: Accelerator
    layer: Layer
    mapping: Mapping
    runs: dict[Names, Run] = field(default_factory=dict, compare=False)

    @property
    def digest(self) -> str:
        """What tells the case from others, but for the machine and the layer."""
        text = json.dumps(self.mapping.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def simulate(self, *freed: str) -> Run:
        """Run it on a machine that is free of some causes of errors."""
        if freed not in self.runs:
            rules = {key: value for name in freed for key, value in CAUSES[name].items()}
            buffering = self.mapping.buffering
            assert buffering is not None
            links = dict(self.layer.default_links)
            self.runs[freed] = simulate(
                self.accelerator, self.layer, self.mapping, links, buffering, Physics(**rules)
            )
        return self.runs[freed]

    def evaluate(self, conventions: CostConventions = EXACT) -> Evaluation:
        """Score it. Zigzag's conventions choose their own double buffering, and may call a tile too large."""
        mapping = self.mapping.with_buffering(None) if conventions.greedy_buffering else self.mapping
        return evaluate(self.accelerator, self.layer, mapping, conventions, allow_invalid=True)


@dataclass(frozen=True)
class Measured:
    """The cycles of a case, without those along systolic dimensions.

    Parameters
    ----------
    group, seed
        Which case.
    run : Run
        Simulated.
    exact, zigzag : Run
        As the two presets score it.
    causes : tuple of str or None
        What a large error of EXACT comes from; empty for a small error, None for an unexplained one.
    """

    group: str
    seed: int
    run: Run
    exact: Run
    zigzag: Run
    causes: Names | None = ()

    def error(self, preset: str) -> float:
        """Return the relative error of a preset (``exact`` or ``zigzag``)."""
        return getattr(self, preset).total / self.run.total - 1

    def part_error(self, preset: str, part: str) -> float:
        """Return the error of one component, as a part of all cycles."""
        return (getattr(getattr(self, preset), part) - getattr(self.run, part)) / self.run.total

    @property
    def large(self) -> bool:
        """Whether the error of EXACT must be explained."""
        return abs(self.error("exact")) > LARGE


def draw(group: str, seed: int, longest: int = LONGEST) -> Case:
    """Return the case of a seed.

    Unrollings divide their dimensions: what idle lanes do is not what is measured here.
    """
    rng = Random(f"latency {group} {seed}")
    while True:
        accelerator = random_accelerator(rng) if group == "random" else _bundled(rng.choice(BUNDLED))
        layer = random_layer(rng, rng.choice(list(KINDS)))
        spatial = random_spatial(rng, accelerator, layer)
        divides = all(size % spatial.total(dim) == 0 for dim, size in layer.sizes.items())
        if not (divides and SHORTEST <= spatial.cycles(layer) <= longest):
            continue
        mapping = random_mapping(rng, accelerator, layer, spatial, EXACT)
        if mapping is not None:
            chosen = evaluate(accelerator, layer, mapping).double_buffered
            return Case(accelerator, layer, mapping.with_buffering(chosen))


@cache
def _bundled(name: str) -> Accelerator:
    return load_accelerator(_MODELS / f"{name}.yaml")


def measure(group: str, seed: int, case: Case) -> Measured:
    """Simulate and score a case."""
    measured = Measured(
        group, seed, case.simulate(), cycles_of(case.evaluate()), cycles_of(case.evaluate(ZIGZAG))
    )
    if not measured.large:
        return measured
    return replace(measured, causes=explain(case) or BY_HAND.get((group, seed)))


def cycles_of(evaluation: Evaluation) -> Run:
    """Return the cycles that an evaluation counts, without those along systolic dimensions."""
    latency: Any = evaluation.latency
    operations = latency.ideal + latency.spatial_stall
    return Run(latency.data_loading, operations, latency.temporal_stall, latency.data_unloading)


def remaining_error(case: Case, names: Names) -> float:
    """Return the error of EXACT against a machine that is free of some causes."""
    freed = [rule for name in names for rule in CAUSES[name]]
    conventions = _READS_ALL if "first_reads" in freed else EXACT
    return cycles_of(case.evaluate(conventions)).total / case.simulate(*names).total - 1


def explain(case: Case) -> Names | None:
    """Return the smallest set of causes without which the evaluator is right; None if there is none."""

    def error(names: Names) -> float:
        return abs(remaining_error(case, names))

    for number in (1, 2, 3):
        # two ways to free the same rule exclude each other
        sets = [
            names for names in combinations(CAUSES, number) if not {*names} >= {"wide sides", "coupled ports"}
        ]
        best = min(sets, key=error)
        if error(best) <= LARGE:
            return best
    return None


def mean_error(rows: Iterable[Measured], preset: str) -> float:
    """Return the mean absolute error of a preset."""
    return fmean(abs(row.error(preset)) for row in rows)
