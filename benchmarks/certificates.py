"""What a certificate of a search by ranges would hold, and what its check would take, on the layers of `verification`.

With the optimum known, the ranges and their multipliers rule out all but a few vectors of every boundary. A checker
must go through the chains of these that are not above the chord. Here they are counted one by one, without the
dominance, the labels and the bounds of `zzcp.solver.ranges.enumeration`: as plain code of a checker would do it.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from benchmarks.pages import replace_part, table
from benchmarks.verification import MACHINES, MODELS, NETWORKS, PRECISION, ROOT, layers
from zzcp import Layer, SpatialMapping, load_accelerator, load_mapping, load_workload, optimize
from zzcp.cost.conventions import EXACT
from zzcp.cost.evaluator import Evaluator
from zzcp.hardware import Accelerator
from zzcp.solver.lattice.keys import Array
from zzcp.solver.ranges.enumeration import Enumeration
from zzcp.solver.ranges.goals import curve_of
from zzcp.solver.ranges.multipliers import Line
from zzcp.solver.ranges.ranges import RangeSearch, Steps
from zzcp.solver.search.shared import Shared

PAGE = ROOT / "docs" / "verify.md"
MOST = 1_000_000
"""Lower parts of chains that are counted at most."""


class Entry(NamedTuple):
    """A range that multipliers do not rule out by themselves: the vectors that they leave, and chains of these.

    Attributes
    ----------
    vectors : int
        Of all boundaries.
    parts, chains : int
        Lower parts of chains that are not above the chord, and whole chains.
    """

    vectors: int
    parts: int
    chains: int


class _Counting(RangeSearch):
    """A search by ranges that counts the chains that are left instead of completing them."""

    def __init__(self, shared: Shared, value: Fraction) -> None:
        goal, scale = curve_of("edp", shared.tables.scale)
        best = float(value * scale)
        steps = Steps(
            value=lambda: best,
            complete=lambda chains: [True] * len(chains),
            glance=lambda _: None,
            improve=lambda: None,
            tell=lambda _: None,
            goes_on=lambda: True,
            closed=lambda: False,
            tolerance=1e-6,
            labels=0,
            briefly=False,
        )
        super().__init__(shared.ground, goal, steps)
        self.entries: list[Entry] = []
        self.ranges = 0

    def _range(self, part: Any) -> Any:
        self.ranges += 1
        return super()._range(part)

    def _enumerate(self, part: Any, line: Line, weights: Array, alive: Any) -> tuple[float, bool]:
        search = Enumeration(part.relaxation, self.ground, line, weights, part.high, self.goal)
        left = sum(int(vectors.sum()) for vectors in alive.values())
        self.entries.append(Entry(left, *_counted(search, part.relaxation.constant(line, weights))))
        return np.inf, False


def _counted(search: Enumeration, constant: float) -> tuple[int, int]:
    """Return how many lower parts of chains, and chains, are not above the chord."""
    vectors, depths = search.factors.vectors, search.lattice.depths
    none = tuple(0 for _ in depths)
    waiting = [(none, np.zeros(vectors.shape[1], dtype=vectors.dtype), -1, constant)]
    parts = chains = 0
    while waiting and parts < MOST:
        counts, at, last, cost = waiting.pop()
        parts += 1
        chains += counts == depths
        for operand, depth in enumerate(depths):
            if counts[operand] == depth:
                continue
            among = search.candidates[operand, counts[operand]][counts]
            near = (cost + among.relaxed + among.beyond <= 1 + 1e-9) & (vectors[among.at] >= at).all(axis=1)
            following = (*counts[:operand], counts[operand] + 1, *counts[operand + 1 :])
            for number in np.flatnonzero(near):
                vector = vectors[among.at[number]]
                if last <= operand or (vector != at).any():  # at one point operands follow in their order
                    waiting.append((following, vector, operand, cost + among.relaxed[number]))
    return parts, chains


def of_layer(machine: Accelerator, layer: Layer, spatial: SpatialMapping) -> dict[str, Any]:
    """Search a layer, and count what a certificate of its optimum would hold."""
    started = time.process_time()
    result = optimize(machine, layer, spatial=spatial)
    searched = time.process_time()
    assert result.objective is not None
    shared = Shared(Evaluator(machine, layer, spatial, EXACT))
    search = _Counting(shared, Fraction(result.objective))
    search.run()
    return {
        "layer": layer.name,
        "search_s": searched - started,
        "check_s": time.process_time() - searched,
        "multipliers": len(search.relaxation.latency) + len(search.relaxation.capacity),
        "ranges": search.ranges,
        "entries": search.entries,
    }


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Count over all layers, print a table and write it into docs/verify.md."""
    cells, rows = [], []
    precision = {name: int(bits) for name, bits in (part.split("=") for part in PRECISION.split(","))}
    networks = {
        name: load_workload(MODELS / "workloads" / f"{name}.onnx", precision=precision) for name in NETWORKS
    }
    for name in MACHINES[: 1 if quick else None]:
        machine = load_accelerator(MODELS / "accelerators" / f"{name}.yaml")
        stated = load_mapping(MODELS / "mappings" / f"{name}.yaml")
        own = []
        for network, numbers in NETWORKS.items():
            for layer in (networks[network].layer(found) for found in layers(network, numbers)):
                spatial = SpatialMapping.from_dict(stated.for_layer(layer).spatial_mapping or {})
                own.append(of_layer(machine, layer, spatial.fitted(layer)))
                console.print(name, own[-1])
        entries = [entry for row in own for entry in row["entries"]]
        most = [max((entry[field] for entry in entries), default=0) for field in range(3)]
        seconds = [f"{sum(row[field] for row in own):.1f}" for field in ("search_s", "check_s")]
        figures = [sum(row["ranges"] for row in own), max(row["multipliers"] for row in own), *most]
        cells.append([name, str(len(own)), *(f"{figure:,}" for figure in figures), *seconds])
        rows += [{**row, "machine": name} for row in own]
    if not quick:
        head = [
            "machine",
            "layers",
            "ranges",
            "multipliers of one",
            "vectors",
            "parts of chains",
            "chains",
            "search s",
            "check s",
        ]
        replace_part("certificates", table(head, cells), PAGE)
    return {"layers": rows}
