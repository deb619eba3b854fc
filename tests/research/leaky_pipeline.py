"""A small clean pipeline from bars to row sets, and a leaking twin of each of its stages."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe
from assay.research.history import History
from assay.research.labels import triple_barrier
from assay.research.leaks.scene import Rows, Scene
from assay.research.leaks.stages import FitStage, Folds, RowStage, SeriesStage, Stage
from assay.research.splits.purged import purged_kfold, purged_train

HORIZON = 12
EMBARGO = 12
N_BARS = 900
N_TRAIN = 600
WARM_UP = 50
Array = np.ndarray


def market(seed: int = 3) -> Bars:
    """Return hourly bars with weekend gaps, and spreads that are missing now and then."""
    rng = np.random.default_rng(seed)
    hours = np.arange(N_BARS + 48 * (N_BARS // 120 + 1))
    hours = hours[hours % 168 < 120][:N_BARS]
    close = 1_000.0 * np.exp(np.cumsum(rng.standard_normal(N_BARS) * 2e-3))
    opened = np.concatenate([[1_000.0], close[:-1]]) * (1 + rng.standard_normal(N_BARS) * 2e-4)
    wick = np.abs(rng.standard_normal((2, N_BARS))) * 0.8
    spread = rng.uniform(0.1, 0.4, N_BARS)
    spread[rng.random(N_BARS) < 0.05] = np.nan
    return Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=hours * NS_PER_HOUR,
        open=opened,
        high=np.maximum(opened, close) + wick[0],
        low=np.minimum(opened, close) - wick[1],
        close=close,
        volume=rng.integers(50, 500, N_BARS).astype(np.float64),
        spread=spread,
    )


def lagged(x: Array, n: int) -> Array:
    """Return *x* of *n* bars ago (negative: ahead), NaN where there is none."""
    out = np.full(len(x), np.nan)
    if n >= 0:
        out[n:] = x[: max(0, len(x) - n)]
    else:
        out[:n] = x[-n:]
    return out


def rolling(x: Array, n: int, statistic: Callable[..., Array]) -> Array:
    """Return *statistic* of the last *n* values."""
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        windows = np.lib.stride_tricks.sliding_window_view(x, n)
        out[n - 1 :] = statistic(windows, axis=1)
    return out


def log_return(bars: Bars) -> Array:
    return np.log(bars.close / lagged(bars.close, 1))


def scene_of(bars: Bars) -> Scene:
    """Return bars as the history of a workspace with default settings."""
    history = History(bars={bars.symbol: bars}, instruments={})
    return Scene(history=history, settings=Settings())


def on(compute: Callable[[Bars], Any]) -> Callable[[Scene], Any]:
    """Return *compute* as a stage asks it."""
    return lambda scene: compute(scene.bars)


def label_rows(known: Callable[[Bars], Array]) -> Callable[[Scene], Rows]:
    """Return rows that are known at the close of the bar that *known* names, -1 for never."""

    def rows(scene: Scene) -> Rows:
        bar = known(scene.bars)
        there = (bar >= 0) & (bar < len(bar))
        at = np.where(there, scene.known_ns[np.where(there, bar, 0)], -1)
        return Rows(time_ns=scene.bars.time_ns, known_ns=at, settled_ns=at)

    return rows


# -- clean stages ------------------------------------------------------------------------------


def features(bars: Bars) -> Mapping[str, Array]:
    change = log_return(bars)
    volatility = rolling(change, 20, np.std)
    return {
        "return_1": change,
        "sma_distance_20": bars.close / rolling(bars.close, 20, np.mean) - 1.0,
        "return_scaled": change / np.where(volatility > 0, volatility, np.nan),
        "spread_filled": forward_filled(bars.spread),
    }


def forward_filled(x: Array) -> Array:
    last = np.maximum.accumulate(np.where(np.isnan(x), -1, np.arange(len(x))))
    return np.where(last >= 0, x[np.maximum(last, 0)], np.nan)


def _four_hour_closes(bars: Bars) -> tuple[Array, Array]:
    """Return open stamps (in blocks of four hours) of the coarse bars, and their closes."""
    block = bars.time_ns // (4 * NS_PER_HOUR)
    last = np.flatnonzero(np.append(np.diff(block) > 0, True))
    return block[last], bars.close[last]


def higher_timeframe(bars: Bars) -> Mapping[str, Array]:
    """Join the last four-hour close that is known when the hour closes."""
    block, close = _four_hour_closes(bars)
    known_ns = (block + 1) * 4 * NS_PER_HOUR
    at = np.searchsorted(known_ns, bars.time_ns + NS_PER_HOUR, side="right") - 1
    return {"close@H4": np.where(at >= 0, close[np.maximum(at, 0)], np.nan)}


def patterns(bars: Bars) -> Mapping[str, Array]:
    """Mark a high of seven bars once three later bars have confirmed it."""
    peak = rolling(bars.high, 7, np.max) == lagged(bars.high, 3)
    return {"pivot_high": np.where(peak, lagged(bars.high, 3), np.nan)}


def labels(bars: Bars) -> Mapping[str, Array]:
    barrier = 5.0 * rolling(log_return(bars), 20, np.std)
    side, move, end = triple_barrier(bars.open, bars.high, bars.low, bars.close, barrier, HORIZON)
    return {"side": side, "move": move, "end": end}


def label_end(bars: Bars) -> Array:
    return labels(bars)["end"]


def label_known(bars: Bars) -> Array:
    """Return the bar at which each label is there: an early touch waits for its horizon too."""
    return np.where(label_end(bars) >= 0, np.arange(len(bars)) + HORIZON, -1)


def table(bars: Bars) -> Array:
    return np.column_stack([*features(bars).values(), *higher_timeframe(bars).values()])


def train_rows(bars: Bars, until: int) -> Array:
    """Return rows whose features are warm and whose labels are there by *until*."""
    known = label_known(bars)
    rows = np.arange(len(bars))
    return rows[(rows >= WARM_UP) & (known >= 0) & (known <= until)]


def scaler(bars: Bars) -> Mapping[str, Array]:
    x = table(bars)[WARM_UP : N_TRAIN + 1]
    return {"mean": x.mean(axis=0), "deviation": x.std(axis=0)}


def selector(bars: Bars) -> Mapping[str, Array]:
    rows = train_rows(bars, N_TRAIN)
    return {"chosen": strongest(bars, rows)}


def strongest(bars: Bars, rows: Array) -> Array:
    x, y = table(bars)[rows], labels(bars)["side"][rows]
    strength = [abs(np.corrcoef(column, y)[0, 1]) for column in x.T]
    return np.array(strength)


def line(bars: Bars, rows: Array) -> Mapping[str, Array]:
    """Fit side on the scaled return: a calibrator of two numbers."""
    x, y = features(bars)["return_scaled"][rows], labels(bars)["side"][rows]
    slope, intercept = np.polyfit(x, y, 1)
    return {"slope": np.array([slope]), "intercept": np.array([intercept])}


def calibrator(bars: Bars) -> Mapping[str, Array]:
    rows = train_rows(bars, N_TRAIN)
    return line(bars, rows[-100:])


def stacker(bars: Bars) -> Mapping[str, Array]:
    rows = train_rows(bars, N_TRAIN)
    return line(bars, rows[:-200])


def spans(bars: Bars) -> tuple[Array, Array]:
    """Return the closed spans of all labels: from the entry to the end."""
    end = label_end(bars)
    rows = np.flatnonzero(end >= 0)
    return rows + 1, end[rows]


def split(start: Array, end: Array) -> Folds:
    return purged_kfold(start, end, n_folds=5, embargo=EMBARGO)


def calibration_rows(start: Array, end: Array) -> Folds:
    """Pair the calibration rows with the rows of the models, and with the test rows."""
    n = len(start)
    test = np.arange(int(n * 0.8), n)
    own = np.arange(int(n * 0.6), int(n * 0.8))
    before_test = purged_train(start, end, test, embargo=0)
    own = np.intersect1d(own, before_test)
    models = np.arange(0, int(n * 0.6))
    models = models[end[models] < start[own].min()]
    return [(models, own), (own, test), (models, test)]


def clean_stages(bars: Bars) -> dict[str, Stage]:
    """Return the pipeline as it should be."""
    start, end = spans(bars)
    until_ns = int(scene_of(bars).known_ns[N_TRAIN])
    return {
        "features": SeriesStage(name="features", compute=on(features)),
        "join": SeriesStage(name="join", compute=on(higher_timeframe)),
        "patterns": SeriesStage(name="patterns", compute=on(patterns)),
        "labels": SeriesStage(name="labels", compute=on(labels), rows=label_rows(label_known)),
        "scaler": FitStage(name="scaler", fit=on(scaler), until_ns=until_ns),
        "selector": FitStage(name="selector", fit=on(selector), until_ns=until_ns),
        "stacker": FitStage(name="stacker", fit=on(stacker), until_ns=until_ns),
        "calibrator": FitStage(name="calibrator", fit=on(calibrator), until_ns=until_ns),
        "split": RowStage(name="split", start=start, end=end, split=split, embargo=EMBARGO),
        "calibration": RowStage(name="calibration", start=start, end=end, split=calibration_rows),
    }


# -- leaking twins -----------------------------------------------------------------------------


def beside(column: str, leak: Callable[[Bars], Array]) -> Callable[[Scene], Any]:
    return on(lambda bars: {**features(bars), column: leak(bars)})


def shifted_target(bars: Bars) -> Array:
    return lagged(log_return(bars), -1)


def centred_window(bars: Bars) -> Array:
    return bars.close / lagged(rolling(bars.close, 9, np.mean), -4) - 1.0


def back_filled(bars: Bars) -> Array:
    return forward_filled(bars.spread[::-1])[::-1]


def whole_sample_volatility(bars: Bars) -> Array:
    change = np.diff(np.log(bars.close), prepend=np.log(bars.open[0]))
    return change / max(float(np.std(change)), 1e-12)


def late_leak(bars: Bars) -> Array:
    """Leak at bar 700 alone: it knows the close after it."""
    out = log_return(bars)
    if len(bars) > 701:
        out[700] = np.log(bars.close[701] / bars.close[700])
    return out


def open_stamped_join(bars: Bars) -> Mapping[str, Array]:
    """Join on the open stamp: the hours of a block know its close."""
    block, close = _four_hour_closes(bars)
    at = np.searchsorted(block, bars.time_ns // (4 * NS_PER_HOUR), side="right") - 1
    return {"close@H4": close[at]}


def unconfirmed_pivot(bars: Bars) -> Mapping[str, Array]:
    """Mark the high at its own bar, three bars before anybody could know."""
    return {"pivot_high": lagged(patterns(bars)["pivot_high"], -3)}


def understated_end(bars: Bars) -> Array:
    """Say that every label is known two bars before it is."""
    return np.maximum(label_known(bars) - 2, -1)


def whole_sample_scaler(bars: Bars) -> Mapping[str, Array]:
    x = table(bars)[WARM_UP:]
    return {"mean": x.mean(axis=0), "deviation": x.std(axis=0)}


def whole_sample_selector(bars: Bars) -> Mapping[str, Array]:
    return {"chosen": strongest(bars, train_rows(bars, len(bars) - 1))}


def selector_with_open_labels(bars: Bars) -> Mapping[str, Array]:
    """Select on rows that start by the cutoff, though their labels end after it."""
    rows = train_rows(bars, len(bars) - 1)
    return {"chosen": strongest(bars, rows[rows <= N_TRAIN])}


def calibrator_on_test_rows(bars: Bars) -> Mapping[str, Array]:
    rows = train_rows(bars, len(bars) - 1)
    return line(bars, rows[rows > N_TRAIN - 50])


def unpurged_split(start: Array, end: Array) -> Folds:
    rows = np.arange(len(start))
    return [(np.setdiff1d(rows, test), test) for test in np.array_split(rows, 5)]


def shuffled_split(start: Array, end: Array) -> Folds:
    rows = np.random.default_rng(1).permutation(len(start))
    return [(np.setdiff1d(rows, test), np.sort(test)) for test in np.array_split(rows, 5)]


def split_without_embargo(start: Array, end: Array) -> Folds:
    return purged_kfold(start, end, n_folds=5, embargo=0)


def calibrated_on_training_rows(start: Array, end: Array) -> Folds:
    models = calibration_rows(start, end)[0][0]
    return [(models, models[-150:])]
