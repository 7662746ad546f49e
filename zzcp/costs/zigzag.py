"""The CACTI that zigzag-dse brings along, as a cost model: what its ``auto_cost_extraction`` takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from zzcp.costs.kept import kept
from zzcp.costs.model import Asked, MemoryCosts
from zzcp.costs.package import Package
from zzcp.errors import InputError

NAME = "zigzag-cacti"
PACKAGE = Package("zigzag-dse", NAME, "pip install 'zzcp[zigzag]'")
_MODULE = "zigzag.cacti.cacti_master"
_TECHNOLOGY, _PORTS, _BANKS = "0.022", {"ex_rd_port": 1, "ex_wr_port": 1, "rd_wr_port": 0}, 1
"""ZigZag asks for no other process, ports or banks, whatever a file says."""
_OF_REGISTERS = 128
"""Times as large as it is ZigZag lays out a memory of type rf."""
_PATIENCE = 300.0
"""Seconds of one layout."""
_PLAIN = re.compile(r"[\w./+-]+", re.ASCII)
"""Names of folders that ZigZag's unquoted shell commands take as they are."""


def _folder() -> Path:
    """Return the folder of the package's CACTI.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        found = find_spec(_MODULE)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise PACKAGE.lacking()
    return Path(next(iter(found.submodule_search_locations)))


@dataclass(frozen=True, slots=True)
class ZigZagCacti:
    """Memories as the CACTI of zigzag-dse lays them out: at 22 nm, with a port to read and one to write.

    Source: ``MemoryInstance`` and ``CactiParser.get_item`` of zigzag-dse 3.9.1. The width is that of the first port
    that reads, or of the first that reads and writes where none only reads; a memory of type ``rf`` is laid out 128
    times as large as it is, one of type ``dram`` as a main memory. It does not say what memories leak. Layouts are kept
    between runs.

    Parameters
    ----------
    folder, release : callable
        Return the folder of the package's CACTI, and its version.
    """

    folder: Callable[[], Path] = field(default=_folder, repr=False)
    release: Callable[[], str] = field(default=PACKAGE.release, repr=False)

    @property
    def name(self) -> str:
        """What the model is called in results."""
        return "zigzag-cacti (22 nm)"

    @property
    def key(self) -> str:
        """The name by which the registry returns the model."""
        return NAME

    @property
    def version(self) -> str:
        """Of the package."""
        return f"{PACKAGE.name} {self.release()}"

    def memory(self, asked: Asked, /) -> MemoryCosts:
        """Return what a memory costs; every one is laid out once.

        Raises
        ------
        InputError
            If the package is not installed, or its CACTI does not lay out such a memory.
        """
        size = asked.size * (_OF_REGISTERS if asked.kind == "rf" else 1)
        width = asked.width if asked.read_width is None else asked.read_width
        kind = "dram" if asked.kind == "dram" else "sram"
        question = f"{self.version}: {kind} of {size} bits in words of {width}"
        return kept(question, lambda: _laid_out(self.folder(), kind, size, width))


@cache
def _laid_out(folder: Path, kind: str, size: int, width: int) -> MemoryCosts:
    """Return pJ of a read and a write, and mm^2."""
    with TemporaryDirectory(prefix="zzcp-cacti-") as name:
        place = Path(name)
        if not _PLAIN.fullmatch(name):
            raise InputError(
                "ZigZag's CACTI works in no such folder for temporary files",
                expected="a name of letters, digits and ._+-/ (TMPDIR)",
                found=repr(str(place.parent)),
            )
        # the program looks for these beside its input
        shutil.copy2(folder / "cacti", place)
        shutil.copytree(folder / "tech_params", place / "tech_params")
        pool = place / "pool.yaml"
        pool.touch()
        entry = _run(folder / "cacti_top.py", pool, kind, size, width)
    read, write = (float(entry["cost"][f"{what}_word"]) * 1000 for what in ("read", "write"))
    return MemoryCosts(read, write, float(entry["area"]))


def _run(program: Path, pool: Path, kind: str, size: int, width: int) -> Any:
    """Run the program that puts a memory into a pool of memories, and return what it put there."""
    asked = {
        "mem_type": kind,
        "cache_size": size // 8,
        "IO_bus_width": width,
        **_PORTS,
        "bank_count": _BANKS,
        "mem_pool_path": pool,
        "technology": _TECHNOLOGY,
    }
    options = [text for name, value in asked.items() for text in (f"--{name}", str(value))]
    try:
        done = subprocess.run(
            [sys.executable, str(program), *options],
            cwd=pool.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
        found, entries = f"exit code {done.returncode}", yaml.safe_load(pool.read_text(encoding="utf-8"))
    except subprocess.TimeoutExpired:
        found, entries = f"nothing after {_PATIENCE:g} s", None
    if not entries:
        raise InputError(
            "ZigZag's CACTI does not lay out this memory",
            expected=f"{size:,} bits in words of {width:,}",
            found=found,
        )
    (entry,) = entries.values()
    return entry
