"""The quality page says what the report says, in words, numbers and pictures."""

from dataclasses import replace

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars, Ticks
from assay.data.quality import check_bars, check_ticks
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.spread_statistics import spread_statistics
from assay.research.report.quality_page import quality_page

GOLD = load_instrument("XAUUSD")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return simulate(SimulatedMarket(seed=8, n_bars=9_000), GOLD)


def rows(bars: Bars, keep: np.ndarray) -> Bars:
    values = {name: getattr(bars, name) for name in Bars.__slots__}
    return replace(bars, **{n: v[keep] for n, v in values.items() if isinstance(v, np.ndarray)})


def test_a_good_history_is_called_good(bars: Bars) -> None:
    report = check_bars(bars, GOLD.sessions, digits=2)
    spread = spread_statistics("XAUUSD", "H1", [bars])
    page = quality_page(report, score_min=60.0, bars=bars, spread=spread)

    assert "Good enough to train and trade on." in page
    assert f"Score {report.score:.1f} of 100" in page
    assert "Spread over the week" in page
    assert all(check.name in page for check in report.checks)
    assert "http" not in page.replace("http-equiv", "")


def test_a_bad_history_is_called_bad_and_its_gaps_are_listed(bars: Bars) -> None:
    keep = np.random.default_rng(3).random(len(bars)) > 0.4
    holey = rows(bars, keep)
    report = check_bars(holey, GOLD.sessions, digits=2)
    page = quality_page(report, score_min=60.0, bars=holey)

    assert report.score < 60.0
    assert "Not good enough to train or trade on." in page
    assert report.gaps[0].as_json()["start"][:16].replace("T", " ") in page
    assert f"{report.n_gaps:,}" in page
    assert report.worst_months[0].month in page


def test_the_page_of_ticks_counts_missing_hours() -> None:
    rng = np.random.default_rng(5)
    start = np.datetime64("2024-03-04T00", "ns").astype(np.int64)
    hours = np.setdiff1d(np.arange(96), [30, 31, 32])
    times = np.sort((hours[:, None] * 3_600 + rng.integers(0, 3_600, (len(hours), 40))).ravel())
    bid = np.round(2_000.0 + np.cumsum(rng.normal(0.0, 0.05, len(times))), 2)
    ticks = Ticks(symbol="XAUUSD", time_ns=start + times * 10**9, bid=bid, ask=bid + 0.3)
    report = check_ticks(ticks, GOLD.sessions)

    assert report.check("missing_hours").rows == 3
    assert "3 hours missing" in quality_page(report, score_min=60.0)


def test_words_from_a_file_cannot_become_markup(bars: Bars) -> None:
    report = check_bars(bars, GOLD.sessions, digits=2)
    evil = replace(report, symbol="<script>", checks=(
        replace(report.checks[0], says="<b>bold</b> & more"), *report.checks[1:]))  # fmt: skip
    page = quality_page(evil, score_min=60.0)

    assert "<script>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in page
