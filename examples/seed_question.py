"""Why do smaller memories load faster? The question that began zzcp, answered with measured figures.

    python examples/seed_question.py [--picture FILE.png]

Two Eyeriss-like 4x4 arrays that differ in the size of three memories run a layer of 100 x 100 x 100, once as a matrix
product and once as a 1x1 convolution. For each the mapping that ZigZag's heuristic found and the proven optimum are
scored side by side; then the memories grow in steps, each step solved to proven optimality.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import zzcp
from zzcp.io import load_mapping_source

ROOT = Path(__file__).resolve().parents[1]
MACHINES = {"1/2/4 KB": "1_2_4", "8/64/1024 KB": "8_64_1024"}
UNROLLING = zzcp.load_mapping(ROOT / "models" / "mappings" / "seed_mapping.yaml")
VERSIONS = (zzcp.ZIGZAG_3_0, zzcp.ZIGZAG, zzcp.EXACT)
STEPS_KB = ((1, 2, 4), (2, 8, 32), (4, 32, 256), (8, 64, 1024))
"""Sizes of the memories for partial sums, weights, and activations with outputs."""


def load(name: str) -> zzcp.Accelerator:
    """Read one of the two machines."""
    return zzcp.load_accelerator(ROOT / "models" / "accelerators" / f"seed_eyeriss_{name}.yaml")


def show_versions(layer: zzcp.Layer) -> None:
    """Print how the heuristic's mappings count under the rules of three tools."""
    print(f"{layer.name}: the mapping that a heuristic found, as different rules count it")
    print(f"  {'memories':>13} {'rules':>11} {'loading':>8} {'unloading':>10} {'total':>9} {'energy uJ':>10}")
    for label, name in MACHINES.items():
        source = load_mapping_source(ROOT / "examples" / "seed" / f"{layer.name}_{name}.yaml")
        mapping = zzcp.Mapping.from_dict(source.by_layer[None])
        for rules in VERSIONS:
            found = zzcp.evaluate(load(name), layer, mapping, conventions=rules)
            cycles, energy = found.latency, found.energy.total / 1e6
            print(
                f"  {label:>13} {rules.name:>11} {cycles.data_loading:>8,} {cycles.data_unloading:>10,} "
                f"{cycles.total:>9,} {energy:>10.3f}"
            )


def show_optima(layer: zzcp.Layer) -> None:
    """Print the proven optimum of both machines, component by component."""
    print(f"{layer.name}: the best mapping there is (least energy x delay), proven")
    spatial = UNROLLING.for_layer(layer).spatial_mapping
    results = {label: zzcp.optimize(load(name), layer, spatial=spatial) for label, name in MACHINES.items()}
    print(f"  {'':>15}" + "".join(f"{label:>16}" for label in results))
    rows = ("ideal", "temporal_stall", "data_loading", "data_unloading", "total")
    for row in rows:
        values = (getattr(result.evaluation.latency, row) for result in results.values())
        print(f"  {row:>15}" + "".join(f"{value:>16,}" for value in values))
    energies = (result.evaluation.energy.total / 1e6 for result in results.values())
    print(f"  {'energy uJ':>15}" + "".join(f"{energy:>16.3f}" for energy in energies))
    print(f"  {'status':>15}" + "".join(f"{result.status:>16}" for result in results.values()))


def sweep(layer: zzcp.Layer, picture: str | None) -> None:
    """Let the memories grow, solve every step, and draw loading and optimum."""
    sizes = [tuple(kb * 8000 for kb in step) for step in STEPS_KB]
    names = "memories.sram_8KB.size,memories.sram_64KB.size,memories.sram_1M.size"
    table = zzcp.sweep(load("1_2_4"), layer, {names: sizes}, spatial=UNROLLING)
    print(f"{layer.name}: growing memories, every row a proven optimum")
    print(f"  {'KB':>13} {'loading':>8} {'total':>9} {'energy uJ':>10} {'EDP':>12}")
    loading, products = [], []
    for step, point in zip(STEPS_KB, table.points, strict=True):
        evaluation = point.outcome.data["evaluation"]
        loading.append(evaluation["latency"]["data_loading"])
        products.append(evaluation["edp"])
        print(
            f"  {'/'.join(map(str, step)):>13} {loading[-1]:>8,} {evaluation['latency']['total']:>9,} "
            f"{evaluation['energy']['total'] / 1e6:>10.3f} {products[-1]:>12.4e}"
        )
    assert products == sorted(products, reverse=True), "more memory made the optimum worse"
    if picture:
        draw(loading, products, picture)


def draw(loading: list[float], products: list[float], picture: str) -> None:
    """Draw the cycles of loading and the energy-delay product over the memory sizes."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(7, 5), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True)
    labels = ["/".join(map(str, step)) for step in STEPS_KB]
    upper.bar(labels, loading, color="#0072B2", width=0.5)
    upper.set_ylabel("data loading [cycles]")
    upper.set_title("Larger memories: the loading may grow, the optimum never gets worse")
    lower.plot(labels, products, color="#D55E00", marker="o")
    lower.set_ylim(bottom=0)
    lower.set_ylabel("proven least EDP [pJ x cycles]")
    lower.set_xlabel("memories for partial sums / weights / activations [KB]")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=150, metadata={"Software": None})


def main() -> None:
    """Answer the question."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", metavar="FILE", help="draw the sweep (needs the extra 'plot')")
    arguments = parser.parse_args()
    network = zzcp.load_workload(ROOT / "models" / "workloads" / "seed_workload.yaml")
    for layer in network.layers:
        show_versions(layer)
        show_optima(layer)
        print()
    sweep(network.layers[0], arguments.picture)


if __name__ == "__main__":
    main()
