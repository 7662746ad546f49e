"""AccelForge's evaluator as the referee of converted mappings.

``python -m benchmarks.accelforge.referee --live PYTHON``: machines and layers are converted, mappings are proven
optimal here, written as AccelForge's, and scored there: the energies have to be equal. Where they are not, the
difference has a name. PYTHON is one (3.12 or newer) in whose environment accelforge 1.0.467 is installed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.accelforge.machine import CONVENTIONS, layer, machine
from zzcp import Accelerator, InputError, Layer, Result, optimize
from zzcp.conversion import convert, export

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "results" / "accelforge_referee.json"
ARRAY = FOLDER.parents[1] / "tests" / "conversion" / "data" / "array.af.yaml"
"""A machine in AccelForge's format: its own text is scored, with our mapping."""
COUNTED = replace(CONVENTIONS, name="as AccelForge counts", restored_everywhere=True)
"""Operands are read for every operation, and partial sums come back into all lanes that add to them."""
OWN_BITS = 4
"""Pairs whose memories store at bits of their own."""
EQUAL = 1e-6
"""AccelForge's figures may be 32-bit floats."""


@dataclass(frozen=True)
class Pair:
    """A machine and a layer, and how the mapping is searched.

    Parameters
    ----------
    name : str
        What it is called in the results.
    accelerator, layer
        The pair.
    arch : str or None
        AccelForge's own text of the machine, where it is the one that is scored.
    even : bool
        Whether all operands of a memory have one boundary: below a fan-out AccelForge has no others.
    difference : str
        Why the energies differ; empty where they are equal.
    """

    name: str
    accelerator: Accelerator
    layer: Layer
    arch: str | None = None
    even: bool = False
    difference: str = ""


def pairs(count: int) -> Iterator[Pair]:
    """Yield the pairs: GEMMs on a list of memories and on arrays, and convolutions."""
    draw = random.Random(7)
    own: list[Pair] = []
    for i in range(count):
        sizes = {dim: draw.choice((12, 16, 24, 30, 32, 45, 64, 100)) for dim in "mnk"}
        figures = {
            "SRAM_WORDS": draw.choice((512, 2048, 8192)),
            "REG_WORDS": draw.choice((8, 16, 64)),
            "BW_DRAM": draw.choice((0.25, 1)),
            "BW_SRAM": draw.choice((1, 4)),
        }
        yield Pair(f"memories {i}: GEMM {tuple(sizes.values())}", machine(figures), layer(sizes))
        own.append(
            Pair(f"precision {i}: GEMM {tuple(sizes.values())}", _wide(machine(figures)), layer(sizes))
        )
    array, text = _array(65536)
    bits = dict.fromkeys(("W", "I", "O", "O_final"), 8)
    for i in range(count):
        b, k, c = (draw.choice((16, 32, 48, 64, 96)) for _ in range(3))
        gemm = Layer.gemm(b=b, k=k, c=c, precision=bits)
        yield Pair(f"array {i}: GEMM {(b, k, c)}", array, gemm, text, even=True)
    window = (
        "overlap of windows: AccelForge keeps it where a memory stands directly above the loop that slides"
    )
    for i, (k, c, p, r, size) in enumerate(
        (
            (8, 8, 8, 3, 65536),
            (16, 4, 12, 3, 65536),
            (8, 16, 10, 1, 65536),
            (16, 16, 16, 5, 4096),
            (8, 8, 28, 3, 2048),
        )
    ):
        array, text = _array(size)
        conv = Layer.conv(k=k, c=c, oy=p, ox=p, fy=r, fx=r, precision=bits)
        name = f"convolution {i}: K {k} C {c} {p}x{p} {r}x{r}"
        yield Pair(name, array, conv, text, even=True, difference=window if r > 1 else "")
    yield from own[:OWN_BITS]


