"""The stress test: the same decisions elsewhere, and what must hold wherever they go."""

import json
import re
import shutil
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.errors import ConfigError
from assay.domain.facts_history import FactsHistory
from assay.domain.progress import SilentProgress
from assay.engine import market as columns
from assay.engine.views import Views
from assay.research.benchmarks import as_result
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.history import History
from assay.research.run import execute
from assay.research.stress import shocks as shocks_module
from assay.research.stress import stress as stress_module
from assay.research.stress.counting import count_stress
from assay.research.stress.execution import (
    CONDITIONS,
    Conditions,
    against_us,
    arrives,
    costs_of,
    delayed,
    traded_under,
    usual_spread_points,
    without,
)
from assay.research.stress.exposure import exposures
from assay.research.stress.historic import SHOCKS
from assay.research.stress.outcome import outcome_of_run
from assay.research.stress.page import stress_page
from assay.research.stress.scene import Scene, decided, real_market, replayed, scene_of
from assay.research.stress.settings_jitter import JITTERED, WEIGHTS, jittered
from assay.research.stress.shocks import gapped, lived_through, most_exposed, transplant
from assay.research.stress.stress import GROUPS, Plan, Stress, stress
from assay.research.stress.writing import write_stress
from assay.research.trials.ledger import TrialLedger
from assay.research.walk import Walked, walk
from assay.strategy.loading import load_strategy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "strategy.py"
GOLD = {"XAUUSD": load_instrument("XAUUSD")}
QUICK = Settings.model_validate(
    {
        "run": {"workers": 1},
        "training": {"algorithms": ["logistic"], "inner_folds": 2},
        "features": {"names": ["drift_8", "drift_32", "trend_16", "rsi_14"], "timeframes": ["H4"]},
        "evaluation": {"folds": 2, "bootstrap_samples": 100},
    }
)
EDGE = PlantedEdge(half_life_bars=60.0, net_sharpe=6.0)
BARS = simulate(SimulatedMarket(seed=21, n_bars=9_000, edge=EDGE), GOLD["XAUUSD"])
HISTORY = History(bars={"XAUUSD": BARS}, instruments=GOLD)
PLAN = Plan(paths=20, seed=3)
QUIET = SilentProgress()
USUAL = Conditions(name="usual", title="", told="")


@pytest.fixture(scope="module")
def walked() -> Walked:
    return walk(QUICK, HISTORY, progress=QUIET)


@pytest.fixture(scope="module")
def scene(walked: Walked) -> Scene:
    return scene_of(walked)[0]


@pytest.fixture(scope="module")
def found(walked: Walked) -> Stress:
    return stress(walked, PLAN, place=Place(), progress=QUIET)[0]


def same_views(one: object, other: object) -> None:
    for field in fields(one):  # type: ignore[arg-type]
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


FREE = {
    "spread_multiple": 0.0,
    "slippage_volatility_fraction": 0.0,
    "commission_multiple": 0.0,
    "swap_multiple": 0.0,
}


@pytest.mark.parametrize("costs", [{}, FREE], ids=["costs", "no costs"])
def test_without_stress_it_is_the_headline_of_a_run_to_the_bit(
    tmp_path: Path, costs: dict[str, float]
) -> None:
    settings = QUICK.model_copy(update={"costs": QUICK.costs.model_copy(update=costs)})
    result = execute(
        settings, HISTORY, ledger=TrialLedger(tmp_path / "ledger"), progress=QUIET, at_ns=7
    )
    scene, base = scene_of(walk(settings, HISTORY, progress=QUIET))
    headline = result.strategies[0]
    assert headline.name == result.headline
    np.testing.assert_array_equal(base.equity, headline.equity)
    metrics = result.metrics[headline.name]
    outcome = outcome_of_run(base, scene.axis)
    assert outcome.sharpe == metrics.sharpe.value
    assert outcome.drawdown == metrics.max_drawdown.value
    assert outcome.growth == pytest.approx(1.0 + metrics.total_return, rel=1e-12)
    assert outcome.n_trades == metrics.n_trades > 30


