"""What all searches by ranges of one layer share, whatever they minimise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zzcp.cost.constraints.rules import Rule
from zzcp.cost.formulas.core import Model
from zzcp.solver.lattice.factors import Factors
from zzcp.solver.lattice.keys import Key
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import CostTables
from zzcp.solver.ranges.first_pieces import FirstPieces, first_pieces
from zzcp.solver.ranges.relaxation import Relaxation
from zzcp.solver.ranges.rules import NOT_EVEN, Even, even_of, obeying


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The relaxation over all chains of a layer, and what its vectors stand for.

    Parameters
    ----------
    relaxation : Relaxation
        The relaxation, without budgets.
    factors : Factors
        What the vectors of its lattice stand for.
    pieces : FirstPieces or None
        What fills bring before the run, under the scheduled rule.
    even : Even
        Boundaries that share a cut of the loop order.
    """

    relaxation: Relaxation
    factors: Factors
    pieces: FirstPieces | None
    even: Even = NOT_EVEN

    @classmethod
    def of(cls, model: Model, keys: tuple[Key, ...], tables: CostTables) -> Ground:
        """Return what the searches of a layer share.

        Parameters
        ----------
        model : Model
            The compiled setting.
        keys : tuple of Key
            Prime factors of the temporal loops.
        tables : CostTables
            Per operand and link.
        """
        lattice = Lattice(keys, tables)
        relaxation = Relaxation(model, tables, lattice)
        factors = Factors(lattice, model.setting)
        return cls(relaxation, factors, first_pieces(model, lattice))

    def under(self, rules: Sequence[Rule]) -> Ground:
        """Return the same for the mappings that obey some rules; budgets are the search's."""
        lattice = self.relaxation.lattice
        alive = obeying(self.relaxation.model, lattice, rules)
        return replace(self, relaxation=self.relaxation.restricted(alive), even=even_of(rules))
