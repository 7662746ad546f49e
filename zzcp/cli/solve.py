"""``zzcp solve``: the best mapping of every layer, with the proof of its optimality."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

import zzcp
from zzcp.cli.output import Output, open_output
from zzcp.cli.program import INTERRUPTED
from zzcp.cli.sources import select_layers
from zzcp.cost import CONVENTIONS
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile, load_accelerator, load_mapping, load_workload
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.report.solved import SolvedLayer, progress_line, solved_data, solved_report
from zzcp.report.summary import left_out_report
from zzcp.solver import Progress, Result, optimize
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


def run(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    layers: Sequence[str],
    objective: str,
    time_limit: float,
    gap: float,
    seed: int,
    conventions: str,
    jobs: int,
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
    with open_output(json_path, quiet) as output, _inputs(accelerator, workload, mapping) as paths:
        machine = load_accelerator(paths[0])
        network = load_workload(paths[1])
        source = None if paths[2] is None else load_mapping(paths[2])
        tasks = [
            _task(machine, layer, source, paths[2]) for layer in select_layers(network, layers, str(paths[1]))
        ]
        solve = partial(
            optimize_task,
            machine,
            objective=objective,
            time_limit=time_limit,
            gap=gap,
            seed=seed,
            conventions=conventions,
        )
        results = _solve_all(tasks, solve, jobs, output)
        output.show(solved_report(machine, objective, conventions, results))
        if network.skipped and not layers:
            output.show(left_out_report(network.skipped))
        output.finish(
            solved_data(
                zzcp.__version__, machine, objective, conventions, results, () if layers else network.skipped
            )
        )
    statuses = {entry.result.status for entry in results}
    if any(entry.result.interrupted for entry in results):
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
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


def _task(machine: Accelerator, layer: Layer, source: MappingFile | None, file: str | None) -> Task:
    """Return a layer with the unrolling and the links that a mapping file gives for it."""
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
    return Task(layer, spatial, links)


def optimize_task(
    machine: Accelerator,
    task: Task,
    *,
    objective: str,
    time_limit: float,
    gap: float,
    seed: int,
    conventions: str,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Solve one layer (a function of the module, so that other processes can run it)."""
    return optimize(
        machine,
        task.layer,
        objective,  # type: ignore[arg-type]  # one of the command's choices
        spatial=task.spatial,
        links=task.links,
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        conventions=CONVENTIONS[conventions],
        on_progress=on_progress,
    )


def _solve_all(
    tasks: Sequence[Task], solve: Callable[..., Result], jobs: int, output: Output
) -> list[SolvedLayer]:
    """Solve every different layer once; layers of equal shape share the result."""
    different: dict[object, Task] = {}
    for task in tasks:
        different.setdefault(_shape(task), task)
    solved: dict[object, Result] = {}
    if jobs > 1 and len(different) > 1:
        with ProcessPoolExecutor(min(jobs, len(different))) as pool, output.progress("solving") as tell:
            futures = {shape: pool.submit(solve, task) for shape, task in different.items()}
            for number, (shape, future) in enumerate(futures.items(), 1):
                solved[shape] = future.result()
                tell(f"solving: {number} of {len(different)} different layers done")
    else:
        for number, (shape, task) in enumerate(different.items(), 1):
            head = f"layer {task.layer.name} ({number} of {len(different)})"
            with output.progress(head) as tell:
                solved[shape] = solve(task, on_progress=partial(_show, tell, head))
            if solved[shape].interrupted:
                break
    return [SolvedLayer(task.layer, solved[_shape(task)]) for task in tasks if _shape(task) in solved]


def _show(tell: Callable[[str], None], head: str, progress: Progress) -> None:
    tell(f"{head}: {progress_line(progress)}")


def _shape(task: Task) -> object:
    return task.layer.signature(), task.spatial, tuple(sorted((task.links or {}).items()))