def _wide(plain: Accelerator) -> Accelerator:
    """Return the machine with memories that store some operands at two or three words each."""
    inner, middle, *others = plain.memories
    inner, middle = (
        replace(inner, precision=(("I2", 32),)),
        replace(middle, precision=(("I1", 48), ("O", 32))),
    )
    return replace(plain, memories=(inner, middle, *others))


def _array(size: int) -> tuple[Accelerator, str]:
    """Return the machine with a buffer of some bits, and AccelForge's text of it."""
    found = convert([str(ARRAY)], settings={"BUFFER_BITS": str(size)}).content
    assert isinstance(found, Accelerator)
    return found, re.sub(r"\{% .* %\}\n", "", ARRAY.read_text()).replace("{{BUFFER_BITS}}", str(size))


def unrollings(pair: Pair, number: int) -> dict[str, dict[str, int]]:
    """Return how a layer is spread over the array: outputs, reductions, or both."""
    if len(pair.accelerator.array.dimensions) < 2:
        return {}
    choices = (
        {"D1": {"K": 4}, "D2": {"C": 8}},
        {"D1": {"C": 4}, "D2": {"K": 8}},
        {"D1": {"B": 4}, "D2": {"K": 8}},
    )
    chosen = choices[number % 3]
    return {
        array_dim: {
            dim: factor for dim, factor in factors.items() if pair.layer.sizes.get(dim, 1) % factor == 0
        }
        for array_dim, factors in chosen.items()
    }


def solve(pair: Pair, number: int) -> Result:
    """Return the mapping with the least energy, and its proof."""
    return optimize(
        pair.accelerator,
        pair.layer,
        "energy",
        spatial=unrollings(pair, number),
        conventions=COUNTED,
        constraints={"even_mapping": True} if pair.even else None,
        time_limit=120,
    )


def main() -> None:
    """Solve, convert and score the pairs; print and keep how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", metavar="PYTHON", required=True, help="a Python with accelforge")
    parser.add_argument("--count", type=int, default=12, help="GEMMs of each kind")
    arguments = parser.parse_args()
    cases = list(pairs(arguments.count))
    with tempfile.TemporaryDirectory() as folder:
        energies: list[tuple[Pair, float]] = []
        files: list[str] = []
        refused: list[dict[str, str]] = []
        for number, pair in enumerate(cases):
            result = solve(pair, number)
            assert result.mapping is not None, pair.name
            assert result.evaluation is not None
            try:
                text = export(pair.accelerator, pair.layer, result.mapping, "accelforge")
            except InputError as error:
                refused.append({"name": pair.name, "reason": str(error)})
                continue
            if pair.arch is not None:
                text = pair.arch + text[text.index("\nworkload:") :]
            path = Path(folder) / f"{number}.yaml"
            path.write_text(text)
            files.append(str(path))
            energies.append((pair, float(result.evaluation.energy.total)))
            print(pair.name, result.status, float(result.evaluation.energy.total), flush=True)
        done = subprocess.run(
            [arguments.live, str(FOLDER / "score.py"), *files], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    scored = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    rows: list[dict[str, Any]] = []
    for (pair, ours), theirs in zip(energies, scored, strict=True):
        ratio = theirs["energy"] / ours
        equal = abs(ratio - 1) < EQUAL
        rows.append(
            {
                "name": pair.name,
                "zzcp": ours,
                "accelforge": theirs["energy"],
                "equal": equal,
                "difference": "" if equal else pair.difference or "NOT EXPLAINED",
            }
        )
        print(rows[-1])
    RESULTS.write_text(
        json.dumps({"accelforge": "1.0.467", "pairs": rows, "refused": refused}, indent=1) + "\n"
    )
    unexplained = [row["name"] for row in rows if row["difference"] == "NOT EXPLAINED"]
    print(
        f"{sum(row['equal'] for row in rows)} of {len(rows)} equal; not explained: {unexplained or 'none'}; "
        f"{len(refused)} that AccelForge cannot express"
    )
    raise SystemExit(bool(unexplained))


if __name__ == "__main__":
    main()
