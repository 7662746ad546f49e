"""`verify`: a result again, from nothing but what it states.

Every mapping is checked and scored anew by the exact evaluator, and each recorded figure is compared with what comes
out, exactly. Then the bound: a new model, with other parameters of CP-SAT and another seed, is asked for a mapping that
is better than the bound. If there is none, the bound is proven a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from zzcp.checks import duration, flag, function, instance
from zzcp.cost.constraints.constrained import constraint_violations
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.objective import objective_of
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator
from zzcp.io.result import ResultFile, ResultLayer, load_results
from zzcp.mapping import Mapping
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.machine import with_residents
from zzcp.networks.again import job_again, options_again, prove_totals, recomputed_totals
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.constrained.problem import Problem
from zzcp.solver.engines import Engine
from zzcp.solver.job import Job
from zzcp.solver.optimize import joint_search, padded_search
from zzcp.solver.options import SearchOptions
from zzcp.solver.padding.search import PaddedSearch
from zzcp.solver.proof import CONTRADICTED, OPEN, PROVEN, SKIPPED, TOLERANCE, Proof
from zzcp.solver.result import Progress, as_scored, gap_of
from zzcp.solver.search.search import searching
from zzcp.solver.unrolling.search import JointSearch
from zzcp.workload import Layer, Network

Tell = Callable[[Progress], None]


class Difference(NamedTuple):
    """A field of a result that is not what comes out.

    Attributes
    ----------
    field : str
        Path of the field, as in ``layers[0].evaluation.edp``.
    recorded, recomputed
        What it holds, and what it should.
    """

    field: str
    recorded: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.field}: recorded {_text(self.recorded)}, recomputed {_text(self.recomputed)}"


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """What was found about a layer of a result.

    Parameters
    ----------
    layer : Layer
        The layer.
    violations : tuple of str
        Why its mapping is not valid; empty where it is.
    compared : int
        How many figures were compared.
    differences : tuple of Difference
        Those that are not equal.
    recorded_bound : float
        The bound in the result.
    proof : Proof
        What became of it.
    """

    layer: Layer
    violations: tuple[str, ...]
    compared: int
    differences: tuple[Difference, ...]
    recorded_bound: float
    proof: Proof

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong (a bound that could not be proven again in time is not)."""
        return not self.violations and not self.differences and self.proof.state != CONTRADICTED


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found about a result.

    Parameters
    ----------
    file : str
        The result.
    layers : tuple of LayerVerdict
        Layer by layer.
    differences : tuple of Difference
        Of what concerns all layers: the names and the totals.
    totals : Proof or None
        What became of the bound of the totals, where the layers were solved together.
    """

    file: str
    layers: tuple[LayerVerdict, ...]
    differences: tuple[Difference, ...]
    totals: Proof | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        if self.totals is not None and self.totals.state == CONTRADICTED:
            return False
        return not self.differences and all(layer.ok for layer in self.layers)

    @property
    def proven(self) -> bool:
        """Whether nothing is wrong and every bound was proven again."""
        proofs = [layer.proof for layer in self.layers] + ([] if self.totals is None else [self.totals])
        return self.ok and all(proof.state == PROVEN for proof in proofs)


def verify(
    result: ResultFile | str | Path,
    *,
    accelerator: Accelerator | None = None,
    network: Network | None = None,
    bounds: bool = True,
    time_limit: float = 60.0,
    seed: int = 1,
    engine: Engine = "auto",
    on_progress: Tell | None = None,
) -> Verification:
    """Check a result of ``solve``: its mappings, its figures and its bounds.

    Parameters
    ----------
    result : ResultFile or path
        The result.
    accelerator : Accelerator, optional
        The machine, in place of that in the result; only where `result` is a path.
    network : Network, optional
        The layers, in place of those in the result; only where `result` is a path.
    bounds : bool
        Whether bounds are proven again; without, it is a matter of milliseconds.
    time_limit : float
        Seconds for the proof of each bound.
    seed : int
        Added to the seed of the result, so that other random choices are made.
    engine : str
        With what bounds are proven, as in `zzcp.optimize`: another engine than the first shares least with it.
    on_progress : callable, optional
        Called with a `Progress` now and then.

    Raises
    ------
    InputError
        If the file is no result of ``solve``, or an argument is out of range.
    """
    options = SearchOptions(duration(time_limit, "time limit"), seed=seed, engine=engine).checked()
    function(on_progress, "on_progress")
    flag(bounds, "bounds")
    if accelerator is not None:
        instance(accelerator, Accelerator, "accelerator")
    if network is not None:
        instance(network, Network, "network")
    if not isinstance(result, ResultFile):
        result = load_results(result, accelerator=accelerator, network=network)
    proofs: dict[int, Proof] = {}
    if bounds:
        for members in equal_layers(result):
            proof = prove_again(result, members[0], options, on_progress)
            proofs |= dict.fromkeys(members, proof)
    return verdict(result, proofs, prove_totals(result, options) if bounds else None)


def equal_layers(result: ResultFile) -> list[list[int]]:
    """Return the positions of layers that have the same shape, mapping and bound, of the same space."""
    groups: dict[object, list[int]] = {}
    for index, entry in enumerate(result.layers):
        claim = entry.layer.signature(), entry.status, entry.lower_bound, entry.mapping, entry.constraints
        space = entry.space
        where = entry.spatial, sorted((entry.links or {}).items()), space.get("freedom"), space.get("factors")
        groups.setdefault((claim, repr((where, space.get("max_padding")))), []).append(index)
    return list(groups.values())


def verdict(result: ResultFile, proofs: dict[int, Proof], totals: Proof | None = None) -> Verification:
    """Return what is found about a result, with the proofs of some of its bounds, and of that of the totals."""
    layers = []
    evaluations: list[Evaluation] = []
    for index, entry in enumerate(result.layers):
        violations, evaluation, compared, differences = _check(result, entry, f"layers[{index}]")
        if evaluation is not None:
            evaluations.append(evaluation)
        layers.append(
            LayerVerdict(
                entry.layer,
                violations,
                compared,
                differences,
                entry.lower_bound,
                proofs.get(index, Proof(SKIPPED)),
            )
        )
    recomputed = recomputed_totals(result, evaluations)
    whole = {"accelerator": result.accelerator.name, "totals": recomputed}
    recorded = {
        "accelerator": result.data["accelerator"],
        "totals": {name: result.data["totals"].get(name) for name in recomputed},
    }
    return Verification(result.path, tuple(layers), tuple(differing(recorded, whole)), totals)


def _check(
    result: ResultFile, entry: ResultLayer, path: str
) -> tuple[tuple[str, ...], Evaluation | None, int, tuple[Difference, ...]]:
    """Return why a mapping is invalid, its cost, how many figures were compared, and which differ."""
    layer = entry.layer
    whole: dict[str, Any] = {"operator": layer.operator}
    evaluation = None
    if entry.mapping is not None:
        try:
            mapping = _counted(result, entry)
            evaluation = evaluate(result.accelerator, layer, mapping, result.conventions)
            disobeyed = constraint_violations(
                result.accelerator, layer, mapping, entry.constraints, result.conventions
            )
            if disobeyed:
                return tuple(disobeyed), None, 0, ()
        except MappingError as error:
            return error.violations, None, 0, ()
        except InputError as error:
            return (str(error),), None, 0, ()
        value = objective_of(evaluation, result.objective)
        gap = gap_of(value, entry.lower_bound)
        whole |= {
            "status": _status(result, entry, gap),
            "objective": float(value),
            "gap": gap,
            "double_buffered": {name: list(flags) for name, flags in evaluation.double_buffered.items()},
            "evaluation": evaluation.to_dict(),
        }
    recorded = {field: entry.data.get(field) for field in whole}
    return (), evaluation, count_figures(whole), tuple(differing(recorded, whole, path))


def _status(result: ResultFile, entry: ResultLayer, gap: float) -> str:
    tolerance = result.data.get("options", {}).get("gap")
    if not isinstance(tolerance, int | float):
        return entry.status
    return "optimal" if gap <= tolerance else "feasible"


def differing(recorded: Any, recomputed: Any, path: str = "") -> Iterator[Difference]:
    """Yield the fields in which two pieces of plain data differ, however little."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        for key in dict.fromkeys((*recomputed, *recorded)):
            name = f"{path}.{key}" if path else str(key)
            yield from differing(recorded.get(key), recomputed.get(key), name)
    elif isinstance(recorded, list) and isinstance(recomputed, list) and len(recorded) == len(recomputed):
        for index, (one, other) in enumerate(zip(recorded, recomputed, strict=True)):
            yield from differing(one, other, f"{path}[{index}]")
    elif isinstance(recorded, bool) != isinstance(recomputed, bool) or recorded != recomputed:
        yield Difference(path, recorded, recomputed)


