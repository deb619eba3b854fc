"""Nothing trains or trades on history that does not pass, unless somebody says why."""

from dataclasses import replace

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import QualitySettings, Settings
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import DataError
from assay.research.data_gate import judge_data, override_warnings
from assay.research.history import History
from assay.research.preparation import prepare

GOLD = load_instrument("XAUUSD")


@pytest.fixture(scope="module")
def good() -> Bars:
    return simulate(SimulatedMarket(seed=6, n_bars=6_000), GOLD)


@pytest.fixture(scope="module")
def bad(good: Bars) -> Bars:
    """A twentieth of all closes leap and come back."""
    chosen = np.random.default_rng(1).random(len(good)) < 0.05
    leap = np.where(chosen, 1.12, 1.0)
    return replace(good, close=good.close * leap, high=good.high * leap, ask_open=None,
                   ask_high=None, ask_low=None, ask_close=None)  # fmt: skip


def judge(bars: Bars, **settings: object):
    return judge_data({"XAUUSD": bars}, {"XAUUSD": GOLD}, QualitySettings(**settings))


def test_a_clean_history_passes_and_its_score_is_told(good: Bars) -> None:
    quality = judge(good)

    assert quality.scores["XAUUSD"] > 90
    assert quality.findings[0][0] == "XAUUSD H1 score"
    assert quality.warnings == ()


def test_a_bad_history_is_refused_with_its_worst_months(bad: Bars) -> None:
    with pytest.raises(DataError, match=r"must score at least 60 of 100.*Worst months: 20\d\d-"):
        judge(bad)
    with pytest.raises(DataError) as caught:
        prepare(Settings(), History(bars={"XAUUSD": bad}, instruments={"XAUUSD": GOLD}))
    assert "quality.accept" in caught.value.remedy


def test_an_override_needs_a_reason_and_stands_in_the_result(bad: Bars) -> None:
    quality = judge(bad, accept="the feed of 2010 is all there is")

    assert "because: the feed of 2010 is all there is" in quality.warnings[0]
    assert override_warnings(quality.as_json()) == quality.warnings


def test_a_reason_given_where_none_is_needed_changes_nothing(good: Bars) -> None:
    quality = judge(good, accept="just in case")

    assert quality.accepted == ""
    assert quality.warnings == ()


def test_the_limit_is_a_setting(good: Bars) -> None:
    with pytest.raises(DataError, match="at least 100 of 100"):
        judge(replace(good, spread=np.where(np.arange(len(good)) % 3 == 0, 0.0, good.spread)),
              score_min=100.0)  # fmt: skip
