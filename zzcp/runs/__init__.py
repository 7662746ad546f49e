"""Where searches run: in this process, in several of this machine, or on a cluster, behind one interface."""

from __future__ import annotations

from zzcp.runs.choice import executor_for
from zzcp.runs.cores import cores
from zzcp.runs.executor import Executor, InProcess, LostError, Tell, Watcher
from zzcp.runs.processes import LocalProcesses
from zzcp.runs.progress import Estimate

__all__ = [
    "Estimate",
    "Executor",
    "InProcess",
    "LocalProcesses",
    "LostError",
    "Tell",
    "Watcher",
    "cores",
    "executor_for",
]
