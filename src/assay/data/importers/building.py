"""Bars and ticks from checked rows: units of spread and volume are settled here."""

import numpy as np

from assay.data.arrays import FloatArray
from assay.data.bars import Bars, Ticks
from assay.data.importers.ordering import Table
from assay.data.importers.rules import widened
from assay.domain.timeframe import Timeframe

_DIGITS_MAX = 8
_OVERFLOWS = (2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**32)


def ticks_from(symbol: str, table: Table) -> Ticks:
    """Return rows as ticks."""
    return Ticks(
        symbol=symbol, time_ns=table.time_ns, bid=table.values["bid"], ask=table.values["ask"]
    )


def without_overflow(volume: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Return volumes with NaN where a counter of the source ran over, and what was blanked.

    Counters of 32 or 64 bits that ran over are negative, or the largest number they hold.
    """
    ran_over = (volume < 0.0) | np.isin(volume, _OVERFLOWS) | (volume >= 2.0**63)
    n_over = int(np.count_nonzero(ran_over))
    if not n_over:
        return volume, ()
    first = float(volume[ran_over][0])
    says = f"{n_over} volumes such as {first:.0f} (overflow in the source) were blanked."
    return np.where(ran_over, np.nan, volume), (says,)


def bars_from(
    symbol: str, timeframe: Timeframe, table: Table, *, digits: int | None
) -> tuple[Bars, tuple[str, ...]]:
    """Return rows as bars, and what was assumed about volume and spread.

    A volume of zero in every row means that the source has none. A spread of whole numbers
    next to prices with decimals is in points.
    """
    values = widened(dict(table.values))
    n_rows, said = len(table), list[str]()
    volume = values.get("volume", np.full(n_rows, np.nan))
    volume, more = without_overflow(volume)
    said += more
    if not (volume > 0.0).any():
        volume = np.full(n_rows, np.nan)
    has_ask = "ask_open" in values
    spread = values.get("spread", np.full(n_rows, np.nan))
    if has_ask and "spread" not in values:
        spread = values["ask_close"] - values["close"]
    elif not (spread > 0.0).any():
        spread = np.full(n_rows, np.nan)
    elif not has_ask and _is_whole(spread):
        places = digits if digits is not None else decimals_of(values["close"])
        if places > 0:
            spread = spread / 10.0**places
            said.append(f"Spread is read as points of {10.0**-places:g}.")
    sides = (
        {f"ask_{part}": values[f"ask_{part}"] for part in ("open", "high", "low", "close")}
        if (has_ask)
        else {}
    )
    bars = Bars(
        symbol=symbol,
        timeframe=timeframe,
        time_ns=table.time_ns,
        open=values["open"],
        high=values["high"],
        low=values["low"],
        close=values["close"],
        volume=volume,
        spread=spread,
        **sides,
    )
    return bars, tuple(said)


def _is_whole(values: FloatArray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(np.all(finite == np.rint(finite)))


def decimals_of(prices: FloatArray) -> int:
    """Return the decimal places that prices use.

    Examples
    --------
    >>> decimals_of(np.array([1.5, 1.25, 1.0]))
    2
    """
    sample = prices[:: max(1, len(prices) // 2_000)]
    for places in range(_DIGITS_MAX):
        if np.allclose(np.round(sample, places), sample, rtol=0.0, atol=1e-9):
            return places
    return _DIGITS_MAX
