"""assay data check: a score per series, the worst months, findings, a second feed."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.timeframe import Timeframe


def written(path: Path, bars: Bars, close: np.ndarray) -> Path:
    """Write bars as CSV, in UTC."""
    high, low = np.maximum(bars.high, close), np.minimum(bars.low, close)
    table = pl.DataFrame(
        {
            "time": pl.Series(bars.time_ns).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%d %H:%M"),
            "open": bars.open,
            "high": high,
            "low": low,
            "close": close,
            "volume": bars.volume,
        }
    )
    table.write_csv(path)
    return path


@pytest.fixture
def two_feeds(tmp_path: Path) -> tuple[Path, Path]:
    """Return a sound history of gold, and the same with sixty small spikes and three large."""
    market = SimulatedMarket(seed=9, n_bars=6_000, timeframe=Timeframe.H1)
    bars = simulate(market, load_instrument("XAUUSD"))
    sound = written(tmp_path / "sound.csv", bars, bars.close)
    close = bars.close.copy()
    usual = np.median(bars.high - bars.low)
    close[100:6_000:98] = np.round(close[100:6_000:98] + 2.0 * usual, 2)
    close[[1_001, 2_001, 3_001]] = np.round(close[[1_001, 2_001, 3_001]] + 12 * usual, 2)
    return sound, written(tmp_path / "spiked.csv", bars, close)


def test_a_series_is_scored_and_its_findings_are_named(
    assay, gold: Path, two_feeds: tuple[Path, Path]
) -> None:
    spiked = two_feeds[1]
    assert assay("data", "import", spiked, "-s", "XAUUSD", "--timezone", "UTC").status == 0
    shown = assay("data", "check")
    answer = assay("data", "check", "--json").json

    assert shown.status == 0
    assert "spikes" in shown.out
    assert "XAUUSD" in shown.out
    (report,) = answer["reports"]
    assert 0.0 < report["score"] < 100.0
    assert f"{report['score']:.1f}" in shown.out
    assert sum(month["rows"] for month in report["months"]) == report["rows"] == 6_000
    found = {check["name"]: check for check in report["checks"]}
    assert found["spikes"]["rows"] >= 3
    assert found["spikes"]["times"][0].endswith("Z")
    assert len(found) >= 30
    assert "spikes_against_reference" not in found


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_second_feed_names_what_it_does_not_know(
    assay, gold: Path, two_feeds: tuple[Path, Path], is_stored: bool
) -> None:
    sound, spiked = two_feeds
    assay("data", "import", spiked, "-s", "XAUUSD", "--timezone", "UTC")
    other: str | Path = sound
    if is_stored:
        assay("data", "import", sound, "-s", "XAUUSD.other", "--timezone", "UTC")
        other = "XAUUSD.other/H1"
    answer = assay("data", "check", "XAUUSD", "--against", other, "--json")

    assert answer.status == 0, answer.err
    (report,) = answer.json["reports"]
    found = {check["name"]: check["rows"] for check in report["checks"]}
    assert 55 <= found["spikes_against_reference"] <= 70
    assert found["clock_against_reference"] == 0


def test_a_second_feed_needs_a_symbol_and_a_name(
    assay, gold: Path, two_feeds: tuple[Path, Path]
) -> None:
    sound, _ = two_feeds
    assay("data", "import", sound, "-s", "XAUUSD", "--timezone", "UTC")
    nameless = assay("data", "check", "--against", sound)
    unknown = assay("data", "check", "XAUUSD", "--against", "XAUUSD.nowhere/H1")

    assert nameless.status == 2
    assert "symbol" in nameless.err
    assert unknown.status == 3
    assert "XAUUSD.nowhere" in unknown.err
