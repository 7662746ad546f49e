"""What a user may ask of a mapping: one small class for every kind of constraint, and a set of them.

All sizes are those of the temporal loops, unless a constraint says otherwise. ``docs/constraints.md`` has an example
of every kind.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from zzcp.checks import entries, repr_of
from zzcp.errors import InputError
from zzcp.mapping.constraints_reader import check_field, read_constraints
from zzcp.mapping.unrolling_constraints import (
    UNROLLING_CONSTRAINTS,
    AllowedDims,
    FixedFactor,
    MinArrayUtilization,
    MostDims,
    UnrollingConstraint,
)

ANY = "*"
"""Stands for any dimension, or a free size, in a loop order."""


@dataclass(frozen=True, slots=True)
class LoopOrder:
    """The whole order of the temporal loops.

    Parameters
    ----------
    loops : tuple of (str, int or None)
        Dimension and size, innermost first. The size None is free: loops of free size over a dimension share what
        those of fixed size leave, and may be 1. The dimension ``*`` stands for any number of loops over dimensions
        that have no loop of free size. A memory level may split a loop.
    """

    loops: tuple[tuple[str, int | None], ...]

    def __str__(self) -> str:
        loops = ", ".join(ANY if dim == ANY else f"{dim} {size or ANY}" for dim, size in self.loops)
        return f"loop order {loops}"


@dataclass(frozen=True, slots=True)
class Innermost:
    """Dimensions whose loops are the innermost ones.

    Parameters
    ----------
    groups : tuple of tuple of str
        Dimensions, the innermost first; those of one group may be mixed.
    """

    groups: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return f"innermost {_groups(self.groups)}"


@dataclass(frozen=True, slots=True)
class Outermost:
    """Dimensions whose loops are the outermost ones.

    Parameters
    ----------
    groups : tuple of tuple of str
        Dimensions, the outermost first; those of one group may be mixed.
    """

    groups: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return f"outermost {_groups(self.groups)}"


@dataclass(frozen=True, slots=True)
class TileSize:
    """Bounds of the iterations of a dimension in the tile that a memory holds.

    Parameters
    ----------
    memory, dim : str
        The memory, and a dimension that changes the operand's data.
    operand : str, optional
        Whose tile; of every operand there that the dimension matters to, if None.
    least, most : int, optional
        Bounds, both included.
    spatial : bool
        Whether the lanes below the memory count: iterations times lanes, at most the size of the dimension.
    """

    memory: str
    dim: str
    operand: str | None = None
    least: int | None = None
    most: int | None = None
    spatial: bool = False

    def __str__(self) -> str:
        whose = f" of {self.operand}" if self.operand else ""
        lanes = " with its lanes" if self.spatial else ""
        return f"tile size {self.dim}{whose} in {self.memory}{lanes} {_bounds(self.least, self.most)}"


@dataclass(frozen=True, slots=True)
class TileElements:
    """Bounds of the elements of a tile in one instance of a memory; the lanes below it count.

    Parameters
    ----------
    memory : str
        The memory.
    operand : str, optional
        Whose tile; of every operand there if None.
    least, most : int, optional
        Bounds, both included.
    """

    memory: str
    operand: str | None = None
    least: int | None = None
    most: int | None = None

    def __str__(self) -> str:
        whose = f" of {self.operand}" if self.operand else ""
        return f"tile elements{whose} in {self.memory} {_bounds(self.least, self.most)}"


@dataclass(frozen=True, slots=True)
class Bypass:
    """An operand that a memory does not hold (see `zzcp.mapping.machine`).

    Parameters
    ----------
    operand, memory : str
        Which operand, and which memory.
    """

    operand: str
    memory: str

    def __str__(self) -> str:
        return f"bypass of {self.memory} by {self.operand}"


@dataclass(frozen=True, slots=True)
class EvenMapping:
    """Operands whose tiles are cut at the same place of the loop order.

    Parameters
    ----------
    groups : tuple of tuple of str, optional
        Memories; the operands of all memories of a group have one boundary. If None, every memory that holds several
        operands is a group.
    """

    groups: tuple[tuple[str, ...], ...] | None = None

    def __str__(self) -> str:
        if self.groups is None:
            return "even mapping"
        return f"even mapping of {_groups(self.groups)}"


@dataclass(frozen=True, slots=True)
class DoubleBuffering:
    """Whether the tiles in a memory that are refilled are kept twice.

    Parameters
    ----------
    memory : str
        The memory.
    twice : bool
        True: each of them is; False: none of them is.
    operand : str, optional
        Whose tile; those of all operands there if None.
    """

    memory: str
    twice: bool
    operand: str | None = None

    def __str__(self) -> str:
        whose = f" of {self.operand}" if self.operand else ""
        return f"double buffering{whose} in {self.memory} {'forced' if self.twice else 'forbidden'}"


@dataclass(frozen=True, slots=True)
class MinUtilization:
    """The share of a memory that tiles must fill, second copies not counted.

    Parameters
    ----------
    memory : str
        The memory.
    share : Fraction
        Of its bits: `Evaluation.utilization.shared`, or `.individual` where an operand is given.
    operand : str, optional
        Whose tile; those of all operands together if None.
    """

    memory: str
    share: Fraction
    operand: str | None = None

    def __str__(self) -> str:
        whose = f" by {self.operand}" if self.operand else ""
        return f"utilization of {self.memory}{whose} at least {float(self.share):g}"


@dataclass(frozen=True, slots=True)
class MaxLatency:
    """A budget for the total latency.

    Parameters
    ----------
    cycles : int
        Most cycles.
    """

    cycles: int

    def __str__(self) -> str:
        return f"latency budget {self.cycles:,} cycles"


@dataclass(frozen=True, slots=True)
class MaxEnergy:
    """A budget for the total energy.

    Parameters
    ----------
    energy : Fraction
        Most energy, in the unit of the accelerator's file (pJ).
    """

    energy: Fraction

    def __str__(self) -> str:
        return f"energy budget {float(self.energy):,.10g} pJ"


Constraint = (
    LoopOrder
    | Innermost
    | Outermost
    | TileSize
    | TileElements
    | Bypass
    | EvenMapping
    | DoubleBuffering
    | MinUtilization
    | MaxLatency
    | MaxEnergy
    | UnrollingConstraint
)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a mapping must obey: all of its items.

    Parameters
    ----------
    items : tuple of Constraint
        The constraints, in the order of the user.
    """

    items: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        kinds = tuple(_CLASSES.values())
        items = entries(self.items, "constraints", "a tuple of constraints")
        for item in items:
            if not isinstance(item, kinds):
                raise InputError(
                    "constraints", expected="constraints; see Constraints.from_dict", found=repr_of(item)
                )
            for entry in fields(item):
                check_field(f"{type(item).__name__}.{entry.name}", entry.name, getattr(item, entry.name))
        object.__setattr__(self, "items", items)

    @classmethod
    def from_dict(cls, data: collections.abc.Mapping[str, Any]) -> Constraints:
        """Read the dictionary form, which is that of the YAML file.

        Parameters
        ----------
        data : mapping
            Keys are kinds of constraints, such as ``loop_order`` or ``max_latency``; see ``docs/constraints.md``.

        Raises
        ------
        InputError
            If something is unknown, of the wrong form or out of range; the place names the field.
        """
        return cls(tuple(_built(kind, fields) for kind, fields in read_constraints(data)))

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_dict` reads."""
        data: dict[str, Any] = {}
        for item in self.items:
            _write(data, item)
        return data

    def field_of(self, item: Constraint) -> str:
        """Return where the dictionary form holds an item, as in ``tile_sizes[0]``."""
        kind = next(name for name, known in _CLASSES.items() if isinstance(item, known))
        match item:
            case TileSize() | TileElements():
                alike = [other for other in self.items if isinstance(other, type(item))]
                return f"{kind}[{alike.index(item)}]"
            case DoubleBuffering() | MinUtilization():
                return ".".join((kind, item.memory) + ((item.operand,) if item.operand else ()))
            case Bypass():
                return f"{kind}.{item.operand}"
        return kind

    def only(self, items: Sequence[Constraint]) -> Constraints:
        """Return some of the constraints, in the order of these."""
        return Constraints(tuple(item for item in self.items if item in items))

    def without(self, *items: Constraint) -> Constraints:
        """Return the constraints but for some of them."""
        return Constraints(tuple(item for item in self.items if item not in items))

    @property
    def on_unrolling(self) -> tuple[UnrollingConstraint, ...]:
        """Those of the unrolling."""
        return tuple(item for item in self.items if isinstance(item, UNROLLING_CONSTRAINTS))

    @property
    def on_loops(self) -> Constraints:
        """All others: what is asked of a mapping once its unrolling is known."""
        return self.without(*self.on_unrolling)

    def __bool__(self) -> bool:
        return bool(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Constraint]:
        return iter(self.items)

    def __str__(self) -> str:
        return "; ".join(map(str, self.items)) or "no constraints"


_CLASSES: dict[str, Any] = {
    "loop_order": LoopOrder,
    "innermost": Innermost,
    "outermost": Outermost,
    "tile_sizes": TileSize,
    "tile_elements": TileElements,
    "bypass": Bypass,
    "even_mapping": EvenMapping,
    "double_buffering": DoubleBuffering,
    "min_utilization": MinUtilization,
    "max_latency": MaxLatency,
    "max_energy": MaxEnergy,
    "min_array_utilization": MinArrayUtilization,
    "allow": AllowedDims,
    "most": MostDims,
    "fix": FixedFactor,
}


def _built(kind: str, fields: dict[str, Any]) -> Constraint:
    item: Constraint = _CLASSES[kind](**fields)
    return item


def _write(data: dict[str, Any], item: Constraint) -> None:
    """Add an item to the dictionary form."""
    match item:
        case LoopOrder(loops):
            data["loop_order"] = [[dim, size or ANY] for dim, size in loops]
        case Innermost(groups):
            data["innermost"] = _plain(groups)
        case Outermost(groups):
            data["outermost"] = _plain(groups)
        case TileSize():
            entry: dict[str, Any] = {"memory": item.memory, "dimension": item.dim}
            lanes = {"spatial": True} if item.spatial else {}
            data.setdefault("tile_sizes", []).append(entry | _limits(item) | lanes)
        case TileElements():
            data.setdefault("tile_elements", []).append({"memory": item.memory} | _limits(item))
        case Bypass(operand, memory):
            data.setdefault("bypass", {}).setdefault(operand, []).append(memory)
        case EvenMapping(groups):
            data["even_mapping"] = True if groups is None else _plain(groups)
        case DoubleBuffering(memory, twice, operand):
            word = "forced" if twice else "forbidden"
            _write_per_operand(data.setdefault("double_buffering", {}), memory, operand, word)
        case MinUtilization(memory, share, operand):
            _write_per_operand(data.setdefault("min_utilization", {}), memory, operand, _number(share))
        case MaxLatency(cycles):
            data["max_latency"] = cycles
        case MaxEnergy(energy):
            data["max_energy"] = _number(energy)
        case MinArrayUtilization(share):
            data["min_array_utilization"] = _number(share)
        case AllowedDims(name, dims):
            _of_array(data, name)["allow"] = list(dims)
        case MostDims(name, most):
            _of_array(data, name)["most"] = most
        case FixedFactor(name, dim, factor):
            _of_array(data, name).setdefault("fix", {})[dim] = factor


def _of_array(data: dict[str, Any], array_dimension: str) -> dict[str, Any]:
    """Return the entry of an array dimension in the dictionary form."""
    entry: dict[str, Any] = data.setdefault("spatial", {}).setdefault(array_dimension, {})
    return entry


def _plain(groups: tuple[tuple[str, ...], ...]) -> list[Any]:
    return [group[0] if len(group) == 1 else list(group) for group in groups]


def _limits(item: TileSize | TileElements) -> dict[str, Any]:
    entry: dict[str, Any] = {} if item.operand is None else {"operand": item.operand}
    if item.least is not None and item.least == item.most:
        return entry | {"equal": item.least}
    bounds = {"min": item.least, "max": item.most}
    return entry | {name: value for name, value in bounds.items() if value is not None}


def _write_per_operand(data: dict[str, Any], memory: str, operand: str | None, value: Any) -> None:
    if operand is None:
        data[memory] = value
    else:
        data.setdefault(memory, {})[operand] = value


def _number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def _groups(groups: tuple[tuple[str, ...], ...]) -> str:
    return ", ".join(group[0] if len(group) == 1 else f"({', '.join(group)})" for group in groups)


def _bounds(least: int | None, most: int | None) -> str:
    if least is not None and least == most:
        return f"equal to {least}"
    parts = [f"at least {least}"] if least is not None else []
    return " and ".join(parts + ([f"at most {most}"] if most is not None else []))


@dataclass(frozen=True, slots=True)
class LayerConstraints:
    """Constraints for the layers of a workload: what a file of constraints holds.

    Parameters
    ----------
    entries : tuple of (str, Constraints)
        Name of a layer, an operator type or ``default``, with the constraints of these layers.
    file : str, optional
        Where they come from.
    """

    entries: tuple[tuple[str, Constraints], ...]
    file: str | None = None

    def for_layer(self, name: str, operator: str) -> Constraints:
        """Return the constraints of a layer: by its name, else by its operator type, else the default, else none."""
        entry = self.entry_for(name, operator)
        return Constraints() if entry is None else self.entries[entry][1]

    def entry_for(self, name: str, operator: str) -> int | None:
        """Return the number of the entry that a layer takes, None where there is none for it."""
        names = [key for key, _ in self.entries]
        return next((names.index(key) for key in (name, operator, "default") if key in names), None)
