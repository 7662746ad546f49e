"""The machine of a command, with a note of what it states and the conventions do not count."""

from __future__ import annotations

import warnings

from zzcp.cost.arguments import not_counted
from zzcp.cost.conventions import CostConventions
from zzcp.hardware import Accelerator
from zzcp.io import load_accelerator


def load_machine(path: str, conventions: CostConventions) -> Accelerator:
    """Read a machine that is scored under some conventions.

    Raises
    ------
    InputError
        If the file is none.

    Warns
    -----
    UserWarning
        If it states something that does not count under these conventions.
    """
    machine = load_accelerator(path)
    for what in not_counted(machine, conventions):
        warnings.warn(
            f"{path}: {what} does not count under the conventions {conventions.name}",
            UserWarning,
            stacklevel=2,
        )
    return machine
