"""CACTI beside the built-in cost model; needs Python 3.12 or newer with hwcomponents-cacti and networkx installed.

``python benchmarks/cacti.py`` in the folder of the repository prints energies and areas of SRAMs by both, and where
CACTI's fall with the size. The package builds CACTI with make and g++ when installed with ``--no-binary``.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the package need not be installed

from zzcp.costs import Asked, cost_model

WIDTH = 64
ORGANISED = ((1, 1), (2, 1), (4, 1), (1, 4), (2, 4))
"""Ports and banks of the memory that is laid out in several ways."""
SIZES = (2, 4, 8, 16, 32, 33, 40, 48, 64, 128, 256, 512, 1024)
"""KiB."""


def main() -> None:
    """Print both models."""
    models = [cost_model("table@1GHz"), cost_model("cacti@1GHz")]
    print(", ".join(f"{model.name}: {model.version}" for model in models), f"; {WIDTH} bits wide")
    print(
        "KiB   table pJ   cacti pJ (read, write)   table mm2   cacti mm2   leaked in a ns, fJ: table, cacti"
    )
    rows = []
    for size in SIZES:
        table, cacti = (model.memory(Asked(size * 8192, WIDTH)) for model in models)
        rows.append(cacti)
        print(
            f"{size:>4} {table.read:9.2f} {cacti.read:10.2f} {cacti.write:10.2f} {table.area:14.4f} {cacti.area:11.4f}"
            f" {1e3 * (table.leakage or 0):20.4f} {1e3 * (cacti.leakage or 0):9.4f}"
        )
    falls = [
        f"{small} to {large} KiB"
        for (small, before), (large, after) in pairwise(zip(SIZES, rows, strict=True))
        if after.read < before.read
    ]
    print("CACTI's reads cost less from", ", ".join(falls) or "no size to the next")
    for ports, banks in ORGANISED:
        costs = cost_model(f"cacti,banks={banks}@1GHz").memory(Asked(64 * 8192, WIDTH, ports))
        print(
            f"64 KiB, ports {ports}, banks {banks}: {costs.read:.2f} pJ, {costs.write:.2f} pJ, {costs.area:.4f} mm2, "
            f"{1e3 * (costs.leakage or 0):.4f} fJ in a ns"
        )


if __name__ == "__main__":
    main()
