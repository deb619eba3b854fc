"""Laws that hold for every feature: it cannot see the future, and history equals stream."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars
from assay.domain.timeframe import Timeframe
from assay.features.catalogue import all_features, default_features, parse
from assay.features.frame import FeatureStream, compute

Maker = Callable[..., Bars]

JOINED = tuple(
    f"{name}@{frame}"
    for frame in ("H4", "D1", "W1")
    for name in ("rsi_14", "drift_8", "bb_percent_20", "vwap_gap_20", "week_sin", "obv")
)
EVERY = (*all_features(), *JOINED)
COLUMNS = ("open", "high", "low", "close", "volume", "spread")
FEW = settings(deadline=None, max_examples=12)


def streamed(bars: Bars, names: tuple[str, ...]) -> np.ndarray:
    stream = FeatureStream(names, bars.timeframe)
    return np.array([stream.update(bars.between(i, i + 1)) for i in range(len(bars))])


def differing(names: tuple[str, ...], one: np.ndarray, other: np.ndarray) -> list[str]:
    return [
        name
        for k, name in enumerate(names)
        if not np.array_equal(one[:, k], other[:, k], equal_nan=True)
    ]


@FEW
@given(
    seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 699), poison=st.sampled_from([np.nan, 1e9])
)
def test_past_values_ignore_the_future(
    make_bars: Maker, seed: int, cut: int, poison: float
) -> None:
    bars = make_bars(700, seed)
    altered = {name: getattr(bars, name).copy() for name in COLUMNS}
    for column in altered.values():
        column[cut:] = poison

    before = compute(bars, EVERY)
    after = compute(replace(bars, **altered), EVERY)

    assert after.names == before.names == EVERY
    assert differing(EVERY, before.values[:cut], after.values[:cut]) == []


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), holes=st.booleans())
def test_history_equals_stream_to_the_last_bit(make_bars: Maker, seed: int, holes: bool) -> None:
    bars = make_bars(500, seed)
    if holes:
        volume = bars.volume.copy()
        volume[np.random.default_rng(seed).random(500) < 0.02] = np.nan
        bars = replace(bars, volume=volume)

    assert differing(EVERY, compute(bars, EVERY).values, streamed(bars, EVERY)) == []


def test_history_equals_stream_over_real_gold(gold: Bars) -> None:
    bars = gold.between(40_000, 46_000)  # longer than the memory of a stream

    assert differing(EVERY, compute(bars, EVERY).values, streamed(bars, EVERY)) == []


def test_the_future_changes_nothing_over_real_gold(gold: Bars) -> None:
    whole, part = compute(gold, EVERY), compute(gold.between(0, 50_001), EVERY)

    assert differing(EVERY, whole.values[:50_001], part.values) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_exactly_the_declared_warm_up_is_nan(make_bars: Maker, seed: int) -> None:
    frame = compute(make_bars(1_500, seed), all_features())

    for k, name in enumerate(frame.names):
        warm_up = parse(name).warm_up
        assert np.isnan(frame.values[:warm_up, k]).all(), name
        assert np.isfinite(frame.values[warm_up:, k]).all(), name
    assert frame.warm_up == max(parse(name).warm_up for name in frame.names)


def test_values_stay_finite_in_a_dead_market(make_bars: Maker) -> None:
    bars = make_bars(1_500, 3)
    flat = {name: np.full(1_500, 1_500.0) for name in ("open", "high", "low", "close")}
    frame = compute(replace(bars, **flat, volume=np.zeros(1_500)), all_features())

    for k, name in enumerate(frame.names):
        assert np.isfinite(frame.values[parse(name).warm_up :, k]).all(), name


def test_a_later_start_is_forgotten_after_the_declared_bars(make_bars: Maker) -> None:
    """The warm-up that a live start needs: 1e-6 of the feature's own size."""
    n_bars, late = 14_000, 997
    bars = make_bars(n_bars, 4)
    names = tuple(name for name in all_features() if parse(name).settled >= 0)
    whole = compute(bars, names).values[late:]
    part = compute(bars.between(late, n_bars), names).values

    for k, name in enumerate(names):
        settled = parse(name).settled
        assert settled < n_bars - late, name
        size = np.std(whole[settled:, k]) + np.mean(np.abs(whole[settled:, k]))
        gap = np.max(np.abs(whole[settled:, k] - part[settled:, k]))
        assert gap <= 1e-6 * size + 1e-300, (name, gap / size)


def test_a_hole_in_the_volume_heals(make_bars: Maker) -> None:
    bars = make_bars(900, 5)
    volume = bars.volume.copy()
    volume[400] = np.nan
    names = tuple(name for name in all_features() if parse(name).is_optional)
    frame = compute(replace(bars, volume=volume), (*names, "rsi_14"))
    reads = [("volume" in parse(name).columns) for name in names]

    for k, (name, hurt) in enumerate(zip(names, reads, strict=True)):
        assert np.isnan(frame.values[400, k]) == hurt, name
        assert np.isfinite(frame.values[400 + parse(name).warm_up + 1 :, k]).all(), name
    assert np.isfinite(frame.values[14:, -1]).all()


def test_without_volume_only_volume_features_are_left_out(make_bars: Maker) -> None:
    names = default_features(Timeframe.H1, [Timeframe.H4])
    wanted = (*names, "mfi_14@H4")
    frame = compute(make_bars(400, 6, volume=False), wanted)

    lacking = {"volume_z_64", "volume_balance_20", "vwap_gap_20", "mfi_14@H4"}
    assert set(frame.unavailable) == lacking
    assert frame.names == tuple(name for name in wanted if name not in lacking)
    assert frame.values.shape == (400, len(frame.names))
    assert frame.values.flags.c_contiguous


@FEW
@given(seed=st.integers(0, 2**32 - 1), n_bars=st.integers(1, 27))
def test_short_histories_are_all_warm_up(make_bars: Maker, seed: int, n_bars: int) -> None:
    frame = compute(make_bars(n_bars, seed), ("sma_50", "rsi_14@D1", "adx_14"))

    assert np.isnan(frame.values).all()
    assert frame.warm_up == n_bars
