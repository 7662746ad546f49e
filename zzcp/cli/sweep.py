"""``zzcp sweep``: a grid of machines, every point solved to proven optimality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import zzcp
from zzcp.cli.figures import Beside
from zzcp.cli.live import now
from zzcp.cli.machines import load_machine
from zzcp.cli.output import Output
from zzcp.cli.program import INTERRUPTED
from zzcp.cli.reading import Reading
from zzcp.cli.searches import with_peak
from zzcp.cli.sources import select_layers
from zzcp.costs import cost_model
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io import load_mapping
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.records.sources import Source, Sources
from zzcp.report.style import duration, plural
from zzcp.report.swept import fields_report, sweep_report, swept_data
from zzcp.solver.options import SearchOptions
from zzcp.sweeps import SweepProgress
from zzcp.sweeps.budget import best_under
from zzcp.sweeps.fields import Subject, catalogue
from zzcp.sweeps.run import make_grid, solve_grid
from zzcp.workload import Network


def run(
    accelerator: str,
    workloads: Sequence[str],
    mapping: str | None,
    unrollings: UnrollingOptions,
    how: SearchOptions,
    reading: Reading,
    layers: Sequence[str],
    vary: Sequence[str],
    list_fields: bool,
    objectives: str,
    jobs: int,
    scheduler: str | None,
    db: str,
    costs: str | None,
    budget: dict[str, float],
    each_alone: bool,
    beside: Beside,
    output: Output,
) -> int:
    """Solve a grid of machines and print the table; see `zzcp sweep --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    machine = load_machine(accelerator, how.conventions)
    networks = [_network(reading.load(file, how.conventions.name), layers, file) for file in workloads]
    if list_fields:
        return _list_fields(machine, networks, output)
    beside.check()
    model = None if costs is None else cost_model(costs)
    source = None if mapping is None else load_mapping(mapping)
    if source is not None:
        source.check_dimensions(layer for network in networks for layer in network)
    files = _sources(accelerator, workloads, mapping)  # before the searches: a file may be changed meanwhile
    head = f"sweep of {machine.name}"
    with _about(vary), output.progress(head) as tell:
        table = solve_grid(
            make_grid(machine, networks, vary, how, _objectives(objectives), source, unrollings, costs=model),
            db=db,
            jobs=jobs,
            scheduler=scheduler,
            neighbours=not each_alone,
            on_progress=lambda progress: tell(f"{head}: {progress_text(progress)}"),
        )
    within = best_under(table, budget) if budget else []
    output.show(sweep_report(table, budget, within))
    data = swept_data(zzcp.__version__, machine, table, files)
    if budget:
        data["best_under"] = {"budget": budget, "best": [best.to_dict() for best in within]}
    output.finish(with_peak(data, how.memory_limit))
    beside.table(table.csv_lines)
    beside.picture("sweep", table)
    if table.interrupted:
        output.note(f"stopped; what had been found is kept in {db}: the same command goes on from there")
        return INTERRUPTED
    return 0


def _list_fields(machine: Accelerator, networks: Sequence[Network], output: Output) -> int:
    """Show the fields that can be varied."""
    every = [layer for network in networks for layer in network]
    known = catalogue(machine, every)
    output.show(fields_report(known, Subject(machine, every[0])))
    output.finish({"fields": [{"name": field.name, "kind": field.kind.value} for field in known.values()]})
    return 0


def progress_text(progress: SweepProgress) -> str:
    """Return one line about how far a sweep has come."""
    text = f"{progress.done:,} of {plural(progress.total, 'point')}"
    if progress.reused:
        text += f", {progress.reused:,} known"
    if progress.done < progress.total and progress.left is not None:
        text += f", about {duration(progress.left)} left"
    return f"{text}{now(progress.running)}"


def _network(network: Network, names: Sequence[str], file: str) -> Network:
    """Return the layers of a network that are named, or all."""
    chosen = select_layers(network, names, file)
    return Network(network.name, tuple(replace(layer, sources={}) for layer in chosen))


def _objectives(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",")))


def _sources(accelerator: str, workloads: Sequence[str], mapping: str | None) -> Sources:
    """Return the files with their hashes, by their roles."""
    return {
        "accelerator": Source.of(accelerator),
        "workloads": [Source.of(file) for file in workloads],
        "mapping": None if mapping is None else Source.of(mapping),
    }


@contextmanager
def _about(vary: Sequence[str]) -> Iterator[None]:
    """Say in an error which option it is about."""
    try:
        yield
    except InputError as error:
        field = error.place.field
        if field is not None and error.place.file is None:
            named = any(field in text or text.startswith(field.split(" ")[0]) for text in vary)
            error.place = Place(field=f"--vary {field}" if named else field)
        raise
