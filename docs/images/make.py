"""Draw the pictures of docs/plots.md again: python docs/images/make.py."""

from __future__ import annotations

import json
from pathlib import Path

from zzcp import load_accelerator
from zzcp.io.result import load_results
from zzcp.plot import (
    energy_figure,
    entries_of,
    hierarchy_figure,
    latency_figure,
    nest_figure,
    pareto_figure,
    progress_figure,
    save,
    sweep_figure,
)
from zzcp.plot.progress import samples_of

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "plot" / "data"


def main() -> None:
    """Write every picture next to this file."""
    results = [load_results(DATA / f"{name}.json") for name in ("small", "large")]
    both = entries_of(results, layers=("conv",), labels=("1/2/4 KB", "8/64/1024 KB"))
    tables = {name: json.loads((DATA / f"{name}.json").read_text("utf-8")) for name in ("sweep", "pareto")}
    figures = {
        "latency": latency_figure(both),
        "latency-log": latency_figure(both, log=True),
        "energy": energy_figure(both),
        "nest": nest_figure(both[0]),
        "hierarchy": hierarchy_figure(load_accelerator(ROOT / "models" / "accelerators" / "tpu_like.yaml")),
        "progress": progress_figure(samples_of(both[0])),
        "sweep": sweep_figure(tables["sweep"]),
        "pareto": pareto_figure(tables["pareto"]),
    }
    for name, figure in figures.items():
        save(figure, Path(__file__).parent / f"plot-{name}.png", dpi=110)


if __name__ == "__main__":
    main()
