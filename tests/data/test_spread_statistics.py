"""The spread by minute of the week: counted in pieces, kept for each content, used for costs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars, Ticks
from assay.data.calendar import minute_of_week
from assay.data.catalogue import Catalogue
from assay.data.provenance import Provenance
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.spread import quoted_both_sides
from assay.data.spread_statistics import best_spread, spread_statistics, stored_spread
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

GOLD = load_instrument("XAUUSD")


@pytest.fixture(scope="module")
def gold() -> Bars:
    return simulate(SimulatedMarket(seed=4, n_bars=60_000, timeframe=Timeframe.M15), GOLD)


def provenance(name: str) -> Provenance:
    return Provenance(
        source=name, sha256=name, importer="test", timezone="UTC",
        rows_in=1, rows_kept=1, rows_quarantined=0, imported_ns=1,
    )  # fmt: skip


def test_slots_hold_the_mean_and_the_quantiles_of_their_bars(gold: Bars) -> None:
    found = spread_statistics("XAUUSD", "M15", [gold])
    closes = gold.time_ns + 14 * 60 * 10**9
    slot = minute_of_week(closes) // 15

    assert found.slot_minutes == 15
    assert found.rows == len(gold)
    for at in (80, 300, 555):
        spread = gold.spread[slot == at]
        assert found.count[at] == len(spread)
        if len(spread):
            assert found.mean[at] == pytest.approx(float(np.mean(spread)))
            assert found.median[at] == pytest.approx(float(np.median(spread)), rel=0.03)
            assert found.p95[at] == pytest.approx(float(np.quantile(spread, 0.95)), rel=0.05)


def test_pieces_give_what_the_whole_gives(gold: Bars) -> None:
    whole = spread_statistics("XAUUSD", "M15", [gold])
    pieces = [gold.between(0, 17), gold.between(17, 30_000), gold.between(30_000, len(gold))]
    cut = spread_statistics("XAUUSD", "M15", pieces)

    assert cut.count == whole.count
    np.testing.assert_allclose(cut.mean, whole.mean, equal_nan=True)
    # The bins are centred on the first piece, so quantiles agree to a bin.
    np.testing.assert_allclose(cut.median, whole.median, rtol=0.03, equal_nan=True)


def test_ticks_are_counted_by_the_minute() -> None:
    time_ns = np.int64(1_400_000_000_000_000_000) + np.arange(600, dtype=np.int64) * 10**9
    ticks = Ticks(symbol="X", time_ns=time_ns, bid=np.full(600, 1.0), ask=np.full(600, 1.25))
    found = spread_statistics("X", "TICKS", [ticks])

    assert found.slot_minutes == 1
    assert sum(found.count) == 600
    assert found.overall_mean == 0.25
    assert np.isfinite(found.expected(time_ns + 86_400 * 10**9)).all()


def test_a_history_without_spreads_is_refused(gold: Bars) -> None:
    silent = replace(
        gold, spread=np.full(len(gold), np.nan),
        ask_open=None, ask_high=None, ask_low=None, ask_close=None,
    )  # fmt: skip
    with pytest.raises(DataError, match="must have spreads above zero"):
        spread_statistics("XAUUSD", "M15", [silent])


def test_a_stored_series_is_counted_once_for_each_content(gold: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(gold.between(0, 20_000), provenance("a"))
    first = stored_spread(catalogue, "XAUUSD", Timeframe.M15)
    kept = (tmp_path / "XAUUSD" / "M15" / "spread.json").read_bytes()
    again = stored_spread(catalogue, "XAUUSD", Timeframe.M15)
    assert again.as_json() == first.as_json()

    (tmp_path / "XAUUSD" / "M15" / "spread.json").write_bytes(kept[:100])
    assert stored_spread(catalogue, "XAUUSD", Timeframe.M15).as_json() == first.as_json()

    catalogue.merge(gold.between(20_000, 40_000), provenance("b"))
    assert stored_spread(catalogue, "XAUUSD", Timeframe.M15).rows == 40_000


def test_bars_without_a_spread_cost_what_another_series_shows(gold: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(gold, provenance("a"))
    week = best_spread(catalogue, "XAUUSD")
    assert week is not None
    silent = replace(
        gold, spread=np.zeros(len(gold)),
        ask_open=None, ask_high=None, ask_low=None, ask_close=None,
    )  # fmt: skip
    quoted, says = quoted_both_sides(silent, GOLD, week)

    assert "M15" in says
    assert quoted.ask_close is not None
    paid = quoted.ask_close - quoted.close
    np.testing.assert_allclose(paid, week.expected(gold.time_ns), atol=0.0100001)
    assert (paid + 1e-9 >= week.expected(gold.time_ns)).all()
    assert np.isnan(quoted.spread).all(), "counted over later bars too: no feature may read it"
    assert best_spread(catalogue, "EURUSD") is None
