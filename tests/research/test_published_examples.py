"""Worked examples from the literature, held against the statistics by a stranger to them."""

import sys
from importlib import import_module
from math import log, nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from assay.research import labels, metrics
from assay.research.splits import purged as splits
from assay.research.statistics import bootstrap, calibration, sharpe
from assay.risk.kelly import kelly_fraction

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


class TestCalibration:
    # Ten forecasts of each probability, with 1, 4, 6 and 9 hits.
    p = np.repeat([0.1, 0.4, 0.7, 0.9], 10)
    y = np.concatenate([[1] * hits + [0] * (10 - hits) for hits in (1, 4, 6, 9)]).astype(np.int8)

    def test_murphy_parts_add_up_to_the_brier_score(self) -> None:
        group = calibration.equal_mass(self.p, 4)
        reliability, resolution, uncertainty = calibration.murphy(self.p, self.y, group)
        assert calibration.brier_score(self.p, self.y) == pytest.approx(0.1675)
        assert reliability == pytest.approx(0.0025)
        assert resolution == pytest.approx(0.085)
        assert uncertainty == pytest.approx(0.25)
        assert reliability - resolution + uncertainty == pytest.approx(0.1675)

    @pytest.mark.parametrize("n_bins", [10, 15])
    def test_calibration_errors(self, n_bins: int) -> None:
        for binning in (calibration.equal_width, calibration.equal_mass):
            ece, mce = calibration.calibration_errors(self.p, self.y, binning(self.p, n_bins))
            assert ece == pytest.approx(0.025)
            assert mce == pytest.approx(0.1)

    def test_the_summary_holds_the_same_figures(self) -> None:
        found = calibration.assess(self.p, self.y)
        assert found.n == 40
        assert found.base_rate == 0.5
        assert found.brier == pytest.approx(0.1675)
        assert found.brier_skill == pytest.approx(1 - 0.1675 / 0.25)
        assert (found.ece, found.mce) == (pytest.approx(0.025), pytest.approx(0.1))
        assert found.reliability - found.resolution + found.uncertainty == pytest.approx(0.1675)
        assert sum(part.n for part in found.bins) == 40
        direct = -np.mean(np.log(np.where(self.y == 1, self.p, 1 - self.p)))
        assert found.log_loss == pytest.approx(direct)

    def test_brier_score_of_the_scikit_learn_manual(self) -> None:
        p, y = np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0], dtype=np.int8)
        assert calibration.brier_score(p, y) == pytest.approx(0.0375)

    def test_statistics_agree_with_scikit_learn(self) -> None:
        rng = np.random.default_rng(2)
        p = np.round(rng.uniform(0.01, 0.99, 500), 2)  # with ties
        y = (rng.uniform(size=500) < p**1.3).astype(np.int8)
        found = calibration.assess(p, y)
        assert found.auc == pytest.approx(roc_auc_score(y, p))
        assert found.brier == pytest.approx(brier_score_loss(y, p))
        assert found.log_loss == pytest.approx(log_loss(y, p))

    def test_wilson_interval_of_the_textbook(self) -> None:
        # Agresti and Coull (1998): 0 of 10 and 81 of 263 (Newcombe 1998, case 1).
        assert calibration.wilson(0.0, 10, 0.95) == (
            pytest.approx(0.0, abs=1e-12),
            pytest.approx(0.2775, abs=5e-5),
        )
        assert calibration.wilson(81 / 263, 263, 0.95) == (
            pytest.approx(0.2553, abs=5e-5),
            pytest.approx(0.3662, abs=5e-5),
        )


class TestKelly:
    """Kelly (1956); Thorp (2006); STATISTICS 7.9."""

    @pytest.mark.parametrize(
        ("p", "payoff", "fraction"),
        [(0.55, 1.0, 0.10), (0.6, 1.0, 0.2), (0.5, 2.0, 0.25), (0.4, 1.0, 0.0), (1.0, 0.5, 1.0)],
    )
    def test_binary_bets(self, p: float, payoff: float, fraction: float) -> None:
        assert kelly_fraction(p, payoff, multiplier=1.0) == pytest.approx(fraction, abs=1e-15)
        assert kelly_fraction(p, payoff, multiplier=0.25) == pytest.approx(fraction / 4, abs=1e-15)

    def test_the_fraction_maximises_log_growth(self) -> None:
        for p, payoff in ((0.55, 1.0), (0.4, 2.5), (0.7, 0.6)):
            best = kelly_fraction(p, payoff, multiplier=1.0)
            shares = np.linspace(0.0, 0.9, 9_001)
            growth = p * np.log1p(shares * payoff) + (1 - p) * np.log1p(-shares)
            assert best == pytest.approx(shares[np.argmax(growth)], abs=1e-4)

    @pytest.mark.parametrize(("multiplier", "kept"), [(0.25, 0.4375), (0.5, 0.75)])
    def test_a_part_of_kelly_keeps_most_of_the_growth(self, multiplier: float, kept: float) -> None:
        p, payoff = 0.505, 1.0  # a small bet: the continuous limit
        full = kelly_fraction(p, payoff, multiplier=1.0)
        part = kelly_fraction(p, payoff, multiplier=multiplier)

        def growth(f: float) -> float:
            return p * log(1 + f * payoff) + (1 - p) * log(1 - f)

        assert growth(part) / growth(full) == pytest.approx(kept, abs=1e-3)


