"""Features that no library has, against their definitions written out slowly."""

from collections.abc import Callable
from math import log, sqrt

import numpy as np
import pytest

from assay.data.bars import Bars
from assay.features.catalogue import parse

Maker = Callable[..., Bars]


def feature(name: str, bars: Bars) -> np.ndarray:
    return parse(name).batch(bars)


def test_range_volatilities_of_one_bar() -> None:
    """Figures of a worked example: open 102, high 110, low 100, close 108."""
    arrays = [np.array([value]) for value in (102.0, 110.0, 100.0, 108.0)]

    assert parse("parkinson_1").batch(arrays[0], *arrays[1:])[0] == pytest.approx(
        0.0572396, abs=1e-7
    )
    assert parse("garman_klass_1").batch(*arrays)[0] == pytest.approx(0.0572709, abs=1e-7)
    assert parse("rogers_satchell_1").batch(*arrays)[0] == pytest.approx(0.0539401, abs=1e-7)


def test_yang_zhang_is_the_sum_of_its_three_variances(make_bars: Maker) -> None:
    bars, n = make_bars(300, 1), 20
    gap = np.log(bars.open[1:] / bars.close[:-1])
    body = np.log(bars.close / bars.open)[1:]
    up, down = np.log(bars.high / bars.open)[1:], np.log(bars.low / bars.open)[1:]
    satchell = up * (up - body) + down * (down - body)
    share = 0.34 / (1.34 + (n + 1) / (n - 1))
    expected = [
        sqrt(
            np.var(gap[i - n : i], ddof=1)
            + share * np.var(body[i - n : i], ddof=1)
            + (1 - share) * np.mean(satchell[i - n : i])
        )
        for i in range(n, len(gap) + 1)
    ]

    assert share == pytest.approx(0.139044, abs=1e-6)
    np.testing.assert_allclose(feature("yang_zhang_20", bars)[n:], expected, rtol=1e-9)


def test_exponential_volatility_is_a_weighted_mean_square(make_bars: Maker) -> None:
    bars, span = make_bars(400, 2), 32
    change = np.diff(np.log(bars.close))
    weight = (1 - 2 / (span + 1)) ** np.arange(len(change))[::-1]
    expected = sqrt(np.sum(weight * change**2) / np.sum(weight))

    assert feature("ew_volatility_32", bars)[-1] == pytest.approx(expected, rel=1e-9)


def white_noise(n_bars: int, n_steps: int = 16) -> dict[str, np.ndarray]:
    """Return bars of a walk with equal steps and no drift."""
    rng = np.random.default_rng(3)
    path = np.cumsum(rng.normal(0.0, 1e-3 / sqrt(n_steps), n_bars * n_steps))
    price = 1_500.0 * np.exp(path.reshape(n_bars, n_steps))
    opened = np.concatenate([[1_500.0], price[:-1, -1]])
    return {
        "high": np.maximum(price.max(axis=1), opened),
        "low": np.minimum(price.min(axis=1), opened),
        "close": price[:, -1].copy(),
    }


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("trend_16", 0.05),
        ("trend_128", 0.05),
        ("drift_8", 0.05),
        ("drift_64", 0.05),
        ("steady_drift_64", 0.1),
    ],
)
def test_trends_have_unit_variance_on_white_noise(name: str, tolerance: float) -> None:
    bars, bound = white_noise(200_000), parse(name)

    values = bound.batch(*(bars[column] for column in bound.columns))[1_000:]

    assert np.std(values) == pytest.approx(1.0, abs=tolerance)


def test_drift_recovers_a_hidden_drift() -> None:
    rng = np.random.default_rng(4)
    hidden = np.repeat(rng.choice([-1.0, 1.0], 200), 500) * 2e-4
    close = 1_500.0 * np.exp(np.cumsum(hidden + rng.normal(0.0, 1e-3, hidden.size)))

    drift = parse("drift_128").batch(close)

    assert np.corrcoef(drift[1_000:], hidden[1_000:])[0, 1] > 0.6


