"""Searches under constraints (`problem`, `optimize`), and why there is no mapping (`diagnose`)."""
