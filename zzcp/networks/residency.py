"""Tensors that stay on the chip between layers: which there are, and the plans of what stays where.

A tensor that one layer makes and later layers read may stay in a memory that the output of the one and the inputs of
the others reach, if there is one of it. Then no transfer above that memory is needed on either side, and its bits, at
final precision or as the memory stores outputs, are taken from it while other layers run, until the last has read it.
A plan is a choice of a memory, or none, for every tensor; the order of the layers is given. Layer by layer, what
matters of the choices before is only which tensors are still there: dynamic programming over the order finds the plan
with the least sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import networkx as nx

from zzcp.checks import integer, repr_of
from zzcp.cost.setting.setting import Bits
from zzcp.cost.setting_compiler import stored_precision
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.networks.tasks import Variant
from zzcp.solver.job import Job
from zzcp.workload import Layer, Network

PASSING = frozenset(
    (
        *("Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "Selu", "HardSigmoid", "HardSwish", "Gelu"),
        *(
            "Softplus",
            "BatchNormalization",
            "Dropout",
            "Identity",
            "Flatten",
            "Reshape",
            "Squeeze",
            "Unsqueeze",
        ),
        "Cast",
    )
)
"""Operators left out of a network that hand their input on as it is, or change every element by itself."""
MOST_AT_ONCE = 6
"""Tensors that may be there at the same time; of more the ones that are there for longest do not stay."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """What one layer makes and others read.

    Parameters
    ----------
    producer : int
        Position of the layer that makes it.
    uses : tuple of (int, str)
        Positions of the layers that read it, with the operand.
    bits : int
        What it takes, at final precision, where a memory states none of its own.
    memories : tuple of str
        Where it may stay.
    """

    producer: int
    uses: tuple[tuple[int, str], ...]
    bits: int
    memories: tuple[str, ...]

    @classmethod
    def from_dict(cls, data: Any) -> Tensor:
        """Read what `to_dict` returns.

        Raises
        ------
        InputError
            If it is something else.
        """
        try:
            uses = tuple(
                (integer(reader, "reader", least=0), str(operand)) for reader, operand in data["uses"]
            )
            return cls(
                integer(data["producer"], "producer", least=0),
                uses,
                integer(data["bits"], "bits", least=0),
                tuple(str(name) for name in data["memories"]),
            )
        except (KeyError, TypeError, ValueError):
            expected = "producer, uses, bits and memories"
            raise InputError("wrong tensor of a network", expected=expected, found=repr_of(data)) from None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, which `from_dict` reads."""
        return {
            "producer": self.producer,
            "uses": [list(use) for use in self.uses],
            "bits": self.bits,
            "memories": list(self.memories),
        }

    @property
    def last(self) -> int:
        """Position of the last layer that reads it."""
        return max(position for position, _ in self.uses)


def tensors_of(network: Network, tasks: Sequence[Job]) -> list[Tensor]:
    """Return the tensors that may stay on the chip, by their producers.

    Left out are tensors that something reads which is no layer, other than operators that hand them on, and those that
    nothing reads: they leave the chip in any case.

    Parameters
    ----------
    network : Network
        Where the layers come from.
    tasks : sequence of Job
        The layers on their machine, in the order in which they run.

    Raises
    ------
    InputError
        If a layer runs before one that it reads from, or reads more of a tensor than there is.
    """
    graph = network.graph()
    position = {task.layer.id: number for number, task in enumerate(tasks)}
    found = []
    for number, task in enumerate(tasks):
        uses = _uses(graph, network, task.layer.id, tasks, position)
        for reader, operand in uses or ():
            _check(task.layer, tasks[reader].layer, operand, number < reader)
        memories = _memories(task, [(tasks[reader], operand) for reader, operand in uses or ()])
        if uses and memories:
            layer = task.layer
            bits = layer.tensor_size(layer.output) * layer.final_precision
            found.append(Tensor(number, tuple(uses), bits, memories))
    return _few_at_once(found, len(tasks))


def _uses(
    graph: nx.DiGraph[int],
    network: Network,
    source: int,
    tasks: Sequence[Job],
    position: dict[int, int],
) -> list[tuple[int, str]] | None:
    """Return the layers that read the output of a node, with their operands; None where something else does."""
    operators = {node.id: node.operator for node in network.skipped}
    result: list[tuple[int, str]] = []
    waiting = [source]
    while waiting:
        node = waiting.pop()
        for reader in sorted(graph.successors(node)):
            if reader in position:
                layer = tasks[position[reader]].layer
                operands = [operand for operand, other in layer.sources.items() if other == node]
                if not operands or layer.output in operands:
                    return None
                result += [(position[reader], operand) for operand in operands]
            elif operators.get(reader) in PASSING and graph.in_degree(reader) == 1:
                if not any(True for _ in graph.successors(reader)):
                    return None
                waiting.append(reader)
            else:
                return None
    return sorted(result) or None


def _check(producer: Layer, reader: Layer, operand: str, before: bool) -> None:
    """Check that a tensor is there, and large enough, when a layer reads it."""
    if not before:
        raise InputError(
            f"layer {reader.name} runs before layer {producer.name}, which it reads from",
            place=Place(field=f"layer {reader.name}.sources.{operand}"),
            expected="layers in the order in which they run",
        )
    made, read = producer.tensor_size(producer.output), reader.tensor_size(operand)
    if read > made:
        raise InputError(
            f"layer {reader.name} reads more of layer {producer.name} than it makes",
            place=Place(field=f"layer {reader.name}.sources.{operand}"),
            expected=f"at most {made} elements",
            found=str(read),
        )


