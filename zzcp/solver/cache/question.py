"""What an optimum and its proof depend on, and a hash of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from zzcp.cost.conventions import CostConventions
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.freedom import Freedom
from zzcp.workload import Layer

_ROOMS = ("cost", "hardware", "mapping", "solver", "workload")
"""What of the package decides what a mapping costs and what is proven of it."""


@dataclass(frozen=True)
class Question:
    """A layer on a machine, and what is asked of its mapping.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    spatial : SpatialMapping or Freedom
        The unrolling, or what it may be.
    objective : Objective or WeightedSum
        What is minimised.
    conventions : CostConventions
        How costs are counted.
    links : mapping of str to str or None
        Memory operand of every operand, where it is not the default.
    constraints : Constraints
        What the mapping must obey.
    options : mapping
        Whatever else changes what is found, such as seed and engine. Limits and the gap do not belong here: what is
        proven holds whatever they were.
    """

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping | Freedom
    objective: Goal
    conventions: CostConventions
    links: Mapping[str, str] | None
    constraints: Constraints
    options: Mapping[str, Any]

    @property
    def content(self) -> list[Any]:
        """All of it as plain data; names of machines, layers and conventions do not count."""
        named = type(self.spatial).__name__
        return [
            code_version(),
            _without(self.accelerator, "name", "dataflows"),
            self.layer.signature(),
            [named, self.spatial.to_dict()],
            str(self.objective),
            _without(self.conventions, "name"),
            sorted((self.links or self.layer.default_links).items()),
            self.constraints.to_dict(),
            sorted(self.options.items()),
        ]

    @property
    def key(self) -> str:
        """A hash of the content, in hexadecimal digits."""
        return sha256(json.dumps(self.content, separators=(",", ":")).encode()).hexdigest()


def _without(entry: Any, *names: str) -> list[list[str]]:
    """Return the fields of a dataclass as text, but for some."""
    return [[part.name, repr(getattr(entry, part.name))] for part in fields(entry) if part.name not in names]


@cache
def code_version() -> str:
    """Return a hash of the code that counts and proves, in hexadecimal digits.

    A number of a version would have to be raised by hand with every change of a formula; forgotten once, it would give
    away figures of another model.
    """
    package = Path(__file__).parents[2]
    found = sha256()
    for path in sorted(path for room in _ROOMS for path in (package / room).rglob("*.py")):
        found.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
