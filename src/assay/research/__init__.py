"""Labels, splits, metrics, evidence, walk-forward and the report."""
