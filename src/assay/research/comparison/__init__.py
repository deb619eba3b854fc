"""Runs side by side: a table of all of them, and paired tests between a few."""
