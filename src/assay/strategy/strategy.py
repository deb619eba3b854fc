"""A user's strategy: its columns, and the hash of the file that declares them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from assay.data.bars import Bars
from assay.kernels.compiler import FloatArray
from assay.strategy.column import Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strategy:
    """What a ``strategy.py`` declares.

    Attributes
    ----------
    path : Path
        The file.
    source : bytes
        What was executed.
    source_hash : str
        SHA-256 of *source*, in hexadecimal.
    features, signals : tuple of Column
        In the order in which the file declares them.
    """

    path: Path
    source: bytes
    source_hash: str
    features: tuple[Column, ...]
    signals: tuple[Column, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as source, and be executed there; functions cannot travel."""
        return _arrived, (self.path, self.source, self.feature_names)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them, features first."""
        return (*self.features, *self.signals)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(column.name for column in self.features)

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Names of the signals, in order."""
        return tuple(column.name for column in self.signals)

    def reading(self, names: Sequence[str]) -> Self:
        """Return the strategy with only those features that *names* holds, and every signal."""
        kept = tuple(column for column in self.features if column.name in names)
        return replace(self, features=kept)

    def features_of(self, bars: Bars) -> FloatArray:
        """Return the features of every bar, float64, shape (n_bars, n_features)."""
        return _stacked(self.features, bars)

    def votes_of(self, bars: Bars) -> FloatArray:
        """Return the votes of every bar, float64, shape (n_bars, n_signals)."""
        return _stacked(self.signals, bars)


def _arrived(path: Path, source: bytes, names: Sequence[str]) -> Strategy:
    from assay.strategy.loading import strategy_from

    return strategy_from(path, source).reading(names)


def _stacked(columns: Sequence[Column], bars: Bars) -> FloatArray:
    out = np.empty((len(bars), len(columns)))
    for place, column in enumerate(columns):
        out[:, place] = column.compute(bars)
    return out
