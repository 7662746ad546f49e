"""A network's totals and their bound once more, from a result file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from zzcp.checks import choice, integer, seed_again
from zzcp.cost.evaluation import Evaluation, totals_of
from zzcp.cost.objective import combined
from zzcp.errors import InputError
from zzcp.io.result import ResultFile, ResultLayer, located
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.networks.residency import Tensor
from zzcp.networks.search import search_network
from zzcp.solver.engines import joined
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.proof import CONTRADICTED, OPEN, PROVEN, TOLERANCE, Proof
from zzcp.solver.result import gap_of


def is_network(result: ResultFile) -> bool:
    """Return whether the layers of a result were solved together, with one bound for the totals."""
    return result.data.get("scope") == "network" and isinstance(
        result.data["totals"].get("lower_bound"), int | float
    )


def recomputed_totals(result: ResultFile, evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Return what the totals should be."""
    energy, latency, edp = totals_of(evaluations)
    whole: dict[str, Any] = {"energy": energy, "latency": latency, "edp": edp}
    if is_network(result) and len(evaluations) == len(result.layers) and not result.missing:
        exact = sum((entry.energy.exact for entry in evaluations), Fraction(0))
        cycles = sum((Fraction(entry.latency.total) for entry in evaluations), Fraction(0))
        value: Fraction = combined(exact, cycles, result.objective)
        gap = gap_of(value, result.data["totals"]["lower_bound"])
        whole |= {"objective": float(value), "gap": gap}
        tolerance = result.data.get("options", {}).get("gap")
        if isinstance(tolerance, int | float):
            whole["status"] = "optimal" if gap <= tolerance else "feasible"
    return whole


def options_again(result: ResultFile, options: SearchOptions) -> SearchOptions:
    """Return how something of a result is proven again: their seed is added to that of the result."""
    return replace(
        options,
        gap=float(TOLERANCE),
        seed=seed_again(result.data.get("options", {}).get("seed"), options.seed),
        conventions=result.conventions,
    )


def prove_totals(result: ResultFile, options: SearchOptions, jobs: int = 1) -> Proof | None:
    """Prove the bound of the totals by another walk, or find mappings that are better together.

    Parameters
    ----------
    result : ResultFile
        The result.
    options : SearchOptions
        The limit of time for every search of a layer, the engine, and what is added to the seed of the result.
    jobs : int
        Searches side by side.

    Returns
    -------
    Proof or None
        None where the layers were not solved together.
    """
    if not is_network(result):
        return None
    started = time.monotonic()
    bound = Fraction(result.data["totals"]["lower_bound"])
    if bound <= 0:
        return Proof(PROVEN)
    how = options_again(result, options)
    found = search_network(
        "network",
        [job_again(result, entry, how) for entry in result.layers],
        jobs,
        enough=bound * (1 - TOLERANCE),
        tensors=_tensors(result),
    )
    seconds = time.monotonic() - started
    if found.exact is not None and found.exact < bound:
        return Proof(CONTRADICTED, found.lower_bound, float(found.exact), seconds)
    proven = Fraction(found.lower_bound) >= bound * (1 - TOLERANCE) * (1 - Fraction(1, 2**50))
    engines = joined([entry.engine for entry in found.layers])
    return Proof(PROVEN if proven else OPEN, found.lower_bound, None, seconds, engines)


def _tensors(result: ResultFile) -> list[Tensor]:
    """Return the tensors that might stay on the chip, as the totals name them."""
    found = []
    for number, data in enumerate(result.data["totals"].get("tensors", ())):
        try:
            found.append(_checked(Tensor.from_dict(data), result))
        except InputError as error:
            raise located(error, result, "totals", "tensors", number) from None
    return found


def _checked(tensor: Tensor, result: ResultFile) -> Tensor:
    """Return a tensor if there are such layers, operands and memories."""
    last = len(result.layers) - 1
    integer(tensor.producer, "producer", least=0, most=last)
    if not tensor.uses:
        raise InputError("uses", expected="at least one layer that reads it", found="none")
    for reader, operand in tensor.uses:
        integer(reader, "reader", least=tensor.producer + 1, most=last)
        choice(operand, "operand", result.layers[reader].layer.operands)
    for name in tensor.memories:
        result.accelerator.memory(name)
    return tensor


def job_again(result: ResultFile, entry: ResultLayer, options: SearchOptions) -> Job:
    """Return what was asked of a layer as a search."""
    freedom = entry.space.get("freedom")
    spatial = (
        Freedom.from_dict(freedom)
        if freedom is not None
        else entry.spatial or default_spatial(result.accelerator, entry.layer)
    )
    return Job(
        result.accelerator, entry.layer, result.objective, spatial, entry.links, entry.constraints, options
    )
