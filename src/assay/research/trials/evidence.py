"""What the trials say about luck: how many they are worth once those nearly the same are one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.statistics.sharpe import expected_maximum
from assay.research.trials.trial import MONTHS_MAX, Trial, hash_of

OVERLAP_MONTHS_MIN = 12
"""Months that two trials share before their likeness is measured."""
LIKENESS_MIN = 0.8
"""Correlation of monthly returns from which a trial is nearly the same as another."""
CLUSTERS_COMPARED_MAX = 1_000
"""Clusters whose likeness is measured, the first of them if there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvidence:
    """What the ledger says about luck; only ``TrialLedger.evidence`` makes one.

    Attributes
    ----------
    count : int
        Different trials that saw something of what is judged, the cases of sweeps included.
    recorded : int
        Different trials in the ledger.
    nested : int
        Trials left out of *count*: they chose settings inside training spans of the walk that is
        judged, on data before each judged span.
    lost : int
        Trials that earlier results of the workspace counted and the ledger no longer knows. Each
        is in *count*, and as an independent one in *effective*.
    clusters : int
        Groups of trials that are nearly the same.
    effective : float
        Independent trials of which the best is expected to look as good by luck, [1, count].
    correlation : float
        Mean correlation between clusters, floored at 0; 0 where unknown.
    variance_luck : float
        Variance of a daily Sharpe ratio that is luck alone, mean over the trials.
    variance_observed : float
        Variance of the recorded daily ratios; NaN below two trials.
    trials_hash : str
        Names the set of trials; the same set has the same hash in every workspace.
    """

    count: int
    effective: float
    correlation: float
    variance_luck: float
    variance_observed: float
    trials_hash: str
    recorded: int = 0
    nested: int = 0
    lost: int = 0
    clusters: int = 0


def evidence_of(
    trials: Sequence[Trial],
    *,
    lost: int = 0,
    walk: str = "",
    judged_ns: tuple[int, int] | None = None,
) -> TrialEvidence:
    """Return what *trials* say about a record that is about to be judged.

    Parameters
    ----------
    trials : sequence of Trial
        All of the ledger.
    lost : int
        Trials that are known to be missing.
    walk : str
        Identity of the walk that is judged; trials nested in it do not count.
    judged_ns : (int, int), optional
        Span of the record. A trial that saw nothing of it does not count; one whose span is not
        known does. Without a span every trial counts.

    Notes
    -----
    Trials are read in order; one whose monthly returns correlate with those of an earlier
    cluster's first member by at least 0.8 joins it, otherwise it begins a cluster. Luck alone
    gives a daily ratio the variance ``1/(n_days - 1)``. Of *K* clusters with mean correlation ρ
    the best is expected at ``sqrt((1 - ρ)/(n - 1)) E[max_K]``; *effective* is the number of
    independent trials with the same expectation, and every further case of a sweep and every lost
    trial counts as one more.
    """
    nested = [trial for trial in trials if walk and trial.nested_in == walk]
    counted = [
        trial
        for trial in trials
        if not (walk and trial.nested_in == walk) and _saw(trial, judged_ns)
    ]
    value, known = _monthly_table(counted)
    leaders = _leaders(value, known)
    first = np.unique(leaders)
    some = first[:CLUSTERS_COMPARED_MAX]
    correlation = _mean_correlation(value[some], known[some])
    further_cases = sum(trial.cases - 1 for trial in counted)
    further = sum(trial.cases_effective - 1.0 for trial in counted) + lost
    lengths = [trial.n_days for trial in counted if trial.n_days >= 2]
    return TrialEvidence(
        count=len(counted) + further_cases + lost,
        effective=max(1.0, _effective(len(first), correlation) * bool(counted) + further),
        correlation=correlation,
        variance_luck=float(np.mean([1.0 / (n - 1) for n in lengths])) if lengths else math.nan,
        variance_observed=variance([trial.sharpe_daily for trial in counted]),
        trials_hash=hash_of(sorted(trial.identity for trial in counted)),
        recorded=len(trials),
        nested=len(nested),
        lost=lost,
        clusters=len(first),
    )


