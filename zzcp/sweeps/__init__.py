"""Sweeps: a grid of machines, layers and objectives, every point solved to proven optimality."""

from __future__ import annotations

from zzcp.sweeps.axes import Axis, parse_axis
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.run import SweepProgress, sweep
from zzcp.sweeps.table import SweepPoint, SweepTable
from zzcp.sweeps.theorem import Check

__all__ = ["Axis", "Check", "Outcome", "SweepPoint", "SweepProgress", "SweepTable", "parse_axis", "sweep"]
