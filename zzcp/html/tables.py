"""The parts that a page shows of the JSON of ``zzcp sweep`` and ``zzcp pareto``, checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from zzcp.cost.objective import OBJECTIVES
from zzcp.documents.scalars import Exponential
from zzcp.io.recorded import Figure, OptionalFigure, Part, Words
from zzcp.io.result import STATUSES
from zzcp.io.schema import Flag, Name, choice, text, unmet

MAX_POINTS = 20_000
"""Most points of a sweep or of a front on a page."""


def _value(value: object) -> int | float | bool | str:
    if isinstance(value, Exponential):
        return float(value)
    if not isinstance(value, bool | int | float | str):
        raise unmet("a value of a field")
    return value


def _anything(value: object) -> Any:
    return value


Value = Annotated[int | float | bool | str, PlainValidator(_value)]
Anything = Annotated[Any, PlainValidator(_anything)]
Objective = Annotated[str, PlainValidator(choice(*OBJECTIVES))]


class Cycles(Part):
    """A latency with those of its components that are shown."""

    total: Figure
    spatial_stall: Figure
    temporal_stall: Figure
    data_loading: Figure
    data_unloading: Figure


class Energy(Part):
    """An energy."""

    total: Figure


class Cost(Part):
    """What a mapping costs."""

    edp: Figure
    energy: Energy
    latency: Cycles


class AxisField(Part):
    """A field that is varied."""

    name: Name


class SweptAxis(Part):
    """Fields that change together, and their values."""

    name: Words
    fields: Annotated[list[AxisField], Field(min_length=1)]
    values: list[list[Value]]
    labels: list[Words]

    @property
    def title(self) -> str:
        """Its name without what the names of all memories begin with."""
        return ", ".join(field.name.removeprefix("memories.") for field in self.fields)


class SweptPoint(Part):
    """What was found for a machine, a layer and an objective."""

    values: dict[str, Value]
    workload: Name
    layer: Name
    objective_name: Objective
    status: Annotated[str, PlainValidator(choice(*STATUSES))]
    objective: OptionalFigure
    lower_bound: OptionalFigure
    gap: OptionalFigure
    wall_s: Figure
    evaluation: Cost | None = None
    diagnosis: Words = ""
    temporal_mapping: Anything = None
    spatial_mapping: Anything = None

    @property
    def proven(self) -> bool:
        """Whether the mapping is a proven optimum."""
        return self.status == "optimal"


class SweptTotal(Part):
    """The layers of a network one after the other, on one machine."""

    values: dict[str, Value]
    workload: Name
    objective_name: Objective
    layers: Figure
    energy: Figure
    latency: Figure
    edp: Figure


class Checked(Part):
    """What the monotonicity theorem says of an axis."""

    axis: Words
    applies: Flag
    holds: Anything
    pairs: Figure
    within: Figure
    more_loading: Figure
    violations: list[Anything]


class SweptTable(Part):
    """The JSON of ``zzcp sweep``."""

    zzcp_version: Annotated[str, PlainValidator(text("the version of zzcp"))]
    accelerator: Name
    conventions: Name
    complete: Flag
    total: Figure
    axes: list[SweptAxis]
    options: dict[str, Anything]
    monotonicity: list[Checked]
    points: Annotated[list[SweptPoint], Field(max_length=MAX_POINTS)]
    totals: Annotated[list[SweptTotal], Field(max_length=MAX_POINTS)]
    inputs: Anything = None


class FrontPoint(Part):
    """A mapping that no other beats in both energy and latency."""

    energy: Figure
    latency: Figure
    edp: Figure
    lower_bound: Figure
    gap: Figure
    supported: Flag
    evaluation: Cost
    temporal_mapping: Anything = None
    spatial_mapping: Anything = None


class FrontLayer(Part):
    """The layer of a front."""

    name: Name


class OpenRange(Part):
    """Latencies at which points could be missing."""

    first: Figure
    last: Figure
    energy: OptionalFigure
    lower_bound: Figure


class FrontTable(Part):
    """The JSON of ``zzcp pareto``."""

    zzcp_version: Annotated[str, PlainValidator(text("the version of zzcp"))]
    accelerator: Name
    layer: FrontLayer
    conventions: Name
    complete: Flag
    statement: Words
    gap: Figure
    points: Annotated[list[FrontPoint], Field(max_length=MAX_POINTS)]
    open: list[OpenRange]
    solved: Figure
    inputs: Anything = None
    options: dict[str, Anything] = Field(default_factory=dict)
