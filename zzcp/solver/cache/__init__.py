"""Solved layers and fronts that are kept between runs: the questions, the answers, and the file that holds both."""

from __future__ import annotations

from zzcp.solver.cache.store import Cache, ResultCache

__all__ = ["Cache", "ResultCache"]