def _memories(task: Job, readers: Sequence[tuple[Job, str]]) -> tuple[str, ...]:
    """Return the memories in which the output of a layer may stay for its readers: below its outermost one."""
    accelerator = task.accelerator
    held = [_levels(task, task.layer.output)[:-1]]
    held += [_levels(reader, operand) for reader, operand in readers]
    return tuple(
        name
        for name in held[0]
        if all(name in names for names in held) and accelerator.instances(accelerator.memory(name)) == 1
    )


def _levels(task: Job, operand: str) -> list[str]:
    return [memory.name for memory in task.accelerator.levels(task.all_links[operand])]


def _few_at_once(tensors: list[Tensor], layers: int) -> list[Tensor]:
    """Return the tensors without those that are there for longest where too many are there at once."""
    kept = list(tensors)
    for number in range(layers):
        while True:
            there = [tensor for tensor in kept if tensor.producer <= number <= tensor.last]
            if len(there) <= MOST_AT_ONCE:
                break
            kept.remove(max(there, key=lambda tensor: (tensor.last - tensor.producer, tensor.producer)))
    return kept


Stays = tuple[tuple[int, str], ...]
"""Numbers of tensors with the memories in which they are."""


@dataclass(slots=True, eq=False)
class ResidentPlans:
    """The plans of a network whose tensors may stay on the chip.

    Parameters
    ----------
    tasks : sequence of Job
        The layers on their machine.
    shapes : sequence of int
        For every layer the number of the first one of its shape.
    tensors : sequence of Tensor
        What may stay.
    """

    tasks: Sequence[Job]
    shapes: Sequence[int]
    tensors: Sequence[Tensor]
    accelerator: Accelerator = field(init=False)
    sizes: dict[str, int] = field(init=False)
    made: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.accelerator = self.tasks[0].accelerator
        self.sizes = {memory.name: memory.size for memory in self.accelerator.memories}
        self.made = {tensor.producer: number for number, tensor in enumerate(self.tensors)}

    def cheapest(
        self, value: Callable[[Variant], Fraction | None]
    ) -> tuple[Fraction, Sequence[Variant]] | None:
        """Return the least sum of values over all plans, and the variants of the layers with it."""
        known: dict[Variant, Fraction | None] = {}
        states: dict[Stays, tuple[Fraction, tuple[Variant, ...]]] = {(): (Fraction(0), ())}
        for number in range(len(self.tasks)):
            following: dict[Stays, tuple[Fraction, tuple[Variant, ...]]] = {}
            for before, (cost, plan) in states.items():
                for stays in self._choices(number, before):
                    variant = self.variant(number, stays)
                    if variant is None:
                        continue
                    if variant not in known:
                        known[variant] = value(variant)
                    more = known[variant]
                    if more is None:
                        continue
                    after = tuple(entry for entry in stays if self.tensors[entry[0]].last > number)
                    if after not in following or cost + more < following[after][0]:
                        following[after] = (cost + more, (*plan, variant))
            states = following
        return min(states.values(), key=lambda entry: entry[0], default=None)

    def _choices(self, number: int, before: Stays) -> list[Stays]:
        """Return what may be there while a layer runs, given what was there before."""
        tensor = self.made.get(number)
        if tensor is None:
            return [before]
        return [before, *((*before, (tensor, memory)) for memory in self.tensors[tensor].memories)]

    def variant(self, number: int, stays: Stays) -> Variant | None:
        """Return what a layer is beside what is there; None where a memory has no room for it."""
        layer = self.tasks[number].layer
        resident: dict[str, str] = {}
        reserved: dict[str, int] = {}
        for index, memory in stays:
            tensor = self.tensors[index]
            counted = 0
            own = [layer.output] if tensor.producer == number else []
            for operand in (*own, *(operand for reader, operand in tensor.uses if reader == number)):
                resident[operand] = memory
                counted += layer.tensor_size(operand) * self._stored(number, operand, memory).least
            left = max(0, self.taken(tensor, memory) - counted)
            if left:
                reserved[memory] = reserved.get(memory, 0) + left
        if any(bits >= self.sizes[memory] for memory, bits in reserved.items()):
            return None
        return Variant(
            self.shapes[number],
            tuple((operand, resident[operand]) for operand in layer.operands if operand in resident),
            tuple(sorted(reserved.items())),
        )

    def taken(self, tensor: Tensor, memory: str) -> int:
        """Return the bits that a tensor takes in a memory."""
        layer = self.tasks[tensor.producer].layer
        return layer.tensor_size(layer.output) * self._stored(tensor.producer, layer.output, memory).final

    def _stored(self, number: int, operand: str, memory: str) -> Bits:
        task = self.tasks[number]
        held = self.accelerator.memory(memory)
        return stored_precision(task.layer, operand, task.all_links[operand], held, task.options.conventions)

    def staying(self, plan: Sequence[Variant]) -> list[tuple[Tensor, str]]:
        """Return which tensors stay in a plan, and where."""
        found = []
        for tensor in self.tensors:
            output = self.tasks[tensor.producer].layer.output
            memory = dict(plan[tensor.producer].resident).get(output)
            if memory is not None:
                found.append((tensor, memory))
        return found
