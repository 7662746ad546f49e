"""One pair of the benchmark of the joint search, in a process of its own: its memory is that of this pair alone."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import Any

import numpy as np

from benchmarks.cases import bundled_machines, own_machines
from benchmarks.joint_cases import LAYERS, PRODUCTS
from zzcp import Accelerator, Layer, SpatialMapping, optimize
from zzcp.mapping.default import full_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.solver.unrolling.choices import choices_of

WALL = 50
"""Times as much wall time as processor time, at the most: other work on the machine does not count."""


def main(machine: str, layer: str, seconds: float, sampled: int) -> dict[str, Any]:
    """Search a pair over all unrollings, its full unrolling, and some others by themselves.

    Parameters
    ----------
    machine, layer : str
        Names of the pair.
    seconds : float
        Of processor time, for the joint search and for every other one.
    sampled : int
        Unrollings that are proven by themselves.
    """
    accelerator = {**bundled_machines(), **own_machines()}[machine][1]
    problem = {**LAYERS, **PRODUCTS}[layer]
    first: list[float] = []

    def told(progress: Any) -> None:
        if progress.objective is not None and not first:
            first.append(time.process_time() - started)

    started = time.process_time()
    result = limited(seconds, accelerator, problem, "auto", on_progress=told)
    spent = time.process_time() - started
    space = result.space
    row = {
        "machine": machine,
        "layer": layer,
        "seconds": seconds,
        "status": result.status,
        "unrollings": space.unrollings,
        "distinct": space.unrollings - space.ruled_out.get("equivalent", 0),
        "relaxed": space.ruled_out.get("relaxation", 0),
        "searched": space.solved,
        "complete": space.complete,
        "cpu_s": round(spent, 2),
        "first_s": round(first[0], 2) if first else None,
        "best": result.objective,
        "gap": result.gap,
        "unrolling": None if result.mapping is None else result.mapping.spatial.to_dict(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    alone = limited(seconds, accelerator, problem, full_spatial(accelerator, problem))
    row["full"] = alone.objective
    row["alone_s"] = proofs(accelerator, problem, seconds, sampled)
    return row


def proofs(accelerator: Accelerator, layer: Layer, seconds: float, sampled: int) -> list[float]:
    """Return how long the proofs of some unrollings take, each by itself; 0 for those without a mapping."""
    choices = choices_of(accelerator, layer, Freedom())
    block = choices.sample(100 * max(sampled, 1), np.random.default_rng(0))[:sampled]
    found = []
    for row in block:
        started = time.process_time()
        limited(seconds, accelerator, layer, choices.spatial(row))
        found.append(round(time.process_time() - started, 3))
    return found


def limited(
    seconds: float, accelerator: Accelerator, layer: Layer, spatial: SpatialMapping | Any, **options: Any
) -> Any:
    """Search with a limit of processor time: its end is a Ctrl-C, which keeps the best and the bound."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return optimize(accelerator, layer, spatial=spatial, time_limit=seconds * WALL, **options)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