def test_the_real_bars_give_the_decisions_of_the_walk_again(walked: Walked, scene: Scene) -> None:
    market, views = replayed(scene, scene.quoted, scene.settings, scene.history.instruments)
    same_views(views, walked.views["hybrid"])
    np.testing.assert_array_equal(market.tape.market, walked.market.tape.market)
    real = real_market(scene, scene.settings, scene.history.instruments)
    np.testing.assert_array_equal(real.tape.market, walked.market.tape.market)
    same_views(decided(scene, scene.settings, real), walked.views["hybrid"])


def test_a_users_columns_are_those_of_the_walk_whatever_the_file_says_by_now(
    tmp_path: Path,
) -> None:
    """Also in another process, which has never seen the file."""
    file = tmp_path / "strategy.py"
    shutil.copy(EXAMPLE, file)
    mine = walk(QUICK, HISTORY, progress=QUIET, strategy=load_strategy(file))
    scene = scene_of(mine)[0]
    file.write_text("this is no Python any more")
    views, again = compute(
        partial(replayed_views, scene),
        [0, 1],
        place=Place(workers=2),
        progress=QUIET,
        stage="Replay",
    )
    same_views(views, mine.views["hybrid"])
    same_views(again, views)
    file.unlink()
    same_views(replayed_views(scene, 0), mine.views["hybrid"])


def replayed_views(scene: Scene, _task: int) -> Views:
    return replayed(scene, scene.quoted, scene.settings, scene.history.instruments)[1]


def test_usual_conditions_change_nothing(walked: Walked, scene: Scene) -> None:
    base = scene_of(walked)[1]
    np.testing.assert_array_equal(traded_under(scene, USUAL).equity, base.equity)


def test_one_worker_and_two_write_the_same_bytes(walked: Walked, found: Stress) -> None:
    two, _ = stress(walked, PLAN, place=Place(workers=2), progress=QUIET)
    assert two.text() == found.text()
    assert stress_page(two) == stress_page(found)
    other, _ = stress(
        walked, replace(PLAN, seed=4, groups=("candles",)), place=Place(), progress=QUIET
    )
    assert other.of("blocks") != found.of("blocks")


@pytest.mark.parametrize("name", ["trades", "days", "blocks", "regimes", "jitter", "missing_bars"])
def test_every_path_is_drawn_by_itself(found: Stress, name: str) -> None:
    item = found.of(name)
    assert item is not None
    assert item.drawdown.best < item.drawdown.median < item.drawdown.worst