def test_moments_are_those_of_the_window(make_bars: Maker) -> None:
    bars, n = make_bars(300, 5), 64
    change = np.diff(np.log(bars.close))[-n:]
    centred = change - change.mean()
    second = np.mean(centred**2)

    assert feature("volatility_64", bars)[-1] == pytest.approx(change.std(ddof=1), rel=1e-9)
    assert feature("skewness_64", bars)[-1] == pytest.approx(np.mean(centred**3) / second**1.5)
    assert feature("kurtosis_64", bars)[-1] == pytest.approx(np.mean(centred**4) / second**2 - 3)
    assert feature("autocorrelation_64", bars)[-1] == pytest.approx(
        np.sum(centred[1:] * centred[:-1]) / n / second
    )


def levels(bars: Bars, i: int, n: int) -> tuple[float, float]:
    """Return support and resistance at bar *i* from all pivots confirmed by then."""
    highs, lows = bars.high, bars.low
    tops = [highs[j] for j in range(n, i - n + 1) if highs[j] == highs[j - n : j + n + 1].max()]
    bottoms = [lows[j] for j in range(n, i - n + 1) if lows[j] == lows[j - n : j + n + 1].min()]
    above = [level for level in tops[-4:] if level >= bars.close[i]]
    below = [level for level in bottoms[-4:] if level <= bars.close[i]]
    window = slice(i - 2 * n, i + 1)
    return (
        max(below) if below else lows[window].min(),
        min(above) if above else highs[window].max(),
    )


def test_support_and_resistance_come_from_confirmed_pivots(make_bars: Maker) -> None:
    bars, n = make_bars(400, 6), 5
    support, resistance = feature("support_5", bars), feature("resistance_5", bars)

    for i in range(2 * n, 400):
        assert (support[i], resistance[i]) == levels(bars, i, n)
        assert support[i] <= bars.close[i] <= resistance[i]


def test_extremes_equal_those_of_every_window(make_bars: Maker) -> None:
    bars = make_bars(500, 7)
    for n in (2, 3, 20, 64):
        upper, lower = feature(f"donchian_upper_{n}", bars), feature(f"donchian_lower_{n}", bars)
        for i in range(n - 1, 500):
            assert upper[i] == bars.high[i - n + 1 : i + 1].max()
            assert lower[i] == bars.low[i - n + 1 : i + 1].min()


def test_running_sums_do_not_drift_after_a_shock(make_bars: Maker) -> None:
    """A spike of a million lies in the window once; afterwards nothing of it is left."""
    close = make_bars(2_000, 8).close.copy()
    close[300] = 1e6
    for name in ("bb_upper_20", "bb_width_20", "wma_20", "cci_20"):
        bound = parse(name)
        spiked = bound.batch(*([close] * len(bound.columns)))[600:]
        fresh = bound.batch(*([close[500:]] * len(bound.columns)))[100:]
        np.testing.assert_allclose(spiked, fresh, rtol=1e-9, atol=1e-12)


def test_sessions_follow_new_york_time(make_bars: Maker) -> None:
    bars = make_bars(24, 9)  # closes from Sunday 18:00 to Monday 17:00 New York
    flags = {name: feature(f"session_{name}", bars) for name in ("asia", "london", "new_york")}

    assert flags["asia"].tolist() == [0.0] + [1.0] * 9 + [0.0] * 14
    assert flags["london"].tolist() == [0.0] * 9 + [1.0] * 9 + [0.0] * 6
    assert flags["new_york"].tolist() == [0.0] * 14 + [1.0] * 9 + [0.0]
    assert feature("day_sin", bars)[5] == pytest.approx(np.sin(2 * np.pi * 23 / 24))


def test_volume_features_weigh_by_volume() -> None:
    close = np.array([10.0, 11.0, 12.0, 11.0])
    volume = np.array([1.0, 2.0, 3.0, 4.0])

    vwap = parse("vwap_2").batch(close, close, close, volume)
    balance = parse("volume_balance_2").batch(close, volume)

    np.testing.assert_allclose(vwap[1:], [32 / 3, 58 / 5, 80 / 7], rtol=1e-12)
    np.testing.assert_allclose(balance[2:], [1.0, -1 / 7], rtol=1e-12)
    assert parse("log_return_1").batch(close)[1] == pytest.approx(log(1.1))
