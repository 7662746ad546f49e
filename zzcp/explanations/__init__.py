"""Explanations: where the cycles and the energy of a result go, in figures and in words."""

from __future__ import annotations

from zzcp.explanations.collector import collect
from zzcp.explanations.compare import Comparison
from zzcp.explanations.explain import Explanation, explain
from zzcp.explanations.facts import Facts
from zzcp.explanations.whatif import Change

__all__ = ["Change", "Comparison", "Explanation", "Facts", "collect", "explain"]
