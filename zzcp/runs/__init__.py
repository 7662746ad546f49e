"""Where searches run: in this process, or in several processes of this machine, behind one interface."""

from __future__ import annotations

from zzcp.runs.executor import Executor, InProcess
from zzcp.runs.processes import LocalProcesses, executor_for

__all__ = ["Executor", "InProcess", "LocalProcesses", "executor_for"]
