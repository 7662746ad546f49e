"""Energy tables of Accelergy (ERT), as Timeloop reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from zzcp.conversion.arithmetic import finite
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part

_RANGE = re.compile(r"\[.*?\]")
_AT_REST = ("leak", "idle")
"""Actions that are no operation."""


def read_table(ert: Part, notes: Notes) -> dict[str, dict[str, Fraction]]:
    """Return the energy of every action of every component, by the last part of its name.

    Parameters
    ----------
    ert : Part
        What stands under ``ERT``.
    notes : Notes
        Where remarks go.

    Returns
    -------
    dict
        pJ by component and action; of several figures of an action the largest, which Timeloop takes.

    Raises
    ------
    InputError
        If the table has another form.
    """
    tables: dict[str, dict[str, Fraction]] = {}
    for table in ert.at("tables").items():
        name = _RANGE.sub("", table.at("name").text("the name of a component")).rpartition(".")[2]
        actions = tables.setdefault(name, {})
        for action in table.at("actions").items():
            what = action.at("name").text("the name of an action")
            energy = finite(action.at("energy"), {}, "an energy in pJ")
            if what in actions and actions[what] != energy:
                notes.assume(f"of several energies of {what} of {name} the largest counts, as in Timeloop")
            actions[what] = max(energy, actions.get(what, energy))
    if not tables:
        raise ert.error("no energies", expected="tables, a list with name and actions of every component")
    return tables


def operation(actions: Mapping[str, Fraction]) -> Fraction | None:
    """Return the energy of an operation of the units, whatever the action is called."""
    energies = [energy for name, energy in actions.items() if name not in _AT_REST]
    return max(energies, default=None)
