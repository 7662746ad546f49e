"""The machine and the layers of the comparison in our terms, and the one convention that differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from zzcp import EXACT, Accelerator, Layer, Memory, load_accelerator
from zzcp.hardware import PortType

WORD = 16
"""Bits of a word."""
CONVENTIONS = replace(EXACT, name="exact, every operation reads", same_data_free=False)
"""In AccelForge's machine every operation reads its inputs from the registers, also where they stay the same."""


def machine(figures: dict[str, Any]) -> Accelerator:
    """Return the machine with the sizes and bandwidths of a case (in words, and words per cycle)."""
    base = load_accelerator(Path(__file__).with_name("min3.yaml"))
    reg, sram, dram = (
        next(memory for memory in base.memories if memory.name == name) for name in ("reg", "sram", "dram")
    )
    memories = {
        "reg": replace(reg, size=figures["REG_WORDS"] * WORD),
        "sram": _banded(replace(sram, size=figures["SRAM_WORDS"] * WORD), figures["BW_SRAM"], 12, 14),
        "dram": _banded(dram, figures["BW_DRAM"], 400, 420),
    }
    return replace(base, memories=tuple(memories[memory.name] for memory in base.memories))


def _banded(memory: Memory, words: float, read: float, write: float) -> Memory:
    """Return a memory with ports of so many words per cycle, and the energy of a word read and written."""
    width = int(words * WORD)
    ports = tuple(replace(port, bandwidth_min=min(width, WORD), bandwidth_max=width) for port in memory.ports)
    assert {port.type for port in ports} == {PortType.READ, PortType.WRITE}
    return replace(memory, ports=ports, read_energy=read * words, write_energy=write * words)


def layer(sizes: dict[str, int]) -> Layer:
    """Return a layer: a GEMM (m, n, k), or a convolution without padding (k, c, p, q, r, s)."""
    precision = dict.fromkeys(("W", "I", "O", "O_final"), WORD)
    if set(sizes) == {"m", "n", "k"}:
        return Layer.gemm(b=sizes["m"], k=sizes["n"], c=sizes["k"], precision=precision)
    return Layer.conv(
        k=sizes["k"],
        c=sizes["c"],
        oy=sizes["p"],
        ox=sizes["q"],
        fy=sizes["r"],
        fx=sizes["s"],
        precision=precision,
    )
