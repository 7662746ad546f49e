"""``zzcp solve``: the best mapping of every layer, with the proof of its optimality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import zzcp
from zzcp.cli.inputs import Files, Inputs
from zzcp.cli.networks import check_scope, solve_network
from zzcp.cli.output import Output
from zzcp.cli.resume import resumed
from zzcp.cli.searches import exit_code, note_cached, note_faults, search_shapes, with_peak
from zzcp.cost.constraints.constrained import check_constraints
from zzcp.cost.objective import Objective
from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.io.constraints import load_constraints, placed
from zzcp.mapping import Constraints, LayerConstraints, SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.idle import idle_units
from zzcp.mapping.unrollings import AUTO, UnrollingOptions
from zzcp.mapping.zigzag_unrolling import zigzag_cuts
from zzcp.records.layers import SolvedLayer
from zzcp.records.plain import Rows
from zzcp.records.solved import solved_data
from zzcp.report.solved import solved_report
from zzcp.report.style import at_most
from zzcp.solver import Progress, Result
from zzcp.solver.infeasible import words
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.portable import SEARCH
from zzcp.solver.unrolling.promise import most_promising
from zzcp.workload import Layer


def run(
    files: Files,
    unrollings: UnrollingOptions,
    how: SearchOptions,
    constraints: str | None,
    objective: Objective,
    scope: str,
    keep_on_chip: bool,
    jobs: int,
    scheduler: str | None,
    progress_log: bool,
    resume: str | None,
    output: Output,
) -> int:
    """Solve layers and print their mappings' costs; see `zzcp solve --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    with files.open(how.conventions) as inputs:
        asked = None if constraints is None else load_constraints(constraints)
        chosen = unrollings.with_factors(how.factors)
        tasks = [_task(inputs, layer, asked, chosen, objective, how) for layer in inputs.layers]
        _tell_of_file(inputs, tasks, output)
        if scope == "network":
            check_scope(how, progress_log=progress_log, resume=resume is not None)
            return solve_network(output, inputs, tasks, jobs, scheduler, keep_on_chip=keep_on_chip)
        if keep_on_chip:
            raise InputError("--keep-on-chip is for --scope network")
        if progress_log:
            tasks = [task.by(cache=None) for task in tasks]  # what is kept reports no progress
        log: dict[object, list[Progress]] | None = {} if progress_log else None
        # until everything is written: a signal between two searches must not lose what has been found
        with Interrupt() as interrupt:
            known = _known(resume, tasks, output)
            known |= search_shapes(
                SEARCH,
                [task for task in tasks if task.shape not in known],
                jobs=jobs,
                quiet=output.quiet,
                interrupt=interrupt,
                log=log,
                scheduler=scheduler,
            )
            # an interrupted run leaves out what it had not begun
            solved = [(task, known[task.shape]) for task in tasks if task.shape in known]
            _write(output, inputs, tasks, solved, log)
    results = [result for _, result in solved]
    note_cached(output, results)
    note_faults(output, ((task.layer, result) for task, result in solved))
    _tell_idle(inputs, solved, unrollings.max_dims, output)
    alone = unrollings != chosen and files.mapping is None and files.accelerator is not None
    if alone and not inputs.machine.dataflows:
        output.note(
            "loops that do not divide are searched for full unrollings; --spatial auto chooses these, too"
        )
    stopped = interrupt.requested and len(solved) < len(tasks)
    stopped = stopped or any(result.interrupted for result in results)
    return exit_code([result.status for result in results], len(tasks), output, stopped=stopped)


def _known(resume: str | None, tasks: Sequence[Job], output: Output) -> dict[object, Result]:
    """Return what an earlier result has proven already, by the shapes of the layers."""
    if resume is None:
        return {}
    known = resumed(resume, tasks)
    taken = sum(task.shape in known for task in tasks)
    output.note(f"{taken} of {len(tasks)} layers are proven in {resume}")
    return known


