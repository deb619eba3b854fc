"""Choosing among many: overfitting, superiority, corrections, paired comparisons."""

import math
from collections.abc import Iterator

import numpy as np
from statistics_references import R, autoregression, cscv, hansen, numbers, sharpe_of

from assay.research.statistics.bootstrap import block_length, stationary_indices
from assay.research.statistics.forecast_comparison import Alternative, diebold_mariano
from assay.research.statistics.multiple_testing import Correction, adjust
from assay.research.statistics.overfitting import Metric, overfitting
from assay.research.statistics.paired import compare_paired
from assay.research.statistics.superiority import (
    reality_check,
    stepwise_superior,
    superior_ability,
)
from published.table import Row, between, equal, exactly, library, missing, published, topic

ETS = numbers(
    """0.00224127 -0.000661906 -1.200002613 -4.000218178 3.799373533 3.401005111 -1.199692125
    -0.800490048 -1.200048999 3.399847229 7.000708948 2.200989241 -4.800165569 -1.201043375
    3.400167556 3.000709085 0.40026795 -6.800169207 -2.40125905 1.200112198"""
)
ARIMA = numbers(
    """0.1209998 8.0622269 -0.9189429 -1.7952436 5.3431277 2.0459823 -0.6073261 0.5516816
    -0.7633238 4.1229472 5.8785333 1.2828331 -3.4854233 1.197137 3.1709314 2.3408457 0.4962286
    -5.9841362 0.1537114 0.4207951"""
)
TRIAL = numbers(
    """0.0001 0.0004 0.0019 0.0095 0.0201 0.0278 0.0298 0.0344 0.0459 0.3240 0.4262 0.5719
    0.6528 0.7590 1.0"""
)


@topic("Probability of backtest overfitting")
def pbo() -> Iterator[Row]:
    source = "CRAN pbo, vignette, R's numbers"
    m = R(765).rnorm(240_000).reshape(100, 2_400).T
    m = m * (1 / math.sqrt(252) / m.std(axis=0, ddof=1))
    found = overfitting(m - m.mean(axis=0) - 0.03 / 252, n_blocks=8)
    yield published("p_bo", source, "1.0000000", found.probability)
    slope, intercept = np.polyfit(found.out_of_sample, found.in_sample, 1)
    yield published("slope (its intercept)", source, "-0.0030456", intercept)
    rest = found.in_sample - slope * found.out_of_sample - intercept
    adjusted = 1 - rest.var(ddof=2) / found.in_sample.var(ddof=1)
    yield published("ar^2", source, "0.97", adjusted)
    yield published("p_loss", source, "1.0000000", found.probability_of_loss)
    values = np.random.default_rng(0).standard_normal((160, 30))
    values[:, 4] = values[:, 9]
    slow, fast = cscv(values, 10, sharpe_of), overfitting(values, n_blocks=10)
    name = "on rows, step by step (largest difference)"
    for part, theirs, ours in (
        ("logits", slow["logit"], fast.logits),
        ("out of sample", slow["outside"], fast.out_of_sample),
    ):
        yield equal(f"{part}, {name}", "Bailey et al. 2017", 0.0, np.abs(theirs - ours).max())
    noise = [
        overfitting(np.random.default_rng(seed).standard_normal((480, 20)), n_blocks=8).probability
        for seed in range(400)
    ]
    yield between("noise, 400 records, S = 8", "0.5 ± 0.1", 0.45, 0.55, float(np.mean(noise)))
    large = [
        overfitting(np.random.default_rng([1, seed]).standard_normal((1_000, 200))).probability
        for seed in range(50)
    ]
    yield between("noise, 50 records, S = 16, N = 200", "0.5 ± 0.1", 0.4, 0.6, np.mean(large))
    values = np.random.default_rng(2).standard_normal((1_000, 200))
    values[:, 7] += 1.0
    yield exactly("a dominant strategy", "0", 0.0, overfitting(values).probability)
    half = np.random.default_rng(3).standard_normal((500, 50))
    mirrored = np.vstack([half, -half])
    found = overfitting(mirrored, metric=Metric.MEAN)
    yield exactly("mirrored columns", "1", 1.0, found.probability)
    centred = values - values.mean(axis=0)
    found = overfitting(centred, metric=Metric.MEAN)
    yield exactly("compensated columns", "1", 1.0, found.probability)


@topic("Reality check, superior ability, stepwise")
def superiority() -> Iterator[Row]:
    rng = np.random.default_rng(7)
    gains = (rng.standard_normal((250, 12)) + np.linspace(-0.3, 0.13, 12)) * np.geomspace(1, 3, 12)
    options = {"n_samples": 1_000, "mean_block": 4}
    plain = superior_ability(gains, np.random.default_rng(5), studentised=False, **options)
    arch = library("arch.bootstrap")
    if arch is None:
        yield missing("p-values", "arch")
    else:
        theirs = arch.SPA(np.zeros(250), -gains, block_size=4, reps=1_000, seed=5)
        theirs.compute()
        for kind, ours in zip(("lower", "consistent", "upper"), plain.shares, strict=True):
            yield equal(f"k / n, {kind}, same seed", "arch, SPA", theirs.pvalues[kind], ours)
        white = reality_check(gains, np.random.default_rng(5), **options)
        counted = (1.0 + 1_000.0 * theirs.pvalues["upper"]) / 1_001.0
        yield equal("p of White, (1 + k) / (1 + n), same seed", "arch, SPA", counted, white)
        step = arch.StepM(np.zeros(250), -gains - 0.2, block_size=4, reps=1_000, seed=5)
        step.compute()
        named = stepwise_superior(
            gains + 0.2, np.random.default_rng(5), studentised=False, **options
        )
        both = set(named.superior) ^ set(step.superior_models)
        yield exactly("models named by one side only", "arch, StepM", 0, len(both))
    rows = stationary_indices(250, 1_000, 4.0, np.random.default_rng(5))
    statistic, p = hansen(gains, rows, 4.0)
    studentised = superior_ability(gains, np.random.default_rng(5), **options)
    yield equal("T, studentised", "Hansen 2005, by hand", statistic, studentised.statistic)
    yield equal("k / n, studentised", "Hansen 2005, by hand", p[1], studentised.shares[1])
    rejected = np.empty(1_000)
    for seed in range(1_000):
        rng = np.random.default_rng([seed, 11])
        null = rng.standard_normal((250, 10))
        rejected[seed] = superior_ability(null, rng, n_samples=500).p_consistent < 0.05
    first = float(rejected[:200].mean())
    yield between("share of 200 nulls rejected", "5 % ± 3 %", 0.02, 0.08, first)
    yield between("share of 1,000 nulls rejected", "5 %", 0.036, 0.07, float(rejected.mean()))


