"""The cost model's formulas, on numbers of any kind: one mapping, arrays of many, or symbols.

One file a quantity: `links` (tiles and transfers), `moves` (ways through a memory level), `capacity`, `stall`,
`loading`, `macs`; `core` puts them together. Where ZigZag counts by a rule of its own it stands beside the exact one,
in a file of the same name with `_zigzag`.
"""
