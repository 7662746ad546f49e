"""Report: what was read and what was computed, as text for a terminal (tables, trees) and as plain data.

Nothing is computed here but shares and sums of figures that `zzcp.cost` returned.
"""
