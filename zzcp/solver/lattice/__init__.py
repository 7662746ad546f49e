"""What a mapping is to the solver: a chain of boundaries in the lattice of exponent vectors.

Read in this order: `keys` (prime factors of the loops), `tables` (what every boundary costs, filled by the
evaluator's formulas), `lattice` (dynamic programming over all chains), `factors` (what a vector stands for), `chain`
and `orders` (from boundaries back to a mapping), `completions` (many of these at once), `start` (a first mapping).
"""
