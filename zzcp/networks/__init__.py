"""Whole networks: the mappings of all layers that are the best together, with one bound.

Read in this order: `bounds` (what encloses the costs of mappings), `nodes` (a distinct layer), `walk` (over the slopes
that all layers share), `residency` (plans of what stays on the chip), `tasks` and `search` (the searches), `result`,
`optimize`.
"""

from __future__ import annotations

from zzcp.networks.optimize import optimize_network
from zzcp.networks.progress import NetworkProgress
from zzcp.networks.result import Alone, NetworkResult, Resident

__all__ = ["Alone", "NetworkProgress", "NetworkResult", "Resident", "optimize_network"]
