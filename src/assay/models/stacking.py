"""The one ensemble: non-negative, shrunken weights on the members' log-odds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray
from assay.models.inputs import LabelArray

WEIGHT_SPREAD = 0.25
LINEAR_SHARE = 0.6
INTERCEPT_SPREAD = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Stacker:
    """Stacked log-odds ``intercept + weights @ member_log_odds``.

    Attributes
    ----------
    weights : float64, shape (n_models,)
        At least 0.
    intercept : float
    """

    weights: FloatArray
    intercept: float

    def check(self, n_models: int) -> None:
        """Raise a `ModelError` unless there is one finite weight of at least 0 per model."""
        finite = np.isfinite(self.weights).all() and np.isfinite(self.intercept)
        if self.weights.shape != (n_models,) or not finite or (self.weights < 0.0).any():
            raise ModelError(
                f"The stacker must have {n_models} finite weights of at least 0; "
                f"was {self.weights.tolist()}.",
                remedy="Restore the artifact from the registry, or train again.",
            )


def prior_weights(models: Sequence[str]) -> FloatArray:
    """Return the weights to believe in before any forecast is seen, summing to 1.

    The logistic regression has three fifths of it: where signal is far below noise, the
    model with the fewest directions to be wrong in is the best first guess.
    """
    if "logistic" not in models or len(models) == 1:
        return np.full(len(models), 1.0 / len(models))
    rest = (1.0 - LINEAR_SHARE) / (len(models) - 1)
    return np.array([LINEAR_SHARE if m == "logistic" else rest for m in models])


def fit_stacker(
    log_odds: FloatArray, y: LabelArray, weight: FloatArray, models: Sequence[str]
) -> Stacker:
    """Fit the weights on out-of-fold forecasts.

    Parameters
    ----------
    log_odds : float64, shape (n_rows, n_models)
        Forecasts of rows that the member did not train on, from purged folds. In-sample
        forecasts here would reward the member that memorises most.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
        Average uniqueness; its sum is the effective number of rows.
    models : sequence of str
        Names of the columns.

    Returns
    -------
    Stacker

    Notes
    -----
    Minimises ``sum weight * log loss + |weights - prior|^2 / (2 * 0.25^2)
    + intercept^2 / (2 * 0.1^2)`` under ``weights >= 0``: the mode of the posterior under
    truncated normal priors. With a few hundred effective rows the evidence about six
    correlated weights is thin, and unshrunken weights trade its noise; with thousands, a
    member whose forecasts are noise gets zero.

    References
    ----------
    Breiman, L. (1996). Stacked Regressions. *Machine Learning* 24, 49-64.
    """
    weights, intercept = fit_weights(
        log_odds, y, weight, prior=prior_weights(models), spread=WEIGHT_SPREAD
    )
    return Stacker(weights=weights, intercept=intercept)


def fit_weights(
    columns: FloatArray, y: LabelArray, weight: FloatArray, *, prior: FloatArray, spread: float
) -> tuple[FloatArray, float]:
    """Return non-negative log-odds per unit of each column, and an intercept.

    Parameters
    ----------
    columns : float64, shape (n_rows, n_columns)
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    prior : float64, shape (n_columns,)
        Weights to believe in before any row is seen.
    spread : float
        Standard deviation of that belief.
    """
    from scipy.optimize import minimize

    n_columns = columns.shape[1]
    design = np.column_stack((columns, np.ones(columns.shape[0])))
    precision = np.append(np.full(n_columns, spread**-2.0), INTERCEPT_SPREAD**-2.0)
    centre = np.append(prior, 0.0)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        z = design @ theta
        p = 1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0)))
        off = theta - centre
        value = weight @ (np.logaddexp(0.0, z) - z * y) + 0.5 * precision @ off**2
        return float(value), design.T @ (weight * (p - y)) + precision * off

    bounds = [(0.0, None)] * n_columns + [(None, None)]
    found = minimize(
        loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13}
    )
    return np.asarray(found.x[:-1]), float(found.x[-1])
