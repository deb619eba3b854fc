"""Sharpe ratios: both conventions, deflation, lengths, intervals."""

import math
from collections.abc import Iterator

import numpy as np
from statistics_references import autoregression

from assay.research.statistics.maximum import moments_of_maximum
from assay.research.statistics.sharpe import (
    backtest_length_min,
    deflated_sharpe,
    deflated_sharpe_null,
    expected_maximum,
    lo_factor,
    lo_factor_ar1,
    probabilistic_sharpe,
    probabilistic_sharpe_null,
    sharpe_error,
    track_record_length_min,
)
from assay.research.statistics.sharpe_interval import sharpe_interval
from assay.research.statistics.sharpe_null import (
    false_discovery_rate,
    observed_false_discovery_rate,
    sharpe_error_null,
    sharpe_for_discovery_rate,
    sharpe_power,
    track_record_length_min_null,
)
from published.table import Row, between, equal, library, missing, published, topic

FUND = {"skew": -2.448, "raw_kurtosis": 10.164}
MEMORY = {**FUND, "autocorrelation": 0.2}
RATIO = 0.036 / 0.079
FRONTIER = "Bailey, López de Prado 2012"
DEFLATED = "Bailey, López de Prado 2014"
HOW_TO_USE = "López de Prado, Lipton, Zoonekynd 2025"


@topic("Sharpe ratio, convention A (ours)")
def convention_a() -> Iterator[Row]:
    yield published("PSR, normal", FRONTIER, "0.982", probabilistic_sharpe(0.458, 0.0, 24))
    fund = probabilistic_sharpe(0.458, 0.0, 24, **FUND)
    yield published("PSR, skewed and fat-tailed", FRONTIER, "0.913", fund)
    full = probabilistic_sharpe(1.585 / math.sqrt(12), 0.0, 24, **FUND)
    yield equal("PSR, all digits", "pypbo's tests", 0.91323430688486018, full)
    for ratio, skew, kurt, error, years in (
        (0.7079, -0.2250, 2.9570, "0.1028", "0.7152"),
        (0.8183, -1.4455, 7.0497, "0.1550", "1.1593"),
    ):
        found = sharpe_error(ratio, 134, skew, kurt)
        yield published(f"standard error, index of {ratio}", FRONTIER, error, found)
        length = track_record_length_min(ratio, 0.0, 0.95, skew, kurt) / 12
        yield published(f"MinTRL in years, index of {ratio}", FRONTIER, years, length)
    daily = track_record_length_min(2 / math.sqrt(250), 1 / math.sqrt(250), 0.95) / 250
    yield equal("MinTRL, 2 against 1, daily", "pypbo's tests", 2.7311878017281761, daily)
    weekly = track_record_length_min(2 / math.sqrt(52), 1 / math.sqrt(52), 0.95) / 52
    yield equal("MinTRL, 2 against 1, weekly", "pypbo's tests", 2.8288335869452368, weekly)
    for ratio, n, error in ((0.5, 12, "0.306"), (0.5, 60, "0.137"), (1.0, 12, "0.354")):
        found = sharpe_error(ratio, n + 1)  # Lo divides by n
        yield published(f"error of a ratio {ratio}, n = {n}", "Lo 2002, table 1", error, found)


@topic("Deflated ratio and backtest length")
def deflation() -> Iterator[Row]:
    daily = 2.5 / math.sqrt(250)
    hurdle = math.sqrt(0.5 / 250) * expected_maximum(100)
    yield published("hurdle of 100 trials, per day", DEFLATED, "0.1132", hurdle)
    dsr = deflated_sharpe(daily, 1250, 100, 0.5 / 250, -3.0, 10.0)
    yield published("DSR of 100 trials", DEFLATED, "0.9004", dsr)
    yield equal("DSR, all digits", "pypbo's tests", 0.90039683444939034, dsr)
    yield equal("E[max of 100]", "pypbo's tests", 2.5306028932016846, expected_maximum(100))
    years = backtest_length_min(45, 1.0)
    yield published("MinBTL of 45 trials, years", "Bailey et al. 2014", "5.0", years)
    yield equal("MinBTL, all digits", "pypbo's tests", 4.9980870044434038, years)


