"""First steps: read a machine, describe a layer, find its best mapping and look at what it costs.

python examples/first_steps.py
"""

from __future__ import annotations

from pathlib import Path

import zzcp

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Solve one layer and print what was found."""
    machine = zzcp.load_accelerator(ROOT / "models" / "accelerators" / "eyeriss_like.yaml")
    layer = zzcp.Layer.conv(k=64, c=32, oy=28, ox=28, fy=3, fx=3, padding=1)
    print(f"{layer.equation}: {layer.macs:,} operations on {machine.name}, {machine.array.units} units")

    best = zzcp.optimize(machine, layer, spatial="full")  # without `spatial` it is chosen, too
    cost = best.evaluation
    print(f"{best.status}: no mapping with this unrolling is better than {best.gap:.1e} of this one")
    print(f"energy  {cost.energy.total / 1e6:10.3f} uJ")
    print(f"latency {cost.latency.total:10,} cycles, {cost.latency.ideal:,} of them without any waiting")
    for memory, energy in sorted(cost.energy.by_memory.items(), key=lambda entry: -entry[1]):
        print(f"  {memory:20} {energy / cost.energy.total:6.1%} of the energy")

    print("the loops, and the memory that holds what lies below them, innermost first:")
    for operand, levels in best.mapping.to_dict()["temporal_mapping"].items():
        print(
            f"  {operand}: "
            + " | ".join(" ".join(f"{dim}{size}" for dim, size in level) or "-" for level in levels)
        )

    # any other mapping is scored by the same evaluator: here the same one without double buffering
    single = best.mapping.with_buffering(
        {operand: [False] * len(flags) for operand, flags in cost.double_buffered.items()}
    )
    print(f"without double buffering: {zzcp.evaluate(machine, layer, single).latency.total:,} cycles")


if __name__ == "__main__":
    main()
