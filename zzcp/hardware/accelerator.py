"""The accelerator: an array and its memory hierarchy, with the queries the cost model and the solver need."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from fractions import Fraction

import networkx as nx

from zzcp.checks import all_of, among, instance, pairs
from zzcp.errors import InputError, Place
from zzcp.hardware.array import OperationalArray
from zzcp.hardware.figures import decimal_of
from zzcp.hardware.imc import CELLS, array_area, check_cells
from zzcp.hardware.memory import MEMORY_OPERANDS, Direction, Memory, Port

MAX_MEMORIES = 64
"""Largest number of memories accepted in a hierarchy."""

Unrolling = dict[str, dict[str, int]]
"""Per array dimension the layer dimensions unrolled on it, with their factors."""


@dataclass(frozen=True)
class Accelerator:
    """An accelerator: the operational array and the memories around it.

    Parameters
    ----------
    name : str
        Name of the machine.
    memories : tuple of Memory
        For every operand from the innermost to the outermost; memories of different operands may come in any
        order. The order defines the levels of each operand and keeps the hierarchy free of cycles.
    array : OperationalArray
        The multiply-accumulate units.
    dataflows : dict, optional
        Spatial unrolling that the file suggests for all layers, per array dimension.
    idle : tuple of Memory
        Memories that hold nothing, since everything bypasses them: they only leak. They stand in no hardware file; see
        `zzcp.mapping.machine`.
    """

    name: str
    memories: tuple[Memory, ...]
    array: OperationalArray
    dataflows: Unrolling | None = field(default=None, hash=False)
    idle: tuple[Memory, ...] = ()

    def __post_init__(self) -> None:
        instance(self.name, str, "name of an accelerator", "a text")
        memories = all_of(self.memories, Memory, f"memories of accelerator {self.name}", "a tuple of Memory")
        object.__setattr__(self, "memories", memories)
        instance(self.array, OperationalArray, f"array of accelerator {self.name}")
        if self.dataflows is not None:
            pairs(self.dataflows, f"dataflows of accelerator {self.name}", "a dictionary per array dimension")
        if not self.memories:
            raise InputError(f"accelerator {self.name} has no memories")
        if len(self.memories) > MAX_MEMORIES:
            raise InputError(
                f"accelerator {self.name} has too many memories",
                expected=f"at most {MAX_MEMORIES}",
                found=str(len(self.memories)),
            )
        names = [memory.name for memory in self.memories]
        if len(set(names)) != len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"accelerator {self.name}: memory name given twice", found=", ".join(repeated))
        for memory in self.memories:
            for dimension in memory.served_dimensions:
                message = f"memory {memory.name} serves a dimension that the array does not have"
                field = f"memories.{memory.name}.served_dimensions"
                among(dimension, self.array.dimensions, message, field=field)
            for i, port in enumerate(memory.ports):
                for dimension in port.shared_along:
                    name = f"memory {memory.name}: port {port.name}"
                    message = f"{name} is shared along a dimension that the array does not have"
                    field = f"memories.{memory.name}.ports[{i}].shared_along"
                    among(dimension, self.array.dimensions, message, field=field)
        self._check_links()
        if self.array.in_memory_computing is not None:
            self._check_cells()
        if self.array.systolic_refill == "per_tile" and len(self._in_every_unit) != 1:
            raise InputError(
                "it is not clear which operand stays in the units of the array",
                place=Place(field="operational_array.systolic_refill"),
                expected="one operand whose innermost memory serves no systolic dimension",
                found=", ".join(self._in_every_unit) or "none",
            )

    def _check_cells(self) -> None:
        """An array that computes in memory takes its weights from the memory ``cells``."""
        cells = next((memory for memory in self.memories if memory.name == CELLS), None)
        if cells is None:
            raise InputError(
                f"accelerator {self.name} computes in memory but has no memory {CELLS!r}",
                place=Place(field="memories"),
                expected=CELLS,
                found=", ".join(memory.name for memory in self.memories),
            )
        try:
            check_cells(self.array, cells.size, cells.operands, cells.served_dimensions)
        except InputError as error:
            error.place = Place(field=f"memories.{CELLS}.{error.place.field}")
            raise
        if self.level_of(cells, "I2") != 0:
            raise InputError(
                f"memory {CELLS} is not the innermost memory of I2",
                place=Place(field=f"memories.{CELLS}.operands"),
                expected=f"{CELLS} before {self.levels('I2')[0].name}",
            )

    def _check_links(self) -> None:
        """Every operand that moves between two levels needs a port on both sides."""
        for operand in self.operands:
            upwards = operand == "O"
            levels = self.levels(operand)
            needed = [
                (memory, direction, f"one, since {operand} moves between {lower.name} and {upper.name}")
                for lower, upper in itertools.pairwise(levels)
                for memory, direction in (
                    (upper, Direction.TO_BELOW),
                    (lower, Direction.FROM_ABOVE),
                    *(((lower, Direction.TO_ABOVE), (upper, Direction.FROM_BELOW)) if upwards else ()),
                )
            ]
            feeds = f"one, since {levels[0].name} feeds {operand} to the array"
            needed.append((levels[0], Direction.TO_BELOW, feeds))
            if upwards:
                needed.append((levels[0], Direction.FROM_BELOW, feeds))
            for memory, direction, expected in needed:
                if memory.port(operand, direction) is None:
                    raise InputError(
                        f"memory {memory.name}: no port moves {operand} in direction {direction.value}",
                        place=Place(field=f"memories.{memory.name}.ports"),
                        expected=expected,
                    )

    @property
    def _in_every_unit(self) -> list[str]:
        """The operands whose innermost memory has an instance for every unit along all systolic dimensions."""
        systolic = set(self.array.systolic_dimensions)
        return [
            operand
            for operand in self.operands
            if not systolic.intersection(self.levels(operand)[0].served_dimensions)
        ]

    @property
    def stationary(self) -> str | None:
        """The memory operand whose tile stays in the units until the array is refilled; None where it never is."""
        return self._in_every_unit[0] if self.array.systolic_refill == "per_tile" else None

    @property
    def operands(self) -> tuple[str, ...]:
        """The memory operands that some memory holds, in the order I1, I2, O."""
        held = {operand for memory in self.memories for operand in memory.operands}
        return tuple(operand for operand in MEMORY_OPERANDS if operand in held)

    def levels(self, operand: str) -> tuple[Memory, ...]:
        """Return the memories that hold an operand, innermost first."""
        return tuple(memory for memory in self.memories if operand in memory.operands)

    def level_of(self, memory: Memory, operand: str) -> int:
        """Return at which of the operand's levels a memory stands, 0 the innermost."""
        return self.levels(operand).index(memory)

    def memory(self, name: str) -> Memory:
        """Return the memory of that name.

        Raises
        ------
        InputError
            If there is none.
        """
        for memory in self.memories:
            if memory.name == name:
                return memory
        known = ", ".join(memory.name for memory in self.memories)
        raise InputError("unknown memory", expected=f"one of {known}", found=name)

    def hierarchy(self) -> nx.DiGraph[str]:
        """Return the memory hierarchy: an edge from each level to the next outer one, labelled with its operands.

        Returns
        -------
        networkx.DiGraph
            Nodes are memory names, with the `Memory` as attribute ``memory``; edges carry ``operands``.
        """
        graph: nx.DiGraph[str] = nx.DiGraph()
        for memory in self.memories:
            graph.add_node(memory.name, memory=memory)
        for operand in self.operands:
            levels = self.levels(operand)
            for lower, upper in itertools.pairwise(levels):
                if graph.has_edge(lower.name, upper.name):
                    graph.edges[lower.name, upper.name]["operands"] += (operand,)
                else:
                    graph.add_edge(lower.name, upper.name, operands=(operand,))
        return graph

    def top(self, operand: str) -> Memory:
        """Return the outermost memory of an operand."""
        return self.levels(operand)[-1]

    def tenants(self, memory: Memory) -> tuple[tuple[str, int], ...]:
        """Return the operands that share a memory, each with its level there."""
        return tuple((operand, self.level_of(memory, operand)) for operand in memory.operands)

    def users(self, memory: Memory, port: Port) -> tuple[tuple[str, int, Direction], ...]:
        """Return what moves through a port: operand, the operand's level of the memory, and direction."""
        return tuple(
            (operand, self.level_of(memory, operand), direction)
            for operand, direction in port.allocation
            if memory.port(operand, direction) is port
        )

    def instances(self, memory: Memory) -> int:
        """Return how often a memory is replicated over the array (1 where it serves every dimension)."""
        return math.prod(
            size
            for dimension, size in zip(self.array.dimensions, self.array.sizes, strict=True)
            if dimension not in memory.served_dimensions
        )

    @property
    def area(self) -> float:
        """Area of the array and of every memory instance, in the unit of the input file.

        Where the array computes in memory, that unit has to be mm^2. ZigZag then adds the area of every memory once,
        that of ``cells`` twice.
        """
        return array_area(self.array) + sum(memory.area * self.instances(memory) for memory in self.memories)

    @property
    def leakage(self) -> Fraction:
        """Energy that the array and every memory instance take per cycle, in the unit of the input file, exactly."""
        memories = (*self.memories, *self.idle)
        return decimal_of(self.array.leakage) + sum(
            decimal_of(memory.leakage) * self.instances(memory) for memory in memories
        )

    @property
    def capacity(self) -> int:
        """Bits in all instances of all memories."""
        return sum(memory.size * self.instances(memory) for memory in self.memories)
