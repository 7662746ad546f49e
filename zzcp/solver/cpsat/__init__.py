"""The CP-SAT model of a layer, and one run of the solver.

Read in this order: `variables`, `chain_model`, `model`; then the families `stall`, `windows`, `loading` (and ZigZag's),
`restrict` (constraints) and `target` (the objective); `run` is one run; `space` is the model without costs.
"""
