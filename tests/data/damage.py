"""Seeded damage of a history, and where it was planted."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.calendar import bar_open, minute_of_week
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from assay.domain.timeframe import Timeframe

SHARE = 0.001
ROW, STRETCH = "row", "stretch"


@dataclass(frozen=True)
class Planted:
    """A damaged history.

    Attributes
    ----------
    series : Bars or Ticks
    times_ns : int64 array
        Times of the damaged rows, as they are in *series*.
    """

    series: Bars | Ticks
    times_ns: np.ndarray


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes
    ----------
    name : str
    check : str
        The check that names it.
    plant : callable
        ``plant(series, rng) -> Planted``.
    kind : {"row", "stretch"}
        Whether every row is found on its own, or the stretch as a whole.
    needs : str
        What the history must have: "", "volume", "spread", "ask".
    """

    name: str
    check: str
    plant: Callable[..., Planted]
    kind: str = ROW
    needs: str = ""


def n_rows(series: Bars | Ticks) -> int:
    return max(5, round(SHARE * len(series)))


def columns_of(series: Bars | Ticks) -> dict[str, np.ndarray]:
    return {
        field.name: value.copy()
        for field in fields(series)
        if isinstance(value := getattr(series, field.name), np.ndarray)
    }


def take(series: Bars | Ticks, rows: np.ndarray) -> Bars | Ticks:
    return replace(series, **{name: value[rows] for name, value in columns_of(series).items()})


def at_random(series: Bars | Ticks, rng: np.random.Generator, n: int | None = None, apart: int = 6):
    """Choose rows inside the history, at least *apart* rows from each other."""
    n = n_rows(series) if n is None else n
    edge = 8
    slots = np.arange(edge, len(series) - edge, apart)
    return np.sort(rng.choice(slots, size=min(n, len(slots)), replace=False))


