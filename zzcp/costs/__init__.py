"""What a memory costs by its size and width: models of components, one of them built in."""

from zzcp.costs.apply import costs_of, falling, figures_of, priced
from zzcp.costs.model import Asked, CostModel, MemoryCosts
from zzcp.costs.registry import MODELS, ModelName, clock_rate, cost_model

__all__ = [
    "MODELS",
    "Asked",
    "CostModel",
    "MemoryCosts",
    "ModelName",
    "clock_rate",
    "cost_model",
    "costs_of",
    "falling",
    "figures_of",
    "priced",
]
