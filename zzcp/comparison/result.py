"""What a comparison returns: all layers, how every mapper did over them, and what refutes a proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zzcp.comparison.layers import SOLVER, ComparedLayer, Standing, standing_of, value_of
from zzcp.comparison.table import COLUMNS, csv_table, layer_rows, reference_name
from zzcp.errors import ZzcpError
from zzcp.frames import frame, html_table
from zzcp.hardware import Accelerator
from zzcp.records.layers import SolvedLayer
from zzcp.records.solved import solved_data
from zzcp.records.sources import Sources
from zzcp.workload import SkippedNode

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mappers against proven optima.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    objective, conventions : str
        What was minimised, and how costs were counted.
    layers : tuple of ComparedLayer
        The layers; those of equal shape share their results.
    names : tuple of str
        The mappers.
    options : mapping
        Limits and seed.
    interrupted : bool
        Whether the user stopped it, so that layers or mappers are missing.
    left_out : tuple of SkippedNode
        What of the workload is not compared, and why.
    """

    accelerator: Accelerator
    objective: str
    conventions: str
    layers: tuple[ComparedLayer, ...]
    names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    left_out: tuple[SkippedNode, ...] = ()

    @property
    def refutations(self) -> tuple[str, ...]:
        """Mappings that contradict what is proven, in words. There must be none."""
        return tuple(dict.fromkeys(text for layer in self.layers for text in layer.refutations))

    @property
    def unproven(self) -> tuple[ComparedLayer, ...]:
        """The layers whose distances refer to a lower bound, since the solver did not close the gap."""
        return tuple(
            layer for layer in self.layers if not layer.proven and layer.result.status != "infeasible"
        )

    @property
    def different(self) -> tuple[ComparedLayer, ...]:
        """The layers whose shape no earlier one has: the others share their results."""
        shapes: dict[object, ComparedLayer] = {}
        for entry in self.layers:
            shapes.setdefault((entry.layer.signature(), entry.spatial, _links(entry)), entry)
        return tuple(shapes.values())

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The solver, then every mapper, over all layers."""
        return (self._solver(), *(self._standing(name) for name in self.names))

    def standing(self, name: str) -> Standing:
        """Return how one mapper (or ``zzcp``, the solver) did."""
        return next(standing for standing in self.standings if standing.name == name)

    def _solver(self) -> Standing:
        distances = []
        for layer in self.layers:
            value, reference = value_of(layer.result), layer.reference
            if value is not None and reference is not None:
                distances.append(float(value / reference - 1))
        return standing_of(
            SOLVER,
            [layer.result.evaluation for layer in self.layers if layer.result.evaluation is not None],
            distances,
            None,
            sum(layer.result.wall_s for layer in self.different),
            [layer.close_s for layer in self.layers],
        )

    def _standing(self, name: str) -> Standing:
        found = [mapper for layer in self.layers for mapper in layer.mappers if mapper.name == name]
        once = [mapper for layer in self.different for mapper in layer.mappers if mapper.name == name]
        return standing_of(
            name,
            [mapper.evaluation for mapper in found if mapper.evaluation is not None],
            [mapper.distance for mapper in found if mapper.distance is not None],
            sum(mapper.evaluations for mapper in once),
            sum(mapper.wall_s for mapper in once),
            [None if mapper.close is None else mapper.close.seconds for mapper in found],
        )

    def to_dict(self, inputs: Sources | None = None) -> dict[str, Any]:
        """Return the JSON of ``zzcp compare``: a result of ``solve`` with the mappers in every layer.

        Parameters
        ----------
        inputs : mapping of str to Source, optional
            The files that the inputs come from, by their roles.
        """
        data = solved_data(
            version("zzcp"),
            self.accelerator,
            self.objective,
            self.conventions,
            [SolvedLayer(entry.layer, entry.result) for entry in self.layers],
            self.left_out,
            inputs,
            self.options,
        )
        for layer, entry in zip(data["layers"], self.layers, strict=True):
            layer["reference"] = reference_name(entry)
            layer["within_1_percent"] = None if entry.close_s is None else {"wall_s": round(entry.close_s, 6)}
            layer["mappers"] = [mapper.to_dict() for mapper in entry.mappers]
            layer["refutations"] = list(entry.refutations)
        data["standings"] = [standing.to_dict() for standing in self.standings]
        data["interrupted"] = self.interrupted
        return data

    def to_csv(self) -> str:
        """Return a row per layer and mapper, the solver included, and the totals."""
        return csv_table(self.layers, self.standings)

    def rows(self) -> list[dict[str, Any]]:
        """Return a dictionary per layer and mapper, the solver included, with the columns of the CSV."""
        return [dict(zip(COLUMNS, row, strict=True)) for row in layer_rows(self.layers)]

    def to_frame(self) -> pandas.DataFrame:
        """Return a DataFrame with a row per layer and mapper, the solver included.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return frame(self.rows(), COLUMNS)

    def _repr_html_(self) -> str:
        """Return the table for notebooks: layers and mappers, then how each mapper did over all layers."""
        shown = (
            "layer",
            "mapper",
            "status",
            "objective",
            "distance",
            "energy_pJ",
            "latency_cycles",
            "seconds",
        )
        rows = [{name: row[name] for name in shown} for row in self.rows()]
        rows += [
            {
                "layer": "geometric mean",
                "mapper": standing.name,
                "distance": standing.mean,
                "energy_pJ": standing.energy,
                "latency_cycles": standing.latency,
            }
            for standing in self.standings
        ]
        caption = f"{self.objective} on {self.accelerator.name}, conventions {self.conventions}"
        return html_table(caption, rows, [*self.refutations])


def _links(entry: ComparedLayer) -> object:
    mapping = entry.result.mapping
    return None if mapping is None or mapping.links is None else tuple(sorted(mapping.links.items()))


class RefutedProofError(ZzcpError):
    """A mapping is better than what was proven to be the best: a bug of zzcp, never a matter of the input.

    Parameters
    ----------
    comparison : Comparison
        The whole comparison, with the mapping in question.
    """

    exit_code = 5

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        super().__init__(
            "a proof is refuted, please report this as a bug of zzcp: " + "; ".join(comparison.refutations)
        )
