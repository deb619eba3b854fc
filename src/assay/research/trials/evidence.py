"""What the trials say about luck: how many they are worth once those nearly the same are one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.compute.threads import one_thread
from assay.research.statistics.independent_trials import independent_trials
from assay.research.statistics.sharpe import expected_maximum
from assay.research.trials.trial import MONTHS_MAX, Trial, hash_of

OVERLAP_MONTHS_MIN = 12
"""Months that two trials share before their likeness is measured."""
LIKENESS_MIN = 0.8
"""Correlation of monthly returns from which a trial is nearly the same as another."""
COMPARED_MAX = 400
"""Trials whose luck is drawn together, evenly spaced over the ledger if there are more."""
DRAWS = 4_000
"""Draws of the luck of all trials."""
TRIALS_AT_ONCE = 256
"""Trials that are compared with as many leaders of clusters in one step: what the cache holds."""
COPY_MARGIN = 1e-9
"""Trials that correlate by 1 up to so much are copies, and are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvidence:
    """What the ledger says about luck; only ``TrialLedger.evidence`` makes one.

    Attributes
    ----------
    count : int
        Different trials that saw something of what is judged, the cases of sweeps included.
    recorded : int
        Different trials in the ledger, the cases of sweeps included.
    nested : int
        Trials left out of *count*, with their cases: they chose settings inside training spans of
        the walk that is judged, on data before each judged span.
    lost : int
        Trials that earlier results of the workspace counted and the ledger no longer knows. Each
        is in *count*, and as an independent one in *effective*.
    clusters : int
        Groups of trials that are nearly the same, for the reader.
    effective : float
        Independent trials of which the best is expected to look as good by luck, [1, count].
    correlation : float
        Mean correlation of the trials' monthly returns, floored at 0; 0 where unknown.
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
    Luck alone gives every trial a ratio; those of trials that resemble each other are alike. With
    *R* the correlation matrix of the monthly returns, 0 where two trials share less than a year,
    the best of them is expected at ``E[max N(0, R)]`` standard deviations, which is drawn; and
    *effective* is the number of independent trials with the same expectation. Every further case
    of a sweep and every lost trial counts as one more. Of more than 400 trials as many are drawn,
    evenly spaced, and each is taken for as many as it stands for.

    A cluster is a trial and those after it whose returns correlate with its own by at least 0.8.
    """
    nested = [trial for trial in trials if walk and trial.nested_in == walk]
    counted = [
        trial
        for trial in trials
        if not (walk and trial.nested_in == walk) and _saw(trial, judged_ns)
    ]
    value, known = _monthly_table(counted)
    some = np.unique(np.linspace(0, len(counted) - 1, COMPARED_MAX).astype(np.int64))
    some = some[: len(counted)]
    with one_thread():  # sums of several differ in the last digits from machine to machine
        clusters = _clusters(value, known)
        likeness = _likeness(value[some], known[some])
        worth = effective_number(likeness) * len(counted) / max(1, len(some))
    upper = likeness[np.triu_indices(len(some), 1)]
    further_cases = sum(trial.cases - 1 for trial in counted)
    further = sum(trial.cases_effective - 1.0 for trial in counted) + lost
    lengths = [trial.n_days for trial in counted if trial.n_days >= 2]
    return TrialEvidence(
        count=len(counted) + further_cases + lost,
        effective=max(1.0, worth * bool(counted) + further),
        correlation=float(np.clip(np.mean(upper), 0.0, 1.0)) if len(upper) else 0.0,
        variance_luck=float(np.mean([1.0 / (n - 1) for n in lengths])) if lengths else math.nan,
        variance_observed=variance([trial.sharpe_daily for trial in counted]),
        trials_hash=hash_of(sorted(trial.identity for trial in counted)),
        recorded=sum(trial.cases for trial in trials),
        nested=sum(trial.cases for trial in nested),
        lost=lost,
        clusters=clusters,
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


def _clusters(value: FloatArray, known: FloatArray) -> int:
    """Return how many trials are nearly the same as no leader of a cluster before them.

    Each such trial leads a cluster of its own. O(n_trials n_clusters n_months) by products of
    matrices: ten thousand trials that have nothing in common take seconds.
    """
    leader, n_leaders = np.empty(len(value), np.int64), 0
    for first in range(0, len(value), TRIALS_AT_ONCE):
        some = np.arange(first, min(first + TRIALS_AT_ONCE, len(value)))
        for start in range(0, n_leaders, TRIALS_AT_ONCE):
            led = leader[start : min(start + TRIALS_AT_ONCE, n_leaders)]
            is_near = _correlations(value, known, some, led) >= LIKENESS_MIN
            some = some[~is_near.any(axis=1)]
        near = _correlations(value, known, some, some) >= LIKENESS_MIN
        leads = np.zeros(len(some), np.bool_)
        for i in range(len(some)):
            leads[i] = not near[i, leads].any()
        n_after = n_leaders + int(leads.sum())
        leader[n_leaders:n_after] = some[leads]
        n_leaders = n_after
    return n_leaders


def _correlations(
    value: FloatArray, known: FloatArray, some: IntArray, others: IntArray
) -> FloatArray:
    """Return correlations over shared months, shape (n_some, n_others); 0 if unknown."""
    one, two, one_known, two_known = value[some], value[others], known[some], known[others].T
    n = one_known @ two_known
    safe = np.maximum(n, 1.0)
    mean_one, mean_two = one @ two_known / safe, one_known @ two.T / safe
    square_one = one**2 @ two_known / safe - mean_one**2
    square_two = one_known @ (two**2).T / safe - mean_two**2
    product = one @ two.T / safe - mean_one * mean_two
    scale = np.sqrt(np.maximum(square_one, 0.0) * np.maximum(square_two, 0.0))
    usable = (n >= OVERLAP_MONTHS_MIN) & (scale > 0.0)
    return np.asarray(np.divide(product, scale, out=np.zeros_like(product), where=usable))


def _likeness(value: FloatArray, known: FloatArray) -> FloatArray:
    """Return the correlation of each row with each, shape (n, n); an unknown pair is 0."""
    every = np.arange(len(value))
    likeness = np.triu(_correlations(value, known, every, every), 1)
    return likeness + likeness.T + np.eye(len(value))


def effective_number(likeness: FloatArray) -> float:
    """Return how many independent trials expect the same best by luck as trials alike in this way.

    Parameters
    ----------
    likeness : float64, shape (n, n)
        Correlations, 1 on the diagonal. Made positive semidefinite by dropping what is negative of
        its spectrum.

    Returns
    -------
    number : float
        [1, n]; drawn with a seed of its own, so the same matrix gives the same number. Copies
        are left out before anything is drawn: with them the number is what it is without.
    """
    likeness = _without_copies(likeness)
    n = len(likeness)
    if n <= 1:
        return 1.0
    values, vectors = np.linalg.eigh(likeness)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    root /= np.maximum(np.linalg.norm(root, axis=1, keepdims=True), 1e-12)
    draws = np.random.default_rng(n).standard_normal((DRAWS, n))
    target = float(np.mean(np.max(draws @ root.T, axis=1)))
    # The same draws without likeness say what these n would expect if they had nothing in common.
    target *= expected_maximum(float(n)) / float(np.mean(np.max(draws, axis=1)))
    return independent_trials(target, float(n))


def _without_copies(likeness: FloatArray) -> FloatArray:
    """Return the correlations of the first of every group of copies."""
    if not len(likeness):
        return likeness
    itself = np.eye(len(likeness), dtype=np.bool_)
    first_like = np.argmax(itself | (likeness >= 1.0 - COPY_MARGIN), axis=1)
    kept = np.flatnonzero(first_like == np.arange(len(likeness)))
    return likeness[np.ix_(kept, kept)]
