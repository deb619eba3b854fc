"""The one ensemble: non-negative, shrunken weights on the members' log-odds."""

from dataclasses import dataclass

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray
from assay.models.inputs import LabelArray

WEIGHT_SPREAD = 1.0
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


def fit_stacker(log_odds: FloatArray, y: LabelArray, weight: FloatArray) -> Stacker:
    """Fit the weights on out-of-fold forecasts.

    Parameters
    ----------
    log_odds : float64, shape (n_rows, n_models)
        Forecasts of rows that the member did not train on, from purged folds. In-sample
        forecasts here would reward the member that memorises most.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
        Average uniqueness; its sum is the effective number of rows.

    Returns
    -------
    Stacker

    Notes
    -----
    Minimises ``sum weight * log loss + |weights|^2 / (2 spread^2) + intercept^2 / (2 s^2)``
    under ``weights >= 0``: a maximum of the posterior under half-normal priors. A member
    whose forecasts are noise has a best weight of zero and gets it; one that repeats
    another shares its weight.

    References
    ----------
    Breiman, L. (1996). Stacked Regressions. *Machine Learning* 24, 49-64.
    """
    from scipy.optimize import minimize

    n_models = log_odds.shape[1]
    design = np.column_stack((log_odds, np.ones(log_odds.shape[0])))
    precision = np.append(np.full(n_models, WEIGHT_SPREAD**-2.0), INTERCEPT_SPREAD**-2.0)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        z = design @ theta
        p = 1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0)))
        value = weight @ (np.logaddexp(0.0, z) - z * y) + 0.5 * precision @ theta**2
        return float(value), design.T @ (weight * (p - y)) + precision * theta

    start = np.append(np.full(n_models, 1.0 / n_models), 0.0)
    bounds = [(0.0, None)] * n_models + [(None, None)]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12}
    )
    return Stacker(weights=np.asarray(found.x[:-1]), intercept=float(found.x[-1]))
