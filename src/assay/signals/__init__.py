"""Indicator votes, fusion of all sources into one view, and the gates before it counts."""
