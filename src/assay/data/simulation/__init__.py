"""The simulated market: its shape, its path, a planted edge, and a fit to real history."""