@topic("Stationary bootstrap and paired comparison")
def resampling() -> Iterator[Row]:
    arch = library("arch.bootstrap")
    if arch is None:
        yield missing("block length, rows, intervals", "arch")
        return
    largest = 0.0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        series = autoregression(int(rng.integers(50, 2_000)), rng.uniform(-0.5, 0.95), rng)
        theirs = float(arch.optimal_block_length(series)["stationary"].iloc[0])
        largest = max(largest, abs(max(theirs, 1.0) - block_length(series)))
    yield equal("block length, largest difference of 50", "arch", 0.0, largest)
    resampler = arch.StationaryBootstrap(6, np.arange(200), seed=np.random.default_rng(3))
    theirs = np.array([drawn[0][0] for drawn in resampler.bootstrap(100)])
    ours = stationary_indices(200, 100, 6.0, np.random.default_rng(3))
    yield exactly("rows that differ of 20,000", "arch", 0, np.sum(theirs != ours))
    rng = np.random.default_rng(4)
    one = rng.standard_normal(300)
    two = 0.5 * one + rng.standard_normal(300)
    resampler = arch.StationaryBootstrap(5, one, two, seed=np.random.default_rng(9))

    def ratios(a: np.ndarray, b: np.ndarray) -> float:
        return float(sharpe_of(a) - sharpe_of(b))

    low, high = resampler.conf_int(ratios, 500, method="percentile")[:, 0]
    found = compare_paired(one, two, np.random.default_rng(9), n_samples=500, mean_block=5).sharpe
    yield equal("difference of Sharpe ratios, lower end", "arch, conf_int", low, found.low)
    yield equal("difference of Sharpe ratios, upper end", "arch, conf_int", high, found.high)


@topic("Comparing forecasts")
def forecasts() -> Iterator[Row]:
    source = "R forecast, dm.test, WWWusage"
    for power, horizon, p in ((2, 1, "0.8871"), (2, 10, "0.9362"), (1, 1, "0.7818")):
        found = diebold_mariano(abs(ETS) ** power, abs(ARIMA) ** power, horizon=horizon)
        yield published(f"p, power {power}, h = {horizon}", source, p, found.p)
    found = diebold_mariano(ETS**2, ARIMA**2, alternative=Alternative.SECOND_BETTER)
    yield published("p, one-sided", source, "0.5565", found.p)
    found = diebold_mariano(np.arange(6.0) ** 2, np.array([0, 2, 3, 3, 5, 6.0]) ** 2)
    yield published("statistic", "dieboldmariano's tests", "-2.4905", found.statistic)
    yield published("p", "dieboldmariano's tests", "0.05513", found.p)
    their = library("dieboldmariano")
    if their is None:
        yield missing("h = 3", "dieboldmariano")
    else:
        statistic, p = their.dm_test([0.0] * 20, list(ETS), list(ARIMA), h=3)
        found = diebold_mariano(ETS**2, ARIMA**2, horizon=3)
        yield equal("statistic, h = 3", "dieboldmariano", statistic, found.statistic)
        yield equal("p, h = 3", "dieboldmariano", p, found.p)


@topic("Corrections for many tests")
def corrections() -> Iterator[Row]:
    source = "Benjamini, Hochberg 1995"
    for correction, count in (
        (Correction.BONFERRONI, 3),
        (Correction.BENJAMINI_HOCHBERG, 4),
    ):
        found = np.sum(adjust(TRIAL, correction) <= 0.05)
        yield exactly(f"discoveries, {correction.value}", source, count, found)
    multitest = library("statsmodels.stats.multitest")
    for correction, name in (
        (Correction.BONFERRONI, "bonferroni"),
        (Correction.SIDAK, "sidak"),
        (Correction.HOLM, "holm"),
        (Correction.HOCHBERG, "simes-hochberg"),
        (Correction.BENJAMINI_HOCHBERG, "fdr_bh"),
        (Correction.BENJAMINI_YEKUTIELI, "fdr_by"),
    ):
        title, source = f"{correction.value}, largest difference", "statsmodels, multipletests"
        if multitest is None:
            yield missing(title, source)
            continue
        with np.errstate(divide="ignore"):  # a p-value of 1
            theirs = multitest.multipletests(TRIAL, method=name)[1]
        yield equal(title, source, 0.0, np.abs(adjust(TRIAL, correction) - theirs).max())
