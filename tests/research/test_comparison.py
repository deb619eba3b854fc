"""Comparisons: shared days only, luck on all pairs together, and no winner without evidence."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from comparison_examples import made_up, stored
from evidence_examples import noise, strategy, weekday_closes

from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.research.comparison.charts import luck_band, scaled_returns, short_label
from assay.research.comparison.comparison import ENTRANTS_MAX, SCHEMA, Comparison, compare
from assay.research.comparison.entrant import Entrant, TradeSpans, entrant_of, read_entrants
from assay.research.comparison.figures import COMPARED_MIN
from assay.research.comparison.forecast_test import forecast_test
from assay.research.comparison.likeness import correlations, overlap
from assay.research.comparison.looks import note_look, read_looks
from assay.research.comparison.page import comparison_page
from assay.research.comparison.shared_days import at_same_risk, shared_days
from assay.research.compute.place import Place
from assay.research.metrics import measure
from assay.research.report.forecast_file import forecast_bytes, read_forecasts
from assay.research.result import Forecasts
from assay.research.statistics.forecast_comparison import diebold_mariano
from assay.research.statistics.multiple_testing import Correction, adjust
from assay.research.statistics.overfitting import overfitting
from assay.research.statistics.sequential import t_mixture_e_value
from assay.research.statistics.sharpe import deflated_sharpe, expected_maximum, sharpe_ratio
from assay.research.trials.evidence import TrialEvidence
from assay.research.trials.trial import hash_of
from assay.research.verdict.judge import Outcome

HOSTILE = '<script>alert("1")</script>\'"&{{ 7*7 }}'
NO_TRADES = TradeSpans(
    entry_ns=np.empty(0, np.int64),
    exit_ns=np.empty(0, np.int64),
    symbol=np.empty(0, np.str_),
    side=np.empty(0, np.int64),
    net=np.empty(0),
)


def entrant(
    returns: np.ndarray, name: str = "one", *, first: str = "2012-01-02", **fields
) -> Entrant:
    """Return a strategy with these returns on consecutive weekdays."""
    day = np.busday_offset(first, np.arange(len(returns)), roll="forward").astype("datetime64[D]")
    return Entrant(
        **{
            "run": name,
            "strategy": "hybrid",
            "is_judged": True,
            "currency": "USD",
            "start_balance": 1_000.0,
            "day": day,
            "equity": 1_000.0 * np.cumprod(1.0 + returns),
            "trades": NO_TRADES,
            "settings": {"run.seed": 7},
            "hashes": {"data": "d", "facts": "f", "code": "c", "settings": name},
            **fields,
        }
    )


def entrants_of(*columns: np.ndarray) -> list[Entrant]:
    return [entrant(column, f"run{i}") for i, column in enumerate(columns)]


def drawn(n_days: int, *sharpes: float, seed: int = 3, shared: float = 0.0) -> list[np.ndarray]:
    """Return daily returns of true annual ratios, with a part that moves all of them."""
    rng = np.random.default_rng(seed)
    whole = noise(n_days, 0.0, rng)
    return [
        math.sqrt(shared) * whole
        + math.sqrt(1.0 - shared) * noise(n_days, 0.0, rng)
        + 0.1 / 260.0 * sharpe
        for sharpe in sharpes
    ]


# -- shared days ---------------------------------------------------------------------------------


def test_only_shared_days_count_and_returns_run_over_the_same_spans() -> None:
    rng = np.random.default_rng(1)
    whole = entrant(0.01 * rng.standard_normal(200), "whole")
    kept = np.ones(200, bool)
    kept[[50, 51, 120]] = False
    holey = replace(whole, run="holey", day=whole.day[kept], equity=whole.equity[kept])
    shared = shared_days([whole, holey])

    assert len(shared.day) == 197
    assert shared.own_days == (200, 197)
    np.testing.assert_allclose(shared.returns[:, 0], shared.returns[:, 1])
    np.testing.assert_allclose(np.prod(1.0 + shared.returns[:, 0]), whole.equity[-1] / 1_000.0)


def test_a_first_return_needs_the_same_first_day() -> None:
    rng = np.random.default_rng(2)
    early = entrant(0.01 * rng.standard_normal(300), "early")
    late = entrant(0.01 * rng.standard_normal(150), "late", first=str(early.day[100]))
    shared = shared_days([early, late])

    assert not shared.from_start
    assert (shared.day[0], len(shared.day)) == (early.day[101], 149)
    expected = early.equity[101] / early.equity[100] - 1.0
    assert shared.returns[0, 0] == pytest.approx(expected)
    assert shared_days([early, early]).returns[0, 0] == pytest.approx(early.equity[0] / 1e3 - 1.0)


def test_an_account_that_is_ruined_stays_so() -> None:
    returns = np.full(100, 0.01)
    ruined = replace(entrant(returns, "ruined"), equity=np.r_[np.full(50, 1e3), np.full(50, -5.0)])
    shared = shared_days([ruined, entrant(returns, "fine")])

    assert shared.returns[50, 0] == -1.0
    assert not shared.returns[51:, 0].any()


def test_too_few_shared_days_are_refused_with_both_spans() -> None:
    one = entrant(np.full(100, 0.001), "one")
    other = entrant(np.full(100, 0.001), "other", first="2013-01-02")
    with pytest.raises(DataError, match=r"at least 60 shared days; had 0.*2013-01-02"):
        compare([one, other])


def test_the_year_has_the_days_it_has() -> None:
    shared = shared_days([entrant(np.zeros(520)), entrant(np.zeros(520), "two")])
    assert shared.days_per_year == pytest.approx(261.0, abs=0.5)
    assert shared.years == pytest.approx(2.0, abs=0.02)


# -- the answer ----------------------------------------------------------------------------------


def test_identical_runs_differ_by_nothing_and_none_wins() -> None:
    (column,) = drawn(500, 1.0)
    found = compare(entrants_of(column, column), samples=500)
    pair = found.pairs[0]

    assert found.winner is None
    assert found.better == ()
    assert pair.is_same
    assert (pair.sharpe_difference.value, pair.return_difference.value) == (0.0, 0.0)
    assert pair.sharpe_p == pair.sharpe_p_holm == pair.return_p == 1.0
    assert pair.e_value == 1.0
    assert found.headline == "No winner: both earned the same on each of the same 500 days."


@pytest.mark.parametrize("n_others", [1, 3])
def test_a_planted_better_strategy_wins(n_others: int) -> None:
    columns = drawn(2_500, *[0.0] * n_others, 3.0, shared=0.5)
    found = compare(entrants_of(*columns), samples=500)
    best = f"run{n_others}"

    assert found.winner == best
    assert {pair for pair in found.better if pair[0] == best} == {
        (best, f"run{i}") for i in range(n_others)
    }
    assert "better than" in found.headline
    assert found.selection.best == best


def test_more_leverage_is_not_better() -> None:
    (column,) = drawn(1_500, 2.5)
    found = compare(entrants_of(column, 3.0 * column), samples=500)
    pair = found.pairs[0]

    assert found.winner is None
    assert pair.sharpe_difference.value == pytest.approx(0.0, abs=1e-9)
    assert pair.return_p < 0.05  # it earned more money all the same
    assert any(concern.name == "risk" for concern in found.concerns)


def test_what_moves_both_cancels() -> None:
    """The intervals of two strategies may overlap, and their difference be clear all the same."""
    columns = drawn(2_000, 0.4, 1.4, shared=0.97)
    found = compare(entrants_of(*columns), samples=500)
    one, other = found.figures

    assert one.sharpe.high > other.sharpe.low
    assert found.winner == "run1"


@pytest.mark.timeout(200)
def test_worthless_strategies_have_a_winner_as_seldom_as_was_promised() -> None:
    """Six pairs at 5 %: without the correction about one set in five would show something."""
    n_sets, clear, alone = 120, 0, 0
    for seed in range(n_sets):
        columns = drawn(300, 0.0, 0.0, 0.0, 0.0, seed=seed, shared=0.3)
        found = compare(entrants_of(*columns), samples=500)
        clear += bool(found.better)
        alone += any(pair.sharpe_p <= 0.05 for pair in found.pairs)

    assert clear / n_sets <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / n_sets)
    assert alone / n_sets > 0.10


def test_the_corrections_are_those_of_all_tested_pairs() -> None:
    found = compare(entrants_of(*drawn(600, 0.0, 1.5, 2.5)), samples=500)
    p = [pair.sharpe_p for pair in found.pairs]

    assert [pair.sharpe_p_holm for pair in found.pairs] == adjust(p, Correction.HOLM).tolist()
    assert [pair.sharpe_p_bh for pair in found.pairs] == adjust(
        p, Correction.BENJAMINI_HOCHBERG
    ).tolist()


def test_a_pair_that_looks_clear_is_drawn_often_enough_to_stay_clear() -> None:
    """With 500 resamples the least corrected p-value of 28 pairs would be 0.11: nobody wins."""
    columns = drawn(400, *[0.0] * 7, 9.0)
    found = compare(entrants_of(*columns), samples=500)

    assert found.winner == "run7"
    for pair in found.pairs:
        is_best = "run7" in (pair.first, pair.second)
        assert pair.n_samples == (11_200 if is_best else 500) or not is_best


def test_with_a_benchmark_only_the_pairs_with_it_are_tested() -> None:
    columns = drawn(1_500, 0.0, 0.0, 3.0, 3.2)
    found = compare(entrants_of(*columns), benchmark="run0", samples=500)

    assert {pair.second for pair in found.pairs} == {"run0"}
    assert len(found.pairs) == 3
    assert found.winner in ("run2", "run3")
    assert found.benchmark_test.superior == ("run2", "run3")
    assert found.benchmark_test.p < 0.05
    assert found.pair("run2", "run3") is None
    assert "beat the benchmark A (run0)" in found.headline


def test_nobody_beats_a_benchmark_by_luck() -> None:
    found = compare(entrants_of(*drawn(800, 0.0, 0.0, 0.0)), benchmark="run1", samples=500)

    assert found.winner is None
    assert found.benchmark_test.p > 0.05
    assert found.benchmark_test.superior == ()
    assert found.headline.startswith("Nobody beats the benchmark B (run1)")


def test_a_benchmark_among_two_gives_the_same_answer() -> None:
    both = entrants_of(*drawn(800, 0.0, 4.0))
    assert compare(both, benchmark="run0", samples=500).winner == "run1"
    assert compare(both, benchmark="run1", samples=500).winner is None


def test_a_strategy_that_never_moved_counts_as_nothing() -> None:
    losing, still = drawn(600, -4.0)[0], np.zeros(600)
    found = compare(entrants_of(losing, still), samples=500)

    assert found.winner == "run1"
    assert "did nothing" in found.headline
    assert math.isnan(found.figures[1].sharpe.value)
    assert any(item.name == "idle" and item.is_warning for item in found.concerns)
    assert math.isnan(found.selection.deflated_sharpe)
    json.loads(found.text())
    comparison_page(found, entrants_of(losing, still))


def test_nobody_moved_and_nobody_wins() -> None:
    both = entrants_of(np.zeros(100), np.zeros(100))
    found = compare(both, samples=500)

    assert found.winner is None
    assert "earned the same" in found.headline
    assert "No winner" in comparison_page(found, both)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"confidence": 0.5}, "between 0.5 and 1"),
        ({"confidence": math.nan}, "between 0.5 and 1"),
        ({"samples": 499}, "at least 500"),
        ({"benchmark": "nobody"}, "one of the compared"),
    ],
)
def test_an_argument_out_of_range_is_refused(fields: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compare(entrants_of(*drawn(100, 0.0, 0.0)), **fields)


@pytest.mark.parametrize("n", [0, 1, ENTRANTS_MAX + 1])
def test_a_comparison_is_between_some_but_not_too_many(n: int) -> None:
    with pytest.raises(ConfigError, match=f"2 to {ENTRANTS_MAX}"):
        compare(entrants_of(*drawn(100, *[0.0] * n)))


def test_a_strategy_meets_itself_under_two_names_only() -> None:
    (column,) = drawn(100, 0.0)
    with pytest.raises(ConfigError, match="different strategies"):
        compare([entrant(column), entrant(column)])


def test_a_benchmark_that_only_one_beats_is_named_with_it() -> None:
    found = compare(entrants_of(*drawn(1_000, 0.0, 4.0, 0.0)), benchmark="run0", samples=500)
    assert found.headline.startswith("B (run1) beats the benchmark A (run0)")


def test_of_many_clear_differences_the_first_are_named() -> None:
    found = compare(entrants_of(*drawn(600, *[0.0] * 14, 12.0)), samples=500, benchmark="run14")
    assert len(found.better) == 14
    assert "and 2 more" in found.explanation[0]


def test_a_lead_that_was_bought_with_deeper_falls_says_so() -> None:
    quiet, loud = drawn(1_000, 0.0, 5.0)
    found = compare(entrants_of(0.05 * quiet, 3.0 * loud), samples=500)

    assert found.winner == "run1"
    assert any("B fell deeper than A" in sentence for sentence in found.explanation)


# -- what belongs to the answer ------------------------------------------------------------------


def test_the_figures_are_those_of_the_report_where_all_days_are_shared() -> None:
    rng = np.random.default_rng(5)
    run = made_up({"hybrid": noise(700, 1.0, rng), "ai": noise(700, 0.5, rng)})
    both = [entrant_of(run, name, name="r") for name in ("hybrid", "ai")]
    found = compare(both, samples=500)
    for item in found.figures:
        measured = measure(run.strategy(item.strategy))
        assert item.sharpe.value == pytest.approx(measured.sharpe.value, rel=1e-3)
        assert item.total_return == pytest.approx(measured.total_return)
        assert item.drawdown.value == pytest.approx(measured.max_drawdown.value)
        assert item.drawdown_days == measured.drawdown_days
        assert item.n_trades == measured.n_trades
        assert item.win_rate.value == measured.win_rate.value
        assert item.profit_factor.value == pytest.approx(measured.profit_factor.value)


def test_only_trades_that_end_on_shared_days_count() -> None:
    run = made_up({"hybrid": noise(400, 1.0, np.random.default_rng(6))})
    whole = entrant_of(run, "hybrid", name="whole")
    short = replace(whole, run="short", day=whole.day[100:300], equity=whole.equity[100:300])
    figures = compare([whole, short], samples=500).figures

    assert figures[0].n_trades == figures[1].n_trades < len(whole.trades.net)
    ended = weekday_closes(400)[run.strategies[0].trades["exit_event"]]
    inside = (ended > weekday_closes(400)[100]) & (ended <= weekday_closes(400)[299])
    assert figures[0].n_trades == int(inside.sum())


def test_the_choice_is_deflated_for_those_compared() -> None:
    columns = drawn(1_000, 1.0, 0.8, 0.6, 0.4, 0.2, seed=9)
    found = compare(entrants_of(*columns), samples=500).selection
    ratios = [sharpe_ratio(column) for column in columns]
    best = columns[int(np.argmax(ratios))]
    moments = (best - best.mean()) / best.std()
    expected = deflated_sharpe(
        max(ratios), 1_000, found.compared_effective, 1.0 / 999, *map(float, moments_of(moments))
    )

    assert found.compared == 5
    assert 4.0 < found.compared_effective <= 5.0
    assert found.deflated_sharpe == pytest.approx(expected, abs=1e-9)
    assert found.luck_sharpe == pytest.approx(
        math.sqrt(261 / 999) * expected_maximum(found.compared_effective), rel=2e-3
    )


def moments_of(z: np.ndarray) -> tuple[float, float]:
    return np.mean(z**3), np.mean(z**4)


def test_copies_do_not_count_as_choices() -> None:
    (column,) = drawn(1_000, 1.0)
    alone = compare(entrants_of(column, column), samples=500).selection
    copies = compare(entrants_of(*[column] * 6), samples=500).selection

    assert alone.compared_effective == copies.compared_effective == 1.0
    assert copies.luck_sharpe == 0.0


def test_copies_beside_others_change_no_figure_of_the_choice() -> None:
    one, own, third = drawn(1_000, 1.0, 0.6, 0.2)
    other = 0.7 * one + own
    plain = compare(entrants_of(one, other, third), samples=500).selection
    copied = compare(entrants_of(one, other, one, third, other, one), samples=500).selection

    assert 2.0 < plain.compared_effective < 3.0
    for name in ("compared_effective", "luck_sharpe", "deflated_sharpe"):
        assert getattr(copied, name) == pytest.approx(getattr(plain, name), rel=1e-12)


def test_all_trials_of_the_workspace_count_too() -> None:
    trials = TrialEvidence(
        count=400,
        effective=300.0,
        correlation=0.0,
        variance_luck=1e-3,
        variance_observed=1e-3,
        trials_hash="t",
    )
    both = entrants_of(*drawn(1_000, 1.5, 0.0))
    found = compare(both, samples=500, trials=trials)

    assert found.selection.trials == 400
    assert found.selection.trials_luck_sharpe > found.selection.luck_sharpe
    assert found.selection.trials_deflated_sharpe < found.selection.deflated_sharpe
    assert any("all 400 trials" in sentence for sentence in found.explanation)


def test_overfitting_is_asked_of_enough_strategies_only() -> None:
    columns = drawn(480, *[0.0] * COMPARED_MIN)
    found = compare(entrants_of(*columns), samples=500)
    direct = overfitting(shared_days(entrants_of(*columns)).returns)

    assert found.overfitted.probability == direct.probability
    assert found.overfitted.probability_of_loss == direct.probability_of_loss
    assert compare(entrants_of(*columns[:-1]), samples=500).overfitted is None
    still = [*columns[:-1], np.zeros(480)]
    assert compare(entrants_of(*still), samples=500).overfitted is None
    short = [column[:239] for column in columns]
    assert compare(entrants_of(*short), samples=500).overfitted is None


def test_the_e_value_follows_the_daily_differences() -> None:
    columns = drawn(900, 0.0, 4.0)
    pair = compare(entrants_of(*columns), samples=500).pairs[0]
    shared = shared_days(entrants_of(*columns))
    difference = shared.returns[:, 0] - shared.returns[:, 1]
    effect = 1.0 / math.sqrt(shared.days_per_year)
    each = [
        t_mixture_e_value(
            float(difference[:n].mean()), float(difference[:n].std(ddof=1)), n, effect=effect
        )
        for n in range(2, 901)
    ]

    assert pair.e_value == pytest.approx(each[-1], rel=1e-6)
    assert pair.always_valid_p == pytest.approx(1.0 / max(1.0, *each), rel=1e-6)
    assert pair.e_value > 20.0


def test_a_curve_of_luck_seldom_leaves_its_band() -> None:
    left = 0
    for seed in range(400):
        difference = np.random.default_rng(seed).standard_t(5, 500)
        left += bool(np.any(np.abs(np.cumsum(difference)) > luck_band(difference, 0.95)))

    assert left / 400 <= 0.05
    assert luck_band(np.random.default_rng(0).standard_normal(500), 0.95)[-1] < 4 * math.sqrt(500)


def test_returns_at_the_same_risk_have_one_volatility() -> None:
    shared = shared_days(entrants_of(*[(i + 1) * c for i, c in enumerate(drawn(500, 0.0, 1.0))]))
    scaled = scaled_returns(shared)
    np.testing.assert_allclose(
        scaled.std(axis=0, ddof=1) * math.sqrt(shared.days_per_year), 0.1, rtol=1e-9
    )
    assert not at_same_risk(np.zeros((10, 1))).any()


# -- likeness ------------------------------------------------------------------------------------


def spans(rng: np.random.Generator, n: int) -> TradeSpans:
    entry = np.sort(rng.integers(0, 500, n)) * NS_PER_HOUR
    return TradeSpans(
        entry_ns=entry,
        exit_ns=entry + rng.integers(0, 30, n) * NS_PER_HOUR,
        symbol=rng.choice(["XAUUSD", "EURUSD"], n),
        side=rng.choice([-1, 1], n),
        net=rng.standard_normal(n),
    )


def held(trades: TradeSpans, hour: int, symbol: str, side: int) -> bool:
    at_ns = hour * NS_PER_HOUR
    return bool(
        np.any(
            (trades.entry_ns <= at_ns)
            & (trades.exit_ns > at_ns)
            & (trades.symbol == symbol)
            & (trades.side == side)
        )
    )


def test_holding_together_is_counted_as_by_hand() -> None:
    rng = np.random.default_rng(8)
    column = np.zeros(100)
    for _ in range(5):
        one, other = (replace(entrant(column), trades=spans(rng, 25)) for _ in range(2))
        same = against = either = 0
        for hour in range(540):
            for symbol in ("XAUUSD", "EURUSD"):
                sides = [
                    {side for side in (1, -1) if held(item.trades, hour, symbol, side)}
                    for item in (one, other)
                ]
                either += bool(sides[0] | sides[1])
                same += bool(sides[0] & sides[1])
                against += any(-side in sides[1] for side in sides[0])
        found = overlap(one, other)
        assert found.holding == pytest.approx(same / either)
        assert found.against == pytest.approx(against / either)


def test_a_strategy_does_everything_together_with_itself() -> None:
    one = replace(entrant(np.zeros(100)), trades=spans(np.random.default_rng(3), 40))
    found = overlap(one, one)

    assert found.holding == found.entries == found.days == 1.0
    nothing = overlap(entrant(np.zeros(100)), entrant(np.zeros(100)))
    assert math.isnan(nothing.holding)
    assert math.isnan(nothing.entries)


def test_days_that_only_one_has_are_no_shared_days() -> None:
    one, other = entrant(np.zeros(100)), entrant(np.zeros(100), first="2012-02-13")
    shared = len(set(one.day) & set(other.day))

    assert overlap(one, other).days == shared / (200 - shared)


def test_what_never_moves_correlates_with_nothing() -> None:
    rng = np.random.default_rng(2)
    returns = np.column_stack((rng.standard_normal((50, 2)), np.zeros(50)))
    found = correlations(returns)

    assert found[0, 1] == pytest.approx(np.corrcoef(returns[:, 0], returns[:, 1])[0, 1])
    assert found[0, 0] == found[1, 1] == 1.0
    assert np.isnan(found[2]).all()


# -- apples and apples ---------------------------------------------------------------------------


def concerns(*changes: dict) -> dict[str, bool]:
    columns = drawn(200, *[0.0] * len(changes))
    some = [
        replace(item, **change) for item, change in zip(entrants_of(*columns), changes, strict=True)
    ]
    return {item.name: item.is_warning for item in compare(some, samples=500).concerns}


BASE = {"data": "d", "facts": "f", "code": "c", "settings": "s"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hashes": {**BASE, "settings": "other"}}, {}),
        ({"hashes": {**BASE, "data": "other"}}, {"data": True}),
        ({"hashes": {**BASE, "facts": "other"}}, {"costs": True}),
        ({"hashes": {**BASE, "code": "other"}}, {"code": False}),
        ({"hashes": BASE}, {"same": False}),
        ({"hashes": {**BASE, "strategy": "mine"}}, {}),
        (
            {"hashes": {**BASE, "settings": "other"}, "settings": {"costs.spread_multiple": 2.0}},
            {"costs": True},
        ),
        (
            {"hashes": {**BASE, "data": "x"}, "settings": {"market.symbols": ["EURUSD"]}},
            {"market": True},
        ),
        (
            {"hashes": {**BASE, "settings": "x"}, "settings": {"market.timeframe": "H4"}},
            {"market": True},
        ),
    ],
    ids=str,
)
def test_what_may_spoil_a_comparison_is_told(change: dict, expected: dict) -> None:
    base = {
        "hashes": BASE,
        "settings": {
            "costs.spread_multiple": 1.0,
            "market.symbols": ["XAUUSD"],
            "market.timeframe": "H1",
        },
    }
    settings = {**base["settings"], **change.get("settings", {})}
    assert concerns(base, {**base, **change, "settings": settings}) == expected


def test_other_spans_are_told_and_warned_of_where_they_are_large() -> None:
    (column,) = drawn(400, 0.0)
    whole = entrant(column, "whole")
    for cut, warns in ((10, False), (200, True)):
        part = replace(whole, run="part", day=whole.day[cut:], equity=whole.equity[cut:])
        found = {item.name: item for item in compare([whole, part], samples=500).concerns}
        assert found["spans"].is_warning is warns
        assert f"Only the {399 - cut} shared days count" in found["spans"].text


def test_many_names_with_one_span_are_counted() -> None:
    some = entrants_of(*drawn(300, *[0.0] * 7))
    cut = replace(some[-1], day=some[-1].day[9:], equity=some[-1].equity[9:])
    (told,) = [
        item.text
        for item in compare([*some[:-1], cut], samples=500).concerns
        if item.name == "spans"
    ]
    assert "run0, run1, run2, run3 and 2 more have 300, from" in told


def test_money_of_two_kinds_is_not_compared() -> None:
    both = entrants_of(*drawn(200, 0.0, 0.0))
    with pytest.raises(ConfigError, match="run0 USD, run1 EUR"):
        compare([both[0], replace(both[1], currency="EUR")])


def test_a_record_that_knew_the_future_is_not_compared() -> None:
    run = made_up({"hybrid": drawn(200, 9.0)[0]}, outcome=Outcome.NOT_EVIDENCE)
    leaking = entrant_of(run, "hybrid", name="leaking")
    with pytest.raises(DataError, match="leaking is not evidence"):
        compare([leaking, entrant(drawn(200, 0.0)[0], first=str(leaking.day[0]))])


def test_every_setting_that_is_not_the_same_is_named() -> None:
    both = entrants_of(*drawn(200, 0.0, 0.0))
    one = replace(both[0], settings={"a.b": 6, "a.c": [1], "a.d": None, "run.seed": 7})
    other = replace(both[1], settings={"a.b": 6.0, "a.c": [2], "run.seed": 8})
    found = {item.key: item.values for item in compare([one, other], samples=500).differences}

    assert found == {"a.c": ([1], [2]), "run.seed": (7, 8)}


# -- forecasts -----------------------------------------------------------------------------------


def forecasts(
    p: np.ndarray, y: np.ndarray, *, symbols: tuple[str, ...] = ("XAUUSD",), horizon: int = 4
) -> Forecasts:
    n = len(p) // len(symbols)
    return Forecasts(
        time_ns=np.repeat(np.arange(n), len(symbols)) * NS_PER_HOUR,
        p=p,
        y=y.astype(np.int8),
        horizon=np.full(len(p), horizon),
        fold=np.zeros(len(p), np.int64),
        weight=np.ones(len(p)),
        symbols=symbols,
        symbol=np.tile(np.arange(len(symbols)), n),
    )


def forecasting(p: np.ndarray, y: np.ndarray, name: str, **fields) -> Entrant:
    return replace(entrant(np.zeros(100), name), forecasts=forecasts(p, y, **fields))


def test_forecasts_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    made = forecasts(rng.random(60), rng.random(60) < 0.5, symbols=("XAUUSD", "EURUSD"))
    made = replace(made, weight=rng.random(60), fold=np.arange(60))
    path = tmp_path / "forecasts.parquet"
    path.write_bytes(forecast_bytes(made))
    back = read_forecasts(path)

    assert back.symbols == made.symbols
    for name in ("time_ns", "p", "y", "horizon", "fold", "weight", "symbol"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    assert forecast_bytes(made) == path.read_bytes()
    plain = replace(made, weight=None, symbols=(), symbol=None)
    path.write_bytes(forecast_bytes(plain))
    assert read_forecasts(path).symbols == ("",)
    assert (read_forecasts(path).weight == 1.0).all()
    assert read_forecasts(tmp_path / "nothing.parquet") is None


def test_better_forecasts_of_the_same_labels_are_found() -> None:
    rng = np.random.default_rng(4)
    truth = rng.uniform(0.3, 0.7, 3_000)
    y = rng.random(3_000) < truth
    sharp, dull = forecasting(truth, y, "sharp"), forecasting(np.full(3_000, 0.5), y, "dull")
    found, note = forecast_test(sharp, dull)

    assert note == ""
    assert found.first_loss == pytest.approx(np.mean((truth - y) ** 2))
    direct = diebold_mariano((truth - y) ** 2, np.full(3_000, 0.25), horizon=4)
    assert (found.p, found.difference) == (direct.p, direct.difference)
    assert found.difference < 0.0
    assert found.p < 0.001


def test_labels_are_matched_by_symbol_and_moment() -> None:
    rng = np.random.default_rng(4)
    p, y = rng.uniform(0.4, 0.6, 600), rng.random(600) < 0.5
    pair = ("XAUUSD", "EURUSD")
    one = forecasting(p, y, "one", symbols=pair)
    gold = forecasting(np.full(300, 0.5), y[::2], "gold")
    found, _ = forecast_test(one, gold)
    assert (found.n_labels, found.n_times) == (300, 300)
    assert found.first_loss == pytest.approx(np.mean((p[::2] - y[::2]) ** 2))

    swapped = forecasts(np.full(600, 0.5), y.reshape(-1, 2)[:, ::-1].ravel(), symbols=pair[::-1])
    found, _ = forecast_test(one, replace(entrant(np.zeros(100), "two"), forecasts=swapped))
    assert (found.n_labels, found.n_times) == (600, 300)
    each = ((p - y) ** 2).reshape(-1, 2).mean(axis=1)
    other = np.full(300, 0.25)
    assert found.p == diebold_mariano(each, other, horizon=4).p


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": 1}, "labels are not the same"),
        ({"horizon": 5}, "labels are not the same"),
        ({"time_ns": 10**15}, "share 0 forecast labels"),
        ({}, "forecasts are equal"),
        ({"run": "one"}, "ai calibrates its own, which are not kept"),
    ],
    ids=str,
)
def test_forecasts_that_cannot_be_compared_say_why(change: dict, words: str) -> None:
    rng = np.random.default_rng(4)
    p, y = rng.uniform(0.4, 0.6, 300), rng.random(300) < 0.5
    one, other = forecasting(p, y, "one"), forecasting(p, y, "other")
    if "run" in change:
        other = replace(other, run="one", strategy="ai", is_judged=False, forecasts=None)
    else:
        made = other.forecasts
        changed = {
            key: np.where(np.arange(300) == 7, 1 - made.y, made.y).astype(np.int8)
            if key == "y"
            else getattr(made, key) + value
            for key, value in change.items()
        }
        other = replace(other, forecasts=replace(made, **changed))
    found, note = forecast_test(one, other)

    assert found is None
    assert words in note


def test_forecasts_of_the_hybrid_path_are_told_of_no_other_strategy(tmp_path: Path) -> None:
    """Each path has a calibrator of its own, and a run keeps the forecasts of one."""
    rng = np.random.default_rng(4)
    y = rng.random(300) < 0.5
    for name in ("one", "two"):
        columns = {path: noise(200, 0.0, rng) for path in ("hybrid", "ai", "indicators")}
        run = made_up(columns, forecasts=forecasts(rng.uniform(0.4, 0.6, 300), y))
        stored(tmp_path / name, run)
        assert entrant_of(run, "hybrid", name=name).forecasts is not None
        assert entrant_of(run, "ai", name=name).forecasts is None
    read = read_entrants(tmp_path, ["one:all", "two:ai", "two"])
    found = compare(read, samples=500)

    assert [item.name for item in read if item.forecasts is not None] == ["one", "two"]
    assert [(p.first, p.second) for p in found.pairs if p.forecasts] == [("one", "two")]
    told = found.pair("one:ai", "two:ai").forecast_note
    assert told == found.pair("one", "one:ai").forecast_note != ""
    assert told in comparison_page(found, read)
    assert found.pair("one", "one:indicators").forecast_note == ""


def test_losses_that_undo_each_other_are_tested_with_weights_that_always_work() -> None:
    y = np.zeros(400)
    p = np.where(np.arange(400) % 2, 0.2, 0.4)
    one = forecasting(p, y, "one", horizon=2)
    found, note = forecast_test(one, forecasting(np.full(400, 0.3), y, "two", horizon=2))

    assert note == ""
    assert 0.0 < found.p <= 1.0
    with pytest.raises(DataError, match="variance"):
        diebold_mariano(p**2, np.full(400, 0.09), horizon=2)


def test_forecasts_are_tested_within_a_comparison_and_corrected() -> None:
    rng = np.random.default_rng(4)
    truth = rng.uniform(0.3, 0.7, 2_000)
    y = rng.random(2_000) < truth
    three = [
        replace(item, forecasts=forecasts(np.clip(truth + bias, 0, 1), y))
        for item, bias in zip(entrants_of(*drawn(200, 0, 0, 0)), (0.0, 0.01, 0.2), strict=True)
    ]
    found = compare([*three, *entrants_of(*drawn(200, 0, 0, 0, 0))[3:]], samples=500)
    tests = [pair.forecasts for pair in found.pairs if pair.forecasts]

    assert len(tests) == 3
    assert [test.p_holm for test in tests] == adjust([t.p for t in tests], Correction.HOLM).tolist()


# -- the object and its page ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    rng = np.random.default_rng(3)
    y = rng.random(500) < 0.5
    for name, drift in (("alpha", 1.0), ("beta", -0.5)):
        made = forecasts(rng.uniform(0.4, 0.6, 500), y)
        run = made_up(
            {"hybrid": noise(600, drift, rng), "ai": noise(600, 0.0, rng)},
            changes={"exits.stop_atr": 6.0 + drift},
            hashes={"settings": name},
            forecasts=made,
        )
        stored(folder / name, run)
    return folder


def test_a_stored_run_is_compared_as_the_one_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    y = rng.random(500) < 0.5
    runs = {
        name: made_up(
            results=(strategy(noise(600, 1.0, rng)), strategy(noise(600, 0.0, rng), name="ai")),
            forecasts=forecasts(rng.uniform(0.4, 0.6, 500), y),
        )
        for name in ("one", "two")
    }
    for name, run in runs.items():
        stored(tmp_path / name, run)
    read = read_entrants(tmp_path, ["one:all", "two"])
    made = [
        entrant_of(runs["one"], "hybrid", name="one"),
        entrant_of(runs["one"], "ai", name="one"),
        entrant_of(runs["two"], "hybrid", name="two"),
    ]

    assert compare(read, samples=500).text() == compare(made, samples=500).text()


def test_a_comparison_is_json_that_any_reader_takes(reports: Path) -> None:
    found = compare(read_entrants(reports, ["alpha", "beta", "beta:ai"]), samples=500)
    content = json.loads(found.text(), parse_constant=pytest.fail)

    assert content["schema"] == SCHEMA == "assay.comparison/1"
    assert content["shared"]["n_days"] == 600
    assert [item["name"] for item in content["figures"]] == ["alpha", "beta", "beta:ai"]
    assert len(content["pairs"]) == 3
    assert content["differences"][0] == {"key": "exits.stop_atr", "values": [7.0, 5.5, 5.5]}
    with pytest.raises(AttributeError):
        found.winner = "beta"


def test_the_same_arguments_give_the_same_bytes_wherever_they_are_computed() -> None:
    some = entrants_of(*drawn(300, 0.0, 0.0, 4.0, 1.0, 2.0))
    one = compare(some, samples=500, place=Place(workers=1))
    two = compare(some, samples=500, place=Place(workers=2))

    assert one.text() == two.text()
    assert comparison_page(one, some) == comparison_page(two, some)
    assert compare(some, samples=500, seed=1).text() != one.text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gamma", "'gamma' does not"),
        ("alpa", "Did you mean alpha"),
        ("alpha:nothing", "none of"),
        ("../reports/alpha", "does not"),
        ("", "does not"),
        (".", "does not"),
        ("..", "does not"),
    ],
)
def test_a_run_that_is_not_there_is_refused(reports: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_entrants(reports, [name])


def test_a_run_is_named_once(reports: Path) -> None:
    with pytest.raises(ConfigError, match="alpha came twice"):
        read_entrants(reports, ["alpha", "alpha:hybrid"])


@pytest.mark.parametrize("what", ["cut", "days", "trades", "forecasts", "equity", "null"])
def test_a_damaged_run_is_refused(reports: Path, tmp_path: Path, what: str) -> None:
    run = made_up({"hybrid": drawn(100, 0.0)[0]}, forecasts=forecasts(np.full(9, 0.5), np.ones(9)))
    folder = stored(tmp_path / "r", run)
    path = folder / "results.json"
    text = path.read_text()
    if what == "cut":
        path.write_text(text[:2_000])
    elif what == "days":
        path.write_text(text.replace('"day":["2010-01-04"', '"day":["2030-01-04"'))
    elif what == "trades":
        path.write_text(text.replace('"side":["short",', '"side":['))
    elif what == "null":
        path.write_text(re.sub(r'"equity":\[[0-9.]+,', '"equity":[null,', text))
    elif what == "equity":
        path.write_text(re.sub(r'"equity":\[[0-9.]+,', '"equity":[', text))
    else:
        (folder / "forecasts.parquet").write_bytes(b"PAR1 and nothing else")
    assert what == "forecasts" or path.read_text() != text
    with pytest.raises(DataError, match="whole run"):
        read_entrants(tmp_path, ["r"])


class Outline(HTMLParser):
    """Collects tags and attributes, and checks that what opens closes."""

    VOID = frozenset({"meta", "line", "rect", "circle", "path", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    assert not parser.open
    return parser


@pytest.fixture(scope="module", params=["two", "twelve", "benchmark", "all"])
def compared(request) -> tuple[Comparison, list[Entrant]]:
    n = {"two": 2, "twelve": 12, "benchmark": 4, "all": ENTRANTS_MAX}[request.param]
    sharpes = np.linspace(-1.0, 4.0, n).tolist()
    some = entrants_of(*drawn(260, *sharpes))
    base = "run1" if request.param == "benchmark" else None
    return compare(some, samples=500, benchmark=base), some


def test_the_page_is_whole_and_asks_for_nothing(compared) -> None:
    page = comparison_page(*compared, look="Look 3.", reports="../../reports")
    found = outline(page)
    targets = {value for name, value in found.attributes if name == "id"}

    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(found.tags)
    for name, value in found.attributes:
        assert not name.startswith("on")
        if name == "href":
            assert value[1:] in targets or re.fullmatch(
                r"\.\./\.\./reports/run\d+/report\.html", value
            )
    assert not re.search(r"https?://|url\(|@import|NaN|nan\b", page)
    assert "Look 3." in page
    for item in compared[0].figures:
        assert f">{item.letter}<" in page


def test_the_page_says_the_answer_first(compared) -> None:
    comparison, some = compared
    page = comparison_page(comparison, some)
    body = page[page.index("<body>") :]

    assert comparison.headline in body
    assert body.index(comparison.headline) < body.index("Who is compared")


def test_hostile_names_stay_text() -> None:
    some = [
        replace(
            item,
            run=HOSTILE + str(i),
            strategy=HOSTILE,
            settings={HOSTILE: HOSTILE + str(i)},
            hashes={**item.hashes, HOSTILE: HOSTILE + str(i)},
            verdict=HOSTILE,
            is_judged=bool(i),
        )
        for i, item in enumerate(entrants_of(*drawn(120, 0.0, 1.0)))
    ]
    found = compare(some, samples=500)
    page = comparison_page(found, some, look=HOSTILE, reports="../../reports")

    assert "script" not in outline(page).tags
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page


def test_a_long_name_is_cut_beside_its_curve_and_whole_in_the_table() -> None:
    name = "x" * 40 + "y" * 40
    some = [entrant(drawn(100, 0.0)[0], name), entrant(drawn(100, 1.0, seed=8)[0], "short")]
    found = compare(some, samples=500)

    assert short_label(found.figures[0]) == "A xxxxxx…yyyyyy"
    assert short_label(found.figures[1]) == "B short"
    assert name in comparison_page(found, some)


# -- the list of looks ---------------------------------------------------------------------------


def test_every_comparison_is_noted_once(tmp_path: Path) -> None:
    path = tmp_path / "comparisons" / "looks.jsonl"
    some = entrants_of(*drawn(100, 0.0, 0.0, 0.0))
    pair, three = compare(some[:2], samples=500), compare(some, samples=500)
    first = note_look(path, pair, some[:2], 5 * NS_PER_DAY)
    second = note_look(path, three, some, 6 * NS_PER_DAY)
    again = note_look(path, pair, some[:2], 7 * NS_PER_DAY)
    other = compare(some[:2], samples=500, benchmark="run0")

    assert (first.number, first.n_strategies, first.at) == (1, 2, "1970-01-06T00:00:00Z")
    assert (second.number, second.n_strategies) == (2, 3)
    assert again == first
    assert note_look(path, other, some[:2], 8 * NS_PER_DAY).number == 3
    assert [look.number for look in read_looks(path)] == [1, 2, 3]
    assert read_looks(path)[1] == second
    assert "comparison 2 of this workspace; 3 different strategies" in second.sentence


def test_a_copied_run_is_no_other_strategy(tmp_path: Path) -> None:
    some = entrants_of(*drawn(100, 0.0, 0.0))
    copies = [some[0], replace(some[0], run="copy")]
    look = note_look(tmp_path / "looks.jsonl", compare(copies, samples=500), copies, 0)

    assert look.n_strategies == 1


def test_another_strategy_py_is_another_strategy(tmp_path: Path) -> None:
    """And who has none is the same strategy as ever, so that lists made before stay true."""
    plain, mine, edited = entrants_of(*drawn(100, 0.0, 0.0, 0.0))
    same = {**plain.hashes, "settings": "s"}
    plain = replace(plain, hashes=same)
    mine = replace(mine, hashes={**same, "strategy": "a" * 64})
    edited = replace(edited, hashes={**same, "strategy": "b" * 64})
    path = tmp_path / "looks.jsonl"
    first = note_look(path, compare([plain, mine], samples=500), [plain, mine], 0)
    second = note_look(path, compare([plain, edited], samples=500), [plain, edited], 1)

    assert plain.identity == hash_of(["hybrid", "d", "f", "c", "s", ""])
    assert (first.number, first.n_strategies) == (1, 2)
    assert (second.number, second.n_strategies) == (2, 3)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("edit", ["change", "remove", "torn"])
def test_an_edited_list_is_refused(tmp_path: Path, edit: str, place: int) -> None:
    path = tmp_path / "looks.jsonl"
    some = entrants_of(*drawn(100, 0.0, 0.0, 0.0))
    for n in (2, 3):
        note_look(path, compare(some[:n], samples=500), some[:n], 0)
    lines = path.read_text().splitlines()
    if edit == "change":
        lines[place] = lines[place].replace('"winner":null', '"winner":"run1"')
    elif edit == "remove":
        if place:
            return  # what was cut off the end cannot be seen without a head
        del lines[place]
    else:
        lines[place] = lines[place][:40]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="as it was written"):
        read_looks(path)


def test_a_list_that_cannot_be_written_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    some = entrants_of(*drawn(100, 0.0, 0.0))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="must be writable"):
        note_look(tmp_path / "file" / "looks.jsonl", compare(some, samples=500), some, 0)
