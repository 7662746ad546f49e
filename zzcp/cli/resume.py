"""What an earlier result has proven already, so that ``solve --resume`` goes on where a run was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zzcp.cost import evaluate
from zzcp.cost.objective import objective_of
from zzcp.errors import InputError
from zzcp.io.result import ResultFile, ResultLayer, load_results, located
from zzcp.mapping import SpatialMapping
from zzcp.solver import Result
from zzcp.solver.cache.entry import StaleEntryError, from_entry
from zzcp.solver.job import Job

_SPACE = ("factors", "max_padding")
"""Options that say of which mappings a bound holds."""
_NEEDED = ("status", "lower_bound", "engine", "wall_s", "space")
"""What an entry says beside its mapping."""


def resumed(path: str, tasks: Sequence[Job]) -> dict[object, Result]:
    """Return the results of an earlier run that prove as much as is asked for, scored again, by the shapes of tasks.

    Parameters
    ----------
    path : str
        A result of ``solve``.
    tasks : sequence of Job
        What is to be solved.

    Raises
    ------
    InputError
        If the result is of another machine, objective or conventions, or its figures are not the evaluator's.
    """
    file, first = load_results(path), tasks[0]
    for name, recorded, asked in (
        ("objective", file.objective, first.goal),
        ("conventions", file.conventions.name, first.options.conventions.name),
        ("accelerator", file.accelerator, first.accelerator),
    ):
        if recorded != asked:
            found, expected = (getattr(entry, "name", entry) for entry in (recorded, asked))
            same = " (another one of that name)" if found == expected else ""
            error = InputError(
                "the result to resume is of another run", expected=str(expected), found=f"{found}{same}"
            )
            raise located(error, file, name)
    stated = first.options.stated
    if any(file.data.get("options", {}).get(name) != stated.get(name) for name in _SPACE):
        return {}
    found = {}
    for task in tasks:
        for number, entry in enumerate(file.layers):
            if task.shape not in found and _answers(entry, task):
                try:
                    result = _result(file, entry, task)
                except InputError as error:
                    raise located(error, file, "layers", number) from None
                if result is not None:
                    found[task.shape] = result
    return found


def _answers(entry: ResultLayer, task: Job) -> bool:
    """Return whether an entry is about the same layer, unrollings and constraints as a task."""
    if entry.mapping is None or entry.layer.signature() != task.layer.signature():
        return False
    if entry.mapping.resident or entry.mapping.reserved:
        # of a network: the bound is that of a machine on which tensors of other layers stay
        return False
    if entry.constraints != task.constraints:
        return False
    if entry.layer.default_links | (entry.links or {}) != task.all_links:
        return False
    freedom = entry.space.get("freedom")
    if isinstance(task.spatial, SpatialMapping):
        return freedom is None and entry.spatial == task.spatial
    return bool(freedom == task.spatial.to_dict())


def _result(file: ResultFile, entry: ResultLayer, task: Job) -> Result | None:
    assert entry.mapping is not None
    lacking = [name for name in _NEEDED if name not in entry.data]
    if lacking:
        raise InputError("the result to resume is not whole", expected=f"the key {lacking[0]!r}")
    exact = objective_of(
        evaluate(file.accelerator, task.layer, entry.mapping, file.conventions), file.objective
    )
    if float(exact) != entry.objective:
        raise InputError(
            "the recorded objective is not what the mapping costs",
            expected=repr(float(exact)),
            found=repr(entry.objective),
        )
    known = {
        "faults": [],
        **{name: entry.data[name] for name in _NEEDED},
        "tolerance": float(file.data.get("options", {}).get("gap", 0)),
        "objective": str(exact),
        "mapping": entry.mapping.to_dict(),
    }
    try:
        result = from_entry(known, task.question, task.options.gap)
    except StaleEntryError as error:
        raise InputError(f"the result to resume does not hold: {error}") from None
    return None if result is None else replace(result, cached=False)
