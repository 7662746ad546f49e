"""The joint search: unrolling and temporal mapping chosen together, with one bound for all unrollings.

Read in this order: `choices` (the space of unrollings, equivalent ones merged), `bounds` (cheap bounds of all of
them at once, in arrays), `search` (best first: cheap bound, relaxation, whole search).
"""
