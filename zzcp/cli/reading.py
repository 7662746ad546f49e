"""How the commands read workloads, and what they tell about it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zzcp.workload import Network

SHOWN = 5
"""Most layers that a note names."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user says about a workload file.

    Parameters
    ----------
    dimensions, precision, operators
        See `zzcp.io.load_workload`.
    """

    dimensions: Mapping[str, int] = field(default_factory=dict)
    precision: Mapping[str, int] | Literal["file"] = "file"
    operators: Literal["macs", "all"] = "macs"

    def load(self, file: str, conventions: str = "exact") -> Network:
        """Return the workload in a file; what the user should know of it is a warning, which commands print as a note.

        Raises
        ------
        InputError
            If the file cannot be read that way.
        """
        from zzcp.io import load_workload  # noqa: PLC0415  (help must not wait for it)

        network = load_workload(
            file, dimensions=self.dimensions, precision=self.precision, operators=self.operators
        )
        notes = list(network.notes)
        if network.crosswise and conventions.startswith("zigzag"):
            notes.append(_crosswise(network.crosswise))
        for note in notes:
            warnings.warn(f"{file}: {note}", UserWarning, stacklevel=2)
        return network


def _crosswise(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return (
        f"ZigZag reads another layer in the place of {shown}: it exchanges rows and columns of filter, stride, "
        "dilation and padding"
    )
