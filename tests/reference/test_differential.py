"""The compiled engine equals the slow reference, fill by fill, over random markets."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from implementations import backtest_of, compiled, compiled_fast, disagreements, outcome_of
from reference_markets import Market, markets, seeded_market

SEEDS_PER_BATCH = 250
BATCHES = 2
SOAK_SEEDS = 20_000

patient = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def expect_agreement(market: Market) -> None:
    """Compare both forms of the engine with the reference."""
    expected = market.outcome()
    assert disagreements(expected, compiled(market))[:12] == []
    assert disagreements(expected, compiled_fast(market))[:12] == []


@settings(patient, max_examples=150)
@given(market=markets())
def test_the_engine_equals_the_reference(market: Market) -> None:
    expect_agreement(market)


@pytest.mark.compiled
@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_engine_equals_the_reference_on_long_markets(batch: int) -> None:
    for number in range(batch * SEEDS_PER_BATCH, (batch + 1) * SEEDS_PER_BATCH):
        found = disagreements(seeded_market(number).outcome(), compiled_fast(seeded_market(number)))
        assert found == [], f"seed {number}: {found[:12]}"


@settings(patient, max_examples=40)
@given(market=markets())
def test_skipping_quiet_stretches_changes_no_bit(market: Market) -> None:
    slow, fast = backtest_of(market, is_fast=False), backtest_of(market, is_fast=True)
    assert slow.fills.tobytes() == fast.fills.tobytes()
    assert slow.trades.tobytes() == fast.trades.tobytes()
    assert np.array_equal(slow.equity, fast.equity)
    assert np.array_equal(slow.balance, fast.balance)
    assert outcome_of(slow).refusals == outcome_of(fast).refusals


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_the_engine_equals_the_reference_for_a_long_time() -> None:
    for number in range(1_000_000, 1_000_000 + SOAK_SEEDS):
        expected = seeded_market(number).outcome()
        for run in (compiled, compiled_fast):
            found = disagreements(expected, run(seeded_market(number)))
            assert found == [], f"seed {number}: {found[:12]}"


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("part", range(10))
def test_the_engine_equals_the_reference_on_many_small_markets(part: int) -> None:
    # In parts: what Hypothesis remembers of its examples grows with their number.
    soak = settings(patient, max_examples=2_000, derandomize=False)
    seed(part)(soak(given(market=markets())(expect_agreement)))()
