"""Cycles of a systolic array that is refilled for every tile, beside those of SCALE-Sim 3.0.0.

``python -m benchmarks systolic --scalesim-python VENV/bin/python`` runs both, where VENV has ``scalesim==3.0.0`` and
``numpy==1.26.4``, and renews ``tests/data/scalesim.json``; without it, figures recorded there are compared.

SCALE-Sim's report numbers cycles from 0, so that its total is the number of the last one. Its array is refilled at
every fold, without a second copy; its compute cycles are our ideal cycles, spatial stall and drain. An array counts
with all of its rows and columns, in use or not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

import zzcp
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType

RECORDED = Path(__file__).parents[1] / "tests" / "data" / "scalesim.json"
STATIONARY = {"ws": "I2", "os": "O", "is": "I1"}
"""The memory operand that stays in the units under every dataflow."""
WIDE = 2**20


class Case(NamedTuple):
    """A layer on an array.

    Attributes
    ----------
    dataflow : str
        ``ws``, ``os`` or ``is``.
    rows, columns : int
        Of the array.
    sizes : dict of str to int
        Of a product (m, n, k) or of a convolution (height and width of the input, fy, fx, c, k, stride).
    unrolled : dict of str to dict of str to int
        Per array dimension the factors of the layer's dimensions that fill a fold as SCALE-Sim does.
    """

    dataflow: str
    rows: int
    columns: int
    sizes: dict[str, int]
    unrolled: dict[str, dict[str, int]]

    @property
    def layer(self) -> zzcp.Layer:
        """The layer."""
        sizes = self.sizes
        if "m" in sizes:
            return zzcp.Layer.gemm(b=sizes["m"], k=sizes["n"], c=sizes["k"])
        oy, ox = (
            (sizes[side] - sizes[window]) // sizes["stride"] + 1
            for side, window in (("height", "fy"), ("width", "fx"))
        )
        return zzcp.Layer.conv(
            k=sizes["k"], c=sizes["c"], oy=oy, ox=ox, fy=sizes["fy"], fx=sizes["fx"], stride=sizes["stride"]
        )

    @property
    def name(self) -> str:
        """The case in a few words."""
        shape = " ".join(f"{key} {size}" for key, size in self.sizes.items())
        return f"{self.dataflow} {self.rows}x{self.columns}: {shape}"


def _gemm(dataflow: str, rows: int, columns: int, m: int, n: int, k: int) -> Case:
    along = {"ws": ("C", "K"), "os": ("B", "K"), "is": ("C", "B")}[dataflow]
    lanes = {"B": m, "K": n, "C": k}
    unrolled = {
        name: {dim: min(size, lanes[dim])}
        for name, dim, size in zip(("D1", "D2"), along, (rows, columns), strict=True)
    }
    return Case(dataflow, rows, columns, {"m": m, "n": n, "k": k}, unrolled)


def _conv(dataflow: str, rows: int, columns: int, shape: tuple[int, ...], along: dict[str, int]) -> Case:
    names = ("height", "width", "fy", "fx", "c", "k", "stride")
    sizes = dict(zip(names, shape, strict=True))
    return Case(dataflow, rows, columns, sizes, {"D1": along, "D2": {"K": min(columns, sizes["k"])}})


CASES = (
    *(
        _gemm(dataflow, *sizes)
        for dataflow in STATIONARY
        for sizes in (
            (4, 4, 8, 4, 4),
            (4, 8, 5, 9, 6),
            (8, 4, 3, 3, 20),
            (8, 8, 1, 100, 64),
            (16, 16, 64, 64, 64),
            (16, 8, 33, 17, 65),
            (32, 32, 197, 64, 48),
        )
    ),
    _conv("ws", 8, 8, (10, 10, 3, 3, 8, 16, 1), {"C": 8}),
    _conv("ws", 32, 16, (18, 18, 3, 3, 3, 20, 1), {"C": 3, "FY": 3, "FX": 3}),
    _conv("ws", 16, 16, (7, 7, 1, 1, 40, 24, 1), {"C": 16}),
    _conv("ws", 9, 4, (11, 11, 3, 3, 5, 6, 2), {"FY": 3, "FX": 3}),
    _conv("os", 8, 8, (10, 10, 3, 3, 4, 12, 1), {"OX": 8}),
    _conv("os", 16, 16, (10, 6, 3, 3, 3, 20, 1), {"OX": 4, "OY": 4}),
    _conv("os", 14, 4, (14, 14, 1, 1, 16, 10, 1), {"OX": 14}),
    _conv("os", 5, 8, (11, 11, 3, 3, 5, 9, 2), {"OX": 5}),
)
"""In all of them the folds of the flattened dimensions are those of an unrolling."""


def machine_of(case: Case, copies: int = 1) -> Accelerator:
    """Return the array with registers of the operand that stays in its units, and one memory for everything else."""

    def memory(name: str, size: int, operands: tuple[str, ...], served: tuple[str, ...]) -> Memory:
        ways = tuple(
            Allocation(operand, way)
            for operand in operands
            for way in Direction
            if operand == "O" or way in (Direction.FROM_ABOVE, Direction.TO_BELOW)
        )
        port = Port("port", PortType.READ_WRITE, 8, WIDE, ways)
        return Memory(name, size, 1.0, 1.0, 0.0, 0, operands, (port,), served)

    staying = STATIONARY[case.dataflow]
    bits = case.layer.precision["O"] if staying == "O" else 8
    return Accelerator(
        f"{case.dataflow} array",
        (
            memory("registers", copies * bits, (staying,), ()),
            memory("sram", 2**40, ("I1", "I2", "O"), ("D1", "D2")),
        ),
        OperationalArray(
            ("D1", "D2"),
            (case.rows, case.columns),
            systolic_dimensions=("D1", "D2"),
            systolic_refill="per_tile",
        ),
    )


def evaluation_of(case: Case, copies: int = 1) -> zzcp.Evaluation:
    """Return what the array takes with the loops over a tile that stays innermost."""
    layer, machine = case.layer, machine_of(case, copies)
    spatial = zzcp.SpatialMapping.from_dict(case.unrolled)
    sizes = spatial.temporal_sizes(layer)
    staying = next(
        operand for operand, held in layer.default_links.items() if held == STATIONARY[case.dataflow]
    )
    moving = [dim for dim in sizes if dim in layer.relevance(staying).irrelevant]
    order = [(dim, sizes[dim]) for dim in (*moving, *(dim for dim in sizes if dim not in moving))]
    loops = [loop for loop in order if loop[1] > 1]
    below = sum(dim in moving for dim, _ in loops)
    cuts = {
        operand: [below, len(loops)] if operand == staying else [len(loops)] for operand in layer.operands
    }
    mapping = zzcp.Mapping.from_order(spatial, loops, cuts)
    if copies == 1:
        # finished outputs may be small enough for two copies where partial ones are not
        mapping = mapping.with_buffering(
            {operand: (False,) * (len(cut) - 1) for operand, cut in cuts.items()}
        )
    return zzcp.evaluate(machine, layer, mapping)


def cycles_of(case: Case) -> int:
    """Return the compute cycles, numbered like SCALE-Sim's."""
    latency = evaluation_of(case).latency
    return latency.ideal + latency.spatial_stall + latency.drain - 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite."""
    parser.add_argument("--scalesim-python", help="a Python with scalesim 3.0.0, for the suite systolic")


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> dict[str, Any]:
    """Compare all cases, or the first few, with SCALE-Sim or with what is recorded of it."""
    cases = CASES[:4] if quick else CASES
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {"cycles": []}
    if options.scalesim_python:
        child = Path(__file__).with_name("systolic_child.py")
        done = subprocess.run(
            [options.scalesim_python, str(child)],
            input=json.dumps([case._asdict() for case in cases]),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        recorded = json.loads(done.stdout)
        if not quick:
            names = [case.name for case in cases]
            data = {**recorded, "cases": names}
            RECORDED.write_text(json.dumps(data, indent=1) + "\n")
    table = Table("case", "SCALE-Sim", "zzcp", "difference")
    rows = []
    for case, there in zip(cases, recorded["cycles"], strict=False):
        here = cycles_of(case)
        rows.append({"case": case.name, "scalesim": there, "zzcp": here})
        table.add_row(case.name, str(there), str(here), str(here - there))
    console.print(table)
    return {"cases": rows}
