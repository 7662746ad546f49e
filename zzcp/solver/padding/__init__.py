"""Loops that do not divide: padded sizes of the dimensions, chosen together with the mapping.

Read in this order: `choices` (the padded sizes that make all tile sizes possible), `search` (best first: relaxation,
whole search).
"""
