"""A history stored on the wrong clock is called wrong, in whole or in part; a right one never."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.importers import import_file
from assay.data.importers.sides import rows_of
from assay.data.quality import check_bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe

NAMES = ("AUDUSD_H1_mt5_ejtrader_2012_2022", "XAUUSD_M15_mt5_gbrlas7_2024")


@pytest.fixture(scope="module", params=NAMES)
def real(request: pytest.FixtureRequest, shared_data: Path) -> Bars:
    bars = import_file(shared_data / "history" / f"{request.param}.parquet").bars
    assert bars is not None
    return bars


def checked(bars: Bars):
    return check_bars(bars, load_instrument(bars.symbol).sessions)


def test_a_right_clock_raises_no_alarm(real: Bars) -> None:
    assert checked(real).check("other_clock").rows == 0


@pytest.mark.parametrize("hours", [3, -3, -5])
def test_a_whole_history_on_another_clock_scores_nothing(real: Bars, hours: int) -> None:
    report = checked(replace(real, time_ns=real.time_ns + hours * NS_PER_HOUR))

    assert report.check("other_clock").rows == len(real)
    assert not report.check("other_clock").is_passed
    assert report.score == 0.0


def test_a_half_on_another_clock_is_flagged_alone(real: Bars) -> None:
    half = len(real) // 2
    time_ns = real.time_ns.copy()
    time_ns[half:] += 3 * NS_PER_HOUR
    keep = np.ones(len(real), dtype=np.bool_)
    keep[half : half + 12] = False
    report = checked(rows_of(replace(real, time_ns=time_ns), keep))
    flagged = report.check("other_clock").rows

    assert abs(flagged - (len(real) - half)) < 0.02 * len(real)
    assert report.score < 60.0


@pytest.mark.parametrize("symbol", ["XAUUSD", "EURUSD", "USDJPY"])
@pytest.mark.parametrize("timeframe", [Timeframe.M5, Timeframe.H1])
def test_simulated_markets_keep_their_clock(symbol: str, timeframe: Timeframe) -> None:
    market = SimulatedMarket(seed=31, n_bars=12_000, timeframe=timeframe)
    assert checked(simulate(market, load_instrument(symbol))).check("other_clock").rows == 0
