"""The common start of training, walk-forward and backtest: quoted bars, dataset, market, hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.spread import quoted_both_sides
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.engine.backtest import RuleChange
from assay.engine.conversion import conversion_rates, rates_from
from assay.engine.tape import Tape, build_tape
from assay.kernels.compiler import FloatArray
from assay.research.benchmarks import Market
from assay.research.data_gate import DataQuality, judge_data
from assay.research.dataset import Dataset, build_dataset
from assay.research.history import History
from assay.research.identity import code_hash, data_hash, facts_hash
from assay.research.trials.trial import settings_hash
from assay.strategy.agreement import check_agreement
from assay.strategy.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """History made ready.

    Attributes
    ----------
    dataset : Dataset
    quoted : dict of str to Bars
        With both sides.
    spread_notes : dict of str to str
        Where each symbol's spread came from.
    hashes : dict of str to str
        Of data, features, settings and code, and of a user's ``strategy.py`` where there is one.
    quality : DataQuality
        What the data checks say, and whether a low score was accepted.
    strategy : Strategy or None
        The user's columns in the dataset.
    """

    dataset: Dataset
    quoted: dict[str, Bars]
    spread_notes: dict[str, str]
    hashes: dict[str, str]
    quality: DataQuality
    strategy: Strategy | None = None


def prepare(settings: Settings, history: History, strategy: Strategy | None = None) -> Prepared:
    """Check the history, quote both sides, compute features and labels, and name what this is.

    Parameters
    ----------
    settings : Settings
    history : History
    strategy : Strategy, optional
        A user's columns.

    Raises
    ------
    DataError
        If the history does not pass the data checks, a conversion pair is missing, or no
        feature is available.
    StrategyError
        If a user's column fails, or does not say the same over the history and bar by bar.
    """
    quality = judge_data(history.bars, history.instruments, settings.quality)
    dataset, quoted, notes = assemble(settings, history, strategy)
    if strategy is not None:
        check_agreement(strategy, quoted, _columns(dataset))
    hashes = {
        "data": data_hash(history.bars),
        "facts": facts_hash(history.facts_met()),
        "features": dataset.schema_hash,
        "settings": settings_hash(settings.of_a_result()),
        "code": code_hash(),
    }
    if strategy is not None:
        hashes["strategy"] = strategy.source_hash
    return Prepared(
        dataset=dataset,
        quoted=quoted,
        spread_notes=notes,
        hashes=hashes,
        quality=quality,
        strategy=strategy,
    )


def _columns(dataset: Dataset) -> dict[str, dict[str, FloatArray]]:
    """Return features and votes by symbol and name."""
    return {
        symbol: {
            **dict(zip(dataset.names, item.x.T, strict=True)),
            **dict(zip(dataset.vote_names, item.votes.T, strict=True)),
        }
        for symbol, item in dataset.data.items()
    }


def assemble(
    settings: Settings, history: History, strategy: Strategy | None = None
) -> tuple[Dataset, dict[str, Bars], dict[str, str]]:
    """Quote both sides and compute features and labels, whatever the data checks say.

    Returns
    -------
    dataset : Dataset
    quoted : dict of str to Bars
    notes : dict of str to str
        Where each symbol's spread came from.

    Raises
    ------
    DataError
        If a conversion pair is missing, or no feature is available.
    StrategyError
        If a user's column fails.
    """
    quoted, notes = quote(settings, history)
    conversion = convert(settings, history, quoted)
    return build_dataset(quoted, history.instruments, conversion, settings, strategy), quoted, notes


def convert(
    settings: Settings, history: History, quoted: Mapping[str, Bars]
) -> dict[str, FloatArray]:
    """Return account currency per unit of quote currency at each bar of *quoted*, by symbol.

    Raises
    ------
    DataError
        If a conversion pair is missing.
    """
    pairs = {**quoted, **history.conversion_bars}
    return {
        symbol: conversion_rates(
            item, history.instruments[symbol], settings.account.currency, pairs
        )
        for symbol, item in quoted.items()
    }


def quote(settings: Settings, history: History) -> tuple[dict[str, Bars], dict[str, str]]:
    """Return the bars with both sides, by symbol, and where each symbol's spread came from.

    A symbol whose prices must be converted begins with its first bar at whose open a rate was
    known; before that, only the future could tell one.

    Raises
    ------
    DataError
        If a symbol ends before its rate begins.
    """
    quoted, notes = {}, {}
    for symbol, item in history.bars.items():
        quoted[symbol], notes[symbol] = quoted_both_sides(
            item, history.instruments[symbol], history.spreads.get(symbol)
        )
    pairs = {**quoted, **history.conversion_bars}
    account = settings.account.currency
    for symbol, item in list(quoted.items()):
        from_ns = rates_from(history.instruments[symbol], account, pairs)
        first = int(np.searchsorted(item.time_ns, from_ns))
        if first == len(item) > 0:
            raise DataError(
                f"{symbol} must have bars after the first rate into {account} is known, "
                f"{iso_utc(from_ns)}; ends before.",
                remedy="Import the pair that converts it from an earlier day on.",
                symbol=symbol,
            )
        if first:
            quoted[symbol] = item.between(first, len(item))
            notes[symbol] += (
                f" {symbol} begins {iso_utc(int(item.time_ns[first]))}, {first:,} bars late: "
                f"before, no rate into {account} was known."
            )
    return quoted, notes


def tape_of(settings: Settings, history: History, quoted: Mapping[str, Bars]) -> Tape:
    """Return every event of *quoted* bars, as the engine meets it."""
    return build_tape(
        quoted,
        history.instruments,
        settings.costs,
        settings.account.currency,
        finer=history.finer or None,
        conversion_bars=history.conversion_bars or None,
    )


def market_from(
    first: int,
    prepared: Prepared,
    settings: Settings,
    history: History,
    *,
    changes: Sequence[RuleChange] = (),
) -> Market:
    """Return what strategies trade on from event *first* on; *changes* count from there."""
    return Market(
        tape=tape_of(settings, history, prepared.quoted).since(first),
        atr=prepared.dataset.column("atr")[first:],
        instruments=history.instruments,
        settings=settings,
        changes=tuple(changes),
    )