class TestTails:
    """Rockafellar and Uryasev (2000): the tail counts its last loss in part."""

    @pytest.mark.parametrize(("tail", "loss"), [(0.20, 9.5), (0.15, 9.666667), (0.10, 10.0)])
    def test_losses_of_one_to_ten(self, tail: float, loss: float) -> None:
        assert metrics.cvar(-np.arange(1.0, 11.0), tail) == pytest.approx(loss, abs=1e-6)

    @pytest.mark.parametrize(("tail", "loss"), [(0.05, 2.062713), (0.025, 2.337803)])
    def test_the_normal_distribution(self, tail: float, loss: float) -> None:
        n = 200_000
        quantiles = norm.ppf((np.arange(n) + 0.5) / n)
        assert metrics.cvar(quantiles, tail) == pytest.approx(loss, abs=1e-4)


class TestBootstrap:
    def test_block_length_of_independent_values_is_short_and_of_a_memory_long(self) -> None:
        rng = np.random.default_rng(4)
        noise = rng.standard_normal(2_000)
        memory = np.empty(2_000)
        memory[0] = noise[0]
        for i in range(1, 2_000):
            memory[i] = 0.9 * memory[i - 1] + noise[i]
        assert bootstrap.block_length(noise) < 8.0
        assert bootstrap.block_length(memory) > 25.0
        oracle = optimal_block_length(memory)
        if oracle is not None:
            assert bootstrap.block_length(memory) == pytest.approx(oracle, rel=0.05)

    def test_standard_error_of_a_mean_is_the_textbook_one(self) -> None:
        rng = np.random.default_rng(9)
        returns = rng.normal(0.001, 0.01, 1_000)
        samples = bootstrap.path_statistics(returns, 2_000, rng, mean_block=1.0)
        assert samples.shape == (2_000, 7)
        assert samples[:, 0].std() == pytest.approx(0.01 / sqrt(1_000), rel=0.08)
        assert samples[:, 0].mean() == pytest.approx(returns.mean(), abs=5e-5)

    def test_a_memory_widens_the_error_as_the_theory_says(self) -> None:
        rng = np.random.default_rng(10)
        noise = rng.standard_normal(4_000) * 0.005
        memory = np.empty(4_000)
        memory[0] = noise[0]
        for i in range(1, 4_000):
            memory[i] = 0.5 * memory[i - 1] + noise[i]
        # Long-run deviation of an AR(1): noise / (1 - rho).
        samples = bootstrap.path_statistics(memory, 2_000, rng)
        assert samples[:, 0].std() == pytest.approx(0.005 / 0.5 / sqrt(4_000), rel=0.15)

    def test_the_interval_of_the_mean_covers_as_it_promises(self) -> None:
        rng = np.random.default_rng(12)
        covered = 0
        for _ in range(200):
            returns = rng.normal(0.0, 0.01, 250)
            samples = bootstrap.path_statistics(returns, 300, rng)
            low, high = bootstrap.interval(samples[:, 0], 0.90)
            covered += low <= 0.0 <= high
        assert 0.82 <= covered / 200 <= 0.96

    def test_trades_of_known_figures(self) -> None:
        net = np.array([100.0, -50.0, 100.0, -50.0])
        samples = bootstrap.trade_statistics(net, 500, np.random.default_rng(1))
        win_rate, profit_factor, expectancy, payoff = samples.T
        assert win_rate.mean() == pytest.approx(0.5, abs=0.05)
        assert expectancy.mean() == pytest.approx(25.0, abs=5.0)
        known = np.isfinite(payoff)
        assert np.allclose(payoff[known], 2.0)
        odds = win_rate[known] / (1 - win_rate[known])
        assert np.allclose(profit_factor[known], 2.0 * odds)


def optimal_block_length(values: np.ndarray) -> float | None:
    """Return the figure of an independent library, if it is here."""
    try:
        from arch.bootstrap import optimal_block_length as oracle
    except ImportError:
        return None
    return float(oracle(values)["stationary"].iloc[0])


QUICK = ("Sharpe ratio, convention", "Deflated", "The best of", "Comparing", "Corrections")


def table() -> dict[str, object]:
    """Return the topics of ``bench/published_examples.py``."""
    bench = Path(__file__).resolve().parents[2] / "bench"
    sys.path.append(str(bench))
    try:
        for module in sorted((bench / "published").glob("*.py")):
            import_module(f"published.{module.stem}")
        return dict(import_module("published.table").TOPICS)
    finally:
        sys.path.remove(str(bench))


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param(
            function,
            id=title,
            marks=() if title.startswith(QUICK) else pytest.mark.soak,
        )
        for title, function in table().items()
    ],
)
def test_every_row_of_the_published_table_holds(topic) -> None:
    rows = list(topic())
    assert rows
    wrong = [
        (row.name, row.expected, row.found)
        for row in rows
        if not row.holds and row.expected != "not installed"
    ]
    assert wrong == []
