"""The tape: every event of every symbol, in the order in which it became known."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.timeframe import Timeframe
from assay.engine import market as columns
from assay.engine.conversion import conversion_rates
from assay.engine.dated import check_facts, dated_events, nights_by_version, no_charges
from assay.kernels.compiler import FloatArray, IntArray
from assay.kernels.volatility import ewma_volatility
from assay.risk.facts import RecordArray

Uint8Array = NDArray[np.uint8]

VOLATILITY_SPAN_BARS = 100
VOLATILITY_RETURNS_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Events ordered by ``(known_ns, time_ns, symbol index)``.

    Attributes
    ----------
    symbols : tuple of str
        Symbol index ``s`` stands for ``symbols[s]``.
    timeframe : Timeframe
    time_ns, known_ns : int64, shape (n_events,)
        Open and close of each bar, UTC nanoseconds.
    symbol : int64, shape (n_events,)
    market : float64, shape (N_COLUMNS, n_events), C-contiguous
        Rows as in ``assay.engine.market``.
    is_calm : uint8, shape (n_events,)
        1 where no night is charged and the conversion is that of the symbol's event before.
    finer : float64, shape (8, n_finer)
        Quotes of finer bars, rows as in *market*.
    finer_range : int64, shape (2, n_events), or (2, 0) without finer bars
        First and one-past-last finer bar of each event.
    version : int64, shape (n_events,), or (0,) where no contract facts change
        Row of ``assay.risk.facts.dated_facts`` that holds at each event.
    charges : records of ``CHARGE``
        Which version charges which nights, where facts change.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    time_ns: IntArray
    known_ns: IntArray
    symbol: IntArray
    market: FloatArray
    is_calm: Uint8Array
    finer: FloatArray
    finer_range: IntArray
    version: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    charges: RecordArray = field(default_factory=no_charges)

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def bid_close(self) -> FloatArray:
        """Bid at each event's close."""
        return np.asarray(self.market[columns.BID_CLOSE])

    @property
    def ask_close(self) -> FloatArray:
        """Ask at each event's close."""
        return np.asarray(self.market[columns.ASK_CLOSE])

    @property
    def mid_close(self) -> FloatArray:
        """Middle of bid and ask at each event's close, float64, shape (n_events,)."""
        return 0.5 * (self.bid_close + self.ask_close)

    def since(self, first: int) -> "Tape":
        """Return the tape from event *first* on; what was known before stays in its columns."""
        return self.between(first, len(self))

    def between(self, first: int, stop: int) -> "Tape":
        """Return the events *first* to *stop*, the latter excluded."""
        span = slice(first, stop)
        market = np.ascontiguousarray(self.market[:, span])
        version = self.version[span]
        inside = (self.charges.event >= first) & (self.charges.event < stop)
        charges = self.charges[inside].view(np.recarray)
        charges.event -= first
        return replace(
            self,
            time_ns=self.time_ns[span],
            known_ns=self.known_ns[span],
            symbol=self.symbol[span],
            market=market,
            is_calm=calm_events(market, self.symbol[span], version),
            finer_range=self.finer_range[:, span],
            version=version,
            charges=charges,
        )

    def first_versions(self) -> IntArray:
        """Return the row of ``dated_facts`` that holds at each symbol's first event."""
        if not len(self.version):
            return np.arange(len(self.symbols))
        begins = [int(np.argmax(self.symbol == s)) for s in range(len(self.symbols))]
        return self.version[begins]


def check_versions(tape: Tape, n_versions: int) -> None:
    """Refuse contract facts of *n_versions* versions that *tape* was not built with.

    Raises
    ------
    DataError
        If the tape knows of fewer or more.
    """
    known = int(tape.version.max()) + 1 if len(tape.version) else len(tape.symbols)
    is_dated = n_versions > len(tape.symbols)
    is_known = is_dated == (len(tape.version) > 0) and known <= n_versions
    if len(tape) and not is_known:
        raise DataError(
            f"A tape must be run with the contract facts it was built with; they have "
            f"{n_versions} versions for {len(tape.symbols)} symbols, and the tape knows "
            f"{known}.",
            remedy="Pass the same instruments to build_tape and to the run.",
        )


