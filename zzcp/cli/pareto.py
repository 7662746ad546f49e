"""``zzcp pareto``: the energy-latency front of a layer."""

from __future__ import annotations

import zzcp
from zzcp.cli.figures import check_figure, save_figure
from zzcp.cli.output import check_writable, open_output, write_text
from zzcp.cli.program import INTERRUPTED
from zzcp.cli.solve import NO_MAPPING, NOTHING_FOUND
from zzcp.cli.sources import select_layers
from zzcp.cost import CONVENTIONS
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile, load_accelerator, load_mapping, load_workload
from zzcp.mapping import SpatialMapping
from zzcp.report.front import front_report
from zzcp.solver import pareto
from zzcp.solver.pareto import FrontProgress
from zzcp.workload import Layer


def run(
    accelerator: str,
    workload: str,
    mapping: str | None,
    layer: str | None,
    points: int | None,
    supported: bool,
    time_limit: float,
    search_limit: float,
    gap: float,
    seed: int,
    conventions: str,
    csv_path: str | None,
    plot_path: str | None,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Find the front of a layer and print it; see `zzcp pareto --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    with open_output(json_path, quiet) as output:
        if csv_path is not None:
            check_writable(csv_path, "--csv")
        check_figure(plot_path)
        machine = load_accelerator(accelerator)
        network = load_workload(workload)
        source = None if mapping is None else load_mapping(mapping)
        layers = select_layers(network, () if layer is None else (layer,), workload)
        if len(layers) > 1:
            names = ", ".join(entry.name for entry in layers[:20])
            raise InputError(
                f"a front is for one layer, the workload has {len(layers)}",
                place=Place(workload),
                expected=f"--layer with one of {names}{', ...' if len(layers) > 20 else ''}",
            )
        spatial, links = _unrolling(machine, layers[0], source, mapping)
        head = f"front of {layers[0].name}"
        with output.progress(head) as tell:
            front = pareto(
                machine,
                layers[0],
                spatial=spatial,
                time_limit=time_limit,
                search_limit=search_limit,
                max_points=points,
                gap=gap,
                seed=seed,
                conventions=CONVENTIONS[conventions],
                links=links,
                on_progress=lambda progress: tell(f"{head}: {progress_text(progress)}"),
            )
        output.show(front_report(front, supported=supported))
        output.finish({"zzcp_version": zzcp.__version__, **front.to_dict()})
        if csv_path is not None:
            write_text(csv_path, front.to_csv(), "--csv")
        if front.points:
            save_figure(plot_path, "pareto", front)
    if front.interrupted:
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
    if front.points:
        return 0
    return NO_MAPPING if front.diagnosis is not None else NOTHING_FOUND


def progress_text(progress: FrontProgress) -> str:
    """Return one line about how far a front is known."""
    return (
        f"{progress.points} points after {progress.solved} searches, {progress.open} ranges open, "
        f"{progress.seconds:.0f} s"
    )


def _unrolling(
    machine: Accelerator, layer: Layer, source: MappingFile | None, file: str | None
) -> tuple[SpatialMapping | None, dict[str, str] | None]:
    """Return the unrolling and the links that a mapping file gives for a layer."""
    entry = None if source is None else source.for_layer(layer)
    if entry is None:
        return None, None
    given = entry.memory_operand_links or {}
    links = {operand: given[operand] for operand in layer.operands if operand in given} or None
    if entry.spatial_mapping is None:
        return None, links
    spatial = SpatialMapping.from_dict(entry.spatial_mapping).fitted(layer)
    problems = spatial.violations(machine, layer)
    if problems:
        raise InputError("; ".join(problems), place=Place(file, field=f"layer {layer.name}"))
    return spatial, links
