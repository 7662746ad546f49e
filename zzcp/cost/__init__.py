"""Cost: the exact analytical evaluator of a given mapping. No solver in here."""

from zzcp.cost.conventions import CONVENTIONS, EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Accesses, Energy, Evaluation, Latency, LinkReport, PortReport, Utilization
from zzcp.cost.evaluator import Evaluator

__all__ = [
    "CONVENTIONS",
    "EXACT",
    "ZIGZAG",
    "ZIGZAG_3_0",
    "Accesses",
    "CostConventions",
    "Energy",
    "Evaluation",
    "Evaluator",
    "Latency",
    "LinkReport",
    "PortReport",
    "Utilization",
    "evaluate",
]