def _saw(trial: Trial, judged_ns: tuple[int, int] | None) -> bool:
    """Tell whether *trial* saw anything of the judged span, or may have."""
    if judged_ns is None or trial.saw_until_ns == 0:
        return True
    return trial.saw_from_ns <= judged_ns[1] and trial.saw_until_ns >= judged_ns[0]


def variance(values: Sequence[float]) -> float:
    """Return the variance (``ddof=1``) of the finite *values*; NaN below two."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.var(known, ddof=1)) if len(known) > 1 else math.nan


def _monthly_table(trials: Sequence[Trial]) -> tuple[FloatArray, FloatArray]:
    """Return monthly returns and where they are known, float64, shape (n_trials, n_months)."""
    with_months = [trial for trial in trials if trial.monthly]
    if not with_months:
        return np.zeros((len(trials), 0)), np.zeros((len(trials), 0))
    start = min(trial.first_month for trial in with_months)
    stop = max(trial.first_month + len(trial.monthly) for trial in with_months)
    stop = min(stop, start + 10 * MONTHS_MAX)
    value = np.zeros((len(trials), stop - start))
    known = np.zeros((len(trials), stop - start))
    for i, trial in enumerate(trials):
        place = trial.first_month - start if trial.monthly else 0
        end = min(place + len(trial.monthly), stop - start)
        value[i, place:end] = trial.monthly[: max(0, end - place)]
        known[i, place:end] = 1.0
    return value, known


def _leaders(value: FloatArray, known: FloatArray) -> IntArray:
    """Return, per trial, the first trial that it is nearly the same as; its own place if none."""
    n_trials = len(value)
    leader = np.arange(n_trials)
    leaders: list[int] = []
    for i in range(n_trials):
        if leaders:
            likeness = _correlations(value[i], known[i], value[leaders], known[leaders])
            nearest = int(np.argmax(likeness))
            if likeness[nearest] >= LIKENESS_MIN:
                leader[i] = leaders[nearest]
                continue
        leaders.append(i)
    return leader


def _correlations(
    one: FloatArray, one_known: FloatArray, others: FloatArray, known: FloatArray
) -> FloatArray:
    """Return the correlation of one row with each of *others* over shared months; 0 if unknown."""
    both = known * one_known
    n = both.sum(axis=1)
    safe = np.maximum(n, 1.0)
    mean_one, mean_other = (both @ one) / safe, (both * others).sum(axis=1) / safe
    square_one = (both @ one**2) / safe - mean_one**2
    square_other = (both * others**2).sum(axis=1) / safe - mean_other**2
    product = (both * others) @ one / safe - mean_one * mean_other
    scale = np.sqrt(np.maximum(square_one, 0.0) * np.maximum(square_other, 0.0))
    usable = (n >= OVERLAP_MONTHS_MIN) & (scale > 0.0)
    return np.asarray(np.divide(product, scale, out=np.zeros_like(product), where=usable))


def _mean_correlation(value: FloatArray, known: FloatArray) -> float:
    """Return the mean correlation of all pairs of rows, floored at 0; an unknown pair counts 0."""
    if len(value) < 2:
        return 0.0
    rows = [
        _correlations(value[i], known[i], value[i + 1 :], known[i + 1 :])
        for i in range(len(value) - 1)
    ]
    return float(np.clip(np.mean(np.concatenate(rows)), 0.0, 1.0))


def _effective(count: int, correlation: float) -> float:
    """Return how many independent trials expect the same best by luck as *count* alike ones."""
    if count <= 1 or correlation >= 1.0:
        return 1.0
    target = math.sqrt(1.0 - correlation) * expected_maximum(count)
    if target <= 0.0:
        return 1.0
    solution = brentq(lambda n: expected_maximum(n) - target, 1.0, float(count), xtol=1e-9)
    return float(solution)
