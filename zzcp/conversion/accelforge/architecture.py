"""AccelForge's architectures to accelerators.

What fields mean is what AccelForge 1.0.467 does with them: an action moves ``bits_per_action`` bits, fewer cost in
proportion; the time of a component is the sum over its actions unless ``total_latency`` says otherwise; a fan-out at a
node multiplies the node and all that is below it. A cycle is the time of one operation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from zzcp.conversion.accelforge.einsums import einsums
from zzcp.conversion.accelforge.latency import timing
from zzcp.conversion.accelforge.sets import tensors
from zzcp.conversion.accelforge.workload import Key, operand_bits
from zzcp.conversion.arithmetic import Number, at_least, finite, number, values_of, whole
from zzcp.conversion.levels import FanOut, Level, Units, accelerator
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.conversion.source import Source
from zzcp.hardware import Accelerator, energies
from zzcp.hardware.memory import MEMORY_OPERANDS

JOULE = 10**12
"""pJ of the unit in which AccelForge's component models give energies."""
_GROUPS = ("Hierarchical", "Arch")
_SPATIAL = (
    "name",
    "fanout",
    "may_reuse",
    "reuse",
    "min_usage",
    "power_gateable",
    "usage_scale",
    "loop_bounds",
)


def read_machine(source: Source, given: Mapping[str, str], notes: Notes) -> Accelerator:
    """Return the accelerator that AccelForge's files describe.

    Parameters
    ----------
    source, given, notes
        As for `zzcp.conversion.timeloop.architecture.read_machine`; a workload among the files says what tensors are.

    Raises
    ------
    InputError
        If there is something in them that makes no machine.
    """
    arch = source.part("arch")
    assert arch is not None
    names: dict[str, Any] = {}
    for part in (source.part("variables"), arch.at("variables")):
        for entry in part.entries() if part else ():
            names[entry.key] = number(entry, names, "a number")
    names |= _bits(source, given)
    nodes = list(_flat(arch.at("nodes")))
    if not nodes or nodes[-1].tag != "Compute":
        raise arch.error("no units", expected="a !Compute node at the end")
    computes = [node for node in nodes if node.tag == "Compute"]
    units = computes[-1]
    for node in computes[:-1]:
        notes.miss(f"{_name(node)} (!Compute)", f"it is left out: layers are computed by {_name(units)}")
    reader = _Reader(names, _tensor_names(source, given), notes)
    cycle = reader.operation(units)
    hierarchy: list[Level | FanOut] = []
    for node in nodes:
        if node.tag == "Compute" and node is not units:
            continue
        if node is not units and node.at("enabled").exists and node.at("enabled").scalar("") is False:
            notes.assume(f"{_name(node)} is left out: enabled is false")
            continue
        hierarchy += reader.fan_outs(node)
        if node.tag == "Memory" and (level := reader.memory(node, cycle)):
            hierarchy.append(level)
    name = arch.document.file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    _remarks(source, notes)
    return accelerator(name or "accelforge", hierarchy, reader.units(units, cycle), notes)


def _flat(nodes: Part) -> list[Part]:
    """Return the nodes in their order, those in groups among them."""
    found: list[Part] = []
    for node in nodes.items():
        if node.tag in _GROUPS:
            found += _flat(node.at("nodes"))
        elif node.tag in ("Memory", "Compute", "Container", "Fanout"):
            found.append(node)
        else:
            raise node.error(
                "a node that is not understood",
                expected="!Memory, !Compute, !Container, !Fanout or !Hierarchical",
                found=f"!{node.tag}" if node.tag else "no tag",
                hint="of a machine with others, write the part that zzcp can express",
            )
    return found


def _name(node: Part) -> str:
    return node.at("name").text("a name")


