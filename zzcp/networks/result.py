"""What `optimize_network` returns: the mappings of all layers, the totals, and one bound for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from zzcp.cost.evaluation import plain
from zzcp.frames import frame, html_table
from zzcp.networks.residency import Tensor
from zzcp.solver.result import Result, Status
from zzcp.workload import Layer

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Resident:
    """A tensor that stays on the chip between layers.

    Parameters
    ----------
    tensor : str
        Name of the layer that makes it.
    memory : str
        Where it stays.
    bits : int
        What it takes there.
    layers : tuple of str
        Names of the layers during which it is there, from the one that makes it to the last that reads it.
    """

    tensor: str
    memory: str
    bits: int
    layers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**asdict(self), "layers": list(self.layers)}


@dataclass(frozen=True, slots=True)
class Alone:
    """The network with every layer at its own optimum, beside the optimum of the network.

    Parameters
    ----------
    energy, latency : Fraction
        The sums.
    objective : Fraction
        Of the sums.
    gave_way : tuple of str
        Names of the layers whose mapping in the network's optimum is worse for the layer by itself.
    """

    energy: Fraction
    latency: Fraction
    objective: Fraction
    gave_way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkResult:
    """The outcome of a search over all layers of a network.

    Parameters
    ----------
    status : str
        ``optimal`` (the gap is within the tolerance), ``feasible``, ``infeasible`` or ``unknown``.
    accelerator, network : str
        Names of the machine and the network.
    objective_name, conventions : str
        What was minimised, and what the bound refers to.
    network_layers : tuple of Layer
        The layers that have a result, in the order of the network: all, unless the search was stopped early.
    layers : tuple of Result
        What was found for them; objective, bound and gap of each are those of the layer by itself.
    energy_exact, latency_exact : Fraction
        The sums, over the layers that have a mapping.
    exact : Fraction or None
        The objective of the sums; None where a layer has no mapping.
    lower_bound : float
        The objective of the sums is nowhere less: proven; rounded down.
    gap : float or None
        (objective - lower_bound) / objective.
    slope : float or None
        Every layer's mapping minimises its energy plus this times its latency; None where latency alone counts.
    resident : tuple of Resident
        What stays on the chip.
    alone : Alone or None
        The network with every layer at its own optimum.
    without : Fraction or None
        The objective that was found with nothing staying on the chip, where tensors may.
    tensors : tuple of Tensor
        What could stay on the chip.
    slopes, searches : int
        Slopes that were looked at, and searches of layers for them.
    wall_s : float
        Seconds.
    interrupted : bool
        Whether the user stopped the search.
    faults : tuple of str
        What searches claimed against the evaluator, with the layer; none of it went into the bound.
    """

    status: Status
    accelerator: str
    network: str
    objective_name: str
    conventions: str
    network_layers: tuple[Layer, ...]
    layers: tuple[Result, ...]
    energy_exact: Fraction
    latency_exact: Fraction
    exact: Fraction | None
    lower_bound: float
    gap: float | None
    slope: float | None
    resident: tuple[Resident, ...] = ()
    alone: Alone | None = None
    without: Fraction | None = None
    tensors: tuple[Tensor, ...] = ()
    slopes: int = 0
    searches: int = 0
    wall_s: float = 0.0
    interrupted: bool = False
    faults: tuple[str, ...] = ()

    @property
    def energy(self) -> float:
        """Sum of the layers' energies, in the unit of the machine's file (pJ)."""
        return float(self.energy_exact)

    @property
    def latency(self) -> int | float:
        """Sum of the layers' latencies, in cycles."""
        return plain(self.latency_exact)

    @property
    def objective(self) -> float | None:
        """Objective of the sums."""
        return None if self.exact is None else float(self.exact)

    @property
    def gain(self) -> float | None:
        """By which fraction of it the objective is less than with every layer at its own optimum."""
        if self.alone is None or self.exact is None or not self.alone.objective:
            return None
        return float(1 - self.exact / self.alone.objective)

    def totals(self) -> dict[str, Any]:
        """Return the totals as plain data, for JSON."""
        energy, latency = self.energy, self.latency
        data: dict[str, Any] = {
            "energy": energy,
            "latency": latency,
            "edp": energy * latency,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "status": self.status,
            "slope": self.slope,
            "resident": [entry.to_dict() for entry in self.resident],
        }
        if self.alone is not None:
            data["alone"] = {
                "energy": float(self.alone.energy),
                "latency": plain(self.alone.latency),
                "objective": float(self.alone.objective),
                "gain": self.gain,
                "gave_way": list(self.alone.gave_way),
            }
        if self.tensors:
            data["tensors"] = [tensor.to_dict() for tensor in self.tensors]
        if self.without is not None:
            data["without_residents"] = float(self.without)
        if self.faults:
            data["faults"] = list(self.faults)
        return data | {"slopes": self.slopes, "searches": self.searches}

    def rows(self) -> list[dict[str, Any]]:
        """Return the figures of every layer by name, a dictionary each; see `zzcp.Result.row`."""
        return [
            {"id": layer.id, "layer": layer.name, "operator": layer.operator, **result.row()}
            for layer, result in zip(self.network_layers, self.layers, strict=True)
        ]

    def to_frame(self) -> pandas.DataFrame:
        """Return a DataFrame with a row per layer.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return frame(self.rows())

    def _repr_html_(self) -> str:
        """Return the layers and the totals as a table, for notebooks."""
        shown = ("id", "layer", "operator", "status", "energy", "latency", "edp")
        rows = [{name: row.get(name) for name in shown} for row in self.rows()]
        totals: dict[str, Any] = {"layer": "total", "status": self.status, "energy": self.energy}
        rows.append(totals | {"latency": self.latency, "edp": self.energy * self.latency})
        caption = (
            f"{self.network} on {self.accelerator}, {self.objective_name}, conventions {self.conventions}"
        )
        notes = [] if self.gap is None else [f"proven within {self.gap:.4%} of the totals' optimum"]
        notes += [f"{entry.tensor} stays in {entry.memory}" for entry in self.resident]
        return html_table(caption, rows, notes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "kind": "network",
            "network": self.network,
            "accelerator": self.accelerator,
            "objective": self.objective_name,
            "conventions": self.conventions,
            "layers": [
                {"id": layer.id, "name": layer.name, "operator": layer.operator, **result.to_dict()}
                for layer, result in zip(self.network_layers, self.layers, strict=True)
            ],
            "totals": self.totals(),
        }
