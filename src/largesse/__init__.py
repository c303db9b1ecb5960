"""Largesse: list, introduce, answer and account, for people who give large files away."""

__version__ = "0.1.0"