def _tensor_names(source: Source, given: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return memory operands by the names that an architecture may use for tensors."""
    words = {"input": "I1", "weight": "I2", "output": "O"}
    names = {word: frozenset((operand,)) for word, operand in words.items()}
    names["Inputs"], names["Outputs"] = frozenset(("I1", "I2")), frozenset(("O",))
    workload = source.part("workload")
    if workload is not None:
        for einsum in einsums(workload):
            for tensor, operand in einsum.operands(given).items():
                names.setdefault(tensor, frozenset((operand,)))
    names |= {tensor: frozenset((operand,)) for tensor, operand in given.items()}
    return names


def _bits(source: Source, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the tensors of a workload as values of expressions, such as ``weight.bits_per_value``."""
    workload = source.part("workload")
    if workload is None:
        return {}
    first = einsums(workload)[0]
    bits = operand_bits(first, workload, first.operands(given))
    words = {"I": "input", "W": "weight", "O": "output"}
    return {words[name]: {"bits_per_value": value} for name, value in bits.items() if name in words}


class _Reader:
    """Reads nodes under the values of variables and the names of tensors."""

    def __init__(self, names: Mapping[str, Any], operands: dict[str, frozenset[str]], notes: Notes) -> None:
        self.names, self.operands, self.notes = names, operands, notes
        self.kept = False

    def fan_outs(self, node: Part) -> list[FanOut]:
        """Return the fan-outs that stand at a node."""
        found = []
        for spatial in node.at("spatial").items():
            label = f"{spatial.at('name').text('a name')} of {_name(node)}"
            found.append(FanOut(label, whole(spatial.at("fanout"), self.scope(node), "a fan-out")))
            for key in spatial.names():
                if key not in _SPATIAL:
                    self.notes.miss(f"{key} of the fan-out {label}", "it is not looked at")
            for key in ("reuse", "min_usage", "loop_bounds"):
                if spatial.at(key).exists:
                    self.notes.miss(
                        f"{key} of the fan-out {label}",
                        "any loops may be unrolled there; a mapping file with spatial_mapping_hint limits them",
                    )
            gated = spatial.at("power_gateable")
            if gated.exists and gated.scalar("true or false"):
                self.notes.miss(
                    f"power_gateable of the fan-out {label}", "instances that are not in use leak, too"
                )
            may = spatial.at("may_reuse")
            if may.exists and tensors(may, self.operands, frozenset(MEMORY_OPERANDS)) != set(MEMORY_OPERANDS):
                self.notes.miss(
                    f"may_reuse of the fan-out {label}",
                    "what several units need is read once for all of them here",
                )
        return found

    def scope(self, node: Part) -> dict[str, Any]:
        """Return the names that an expression in a node may use: variables, and the numbers of the node."""
        return values_of(node, self.names, (dict, list, bool))

    def operation(self, node: Part) -> Fraction:
        """Return the time of one operation of the units, which is a cycle."""
        actions = self.actions(node)
        rates = {"compute": self.throughput(actions.get("compute"), node)}
        time = timing(node, rates, self.scope(node), self.notes).times["compute"]
        if time == 0 or (isinstance(time, float) and math.isinf(time)):
            self.notes.assume(f"{_name(node)} takes no time: a cycle is the unit of time")
            return Fraction(1)
        self.notes.assume(f"a cycle is the time of one operation of {_name(node)}: {float(time):g}")
        return Fraction(time)

    def units(self, node: Part, cycle: Fraction) -> Units:
        """Return energy, area and leakage of the units."""
        action = self.actions(node).get("compute")
        energy = self.energy(action, node)
        if energy is None:
            energy = Fraction(repr(energies.MULTIPLY_ACCUMULATE)) / JOULE
            self.notes.assume(
                f"{_name(node)} has no energy in the file: {energies.MULTIPLY_ACCUMULATE:g} pJ, by docs/models.md"
            )
        return Units(energy, self.area(node), self.leakage(node, cycle))

    def memory(self, node: Part, cycle: Fraction) -> Level | None:
        """Return the level that a memory is, None where it holds nothing."""
        operands = self.held(node)
        if not operands:
            self.notes.assume(f"{_name(node)} keeps nothing and is left out")
            return None
        size = at_least(
            node.at("size"), self.scope(node), "bits (weight and other tensors are known with a workload)"
        )
        limit = None if isinstance(size, float) else math.floor(size)
        actions = self.actions(node)
        bits = {kind: self.bits(actions.get(kind), node) for kind in ("read", "write")}
        rates = {kind: self.throughput(actions.get(kind), node) for kind in ("read", "write")}
        times = timing(node, rates, self.scope(node), self.notes)
        parallel = (
            finite(node.at("n_parallel_instances"), self.names, "a number", 1)
            if (node.at("n_parallel_instances").exists)
            else 1
        )
        widths = {
            kind: None if not time else cycle * bits[kind] * Fraction(parallel) / Fraction(time)
            for kind, time in times.times.items()
        }
        shared = times.shared and None not in widths.values()
        if shared and widths["read"] != widths["write"]:
            lower, higher = sorted((widths["read"], widths["write"]), key=lambda width: width or 0)
            self.notes.miss(
                f"one port of {_name(node)} with two speeds",
                f"{float(lower or 0):g} bits per cycle for both directions, not {float(higher or 0):g} for one",
            )
            widths = dict.fromkeys(widths, lower)
        costs = {kind: self.cost(actions.get(kind), node, bits[kind], limit) for kind in ("read", "write")}
        return Level(
            _name(node), limit, costs["read"], costs["write"], 1, widths["read"], widths["write"], shared, operands,
            self.area(node), dram=limit is None, leakage=self.leakage(node, cycle) * Fraction(parallel),
            precision=self.precision(node),
        )  # fmt: skip

    def precision(self, node: Part) -> tuple[tuple[str, int], ...]:
        """Return the bits at which a memory stores operands, where these are its own."""
        found: dict[str, int] = {}
        for entry in node.at("bits_per_value").entries():
            bits = whole(entry, self.scope(node), "a number of bits")
            found |= dict.fromkeys(
                tensors(Key(entry.document, entry.path), self.operands, frozenset(MEMORY_OPERANDS)), bits
            )
        return tuple((operand, found[operand]) for operand in MEMORY_OPERANDS if operand in found)

    def held(self, node: Part) -> tuple[str, ...]:
        """Return the operands that a memory holds: what it keeps, and what it may keep."""
        universe = frozenset(MEMORY_OPERANDS)
        stated = node.at("tensors")
        keep, may = stated.at("keep"), stated.at("may_keep")
        kept = tensors(keep, self.operands, universe) if keep.exists else frozenset()
        # where neither is there, the mapper decides, as with may_keep: All
        allowed = (
            tensors(may, self.operands, universe)
            if may.exists
            else (frozenset() if keep.exists else universe)
        )
        if not keep.exists and not self.kept:
            self.notes.miss(
                f"{_name(node)}, the outermost memory, without keep",
                "AccelForge leaves it out, and its traffic is free; here it holds what it may",
            )
        free = allowed - kept
        if free and self.kept:
            self.notes.miss(
                f"may_keep of {_name(node)} ({', '.join(sorted(free))})",
                "held there always; a constraint bypass leaves one out",
            )
        self.kept = True
        self.operands[_name(node)] = kept | allowed
        return tuple(operand for operand in MEMORY_OPERANDS if operand in kept | allowed)

    def actions(self, node: Part) -> dict[str, Part]:
        """Return the actions of a component by their names."""
        return {action.at("name").text("a name"): action for action in node.at("actions").items()}

    def bits(self, action: Part | None, node: Part) -> Fraction:
        """Return the bits that an action moves; one where the file says nothing."""
        for part in (action, node):
            if part is not None and part.at("values_per_action").exists:
                self.notes.miss(
                    f"values_per_action of {_name(node)}",
                    "bits_per_action counts, whatever a value has of them",
                )
            if part is not None and part.at("bits_per_action").exists:
                return finite(part.at("bits_per_action"), self.scope(node), "bits", 1)
        return Fraction(1)

    def scaled(self, key: str, action: Part | None, node: Part) -> Fraction:
        """Return the product of a scale of an action and of its component."""
        scale = Fraction(1)
        for part in (action, node):
            if part is not None and part.at(key).exists:
                scale *= finite(part.at(key), self.scope(node), "a factor")
        return scale

    def throughput(self, action: Part | None, node: Part) -> Number | None:
        """Return the actions per unit of time, None where the file does not say it."""
        if action is None:
            return None
        if action.at("throughput").exists:
            rate = at_least(action.at("throughput"), self.scope(node), "actions per unit of time")
        elif action.at("latency").exists:
            latency = finite(action.at("latency"), self.scope(node), "a time")
            rate = math.inf if latency == 0 else 1 / latency
        else:
            return None
        counted = self.scaled("actions_scale", action, node)
        if isinstance(rate, float) or not counted:
            return math.inf
        rate = rate * self.scaled("throughput_scale", action, node) / counted
        if not rate:
            raise action.error(f"actions of {_name(node)} never end", expected="a throughput above 0")
        return rate

    def energy(self, action: Part | None, node: Part) -> Fraction | None:
        """Return the energy of an action, None where the file does not say it."""
        if action is None or not action.at("energy").exists:
            return None
        energy = finite(action.at("energy"), self.scope(node), "an energy")
        return energy * self.scaled("energy_scale", action, node) * self.scaled("actions_scale", action, node)

    def cost(self, action: Part | None, node: Part, bits: Fraction, size: int | None) -> Fraction:
        """Return the energy of a bit."""
        energy = self.energy(action, node)
        if energy is not None:
            return energy / bits
        per_bit = Fraction(repr(round(energies.memory(size), 6))) / JOULE
        self.notes.assume(
            f"{_name(node)} has no energies in the file: {float(per_bit):g} J a bit, by the rule of docs/models.md "
            "(AccelForge takes them from component models, which zzcp does not run)"
        )
        return per_bit

    def leakage(self, node: Part, cycle: Fraction) -> Fraction:
        """Return the energy that one instance leaks in a cycle."""
        part = node.at("leak_power")
        power = finite(part, self.scope(node), "a power") if part.exists else Fraction(0)
        if not power:
            return power
        self.notes.assume("leak_power is what every instance takes in the time of a cycle, in use or not")
        if node.at("spatial").items():
            self.notes.miss(
                f"leak_power of {_name(node)}, which has a fan-out of its own",
                "AccelForge counts it once, here every instance leaks",
            )
        return power * cycle

    def area(self, node: Part) -> float:
        """Return the area of one instance, 0 where the file does not say it."""
        return (
            float(at_least(node.at("area"), self.scope(node), "an area")) if node.at("area").exists else 0.0
        )


def _remarks(source: Source, notes: Notes) -> None:
    """Name what of the files is not looked at, and where the models differ."""
    for key, consequence in (
        ("mapping", "it is a mapping, not a machine"),
        ("mapper", "zzcp has a search of its own"),
        ("renames", "operands are told by the names of tensors and the renames of each computation"),
    ):
        if key in source.parts:
            notes.miss(key, consequence)
    notes.assume("energies and areas have the unit of the file")
    notes.miss(
        "AccelForge's counting",
        "every operation reads its inputs there, also where they stay the same; cycles have no first fill, no last "
        "drain and no stalls there (docs/coming-from.md)",
    )
