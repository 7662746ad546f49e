"""Random cases for the comparison with zigzag-dse: a machine, a layer and a valid mapping, from one seed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from tests.differential.zigzag_referee import BUNDLED
from tests.generators import odd_spatial, random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, odd_layer, random_layer
from zzcp import load_accelerator
from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_yaml
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

MAX_CYCLES = 20_000
"""Longest run without stalls: ZigZag lays out every cycle of a run in memory."""
RANDOM_MACHINES = 4
"""Random machines per round of cases."""

_SWAPPED = {"W": "I1", "I": "I2", "O": "O"}


@dataclass(frozen=True)
class Machine:
    """A machine: its name, its file, and our reading of it."""

    name: str
    path: Path
    accelerator: Accelerator

    @property
    def family(self) -> str:
        """Under which name its cases are counted."""
        return "random" if self.name.startswith("random") else self.name


@dataclass(frozen=True)
class Case:
    """A mapping of a layer of some kind on a machine."""

    machine: Machine
    kind: str
    layer: Layer
    mapping: Mapping


@lru_cache(maxsize=1)
def bundled_machines() -> tuple[Machine, ...]:
    """Return the machines that zigzag-dse bundles, by file name."""
    return tuple(Machine(path.stem, path, _read(path)) for path in sorted(BUNDLED.glob("*.yaml")))


def random_machines(folder: Path, number: int, seed: object) -> tuple[Machine, ...]:
    """Return random machines, written to a folder so that ZigZag can read them."""
    machines = []
    for index in range(number):
        name = f"random_{seed}_{index}"
        path = folder / f"{name}.yaml"
        rng = Random(name)
        accelerator = random_accelerator(rng, name)
        if rng.random() < 0.4:  # more room for odd unrollings
            array = accelerator.array
            wider = tuple(rng.choice((6, 8, 12, 16, 20)) for _ in array.sizes)
            accelerator = replace(accelerator, array=replace(array, sizes=wider))
        path.write_text(accelerator_to_yaml(accelerator))
        machines.append(Machine(name, path, _read(path)))
    return tuple(machines)


def _read(path: Path) -> Accelerator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one bundled file has ports in an old form
        return load_accelerator(path)


def draw_case(seed: object, machine: Machine, kind: str) -> Case | None:
    """Return a random case for a machine and a kind of layer; None where nothing that was tried fits.

    A third of the cases have sizes and unrollings that hardly ever divide each other, a tenth a long run.
    """
    rng = Random(f"{seed} {machine.name} {kind}")
    max_cycles = MAX_CYCLES if rng.random() < 0.9 else 10 * MAX_CYCLES
    odd = rng.random() < 0.35
    for _ in range(500):
        layer = random_layer(rng, kind)
        if odd:
            layer = odd_layer(rng, layer)
            spatial = odd_spatial(rng, machine.accelerator, layer)
        else:
            spatial = random_spatial(rng, machine.accelerator, layer)
        if spatial.cycles(layer) > max_cycles or not _has_room(machine.accelerator, layer, spatial):
            continue
        links = _SWAPPED if len(layer.inputs) == 2 and rng.random() < 0.05 else None
        mapping = random_mapping(rng, machine.accelerator, layer, spatial, links=links)
        if mapping is not None:
            return Case(machine, kind, layer, mapping)
    return None


def _has_room(accelerator: Accelerator, layer: Layer, spatial: SpatialMapping) -> bool:
    """Return whether every memory holds what the unrolling alone asks of it; else no mapping is worth trying."""
    used: Counter[str] = Counter()
    for operand, memory_operand in layer.default_links.items():
        bits = layer.precision[operand]
        if operand == layer.output:
            bits = min(bits, layer.final_precision)
        left, lanes = dict(spatial.unrolling), Counter[str]()
        for memory in accelerator.levels(memory_operand):
            for dimension in memory.served_dimensions:
                for dim, factor in left.pop(dimension, ()):
                    lanes[dim] = max(1, lanes[dim]) * factor
            used[memory.name] += layer.tile_size(operand, lanes) * bits
    return all(used[memory.name] <= memory.size for memory in accelerator.memories)


def draw_round(seed: object, folder: Path) -> Iterator[Case]:
    """Yield a case of every kind on every bundled machine and on a few new random ones."""
    for machine in (*bundled_machines(), *random_machines(folder, RANDOM_MACHINES, seed)):
        for kind in KINDS:
            if kind == "one_input" and machine.accelerator.array.in_memory_computing:
                continue  # such an array computes with weights
            case = draw_case(seed, machine, kind)
            if case is not None:
                yield case