def count_figures(data: Any) -> int:
    """Return how many single values there are in plain data."""
    if isinstance(data, dict):
        return sum(map(count_figures, data.values()))
    if isinstance(data, list):
        return sum(map(count_figures, data))
    return 1


def prove_again(
    result: ResultFile, index: int, options: SearchOptions, on_progress: Tell | None = None
) -> Proof:
    """Prove the bound of one layer with a new model, or find a mapping that is better.

    Parameters
    ----------
    result : ResultFile
        The result.
    index : int
        Position of the layer.
    options : SearchOptions
        The limit of time, the engine, and what is added to the seed of the result.
    on_progress : callable, optional
        See `zzcp.optimize`.
    """
    clock = Clock(options.seconds)
    result, entry = _on_its_machine(result, result.layers[index])
    space = entry.space
    how = replace(
        options_again(result, options),
        factors=space.get("factors", "perfect"),
        max_padding=space.get("max_padding"),
        other_parameters=True,
    )
    job = job_again(result, entry, how)
    job = replace(job, constraints=job.constraints.on_loops)
    if isinstance(job.spatial, Freedom) or job.options.factors != "perfect":
        proof = _prove_space(job, entry, on_progress)
    else:
        proof = _prove_one(job, result, entry, clock, on_progress)
    return proof if proof.state == SKIPPED else replace(proof, wall_s=clock.passed)


