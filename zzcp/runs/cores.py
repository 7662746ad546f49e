"""How many cores there are for this process: what ``-j`` is by default."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Return the cores that this process may use: those that it is bound to, and no more than its container's share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no container, or no limit
        quota, period = map(int, _QUOTA.read_text(encoding="ascii").split())
        count = min(count, -(-quota // period))
    return max(1, count)
