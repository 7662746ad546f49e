"""What the evaluator is timed on: machines, layers, unrollings and random valid mappings."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np

from zzcp import Accelerator, Layer, SpatialMapping, load_accelerator
from zzcp.cost import EXACT, ZIGZAG
from zzcp.cost.batch import MappingBatch, evaluate_batch

LAYERS = {
    "resnet18 conv1": Layer.conv(k=64, c=3, oy=112, ox=112, fy=7, fx=7, stride=2, padding=3),
    "resnet18 conv2": Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3, padding=1),
    "resnet18 fc": Layer.conv(k=1000, c=512),
    "mobilenet depthwise": Layer.depthwise(g=144, oy=56, ox=56, fy=3, fx=3, padding=1),
    "gemm 512": Layer.gemm(b=512, k=512, c=512),
}


def bundled_machines() -> dict[str, tuple[Path, Accelerator]]:
    """Return the machines that zigzag-dse bundles: file and our reading, by file name."""
    import zigzag  # noqa: PLC0415 - an optional dependency

    folder = Path(next(iter(zigzag.__path__))) / "inputs" / "hardware"
    return {path.stem: (path, read_machine(path)) for path in sorted(folder.glob("*.yaml"))}


def own_machines() -> dict[str, tuple[Path, Accelerator]]:
    """Return the machines of this project."""
    folder = Path(__file__).parents[1] / "models" / "accelerators"
    return {path.stem: (path, read_machine(path)) for path in sorted(folder.glob("*.yaml"))}


def read_machine(path: Path) -> Accelerator:
    """Read a machine without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_accelerator(path)


def unrolling(accelerator: Accelerator, layer: Layer, *, dividing: bool) -> SpatialMapping:
    """Unroll one dimension of the layer on each dimension of the array, by a factor that divides it or does not.

    The largest factors that fit; where every factor divides, the largest of those.
    """
    left = [dim for dim in ("K", "G", "C", "OX", "OY", "B", "FX", "FY") if layer.sizes.get(dim, 1) > 1]
    result = []
    for dimension, lanes in zip(accelerator.array.dimensions, accelerator.array.sizes, strict=True):
        if not left:
            break
        dim = left.pop(0)
        most = min(lanes, layer.sizes[dim])
        fitting = [factor for factor in range(1, most + 1) if (layer.sizes[dim] % factor == 0) == dividing]
        result.append((dimension, ((dim, max(fitting, default=most)),)))
    return SpatialMapping(tuple(result))


def random_mappings(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, number: int, seed: int = 0
) -> MappingBatch | None:
    """Return random valid mappings: any order of the prime factors, any boundaries that fit; None if none do."""
    rng = np.random.default_rng(seed)
    names = list(layer.sizes)
    loops = [
        (names.index(dim), prime)
        for dim, size in spatial.temporal_sizes(layer).items()
        for prime in _prime_factors(size)
    ]
    levels = {operand: len(accelerator.levels(link)) for operand, link in layer.default_links.items()}
    parts: list[MappingBatch] = []
    for _ in range(200):
        batch = _draw(rng, np.array(loops).reshape(-1, 2), levels, 2048)
        valid = [evaluate_batch(accelerator, layer, spatial, batch, c).valid for c in (ZIGZAG, EXACT)]
        parts.append(pick(batch, np.flatnonzero(np.logical_and(*valid))))
        if sum(len(part) for part in parts) >= number:
            return pick(join(parts), np.arange(number))
    found = join(parts)
    # a machine with tiny memories: few boundaries fit, so the mappings repeat
    return pick(found, np.arange(number) % len(found)) if len(found) else None


def _draw(rng: np.random.Generator, loops: np.ndarray, levels: dict[str, int], number: int) -> MappingBatch:
    count = len(loops)
    order = np.argsort(rng.random((count, number)), axis=0)
    # boundaries are drawn low more often than high, or small memories would hardly ever hold a tile
    lean = rng.choice((1.0, 2.0, 4.0), number)
    ends = {
        operand: np.concatenate(
            [
                np.sort((rng.random((depth - 1, number)) ** lean * (count + 1)).astype(np.int64), axis=0),
                np.full((1, number), count),
            ]
        )
        for operand, depth in levels.items()
    }
    return MappingBatch(loops[:, 0][order], loops[:, 1][order], ends)


def pick(batch: MappingBatch, columns: np.ndarray) -> MappingBatch:
    """Return some mappings of a batch."""
    return MappingBatch(
        batch.dims[:, columns],
        batch.sizes[:, columns],
        {operand: ends[:, columns] for operand, ends in batch.ends.items()},
    )


def join(parts: list[MappingBatch]) -> MappingBatch:
    """Return all mappings of several batches."""
    return MappingBatch(
        np.concatenate([part.dims for part in parts], axis=1),
        np.concatenate([part.sizes for part in parts], axis=1),
        {
            operand: np.concatenate([part.ends[operand] for part in parts], axis=1)
            for operand in parts[0].ends
        },
    )


def _prime_factors(number: int) -> list[int]:
    factors = []
    for prime in range(2, math.isqrt(number) + 1):
        while number % prime == 0:
            factors.append(prime)
            number //= prime
    return factors + [number] * (number > 1)
