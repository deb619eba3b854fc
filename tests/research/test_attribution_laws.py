"""Laws of the split, over random markets, settings, facts, currencies and sources."""

import itertools
import math
from dataclasses import replace
from decimal import Decimal as D

import numpy as np
import pytest
from attribution_worlds import (
    flat,
    instrument,
    mirrored_market,
    mirrored_views,
    random_account,
    settings,
    split_of,
    spoken,
    tape,
    told_and_done,
    voices_for,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.engine.views import Views
from assay.research.attribution.sharing import bar_shares
from assay.research.benchmarks import Market

accounts = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from([1, 1, 3]), st.booleans(), st.booleans()
)
law = hypothesis_settings(max_examples=40, deadline=None)
few = hypothesis_settings(max_examples=15, deadline=None)


@law
@given(accounts)
def test_the_parts_of_every_trade_sum_to_its_net_profit(drawn) -> None:
    seed, n_symbols, with_requests, is_dated = drawn
    account = random_account(seed, n_symbols, with_requests=with_requests, is_dated=is_dated)
    split = split_of(account)
    net = account[2].trades.net

    assert split.gap < 1e-11, "nothing but rounding may be made up for"
    for row, whole in zip(split.amounts, net, strict=True):
        assert abs(math.fsum(row) - whole) <= 1e-9 * max(1.0, abs(whole))
        assert abs(row.sum() - whole) <= 1e-9 * max(1.0, abs(whole))


@law
@given(accounts)
def test_a_source_that_says_nothing_gets_nothing(drawn) -> None:
    seed, n_symbols, with_requests, is_dated = drawn
    account = random_account(seed, n_symbols, with_requests=with_requests, is_dated=is_dated)
    split = split_of(account)

    assert (split.amounts[:, 0] == 0.0).all()


@few
@given(accounts)
def test_twice_the_lots_is_twice_every_part(drawn) -> None:
    seed, n_symbols, with_requests, is_dated = drawn
    market, told, result = random_account(
        seed, n_symbols, with_requests=with_requests, is_dated=is_dated
    )
    trades, fills = result.trades.copy(), result.fills.copy()
    for name in ("lots", "gross", "commission", "swap", "net", "risk"):
        trades[name] *= 2.0
    for name in ("lots", "commission"):
        fills[name] *= 2.0
    once = split_of((market, told, result))
    twice = split_of((market, told, replace(result, trades=trades, fills=fills)))

    np.testing.assert_allclose(twice.amounts, 2.0 * once.amounts, rtol=1e-9, atol=1e-7)
    assert twice.reference_risk == pytest.approx(2.0 * once.reference_risk, nan_ok=True)


@few
@given(st.integers(0, 2**32 - 1))
def test_the_mirror_changes_sides_and_no_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Quarters are exact in binary, so that no stop is touched on one side of the mirror only.
    close = 100.0 + np.cumsum(rng.integers(-4, 5, 300)) / 4.0
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) + rng.integers(0, 5, 300) / 4.0
    low = np.minimum(open_, close) - rng.integers(0, 5, 300) / 4.0
    world = tape(
        np.column_stack((open_, high, low, close)) + 400.0,
        spread=0.25,
        nights=rng.choice([0.0, 1.0], 300, p=[0.9, 0.1]),
    )
    asked = settings(
        account={"balance": 1e7},
        exits={"stop_atr": 2.0, "targets": [{"at_r": 1.0, "fraction": 0.5}], "trailing_atr": 2.0},
        costs={"slippage_points_min": 2.0},
    )
    grid = {"commission_per_lot": D(3), "tick_size": D("0.25")}
    facts = instrument(**grid, swap_long=D(-4), swap_short=D(1))
    image_facts = instrument(**grid, swap_long=D(1), swap_short=D(-4))
    market = Market(tape=world, atr=np.ones(300), instruments={"XAUUSD": facts}, settings=asked)
    opinion = Views.of(
        rng.choice([-1, 0, 1], 300, p=[0.3, 0.4, 0.3]), score=rng.uniform(0.5, 1.0, 300), unit=2.0
    )
    voices = voices_for(opinion, 300, rng)
    image = replace(mirrored_market(market, centre=1000.0), instruments={"XAUUSD": image_facts})
    turned_voices = replace(voices, lean=-voices.lean, log_odds=-voices.log_odds)
    straight = told_and_done(market, opinion, voices)
    turned = told_and_done(image, mirrored_views(opinion), turned_voices)

    assert (straight[2].trades.side == -turned[2].trades.side).all()
    np.testing.assert_allclose(
        split_of(straight).amounts, split_of(turned).amounts, rtol=1e-9, atol=1e-6
    )


