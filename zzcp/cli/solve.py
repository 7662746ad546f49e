"""``zzcp solve``: the best mapping of every layer, with the proof of its optimality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import zzcp
from zzcp.cli.inputs import Inputs, check_both_or_none, open_inputs
from zzcp.cli.networks import check_scope, solve_network
from zzcp.cli.output import Output, open_output
from zzcp.cli.reading import Reading
from zzcp.cli.resume import resumed
from zzcp.cli.searches import exit_code, note_cached, search_all, share_of, with_peak
from zzcp.cost import CONVENTIONS
from zzcp.cost.constraints.constrained import check_constraints
from zzcp.cost.objective import Goal
from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.io.constraints import load_constraints, placed
from zzcp.mapping import Constraints, LayerConstraints, SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.idle import idle_units
from zzcp.mapping.unrollings import AUTO, FULL, UnrollingOptions
from zzcp.mapping.zigzag_unrolling import zigzag_cuts
from zzcp.networks.tasks import LayerTask, job_of
from zzcp.records.layers import SolvedLayer
from zzcp.records.solved import solved_data
from zzcp.report.solved import solved_report
from zzcp.report.style import at_most
from zzcp.report.summary import left_out_report
from zzcp.report.workload import coverage
from zzcp.solver import Progress, Result
from zzcp.solver.cache import ResultCache
from zzcp.solver.infeasible import words
from zzcp.solver.job import Job, SearchOptions
from zzcp.solver.optimize import DEFAULT_TIME_LIMIT
from zzcp.solver.portable import SEARCH
from zzcp.solver.unrolling.promise import most_promising
from zzcp.workload import Layer


def run(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    chosen: str | None,
    max_dims: int,
    factors: str,
    max_padding: float | None,
    reading: Reading,
    layers: Sequence[str],
    constraints: str | None,
    objective: str,
    scope: str,
    keep_on_chip: bool,
    time_limit: float | None,
    deterministic_limit: float | None,
    gap: float,
    engine: str,
    seed: int,
    conventions: str,
    jobs: int,
    scheduler: str | None,
    memory_limit: int | None,
    progress_log: bool,
    cache: bool,
    resume: str | None,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Solve layers and print their mappings' costs; see `zzcp solve --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    check_both_or_none(accelerator, workload)
    with ExitStack() as stack:
        output = stack.enter_context(open_output(json_path, quiet))
        inputs = stack.enter_context(
            open_inputs(accelerator, workload, mapping, layers, reading, conventions)
        )
        machine = inputs.machine
        asked = None if constraints is None else load_constraints(constraints)
        given_alone = chosen is None and factors == "imperfect"
        unrollings = UnrollingOptions.of(FULL if given_alone else chosen, max_dims)
        tasks = [_task(inputs, layer, asked, unrollings) for layer in inputs.layers]
        _tell_of_file(inputs, tasks, conventions, output)
        if keep_on_chip and scope != "network":
            raise InputError("--keep-on-chip is for --scope network")
        if scope == "network":
            check_scope(deterministic_limit, factors, progress_log=progress_log)
            if resume is not None:
                raise InputError(
                    "--resume takes up results with scope layers only", hint="leave out --scope network"
                )
            how = SearchOptions(
                DEFAULT_TIME_LIMIT if time_limit is None else time_limit,
                gap,
                seed,
                CONVENTIONS[conventions],
                engine,  # type: ignore[arg-type]  # one of the command's choices
                ResultCache.of(cache),
                memory_limit=share_of(memory_limit, jobs),
            )
            return solve_network(
                output, inputs, tasks, objective, how, jobs, scheduler, keep_on_chip=keep_on_chip
            )
        options = {
            "time_limit": time_limit,
            "deterministic_limit": deterministic_limit,
            "gap": gap,
            "seed": seed,
            "engine": engine,
        }
        if factors != "perfect":
            options |= {"factors": factors} | ({} if max_padding is None else {"max_padding": max_padding})
        how = SearchOptions(
            conventions=CONVENTIONS[conventions],
            cache=ResultCache.of(cache and not progress_log),  # what is kept reports no progress
            memory_limit=share_of(memory_limit, jobs),
            **options,  # type: ignore[arg-type]  # each of its own kind
        )

        def job(task: LayerTask) -> Job:
            return job_of(machine, task, objective, how)  # type: ignore[arg-type]  # one of the command's choices

        # until everything is written: a signal between two searches must not lose what has been found
        interrupt = stack.enter_context(Interrupt())
        log: list[list[Progress]] | None = [] if progress_log else None
        known = {}
        if resume is not None:
            known = resumed(resume, tasks, machine, objective, CONVENTIONS[conventions], options)
            taken = sum(task.shape in known for task in tasks)
            output.note(f"{taken} of {len(tasks)} layers are proven in {resume}")
        results = _solve_all(tasks, job, jobs, scheduler, quiet, interrupt, log, known)
        if inputs.left_out:
            output.show(*coverage(inputs.network))
        # an interrupted run leaves out what it had not begun
        solved = {id(entry.layer) for entry in results}
        missing = [layer for layer in inputs.layers if id(layer) not in solved]
        output.show(solved_report(machine, objective, conventions, results, missing))
        if inputs.left_out:
            output.show(left_out_report(inputs.left_out))
        data = solved_data(
            zzcp.__version__,
            machine,
            objective,
            conventions,
            results,
            inputs.left_out,
            inputs=inputs.sources,
            options={name: value for name, value in options.items() if value is not None},
            progress=log,
            missing=missing,
        )
        output.finish(with_peak(data, memory_limit))
    note_cached(output, [entry.result for entry in results])
    for name, fault in dict.fromkeys((entry.layer.name, f) for entry in results for f in entry.result.faults):
        output.note(f"layer {name}: {fault}; it was not believed")
    _tell_idle(inputs, tasks, results, objective, conventions, max_dims, output)
    if given_alone and mapping is None and accelerator is not None and not machine.dataflows:
        output.note(
            "loops that do not divide are searched for full unrollings; --spatial auto chooses these, too"
        )
    stopped = interrupt.requested and len(results) < len(tasks)
    return exit_code(
        [entry.result.status for entry in results],
        len(tasks),
        output,
        stopped=stopped or any(entry.result.interrupted for entry in results),
    )


def _tell_of_file(inputs: Inputs, tasks: Sequence[LayerTask], conventions: str, output: Output) -> None:
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
    if not conventions.startswith("zigzag"):
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


def _tell_idle(
    inputs: Inputs,
    tasks: Sequence[LayerTask],
    results: Sequence[SolvedLayer],
    objective: str,
    conventions: str,
    max_dims: int,
    output: Output,
) -> None:
    """Say which given unrollings leave most of the array idle, and what another one promises."""
    solved = {id(entry.layer): entry.result for entry in results}
    said: dict[str, list[str]] = {}
    for task in tasks:
        value = solved[id(task.layer)].objective if id(task.layer) in solved else None
        if value is None or not isinstance(task.spatial, SpatialMapping):
            continue
        if idle_units(inputs.machine, task.layer, task.spatial) is not None:
            text = _promise(inputs, task, value, objective, conventions, max_dims)
            if text is not None:
                said.setdefault(text, []).append(task.layer.name)
    for text, names in said.items():
        output.note(f"{_some(names)}: {text}")


def _promise(
    inputs: Inputs, task: LayerTask, value: float, objective: str, conventions: str, max_dims: int
) -> str | None:
    """Return how idle the array is, and how much less than a value an unrolling that may be chosen can cost."""
    free, _ = inputs.unrolled(task.layer, UnrollingOptions.of(AUTO, max_dims))
    if not isinstance(free, Freedom):
        return None
    goal: Goal = objective  # type: ignore[assignment]  # one of the command's choices
    machine, layer = inputs.machine, task.layer
    other = most_promising(machine, layer, goal, CONVENTIONS[conventions], task.links, free)
    if other is None:
        return None
    given = task.spatial
    assert isinstance(given, SpatialMapping)
    text = idle_units(machine, layer, given, None if free.is_free else other.iterations)
    if text is None or other.bound >= value:
        return text
    name = objective.upper() if objective.startswith("ed") else objective
    less = f"up to {at_most(value / other.bound)} times less {name}"
    return f"{text}; {words(other.spatial)} may have {less}, by its bound"


def _task(
    inputs: Inputs, layer: Layer, asked: LayerConstraints | None, unrollings: UnrollingOptions
) -> LayerTask:
    """Return a layer with its unrolling, or what it may be, its links and its constraints."""
    spatial, links = inputs.unrolled(layer, unrollings)
    constraints = Constraints() if asked is None else asked.for_layer(layer.name, layer.operator)
    try:
        given = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping()
        check_constraints(inputs.machine, layer, given, constraints, links)
    except InputError as error:
        assert asked is not None
        raise placed(error, asked, layer) from None
    return LayerTask(layer, spatial, links, constraints)


def _solve_all(
    tasks: Sequence[LayerTask],
    job: Callable[[LayerTask], Job],
    jobs: int,
    scheduler: str | None,
    quiet: bool,
    interrupt: Interrupt,
    log: list[list[Progress]] | None = None,
    known: Mapping[object, Result] | None = None,
) -> list[SolvedLayer]:
    """Solve every different layer once, but for those that are known; layers of equal shape share the result.

    After an interrupt only those that have been begun have one. To a log the progress of every result is added.
    """
    known = known or {}
    different: dict[object, LayerTask] = {}
    for task in tasks:
        if task.shape not in known:
            different.setdefault(task.shape, task)
    chosen = list(different.values())
    samples: dict[int, list[Progress]] = {}
    names = [task.layer.name for task in chosen]
    found = {}
    if chosen:
        searches = [job(task) for task in chosen]
        found = search_all(
            SEARCH,
            searches,
            names,
            jobs=jobs,
            quiet=quiet,
            interrupt=interrupt,
            samples=samples,
            scheduler=scheduler,
            spreads=isinstance(chosen[0].spatial, Freedom),
        )
    places = {shape: number for number, shape in enumerate(different) if number in found}
    solved = {**known, **{shape: found[number] for shape, number in places.items()}}
    done = [task for task in tasks if task.shape in solved]
    if log is not None:
        log.extend(samples.get(places.get(task.shape, -1), []) for task in done)
    return [SolvedLayer(task.layer, solved[task.shape]) for task in done]
