"""A user's own features and signals: one file, ``strategy.py``, through the same pipeline."""

from assay.data.bars import Bars
from assay.strategy.column import Column, feature, signal
from assay.strategy.joining import higher
from assay.strategy.loading import load_strategy
from assay.strategy.strategy import Strategy

__all__ = ["Bars", "Column", "Strategy", "feature", "higher", "load_strategy", "signal"]
