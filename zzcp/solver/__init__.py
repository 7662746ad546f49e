"""Solver: the optimal mapping as a CP-SAT model over the tile chain. The only package that imports ortools."""
