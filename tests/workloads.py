"""Workload files for tests of commands."""

from __future__ import annotations

GEMM = """\
- id: {id}
  name: {name}
  operator_type: Gemm
  equation: O[b][k]+=W[k][c]*I[b][c]
  loop_dims: [B, K, C]
  loop_sizes: {sizes}
  operand_precision: {{W: 8, I: 8, O: 16, O_final: 8}}
  operand_source: {{W: {id}, I: {source}}}
"""
"""One layer of a file; the first layer is its own source."""
