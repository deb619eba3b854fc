"""Assay: an AI trading system for gold and FX that tests whether an edge is an edge."""

__version__ = "0.1.0"
