"""A machine, a layer and a mapping as a specification of Timeloop, which its model program scores."""

from __future__ import annotations

import string
from typing import Any

from zzcp.conversion.notes import Notes
from zzcp.conversion.placement import (
    Placement,
    fan_outs,
    hierarchy,
    name_shared_ports,
    place,
    tile_below,
)
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Memory, PortType
from zzcp.io.write import to_yaml
from zzcp.mapping import Mapping
from zzcp.workload import Layer

UNITS = "MAC"
"""Name of the units in the specification."""
_CUSTOMARY = {"OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
"""Timeloop's names of the loops of a convolution."""
SYSTEM = "system"
"""Name of the node that holds all components."""


def write(accelerator: Accelerator, layer: Layer, mapping: Mapping, notes: Notes) -> str:
    """Return the specification: ``architecture``, ``ERT``, ``problem`` and ``mapping`` (version 0.3).

    Parameters
    ----------
    accelerator, layer, mapping
        A valid mapping, and what it is for.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If Timeloop cannot express the machine or the mapping.
    """
    letters = _letters(layer, notes)
    placement = place(accelerator, layer, mapping)
    machine = placement.machine
    order = hierarchy(machine)
    word = _word(layer, notes)
    _check_sizes(placement, layer, mapping)
    positions = _positions(placement, order)
    data = {
        "architecture": _architecture(machine, order, word, notes),
        "ERT": _energies(machine, order, word),
        "problem": _problem(layer, letters, notes),
        "mapping": _mapping(placement, order, positions, letters, mapping),
    }
    notes.miss(
        "outputs that move up",
        "Timeloop counts an update of the upper level only; here the lower one is read as well",
    )
    notes.miss("cycles", "Timeloop has no first fill and no last drain, and everything overlaps")
    return to_yaml(data)


def _letters(layer: Layer, notes: Notes) -> dict[str, str]:
    """Return a name of one letter for every dimension, as Timeloop's orders of loops need them."""
    taken = {dim for dim in layer.sizes if len(dim) == 1}
    letters = {}
    for dim in layer.sizes:
        wanted = dim if len(dim) == 1 else _CUSTOMARY.get(dim, "")
        if len(dim) > 1:
            wanted = next(
                letter for letter in (wanted, *string.ascii_uppercase) if letter and letter not in taken
            )
            notes.assume(f"{wanted} is {dim}: loops have one letter in Timeloop")
        taken.add(wanted)
        letters[dim] = wanted
    return letters


def _word(layer: Layer, notes: Notes) -> int:
    """Return the bits of a word."""
    bits = {layer.precision[operand] for operand in layer.operands} | {layer.final_precision}
    if len(bits) > 1:
        notes.miss(
            f"operands of {', '.join(map(str, sorted(bits)))} bits",
            f"Timeloop counts words, here of {max(bits)} bits, whatever is in them",
        )
    return max(bits)


def _own_word(memory: Memory, word: int) -> int:
    """Return the bits of a word of a memory: what it states for all that it holds, else those of the layer's words."""
    known = [bits for _, bits in memory.precision]
    return max(known) if len(known) == len(memory.operands) else word


def _positions(placement: Placement, order: list[Memory]) -> list[int]:
    """Return how many loops lie at or below every memory of a hierarchy: one number for all that it keeps.

    Raises
    ------
    InputError
        If the operands of a memory have boundaries of their own, which Timeloop does not know.
    """
    found: list[int] = []
    most = len(placement.loops)
    for memory in order:
        here = [entry for entry in placement.stored if entry.memory == memory.name]
        low = max((entry.low for entry in here), default=0)
        high = min([most, *(entry.high for entry in here)])
        high = most if not found else high  # the outermost memory takes all loops that are left
        if low > high:
            tight = min(here, key=lambda entry: entry.high)
            loose = max(here, key=lambda entry: entry.low)
            raise InputError(
                f"{memory.name} holds {loose.operand} over {loose.low} loops and {tight.operand} over {tight.high}",
                expected="boundaries that are the same for all operands of a memory, and inside of those above",
                hint="Timeloop's mappings are even: solve with the constraint even_mapping (docs/constraints.md)",
            )
        found.append(high)
        most = high
    return found


def _meshes(machine: Accelerator, order: list[Memory]) -> list[tuple[int, int]]:
    """Return columns and rows of the instances of every memory, and of the units at the end.

    Raises
    ------
    InputError
        If more than two array dimensions fan out at one place.
    """
    meshes = []
    columns = rows = 1
    for dims, name in zip(fan_outs(machine, order), [*(memory.name for memory in order), UNITS], strict=True):
        wide = [dim for dim in dims if machine.array.size(dim) > 1]
        if len(wide) > 2:
            raise InputError(
                f"{len(wide)} array dimensions fan out above {name}: {', '.join(wide)}",
                expected="at most two, X and Y of Timeloop",
            )
        sizes = [*(machine.array.size(dim) for dim in wide), 1, 1]
        columns, rows = columns * sizes[0], rows * sizes[1]
        meshes.append((columns, rows))
    return meshes


def _architecture(machine: Accelerator, order: list[Memory], word: int, notes: Notes) -> dict[str, Any]:
    meshes = _meshes(machine, order)
    local: list[dict[str, Any]] = []
    for memory, (columns, rows) in zip(order, meshes, strict=False):
        own = _own_word(memory, word)
        attributes: dict[str, Any] = {
            "depth": memory.size // own,
            "width": own,
            "word-bits": own,
            "block-size": 1,
            "meshX": columns,
            "meshY": rows,
        }
        attributes |= _bandwidths(memory, own, notes)
        if memory.precision and any(memory.stated_precision(operand) != own for operand in memory.operands):
            notes.miss(f"precision of {memory.name}", f"words of {own} bits there, whatever is in them")
        name_shared_ports(memory, notes)
        kind = "DRAM" if memory.memory_type == "dram" else "SRAM"
        local.append({"name": _ranged(memory.name, columns * rows), "class": kind, "attributes": attributes})
    columns, rows = meshes[-1]
    local.append(
        {
            "name": _ranged(UNITS, columns * rows),
            "class": "intmac",
            "attributes": {"datawidth": word, "meshX": columns, "meshY": rows},
        }
    )
    return {"version": 0.3, "subtree": [{"name": SYSTEM, "local": local}]}


def _bandwidths(memory: Memory, word: int, notes: Notes) -> dict[str, float]:
    """Return words per cycle of an instance."""
    if any(port.type is PortType.READ_WRITE for port in memory.ports):
        return {"shared_bandwidth": sum(port.bandwidth_max for port in memory.ports) / word}
    found = {}
    for key, kind in (("read_bandwidth", PortType.READ), ("write_bandwidth", PortType.WRITE)):
        widths = [port.bandwidth_max for port in memory.ports if port.type is kind]
        if len(widths) > 1:
            notes.miss(
                f"{len(widths)} {kind.value} ports of {memory.name}",
                "one of their width together in Timeloop",
            )
        if widths:
            found[key] = sum(widths) / word
    return found


def _ranged(name: str, instances: int) -> str:
    return f"{name}[0..{instances - 1}]" if instances > 1 else name


def _energies(machine: Accelerator, order: list[Memory], word: int) -> dict[str, Any]:
    """Return the energy of a word, per component."""
    tables = []
    for memory in order:
        own = _own_word(memory, word)
        actions = []
        for kind, cost, is_write in (
            ("read", memory.read_energy, False),
            ("write", memory.write_energy, True),
            ("update", memory.write_energy, True),
        ):
            widths = [
                port.bandwidth_max
                for port in memory.ports
                if any(move.direction.is_write == is_write for move in port.allocation)
            ]
            actions.append({"name": kind, "arguments": {}, "energy": cost * own / max(widths, default=own)})
        if memory.leakage:
            actions.append({"name": "leak", "arguments": {}, "energy": memory.leakage})
        tables.append({"name": f"{SYSTEM}.{memory.name}", "actions": actions})
    compute = {"name": "compute", "arguments": {}, "energy": machine.array.unit_energy}
    array = machine.array
    leak = {"name": "leak", "arguments": {}, "energy": array.leakage / array.units}
    tables.append({"name": f"{SYSTEM}.{UNITS}", "actions": [compute, leak] if array.leakage else [compute]})
    return {"version": 0.3, "tables": tables}


def _problem(layer: Layer, letters: dict[str, str], notes: Notes) -> dict[str, Any]:
    windows = {relation.window: relation for relation in layer.relations}
    spaces = []
    factors: dict[str, int] = {}
    for operand in (*layer.inputs, layer.output):
        projection: list[list[list[str]]] = []
        for dim in layer.equation.indices[operand]:
            if dim in windows:
                window = windows[dim]
                factors |= {f"{dim}stride": window.stride, f"{dim}dilation": window.dilation}
                outer, inner = letters[window.outer], letters[window.inner]
                projection.append([[inner, f"{dim}dilation"], [outer, f"{dim}stride"]])
            elif dim in layer.sizes:
                projection.append([[letters[dim]]])
        space: dict[str, Any] = {"name": operand, "projection": projection}
        spaces.append(space | ({"read-write": True} if operand == layer.output else {}))
    if layer.padding or layer.window_sizes:
        notes.miss("padding", "Timeloop stores and moves the elements of the padding, too")
    if windows:
        notes.miss("windows", "Timeloop fetches only what is new while one loop slides")
    shape = {
        "name": "layer",
        "dimensions": list(letters.values()),
        "coefficients": [{"name": name, "default": 1} for name in factors],
        "data-spaces": spaces,
    }
    return {
        "version": 0.3,
        "shape": shape,
        "instance": {letters[dim]: size for dim, size in layer.sizes.items()} | factors,
    }


def _mapping(
    placement: Placement, order: list[Memory], positions: list[int], letters: dict[str, str], mapping: Mapping
) -> list[dict[str, Any]]:
    """Return the mapping: of every memory its loops, what it keeps, and the lanes below it."""
    above = fan_outs(placement.machine, order)
    ends = [*positions[1:], 0]
    found: list[dict[str, Any]] = []
    for i, (memory, high, low) in enumerate(zip(order, positions, ends, strict=True)):
        loops = placement.loops[low:high]
        sizes = dict.fromkeys(letters, 1)
        inside: list[str] = []
        for loop in loops:
            if loop.dim in inside and inside[-1] != loop.dim:
                raise InputError(
                    f"{memory.name} has two loops over {loop.dim} with others between them",
                    expected="one loop over every dimension in a memory, as Timeloop has",
                    hint="the constraint loop_order asks for such a mapping (docs/constraints.md)",
                )
            inside += [loop.dim] if loop.dim not in inside else []
            sizes[loop.dim] *= loop.size
        found.append(_entry(memory.name, "temporal", sizes, inside, letters))
        keep = [entry.operand for entry in placement.stored if entry.memory == memory.name]
        found.append(
            {
                "target": memory.name,
                "type": "bypass",
                "keep": keep,
                "bypass": [operand for operand in placement.links if operand not in keep],
            }
        )
        found += _spatial(memory.name, above[i + 1], letters, mapping)
    return found


def _entry(
    target: str, kind: str, sizes: dict[str, int], order: list[str], letters: dict[str, str]
) -> dict[str, Any]:
    rest = [dim for dim in letters if dim not in order]
    return {
        "target": target,
        "type": kind,
        "factors": " ".join(f"{letters[dim]}={size}" for dim, size in sizes.items()),
        "permutation": "".join(letters[dim] for dim in (*order, *rest)),
    }


def _spatial(
    target: str, dims: tuple[str, ...], letters: dict[str, str], mapping: Mapping
) -> list[dict[str, Any]]:
    """Return the lanes below a memory: those along X first."""
    unrolled = dict(mapping.spatial.unrolling)
    groups = [[(loop, factor) for loop, factor in unrolled.get(dim, ()) if factor > 1] for dim in dims]
    used = [loop for group in groups for loop, _ in group]
    if not dims:
        return []
    if len(set(used)) < len(used):
        raise InputError(
            f"a loop lies on both array dimensions below {target}",
            expected="every loop on one of them, as in Timeloop",
            found=", ".join(used),
        )
    sizes = dict.fromkeys(letters, 1) | {loop: factor for group in groups for loop, factor in group}
    entry = _entry(target, "spatial", sizes, used, letters)
    return [entry | {"split": len(groups[0])}]


def _check_sizes(placement: Placement, layer: Layer, mapping: Mapping) -> None:
    """Check that the factors multiply to the sizes, which Timeloop asks for.

    Raises
    ------
    InputError
        If they do not: tiles or lanes do not divide a dimension.
    """
    for dim, size in layer.sizes.items():
        covered = tile_below(mapping, placement.loops, dim)
        if covered != size:
            raise InputError(
                f"loops over {dim} cover {covered} iterations",
                expected=f"factors that multiply to {size}, as Timeloop asks for",
            )
