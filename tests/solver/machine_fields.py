"""Random values of the fields of hardware files that ZigZag does not know, for searches against brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from zzcp.hardware import Accelerator

Change = Callable[[Random, Accelerator], Accelerator]
"""Returns a machine with random values of a field."""


def leakage(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine that leaks: from next to nothing to most of the energy, now and then with many digits."""
    scale = 10 ** rng.uniform(-3, 1.5)

    def rate() -> float:
        value = scale * rng.random()
        return rng.choice((0.0, round(value, 3), round(value, 5), value))

    return replace(
        accelerator,
        array=replace(accelerator.array, leakage=rate()),
        memories=tuple(replace(memory, leakage=rate()) for memory in accelerator.memories),
    )


FIELDS: dict[str, Change] = {"leakage": leakage}
"""The fields by name."""
