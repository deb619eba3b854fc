"""Scores, calibration, conformal intervals, tail risk, sequential evidence, splits."""

import math
from collections.abc import Iterator

import numpy as np

from assay.research.splits.combinatorial import combinatorial_purged
from assay.research.splits.purged import purged_train
from assay.research.splits.walk_forward import purged_walk_forward, walk_forward_by_size
from assay.research.statistics.calibration_error import (
    calibration_errors,
    equal_mass,
    equal_width,
)
from assay.research.statistics.conformal import (
    adaptive_bound,
    adaptive_levels,
    conformal_quantile,
    conformal_rank,
    coverage_distribution,
)
from assay.research.statistics.scoring import (
    brier_score,
    crps_ensemble,
    crps_gaussian,
    log_loss,
    murphy,
    pinball,
)
from assay.research.statistics.sequential import (
    mixture_e_values,
    mixture_radius,
    normal_mixture_e_value,
    one_sided_mixture_e_value,
)
from assay.research.statistics.sprt import bernoulli_sprt, sprt_bounds
from assay.research.statistics.tail import expected_shortfall, gaussian_tail, student_tail
from published.table import Row, between, equal, exactly, library, missing, published, topic

DECOMPOSED = "Murphy 1973"
DOCUMENTS = "scikit-learn's documentation"
FUNCTION = "Rockafellar, Uryasev 2002"
SET = "set definition, López de Prado 2018"


@topic("Probability forecasts")
def probabilities() -> Iterator[Row]:
    p = np.repeat([0.1, 0.4, 0.7, 0.9], 10)
    y = np.concatenate([np.arange(10) < hits for hits in (1, 4, 6, 9)]).astype(np.int8)
    parts = murphy(p, y)
    for name, expected, found in (
        ("Brier score", "0.1675", brier_score(p, y)),
        ("reliability", "0.0025", parts.reliability),
        ("resolution", "0.0850", parts.resolution),
        ("uncertainty", "0.2500", parts.uncertainty),
    ):
        yield published(name, DECOMPOSED, expected, found)
    for name, group in (("width", equal_width(p)), ("mass", equal_mass(p))):
        ece, mce = calibration_errors(p, y, group)
        yield published(f"ECE, 15 bins of equal {name}", "Guo et al. 2017", "0.025", ece)
        yield published(f"MCE, 15 bins of equal {name}", "Guo et al. 2017", "0.100", mce)
    few = np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0])
    yield published("Brier score of four", DOCUMENTS, "0.0375", brier_score(*few))
    i = np.arange(1, 1_501)
    p = (i * 0.6180339887498949 % 1.0) ** 1.3
    y = (i * 0.41421356237309515 % 1.0 < 0.2 + 0.6 * p).astype(np.int8)
    ece, mce = calibration_errors(p, y, equal_width(p))
    yield equal("ECE, equal width", "netcal 1.4", 0.10538141199570383, ece)
    yield equal("MCE, equal width", "netcal 1.4", 0.1902729254491622, mce)
    ece = calibration_errors(p, y, equal_mass(p))[0]
    yield equal("ECE, equal mass", "netcal 1.4", 0.10391616794868903, ece)
    metrics = library("sklearn.metrics")
    if metrics is None:
        yield missing("scores", "scikit-learn")
        return
    yield equal("Brier score", "scikit-learn", metrics.brier_score_loss(y, p), brier_score(p, y))
    yield equal("log loss", "scikit-learn", metrics.log_loss(y, p), log_loss(p, y))
    loss = metrics.mean_pinball_loss(p, p**2, alpha=0.3)
    yield equal("pinball loss", "scikit-learn", loss, pinball(p, p**2, 0.3).mean())