def _write(
    output: Output,
    inputs: Inputs,
    tasks: Sequence[Job],
    solved: Sequence[tuple[Job, Result]],
    log: Mapping[object, list[Progress]] | None,
) -> None:
    """Print what has been found, and write the result file."""
    first, machine = tasks[0], inputs.machine
    objective, how = str(first.goal), first.options
    results = [SolvedLayer(task.layer, result) for task, result in solved]
    there = {id(task.layer) for task, _ in solved}
    missing = [layer for layer in inputs.layers if id(layer) not in there]
    inputs.show(output, solved_report(machine, objective, how.conventions.name, results, missing))
    data = solved_data(
        zzcp.__version__,
        machine,
        objective,
        how.conventions.name,
        results,
        inputs.left_out,
        inputs=inputs.sources,
        options=how.stated,
        progress=None if log is None else [log.get(task.shape, []) for task, _ in solved],
        missing=missing,
        rows=Rows,
    )
    output.finish(with_peak(data, how.memory_limit))


def _tell_of_file(inputs: Inputs, tasks: Sequence[Job], output: Output) -> None:
    """Say what of the mapping file is not taken as it stands there, or would not be by ZigZag."""
    if inputs.mappings is None:
        return
    entries = [inputs.mappings.for_layer(task.layer) for task in tasks]
    ordered = list(dict.fromkeys(entry.name for entry in entries if entry.temporal_ordering))
    if ordered:
        output.note(
            f"temporal_ordering of {', '.join(ordered)} is not obeyed: all loop orders are searched; the constraint "
            "loop_order fixes one, and zzcp evaluate scores it"
        )
    if not tasks[0].options.conventions.name.startswith("zigzag"):
        return
    cuts: dict[str, list[str]] = {}
    for task, entry in zip(tasks, entries, strict=True):
        if isinstance(task.spatial, SpatialMapping) and entry.spatial_mapping is not None:
            found = zigzag_cuts(inputs.machine, task.layer, task.spatial, task.links)
            if found:
                cuts.setdefault("; ".join(found), []).append(task.layer.name)
    for text, names in cuts.items():
        output.note(f"{_some(names)}: ZigZag itself would use another unrolling; it cuts {text}")


def _some(names: Sequence[str]) -> str:
    """Return which layers something is about."""
    return f"layer {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"


def _tell_idle(inputs: Inputs, solved: Sequence[tuple[Job, Result]], max_dims: int, output: Output) -> None:
    """Say which given unrollings leave most of the array idle, and what another one promises."""
    said: dict[str, list[str]] = {}
    for task, result in solved:
        if result.objective is None or not isinstance(task.spatial, SpatialMapping):
            continue
        if idle_units(inputs.machine, task.layer, task.spatial) is not None:
            text = _promise(inputs, task, task.spatial, result.objective, max_dims)
            if text is not None:
                said.setdefault(text, []).append(task.layer.name)
    for text, names in said.items():
        output.note(f"{_some(names)}: {text}")


def _promise(inputs: Inputs, task: Job, given: SpatialMapping, value: float, max_dims: int) -> str | None:
    """Return how idle the array is, and how much less than a value an unrolling that may be chosen can cost."""
    free, _ = inputs.unrolled(task.layer, UnrollingOptions.of(AUTO, max_dims))
    if not isinstance(free, Freedom):
        return None
    machine, layer = inputs.machine, task.layer
    other = most_promising(machine, layer, task.goal, task.options.conventions, task.links, free)
    if other is None:
        return None
    text = idle_units(machine, layer, given, None if free.is_free else other.iterations)
    if text is None or other.bound >= value:
        return text
    objective = str(task.goal)
    name = objective.upper() if objective.startswith("ed") else objective
    less = f"up to {at_most(value / other.bound)} times less {name}"
    return f"{text}; {words(other.spatial)} may have {less}, by its bound"


def _task(
    inputs: Inputs,
    layer: Layer,
    asked: LayerConstraints | None,
    unrollings: UnrollingOptions,
    objective: Objective,
    how: SearchOptions,
) -> Job:
    """Return the search of a layer, with its unrolling, or what it may be, its links and its constraints."""
    spatial, links = inputs.unrolled(layer, unrollings)
    constraints = Constraints() if asked is None else asked.for_layer(layer.name, layer.operator)
    try:
        given = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping()
        check_constraints(inputs.machine, layer, given, constraints, links)
    except InputError as error:
        assert asked is not None
        raise placed(error, asked, layer) from None
    return Job(inputs.machine, layer, objective, spatial, links, constraints, how)
