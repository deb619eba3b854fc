"""Tail risk: worked examples, the closed forms against integrals, and an independent library."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, t
from skfolio.measures import cvar

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.tail import (
    expected_shortfall,
    gaussian_tail,
    student_tail,
    value_at_risk,
)

TEN = np.arange(1.0, 11.0)
losses_of = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array)
levels = st.floats(0.01, 0.99)


@pytest.mark.parametrize(("level", "mean"), [(0.80, 9.5), (0.85, 9.666667), (0.90, 10.0)])
def test_ten_losses(level: float, mean: float) -> None:
    assert expected_shortfall(TEN, level) == pytest.approx(mean, abs=5e-7)
    assert expected_shortfall(TEN[::-1], level) == expected_shortfall(TEN, level)


def test_the_normal_tail() -> None:
    assert gaussian_tail(0.95)[1] == pytest.approx(2.062713, abs=5e-7)
    assert gaussian_tail(0.975)[1] == pytest.approx(2.337803, abs=5e-7)
    assert gaussian_tail(0.99) == pytest.approx((2.326348, 2.665214), abs=5e-7)
    assert gaussian_tail(0.99, mean=3.0, deviation=2.0) == pytest.approx(
        (3 + 2 * 2.326348, 3 + 2 * 2.665214), abs=2e-6
    )


@pytest.mark.parametrize(("freedom", "mean"), [(4, 5.220584), (5, 4.452429)])
def test_the_tail_of_students_t(freedom: float, mean: float) -> None:
    quantile, found = student_tail(0.99, freedom=freedom)
    assert found == pytest.approx(mean, abs=5e-7)
    assert quantile == pytest.approx(t.ppf(0.99, freedom), rel=1e-12)


@pytest.mark.parametrize("level", [0.6, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [1.5, 3.0, 40.0])
def test_closed_forms_are_the_integrals(level: float, freedom: float) -> None:
    edge, mean = student_tail(level, freedom=freedom, mean=-1.0, scale=0.5)
    over, _ = quad(lambda u: -1.0 + 0.5 * t.ppf(u, freedom), level, 1.0, limit=400)
    if freedom > 2:  # the integral of a heavier tail converges too slowly to check with
        assert mean == pytest.approx(over / (1 - level), rel=1e-6)
    assert mean > edge
    normal, _ = quad(norm.ppf, level, 1.0, limit=400)
    assert gaussian_tail(level)[1] == pytest.approx(normal / (1 - level), rel=1e-7)
    assert student_tail(level, freedom=1e7)[1] == pytest.approx(gaussian_tail(level)[1], rel=1e-5)


@given(losses=losses_of, level=levels)
def test_it_is_that_of_an_independent_library(losses: np.ndarray, level: float) -> None:
    theirs = cvar(-losses, beta=level)
    assert expected_shortfall(losses, level) == pytest.approx(float(theirs), rel=1e-9, abs=1e-9)


@given(losses=losses_of, level=levels)
def test_the_shortfall_is_the_least_of_the_rockafellar_uryasev_function(
    losses: np.ndarray, level: float
) -> None:
    def objective(c: float) -> float:
        return c + float(np.mean(np.maximum(losses - c, 0.0))) / (1 - level)

    found = expected_shortfall(losses, level)
    assert found == pytest.approx(min(objective(c) for c in losses), rel=1e-9, abs=1e-9)
    assert found == pytest.approx(objective(value_at_risk(losses, level)), rel=1e-9, abs=1e-9)
    assert losses.mean() - 1e-9 <= found <= losses.max() + 1e-9


@given(losses=losses_of, level=levels, data=st.data())
def test_a_weight_is_a_number_of_repetitions(
    losses: np.ndarray, level: float, data: st.DataObject
) -> None:
    counts = np.array(
        data.draw(st.lists(st.integers(0, 4), min_size=len(losses), max_size=len(losses)))
    )
    if not counts.sum():
        return
    repeated = np.repeat(losses, counts)
    for measure in (value_at_risk, expected_shortfall):
        assert measure(losses, level, weights=counts) == pytest.approx(
            measure(repeated, level), rel=1e-9, abs=1e-9
        )


@given(level=levels, n=st.integers(1, 40))
def test_the_value_at_risk_is_the_lower_quantile(level: float, n: int) -> None:
    losses = np.arange(n) * 1.0
    if abs(level * n - round(level * n)) > 1e-9:
        found = value_at_risk(losses, level)
        assert found == np.quantile(losses, level, method="inverted_cdf")
    assert value_at_risk(TEN, 0.9) == 9.0
    assert value_at_risk(TEN, 0.7) == 7.0  # 0.7 * 10 is a whole number, floating point or not


@given(one=losses_of, level=levels, seed=st.integers(0, 99))
def test_diversifying_never_adds_risk(one: np.ndarray, level: float, seed: int) -> None:
    """Subadditive, which the value at risk is not."""
    other = np.random.default_rng(seed).permutation(one) * 0.7
    apart = expected_shortfall(one, level) + expected_shortfall(other, level)
    assert expected_shortfall(one + other, level) <= apart + 1e-6


def test_what_makes_no_sense_is_refused() -> None:
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ConfigError, match="level"):
            expected_shortfall(TEN, level)
    with pytest.raises(ConfigError, match="freedom"):
        student_tail(0.9, freedom=1.0)
    with pytest.raises(ConfigError, match="deviation"):
        gaussian_tail(0.9, deviation=0.0)
    with pytest.raises(DataError, match="losses"):
        value_at_risk([1.0, math.nan], 0.9)
    with pytest.raises(DataError, match="at least 1"):
        value_at_risk([], 0.9)
    for weights in ([1.0] * 9, [-1.0] + [1.0] * 9, [0.0] * 10):
        with pytest.raises(DataError, match="Weights"):
            expected_shortfall(TEN, 0.9, weights=weights)
