"""Regimes: causal, and named after what the market did."""

from dataclasses import replace

import numpy as np

from assay.config.instruments import load_instrument
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.regimes.volatility import NAMES, UNKNOWN, volatility_regimes

BARS = simulate(SimulatedMarket(seed=1, n_bars=8_000), load_instrument("XAUUSD"))


def test_the_past_label_ignores_the_future() -> None:
    whole = volatility_regimes(BARS)
    np.testing.assert_array_equal(whole[:6_000], volatility_regimes(BARS.between(0, 6_000)))


def test_a_storm_after_a_calm_is_turbulent_and_the_warm_up_is_unknown() -> None:
    wild = BARS.close.copy()
    wild[7_000:] *= np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 1_000)))
    label = volatility_regimes(replace(BARS, close=wild, ask_close=wild + 0.2))
    assert (label[:100] == UNKNOWN).all()
    assert NAMES[label[7_300]] == "turbulent"
    assert set(np.unique(label)) <= {UNKNOWN, 0, 1, 2}
