"""Where the energy goes: a bar for every layer or result, cut by memory (colour) and operand (hatch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zzcp.plot.bars import Bar, Heading, Part, stacked
from zzcp.plot.entries import ARRAY, Entry
from zzcp.plot.latency import grouped
from zzcp.plot.style import INK, colours, hatches, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def energy_figure(
    entries: Sequence[Entry],
    *,
    title: str | None = None,
    log: bool = False,
    share: bool = False,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of the energies of some mapped layers, cut by memory and operand.

    Parameters
    ----------
    entries : sequence of Entry
        The layers; those of the same name from several results stand together.
    title : str, optional
        Over the picture.
    log : bool
        Show the energies of the memories as points on a logarithmic axis.
    share : bool
        Show shares of each energy.
    width, height : float, optional
        In inches.
    """
    keys = part_keys(entries)
    memories = list(dict.fromkeys(memory for memory, _ in keys if memory != ARRAY))
    operands = list(dict.fromkeys(operand for _, operand in keys if operand is not None))
    colour = {ARRAY: INK, **colours(memories)}
    hatch: dict[str | None, str] = {None: ""}
    hatch.update(hatches(operands))
    memory_parts = [Part(memory, colour[memory], "") for memory in (ARRAY, *memories)]
    if log:
        parts = memory_parts
        bars = [Bar(entry.name, entry.result, by_memory(entry)) for entry in grouped(entries)]
    else:
        parts = [Part(part_name(*key), colour[key[0]], hatch[key[1]]) for key in keys]
        bars = [
            Bar(entry.name, entry.result, {part_name(*key): value for key, value in entry.energies.items()})
            for entry in grouped(entries)
        ]
    legend: list[Part | Heading] = [Heading("memory"), *memory_parts]
    if not log:
        legend += [Heading("operand"), *(Part(operand, "white", hatch[operand]) for operand in operands)]
    return stacked(
        bars, parts, legend, quantity="energy", unit="pJ",
        title=title, log=log, share=share, width=width, height=height,
    )  # fmt: skip


def part_keys(entries: Sequence[Entry]) -> list[tuple[str, str | None]]:
    """Return all memories and operands of some entries, from the array outwards."""
    keys = dict.fromkeys(key for entry in entries for key in entry.energies)
    order = list(dict.fromkeys(memory for memory, _ in keys))
    return sorted(keys, key=lambda key: order.index(key[0]))


def part_name(memory: str, operand: str | None) -> str:
    """Return what a part of an energy is called."""
    return memory if operand is None else f"{memory}, {operand}"


def by_memory(entry: Entry) -> dict[str, float]:
    """Return the energy of the array and of every memory."""
    sums: dict[str, float] = {}
    for (memory, _), value in entry.energies.items():
        sums[memory] = sums.get(memory, 0.0) + value
    return sums
