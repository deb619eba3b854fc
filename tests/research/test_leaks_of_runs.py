"""What each run asks of a strategy.py: parts of the whole history, at the cost of a short one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.progress import SilentProgress
from assay.research.history import History
from assay.research.leaks import pipeline
from assay.research.leaks.apart import answers_apart, process_apart
from assay.research.leaks.evidence import Canary, Leak, LeakReport, StageProof
from assay.research.leaks.scene import Scene
from assay.research.leaks.spans import SAMPLED, spans_of, together
from assay.research.leaks.strategy import reloading
from assay.strategy import load_strategy

INSTRUMENT = load_instrument("XAUUSD")
N_BARS = 20_000
LIMITED = """
import numpy as np
from assay.strategy import feature

@feature(warm_up=2)
def limited(bars):
    ahead = np.append(bars.close[1:], np.nan) / bars.close
    past = bars.close / np.append(np.nan, bars.close[:-1])
    return np.where((bars.time_ns > {start}) & (bars.time_ns < {stop}), ahead, past)
"""
REMEMBERING = """
import sys
import numpy as np
from assay.strategy import feature

@feature(warm_up=2)
def remembering(bars):
    kept = vars(sys).setdefault("_kept_by_a_test_of_runs", set())
    kept.update(bars.time_ns.tolist())
    return np.full(len(bars), float(len(kept)))

@feature(warm_up=2)
def failing(bars):
    if len(bars) < 150:
        raise ValueError("too few")
    return bars.close
"""


@pytest.fixture(scope="module")
def bars() -> Bars:
    """Return three years of hours."""
    return simulate(SimulatedMarket(seed=8, n_bars=N_BARS), INSTRUMENT)


def scene_of(folder: Path, text: str, bars: Bars) -> Scene:
    """Return the scene of a strategy.py."""
    (folder / "strategy.py").write_text(text)
    strategy = load_strategy(folder / "strategy.py")
    history = History(bars={"XAUUSD": bars}, instruments={"XAUUSD": INSTRUMENT})
    return Scene(history=history, settings=Settings(), load=reloading(strategy))


@pytest.mark.parametrize(("first", "last"), [(0, 1_500), (9_000, 14_000), (19_000, 19_999)])
def test_a_run_sees_a_leak_wherever_in_the_history_it_stands(
    first: int, last: int, tmp_path: Path, bars: Bars
) -> None:
    """The latest bars alone show no leak that ended years ago."""
    text = LIMITED.format(start=bars.time_ns[first], stop=bars.time_ns[last])
    report = pipeline._own(scene_of(tmp_path, text, bars), SilentProgress())

    assert {leak.column for leak in report.leaks} == {"limited"}
    assert all(first <= leak.bar <= last for leak in report.leaks), "counted in the whole history"
    assert all(leak.time_ns == bars.time_ns[leak.bar] for leak in report.leaks)
    assert report.trusted, report.reason
    assert len(report.stages) == 1
    assert f"{SAMPLED}, 6,006 of 20,000 bars" in report.stages[0].note


def test_a_short_history_is_asked_as_a_whole(tmp_path: Path, bars: Bars) -> None:
    text = LIMITED.format(start=0, stop=0)
    report = pipeline._own(scene_of(tmp_path, text, bars.between(0, 3_000)), SilentProgress())

    assert report.is_clean, report.reason
    assert SAMPLED not in report.stages[0].note


def test_the_parts_are_the_beginning_the_end_of_a_year_and_the_end(bars: Bars) -> None:
    history = History(bars={"XAUUSD": bars}, instruments={"XAUUSD": INSTRUMENT})
    parts = spans_of(Scene(history=history, settings=Settings()), 3_000, 100)
    opens = [part.bars.time_ns for part in parts]
    years = opens[1].view("datetime64[ns]").astype("datetime64[Y]")

    assert [len(part.bars) for part in parts] == [1_100] * 3
    assert opens[0][0] == bars.time_ns[0] and opens[2][-1] == bars.time_ns[-1]
    assert opens[0][-1] < opens[1][0] and opens[1][-1] < opens[2][0]
    assert len(np.unique(years)) == 2


def test_a_part_without_bars_of_a_symbol_is_left_out(bars: Bars) -> None:
    silver = load_instrument("XAGUSD")
    late = simulate(SimulatedMarket(seed=9, n_bars=N_BARS, start_price=20.0), silver)
    late = late.between(15_000, N_BARS)
    history = History(
        bars={"XAUUSD": bars, "XAGUSD": replace(late, symbol="XAGUSD")},
        instruments={"XAUUSD": INSTRUMENT, "XAGUSD": silver},
    )
    (part,) = spans_of(Scene(history=history, settings=Settings()), 3_000, 0)

    assert part.bars.time_ns[-1] == bars.time_ns[-1]
    assert len(part.history.bars["XAGUSD"]) > 500


def test_reports_on_parts_become_one() -> None:
    leak = Leak(stage="s", column="c", check="shift", bar=3, count=2, detail="why")
    stage = StageProof(
        name="s", kind="strategy", columns=1, answers=2, values=10, checks=("shift",),
        constant=("c",), note="feature c",
    )  # fmt: skip
    found = Canary(leak="x", stage="s", column="c", expected=("shift",), found=("shift",))
    one = LeakReport(leaks=(leak,), stages=(stage,), canaries=(found,), blind=("dark",))
    other = LeakReport(
        leaks=(replace(leak, bar=9, count=5),),
        stages=(replace(stage, constant=(), checks=("shift", "poison")),),
        canaries=(replace(found, found=()),),
        blind=("dark",),
    )
    report = together([one, other])

    assert report.leaks == (replace(leak, count=7),)
    (both,) = report.stages
    assert (both.columns, both.answers, both.values) == (1, 4, 20)
    assert both.checks == ("shift", "poison") and both.constant == ()
    assert report.missed == (replace(found, found=()),)
    assert report.blind == ("dark",)


def test_the_process_apart_sees_the_shortest_history_first(tmp_path: Path, bars: Bars) -> None:
    """What it remembers is never more than what is there; what fails there has no answer."""
    scene = scene_of(tmp_path, REMEMBERING, bars.between(0, 400))
    columns = [("XAUUSD", "remembering"), ("XAUUSD", "failing")]
    cuts = np.array([99, 199, 299])
    with process_apart() as apart:
        answers = list(answers_apart(scene, cuts, columns, apart))

    assert [cut for cut, _ in answers] == cuts.tolist()
    said = [answer["XAUUSD", "remembering"] for _, answer in answers]
    assert [values[-1] for values in said if values is not None] == [100.0, 200.0, 300.0]
    assert [answer["XAUUSD", "failing"] is None for _, answer in answers] == [True, False, False]
