"""Many mappings of one layer at once, as arrays, with the same figures to the bit."""

from zzcp.cost.batch.evaluate import evaluate_batch, operand_states, score_batch
from zzcp.cost.batch.types import BatchEvaluation, MappingBatch

__all__ = ["BatchEvaluation", "MappingBatch", "evaluate_batch", "operand_states", "score_batch"]
