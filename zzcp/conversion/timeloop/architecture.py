"""Timeloop's architectures, in all of their versions, to accelerators.

What fields mean is what Timeloop's model program (commit 4cf6d4c) does with them: a memory holds depth x block size
words; an access moves a block, and a word costs its share of it; bandwidths are words per cycle of one instance; what
is not named in a bypass is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from zzcp.conversion.arithmetic import at_least, finite
from zzcp.conversion.levels import FanOut, Level, Units, accelerator, bandwidth
from zzcp.conversion.notes import Notes
from zzcp.conversion.operands import assigned
from zzcp.conversion.source import Source
from zzcp.conversion.timeloop.constraints import Kept, kept_tensors
from zzcp.conversion.timeloop.elements import Element, elements
from zzcp.conversion.timeloop.energies import operation, read_table
from zzcp.conversion.timeloop.problem import tensor_names
from zzcp.hardware import Accelerator, energies

WORD_BITS = 16
"""Bits of a word where the file does not say it, as in Timeloop."""
_READ = (
    "depth", "width", "word_bits", "block_size", "cluster_size", "entries", "sizeKB", "instances", "meshX", "meshY",
    "read_bandwidth", "write_bandwidth", "shared_bandwidth", "bandwidth", "multiple_buffering", "technology", "type",
)  # fmt: skip
"""Attributes that are read, or say nothing that would be missed."""


def read_machine(source: Source, given: Mapping[str, str], notes: Notes) -> Accelerator:
    """Return the accelerator that Timeloop's files describe.

    Parameters
    ----------
    source : Source
        The files: an architecture, and where they are there the energies (ERT), constraints and the problem.
    given : mapping of str to str
        Memory operands of tensors, where the user says them.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If there is something in them that makes no machine.
    """
    part = source.part("architecture", "arch")
    assert part is not None
    variables = source.part("variables")
    names: dict[str, Any] = {}
    if variables is not None:
        for entry in variables.entries():
            node = entry.node
            if node is not None and isinstance(node.value, int | float | str):
                names[entry.key] = node.value
    *storage, units = elements(part, names, notes)
    problem = source.part("problem")
    kept = kept_tensors(source, notes)
    tensors = tensor_names(problem) if problem else None
    operands = assigned(
        tensors.names if tensors else sorted(kept.mentioned) or ("Inputs", "Weights", "Outputs"),
        given,
        tensors.output if tensors else None,
    )
    table = read_table(ert, notes) if (ert := source.part("ERT")) else {}
    hierarchy = _with_own_words(_hierarchy(storage, units, kept, operands, table, notes), notes)
    compute = _units(units, table, notes)
    _remarks(source, notes)
    name = part.document.file.replace("\\", "/").rpartition("/")[2].partition(".")[0] or "timeloop"
    return accelerator(name, hierarchy, compute, notes)


def _hierarchy(
    storage: list[Element],
    units: Element,
    kept: Kept,
    operands: Mapping[str, str],
    table: Mapping[str, Mapping[str, Fraction]],
    notes: Notes,
) -> list[Level | FanOut]:
    """Return levels and fan-outs from the outermost inwards; a memory that keeps nothing is left out."""
    hierarchy: list[Level | FanOut] = []
    columns = rows = 1
    outermost = True
    for element in (*storage, units):
        if element is not units and not _is_memory(element, outermost):
            notes.miss(
                f"{element.name} ({element.kind or 'no class'})",
                "it has no size, so it is no memory; what it costs is left out",
            )
            continue
        hierarchy += _fan_outs(element, columns, rows)
        columns, rows = element.columns, element.rows
        if element is units:
            break
        holds = kept.of(element, tuple(operands))
        if not holds:
            notes.assume(f"{element.name} keeps nothing and is left out; its fan-out stays")
            continue
        level = _level(element, tuple(operands[name] for name in holds), table, notes)
        hierarchy.append(level)
        outermost = False
    return hierarchy


def _with_own_words(hierarchy: list[Level | FanOut], notes: Notes) -> list[Level | FanOut]:
    """Return levels that store at the bits of their words where these differ, else at those of the layer.

    A value takes a word in Timeloop, whatever the word's bits are.
    """
    words = {level.name: level.word for level in hierarchy if isinstance(level, Level)}
    if len(set(words.values())) == 1:
        (word,) = set(words.values())
        notes.assume(f"a value takes a word of {word} bits in Timeloop: give layers as many (--precision)")
        return [replace(level, precision=()) if isinstance(level, Level) else level for level in hierarchy]
    listed = ", ".join(f"{name} {word}" for name, word in words.items())
    notes.assume(
        f"memories have words of their own ({listed} bits): each stores a value in one, as precision says"
    )
    if any("O" in level.operands for level in hierarchy if isinstance(level, Level)):
        notes.assume("partial sums and final outputs take the same word in a memory, as in Timeloop")
    return hierarchy


def _fan_outs(element: Element, columns: int, rows: int) -> list[FanOut]:
    """Return how the instances of an element lie below those of the element above it."""
    if element.columns % columns or element.rows % rows:
        raise element.part.error(
            f"{element.name} does not fan out evenly",
            expected=f"multiples of the {columns} x {rows} instances above it",
            found=f"{element.columns} x {element.rows}",
        )
    across, down = element.columns // columns, element.rows // rows
    return [
        FanOut(f"to {element.name} along {axis}", size)
        for axis, size in (("X", across), ("Y", down))
        if size > 1
    ]


def _is_memory(element: Element, outermost: bool) -> bool:
    sized = any(key in element.attributes for key in ("depth", "entries", "sizeKB"))
    return sized or outermost or "dram" in f"{element.kind} {element.name}".lower()


def _level(
    element: Element,
    operands: tuple[str, ...],
    table: Mapping[str, Mapping[str, Fraction]],
    notes: Notes,
) -> Level:
    word = element.whole("word_bits")
    if word is None:
        word = WORD_BITS
        notes.assume(f"{element.name} has words of {WORD_BITS} bits, Timeloop's default")
    cluster = element.whole("cluster_size") or 1
    block = element.whole("block_size")
    width = element.whole("width")
    if block is None:
        block = max(1, width // (word * cluster)) if width else 1
    size = _size(element, word, block, notes)
    read, write, shared = _bandwidths(element, word, notes)
    energy = _energies(element, table, block, word, size, notes)
    if energy.update is not None and energy.update != energy.write and "O" in operands:
        notes.miss(
            f"the energy of an update of {element.name} ({float(energy.update * word):g} a word)",
            f"outputs that come from below cost a write there ({float(energy.write * word):g} a word)",
        )
    for key in element.attributes:
        if key not in _READ:
            notes.miss(f"attribute {key}", "it is not looked at (energies are those of the table)")
    return Level(
        element.name, size, energy.read, energy.write, word, read, write, shared, operands, dram=size is None,
        leakage=_leakage(table.get(element.name, {}), notes), precision=tuple((operand, word) for operand in operands),
    )  # fmt: skip


def _size(element: Element, word: int, block: int, notes: Notes) -> int | None:
    """Return the bits of one instance, None for a memory without a size."""
    depth, entries, kilobytes = (element.whole(key) for key in ("depth", "entries", "sizeKB"))
    if depth is not None:
        words = depth * block
    elif entries is not None:
        words = entries
    elif kilobytes is not None:
        words = kilobytes * 8192 // word
    else:
        return None
    copies = element.attributes.get("multiple_buffering")
    if copies is not None:
        times = finite(copies, element.names, "a number of copies", 1)
        if times > 1:
            words = int(words / times)
            notes.assume(f"{element.name} is divided by its multiple_buffering of {float(times):g}")
    return words * word


def _bandwidths(element: Element, word: int, notes: Notes) -> tuple[Fraction | None, Fraction | None, bool]:
    """Return bits per cycle for reads and for writes, and whether they share a port."""
    values = {
        key: bandwidth(at_least(part, element.names, "words per cycle")) or None
        for key in ("read_bandwidth", "write_bandwidth", "shared_bandwidth", "bandwidth")
        if (part := element.attributes.get(key)) is not None
    }
    bits = {key: value * word for key, value in values.items() if value is not None}
    if bits:
        notes.assume("bandwidths are words per cycle of one instance, as Timeloop's model counts them")
    shared = bits.get("shared_bandwidth")
    if shared is not None:
        if len(bits) > 1:
            notes.miss(
                f"read_bandwidth and write_bandwidth of {element.name}", "shared_bandwidth counts alone"
            )
        return shared, shared, True
    both = bits.get("bandwidth")
    return bits.get("read_bandwidth", both), bits.get("write_bandwidth", both), False


class _Energy(NamedTuple):
    """Energies of a bit: of a read, a write and an update."""

    read: Fraction
    write: Fraction
    update: Fraction | None


def _energies(
    element: Element,
    table: Mapping[str, Mapping[str, Fraction]],
    block: int,
    word: int,
    size: int | None,
    notes: Notes,
) -> _Energy:
    """Return the energies of a memory: those of the table, or of our rule where it has none."""
    actions = table.get(element.name, {})
    read = actions.get("read")
    write = actions.get("write", actions.get("fill"))
    update = actions.get("update")
    per_bit = Fraction(repr(round(energies.memory(size), 6)))
    if read is None or write is None:
        notes.assume(
            f"{element.name} has no energies in a table (ERT): {float(per_bit * word):g} pJ a word, by the rule of "
            "docs/models.md"
        )
    bits = block * word
    return _Energy(
        per_bit if read is None else read / bits,
        per_bit if write is None else write / bits,
        None if update is None else update / bits,
    )


def _units(element: Element, table: Mapping[str, Mapping[str, Fraction]], notes: Notes) -> Units:
    actions = table.get(element.name, {})
    energy = operation(actions)
    if energy is None:
        energy = Fraction(repr(energies.MULTIPLY_ACCUMULATE))
        notes.assume(
            f"{element.name} has no energy in a table (ERT): {float(energy):g} pJ, by docs/models.md"
        )
    return Units(energy, leakage=_leakage(actions, notes))


def _leakage(actions: Mapping[str, Fraction], notes: Notes) -> Fraction:
    """Return the energy that an instance takes per cycle."""
    leak = actions.get("leak", Fraction(0))
    if leak:
        notes.assume("leak of the table is the energy of every instance, in use or not, in every cycle")
    return leak


_UNREAD = {
    "mapper": "zzcp has a search of its own",
    "mapping": "it is a mapping, not a machine",
    "compound_components": "energies are those of the table (ERT)",
    "components": "energies are those of the table (ERT)",
    "ART": "areas are 0",
    "sparse_optimizations": "everything is dense",
    "globals": "it is not looked at",
}


def _remarks(source: Source, notes: Notes) -> None:
    """Name what of the files is not looked at, and where the models differ."""
    for key, consequence in _UNREAD.items():
        if key in source.parts:
            notes.miss(key, consequence)
    notes.miss(
        "Timeloop's counting",
        "outputs that move up are an update of the upper level only there, also a read of the lower one here; cycles "
        "have no first fill and no last drain there (docs/coming-from.md)",
    )