@topic("Distribution forecasts")
def distributions() -> Iterator[Row]:
    gneiting = "Gneiting, Raftery 2007"
    for y, score in ((0.0, "0.233695"), (1.0, "0.602441"), (2.0, "1.452792")):
        found = float(crps_gaussian(np.array(y), 0.0, 1.0))
        yield published(f"CRPS of N(0, 1) at {y:g}", gneiting, score, found)
    for y, forecast, loss in ((10.0, 8.0, "1.8"), (8.0, 10.0, "0.2")):
        found = float(pinball(np.array(y), np.array(forecast), 0.9))
        yield published(f"pinball loss of {forecast:g} at {y:g}", "Koenker 1978", loss, found)
    i = np.arange(1, 8)
    y, members = np.sin(i * 1.7), np.sin(np.outer(i, np.arange(1, 12)) * 0.37)
    found = crps_gaussian(y, np.cos(i), 0.3 + 0.1 * i).sum()
    yield equal("CRPS, normal", "properscoring 0.1", 3.7160144261923502, found)
    found = crps_ensemble(y, members, is_fair=False).sum()
    yield equal("CRPS, ensemble", "properscoring 0.1", 2.6675499395787696, found)
    found = crps_ensemble(y, members).sum()
    yield equal("CRPS, fair ensemble", "scoringrules 0.10", 2.3917454984575377, found)


@topic("Conformal intervals")
def conformal() -> Iterator[Row]:
    vovk = "Vovk et al. 2005"
    for n, alpha, rank in ((19, 0.1, 18), (9, 0.1, 9), (99, 0.05, 95), (1000, 0.1, 901)):
        yield exactly(f"rank of {n} scores, {alpha:g}", vovk, rank, conformal_rank(n, alpha))
    nothing = conformal_quantile(np.arange(8), 0.1)
    yield exactly("quantile of 8 scores, 0.1", vovk, math.inf, nothing)
    mean, deviation = coverage_distribution(1000, 0.1)
    yield published("mean coverage of 1,000 scores", "Vovk 2012", "0.9001", mean)
    yield published("its deviation", "Vovk 2012", "0.0095", deviation)
    adaptive = "Gibbs, Candès 2021"
    path = adaptive_levels([0, 0, 1, 0, 1, 1, 0, 0, 0, 0], alpha=0.1, gamma=0.005)
    for step, level in ((1, "0.1005"), (3, "0.0965"), (6, "0.0880"), (10, "0.0900")):
        yield published(f"adaptive level after step {step}", adaptive, level, path[step - 1])
    for n, bound in ((1_000, "0.1810"), (10_000, "0.0181")):
        found = adaptive_bound(n, alpha=0.1, gamma=0.005)
        yield published(f"long-run bound, {n:,} steps", adaptive, bound, found)


@topic("Tail risk")
def tail() -> Iterator[Row]:
    ten = np.arange(1, 11)
    for level, mean in ((0.80, "9.5"), (0.85, "9.666667"), (0.90, "10.0")):
        found = expected_shortfall(ten, level)
        yield published(f"CVaR {level:.0%} of losses 1 to 10", FUNCTION, mean, found)
    for level, var, mean in (
        (0.95, "1.644854", "2.062713"),
        (0.975, "1.959964", "2.337803"),
        (0.99, "2.326348", "2.665214"),
    ):
        edge, found = gaussian_tail(level)
        yield published(f"VaR {level:.1%}, normal", "closed form", var, edge)
        yield published(f"ES {level:.1%}, normal", "closed form", mean, found)
    for freedom, mean in ((4, "5.220584"), (5, "4.452429")):
        found = student_tail(0.99, freedom=freedom)[1]
        yield published(f"ES 99 %, t with {freedom}", "McNeil, Frey, Embrechts", mean, found)
    measures = library("skfolio.measures")
    if measures is None:
        yield missing("CVaR", "skfolio")
        return
    losses = np.sin(np.arange(137) * 1.7) ** 3
    for level in (0.9, 0.953):
        theirs = float(measures.cvar(-losses, beta=level))
        yield equal(f"CVaR {level:.1%}", "skfolio", theirs, expected_shortfall(losses, level))


