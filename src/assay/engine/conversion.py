"""Account currency per unit of quote currency, as known at each event's open."""

from collections.abc import Mapping

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.kernels.compiler import FloatArray


def conversion_rates(
    bars: Bars, facts: ContractFacts, account_currency: str, pairs: Mapping[str, Bars]
) -> FloatArray:
    """Return the conversion at each bar of *bars*, shape (n_bars,).

    Parameters
    ----------
    bars : Bars
    facts : Instrument or FactsHistory
        Those of *bars*.
    account_currency : str
    pairs : mapping of symbol to Bars
        Where the rate of another pair may be read; only closes known at the open of a
        bar are used. Before the first of them the pair's first open stands in.

    Raises
    ------
    DataError
        If no pair of the quote and the account currency is given.
    """
    instrument = FactsHistory.of(facts).latest
    if instrument.quote == account_currency:
        return np.ones(len(bars))
    if instrument.base == account_currency:
        return 1.0 / bars.open
    pair, is_inverse = _pair(facts, account_currency, pairs)
    closes = _known_closes(bars, pair)
    return 1.0 / closes if is_inverse else closes


def rates_from(facts: ContractFacts, account_currency: str, pairs: Mapping[str, Bars]) -> int:
    """Return the first moment at which a rate is known, UTC nanoseconds; 0 if none is needed.

    Raises
    ------
    DataError
        If no pair of the quote and the account currency is given.
    """
    instrument = FactsHistory.of(facts).latest
    if account_currency in (instrument.quote, instrument.base):
        return 0
    pair, _ = _pair(facts, account_currency, pairs)
    return int(bar_close(pair.time_ns[:1], pair.timeframe)[0])


def _pair(
    facts: ContractFacts, account_currency: str, pairs: Mapping[str, Bars]
) -> tuple[Bars, bool]:
    """Return the pair that converts, and whether it is quoted the other way round."""
    instrument = FactsHistory.of(facts).latest
    for name, is_inverse in (
        (f"{instrument.quote}{account_currency}", False),
        (f"{account_currency}{instrument.quote}", True),
    ):
        if name in pairs and len(pairs[name]):
            return pairs[name], is_inverse
    raise DataError(
        f"{instrument.symbol} is priced in {instrument.quote} and the account is in "
        f"{account_currency}: a pair of the two must be given; was none.",
        remedy=f"Import {instrument.quote}{account_currency} or {account_currency}"
        f"{instrument.quote}, or choose another account.currency.",
        symbol=instrument.symbol,
    )


def _known_closes(bars: Bars, pair: Bars) -> FloatArray:
    known_ns = bar_close(pair.time_ns, pair.timeframe)
    last = np.searchsorted(known_ns, bars.time_ns, side="right") - 1
    return np.where(last >= 0, pair.close[np.maximum(last, 0)], pair.open[0])
