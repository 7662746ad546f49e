"""What does not change from one mapping to the next, and what of a mapping the costs depend on.

`setting` holds a layer on a machine under one unrolling, in numbers and positions; `unrolling` counts the lanes in use;
`state` is a temporal mapping as the formulas see it: the loops below and above every boundary.
"""
