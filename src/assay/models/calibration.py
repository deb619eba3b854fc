"""Calibration outside the graph: from stacked log-odds to probabilities with bounds."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, kernel
from assay.models.inputs import LabelArray
from assay.models.scoring import sigmoid

SLOPE_LOG_SPREAD = 0.5
INTERCEPT_SPREAD = 0.05
ISOTONIC_ROWS_MIN = 1_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Calibrator:
    """A map from stacked log-odds to P(up), and how far it is known.

    Attributes
    ----------
    slope, intercept : float
        Platt's line on the log-odds; slope > 0, so it never reorders forecasts.
    covariance : float64, shape (2, 2)
        Of (log slope, intercept), given the effective number of rows.
    knots, levels : float64, shape (n_knots,)
        Isotonic steps, interpolated; empty where Platt's line is used.
    support : float64, shape (n_knots,)
        Effective rows behind each isotonic level.
    effective_rows : float
        Sum of the uniqueness weights of the calibration rows.
    """

    slope: float
    intercept: float
    covariance: FloatArray
    knots: FloatArray
    levels: FloatArray
    support: FloatArray
    effective_rows: float

    @property
    def is_isotonic(self) -> bool:
        """Whether isotonic steps are used in place of Platt's line."""
        return bool(self.knots.shape[0] > 0)

    def p_up(self, z: FloatArray) -> FloatArray:
        """Return the calibrated probability of each stacked log-odds, same shape."""
        p = np.empty_like(z)
        calibrate_rows(z, self.slope, self.intercept, self.knots, self.levels, p)
        return p

    def bounds(self, z: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
        """Return one-sided lower and upper bounds of the probability.

        Parameters
        ----------
        z : float64, shape (n_rows,)
            Stacked log-odds.
        confidence : float
            Of each side alone, [0.5, 1). The pair holds with ``2 * confidence - 1``.

        Returns
        -------
        lower, upper : float64, shape (n_rows,)
            Unit: probability; ``lower <= p_up <= upper``.

        Notes
        -----
        Platt: the delta method on the log-odds. Isotonic: Wilson's interval on the
        effective rows of the level. Both speak of the calibration map only: a market that
        changes is outside of every such bound.
        """
        if not 0.5 <= confidence < 1.0:
            raise ModelError(
                f"The confidence of a bound must be in [0.5, 1); was {confidence}.",
                remedy="Set risk.probability_confidence inside that range.",
            )
        quantile = NormalDist().inv_cdf(confidence)
        p = self.p_up(z)
        if self.is_isotonic:
            n = np.maximum(np.interp(z, self.knots, self.support), 1.0)
            centre = (p + quantile**2 / (2 * n)) / (1 + quantile**2 / n)
            half = quantile * np.sqrt(p * (1 - p) / n + quantile**2 / (4 * n**2))
            half = half / (1 + quantile**2 / n)
            return np.minimum(p, centre - half), np.maximum(p, centre + half)
        odds = self.slope * z + self.intercept
        lean = self.slope * z
        variance = (
            self.covariance[0, 0] * lean**2
            + 2 * self.covariance[0, 1] * lean
            + self.covariance[1, 1]
        )
        reach = quantile * np.sqrt(np.maximum(variance, 0.0))
        lower, upper = np.empty_like(p), np.empty_like(p)
        none = np.zeros(0)
        calibrate_rows(odds - reach, 1.0, 0.0, none, none, lower)
        calibrate_rows(odds + reach, 1.0, 0.0, none, none, upper)
        return np.minimum(lower, p), np.maximum(upper, p)

    def check(self) -> None:
        """Raise a `ModelError` unless the map is finite, rising and inside [0, 1]."""
        numbers = (self.slope, self.intercept, self.effective_rows)
        arrays = (self.covariance, self.knots, self.levels, self.support)
        sound = (
            np.isfinite(numbers).all()
            and all(np.isfinite(array).all() for array in arrays)
            and self.slope > 0.0
            and self.covariance.shape == (2, 2)
            and self.knots.shape == self.levels.shape == self.support.shape
            and (np.diff(self.knots) > 0.0).all()
            and (np.diff(self.levels) >= 0.0).all()
            and ((self.levels >= 0.0) & (self.levels <= 1.0)).all()
        )
        if not sound:
            raise ModelError(
                "A calibrator must be a finite, rising map into [0, 1]; was not.",
                remedy="Restore the artifact from the registry, or train again.",
            )


@kernel
def calibrate_rows(
    z: FloatArray,
    slope: float,
    intercept: float,
    knots: FloatArray,
    levels: FloatArray,
    out: FloatArray,
) -> None:
    """Write the calibrated probability of each log-odds; see `Calibrator`."""
    n_knots = knots.shape[0]
    for i in range(z.shape[0]):
        if n_knots == 0:
            out[i] = sigmoid(slope * z[i] + intercept)
        elif z[i] <= knots[0]:
            out[i] = levels[0]
        elif z[i] >= knots[n_knots - 1]:
            out[i] = levels[n_knots - 1]
        else:
            k = np.searchsorted(knots, z[i], side="right")
            share = (z[i] - knots[k - 1]) / (knots[k] - knots[k - 1])
            out[i] = levels[k - 1] + share * (levels[k] - levels[k - 1])


def fit_platt(z: FloatArray, y: LabelArray, weight: FloatArray) -> Calibrator:
    """Fit slope and intercept on the log-odds, shrunken towards "change nothing".

    Parameters
    ----------
    z : float64, shape (n_rows,)
        Stacked log-odds of rows that neither the members nor the stacker saw.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
        Average uniqueness: overlapping labels count once in total, so the likelihood is as
        strong as the independent labels behind it, and no stronger.

    Returns
    -------
    Calibrator

    Notes
    -----
    Maximises the weighted log likelihood plus Gaussian priors: log slope ~ N(0, 0.5²),
    intercept ~ N(0, 0.05²). Two thousand hourly rows with a 24-bar horizon are about 80
    independent labels; they know an intercept to ±0.22 and a slope hardly at all, and
    an unshrunken line would trade that noise. The covariance is the inverse Hessian.

    References
    ----------
    Platt, J. (1999). Probabilistic Outputs for Support Vector Machines.
    *Advances in Large Margin Classifiers*, 61-74.
    """
    alpha, beta = 0.0, 0.0
    hessian = np.eye(2)

    def objective(alpha: float, beta: float) -> float:
        line = np.exp(alpha) * z + beta
        prior = (alpha / SLOPE_LOG_SPREAD) ** 2 + (beta / INTERCEPT_SPREAD) ** 2
        return float(weight @ (np.logaddexp(0.0, line) - line * y)) + 0.5 * prior

    for _ in range(100):
        lean = np.exp(alpha) * z
        p = 1.0 / (1.0 + np.exp(-np.clip(lean + beta, -30.0, 30.0)))
        error, curvature = weight * (p - y), weight * p * (1.0 - p)
        gradient = np.array(
            [error @ lean + alpha / SLOPE_LOG_SPREAD**2, error.sum() + beta / INTERCEPT_SPREAD**2]
        )
        cross = curvature @ lean
        hessian = np.array(
            [
                [curvature @ lean**2 + SLOPE_LOG_SPREAD**-2, cross],
                [cross, curvature.sum() + INTERCEPT_SPREAD**-2],
            ]
        )
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 1.0 / max(1e-12, float(np.abs(step).max())))
        here = objective(alpha, beta)
        while objective(alpha - step[0], beta - step[1]) > here and np.abs(step).max() > 1e-12:
            step *= 0.5
        alpha, beta = alpha - float(step[0]), beta - float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    none = np.zeros(0)
    return Calibrator(
        slope=float(np.exp(alpha)),
        intercept=beta,
        covariance=np.asarray(np.linalg.inv(hessian), dtype=np.float64),
        knots=none,
        levels=none,
        support=none,
        effective_rows=float(weight.sum()),
    )


