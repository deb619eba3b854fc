"""Worked examples from the literature, held against the statistics by a stranger to them."""

from math import log, nan, sqrt

import numpy as np
import pytest
from scipy.stats import norm

from assay.research import labels, sharpe, splits

# Bailey and Lopez de Prado (2012), hedge-fund returns of two years, monthly.
MONTHLY = {"skew": -2.448, "raw_kurtosis": 10.164}
RATIO, N_MONTHS = 0.036 / 0.079, 24


class TestSharpe:
    def test_probabilistic_sharpe_of_the_paper(self) -> None:
        assert sharpe.probabilistic_sharpe(RATIO, 0.0, N_MONTHS, -2.448, 10.164) == pytest.approx(
            0.9127, abs=5e-5
        )

    def test_the_error_under_the_null_is_convention_b(self) -> None:
        assert sharpe.probabilistic_sharpe_null(
            RATIO, 0.0, N_MONTHS, -2.448, 10.164
        ) == pytest.approx(0.987, abs=5e-4)

    def test_half_where_the_ratio_equals_the_benchmark(self) -> None:
        for psr in (sharpe.probabilistic_sharpe, sharpe.probabilistic_sharpe_null):
            assert psr(0.3, 0.3, 100, -1.0, 6.0) == pytest.approx(0.5, abs=1e-15)

    @pytest.mark.parametrize(
        ("ratio", "n", "error"),
        [(0.5, 12, 0.306), (0.5, 60, 0.137), (1.0, 12, 0.354), (3.0, 500, 0.105)],
    )
    def test_errors_of_independent_normal_returns_are_those_of_lo(
        self, ratio: float, n: int, error: float
    ) -> None:
        # Lo (2002), table 1, divides by n; the paper of 2012 by n - 1.
        assert sharpe.sharpe_error(ratio, n + 1) == pytest.approx(error, abs=5e-4)

    def test_track_record_of_the_least_length_just_reaches_the_confidence(self) -> None:
        n = sharpe.track_record_length_min(RATIO, 0.1, 0.95, **MONTHLY)
        shape = 1 + 2.448 * RATIO + (10.164 - 1) / 4 * RATIO**2
        assert n == pytest.approx(1 + shape * (norm.ppf(0.95) / (RATIO - 0.1)) ** 2)
        assert sharpe.probabilistic_sharpe(RATIO, 0.1, n, -2.448, 10.164) == pytest.approx(0.95)

    def test_no_track_record_shows_what_is_not_there(self) -> None:
        assert sharpe.track_record_length_min(0.1, 0.1, 0.95) == np.inf
        assert sharpe.track_record_length_min(0.05, 0.1, 0.95) == np.inf

    @pytest.mark.parametrize(("n", "exact"), [(10, 1.53875), (100, 2.50759), (1000, 3.24144)])
    def test_expected_maximum_is_close_to_the_tables(self, n: int, exact: float) -> None:
        # Harter (1961), expected largest of n standard normal numbers.
        assert sharpe.expected_maximum(n) == pytest.approx(exact, rel=0.025)

    def test_deflated_sharpe_of_the_paper(self) -> None:
        # Bailey and Lopez de Prado (2014), section "A numerical example": 0.9004.
        daily = 2.5 / sqrt(250)
        threshold = sqrt(0.5 / 250) * sharpe.expected_maximum(100)
        assert threshold == pytest.approx(0.1132, abs=5e-5)
        assert sharpe.deflated_sharpe(daily, 1250, 100, 0.5 / 250, -3.0, 10.0) == pytest.approx(
            0.9004, abs=5e-5
        )
        # With 46 trials instead of 100 it would have passed at 95 %.
        assert sharpe.deflated_sharpe(daily, 1250, 46, 0.5 / 250, -3.0, 10.0) == pytest.approx(
            0.9505, abs=5e-4
        )

    def test_deflating_for_one_trial_changes_nothing(self) -> None:
        assert sharpe.deflated_sharpe(0.1, 500, 1, 0.01, -1.0, 5.0) == pytest.approx(
            sharpe.probabilistic_sharpe(0.1, 0.0, 500, -1.0, 5.0)
        )

    def test_five_years_bear_at_most_45_trials(self) -> None:
        # Bailey et al. (2014): five years of data, expected maximum of 1.
        assert sharpe.backtest_length_min(45, 1.0) == pytest.approx(5.0, abs=0.05)
        for n in (10, 45, 500):
            assert sharpe.backtest_length_min(n, 1.5) < 2 * log(n) / 1.5**2

    def test_time_aggregation_of_lo(self) -> None:
        # Lo (2002): independent returns grow with the root of time ...
        assert sharpe.lo_factor(np.zeros(3), 12) == pytest.approx(sqrt(12))
        assert sharpe.lo_factor_ar1(0.0, 252) == pytest.approx(sqrt(252))
        # ... and the closed form is the sum over the lags of an AR(1).
        for rho, q in ((0.2, 12), (-0.3, 12), (0.9, 250), (0.5, 2)):
            lags = rho ** np.arange(1, q)
            direct = q / sqrt(q + 2 * sum((q - k) * rho**k for k in range(1, q)))
            assert sharpe.lo_factor(lags, q) == pytest.approx(direct)
            assert sharpe.lo_factor_ar1(rho, q) == pytest.approx(direct)

    def test_moments_are_raw_and_population(self) -> None:
        returns = np.array([0.01, -0.02, 0.03, 0.00, 0.05])
        z = (returns - returns.mean()) / returns.std()
        assert sharpe.skewness(returns) == pytest.approx((z**3).mean())
        assert sharpe.kurtosis(returns) == pytest.approx((z**4).mean())
        assert sharpe.sharpe_ratio(returns) == pytest.approx(returns.mean() / returns.std(ddof=1))
        assert np.isnan(sharpe.sharpe_ratio(np.zeros(5)))


