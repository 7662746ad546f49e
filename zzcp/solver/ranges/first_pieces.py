"""What must be there before the run and leaves after it, for chains of a lattice (the scheduled rule of loading).

A fill that happens more than once brings all of its tile. One that happens once brings what the array uses at once, or
a tile of the highest level beneath it that is refilled (`zzcp.cost.formulas.loading`, rule 1). Tiles grow with their
level, so that the first piece is the largest of these. Both the relaxation's terms and the labels count what they know
of it; of a whole chain the pieces are known, and so is their shortest schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.pieces import least_cycles
from zzcp.solver.ranges.terms import least_piece, with_latency


class FirstPieces:
    """The first pieces of all fills, by the vectors of the boundaries.

    Parameters
    ----------
    model : Model
        The compiled setting, under the scheduled rule.
    lattice : Lattice
        The lattice; which vectors are alive does not matter.
    """

    def __init__(self, model: Model, lattice: Lattice) -> None:
        self._model = model
        self._fills = {
            (fill.operand, fill.link): fill
            for chain in (*model.plan.inputs, model.plan.output)
            for fill in chain
        }
        self._counted: dict[Place, Array] = {}
        self._whole: dict[Place, Array] = {}
        self._beneath: dict[Place, list[tuple[Place, Array]]] = {}
        states = {place: lattice.all_states(place) for place in lattice.alive}
        for place in self._fills:
            look()
            operand, link = place
            row = lattice.tables[operand]
            self._counted[place] = least_piece(model, row, link)[states[place]]
            self._whole[place] = row[link].fill[states[place]]
            self._beneath[place] = [
                (
                    (operand, below),
                    least_cycles(model, operand, link, below, row[below])[states[operand, below]],
                )
                for below in range(1, link)
                if row[link].room.any()
            ]

    def uncounted(self, place: Place, chain: Mapping[Place, Array]) -> Array | None:
        """Return the cycles of a first piece that the terms do not know of; None if there are none.

        Parameters
        ----------
        place : Place
            The boundary that is filled.
        chain : mapping of Place to ndarray of int
            The vectors of it and of those beneath it.
        """
        if not self._beneath.get(place):
            return None
        return np.asarray(self._piece(place, chain) - self._counted[place][chain[place]])

    def _piece(self, place: Place, chain: Mapping[Place, Array]) -> Array:
        piece = self._counted[place][chain[place]]
        for beneath, reached in self._beneath[place]:
            piece = np.maximum(piece, reached[chain[beneath]])
        return np.minimum(piece, self._whole[place][chain[place]])

    def scheduled(self, chain: Mapping[Place, Array]) -> tuple[Array, Array]:
        """Return the cycles of loading and of unloading that the first pieces of whole chains take.

        Parameters
        ----------
        chain : mapping of Place to ndarray of int
            The vectors of all boundaries.
        """
        plan = self._model.plan
        pieces = {place: self._piece(place, chain) for place in self._fills}
        cycles = {
            (number, step): pieces[fill.operand, fill.link]
            for number, fills in enumerate(plan.inputs)
            for step, fill in enumerate(fills)
        }
        nothing = np.zeros(len(next(iter(chain.values()))))
        unloading: Any = 0
        for fill in plan.output:
            unloading = unloading + with_latency(fill, pieces[fill.operand, fill.link])
        return nothing + plan.shortest(cycles, NUMPY)[0], nothing + unloading


def first_pieces(model: Model, lattice: Lattice) -> FirstPieces | None:
    """Return the first pieces under the scheduled rule, None under ZigZag's; parameters as for `FirstPieces`."""
    if model.setting.conventions.combined_loading:
        return None
    return FirstPieces(model, lattice)
