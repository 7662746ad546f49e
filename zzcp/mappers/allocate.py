"""Greedy allocation: which memory holds which loops of a given loop order.

Source: ``MemoryAllocator`` of zigzag-dse 3.9.1 (Symons et al., "LOMA", AICAS 2021, section III). Memories are filled
from the innermost outwards. At each, every operand takes some of the next loops of the order; of all combinations that
fit together, the one with the fewest accesses to the levels above counts (the tiles times their refills), among
equals the one that gives most to the operands that the memory lists first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import inf, prod
from typing import Any

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.formulas.links import tile_elements, visits
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, RELEVANT, OperandSetting, Setting, Tenancy
from zzcp.cost.setting.state import OperandState, operand_state
from zzcp.cost.setting_compiler import compile_setting
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.mapping import Loop
from zzcp.workload import Layer


def allocate(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    order: Sequence[tuple[str, int]],
    conventions: CostConventions = EXACT,
    links: dict[str, str] | None = None,
) -> Mapping:
    """Return the mapping of a loop order that ZigZag's allocator finds.

    Parameters
    ----------
    accelerator, layer : Accelerator, Layer
        What runs on what.
    spatial : SpatialMapping
        The unrolling.
    order : sequence of (str, int)
        The temporal loops, innermost first; with the unrolling they must cover the layer.
    conventions : CostConventions
        How the elements of a tile are counted where an unrolling does not divide its dimension.
    links : dict, optional
        Memory operand of every operand, where not the default.

    Raises
    ------
    MappingError
        If a memory is too small for what the loops of the memories below it need, or the unrolling does not fit.
    """
    setting = compile_setting(accelerator, layer, spatial, conventions, links)
    loops = tuple(Loop(dim, size) for dim, size in order)
    queues = [_Queue(setting, operand, loops) for operand in setting.operands]
    for tenancy in setting.tenancies:
        _fill(tenancy, queues)
    allocation = {queue.operand.name: tuple(queue.ends) for queue in queues}
    return Mapping.from_order(spatial, loops, allocation, links=links)


class _Queue:
    """An operand's loops: how many of them the memories so far hold."""

    def __init__(self, setting: Setting, operand: OperandSetting, loops: tuple[Loop, ...]) -> None:
        self.setting, self.operand, self.loops = setting, operand, loops
        self.ends: list[int] = []
        # every loop as a level of its own, so that the states are those of all prefixes of the order
        self.state: OperandState = operand_state(
            operand, tuple((loop,) for loop in loops), same_data_free=False
        )

    @property
    def taken(self) -> int:
        """Loops that the memories so far hold."""
        return self.ends[-1] if self.ends else 0

    def iterations_after(self, end: int) -> int:
        """Return how often the tile of a prefix of the loops is refilled."""
        return prod(loop.size for loop in self.loops[end:])

    def sizes(self, level: int) -> list[Any]:
        """Return the bits that a memory needs for each number of further loops that it can hold alone."""
        memory = self.operand.memories[level]
        precision = self.precision(level)
        whole = self.elements(len(self.loops), level) * precision
        doubles = memory.doubles(self.operand.memory_operand)
        sizes: list[Any] = []
        for end in range(self.taken, len(self.loops) + 1):
            bits = self.elements(end, level) * precision
            if doubles and end < len(self.loops) and bits < whole:
                bits *= 2
            if bits > memory.size:
                break
            sizes.append(bits)
        if not sizes:
            raise MappingError(
                [
                    f"memory {memory.name} holds {memory.size} bits, operand {self.operand.name} needs {bits} there "
                    f"before the memory holds any loop of its own ({bits - memory.size} too many)"
                ]
            )
        return sizes

    def elements(self, end: int, level: int) -> Any:
        """Return the elements of the tile of a prefix of the loops."""
        operand, conventions = self.operand, self.setting.conventions
        if operand.energy.integral:
            return tile_elements(operand, operand.energy, self.state, end, level + 1, conventions, PYTHON)
        # fractions are multiplied in ZigZag's order: another one may round, and decide, differently
        sizes: dict[str, Any] = {}
        ends = [0, *self.ends[:level], end]
        for number, spatial in enumerate(operand.energy.spatial[: level + 1]):
            for dim, size in (*spatial, *self.loops[ends[number] : ends[number + 1]]):
                sizes[dim] = sizes.get(dim, 1) * size
        layer = self.setting.layer
        indices = layer.equation.indices[operand.name]
        windows = {dim: int(size) for dim, size in sizes.items() if operand.kind[dim] == PARTIAL}
        return prod(
            sizes.get(dim, 1) for dim in indices if operand.kind.get(dim) == RELEVANT
        ) * layer.tile_size(operand.name, windows, zigzag=conventions.overcounted_slivers)

    def precision(self, level: int) -> int:
        """Return the bits of an element: of a partial sum while reduction loops, spatial ones included, are left."""
        operand, stored = self.operand, self.operand.stored[level]
        if not operand.is_output:
            return stored.partial
        above = (
            *self.loops[self.taken :],
            *(loop for link in operand.energy.spatial[level + 1 :] for loop in link),
        )
        partial = any(operand.kind[dim] == IRRELEVANT and factor > 1 for dim, factor in above)
        if operand.revisited and not partial:
            # loops of a window that are left visit outputs again
            partial = visits(operand, self.state, self.taken, level + 1, PYTHON) > operand.elements
        return stored.partial if partial else stored.final


def _fill(tenancy: Tenancy, queues: Sequence[_Queue]) -> None:
    """Give a memory its loops of every operand that it holds."""
    memory = tenancy.memory
    tenants = [(queues[operand], level) for operand, level in tenancy.tenants]
    choices: list[list[tuple[int, Any, float]]] = []
    for queue, level in tenants:
        sizes = queue.sizes(level)
        ends = range(queue.taken, queue.taken + len(sizes))
        if level == queue.operand.depth - 1:
            if ends[-1] < len(queue.loops):
                raise MappingError([_too_small_at_the_top(queue, level)])
            choices.append([(ends[-1], sizes[-1], 0)])
        else:
            choices.append(
                [
                    (end, bits, queue.iterations_after(end) * bits)
                    for end, bits in zip(ends, sizes, strict=True)
                ]
            )
    best: tuple[tuple[int, Any, float], ...] | None = None
    fewest = inf
    for combination in product(*choices):
        accesses = sum(cost for _, _, cost in combination)
        if accesses <= fewest and sum(bits for _, bits, _ in combination) <= memory.size:
            best, fewest = combination, accesses
    if best is None:
        needed = sum(options[0][1] for options in choices)
        names = ", ".join(queue.operand.name for queue, _ in tenants)
        raise MappingError(
            [
                f"memory {memory.name} holds {memory.size} bits, operands {names} need {needed} there "
                f"before the memory holds any loop of its own ({needed - memory.size} too many)"
            ]
        )
    for (queue, _), (end, _, _) in zip(tenants, best, strict=True):
        queue.ends.append(end)


def _too_small_at_the_top(queue: _Queue, level: int) -> str:
    memory = queue.operand.memories[level]
    whole = queue.elements(len(queue.loops), level) * queue.precision(level)
    return (
        f"memory {memory.name} is the outermost of operand {queue.operand.name} and holds {memory.size} bits, "
        f"the whole operand needs {whole} ({whole - memory.size} too many)"
    )