@topic("Sharpe ratio, convention B")
def convention_b() -> Iterator[Row]:
    for shape, error, psr, psr_1, length, beta in (
        (FUND, "0.329", "0.987", "0.939", "13.029", "0.315"),
        (MEMORY, "0.379", "0.966", "0.900", "19.543", "0.411"),
    ):
        rho = shape.get("autocorrelation", 0)
        source = f"{HOW_TO_USE}, ρ = {rho}"
        yield published("standard error", source, error, sharpe_error_null(RATIO, 24, **shape))
        found = probabilistic_sharpe_null(RATIO, 0.0, 24, **shape)
        yield published("PSR against 0", source, psr, found)
        found = probabilistic_sharpe_null(RATIO, 0.1, 24, **shape)
        yield published("PSR against 0.1", source, psr_1, found)
        found = track_record_length_min_null(RATIO, 0.0, 0.95, **shape)
        yield published("MinTRL", source, length, found)
        found = 1.0 - sharpe_power(0.0, 0.5, 24, 0.05, **shape)
        yield published("type II error", source, beta, found)
    planned = false_discovery_rate(0.05, 1 - 0.315, 0.05)
    yield published("planned false discovery rate", HOW_TO_USE, "0.581", planned)
    observed = observed_false_discovery_rate(RATIO, 0.0, 0.5, 24, 0.05, **FUND)
    yield published("observed false discovery rate", HOW_TO_USE, "0.306", observed)
    yield from _against_jsharpe()


def _against_jsharpe() -> Iterator[Row]:
    """Compare with what jsharpe 0.6.3, the authors' functions as a package, answers."""
    source = "jsharpe 0.6.3, ρ = 0.2"
    shape = tuple(MEMORY.values())
    dsr = deflated_sharpe_null(RATIO, 24, 10, 0.1, *shape)
    yield equal("DSR of 10 trials", source, 0.4271782139756895, dsr)
    observed = observed_false_discovery_rate(RATIO, 0.1, 0.5, 24, 0.1, *shape, 10)
    yield equal("observed rate, best of 10", source, 0.1827206670146642, observed)
    bar = sharpe_for_discovery_rate(0.25, 0.0, 0.5, 24, 0.1, *shape)
    yield equal("bar for a rate of 25 %", source, 0.5270887962371908, bar)
    variance = sharpe_error_null(0.3, 60, -1.2, 7.0, -0.3, 10) ** 2
    yield equal("variance of the best of 10", source, 0.0058119056836243264, variance)


@topic("The best of many normal numbers")
def maximum() -> Iterator[Row]:
    for n, mean in ((2, "0.56419"), (10, "1.53875"), (100, "2.50759"), (1000, "3.24144")):
        yield published(f"mean of {n}", "Harter 1961", mean, moments_of_maximum(n)[0])
    exact = 1.0 - 1.0 / math.pi
    yield equal("variance of 2", "1 - 1/π", exact, moments_of_maximum(2)[1])
    yield equal("variance of 10", "mpmath", 0.34434382326069026, moments_of_maximum(10)[1])


@topic("Sharpe ratio under autocorrelation")
def autocorrelation() -> Iterator[Row]:
    for rho, q in ((0.2, 12), (-0.2, 12), (0.3, 252)):
        found = lo_factor_ar1(rho, q)
        general = lo_factor(rho ** np.arange(1, q), q)
        yield equal(f"η({q}), AR(1), ρ = {rho}", "Lo 2002: sum, closed form", general, found)
    x = autoregression(600, 0.3, np.random.default_rng(1)) + 0.05
    sandwich = library("statsmodels.stats.sandwich_covariance")
    name, source = "Newey-West error of the ratio", "statsmodels, S_hac_simple"
    if sandwich is None:
        yield missing(name, source)
    else:
        mean, deviation = x.mean(), x.std()
        moments = np.column_stack([x - mean, (x - mean) ** 2 - x.var()])
        covariance = sandwich.S_hac_simple(moments, nlags=6) / len(x)
        gradient = np.array([1.0 / deviation, -mean / (2.0 * deviation**3)])
        error = math.sqrt(gradient @ covariance @ gradient / len(x))
        yield equal(name, source, error, sharpe_interval(x, lags=6).error)
    covered = 0
    for seed in range(400):
        x = autoregression(1_500, 0.3, np.random.default_rng(seed)) + 0.05
        found = sharpe_interval(x)
        covered += found.low <= 0.05 <= found.high
    yield between("95 % interval, ρ = 0.3, 400 runs", "coverage", 0.90, 0.98, covered / 400)
