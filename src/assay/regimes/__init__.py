"""Causal market regimes: what kind of market a bar belongs to, from what was known."""