class TestPurging:
    """Lopez de Prado (2018), ch. 7; ten labels, horizon 2, test rows 4 to 6."""

    start = np.arange(10)

    def test_closed_spans_leave_three_rows(self) -> None:
        train = splits.purged_train(self.start, self.start + 2, np.array([4, 5, 6]), embargo=0)
        assert train.tolist() == [0, 1, 9]

    def test_half_open_spans_leave_five_rows_and_an_embargo_takes_one(self) -> None:
        # A half-open span [i, i + 2) is the closed span [i, i + 1].
        test = np.array([4, 5, 6])
        end = self.start + 1
        assert splits.purged_train(self.start, end, test, embargo=0).tolist() == [0, 1, 2, 8, 9]
        assert splits.purged_train(self.start, end, test, embargo=1).tolist() == [0, 1, 2, 9]

    def test_a_thousand_random_label_sets_leak_nothing(self) -> None:
        rng = np.random.default_rng(11)
        for _ in range(1_000):
            n = int(rng.integers(20, 60))
            start = np.sort(rng.integers(0, 200, n))
            end = start + rng.integers(0, 12, n)
            first = int(rng.integers(0, n - 5))
            test = np.arange(first, int(rng.integers(first + 1, n)))
            embargo = int(rng.integers(0, 5))
            train = splits.purged_train(start, end, test, embargo=embargo)
            touching = [
                (i, j) for i in train for j in test if start[i] <= end[j] and end[i] >= start[j]
            ]
            assert touching == []
            last = end[test].max()
            assert not np.any((start[train] > last) & (start[train] <= last + embargo))
            assert splits.leaking_pairs(start, end, train, test, embargo=embargo) == 0

    def test_touching_pairs_are_counted_one_by_one(self) -> None:
        start, end = self.start, self.start + 2
        train, test = np.array([0, 3, 8]), np.array([4, 5, 6])
        direct = sum(bool(start[i] <= end[j] and end[i] >= start[j]) for i in train for j in test)
        assert splits.leaking_pairs(start, end, train, test) == direct == 3


class TestLabels:
    def test_uniqueness_of_the_book(self) -> None:
        # Lopez de Prado (2018), sec. 4.5.3: labels on bars 0-2, 2-3 and 4-5.
        weight = labels.uniqueness(np.array([0, 2, 4]), np.array([2, 3, 5]), 6)
        np.testing.assert_allclose(weight, [5 / 6, 3 / 4, 1.0], rtol=1e-15)
        assert np.average(weight, weights=[3, 2, 2]) == pytest.approx(0.857143, abs=1e-6)

    def test_first_barrier_touched_decides(self) -> None:
        path = np.array([100, 100.5, 101.2, 99.8, 98.9, 99.5, 102.1, 103.0])
        # Each bar is one price; the entry is the next bar's open, so that price is the base.
        for start, barrier, horizon, side, end in (
            (0, 0.01, 5, -1.0, 4),  # 100.5: 101.2 is +0.70 %, 99.8 -0.70 %, 98.9 -1.6 %
            (3, 0.02, 4, 1.0, 6),  # 98.9: 99.5 is +0.6 %, 102.1 +3.2 %
            (2, 0.5, 4, 1.0, 6),  # 99.8 to 102.1 at the vertical barrier
        ):
            sides, moves, ends = labels.triple_barrier(
                path, path, path, path, np.where(np.arange(8) == start, barrier, nan), horizon
            )
            assert (sides[start], ends[start]) == (side, end)
            assert np.isfinite(sides).sum() == 1
            assert np.sign(moves[start]) == side
