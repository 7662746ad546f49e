"""The joint search: unrolling and temporal mapping chosen together, with one bound for all unrollings.

Read in this order: `choices` (the space of unrollings, equivalent ones merged), `bounds` (cheap bounds of all of
them at once, in arrays), `interleaved` (sharper ones, from the orders of their boundaries), `relaxed` (sharper still,
by tiles), `steps` (these bounds, the relaxation of one unrolling, and its whole search), `search` (best first, one step
after the other), `ahead` (other processes that do steps before they are asked for).
"""
