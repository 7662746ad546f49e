"""A search ends with what it has before the memory does: the kernel would end it with nothing.

Whoever looks at a clock looks here, too. By default a search ends when the machine (or the container) has next to
nothing left, whoever has taken it; with a limit, when this process has more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SHARE, _MARGIN = 0.04, 2**30
"""What is left to others by default: a share of the memory, and no more than this."""
_PAUSE = 0.1
"""Seconds between two looks."""
_STATM, _MEMINFO = Path("/proc/self/statm"), Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(slots=True)
class _Guard:
    """What is looked at, and what was seen."""

    most: int | None = None
    looked: float = 0.0
    over: bool = False


_GUARD = _Guard()


def exceeded() -> bool:
    """Return whether a search should end for want of memory; it costs next to nothing to ask."""
    now = time.monotonic()
    if now - _GUARD.looked >= _PAUSE:
        _GUARD.looked = now
        if _GUARD.most is not None:
            _GUARD.over = taken() > _GUARD.most
        else:
            left = available()
            _GUARD.over = left is not None and left[0] < min(_MARGIN, _SHARE * left[1])
    return _GUARD.over


@contextmanager
def limited(most: int | None) -> Iterator[None]:
    """In this block searches end when this process has more than some bytes; with None, that of the machine counts."""
    before = _GUARD.most
    _GUARD.most, _GUARD.looked, _GUARD.over = most, 0.0, False
    try:
        yield
    finally:
        _GUARD.most, _GUARD.looked, _GUARD.over = before, 0.0, False


def limit() -> int | None:
    """Return the bytes that this process may have (`limited`); None where that of the machine counts."""
    return _GUARD.most


def taken() -> int:
    """Return the bytes of memory that this process has; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def available() -> tuple[int, int] | None:
    """Return the bytes that are left of the machine's memory or the container's, and all; None where nobody says."""
    found: tuple[int, int] | None = None
    with suppress(OSError, ValueError, KeyError, IndexError):
        rows = (line.split() for line in _MEMINFO.read_text(encoding="ascii").splitlines())
        sizes = {row[0]: int(row[1]) * 1024 for row in rows}
        found = sizes["MemAvailable:"], sizes["MemTotal:"]
    with suppress(OSError, ValueError):  # no container, or no limit
        most = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        cached = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        files = sum(int(line.split()[1]) for line in cached if line.startswith("file "))
        left = most - int((_CGROUP / "memory.current").read_text(encoding="ascii")) + files
        if found is None or left < found[0]:
            found = left, most
    return found


def peak() -> int:
    """Return the most bytes that this process, or one that it has waited for, has had."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return 0
    both = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(both) * 1024