def calm_events(
    market: FloatArray, symbol: IntArray, version: IntArray | None = None
) -> Uint8Array:
    """Return 1 for events that charge no night and keep their symbol's conversion and facts."""
    calm = market[columns.NIGHTS] == 0.0
    conversion = market[columns.CONVERSION]
    for s in np.unique(symbol):
        mine = np.flatnonzero(symbol == s)
        calm[mine[1:]] &= conversion[mine[1:]] == conversion[mine[:-1]]
        if version is not None and len(version):
            calm[mine[1:]] &= version[mine[1:]] == version[mine[:-1]]
        calm[mine[:1]] = False
    return np.asarray(calm, dtype=np.uint8)


def build_tape(
    bars_by_symbol: Mapping[str, Bars],
    instruments: Mapping[str, ContractFacts],
    costs: CostSettings,
    account_currency: str,
    *,
    finer: Mapping[str, Bars] | None = None,
    conversion_bars: Mapping[str, Bars] | None = None,
) -> Tape:
    """Return the tape of *bars_by_symbol*, which fixes the order of the symbols.

    Parameters
    ----------
    bars_by_symbol : mapping of symbol to Bars
        With both sides quoted, of one timeframe, at least one bar each.
    instruments : mapping of symbol to Instrument or FactsHistory
    costs : CostSettings
        ``spread_multiple`` widens the ask here; everything else is applied by the engine.
    account_currency : str
    finer : mapping of symbol to Bars, optional
        Finer bars with both sides; they settle events that hold both stop and target.
    conversion_bars : mapping of symbol to Bars, optional
        Pairs that convert quote into account currency, beside the traded ones.

    Raises
    ------
    DataError
        If bars are missing, one-sided, inconsistent, of several timeframes, a
        conversion pair is missing, or the size of a contract changes.
    ConfigError
        If swaps were quoted in the currency of another account.
    """
    if not bars_by_symbol:
        raise DataError("A tape must have at least one symbol; had none.", remedy="Pass bars.")
    timeframes = {bars.timeframe for bars in bars_by_symbol.values()}
    if len(timeframes) > 1:
        names = ", ".join(sorted(timeframe.name for timeframe in timeframes))
        raise DataError(
            f"All symbols of a tape must share one timeframe; had {names}.",
            remedy="Resample them to one of these.",
        )
    pairs = {**bars_by_symbol, **(conversion_bars or {})}
    histories = [FactsHistory.of(instruments[symbol]) for symbol in bars_by_symbol]
    parts = [
        _symbol_market(bars, history, costs, account_currency, pairs)
        for bars, history in zip(bars_by_symbol.values(), histories, strict=True)
    ]
    timeframe = timeframes.pop()
    time_ns = np.concatenate([bars.time_ns for bars in bars_by_symbol.values()])
    known_ns = bar_close(time_ns, timeframe)
    symbol = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    market = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    if len(parts) > 1:
        order = np.lexsort((symbol, time_ns, known_ns))
        time_ns, known_ns, symbol = time_ns[order], known_ns[order], symbol[order]
        market = np.ascontiguousarray(market[:, order])
    finer_quotes, finer_range = _finer_ranges(
        tuple(bars_by_symbol), time_ns, known_ns, symbol, finer or {}, costs
    )
    version, charges = dated_events(time_ns, symbol, histories)
    return Tape(
        symbols=tuple(bars_by_symbol),
        timeframe=timeframe,
        time_ns=time_ns,
        known_ns=known_ns,
        symbol=symbol,
        market=market,
        is_calm=calm_events(market, symbol, version),
        finer=finer_quotes,
        finer_range=finer_range,
        version=version,
        charges=charges,
    )