def fit_isotonic(z: FloatArray, y: LabelArray, weight: FloatArray) -> Calibrator:
    """Fit a rising step map from log-odds to probability, interpolated between step centres.

    Parameters
    ----------
    z, y, weight
        As in `fit_platt`.

    Notes
    -----
    Pool adjacent violators, with levels kept one effective row away from 0 and 1. It
    flattens whole ranges of forecasts, so it needs far more rows than a line.

    References
    ----------
    Zadrozny, B., Elkan, C. (2002). Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates. *KDD*, 694-699.
    """
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(z, kind="stable")
    values, start = np.unique(z[order], return_index=True)
    mass = np.maximum(np.add.reduceat(weight[order], start), 1e-300)
    up = np.add.reduceat(weight[order] * y[order], start)
    fitted = isotonic_regression(up / mass, sample_weight=mass)
    first = np.flatnonzero(np.diff(fitted, prepend=-1.0) > 0.0)
    support = np.add.reduceat(mass, first)
    edge = 1.0 / (2.0 + float(weight.sum()))
    return Calibrator(
        slope=1.0,
        intercept=0.0,
        covariance=np.zeros((2, 2)),
        knots=np.add.reduceat(mass * values, first) / support,
        levels=np.clip(fitted[first], edge, 1.0 - edge),
        support=support,
        effective_rows=float(weight.sum()),
    )


def fit_calibrator(z: FloatArray, y: LabelArray, weight: FloatArray) -> Calibrator:
    """Fit Platt's line, or isotonic steps where they are clearly better and rows are many.

    Parameters
    ----------
    z, y, weight
        As in `fit_platt`; oldest row first, or rows followed by their mirror images.

    Notes
    -----
    Isotonic is tried from 1,000 effective rows on, and taken if, fitted on the first and
    third quarter and judged on the others, and the other way round, it lowers the log loss
    by more than two standard errors. By quarters, a row and its mirror image stay together.
    """
    line = fit_platt(z, y, weight)
    if float(weight.sum()) < ISOTONIC_ROWS_MIN:
        return line
    parts = np.array_split(np.arange(z.shape[0]), 4)
    halves = [np.concatenate(parts[::2]), np.concatenate(parts[1::2])]
    gains, masses = [], []
    for train, test in (halves, halves[::-1]):
        losses = []
        for fit in (fit_platt, fit_isotonic):
            p = fit(z[train], y[train], weight[train]).p_up(np.ascontiguousarray(z[test]))
            losses.append(-np.log(np.where(y[test] == 1, p, 1.0 - p)))
        gains.append(losses[0] - losses[1])
        masses.append(weight[test])
    gain, mass = np.concatenate(gains), np.concatenate(masses)
    mean = float(mass @ gain / mass.sum())
    error = float(np.sqrt((mass @ (gain - mean) ** 2) / mass.sum() / mass.sum()))
    return fit_isotonic(z, y, weight) if mean > 2.0 * error else line
