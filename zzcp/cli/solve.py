"""``zzcp solve``: the best mapping of every layer, with the proof of its optimality."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import zzcp
from zzcp.cli.live import Monitor
from zzcp.cli.output import Output, open_output
from zzcp.cli.pool import Pool, Tell, Watcher
from zzcp.cli.program import INTERRUPTED
from zzcp.cli.sources import select_layers
from zzcp.cost import CONVENTIONS
from zzcp.cost.constrained import check_constraints
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile, load_accelerator, load_constraints, load_mapping, load_workload
from zzcp.mapping import Constraints, LayerConstraints, SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.report.solved import SolvedLayer, Source, solved_data, solved_report
from zzcp.report.summary import left_out_report
from zzcp.solver import Progress, Result, optimize
from zzcp.solver.interrupt import Interrupt
from zzcp.workload import Layer

NO_MAPPING, NOTHING_FOUND = 3, 4
"""Exit codes: a layer has no valid mapping; the time limit left a layer without one."""

SEED = {
    "accelerator": "seed_eyeriss_1_2_4.yaml",
    "workload": "seed_workload.yaml",
    "mapping": "seed_mapping.yaml",
}
"""What is solved when no files are given."""


class Task(NamedTuple):
    """One layer to be solved, and how."""

    layer: Layer
    spatial: SpatialMapping
    links: dict[str, str] | None
    constraints: Constraints = Constraints()


def run(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    layers: Sequence[str],
    constraints: str | None,
    objective: str,
    time_limit: float | None,
    deterministic_limit: float | None,
    gap: float,
    seed: int,
    conventions: str,
    jobs: int,
    progress_log: bool,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Solve layers and print their mappings' costs; see `zzcp solve --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    if (accelerator is None) != (workload is None):
        missing = "--workload" if workload is None else "--accelerator"
        raise InputError(f"{missing} is missing", hint="give both files, or none for the seed example")
    with ExitStack() as stack:
        output = stack.enter_context(open_output(json_path, quiet))
        paths = stack.enter_context(_inputs(accelerator, workload, mapping))
        machine = load_accelerator(paths[0])
        network = load_workload(paths[1])
        source = None if paths[2] is None else load_mapping(paths[2])
        asked = None if constraints is None else load_constraints(constraints)
        tasks = [
            _task(machine, layer, source, paths[2], asked)
            for layer in select_layers(network, layers, str(paths[1]))
        ]
        options = {
            "time_limit": time_limit,
            "deterministic_limit": deterministic_limit,
            "gap": gap,
            "seed": seed,
        }
        how = {"objective": objective, "conventions": CONVENTIONS[conventions], **options}
        solve = partial(optimize_task, machine=machine, options=how)
        # until everything is written: a signal between two searches must not lose what has been found
        interrupt = stack.enter_context(Interrupt())
        log: list[list[Progress]] | None = [] if progress_log else None
        results = _solve_all(tasks, solve, jobs, quiet, interrupt, log)
        output.show(solved_report(machine, objective, conventions, results))
        if network.skipped and not layers:
            output.show(left_out_report(network.skipped))
        output.finish(
            solved_data(
                zzcp.__version__,
                machine,
                objective,
                conventions,
                results,
                () if layers else network.skipped,
                inputs={
                    role: None if path is None else Source.of(path)
                    for role, path in zip(("accelerator", "workload", "mapping"), paths, strict=True)
                },
                options={name: value for name, value in options.items() if value is not None},
                progress=log,
            )
        )
    for name, fault in dict.fromkeys((entry.layer.name, f) for entry in results for f in entry.result.faults):
        output.note(f"layer {name}: {fault}; it was not believed")
    return _exit_code(results, len(tasks), output, stopped=interrupt.requested)


def _exit_code(results: Sequence[SolvedLayer], wanted: int, output: Output, *, stopped: bool) -> int:
    statuses = {entry.result.status for entry in results}
    if any(entry.result.interrupted for entry in results) or (stopped and len(results) < wanted):
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
    if len(results) < wanted:
        output.note("a process that solved a layer was ended from outside; its layers are missing")
        return NOTHING_FOUND
    return NO_MAPPING if "infeasible" in statuses else NOTHING_FOUND if "unknown" in statuses else 0


@contextmanager
def _inputs(
    accelerator: str | None, workload: str | None, mapping: str | None
) -> Iterator[tuple[str, str, str | None]]:
    """Return the paths of the files, those of the seed example where none are given."""
    if accelerator is not None and workload is not None:
        yield accelerator, workload, mapping
        return
    with as_file(files("zzcp") / "data" / "seed") as folder:
        paths = {role: str(Path(folder) / name) for role, name in SEED.items()}
        yield paths["accelerator"], paths["workload"], mapping or paths["mapping"]


def _task(
    machine: Accelerator,
    layer: Layer,
    source: MappingFile | None,
    file: str | None,
    asked: LayerConstraints | None = None,
) -> Task:
    """Return a layer with the unrolling and the links that a mapping file gives for it, and its constraints."""
    entry = None if source is None else source.for_layer(layer)
    if entry is None or entry.spatial_mapping is None:
        spatial = default_spatial(machine, layer)
    else:
        spatial = SpatialMapping.from_dict(entry.spatial_mapping).fitted(layer)
    problems = spatial.violations(machine, layer)
    if problems:
        raise InputError("; ".join(problems), place=Place(file, field=f"layer {layer.name}"))
    given = None if entry is None else entry.memory_operand_links
    links = (
        None if given is None else {operand: given[operand] for operand in layer.operands if operand in given}
    )
    constraints = Constraints() if asked is None else asked.for_layer(layer.name, layer.operator)
    try:
        check_constraints(machine, layer, spatial, constraints, links)
    except InputError as error:
        raise error.at(None if asked is None else asked.file, field=f"layer {layer.name}") from None
    return Task(layer, spatial, links, constraints)


def optimize_task(
    task: Task,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    machine: Accelerator,
    options: Mapping[str, Any],
) -> Result:
    """Solve one layer (a function of the module, so that other processes can run it)."""
    return optimize(
        machine,
        task.layer,
        spatial=task.spatial,
        links=task.links,
        constraints=task.constraints,
        on_progress=on_progress,
        **options,
    )


def _solve_all(
    tasks: Sequence[Task],
    solve: Callable[[Task, Tell], Result],
    jobs: int,
    quiet: bool,
    interrupt: Interrupt,
    log: list[list[Progress]] | None = None,
) -> list[SolvedLayer]:
    """Solve every different layer once; layers of equal shape share the result.

    After an interrupt only those that have been begun have one. To a log the progress of every result is added.
    """
    different: dict[object, Task] = {}
    for task in tasks:
        different.setdefault(_shape(task), task)
    chosen = list(different.values())
    # the processes come first: they must not inherit the threads of the display
    with Pool(solve, min(jobs, len(chosen))) as pool, Monitor(names_of(chosen), quiet=quiet) as monitor:
        recorder = Recorder(monitor)
        found = pool.run(chosen, interrupt, recorder)
    solved = {shape: found[number] for number, shape in enumerate(different) if number in found}
    done = [task for task in tasks if _shape(task) in solved]
    if log is not None:
        log.extend(recorder.samples.get(list(different).index(_shape(task)), []) for task in done)
    return [SolvedLayer(task.layer, solved[_shape(task)]) for task in done]


class Recorder:
    """Keeps what searches report, and passes it on.

    Parameters
    ----------
    watcher : Watcher
        Is told everything, too.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.samples: dict[int, list[Progress]] = {}

    def started(self, number: int) -> None:
        """A task begins."""
        self.watcher.started(number)

    def progress(self, number: int, message: Progress) -> None:
        """A task reports."""
        self.samples.setdefault(number, []).append(message)
        self.watcher.progress(number, message)

    def ended(self, number: int) -> None:
        """A task has ended."""
        self.watcher.ended(number)


def names_of(tasks: Sequence[Task]) -> list[str]:
    """Return the names of layers."""
    return [task.layer.name for task in tasks]


def _shape(task: Task) -> object:
    return task.layer.signature(), task.spatial, tuple(sorted((task.links or {}).items())), task.constraints
