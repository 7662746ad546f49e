"""Timeloop's files: architectures and problems to ours, and complete mappings to its own."""