@law
@given(
    st.lists(st.floats(-5.0, 5.0, allow_subnormal=False), min_size=1, max_size=6),
    st.sampled_from([-1.0, 1.0]),
)
def test_shares_sum_to_one_and_stay_small_however_signs_cancel(lean, side) -> None:
    share = bar_shares(np.array([lean]), np.array([side]))[0]
    toward = side * np.array(lean)

    assert (np.abs(share) <= 1.5 + 1e-12).all()
    assert np.abs(share).sum() <= 2.0 + 1e-12
    assert (share * toward >= 0.0).all(), "who speaks for the side shares it, who opposes it pays"
    if toward.sum() > 1e-6 * np.abs(toward).sum() and toward.sum() > 0.0:
        assert share.sum() == pytest.approx(1.0)
    if toward.sum() < 0.0:
        assert (share == 0.0).all()


def test_shares_are_the_shapley_values_of_both_camps() -> None:
    lean = np.array([0.5, 0.3, -0.15, -0.05])
    share = bar_shares(lean[None, :], np.array([1.0]))[0]
    loud, contrary = 0.8, 0.2
    worth = {(): 0.0, ("for",): 1.0, ("against",): -contrary / loud, ("for", "against"): 1.0}

    def value(coalition):
        return worth[tuple(name for name in ("for", "against") if name in coalition)]

    shapley = dict.fromkeys(("for", "against"), 0.0)
    for order in itertools.permutations(("for", "against")):
        before: tuple[str, ...] = ()
        for name in order:
            shapley[name] += 0.5 * (value((*before, name)) - value(before))
            before = (*before, name)

    assert share[:2].sum() == pytest.approx(shapley["for"])
    assert share[2:].sum() == pytest.approx(shapley["against"])
    assert share[0] / share[1] == pytest.approx(0.5 / 0.3)


def test_a_source_cut_in_two_has_the_share_it_had() -> None:
    whole = bar_shares(np.array([[0.4, 0.2, -0.3]]), np.array([1.0]))[0]
    cut = bar_shares(np.array([[0.1, 0.3, 0.2, -0.2, -0.1]]), np.array([1.0]))[0]

    assert [cut[:2].sum(), cut[2], cut[3:].sum()] == pytest.approx(whole.tolist())


def test_a_swap_that_swallows_the_view_leaves_the_bar_to_nobody() -> None:
    """Silence by rounding is silence: 0.1 + 0.2 - 0.3 is 5.6e-17."""
    share = bar_shares(np.array([[0.1, 0.2, -0.3]]), np.array([1.0]))[0]

    assert (share == 0.0).all()


def test_who_knows_the_market_earns_and_who_guesses_does_not() -> None:
    """One source follows a hidden drift; the other, less loud, a coin that turns as often."""
    rng = np.random.default_rng(5)
    n = 60_000
    drift, coin = (np.repeat(rng.choice([-1.0, 1.0], n // 100), 100) for _ in range(2))
    close = 20_000.0 + np.cumsum(rng.normal(0.15 * drift, 1.0)).round(2)
    lean = np.column_stack((0.4 * np.append(drift[1:], 1.0), 0.15 * coin))
    whole = lean.sum(axis=1)
    opinion = Views.of(np.sign(whole).astype(np.int8), score=0.5 + 0.5 * np.abs(whole), unit=50.0)
    voices = spoken(lean)
    before = np.concatenate(([20_000.0], close[:-1]))
    both = np.column_stack((before, close))
    bars = np.column_stack((before, both.max(axis=1), both.min(axis=1), close))
    market = Market(
        tape=tape(bars), atr=np.ones(n), instruments={"XAUUSD": instrument()}, settings=settings()
    )
    split = split_of(told_and_done(market, opinion, voices))
    knows, guesses = split.amounts[:, 0].sum(), split.amounts[:, 1].sum()

    assert knows > 0.0
    assert abs(guesses) < 0.1 * knows


def test_no_trade_has_no_part() -> None:
    market = Market(
        tape=tape(flat(100.0, 5)),
        atr=np.ones(5),
        instruments={"XAUUSD": instrument()},
        settings=settings(),
    )
    opinion = Views.of(np.zeros(5, dtype=np.int8))
    split = split_of(
        told_and_done(market, opinion, voices_for(opinion, 5, np.random.default_rng()))
    )

    assert split.amounts.shape[0] == 0
    assert math.isnan(split.reference_risk)
