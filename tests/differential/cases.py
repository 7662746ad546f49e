"""Random cases for the comparison with zigzag-dse: a machine, a layer and a valid mapping, from one seed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from tests.differential.zigzag_referee import BUNDLED
from tests.generators import KINDS, random_accelerator, random_layer, random_mapping, random_spatial
from zzcp import load_accelerator
from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_yaml
from zzcp.mapping import Mapping
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
        path.write_text(accelerator_to_yaml(random_accelerator(Random(name), name)))
        machines.append(Machine(name, path, _read(path)))
    return tuple(machines)


def _read(path: Path) -> Accelerator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one bundled file has ports in an old form
        return load_accelerator(path)


def draw_case(seed: object, machine: Machine, kind: str, max_cycles: int = MAX_CYCLES) -> Case | None:
    """Return a random case for a machine and a kind of layer; None where nothing that was tried fits."""
    rng = Random(f"{seed} {machine.name} {kind}")
    for _ in range(100):
        layer = random_layer(rng, kind)
        spatial = random_spatial(rng, machine.accelerator, layer)
        if spatial.cycles(layer) > max_cycles:
            continue
        links = _SWAPPED if len(layer.inputs) == 2 and rng.random() < 0.05 else None
        mapping = random_mapping(rng, machine.accelerator, layer, spatial, links=links)
        if mapping is not None:
            return Case(machine, kind, layer, mapping)
    return None


def draw_round(seed: object, folder: Path) -> Iterator[Case]:
    """Yield a case of every kind on every bundled machine and on a few new random ones."""
    for machine in (*bundled_machines(), *random_machines(folder, RANDOM_MACHINES, seed)):
        for kind in KINDS:
            if kind == "one_input" and machine.accelerator.array.in_memory_computing:
                continue  # such an array computes with weights
            case = draw_case(seed, machine, kind)
            if case is not None:
                yield case
