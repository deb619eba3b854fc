"""Conversion rates are those known at each open; before the first of them nothing is traded."""

from dataclasses import replace

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import DataError
from assay.engine.conversion import conversion_rates, rates_from
from assay.research.history import History
from assay.research.preparation import assemble, quote

CROSS, DOLLAR = load_instrument("EURJPY"), load_instrument("USDJPY")
LATE = 40
SETTINGS = Settings.model_validate({"features": {"names": ["drift_8"], "timeframes": []}})


@pytest.fixture(scope="module")
def bars() -> Bars:
    return simulate(SimulatedMarket(seed=4, n_bars=400, start_price=130.0), CROSS)


@pytest.fixture(scope="module")
def pair(bars: Bars) -> Bars:
    """Return USDJPY on the same hours, which begins 40 bars later."""
    whole = simulate(SimulatedMarket(seed=6, n_bars=400, start_price=110.0), DOLLAR)
    return replace(whole, time_ns=bars.time_ns).between(LATE, 400)


def history_of(bars: Bars, pair: Bars) -> History:
    return History(
        bars={"EURJPY": bars},
        instruments={"EURJPY": CROSS},
        conversion_bars={"USDJPY": pair},
    )


def test_a_rate_is_the_last_close_known_at_the_open(bars: Bars, pair: Bars) -> None:
    rates = conversion_rates(bars, CROSS, "USD", {"USDJPY": pair})

    np.testing.assert_array_equal(rates[LATE + 1 :], 1.0 / pair.close[:-1])
    assert rates_from(CROSS, "USD", {"USDJPY": pair}) == bars.time_ns[LATE + 1]
    assert rates_from(CROSS, "JPY", {}) == rates_from(CROSS, "EUR", {}) == 0


def test_a_symbol_begins_where_its_first_rate_is_known(bars: Bars, pair: Bars) -> None:
    quoted, notes = quote(SETTINGS, history_of(bars, pair))

    assert quoted["EURJPY"].time_ns[0] == bars.time_ns[LATE + 1]
    assert "41 bars late" in notes["EURJPY"]


@pytest.mark.compiled
def test_no_cost_knows_a_rate_of_the_future(bars: Bars, pair: Bars) -> None:
    other = replace(pair, open=pair.open * 2.0, close=pair.close * 2.0)
    later = 200
    mixed = replace(
        pair,
        open=np.concatenate((pair.open[:later], other.open[later:])),
        close=np.concatenate((pair.close[:later], other.close[later:])),
    )
    one = assemble(SETTINGS, history_of(bars, pair))[0].data["EURJPY"].labels.cost
    two = assemble(SETTINGS, history_of(bars, mixed))[0].data["EURJPY"].labels.cost

    np.testing.assert_array_equal(one[: later - 1], two[: later - 1])
    assert (one[later + 1 :] != two[later + 1 :]).any()


def test_a_symbol_that_ends_before_its_rate_begins_is_refused(bars: Bars, pair: Bars) -> None:
    with pytest.raises(DataError, match="ends before"):
        quote(SETTINGS, history_of(bars.between(0, LATE), pair))


def test_a_missing_pair_is_named(bars: Bars, pair: Bars) -> None:
    for pairs in ({}, {"USDJPY": pair.between(0, 0)}):
        with pytest.raises(DataError, match="USDJPY"):
            conversion_rates(bars, CROSS, "USD", pairs)