def usual_range(bars: Bars) -> np.ndarray:
    """Return the median range of the hundred bars around each."""
    ranges = bars.high - bars.low
    at = np.clip(np.arange(len(bars)), 60, max(60, len(bars) - 61))
    blocks = np.array([np.median(ranges[max(0, i - 60) : i + 60]) for i in range(0, len(bars), 20)])
    return np.maximum(blocks[np.minimum(at // 20, len(blocks) - 1)], np.median(ranges) / 4)


def stretches(series: Bars | Ticks, rng: np.random.Generator, length: int) -> np.ndarray:
    """Choose the starts of as many stretches as make up the share, well apart."""
    n = max(1, n_rows(series) // length)
    slots = np.arange(8, len(series) - length - 8, max(4 * length, 40))
    return np.sort(rng.choice(slots, size=min(n, len(slots)), replace=False))


def rows_of(starts: np.ndarray, length: int) -> np.ndarray:
    return (starts[:, None] + np.arange(length)).ravel()


# --- missing rows -------------------------------------------------------------------------


def remove_single(series, rng):
    return _without(series, at_random(series, rng))


def remove_runs(series, rng):
    starts = stretches(series, rng, 5)
    return _without(series, rows_of(starts, 5))


def remove_sessions(bars, rng):
    """Take whole trading days away."""
    days = bar_open(bars.time_ns, Timeframe.D1)
    inner = np.unique(days)[2:-2]
    per_day = max(1, len(bars) // max(1, len(inner)))
    n_days = max(1, n_rows(bars) // per_day)
    gone = rng.choice(inner, size=min(n_days, len(inner)), replace=False)
    return _without(bars, np.flatnonzero(np.isin(days, gone)))


def _without(series, gone):
    kept = np.setdiff1d(np.arange(len(series)), gone)
    return Planted(take(series, kept), series.time_ns[gone])


# --- times ----------------------------------------------------------------------------------


def _inserted(series, at, **values):
    """Insert a row after each of *at*: a copy of it, with other values where given."""
    columns = columns_of(series)
    for name, column in columns.items():
        inserted = values.get(name, column[at])
        columns[name] = np.insert(column, at + 1, inserted)
    return replace(series, **columns)


def repeat_rows(series, rng):
    at = at_random(series, rng)
    return Planted(_inserted(series, at), series.time_ns[at])


def contradict_rows(bars, rng):
    at = at_random(bars, rng)
    shift = 0.1 * (bars.high - bars.low)[at] + 1e-9
    values = {name: getattr(bars, name)[at] + shift for name in ("open", "high", "low", "close")}
    return Planted(_inserted(bars, at, **values), bars.time_ns[at])


def disorder(series, rng):
    """Exchange a row with the third after it."""
    at = at_random(series, rng, apart=9)
    order = np.arange(len(series))
    order[at], order[at + 3] = at + 3, at
    return Planted(take(series, order), series.time_ns[at])


def off_grid(bars, rng):
    at = at_random(bars, rng)
    columns = columns_of(bars)
    columns["time_ns"][at] += rng.integers(1, 50, len(at)) * NS_PER_SECOND
    return Planted(replace(bars, **columns), columns["time_ns"][at])


def copy_stretches(bars, rng):
    """Write a stretch of bars again, some bars later."""
    length = 12
    starts = stretches(bars, rng, length)
    rows = rows_of(starts, length)
    columns = columns_of(bars)
    for name, column in columns.items():
        if name != "time_ns":
            column[rows] = column[rows - length]
    return Planted(replace(bars, **columns), bars.time_ns[rows])


def longer_bars(bars, rng):
    """Put bars of a longer timeframe among the others."""
    longer = {Timeframe.M1: Timeframe.M15, Timeframe.M15: Timeframe.H1}.get(
        bars.timeframe, Timeframe.H4
    )
    ratio = longer.nominal_ns // bars.timeframe.nominal_ns
    whole = np.flatnonzero(bar_open(bars.time_ns, longer) == bars.time_ns)
    whole = whole[(whole > 8) & (whole < len(bars) - ratio - 8)]
    last = whole + ratio - 1
    whole = whole[
        bars.time_ns[last] - bars.time_ns[whole] == longer.nominal_ns - bars.timeframe.nominal_ns
    ]
    at = np.sort(rng.choice(whole, size=min(n_rows(bars), len(whole) // 4), replace=False))
    columns = columns_of(bars)
    for i in at:
        inside = slice(i, i + ratio)
        columns["high"][i] = bars.high[inside].max()
        columns["low"][i] = bars.low[inside].min()
        columns["close"][i] = bars.close[i + ratio - 1]
        columns["volume"][i] = bars.volume[inside].sum()
    return Planted(replace(bars, **columns), bars.time_ns[at])


def shift_clock(bars, rng):
    """Move two days of rows by an hour or two; rows they run into give way."""
    length = max(n_rows(bars), 2 * NS_PER_DAY // bars.timeframe.nominal_ns)
    start = int(rng.integers(len(bars) // 5, len(bars) - length - 10))
    shift_ns = int(rng.choice([-2, -1, 1, 2])) * NS_PER_HOUR
    columns = columns_of(bars)
    rows = np.arange(start, start + length)
    columns["time_ns"][rows] += shift_ns
    moved = columns["time_ns"][rows]
    is_moved = np.isin(np.arange(len(bars)), rows)
    kept = is_moved | (columns["time_ns"] < moved[0]) | (columns["time_ns"] > moved[-1])
    return Planted(replace(bars, **{k: v[kept] for k, v in columns.items()}), moved)


# --- hours -----------------------------------------------------------------------------------


def _weekends(series, rng):
    """Choose last rows before a weekend: of a Friday, not earlier than 16:00 New York."""
    last = np.flatnonzero(np.diff(series.time_ns) > 40 * NS_PER_HOUR)
    minute = minute_of_week(series.time_ns[last])
    last = last[(minute >= (5 * 24 + 16) * 60) & (minute < 6 * 24 * 60)]
    return np.sort(rng.choice(last, size=min(n_rows(series), len(last)), replace=False))


def weekend_rows(bars, rng):
    """Insert bars on Saturday, at the prices of Friday's last bar."""
    at = _weekends(bars, rng)
    hours = rng.integers(6, 20, len(at)) * NS_PER_HOUR
    time_ns = bar_open(bars.time_ns[at] + hours, bars.timeframe)
    wobble = 0.2 * (bars.high - bars.low)[at]
    return Planted(_inserted(bars, at, time_ns=time_ns, high=bars.high[at] + wobble), time_ns)


def weekend_pads(bars, rng):
    """Insert flat bars in the weekend: no volume, all prices those of the last close."""
    at = _weekends(bars, rng)
    time_ns = bar_open(bars.time_ns[at] + 2 * bars.timeframe.nominal_ns, bars.timeframe)
    close = bars.close[at]
    flat = dict.fromkeys(("open", "high", "low"), close)
    flat["volume"] = np.where(np.isnan(bars.volume[at]), np.nan, 0.0)
    return Planted(_inserted(bars, at, time_ns=time_ns, **flat), time_ns)


# --- prices ------------------------------------------------------------------------------------


def _changed(bars, at, **values):
    columns = columns_of(bars)
    for name, value in values.items():
        columns[name][at] = value
    return Planted(replace(bars, **columns), bars.time_ns[at])


def nan_prices(bars, rng):
    at = at_random(bars, rng)
    name = rng.choice(["open", "high", "low", "close"])
    return _changed(bars, at, **{str(name): rng.choice([np.nan, np.inf], len(at))})


def negative_prices(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, low=-bars.low[at] * rng.integers(0, 2, len(at)))


def close_outside(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, close=bars.high[at] + 0.3 * usual_range(bars)[at])


def swap_high_low(bars, rng):
    at = at_random(bars, rng)
    at = at[bars.high[at] > bars.low[at]]
    return _changed(bars, at, high=bars.low[at], low=bars.high[at])


def swap_open_close(bars, rng):
    """Exchange open and close of bars that move by at least half of a usual range."""
    steps = np.abs(bars.open[1:] - bars.close[:-1])
    body = np.abs(bars.open - bars.close)
    is_long = body > np.maximum(0.7 * usual_range(bars), 12 * np.median(steps))
    is_long[:-1] &= np.diff(bars.time_ns) == bars.timeframe.nominal_ns
    is_long[1:] &= is_long[1:] & (np.diff(bars.time_ns) == bars.timeframe.nominal_ns)
    at = at_random(bars, rng, len(bars))
    at = at[is_long[at]]
    at = np.sort(rng.choice(at, size=min(n_rows(bars), len(at)), replace=False))
    return _changed(bars, at, open=bars.close[at], close=bars.open[at])


def spike_bars(bars, rng):
    """Lift or drop one price by six to thirty usual ranges; high and low follow it."""
    at = at_random(bars, rng)
    leap = rng.uniform(6, 30, len(at)) * usual_range(bars)[at] * rng.choice([-1, 1], len(at))
    if rng.random() < 0.5:
        price = bars.close[at] + leap
        return _changed(
            bars,
            at,
            close=price,
            high=np.maximum(bars.high[at], price),
            low=np.minimum(bars.low[at], price),
        )
    return _changed(
        bars,
        at,
        high=bars.high[at] + np.maximum(leap, 0.0),
        low=bars.low[at] + np.minimum(leap, 0.0),
    )


def _digits(price: np.ndarray) -> int:
    for digits in range(7):
        if np.mean(np.abs(price - np.round(price, digits)) < 1e-9 * price) > 0.9:
            return digits
    return 6


def slip_digit(bars, rng):
    """Write one digit wrong, of a place worth five usual ranges or more."""
    at = at_random(bars, rng)
    digits = _digits(bars.close)
    columns = columns_of(bars)
    scale = usual_range(bars)
    for i in at:
        name = str(rng.choice(["open", "high", "low", "close"]))
        points = round(columns[name][i] * 10**digits)
        least = int(np.ceil(np.log10(5 * scale[i] * 10**digits)))
        place = int(rng.integers(least, len(str(points)))) if least < len(str(points)) else least
        digit = points // 10**place % 10
        other = int(rng.choice([d for d in range(10) if d != digit]))
        columns[name][i] = (points + (other - digit) * 10**place) / 10**digits
    return Planted(replace(bars, **columns), bars.time_ns[at])


def shift_point(bars, rng):
    """Move the decimal point of one price."""
    at = at_random(bars, rng)
    columns = columns_of(bars)
    for i in at:
        name = str(rng.choice(["open", "high", "low", "close"]))
        columns[name][i] *= float(rng.choice([0.01, 0.1, 10.0, 100.0]))
    return Planted(replace(bars, **columns), bars.time_ns[at])


def shift_level(bars, rng):
    """Move the level of stretches by eight usual ranges: the step up is found."""
    length = 10
    starts = stretches(bars, rng, length)
    joined = np.diff(bars.time_ns, prepend=0) == bars.timeframe.nominal_ns
    starts = starts[joined[starts]]
    rows = rows_of(starts, length)
    leap = np.repeat(10.0 * usual_range(bars)[starts], length)
    values = {name: getattr(bars, name)[rows] + leap for name in ("open", "high", "low", "close")}
    return replace(_changed(bars, rows, **values), times_ns=bars.time_ns[starts])


def round_prices(bars, rng):
    """Drop the last decimal; bars that show three prices all the same are left out."""
    digits = _digits(bars.close) - 1
    at = at_random(bars, rng)
    names = ("open", "high", "low", "close")
    values = {name: np.round(getattr(bars, name)[at], digits) for name in names}
    n_prices = np.array([len(set(row)) for row in zip(*values.values(), strict=True)])
    is_changed = np.any([values[name] != getattr(bars, name)[at] for name in names], axis=0)
    keep = (n_prices >= 3) & is_changed
    at = at[keep]
    return _changed(bars, at, **{name: value[keep] for name, value in values.items()})


def noisy_prices(bars, rng):
    digits = _digits(bars.close)
    at = at_random(bars, rng)
    return _changed(bars, at, close=bars.close[at] + 0.37 * 10.0**-digits)


def freeze_bars(bars, rng):
    length = 12
    starts = stretches(bars, rng, length)
    rows = rows_of(starts, length)
    price = np.repeat(bars.close[starts - 1], length)
    return _changed(bars, rows, open=price, high=price, low=price, close=price)


def freeze_ask(bars, rng):
    """Let the ask stand, above every bid, while the bid moves on."""
    length = 24
    rows = rows_of(stretches(bars, rng, length), length)
    ask = np.repeat(
        np.maximum.reduceat(bars.ask_high[rows], np.arange(0, len(rows), length)), length
    )
    sides = dict.fromkeys(("ask_open", "ask_high", "ask_low", "ask_close"), ask)
    return _changed(bars, rows, **sides, spread=ask - bars.close[rows])


# --- volume and spread ---------------------------------------------------------------------------


def zero_volume(bars, rng):
    return _changed(bars, at_random(bars, rng), volume=0.0)


def lose_volume(bars, rng):
    return _changed(bars, at_random(bars, rng), volume=np.nan)


def overflow_volume(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, volume=rng.choice([2.0**31 - 1, 2.0**32 - 1, -1.0, 1.8e19], len(at)))


def spike_volume(bars, rng):
    at = at_random(bars, rng)
    usual = np.array([np.median(bars.volume[max(0, i - 80) : i + 80]) for i in at])
    return _changed(bars, at, volume=np.maximum(150.0 * usual, 1e4))


def cross_bars(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, spread=-np.abs(bars.spread[at]))


def zero_spread(bars, rng):
    return _changed(bars, at_random(bars, rng), spread=0.0)


def lose_spread(bars, rng):
    return _changed(bars, at_random(bars, rng), spread=np.nan)


def widen_spread(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, spread=60.0 * np.median(bars.spread[np.isfinite(bars.spread)]))


def contradict_spread(bars, rng):
    at = at_random(bars, rng)
    return _changed(bars, at, spread=1.5 * bars.spread[at])


def mix_sides(bars, rng):
    """Write the ask's prices where the bid's belong."""
    at = at_random(bars, rng)
    return _changed(
        bars,
        at,
        open=bars.ask_open[at],
        high=bars.ask_high[at],
        low=bars.ask_low[at],
        close=bars.ask_close[at],
    )


def cross_ask(bars, rng):
    at = at_random(bars, rng)
    shift = 3 * np.abs(bars.ask_close[at] - bars.close[at])
    return _changed(
        bars, at, ask_close=bars.ask_close[at] - shift, ask_low=bars.ask_low[at] - shift
    )


BAR_DAMAGES = (
    Damage("single bars removed", "missing_bars", remove_single, "gap"),
    Damage("runs of bars removed", "missing_bars", remove_runs, "gap"),
    Damage("trading days removed", "missing_bars", remove_sessions, "gap"),
    Damage("rows repeated", "duplicates", repeat_rows),
    Damage("rows contradicted", "conflicting_times", contradict_rows),
    Damage("rows out of order", "unordered", disorder),
    Damage("times off the grid", "time_grid", off_grid),
    Damage("stretches copied", "copied_rows", copy_stretches),
    Damage("longer bars among them", "timeframe_purity", longer_bars),
    Damage("clock shifted", "clock_shift", shift_clock, STRETCH),
    Damage("weekend bars", "sunday_bars", weekend_rows),
    Damage("weekend pads", "flat_padding", weekend_pads),
    Damage("prices not finite", "not_finite", nan_prices),
    Damage("prices not positive", "not_positive", negative_prices),
    Damage("close outside", "broken_ohlc", close_outside),
    Damage("high and low swapped", "swapped_columns", swap_high_low),
    Damage("open and close swapped", "swapped_columns", swap_open_close),
    Damage("spikes", "spikes", spike_bars),
    Damage("digits wrong", "digit_slip", slip_digit),
    Damage("decimal point moved", "digit_slip", shift_point),
    Damage("level shifted", "open_gap", shift_level),
    Damage("prices rounded", "coarse_prices", round_prices),
    Damage("prices with noise", "float_noise", noisy_prices),
    Damage("market frozen", "stale", freeze_bars),
    Damage("ask frozen", "frozen_quotes", freeze_ask, needs="ask"),
    Damage("volume zero", "zero_volume", zero_volume, needs="volume"),
    Damage("volume lost", "missing_volume", lose_volume, needs="volume"),
    Damage("volume overflown", "volume_overflow", overflow_volume, needs="volume"),
    Damage("volume far too high", "volume_spike", spike_volume, needs="volume"),
    Damage("spread negative", "crossed", cross_bars, needs="spread"),
    Damage("spread zero", "zero_spread", zero_spread, needs="spread"),
    Damage("spread lost", "missing_spread", lose_spread, needs="spread"),
    Damage("spread far too wide", "wide_spread", widen_spread, needs="spread"),
    Damage("ask below bid", "crossed", cross_ask, needs="ask"),
    Damage("spread contradicted", "spread_mismatch", contradict_spread, needs="ask"),
    Damage("sides mixed", "mixed_sides", mix_sides, needs="ask"),
)


# --- ticks ------------------------------------------------------------------


def cross_ticks(ticks, rng):
    at = at_random(ticks, rng)
    return _changed(ticks, at, bid=ticks.ask[at], ask=ticks.bid[at])


def lock_ticks(ticks, rng):
    at = at_random(ticks, rng)
    return _changed(ticks, at, ask=ticks.bid[at])


def widen_ticks(ticks, rng):
    at = at_random(ticks, rng)
    return _changed(ticks, at, ask=ticks.bid[at] + 60 * np.median(ticks.ask - ticks.bid))


def _tick_scale(ticks):
    return max(np.median(ticks.ask - ticks.bid), np.median(np.abs(np.diff(ticks.bid, n=1))))


def spike_ticks(ticks, rng):
    at = at_random(ticks, rng, apart=12)
    leap = rng.uniform(20, 80, len(at)) * _tick_scale(ticks) * rng.choice([-1, 1], len(at))
    return _changed(ticks, at, bid=ticks.bid[at] + leap, ask=ticks.ask[at] + leap)


def slip_tick_digit(ticks, rng):
    """Write one digit of one side wrong, of a place worth twenty spreads or more."""
    at = at_random(ticks, rng, apart=12)
    digits, scale = _digits(ticks.bid), _tick_scale(ticks)
    columns = columns_of(ticks)
    for i in at:
        name = str(rng.choice(["bid", "ask"]))
        points = round(columns[name][i] * 10**digits)
        least = int(np.ceil(np.log10(20 * scale * 10**digits)))
        place = int(rng.integers(least, max(least + 1, len(str(points)))))
        digit = points // 10**place % 10
        other = int(rng.choice([d for d in range(10) if d != digit]))
        columns[name][i] = (points + (other - digit) * 10**place) / 10**digits
    return Planted(replace(ticks, **columns), ticks.time_ns[at])


def shift_tick_point(ticks, rng):
    at = at_random(ticks, rng, apart=12)
    factor = rng.choice([0.01, 0.1, 10.0, 100.0], len(at))
    return _changed(ticks, at, bid=ticks.bid[at] * factor)


def shift_tick_level(ticks, rng):
    """Move the level of stretches by sixty spreads: the step is found."""
    length = 60
    starts = stretches(ticks, rng, length)
    leap = 200 * _tick_scale(ticks)
    rows = rows_of(starts, length)
    steps = ticks.time_ns[starts] - ticks.time_ns[starts - 1]
    starts = starts[steps < 5 * NS_PER_SECOND]
    damaged = _changed(ticks, rows, bid=ticks.bid[rows] + leap, ask=ticks.ask[rows] + leap)
    return replace(damaged, times_ns=ticks.time_ns[starts])


def freeze_ticks(ticks, rng):
    """Repeat a quote six hundred times; the share is reached with one stretch at least."""
    length = 600
    starts = stretches(ticks, rng, length)
    rows = rows_of(starts, length)
    bid, ask = (np.repeat(side[starts], length) for side in (ticks.bid, ticks.ask))
    return _changed(ticks, rows, bid=bid, ask=ask)


def freeze_one_side(ticks, rng):
    """Let the bid stand while the ask moves on."""
    length = 600
    starts = stretches(ticks, rng, length)
    rows = rows_of(starts, length)
    low = np.minimum.reduceat(ticks.bid[rows], np.arange(0, len(rows), length))
    return _changed(ticks, rows, bid=np.repeat(low, length))


def nan_ticks(ticks, rng):
    at = at_random(ticks, rng)
    return _changed(ticks, at, bid=np.nan, ask=np.inf)


def negative_ticks(ticks, rng):
    at = at_random(ticks, rng)
    return _changed(ticks, at, bid=0.0)


def lose_side(ticks, rng):
    return _changed(ticks, at_random(ticks, rng), ask=np.nan)


def copy_ticks(ticks, rng):
    """Write a stretch of quotes again, intervals and all, where a longer one was."""
    length = 40
    starts = stretches(ticks, rng, length)
    columns = columns_of(ticks)
    rows, gone = [], []
    for i in starts:
        span = ticks.time_ns[i + length] - ticks.time_ns[i]
        stop = int(np.searchsorted(ticks.time_ns, ticks.time_ns[i + length] + span, side="right"))
        inside = np.arange(i + length, min(stop, len(ticks)))
        gone.append(inside)
        for name in ("bid", "ask"):
            rows.append((name, columns[name][i : i + length].copy()))
        rows.append(("time_ns", columns["time_ns"][i : i + length] + span))
    gone_rows = np.concatenate(gone)
    kept = np.setdiff1d(np.arange(len(ticks)), gone_rows)
    added = {name: np.concatenate([v for n, v in rows if n == name]) for name in columns}
    columns = {name: np.concatenate([columns[name][kept], added[name]]) for name in columns}
    order = np.argsort(columns["time_ns"], kind="stable")
    series = replace(ticks, **{name: value[order] for name, value in columns.items()})
    return Planted(series, added["time_ns"])


def drop_subseconds(ticks, rng):
    length = 200
    starts = stretches(ticks, rng, length)
    rows = rows_of(starts, length)
    time_ns = ticks.time_ns[rows]
    return replace(
        _changed(ticks, rows, time_ns=time_ns - time_ns % NS_PER_SECOND),
        times_ns=time_ns - time_ns % NS_PER_SECOND,
    )


def round_ticks(ticks, rng):
    length = 60
    digits = _digits(ticks.bid) - 1
    rows = rows_of(stretches(ticks, rng, length), length)
    return _changed(
        ticks,
        rows,
        bid=np.round(ticks.bid[rows], digits),
        ask=np.round(ticks.ask[rows], digits),
    )


def weekend_ticks(ticks, rng):
    """Write quotes of Saturday."""
    at = _weekends(ticks, rng)
    at = np.repeat(at, max(1, n_rows(ticks) // len(at)))
    hours = np.sort(rng.integers(6, 30, len(at))) * NS_PER_HOUR
    time_ns = np.sort(ticks.time_ns[at] + hours)
    return Planted(_inserted(ticks, at, time_ns=time_ns), time_ns)


def thin_out(ticks, rng):
    """Leave one quote in fifty of some busy hours; all that is left of them is damaged."""
    hour = ticks.time_ns - ticks.time_ns % NS_PER_HOUR
    hours, counts = np.unique(hour, return_counts=True)
    busy = hours[counts > np.median(counts)]
    chosen = rng.choice(busy, size=2, replace=False)
    is_hit = np.isin(hour, chosen)
    kept = ~is_hit | (np.arange(len(ticks)) % 50 == 0)
    return Planted(take(ticks, np.flatnonzero(kept)), np.sort(chosen))


TICK_DAMAGES = (
    Damage("quotes crossed", "crossed", cross_ticks),
    Damage("quotes without spread", "zero_spread", lock_ticks),
    Damage("quotes far too wide", "wide_spread", widen_ticks),
    Damage("quotes that leap", "spikes", spike_ticks),
    Damage("quotes with a wrong digit", "digit_slip", slip_tick_digit),
    Damage("quotes with a moved point", "digit_slip", shift_tick_point),
    Damage("quotes of another level", "open_gap", shift_tick_level),
    Damage("quotes frozen", "stale", freeze_ticks),
    Damage("bid frozen", "frozen_quotes", freeze_one_side),
    Damage("quotes not finite", "not_finite", nan_ticks),
    Damage("quotes not positive", "not_positive", negative_ticks),
    Damage("quotes of one side", "one_sided", lose_side),
    Damage("quotes repeated", "duplicates", repeat_rows),
    Damage("quotes copied", "copied_rows", copy_ticks),
    Damage("quotes out of order", "unordered", disorder),
    Damage("quotes to the second", "whole_seconds", drop_subseconds),
    Damage("quotes rounded", "coarse_prices", round_ticks),
    Damage("quotes of the weekend", "sunday_ticks", weekend_ticks),
    Damage("quotes thinned out", "tick_rate_collapse", thin_out),
)
