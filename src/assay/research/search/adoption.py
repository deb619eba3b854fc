"""Whether the best configuration of a search is better than the settings that it began with."""

from collections.abc import Sequence

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.search.outcome import Outcome
from assay.research.statistics.superiority import stepwise_superior

ROUNDING = 1e-9
"""Leads that vary by less, in volatilities, are none."""


def p_of_lead(best: Outcome, start: Outcome, outcomes: Sequence[Outcome], *, seed: int) -> float:
    """Return the p-value of *best* not being better than *start*.

    Parameters
    ----------
    best, start : Outcome
        Complete, two of *outcomes*.
    outcomes : sequence of Outcome
        All that the search tried.
    seed : int
        Of the bootstrap.

    Notes
    -----
    Both must be excluded, so the larger of two p-values counts. That the lead is not there split
    by split: the one-sided Wilcoxon signed-rank test. That it is what luck gives the best of so
    many: the stepwise test of Romano and Wolf on daily returns at one volatility, mean over the
    paths, of every configuration that was evaluated on all splits; one that does what the start
    does is no chance to be lucky.

    Those that were given up were looked at too, but have no whole record. With *n* tested and *N*
    tested or given up, the p-value *p* of the test counts as ``1 - (1 - p)^(N/n)``: as if each of
    the others were as much of a chance, and independent. A convention, after Šidák, and as a rule
    a cautious one: configurations share their history, so that further ones are worth less.
    """
    if best is start:
        return 1.0
    return max(signed_rank_p(best, start), _luck_p(best, start, outcomes, seed))


def signed_rank_p(better: Outcome, worse: Outcome) -> float:
    """Return the p-value of *better* not being better over the splits (Wilcoxon, one-sided)."""
    from scipy.stats import wilcoxon

    splits = sorted(set(better.by_split) & set(worse.by_split))
    difference = np.array([better.by_split[k] - worse.by_split[k] for k in splits])
    if not np.any(difference):
        return 1.0
    return float(wilcoxon(difference, alternative="greater", zero_method="zsplit").pvalue)


def _luck_p(best: Outcome, start: Outcome, outcomes: Sequence[Outcome], seed: int) -> float:
    others = [item for item in outcomes if item.is_complete and item is not start]
    before = _scaled(start.daily)
    leads = np.column_stack([_scaled(item.daily) - before for item in others])
    traded = np.ptp(leads, axis=0) > ROUNDING
    places = [k for k, item in enumerate(others) if traded[k] and item is best]
    if not places:  # the best does what the start does
        return 1.0
    found = stepwise_superior(leads[:, traded], np.random.default_rng([seed, len(others)]))
    p = float(found.p_values[int(np.sum(traded[: places[0]]))])
    n_given_up = sum(not item.is_complete for item in outcomes)
    return _of_all(p, n_tested=int(np.sum(traded)), n_given_up=n_given_up)


def _of_all(p: float, *, n_tested: int, n_given_up: int) -> float:
    """Return what *p*, of the best of *n_tested*, is with those that were given up as well."""
    if not n_given_up:
        return p
    return float(1.0 - (1.0 - p) ** ((n_tested + n_given_up) / n_tested))


def _scaled(daily: FloatArray) -> FloatArray:
    """Return daily returns at a volatility of 1; zeros where nothing was traded."""
    spread = float(np.std(daily))
    return daily / spread if spread > 0.0 else np.zeros(len(daily))
