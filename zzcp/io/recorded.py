"""What a result file records beside its mappings: figures, options and the course of a search, checked key by key.

Every part may have further keys. What the tools read is named here, so that a file that was edited or cut is refused
with its place, and no reader behind this one needs to look again.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from zzcp.io.schema import MAX_TEXT, Flag, Name, Schema, number, unmet


def figure(value: object) -> int | float:
    """Return a number >= 0 as it is in the file: what is whole there stays so."""
    checked = number("a number")(value)
    return value if isinstance(value, int) else checked


def signed(value: object) -> int | float:
    """Return a finite number of any sign as it is in the file."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise unmet("a number")
    return value


def optional_figure(value: object) -> int | float | None:
    """Return a number >= 0, or None."""
    return None if value is None else figure(value)


def words(value: object) -> str:
    """Return text of any lines."""
    if not isinstance(value, str) or len(value) > 10 * MAX_TEXT:
        raise unmet("text")
    return str(value)


def table(value: object) -> dict[str, Any]:
    """Return a mapping with any keys and values."""
    if not isinstance(value, dict):
        raise unmet("a mapping (keys with values)")
    return value


Figure = Annotated[int | float, PlainValidator(figure)]
SignedFigure = Annotated[int | float, PlainValidator(signed)]
"""Slack at a port stood as a negative stall in earlier versions."""
OptionalFigure = Annotated[int | float | None, PlainValidator(optional_figure)]
Words = Annotated[str, PlainValidator(words)]
Table = Annotated[dict[str, Any], PlainValidator(table)]


class Part(Schema):
    """A part of a file of which some keys are read."""

    other_keys = True


class Energy(Part):
    """An energy with its parts."""

    total: Figure
    mac: Figure
    by_memory: dict[Name, Figure]
    by_operand: dict[Name, list[Figure]]


class Latency(Part):
    """A latency with its components."""

    total: Figure
    ideal: Figure
    spatial_stall: Figure
    temporal_stall: Figure
    data_loading: Figure
    data_unloading: Figure
    drain: Figure


class Accesses(Part):
    """How often a memory is read and written for an operand."""

    from_above: Figure
    to_above: Figure
    from_below: Figure
    to_below: Figure


class Shares(Part):
    """How full the memories are, by operand and level."""

    individual: dict[Name, list[Figure]]


class Link(Part):
    """A way between two memories, or a memory and the array."""

    operand: Name
    source: Name
    target: Name
    bytes: Figure
    lower_cycles: Figure
    upper_cycles: Figure
    cycles: Figure
    hidden: Figure
    start: OptionalFigure
    shared: Flag
    ports: list[Name]


class Port(Part):
    """How busy a port is."""

    memory: Name
    port: Name
    busy: Figure
    stall: SignedFigure
    limits: list[Name]


class Evaluation(Part):
    """What a mapping costs, in the form of `Evaluation.to_dict`."""

    edp: Figure
    energy: Energy
    latency: Latency
    accesses: dict[Name, list[Accesses]]
    utilization: Shares
    links: list[Link]
    ports: list[Port]
    double_buffered: dict[Name, list[Flag]]


class Sample(Part):
    """Where a search stood at some time."""

    seconds: Figure
    objective: OptionalFigure
    lower_bound: Figure


class SearchSpace(Part):
    """Among which mappings the bound holds."""

    unrollings: Figure
    solved: Figure
    ruled_out: dict[str, Figure]
    complete: Flag
    description: Words
    freedom: Annotated[dict[str, Any] | None, PlainValidator(lambda value: value and table(value))] = None
    factors: Name = "perfect"
    max_padding: Figure = math.inf


class LeftOut(Part):
    """A node of a workload that is no layer."""

    name: Words
    operator: Words
    reason: Words


class Stay(Part):
    """A tensor that stays on the chip while some layers run."""

    tensor: Words
    memory: Name
    bits: Figure
    layers: list[Words]


class Totals(Part):
    """The layers one after the other; of a network whose layers were solved together also what holds for all."""

    energy: Figure
    latency: Figure
    edp: Figure
    status: Words = ""
    objective: OptionalFigure = None
    lower_bound: OptionalFigure = None
    gap: OptionalFigure = None
    without_residents: OptionalFigure = None
    resident: list[Stay] = Field(default=[])
    tensors: list[Table] = Field(default=[])


class Options(Part):
    """With what the layers were solved."""

    gap: Figure = 0
    seed: Figure = 0