def test_a_lost_account_does_not_look_safe_in_another_order(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, base = scene_of(walked)
    trades = base.trades.copy()
    middle = len(trades) // 2
    trades["net"][middle] = -3.0 * float(np.max(base.equity))
    when = int(trades["exit_event"][middle])
    equity = np.where(np.arange(len(base.equity)) < when, base.equity, 0.0)
    lost = replace(base, trades=trades, equity=equity)
    monkeypatch.setattr(stress_module, "scene_of", lambda _: (scene, lost))
    told, _ = stress(walked, replace(PLAN, groups=("order",)), place=Place(), progress=QUIET)
    item = told.of("trades")
    assert item is not None and item.ruin.share == 1.0
    page = stress_page(told)
    assert "One of its trades lost the account, and does so in every order." in page
    assert "every order ends with nothing" in page
    assert not re.search(r"\b(nan|inf)\b", page, re.IGNORECASE)


def test_a_scenario_does_not_depend_on_which_others_are_asked_for(
    walked: Walked, found: Stress
) -> None:
    alone, _ = stress(walked, replace(PLAN, groups=("settings",)), place=Place(), progress=QUIET)
    assert alone.scenarios == (found.of("jitter"),)
    assert alone.shocks is None


def fixed_and_unstopped(scene: Scene) -> Scene:
    """Return the scene with fixed lots and no stop in reach: costs cannot change a decision."""
    risk = scene.settings.risk.model_copy(update={"sizing": "fixed", "fixed_lots": 0.05})
    exits = scene.settings.exits.model_copy(update={"stop_atr": 1e5})
    return replace(scene, settings=scene.settings.model_copy(update={"risk": risk, "exits": exits}))


@pytest.mark.parametrize("cost", ["spread", "slippage", "commission"])
def test_costs_never_help_where_they_change_no_decision(scene: Scene, cost: str) -> None:
    steady = fixed_and_unstopped(scene)
    paid = [
        traded_under(steady, replace(USUAL, **{cost: factor})) for factor in (1.0, 2.0, 3.0, 5.0)
    ]
    assert len(paid[0].trades) > 5
    assert {len(item.trades) for item in paid} == {len(paid[0].trades)}
    ends = [item.equity[-1] for item in paid]
    assert ends == sorted(ends, reverse=True)
    assert len(set(ends)) == 4


def test_swaps_against_us_are_the_worst_of_all_swaps(scene: Scene) -> None:
    steady = fixed_and_unstopped(scene)
    against = replace(USUAL, swap_is_against=True)
    assert traded_under(steady, against).equity[-1] < traded_under(steady, USUAL).equity[-1]
    paying = against_us(GOLD)["XAUUSD"]
    largest = max(abs(GOLD["XAUUSD"].swap_long), abs(GOLD["XAUUSD"].swap_short))
    assert paying.swap_long == paying.swap_short == -largest  # type: ignore[union-attr]
    dated = against_us({"XAUUSD": FactsHistory.of(GOLD["XAUUSD"])})["XAUUSD"]
    assert isinstance(dated, FactsHistory)
    assert dated.latest.swap_long == -largest


def test_costs_are_multiples_of_the_settings(scene: Scene) -> None:
    worse = Conditions(
        name="", title="", told="", spread=2.0, slippage=3.0, commission=4.0, swap=5.0,
        slips_a_spread=True,
    )  # fmt: skip
    costs = costs_of(scene, worse).costs
    assert costs.spread_multiple == 2.0
    assert costs.slippage_volatility_fraction == pytest.approx(0.06)
    assert (costs.commission_multiple, costs.swap_multiple) == (4.0, 5.0)
    bars = scene.quoted["XAUUSD"]
    assert bars.ask_close is not None
    spread = (bars.ask_close - bars.close)[bars.time_ns >= scene.from_ns]
    assert usual_spread_points(scene) == pytest.approx(np.median(spread) / 0.01)
    assert costs.slippage_points_min == usual_spread_points(scene)


def test_late_decisions_are_those_of_earlier_bars_of_their_symbol(scene: Scene) -> None:
    symbol = np.tile([0, 1], len(scene.views) // 2 + 1)[: len(scene.views)]
    late = delayed(scene.views, symbol, 2)
    np.testing.assert_array_equal(late.direction[4:], scene.views.direction[:-4])
    np.testing.assert_array_equal(late.unit[4:], scene.views.unit[:-4])
    assert not late.direction[:4].any()


def test_missing_bars_are_missing_after_the_first_traded_one_alone(scene: Scene) -> None:
    bars = scene.quoted["XAUUSD"]
    rng = np.random.default_rng(1)
    kept = arrives(bars, scene.from_ns, CONDITIONS[9], rng)
    assert CONDITIONS[9].missing_bars
    traded = bars.time_ns > scene.from_ns
    assert kept[~traded].all()
    assert np.mean(~kept[traded]) == pytest.approx(0.05, abs=0.01)
    days = replace(CONDITIONS[9], missing_bars=0.0, missing_days=0.2)
    kept = arrives(bars, scene.from_ns, days, rng)
    run_lengths = np.diff(np.flatnonzero(np.diff(np.concatenate(([1], kept, [1])))))[::2]
    assert run_lengths.min() > 10  # whole days
    seen = without(bars, kept)
    assert len(seen) == kept.sum()
    assert seen.ask_close is not None and len(seen.ask_close) == len(seen)


def test_settings_move_by_ten_to_thirty_per_cent_inside_their_limits() -> None:
    wanted = {
        "risk": {"kelly_multiplier": 0.4, "exposure_max": 90.0},
        "exits": {"targets": [{"at_r": 1.0, "fraction": 0.5}, {"at_r": 1.1, "fraction": 0.5}],
                  "time_stop_bars": 50},
    }  # fmt: skip
    settings = Settings.model_validate(wanted)
    seen = [jittered(settings, np.random.default_rng(seed)) for seed in range(200)]
    for item in seen:
        Settings.model_validate(item.model_dump())
        ratio = item.exits.stop_atr / settings.exits.stop_atr
        assert 0.1 - 1e-12 <= abs(ratio - 1.0) <= 0.3 + 1e-12
        assert item.exits.trailing_atr == 0.0
        assert item.risk.kelly_multiplier <= 0.5
        assert item.risk.exposure_max <= 100.0
        assert 0.5 <= item.risk.probability_confidence < 1.0
        assert sum(getattr(item.fusion, name) for name in WEIGHTS) == pytest.approx(1.0)
        assert item.labels == settings.labels and item.training == settings.training
    assert max(item.risk.kelly_multiplier for item in seen) == 0.5
    assert {item.exits.stop_atr > settings.exits.stop_atr for item in seen} == {True, False}
    tables = {name: getattr(settings, name) for name in JITTERED}
    assert all(hasattr(tables[name], key) for name, keys in JITTERED.items() for key in keys)


def test_the_numbers_that_stay_are_the_ones_that_are_told() -> None:
    settings = Settings()
    numbers = {
        f"{section}.{name}"
        for section in JITTERED
        for name, value in getattr(settings, section)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    staying = numbers - {f"{section}.{name}" for section, own in JITTERED.items() for name in own}
    assert staying == {"risk.positions_max", "exits.atr_bars"}
    page = (Path(__file__).resolve().parents[2] / "docs" / "stress.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `settings`"))
    assert all(name in row for name in staying) and "every number" not in row
    for seed in range(20):
        moved = jittered(settings, np.random.default_rng(seed))
        assert moved.risk.positions_max == settings.risk.positions_max
        assert moved.exits.atr_bars == settings.exits.atr_bars


def test_a_gap_at_full_exposure_costs_exposure_times_move(walked: Walked, scene: Scene) -> None:
    base, market = scene_of(walked)[1], walked.market
    exposed = most_exposed(base, market)
    assert exposed is not None
    all_of_them = exposures(base, market)
    assert exposed.exposure == np.max(np.abs(all_of_them))
    shock = next(item for item in SHOCKS if item.name == "gold_2013")
    done = transplant(shock, "XAUUSD", scene, base, market, exposed)
    assert done.move == pytest.approx(-exposed.side * 0.119)
    bar = market.tape.market[:, exposed.event : exposed.event + 2]
    own = exposed.side * (bar[columns.BID_OPEN, 1] / bar[columns.BID_CLOSE, 0] - 1.0)
    expected = exposed.exposure * (0.119 - own)
    assert done.loss == pytest.approx(expected, rel=0.1, abs=0.003)
    held = np.cumsum(base.fills["side"] * base.fills["lots"])
    i_fill = np.searchsorted(base.fills["event"], exposed.event, side="right") - 1
    mid = 0.5 * (bar[columns.BID_CLOSE, 0] + bar[columns.ASK_CLOSE, 0])
    by_hand = held[i_fill] * 100.0 * mid / base.equity[exposed.event]
    assert by_hand == pytest.approx(exposed.side * exposed.exposure)


def test_a_gap_leaves_everything_before_it(walked: Walked, scene: Scene) -> None:
    base, market = scene_of(walked)[1], walked.market
    exposed = most_exposed(base, market)
    assert exposed is not None
    shifted, views = gapped(market, scene.views, exposed, 0.8)
    run = as_result("hybrid", shifted.trade(views), shifted)
    n = exposed.event + 1
    np.testing.assert_array_equal(run.equity[:n], base.equity[:n])
    np.testing.assert_allclose(
        shifted.tape.market[:8, n:], 0.8 * market.tape.market[:8, n:], rtol=1e-12
    )
    unmoved, same = gapped(market, scene.views, exposed, 1.0)
    np.testing.assert_array_equal(unmoved.trade(same).equity, base.equity)


def test_a_shock_counts_as_lived_only_where_the_bars_show_it(walked: Walked) -> None:
    base, market = scene_of(walked)[1], walked.market
    middle = np.datetime64(int(base.time_ns[len(base.time_ns) // 2]), "ns").astype("datetime64[D]")
    first = middle.astype(object)
    shock = replace(SHOCKS[0], first=first, last=first, moves={"XAUUSD": 0.0001})
    seen = lived_through(shock, base, market)
    assert seen is not None
    inside = (base.time_ns > int(middle.astype("datetime64[ns]").astype(np.int64))) & (
        base.time_ns <= int((middle + 1).astype("datetime64[ns]").astype(np.int64))
    )
    edges = np.flatnonzero(inside)
    assert seen.result == pytest.approx(base.equity[edges[-1]] / base.equity[edges[0] - 1] - 1.0)
    assert lived_through(replace(shock, moves={"XAUUSD": -0.9}), base, market) is None
    late = replace(shock, first=first.replace(year=2050), last=first.replace(year=2050))
    assert lived_through(late, base, market) is None


def listed(walked: Walked, monkeypatch: pytest.MonkeyPatch, **moves: dict[str, float]):
    """Return the shocks of the walk where the list is days of its middle, with these moves."""
    scene, base = scene_of(walked)
    days = base.time_ns.astype("datetime64[ns]").astype("datetime64[D]")
    shocks = []
    for place, (name, known) in enumerate(moves.items(), 2):
        first = days[len(days) * place // (len(moves) + 3)].astype(object)
        shocks.append(replace(SHOCKS[0], name=name, first=first, last=first, moves=known))
    monkeypatch.setattr(shocks_module, "SHOCKS", tuple(shocks))
    return shocks_module.shocks_of(scene, base)


def test_a_shock_without_a_known_move_is_replayed_and_moved_nowhere(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = listed(walked, monkeypatch, seen={"XAUUSD": 1e-4}, unknown={}, pair={"EURUSD": 0.05})
    assert [item.name for item in found.lived] == ["seen", "unknown", "pair"]
    assert found.absent == () and found.transplanted == ()


def test_a_market_that_does_not_show_what_is_known_lived_through_nothing(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulated history of the same days is no witness of what nobody measured."""
    found = listed(walked, monkeypatch, other={"XAUUSD": -0.9}, unknown={}, seen={"XAUUSD": 1e-4})
    assert [item.name for item in found.lived] == ["seen"]
    assert found.absent == ("other", "unknown")
    assert [item.name for item in found.transplanted] == ["other"]


def test_the_ledger_counts_one_look_per_set(tmp_path: Path, walked: Walked) -> None:
    base = scene_of(walked)[1]
    ledger = TrialLedger(tmp_path / "ledger.jsonl")
    count_stress(ledger, walked, base, PLAN, at_ns=1)
    trials = ledger.trials()
    assert [item.kind for item in trials] == ["hybrid", *(f"stress {name}" for name in GROUPS)]
    assert {item.origin for item in trials} == {"stress"}
    count_stress(ledger, walked, base, PLAN, at_ns=2)
    assert ledger.count() == 6 and ledger.retries() == 6
    count_stress(ledger, walked, base, replace(PLAN, groups=("order",), seed=9), at_ns=3)
    assert ledger.count() == 7


def test_the_strategy_is_the_trial_that_a_run_counts(tmp_path: Path, walked: Walked) -> None:
    ledger = TrialLedger(tmp_path / "ledger.jsonl")
    execute(QUICK, HISTORY, ledger=ledger, progress=QUIET, at_ns=7)
    counted = ledger.count()
    count_stress(ledger, walked, scene_of(walked)[1], replace(PLAN, groups=("order",)), at_ns=8)
    assert ledger.count() == counted + 1


def test_the_page_and_the_figures_say_the_same(tmp_path: Path, found: Stress) -> None:
    write_stress(found, {"ledger": {"count": 1, "hash": "x"}}, tmp_path)
    page = (tmp_path / "stress.html").read_text()
    told = json.loads((tmp_path / "stress.json").read_text())
    assert told["schema"] == "assay.stress/1"
    assert found.headline.split("“")[0] in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert len(told["scenarios"]) == 2 + 2 + 1 + len(CONDITIONS)
    names = [item["name"] for item in told["scenarios"]]
    assert names[:5] == ["trades", "days", "blocks", "regimes", "jitter"]
    for item in found.scenarios:
        assert item.title in page
        assert item.growth.worst <= item.growth.median <= item.growth.best
        assert item.drawdown.worst >= item.drawdown.median >= item.drawdown.best
        assert (item.fan is not None) == (item.n_paths >= 20)
    assert found.real.growth.median == pytest.approx(found.real_curve[-1])
    assert json.loads((tmp_path / "meta.json").read_text())["ledger"]["count"] == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"paths": 5}, "--paths"),
        ({"ruin_share": 1.0}, "--ruin"),
        ({"block_days": 0.0}, "--block-days"),
        ({"groups": ("order", "luck")}, "--only must be one of order, candles"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Plan(**asked)  # type: ignore[arg-type]