@topic("Sequential evidence")
def sequential() -> Iterator[Row]:
    robbins = "Robbins 1970"
    unit = {"deviation": 1.0, "effect": 0.2}
    for mean, e_value in ((0.2, "2.215063"), (0.3, "16.367228")):
        found = normal_mixture_e_value(mean, 100, **unit)
        yield published(f"e-value of a mean {mean}, n = 100", robbins, e_value, found)
    for n, radius in ((100, "0.365639"), (1000, "0.096064")):
        found = mixture_radius(n, deviation=1.0, rho=0.1, alpha=0.05)
        yield published(f"radius, n = {n}", "Waudby-Smith et al. 2024", radius, found)
    edge = mixture_radius(50, deviation=1.0, rho=0.2, alpha=0.05)
    yield equal("e-value at the radius", "duality", 20.0, normal_mixture_e_value(edge, 50, **unit))
    nothing = one_sided_mixture_e_value(0.0, 50, **unit)
    both = normal_mixture_e_value(0.0, 50, **unit)
    yield equal("one-sided e-value of a mean 0", "symmetry", both, nothing)
    wald = "Wald 1945"
    yield published("upper bound at 5/5 %", wald, "2.944439", sprt_bounds(0.05, 0.05)[1])
    test = bernoulli_sprt(0.50, 0.55, alpha=0.05, beta=0.05)
    yield published("observations under 0.50", wald, "527", test.n_null)
    yield published("observations under 0.55", wald, "529", test.n_alternative)
    yield exactly("of a fixed test", "textbook", 1077, math.ceil(test.n_fixed))
    rng = np.random.default_rng(5)
    ever = [mixture_e_values(rng.standard_normal(400), **unit).max() >= 20 for _ in range(4_000)]
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4_000)
    yield between("nulls rejected, 400 looks", "Ville 1939", 0.0, limit, np.mean(ever))


@topic("Splits")
def splits() -> Iterator[Row]:
    bar, test = np.arange(10), np.array([4, 5, 6])
    for name, end, embargo, rows in (
        ("closed", bar + 2, 0, [0, 1, 9]),
        ("half-open", bar + 1, 0, [0, 1, 2, 8, 9]),
        ("half-open, embargo 1", bar + 1, 1, [0, 1, 2, 9]),
    ):
        found = purged_train(bar, end, test, embargo=embargo).tolist()
        yield exactly(f"training rows, {name}", SET, 1, found == rows)
    many = np.arange(240)
    for n_groups, n_test, n_splits, n_paths in ((6, 2, 15, 5), (10, 2, 45, 9), (10, 8, 45, 36)):
        cv = combinatorial_purged(
            many, many + 3, n_groups=n_groups, n_test_groups=n_test, embargo=2
        )
        name = f"{n_test} of {n_groups} groups"
        yield exactly(f"splits, {name}", "López de Prado 2018", n_splits, len(cv))
        yield exactly(f"paths, {name}", "López de Prado 2018", n_paths, cv.n_paths)
        yield exactly(f"leaking pairs, {name}", SET, 0, cv.leaking_pairs())
    yield from _against_skfolio()


def _against_skfolio() -> Iterator[Row]:
    """Compare every index of a few splitters."""
    selection = library("skfolio.model_selection")
    if selection is None:
        yield missing("splits", "skfolio")
        return
    for n_rows, n_groups, n_test, horizon, embargo in (
        (12, 3, 2, 1, 0),
        (1_003, 6, 2, 5, 7),
        (1_003, 10, 8, 24, 24),
    ):
        bar = np.arange(n_rows)
        cv = combinatorial_purged(
            bar, bar + horizon, n_groups=n_groups, n_test_groups=n_test, embargo=embargo
        )
        other = selection.CombinatorialPurgedCV(
            n_folds=n_groups, n_test_folds=n_test, purged_size=horizon, embargo_size=embargo
        )
        same = np.array_equal(cv.paths(), other.recombined_paths.T) and all(
            np.array_equal(split.train, train) and np.array_equal(split.test, np.concatenate(tests))
            for split, (train, tests) in zip(cv, other.split(bar[:, None]), strict=True)
        )
        yield exactly(f"every index, {n_test} of {n_groups} groups", "skfolio", 1, same)
    bar = np.arange(103)
    for window in ("anchored", "rolling"):
        folds = walk_forward_by_size(103, n_train=50, n_test=7, window=window)
        other = selection.WalkForward(
            test_size=7, train_size=46, purged_size=4, expand_train=window == "anchored"
        )
        same = all(
            np.array_equal(mine, its)
            for pair, theirs in zip(
                purged_walk_forward(bar, bar + 4, folds), other.split(bar[:, None]), strict=True
            )
            for mine, its in zip(pair, theirs, strict=True)
        )
        yield exactly(f"every index, {window} walk", "skfolio", 1, same)
