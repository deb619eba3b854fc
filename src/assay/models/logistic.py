"""Logistic regression on winsorised inputs, with a ridge chosen on purged folds."""

from typing import ClassVar

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.models.dense import WINSOR_LIMIT, Dense, standardise, standardiser
from assay.models.estimator import Estimator, Folds
from assay.models.inputs import Float32Array, LabelArray

RIDGES: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
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


def choose_ridge(x: Float32Array, y: LabelArray, weight: FloatArray, folds: Folds) -> float:
    """Return the ridge with the lowest out-of-fold log loss.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features)
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    folds : sequence of (train, test)
        Purged. Scaling is learned inside each training part.
    """
    losses = np.zeros(len(RIDGES))
    for train, test in folds:
        share = weight[train] / weight[train].sum()
        if train.size == 0 or test.size == 0 or not 0.0 < float(share @ y[train]) < 1.0:
            continue
        centre, scale = standardiser(x[train], weight[train])
        u = standardise(x[train], centre, scale)
        betas, intercepts = ridge_path(u, y[train], weight[train])
        z = standardise(x[test], centre, scale) @ betas.T + intercepts
        mass = float(weight[test].sum())
        losses += [mass * log_loss(z[:, i], y[test], weight[test]) for i in range(len(RIDGES))]
    return RIDGES[int(np.argmin(losses))] if losses.any() else RIDGE_DEFAULT


class Logistic(Estimator):
    """The linear member of the ensemble; on a linear truth the best one."""

    name: ClassVar[str] = "logistic"
    ridge: float = RIDGE_DEFAULT

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray, folds: Folds) -> Dense:
        self.ridge = choose_ridge(x, y, weight, folds) if len(folds) else RIDGE_DEFAULT
        centre, scale = standardiser(x, weight)
        beta, intercept = fit_ridge(standardise(x, centre, scale), y, weight, self.ridge)
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
