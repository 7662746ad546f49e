"""One search: incumbent, bound and clock (`state`), the stages that bring them together, and their order (`search`)."""
