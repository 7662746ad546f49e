"""``zzcp explain``: where the cycles and the energy of a result go, and what two results differ in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import zzcp
from zzcp.cli.output import Output
from zzcp.cli.reading import Reading
from zzcp.errors import InputError, Place
from zzcp.explanations import Comparison, Explanation, explain
from zzcp.io import load_accelerator
from zzcp.io.result import ResultFile, ResultLayer, load_results, located
from zzcp.records.sources import Source, inputs_data
from zzcp.report.explained import comparison_report, explanation_report
from zzcp.report.style import count, plural, section, share
from zzcp.report.tables import table
from zzcp.solver import Result

_FULL = 3
"""Most layers that are explained in full without being named."""


def run(
    files: Sequence[str],
    accelerators: Sequence[str],
    workload: str | None,
    reading: Reading,
    layers: Sequence[str],
    objective: str | None,
    what_if: bool,
    resolve: bool,
    time_limit: float,
    cache: bool,
    output: Output,
) -> None:
    """Explain one result, or what two differ in; see `zzcp explain --help` for the parameters."""
    if len(files) > 2:
        raise InputError("too many results", expected="one, or two to compare", found=str(len(files)))
    if len(accelerators) > len(files):
        raise InputError("--accelerator given too often", expected="once for every result at most")
    network = None if workload is None else reading.load(workload)
    machines = [load_accelerator(file) for file in accelerators]
    results = [
        load_results(
            file, accelerator=machines[min(i, len(machines) - 1)] if machines else None, network=network
        )
        for i, file in enumerate(files)
    ]
    # before the searches: a file may be changed meanwhile
    read = {
        "results": [Source.of(file) for file in files],
        "accelerators": [Source.of(file) for file in accelerators],
        "workload": None if workload is None else Source.of(workload),
    }
    if len(results) == 1:
        explained = partial(explain, what_if=what_if, resolve=resolve, time_limit=time_limit, cache=cache)
        told = _one(output, results[0], layers, partial(explained, objective=objective))
    else:
        told = _two(output, results[0], results[1], layers, objective)
    output.finish({"zzcp_version": zzcp.__version__, **told, "inputs": inputs_data(read)})


def _one(
    output: Output,
    result: ResultFile,
    names: Sequence[str],
    explained: Callable[..., Explanation],
) -> dict[str, Any]:
    """Show explanations of a result, and return them as plain data."""
    chosen = _chosen(result, names)
    found: list[Explanation] = []
    for number, entry in enumerate(chosen, 1):
        head = f"layer {entry.layer.name} ({number} of {len(chosen)})"
        with output.progress(head) as tell:
            found.append(explained(_evaluated(output, result, entry), on_progress=_told(tell, head)))
    if len(found) > _FULL and not names:
        output.show(_overview(found))
    else:
        for explanation in found:
            output.show(explanation_report(explanation))
    return {"file": Path(result.path).name, "layers": [entry.to_dict() for entry in found]}


def _told(tell: Callable[[str], None], head: str) -> Callable[[str], None]:
    return lambda text: tell(f"{head}: {text}")


def _two(
    output: Output, first: ResultFile, second: ResultFile, names: Sequence[str], objective: str | None
) -> dict[str, Any]:
    """Show what differs between two results, and return it as plain data."""
    pairs = _matched(first, second, names)
    called = _called(first, second)
    found: list[Comparison] = []
    for a, b in pairs:
        found.append(
            explain(
                _evaluated(output, first, a),
                _evaluated(output, second, b),
                objective=objective or first.objective,
                names=called,
            )
        )
    if first.objective != second.objective and objective is None:
        output.note(f"the results have different objectives, {first.objective} and {second.objective}")
    for compared in found:
        output.show(comparison_report(compared))
    return {
        "files": [Path(result.path).name for result in (first, second)],
        "layers": [entry.to_dict() for entry in found],
    }


def _called(first: ResultFile, second: ResultFile) -> tuple[str, str]:
    """Return what to call two results: by machine, else by file, else by letter."""
    for names in (
        (first.accelerator.name, second.accelerator.name),
        (Path(first.path).stem, Path(second.path).stem),
    ):
        if names[0] != names[1]:
            return names
    return "A", "B"


def _chosen(result: ResultFile, names: Sequence[str]) -> list[ResultLayer]:
    """Return the layers of some names, or all that have a mapping."""
    solved = [entry for entry in result.layers if entry.mapping is not None]
    if not solved:
        raise InputError("the result has no mapping to explain", place=Place(result.path))
    return [_named(result, solved, name) for name in names] or solved


def _named(result: ResultFile, solved: Sequence[ResultLayer], name: str) -> ResultLayer:
    for entry in solved:
        if name in (entry.layer.name, str(entry.layer.id)):
            return entry
    known = ", ".join(entry.layer.name for entry in solved[:20])
    raise InputError(
        "no such layer with a mapping", place=Place(result.path), expected=f"one of {known}", found=name
    )


def _matched(
    first: ResultFile, second: ResultFile, names: Sequence[str]
) -> list[tuple[ResultLayer, ResultLayer]]:
    """Return the layers of two results that belong together: of the same name, or the only ones."""
    a, b = _chosen(first, ()), _chosen(second, ())
    if names:
        return [(_named(first, a, name), _named(second, b, name)) for name in names]
    others = {entry.layer.name: entry for entry in b}
    pairs = [(entry, others[entry.layer.name]) for entry in a if entry.layer.name in others]
    if not pairs and len(a) == len(b) == 1:
        pairs = [(a[0], b[0])]
    if not pairs:
        raise InputError(
            "the results have no layer of one name",
            place=Place(second.path),
            expected=f"one of {', '.join(entry.layer.name for entry in a[:20])}",
            found=", ".join(others)[:200],
        )
    return pairs


def _evaluated(output: Output, result: ResultFile, entry: ResultLayer) -> Result:
    """Return a recorded result with its mapping evaluated again."""
    assert entry.mapping is not None
    try:
        evaluation = zzcp.evaluate(result.accelerator, entry.layer, entry.mapping, result.conventions)
    except InputError as error:
        error.message = f"layer {entry.layer.name}: {error.message}"
        raise located(error, result, "layers", result.layers.index(entry)) from None
    recorded: dict[str, Any] = entry.data.get("evaluation") or {}
    totals = [(recorded.get(key) or {}).get("total") for key in ("energy", "latency")]
    proven = totals == [evaluation.energy.total, evaluation.latency.total]
    if not proven:
        output.note(
            f"{result.path}: layer {entry.layer.name} is explained as evaluated now, which is not what the file says"
        )
    return Result(
        status=entry.status if proven else "feasible",  # type: ignore[arg-type]  # checked by the reader
        objective=entry.objective,
        lower_bound=entry.lower_bound,
        gap=entry.gap if proven else None,
        mapping=entry.mapping,
        evaluation=evaluation,
        diagnosis=None,
        conventions=result.conventions.name,
        objective_name=result.objective,
        wall_s=0.0,
    )


def _overview(found: Sequence[Explanation]) -> Any:
    """Return a row per layer: what takes the cycles and the energy."""
    rows = table(
        "~layer",
        ">cycles",
        ">ideal",
        ">waiting",
        "for",
        ">loading",
        ">unloading",
        ">energy pJ",
        "mostly in",
        spare=("unloading", "loading", "ideal"),
    )
    for explained in found:
        facts, latency = explained.facts, explained.facts.evaluation.latency
        energies = facts.evaluation.energy
        memory = max(energies.by_memory, key=lambda name: energies.by_memory[name])
        rows.add_row(
            facts.layer.name,
            count(latency.total),
            share(latency.ideal, latency.total),
            share(latency.temporal_stall, latency.total),
            ", ".join(port.name for port in facts.limiting[:2]),
            share(latency.data_loading, latency.total),
            share(latency.data_unloading, latency.total),
            f"{energies.total:,.0f}",
            f"{memory} ({share(energies.by_memory[memory], energies.total)})",
        )
    first = found[0].facts
    title = f"{plural(len(found), 'layer')} on {first.accelerator.name}, conventions {first.evaluation.conventions}"
    return section(f"{title} (--layer NAME explains one)", rows)