def _prove_one(
    job: Job, result: ResultFile, entry: ResultLayer, clock: Clock, on_progress: Tell | None
) -> Proof:
    """Prove a bound of one unrolling and loops that divide."""
    search_with = searching(job.options, on_progress=on_progress)
    with clock.interrupt:
        problem = Problem(job, search_with, clock)
        try:
            proof = Proof(OPEN)
            with clock.watched():
                proof = _prove(result, entry, problem)
        except InputError:  # the mapping is not valid: there is nothing to start from
            return Proof(SKIPPED)
    return proof


def _on_its_machine(result: ResultFile, entry: ResultLayer) -> tuple[ResultFile, ResultLayer]:
    """Return a result and its layer on the machine that is left beside tensors that stay in memories."""
    mapping = entry.mapping
    if mapping is None or not (mapping.resident or mapping.reserved):
        return result, entry
    links = dict(entry.layer.default_links) | dict(entry.links or {})
    machine = with_residents(result.accelerator, mapping.resident or {}, mapping.reserved or {}, links)
    return replace(result, accelerator=machine), replace(
        entry, mapping=replace(mapping, resident=None, reserved=None)
    )


def _prove_space(job: Job, entry: ResultLayer, on_progress: Tell | None) -> Proof:
    """Prove a bound of all unrollings, or of all loops of one: with it as what is to be beaten, none beats it."""
    bound, claimed = Fraction(entry.lower_bound), entry.status != "infeasible"
    if bound == 0 and claimed:
        return Proof(PROVEN)
    rival = bound * (1 - TOLERANCE) if claimed else None
    search: JointSearch | PaddedSearch
    if isinstance(job.spatial, Freedom):
        search = joint_search(job, on_progress)
        search.value = rival
    else:
        search = padded_search(job, on_progress, rival)
    found = search.run()
    if rival is None:
        return Proof({"infeasible": PROVEN, "unknown": OPEN}.get(found.status, CONTRADICTED))
    if search.value is not None and search.value < rival:
        return Proof(CONTRADICTED, entry.lower_bound, found.objective)
    stuck = isinstance(search, JointSearch) and search.stuck
    return Proof(PROVEN if search.complete and not stuck else OPEN, entry.lower_bound)


def _prove(result: ResultFile, entry: ResultLayer, problem: Problem) -> Proof:
    case = problem.case(entry.constraints)
    if entry.status == "infeasible":
        return _infeasible(entry, problem)
    bound = Fraction(entry.lower_bound)
    cutoff = bound * (1 - TOLERANCE)
    hint = None if entry.mapping is None else replace(_counted(result, entry), bypass=None)
    if (hint is None and diagnose(case.evaluator.model) is not None) or bound == 0:
        return Proof(PROVEN if bound == 0 else OPEN)
    search = problem.search_with(
        case.evaluator,
        result.objective,
        max(problem.clock.left, 0.1),
        float(TOLERANCE),
        cutoff=cutoff,
        rules=case.rules,
    )
    found = search.run(hint)
    value = search.value
    if value is not None and value < bound:
        return Proof(CONTRADICTED, found.lower_bound, float(value))
    return Proof(PROVEN if search.bound >= cutoff else OPEN, found.lower_bound, engine=found.engine)


def _infeasible(entry: ResultLayer, problem: Problem) -> Proof:
    """Return what becomes of the claim that there is no mapping."""
    model = problem.case(Constraints()).evaluator.model
    if not entry.constraints:
        if diagnose(model) is None:
            return Proof(CONTRADICTED)
        if is_certain(model):
            return Proof(PROVEN)
    attempt = problem.attempt(entry.constraints)
    state = {"found": CONTRADICTED, "none": PROVEN}.get(attempt.answer, OPEN)
    return Proof(state, engine=attempt.engine)


def _counted(result: ResultFile, entry: ResultLayer) -> Mapping:
    """Return the mapping of a layer as it is to be scored."""
    assert entry.mapping is not None
    return as_scored(entry.mapping, result.conventions, entry.constraints)


def _text(value: Any) -> str:
    return "nothing" if value is None else repr(value)
