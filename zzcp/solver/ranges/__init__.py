"""The search by ranges of energy: bounds by dynamic programming, and the few chains that are left, one by one.

Read in this order: `terms` (figures that add up over boundaries), `relaxation` (Lagrangian bounds), `goals` (what is
minimised, as lines), `ranges` (the search), `enumeration` with `labels`, `candidates`, `first_pieces` and
`chain_latency` (label setting over what is left), `cuts`.
"""
