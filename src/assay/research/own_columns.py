"""What a user's columns make of a market and of its mirror image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from assay.data.bars import Bars
from assay.data.mirror import mirrored
from assay.kernels.compiler import FloatArray
from assay.strategy.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnColumns:
    """The columns of a strategy over a whole history, by symbol; one row per bar.

    Attributes
    ----------
    asked : tuple of str
        Every feature of the strategy.
    names : tuple of str
        Those that have a value on some bar of every symbol.
    unavailable : tuple of str
        The others, which no model can read.
    signals : tuple of str
    x, mirror_x : mapping of str to float64, shape (n_bars, n_names)
        Features of the market and of its mirror image.
    votes, mirror_votes : mapping of str to float64, shape (n_bars, n_signals)
    """

    asked: tuple[str, ...]
    names: tuple[str, ...]
    unavailable: tuple[str, ...]
    signals: tuple[str, ...]
    x: Mapping[str, FloatArray]
    mirror_x: Mapping[str, FloatArray]
    votes: Mapping[str, FloatArray]
    mirror_votes: Mapping[str, FloatArray]

    @classmethod
    def of(cls, strategy: Strategy, bars: Mapping[str, Bars]) -> Self:
        """Compute every column over every history.

        Raises
        ------
        StrategyError
            If a column fails.
        """
        mirrors = {symbol: mirrored(item) for symbol, item in bars.items()}
        x = {symbol: strategy.features_of(item) for symbol, item in bars.items()}
        mirror_x = {symbol: strategy.features_of(item) for symbol, item in mirrors.items()}
        has_value = np.ones(len(strategy.features), dtype=np.bool_)
        for table in (*x.values(), *mirror_x.values()):
            has_value &= np.isfinite(table).any(axis=0)
        asked = strategy.feature_names
        return cls(
            asked=asked,
            names=tuple(name for name, has in zip(asked, has_value, strict=True) if has),
            unavailable=tuple(name for name, has in zip(asked, has_value, strict=True) if not has),
            signals=strategy.signal_names,
            x={symbol: table[:, has_value] for symbol, table in x.items()},
            mirror_x={symbol: table[:, has_value] for symbol, table in mirror_x.items()},
            votes={symbol: strategy.votes_of(item) for symbol, item in bars.items()},
            mirror_votes={symbol: strategy.votes_of(item) for symbol, item in mirrors.items()},
        )


def beside(table: FloatArray, own: FloatArray) -> FloatArray:
    """Return both tables as one, in C-order."""
    return np.ascontiguousarray(np.concatenate((table, own), axis=1))
