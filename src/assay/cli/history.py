"""Take from the catalogue what a run needs: bars, finer bars, conversion pairs, and their story."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.domain.errors import DataError
from assay.domain.progress import Progress
from assay.domain.time import iso_utc, utc_ns

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.bars import Bars
    from assay.data.catalogue import Catalogue
    from assay.data.entry import Entry
    from assay.domain.facts_history import FactsHistory
    from assay.domain.timeframe import Timeframe
    from assay.research.history import History


def read_history(catalogue: "Catalogue", settings: "Settings", progress: Progress) -> "History":
    """Read the history that *settings* name.

    Raises
    ------
    ConfigError
        If a symbol has no contract facts.
    DataError
        If a series is unknown, damaged or empty between ``market.start`` and ``market.end``.
    """
    from assay.data.specification.loading import load_facts
    from assay.data.spread import has_spread, quoted_both_sides
    from assay.data.spread_statistics import best_spread
    from assay.domain.timeframe import Timeframe
    from assay.research.history import History

    timeframe = Timeframe.parse(settings.market.timeframe)
    symbols = settings.market.symbols
    progress.stage("Reading history", len(symbols))
    bars, instruments, finer, spreads = {}, {}, {}, {}
    notes: list[tuple[str, str]] = []
    quality: list[tuple[str, str]] = []
    for symbol in symbols:
        overrides = settings.instruments.get(symbol, {})
        instruments[symbol] = load_facts(catalogue.root, symbol, overrides)
        source = source_entry(catalogue, symbol, timeframe)
        bars[symbol] = read_series(catalogue, source, timeframe, settings)
        notes += _story(source, bars[symbol])
        quality.append(_quarantined(source))
        if not has_spread(bars[symbol]) and (week := best_spread(catalogue, symbol)) is not None:
            spreads[symbol] = week
        finest = _finest(catalogue, symbol, timeframe)
        if finest is not None and finest.timeframe is not None:
            detail = read_series(catalogue, finest, finest.timeframe, settings, may_be_empty=True)
            if len(detail):
                facts, week = instruments[symbol], spreads.get(symbol)
                finer[symbol] = quoted_both_sides(detail, facts, week)[0]
                notes.append((f"{symbol} finer bars", f"{finest.series}, {len(detail):,} rows"))
        progress.advance()
    return History(
        bars=bars,
        instruments=instruments,
        finer=finer,
        spreads=spreads,
        conversion_bars=_conversion(catalogue, instruments, settings, timeframe),
        quality=tuple(quality),
        notes=tuple(notes),
    )


def source_entry(catalogue: "Catalogue", symbol: str, timeframe: "Timeframe") -> "Entry":
    """Return the series to read bars of *timeframe* from: that one, or the nearest finer one.

    Raises
    ------
    DataError
        If the symbol is unknown or has only longer bars.
    """
    stored = [entry for entry in catalogue.list() if entry.symbol == symbol]
    usable = [entry for entry in stored if _seconds(entry) <= timeframe.value]
    if usable:
        return max(usable, key=_seconds)
    if not stored:
        return catalogue.entry(symbol, timeframe)  # raises, and names the nearest symbol
    raise DataError(
        f"{symbol} must have bars of {timeframe.name} or shorter; has only "
        f"{', '.join(entry.series for entry in stored)}.",
        remedy=f"Import shorter bars, or set market.timeframe to {stored[0].series}.",
        symbol=symbol,
        timeframe=timeframe.name,
    )


def read_series(
    catalogue: "Catalogue",
    source: "Entry",
    timeframe: "Timeframe",
    settings: "Settings",
    *,
    may_be_empty: bool = False,
) -> "Bars":
    """Read bars of *timeframe* from *source*, built from shorter bars or ticks where needed.

    Raises
    ------
    DataError
        If there are none between ``market.start`` and ``market.end``, unless *may_be_empty*.
    """
    from assay.data.resample import bars_from_ticks, resample

    start_ns, stop_ns = _day_ns(settings.market.start), _day_ns(settings.market.end)
    if source.timeframe is None:
        bars = bars_from_ticks(catalogue.read_ticks(source.symbol, start_ns, stop_ns), timeframe)
    else:
        bars = catalogue.read_bars(source.symbol, source.timeframe, start_ns, stop_ns)
        if source.timeframe is not timeframe and len(bars):
            bars = resample(bars, timeframe)
    if len(bars) or may_be_empty:
        return bars
    raise DataError(
        f"{source.symbol} must have bars between market.start and market.end; has them from "
        f"{iso_utc(source.first_ns)} to {iso_utc(source.last_ns)}.",
        remedy="Correct market.start or market.end.",
        symbol=source.symbol,
    )


def _finest(catalogue: "Catalogue", symbol: str, timeframe: "Timeframe") -> "Entry | None":
    """Return the shortest stored bars below *timeframe*; ticks are not read for this."""
    shorter = [
        entry
        for entry in catalogue.list()
        if entry.symbol == symbol and entry.timeframe and entry.timeframe.value < timeframe.value
    ]
    return min(shorter, key=_seconds, default=None)


def _conversion(
    catalogue: "Catalogue",
    instruments: Mapping[str, "FactsHistory"],
    settings: "Settings",
    timeframe: "Timeframe",
) -> dict[str, "Bars"]:
    """Read the pairs between the quote currencies and that of the account, as far as stored."""
    account = settings.account.currency
    stored = {entry.symbol for entry in catalogue.list()}
    found = {}
    for instrument in instruments.values():
        if account in (instrument.quote, instrument.base):
            continue
        for pair in (f"{instrument.quote}{account}", f"{account}{instrument.quote}"):
            if pair in stored and pair not in instruments:
                source = source_entry(catalogue, pair, timeframe)
                found[pair] = read_series(catalogue, source, timeframe, settings)
    return found


def _story(source: "Entry", bars: "Bars") -> list[tuple[str, str]]:
    """Say where the rows came from."""
    name = f"{source.symbol} {bars.timeframe.name}"
    made = "" if source.timeframe is bars.timeframe else f", built from {source.series}"
    lines = [
        (name, f"{len(bars):,} bars from {_time(bars, 0)} to {_time(bars, -1)}{made}"),
        (f"{name} content", f"sha256 {source.content_hash}"),
    ]
    for item in source.provenance[-5:]:
        lines.append(
            (
                f"{name} source",
                f"{item.source} ({item.importer}, {item.timezone}): {item.rows_kept:,} of "
                f"{item.rows_in:,} rows kept",
            )
        )
    return lines


def _quarantined(source: "Entry") -> tuple[str, str]:
    """Say how many rows of the sources were refused."""
    quarantined = sum(item.rows_quarantined for item in source.provenance)
    return f"{source.symbol} {source.series} quarantined rows", f"{quarantined:,}"


def _seconds(entry: "Entry") -> int:
    return 0 if entry.timeframe is None else entry.timeframe.value


def _time(bars: "Bars", i_bar: int) -> str:
    return iso_utc(int(bars.time_ns[i_bar]))[:16].replace("T", " ")


def _day_ns(day: str | None) -> int | None:
    """Return the first instant of a day, UTC."""
    return None if day is None else int(utc_ns(datetime.fromisoformat(day).replace(tzinfo=UTC)))
