"""A whole network: every layer of ResNet-18 on one machine, equal layers solved once, with totals.

python examples/whole_network.py [--time-limit SECONDS] [--layers N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import zzcp

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Solve the layers one after the other and add up what they cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-limit", type=float, default=60, help="seconds for each layer (default: 60)")
    parser.add_argument("--layers", type=int, help="only the first so many layers")
    arguments = parser.parse_args()
    machine = zzcp.load_accelerator(ROOT / "models" / "accelerators" / "tpu_like.yaml")
    bits = {"W": 8, "I": 8, "O": 16, "O_final": 8}  # quantised: the file itself says float32
    network = zzcp.load_workload(ROOT / "models" / "workloads" / "resnet18.onnx", precision=bits)
    unrollings = zzcp.load_mapping(ROOT / "models" / "mappings" / "tpu_like.yaml")
    solved: dict[object, zzcp.Result] = {}
    energy = cycles = open_layers = 0
    for layer in network.layers[: arguments.layers]:
        shape = layer.signature()
        if shape not in solved:
            spatial = zzcp.SpatialMapping.from_dict(unrollings.for_layer(layer).spatial_mapping).fitted(layer)
            solved[shape] = zzcp.optimize(machine, layer, spatial=spatial, time_limit=arguments.time_limit)
        result = solved[shape]
        energy += result.evaluation.energy.total
        cycles += result.evaluation.latency.total
        open_layers += result.status != "optimal"
        print(
            f"{layer.name[:40]:40} {result.status:8} {result.evaluation.energy.total / 1e6:12.3f} uJ "
            f"{result.evaluation.latency.total:12,} cycles"
        )
    print(f"{len(solved)} different layers solved, {open_layers} layers with an open gap")
    print(f"in all {energy / 1e6:,.3f} uJ and {cycles:,} cycles, one layer after the other")


if __name__ == "__main__":
    main()
