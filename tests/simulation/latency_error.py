"""How far the evaluator's latency is from the simulated one over random cases, and what the large errors come from.

A case is a machine, a layer and a valid mapping, with the double buffering that `EXACT` chooses. Its error is
evaluator / simulation - 1, in cycles in all, those along systolic dimensions left out.

An error of more than `LARGE` is explained by counterfactuals: the machine is freed of one rule after the other, then of
two and of three at a time (`CAUSES`). The first set of rules without which the evaluator is right, to `LARGE`, is what
the error comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from tests.generators import KINDS, random_accelerator, random_layer, random_mapping, random_spatial
from tests.simulation.cycles import Run, simulate
from tests.simulation.physics import MACHINE, Physics
from zzcp import load_accelerator
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluation, evaluate
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

LARGE = 0.1
"""Errors beyond this are explained one by one."""

SHORTEST, LONGEST = 50, 2000
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
    "round trips": {"spare_pieces": 8},
    "no slack at the array": {"registers": 32},
    "urgent first": {"turns": True},
    "first visits": {"first_reads": True},
    "wide sides": {"sides": "both"},
    "coupled ports": {"sides": "slower"},
    "bursts": {"even": True},
    "whole ends": {"whole_ends": False},
}
"""What an error can come from, each with the rules of a machine that is free of it (see docs/latency-error.md)."""

_READS_ALL = replace(EXACT, name="exact, reads on first visits", first_partial_sum_reads=True)


@dataclass(frozen=True)
class Case:
    """A layer on a machine under a valid mapping whose double buffering is given."""

    accelerator: Accelerator
    layer: Layer
    mapping: Mapping

    def simulate(self, physics: Physics = MACHINE) -> Run:
        """Run it."""
        buffering = self.mapping.buffering
        assert buffering is not None
        return simulate(
            self.accelerator, self.layer, self.mapping, dict(self.layer.default_links), buffering, physics
        )

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
    """

    group: str
    seed: int
    run: Run
    exact: Run
    zigzag: Run

    def error(self, preset: str) -> float:
        """Return the relative error of a preset (``exact`` or ``zigzag``)."""
        return getattr(self, preset).total / self.run.total - 1

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


def measure(group: str, seed: int, longest: int = LONGEST, physics: Physics = MACHINE) -> Measured:
    """Simulate and score a case."""
    case = draw(group, seed, longest)
    return Measured(
        group, seed, case.simulate(physics), _cycles(case.evaluate()), _cycles(case.evaluate(ZIGZAG))
    )


def _cycles(evaluation: Evaluation) -> Run:
    latency: Any = evaluation.latency
    operations = latency.ideal + latency.spatial_stall
    return Run(latency.data_loading, operations, latency.temporal_stall, latency.data_unloading)


def explain(case: Case) -> tuple[str, ...] | None:
    """Return the smallest set of causes without which the evaluator is right; None if there is none."""
    for number in (1, 2, 3):
        for names in combinations(CAUSES, number):
            rules = [CAUSES[name] for name in names]
            freed = {key: value for rule in rules for key, value in rule.items()}
            if len(freed) < number:  # two that exclude each other
                continue
            conventions = _READS_ALL if "first_reads" in freed else EXACT
            evaluated = _cycles(case.evaluate(conventions)).total
            if abs(evaluated / case.simulate(Physics(**freed)).total - 1) <= LARGE:
                return names
    return None


def mean_error(rows: Iterable[Measured], preset: str) -> float:
    """Return the mean absolute error of a preset."""
    return fmean(abs(row.error(preset)) for row in rows)
