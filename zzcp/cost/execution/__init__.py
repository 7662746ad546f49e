"""How the formulas are run: recorded on symbols once, then as generated code on one mapping or on arrays of many."""
