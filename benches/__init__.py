"""Measurements: each figure with its machine, its command and its result."""