def _quotes(bars: Bars, costs: CostSettings, out: FloatArray) -> None:
    # Write the eight quote rows of *bars*, the ask widened by the spread multiple.
    if (
        bars.ask_open is None
        or bars.ask_high is None
        or bars.ask_low is None
        or bars.ask_close is None
    ):
        raise DataError(
            f"{bars.symbol} bars must quote bid and ask; the ask is missing.",
            remedy="Pass them through assay.data.spread.quoted_both_sides first.",
            symbol=bars.symbol,
        )
    sides = (bars.open, bars.high, bars.low, bars.close)
    asks = (bars.ask_open, bars.ask_high, bars.ask_low, bars.ask_close)
    for row, (bid, ask) in enumerate(zip(sides, asks, strict=True)):
        out[row] = bid
        out[row + 4] = ask
        if costs.spread_multiple != 1.0:
            out[row + 4] = bid + (ask - bid) * costs.spread_multiple
    if costs.spread_multiple != 1.0:
        # The spread varies inside a bar, so widening may lift an open above the high.
        out[5] = np.maximum(out[5], np.maximum(out[4], out[7]))
        out[6] = np.minimum(out[6], np.minimum(out[4], out[7]))
    for first in (0, 4):
        open_, high, low, close = out[first : first + 4]
        bad = ~((low > 0.0) & (low <= open_) & (low <= close) & (high >= open_) & (high >= close))
        if bad.any():
            i = int(np.argmax(bad))
            raise DataError(
                f"{bars.symbol} bars must hold 0 < low <= open, close <= high; bar {i} had open "
                f"{open_[i]:g}, high {high[i]:g}, low {low[i]:g}, close {close[i]:g}.",
                remedy="Import the file again: its quality checks quarantine such rows.",
                symbol=bars.symbol,
                bar=i,
            )


def _symbol_market(
    bars: Bars,
    history: FactsHistory,
    costs: CostSettings,
    account_currency: str,
    pairs: Mapping[str, Bars],
) -> FloatArray:
    if not len(bars):
        raise DataError(
            f"{bars.symbol} must have at least one bar; had none.",
            remedy="Widen market.start and market.end, or import more history.",
            symbol=bars.symbol,
        )
    check_facts(history, bars.time_ns, account_currency)
    out = np.empty((columns.N_COLUMNS, len(bars)))
    _quotes(bars, costs, out)
    mid = 0.5 * (out[columns.BID_CLOSE] + out[columns.ASK_CLOSE])
    known = ewma_volatility(mid, VOLATILITY_SPAN_BARS, VOLATILITY_RETURNS_MIN)
    out[columns.VOLATILITY_NEXT] = known
    out[columns.VOLATILITY, 0] = np.nan
    out[columns.VOLATILITY, 1:] = known[:-1]
    out[columns.CONVERSION] = conversion_rates(bars, history, account_currency, pairs)
    out[columns.NIGHTS] = nights_by_version(bars.time_ns, history).sum(axis=0)
    return out


def _finer_ranges(
    symbols: tuple[str, ...],
    time_ns: IntArray,
    known_ns: IntArray,
    symbol: IntArray,
    finer: Mapping[str, Bars],
    costs: CostSettings,
) -> tuple[FloatArray, IntArray]:
    # Lay the finer bars of all symbols side by side and say which belong to each event.
    if not finer:
        return np.empty((columns.N_QUOTES, 0)), np.empty((2, 0), dtype=np.int64)
    ranges = np.zeros((2, len(time_ns)), dtype=np.int64)
    parts = []
    offset = 0
    for s, name in enumerate(symbols):
        bars = finer.get(name)
        if bars is None:
            continue
        quotes = np.empty((columns.N_QUOTES, len(bars)))
        _quotes(bars, costs, quotes)
        mine = np.flatnonzero(symbol == s)
        ranges[0, mine] = offset + np.searchsorted(bars.time_ns, time_ns[mine], side="left")
        ranges[1, mine] = offset + np.searchsorted(bars.time_ns, known_ns[mine], side="left")
        parts.append(quotes)
        offset += len(bars)
    return np.ascontiguousarray(np.concatenate(parts, axis=1)), ranges
