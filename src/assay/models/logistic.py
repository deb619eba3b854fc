"""Logistic regression on winsorised inputs, with a ridge chosen on purged folds."""

from typing import ClassVar

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.models.dense import WINSOR_LIMIT, Dense, standardise, standardiser
from assay.models.estimator import Estimator, Folds
from assay.models.inputs import Float32Array, LabelArray

RIDGES: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
RIDGE_DEFAULT = 0.1
NEWTON_STEPS_MAX = 12


def log_loss(z: FloatArray, y: LabelArray, weight: FloatArray) -> float:
    """Return the weighted mean log loss of log-odds *z*. Unit: nats."""
    return float(weight @ (np.logaddexp(0.0, z) - z * y) / weight.sum())


def fit_ridge(
    u: FloatArray, y: LabelArray, weight: FloatArray, ridge: float
) -> tuple[FloatArray, float]:
    """Return the coefficients and the intercept that minimise the penalised log loss.

    Parameters
    ----------
    u : float64, shape (n_rows, n_features)
        Standardised inputs.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    ridge : float
        Penalty ``ridge / 2 * |beta|^2`` on the mean log loss; the intercept is free.

    Returns
    -------
    beta : float64, shape (n_features,)
    intercept : float

    Notes
    -----
    Newton's method from the null model; near it the Hessian is almost constant, so two or
    three steps do. O(rows * features^2) per step.
    """
    share = weight / weight.sum()
    design = np.column_stack((u, np.ones(u.shape[0])))
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-9
    rate = float(share @ y)
    beta = np.zeros(design.shape[1])
    beta[-1] = np.log(rate / (1.0 - rate))
    for _ in range(NEWTON_STEPS_MAX):
        z = np.clip(design @ beta, -30.0, 30.0)
        p = 1.0 / (1.0 + np.exp(-z))
        gradient = design.T @ (share * (p - y)) + penalty * beta
        curvature = share * p * (1.0 - p)
        hessian = (design * curvature[:, None]).T @ design
        hessian[np.diag_indices_from(hessian)] += penalty + 1e-12
        step = np.linalg.solve(hessian, gradient)
        largest = float(np.abs(step).max())
        beta -= step * min(1.0, 4.0 / largest) if largest > 0.0 else 0.0
        if largest < 1e-9:
            break
    return beta[:-1], float(beta[-1])


def ridge_path(u: FloatArray, y: LabelArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return one Newton step from the null model for every ridge of the path.

    Returns
    -------
    betas : float64, shape (n_ridges, n_features)
    intercepts : float64, shape (n_ridges,)

    Notes
    -----
    One eigendecomposition serves the whole path; with probabilities near one half the
    step is the solution but for terms of third order.
    """
    share = weight / weight.sum()
    rate = float(share @ y)
    mean = share @ u
    centred = u - mean
    values, vectors = np.linalg.eigh((centred * share[:, None]).T @ centred)
    moment = vectors.T @ (centred.T @ (share * (y - rate)))
    curvature = rate * (1.0 - rate)
    scaled = [moment / (curvature * np.maximum(values, 0.0) + ridge) for ridge in RIDGES]
    betas = np.stack(scaled) @ vectors.T
    return betas, np.log(rate / (1.0 - rate)) - betas @ mean


def choose_ridge(
    x: Float32Array, y: LabelArray, weight: FloatArray, folds: Folds
) -> tuple[float, float]:
    """Return the ridge and the slope with the lowest out-of-fold log loss.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features)
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    folds : sequence of (train, test)
        Purged. Scaling is learned inside each training part; rows that no fold tests, such
        as the calibration rows, are not read.

    Returns
    -------
    ridge : float
    slope : float
        Multiplies the penalised log-odds. A strong ridge finds the direction best, as it
        nearly averages the features by their own covariance with the label, but its
        forecasts are far too small; the slope gives back their size.

    Notes
    -----
    The slope is one Newton step on the forecasts of all test parts together, at least a
    tenth of and at most the slope that fits the training rows themselves.
    """
    total, seen = np.zeros((x.shape[0], len(RIDGES))), np.zeros(x.shape[0])
    for train, test in folds:
        centre, scale = standardiser(x[train], weight[train])
        u = standardise(x[train], centre, scale)
        betas, _ = ridge_path(u, y[train], weight[train])
        total[test] += standardise(x[test], centre, scale) @ betas.T
        seen[test] += 1.0
    rows = np.flatnonzero(seen)
    lean, target, mass = total[rows] / seen[rows, None], y[rows], weight[rows]
    u = standardise(x[rows], *standardiser(x[rows], mass))
    inside = u @ ridge_path(u, target, mass)[0].T
    found = []
    for k, ridge in enumerate(RIDGES):
        upper = max(best_slope(inside[:, k], target, mass), 1e-6)
        slope = float(np.clip(best_slope(lean[:, k], target, mass), 0.1 * upper, upper))
        rate = float(mass @ target / mass.sum())
        shift = float(np.log(rate / (1.0 - rate))) - slope * float(mass @ lean[:, k] / mass.sum())
        found.append((log_loss(slope * lean[:, k] + shift, target, mass), ridge, slope))
    _, ridge, slope = min(found)
    return ridge, slope


def best_slope(z: FloatArray, y: LabelArray, weight: FloatArray) -> float:
    """Return the slope on *z* after one Newton step from the base rate."""
    share = weight / weight.sum()
    rate = float(share @ y)
    centred = z - share @ z
    curvature = rate * (1.0 - rate) * float(share @ centred**2)
    return float((share * (y - rate)) @ centred) / curvature if curvature > 0.0 else 0.0


class Logistic(Estimator):
    """The linear member of the ensemble; on a linear truth the best one."""

    name: ClassVar[str] = "logistic"

    def tune(
        self, x: Float32Array, y: LabelArray, weight: FloatArray, folds: Folds
    ) -> dict[str, float]:
        """Return the ridge and the slope with the lowest out-of-fold log loss."""
        ridge, slope = choose_ridge(x, y, weight, folds)
        return {"ridge": ridge, "slope": slope}

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Dense:
        centre, scale = standardiser(x, weight)
        u = standardise(x, centre, scale)
        ridge, slope = self.choices.get("ridge", RIDGE_DEFAULT), self.choices.get("slope", 1.0)
        beta, intercept = fit_ridge(u, y, weight, ridge)
        middle = float(weight @ (u @ beta) / weight.sum())
        beta, intercept = slope * beta, intercept + (1.0 - slope) * middle
        self._native = (centre, scale, beta, intercept)
        n_features = x.shape[1]
        return Dense(
            centre=centre,
            scale=scale,
            limit=WINSOR_LIMIT,
            linear=beta,
            hidden=np.zeros((0, n_features)),
            hidden_bias=np.zeros(0),
            out=np.zeros(0),
            intercept=intercept,
        )

    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return the probability by plain matrix algebra, shape (n_rows,)."""
        centre, scale, beta, intercept = self._native
        z = standardise(x, centre, scale) @ beta + intercept
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float64)
