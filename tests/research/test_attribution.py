"""The split of a trade by hand: every part where the definition puts it."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import numpy as np
import pytest
from attribution_worlds import (
    by_name,
    flat,
    instrument,
    settings,
    split_of,
    spoken,
    tape,
    told_and_done,
)
from engine_worlds import request

from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.engine.backtest import backtest
from assay.engine.views import Views
from assay.research.attribution.part import AFTER_SIGNALS, GROUPS, order_of, vote_part
from assay.research.attribution.records import attribution_records
from assay.research.attribution.split import SIZED_BY
from assay.research.attribution.summary import summarise
from assay.research.attribution.voices import Voices, voice_of_rule, voices_of_votes
from assay.research.benchmarks import Market, as_result
from assay.research.fill_prices import fill_prices
from assay.research.report.attribution import attribution_section
from assay.research.result import StrategyResult
from assay.signals.votes import FAMILIES, VOTES

CLOSES = [100.0, 102.0, 104.0, 103.0, 102.0, 102.0]
BARS = [
    # open, high, low, close of the bid; one lot is 100 units, the spread 0.2, the slip 0.1
    [100.0, 100.0, 100.0, 100.0],  # 0: long is decided at mid 100.1
    [101.0, 102.0, 101.0, 102.0],  # 1: entered at ask 101.2 + 0.1
    [102.0, 104.0, 102.0, 104.0],  # 2
    [104.0, 104.0, 103.0, 103.0],  # 3: the view turns
    [102.5, 102.5, 102.0, 102.0],  # 4: left at bid 102.5 - 0.1
    [102.0, 102.0, 102.0, 102.0],
]
RULES = settings(account={"balance": 1e12}, costs={"slippage_points_min": 10.0})
LEAN = {0: (0.6, -0.2), 1: (0.3, 0.3), 2: (0.4, 0.0), 3: (-0.1, 0.0)}


def account(bars, lean, *, rules=None, unit=50.0, requests=None, **world):
    n = len(bars)
    table = np.zeros((n, 2))
    for event, row in lean.items():
        table[event] = row
    whole = table.sum(axis=1)
    opinion = Views.of(np.sign(whole), score=0.5 + 0.5 * np.abs(whole), unit=unit)
    facts = instrument(commission_per_lot=D(3), swap_long=D(-7))
    market = Market(
        tape=tape(bars, spread=0.2, **world),
        atr=np.ones(n),
        instruments={"XAUUSD": facts},
        settings=rules or RULES,
    )
    voices = spoken(table)
    return told_and_done(market, opinion, voices, requests)


def test_a_trade_that_the_view_ends() -> None:
    nights = [0, 0, 1, 0, 0, 0]
    split = split_of(account(BARS, LEAN, nights=nights))
    part = by_name(split)

    # Bars are owned by the view at their start: 0→1 moves 2 (6/8 for, 2/8 against: shares 7/6 and
    # -1/6), 1→2 moves 2 (half each), 2→3 moves -1 (all of the first).
    assert part["source_0"] == pytest.approx(100 * (2 * 7 / 6 + 2 * 0.5 - 1))
    assert part["source_1"] == pytest.approx(100 * (2 * -1 / 6 + 2 * 0.5))
    # Entered a mid of 1 later, left 0.5 below the close that decided it.
    assert part["timing"] == pytest.approx(100 * (-1.0 - 0.5))
    assert part["exits"] == pytest.approx(0.0, abs=1e-9)
    assert part["sizing"] == part["regime"] == part["holding"] == 0.0
    assert part["spread"] == pytest.approx(-100 * 0.2)
    assert part["slippage"] == pytest.approx(-100 * 0.2)
    assert part["commission"] == -6.0
    assert part["swap"] == pytest.approx(-7 * 0.01 * 100)
    assert sum(part.values()) == pytest.approx(100 * (102.4 - 101.3) - 6.0 - 7.0)
    assert split.decided.tolist() == [0] and split.held_until.tolist() == [3]


def test_the_example_of_the_docs_is_this_trade() -> None:
    told = account(BARS, LEAN)
    part = by_name(split_of(told))
    page = (Path(__file__).resolve().parents[2] / "docs" / "attribution.md").read_text()
    example = page[page.index("### An example") : page.index("## Files")]

    assert f"*a* made {part['source_0']:.2f}, *b* {part['source_1']:.2f}." in example
    assert "the delay cost 100 + 50" in example and part["timing"] == pytest.approx(-150.0)
    assert f"Net {told[2].trades.net[0]:.0f}:" in example


def test_every_gate_and_every_group_stands_in_the_docs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "attribution.md").read_text()

    for reason in RefusalReason:
        if reason <= RefusalReason.BELOW_MINIMUM_SIZE:
            assert f"`{reason.name}`" in page, reason
    for name in GROUPS:
        word = {"own": "strategy.py", "levels": "support", "swap_view": "swap in the view"}
        word |= {"timing": "delay", "rule": "fixed rule", "regime": "volatility regime"}
        assert word.get(name, name).rstrip("s") in page.lower(), name


def test_a_stop_is_compared_with_holding_on_until_the_view_turns() -> None:
    bars = [row[:] for row in BARS]
    bars[1] = [101.0, 102.0, 99.0, 102.0]  # stop at 101.3 - 2 = 99.3, left at 99.2
    told = account(bars, LEAN, unit=2.0)
    stopped = by_name(split_of(told))
    held = by_name(split_of(account(BARS, LEAN)))

    # The views pass again at the close of bar 1, so the next position begins at bar 2: what the
    # stop cost is the move from 99.3 (mid 99.4 on the bid side) to the mid of the open of bar 2.
    assert len(told[2].trades) == 2
    assert stopped["exits"] == pytest.approx(100 * (99.4 - 102.1))
    assert stopped["source_0"] == pytest.approx(100 * 2 * 7 / 6)
    assert stopped["timing"] == pytest.approx(100 * (-1.0 + 0.0))
    again = by_name(split_of(told), row=1)
    assert again["source_0"] + again["source_1"] == pytest.approx(100 * (2 - 1))
    both = {name: stopped[name] + again[name] for name in stopped}
    assert both["source_0"] == pytest.approx(held["source_0"])
    assert both["source_1"] == pytest.approx(held["source_1"])
    assert both["spread"] == pytest.approx(2 * held["spread"])


def test_a_target_that_takes_half_is_an_exit_for_that_half() -> None:
    targets = ({"at_r": 1.0, "fraction": 0.5},)
    rules = settings(
        account={"balance": 1e12},
        exits={"stop_atr": 1.0, "targets": targets},
        costs={"slippage_points_min": 10.0},
    )
    told = account(BARS, LEAN, rules=rules, unit=2.0)
    part = by_name(split_of(told))

    # Half a lot left at 101.3 + 2 on the bid: mid 103.4, against 102.6 at the turn.
    assert part["exits"] == pytest.approx(50 * (103.4 - 102.6))
    assert part["slippage"] == pytest.approx(-100 * 0.1 - 50 * 0.1), "a target does not slip"
    assert sum(part.values()) == pytest.approx(told[2].trades.net[0])


def test_a_position_that_no_source_speaks_for_is_held_by_the_rule() -> None:
    lean = {0: (0.6, 0.0), 1: (0.0, 0.0), 2: (0.1, -0.1), 3: (-0.3, 0.0)}
    part = by_name(split_of(account(BARS, lean)))

    assert part["source_0"] == pytest.approx(100 * 2)
    assert part["holding"] == pytest.approx(100 * (2 - 1))


def test_size_is_compared_with_the_usual_risk_of_the_strategy() -> None:
    bars = [*flat(100.0, 2), [100.0, 101.0, 100.0, 101.0], *flat(101.0, 3)]
    bars += [[101.0, 103.0, 101.0, 103.0], *flat(103.0, 3)]
    lean = {0: (0.6, 0.0), 3: (-0.1, 0.0), 5: (0.6, 0.0), 8: (-0.1, 0.0)}
    unit = np.where(np.arange(len(bars)) < 4, 5.0, 10.0)
    told = account(bars, lean, unit=unit)
    split = split_of(told)
    risk, worth = told[2].trades.risk, told[2].equity[[0, 5]]
    usual = float(np.mean(risk / worth))

    assert split.reference_risk == pytest.approx(usual)
    assert split.reference_lots == pytest.approx(usual * worth / risk)
    # One lot each, but the second stop is twice as far: it carried more than usual, and won more.
    moves = np.array([100.0, 200.0])
    sizing = split.amounts[:, [part.name for part in split.parts].index("sizing")]
    assert sizing == pytest.approx((1.0 - split.reference_lots) * moves)
    assert sizing[0] < 0.0 < sizing[1]


def test_a_size_that_the_volatility_bound_is_of_the_regime() -> None:
    rules = settings(
        risk={"sizing": "kelly", "volatility_target": 0.01, "risk_fraction_max": 0.05},
        costs={"slippage_points_min": 10.0},
    )
    lean = {0: (0.6, 0.0), 1: (0.3, 0.3), 3: (-0.6, 0.0), 6: (0.1, 0.0)}
    bars = [*BARS, [102.0, 102.0, 99.0, 99.0], [99.0, 99.0, 99.0, 99.0]]
    unit = np.linspace(1.0, 4.0, len(bars))
    told = account(bars, lean, rules=rules, unit=unit, volatility=0.001)
    split = split_of(told)
    names = [part.name for part in split.parts]

    assert [SIZED_BY[k] for k in split.sized_by] == ["volatility"] * 2
    assert (split.amounts[:, names.index("sizing")] == 0.0).all()
    assert (np.abs(split.amounts[:, names.index("regime")]) > 1.0).all()


def test_orders_that_somebody_asked_for_are_a_rule_of_their_own() -> None:
    asked = np.concatenate(
        (request(0, OrderKind.LIMIT, 1, 1.0, price=101.5), request(3, OrderKind.CLOSE, -1, 0.0))
    )
    told = account(BARS, {}, requests=asked)
    split = split_of(told)
    part = by_name(split)

    # Filled at its limit or better, 101.2, without slippage; closed at the market, 102.4.
    assert part["rule"] == pytest.approx(100 * (102.6 - 101.1))
    assert part["slippage"] == pytest.approx(-100 * 0.1)
    assert part["timing"] == part["exits"] == part["source_0"] == 0.0
    assert split.decided.tolist() == [-1]


def test_a_stop_out_in_the_event_of_another_symbol_is_priced_by_its_own() -> None:
    """Symbol 0 is closed while symbol 1 moves: its spread is its own, not that of symbol 1."""
    rows = [[100.0] * 4, [50.0] * 4, [100.0] * 4, [50.0] * 4, [60.0] * 4, [25.0] * 4]
    world = tape(rows, spread=0.2, symbols=[0, 1] * 3, names=("A", "B"))
    world.market[4:8, 1::2] += 7.0  # symbol 1 is quoted far apart
    facts = {name: instrument(symbol=name, margin_fraction=D("0.5")) for name in ("A", "B")}
    rules = settings(account={"balance": 9_000.0, "margin_call_level": 0.1})
    opinion = Views.of([1, 1, 0, 0, 0, 0], score=0.9, unit=1_000.0)
    market = Market(tape=world, atr=np.ones(6), instruments=facts, settings=rules)
    told = told_and_done(market, opinion, voice_of_rule(opinion))
    result = told[2]
    closed = result.fills[result.fills.reason == 5]
    prices = fill_prices(closed, world, rules.costs, facts)

    assert len(closed), "the account must be stopped out"
    own = world.symbol[prices.event]
    assert (own == closed.symbol).all()
    assert prices.half_spread == pytest.approx(np.where(own == 0, 0.1, 3.6))
    split = split_of(told)
    assert split.gap < 1e-12
    assert split.amounts.sum(axis=1) == pytest.approx(result.trades.net)


def test_an_entry_gives_away_its_own_spread_and_an_exit_its_own() -> None:
    market, told, result = account(BARS, LEAN)
    wide = market.tape.market.copy()
    wide[[4, 5, 6, 7], 1] += 0.6  # the bar of the entry is quoted 0.8 apart
    other = replace(market, tape=replace(market.tape, market=wide))
    dear = told_and_done(other, told.views, told.voices)
    part = by_name(split_of(dear))

    assert part["spread"] == pytest.approx(-100 * (0.4 + 0.1))
    assert dear[2].trades.net[0] == pytest.approx(result.trades.net[0] - 100 * 0.6)
    assert sum(part.values()) == pytest.approx(dear[2].trades.net[0])


def test_what_is_closed_at_the_end_is_priced_at_the_last_close() -> None:
    market, told, _ = account(BARS[:3], {0: (0.6, 0.0), 1: (0.3, 0.0), 2: (0.3, 0.0)})
    wide = market.tape.market.copy()
    wide[7, 2] += 0.8  # the last close is quoted 1.0 apart, its open 0.2
    tape_ = replace(market.tape, market=wide)
    market = replace(market, tape=tape_)
    run = backtest(tape_, told.views, market.settings, market.instruments, close_at_end=True)
    split = split_of((market, told, as_result("hybrid", run, market)))
    part = by_name(split)

    assert part["spread"] == pytest.approx(-100 * (0.1 + 0.5))
    assert part["slippage"] == pytest.approx(-100 * 0.1), "the end of the data slips nothing"
    assert part["exits"] == pytest.approx(0.0, abs=1e-9)
    assert sum(part.values()) == pytest.approx(run.trades.net[0])


def test_an_error_is_not_made_up_for() -> None:
    market, told, result = account(BARS, LEAN)
    wrong = result.trades.copy()
    wrong["net"] += 5.0
    split = split_of((market, told, replace(result, trades=wrong)))
    found = summarise(
        replace(result, trades=wrong), split, None, market.settings.evaluation, seed=1
    )

    assert split.amounts.sum() == pytest.approx(wrong["net"][0] - 5.0)
    assert split.gap > 1e-3 and found.error > 1e-3


def test_without_trades_there_is_nothing_to_show() -> None:
    told = account(BARS, {})
    split = split_of(told)
    item = summarise(told[2], split, None, told[0].settings.evaluation, seed=1)

    assert item.n_trades == 0 and item.error == 0.0
    assert attribution_section({"hybrid": item}, "hybrid", "USD") is None
    assert attribution_section({}, "hybrid", "USD") is None
    assert attribution_records({}, "hybrid") is None
    rule = voice_of_rule(told[1].views)
    assert rule.with_rule() is rule


def test_a_benchmark_is_its_rule_and_its_costs() -> None:
    market, told, result = account(BARS, LEAN)
    bare = replace(told, voices=voice_of_rule(told.views), views=None, answers=None)
    part = by_name(split_of((market, bare, result)))

    assert part["rule"] == pytest.approx(100 * (102.6 - 101.1))
    assert {name for name, amount in part.items() if amount} == {
        "rule", "spread", "slippage", "commission"
    }  # fmt: skip


def test_votes_that_count_alike_share_alike() -> None:
    votes = np.zeros((2, 14))
    votes[0, :4] = (1.0, 0.5, -0.5, np.nan)
    voices = voices_of_votes(votes, VOTES)

    assert voices.lean[0, :4] == pytest.approx([1 / 14, 0.5 / 14, -0.5 / 14, 0.0])
    assert len(voices) == 2


def test_spans_with_other_sources_are_joined_by_name() -> None:
    one, two = (
        replace(spoken(rows), sources=tuple(map(vote_part, names)), log_odds=rows)
        for names, rows in (
            (("rsi", "sma_20"), np.array([[1.0, 2.0]])),
            (("mine", "sma_20"), np.array([[3.0, 4.0]])),
        )
    )
    joined = Voices.joined([one, two])

    assert [part.name for part in joined.sources] == ["vote_sma_20", "vote_rsi", "own_mine"]
    assert joined.lean.tolist() == [[2.0, 1.0, 0.0], [4.0, 0.0, 3.0]]


def test_every_vote_is_in_one_family_and_every_part_in_a_group() -> None:
    counted = [name for family in FAMILIES.values() for name in family]

    assert sorted(counted) == sorted(VOTES)
    assert set(FAMILIES) <= set(GROUPS)
    parts = [vote_part(name) for name in (*VOTES, "mine")] + list(AFTER_SIGNALS)
    assert all(part.group in GROUPS for part in parts)
    assert sorted(parts, key=order_of)[0].name == "vote_sma_20"


def test_costs_of_the_split_are_those_of_the_report() -> None:
    market, _, result = told = account(BARS, LEAN)
    part = by_name(split_of(told))

    assert isinstance(result, StrategyResult)
    assert part["spread"] == pytest.approx(-result.spread_cost)
    assert part["slippage"] == pytest.approx(-result.slippage_cost)
    assert market.settings.costs.slippage_points_min == 10.0
