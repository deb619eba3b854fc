"""The answer in words says what the figures say, and the tone follows its rule."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.research.stress.answer import LABELS, answer_of, label_of
from assay.research.stress.charts import fan_chart, scenario_chart
from assay.research.stress.historic import SHOCKS
from assay.research.stress.outcome import Outcome
from assay.research.stress.shocks import Exposed, Lived, Shocks, Transplanted
from assay.research.stress.summary import Fan, Summary, summary_of


def made(name: str, *growths: float, sharpe: float = 1.0, lowest: float = 1.0) -> Summary:
    outcomes = [
        Outcome(
            growth=growth,
            lowest=lowest,
            sharpe=sharpe,
            drawdown=0.1,
            recovery_days=20.0,
            n_trades=50,
            is_stopped_out=False,
            curve=np.array([1.0, growth]),
        )
        for growth in growths
    ]
    return summary_of(name, "execution", f"Case {name}", "", outcomes, ruin_share=0.5)


REAL = made("real", 1.4)


def shocks_with(loss: float) -> Shocks:
    gap = Transplanted(
        name="x", title="Gold breaks", told="", of="XAUUSD", move=-0.119, loss=loss,
        equity_after=1.0 - loss, is_stopped_out=False,
    )  # fmt: skip
    lived = Lived(
        name="y", title="Brexit", told="", first="2016-06-23", last="2016-06-27", result=-0.02,
        worst_day=-0.01, fall=0.03, market=0.088, n_trades=2,
    )  # fmt: skip
    exposed = Exposed(event=1, symbol=0, side=1, exposure=2.5, day="2012-01-05")
    return Shocks(lived=(lived,), absent=("x",), transplanted=(gap,), exposed=exposed)


@pytest.mark.parametrize(
    ("scenarios", "loss", "tone", "words"),
    [
        ([made("spread_2", 1.3), made("blocks", *[1.2] * 30)], 0.1, "Holds", "It holds"),
        ([made("spread_2", 0.9)], 0.1, "Breaks", "loses money at case spread_2"),
        ([made("delay_1", 0.99)], 0.1, "Breaks", "loses money at case delay_1"),
        ([made("spread_5", 0.9)], 0.1, "Holds", "It holds"),
        ([made("regimes", *[0.9] * 16, *[1.2] * 14)], 0.1, "Breaks", "half of the paths"),
        ([made("blocks", *[0.9] * 9, *[1.2] * 21)], 0.1, "Sensitive", "30% of the paths"),
        ([made("slippage_2", 1.1, sharpe=0.4)], 0.1, "Sensitive", "less than half"),
        ([made("everything", 0.9)], 0.1, "Sensitive", "everything goes wrong at once"),
        ([made("trades", *[1.4] * 30, lowest=0.4)], 0.1, "Breaks", "ruined in 100%"),
        ([], 0.3, "Sensitive", "may lose 30% in one gap"),
    ],
)
def test_the_tone_follows_its_rule(
    scenarios: list[Summary], loss: float, tone: str, words: str
) -> None:
    answer = answer_of(REAL, scenarios, shocks_with(loss), 0.5)
    assert LABELS[answer.tone] == tone
    assert words in answer.headline


def test_a_losing_and_an_idle_strategy_are_called_so() -> None:
    losing = answer_of(made("real", 0.9), [], None, 0.5)
    assert (losing.tone, losing.headline) == ("no-edge", "It lost 10.0% before any stress.")
    idle = answer_of(replace(REAL, trades=0.0), [], None, 0.5)
    assert "never traded" in idle.headline
    assert label_of(idle.tone, 0) == "Not tested"


def test_the_words_give_the_figures() -> None:
    scenarios = [
        made("spread_2", 1.2),
        made("spread_3", 0.95),
        made("blocks", *[0.86] * 5, *[1.2] * 95),
        made("trades", *[1.4] * 1_000),
    ]
    told = dict(answer_of(REAL, scenarios, shocks_with(0.297), 0.5).explanation)
    assert told["Spread"] == "Twice the spread halves the profit; three times loses 5.0%."
    assert told["Other histories"] == (
        "In 1 of 20 resampled histories it lost 14.0% or more; in the middle one it made 20.0%, "
        "and 5 of 100 end in loss."
    )
    assert "on none of 1,100 paths (at most 3.0% of a scenario" in told["Ruin"]
    assert "Brexit (2016-06-23): −2.0%" in told["Shocks"]
    assert "a gap of −11.9% as in Gold breaks takes 29.7%" in told["One gap"]
    ruined = dict(answer_of(REAL, [made("blocks", *[1.2] * 40, lowest=0.3)], None, 0.5).explanation)
    assert "40 of 40 paths of “case blocks”" in ruined["Ruin"]


def test_the_list_of_shocks_is_in_order_and_plausible() -> None:
    days = [shock.first for shock in SHOCKS]
    assert days == sorted(days)
    assert len({shock.name for shock in SHOCKS}) == len(SHOCKS) == 20
    for shock in SHOCKS:
        assert shock.first <= shock.last
        assert all(0.005 < abs(move) < 0.3 for move in shock.moves.values())
        assert set(shock.moves) <= {"XAUUSD", *PAIRS}


@pytest.mark.parametrize(("low", "is_log"), [(0.9, False), (0.1, True)])
def test_a_fan_shows_ruin_where_it_is_near(low: float, is_log: bool) -> None:
    days = np.arange(1, 4) * 86_400_000_000_000 * 100
    fan = Fan(low=(1.0, 0.95, low), median=(1.0, 1.1, 1.2), high=(1.0, 1.2, 1.5))
    picture = fan_chart(days, fan, np.array([1.0, 1.0, 1.1]), 0.5, "X")
    assert ("logarithmic" in picture) == is_log
    assert ("ruin" in picture) == is_log
    assert "1 of 20 below" in picture and "NaN" not in picture and "nan" not in picture
    assert fan_chart(days[:1], fan, np.ones(1), 0.5, "X") == ""
    assert scenario_chart(REAL, []) == ""


GOLD = (
    "XAUUSD_H1_oanda_bidask_2006_2019",
    "XAUUSD_H1_mt5_ejtrader_2012_2022",
    "XAUUSD_M15_mt5_gbrlas7_2024",
)
PAIRS = ("EURUSD", "AUDUSD", "GBPUSD", "USDCHF", "USDJPY")


def test_every_move_of_the_list_is_measured(shared_data: Path) -> None:
    """Read the histories again: each move is found in one of them, to the last digit given."""
    folder = shared_data / "history"
    names = {"XAUUSD": GOLD, "EURUSD": ("EURUSD_H1_oanda_bidask_2007_2018",)}
    for shock in SHOCKS:
        for symbol, move in shock.moves.items():
            measured = []
            for name in names.get(symbol, (f"{symbol}_H1_mt5_ejtrader_2012_2022",)):
                bars = pl.read_parquet(folder / f"{name}.parquet")
                day = bars["time"].dt.date()
                inside = bars.filter((day >= shock.first) & (day <= shock.last))
                n_bars = 96 if "_M15_" in name else 24
                high, low = inside["high"].to_numpy(), inside["low"].to_numpy()
                if not len(high):
                    continue
                if move < 0.0:
                    moves = [low[i : i + n_bars].min() / high[i] - 1.0 for i in range(len(low))]
                else:
                    moves = [1.0 - high[i : i + n_bars].max() / low[i] for i in range(len(low))]
                measured.append(round(math.copysign(min(moves), move), 3))
            assert move in measured, (shock.name, symbol, measured)
