"""Loops that do not divide: padded sizes of the dimensions, chosen together with the mapping.

Read in this order: `choices` (the padded sizes that make all tile sizes possible), `search` (what is searched when),
`groups` and `grouped` (bounds of many tile sizes at once), `tiles` and `completions` (the search over all of them),
`relaxed` (bounds of many padded sizes).
"""
