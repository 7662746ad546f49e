"""A user's constraints for the evaluator: compiled to rules for one layer on one machine, and checked of a mapping."""
