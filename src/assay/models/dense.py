"""Linear models and small networks in one form: standardise, winsorise, weigh."""

from dataclasses import dataclass

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray
from assay.models.inputs import Float32Array

WINSOR_LIMIT = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Log-odds ``intercept + linear @ u + out @ tanh(hidden @ u + hidden_bias)``.

    Here ``u = clip((x - centre) / scale, -limit, limit)``.

    Attributes
    ----------
    centre, scale : float64, shape (n_features,)
        Of the training rows; scale > 0.
    limit : float
        Winsorising limit, in standard deviations.
    linear : float64, shape (n_features,)
    hidden : float64, shape (n_hidden, n_features)
        Empty for a logistic regression.
    hidden_bias, out : float64, shape (n_hidden,)
    intercept : float
    """

    centre: FloatArray
    scale: FloatArray
    limit: float
    linear: FloatArray
    hidden: FloatArray
    hidden_bias: FloatArray
    out: FloatArray
    intercept: float

    @property
    def n_features(self) -> int:
        """Return the number of inputs."""
        return int(self.centre.shape[0])

    def check(self) -> None:
        """Raise unless shapes agree and every weight is finite.

        Raises
        ------
        ModelError
            Naming the array.
        """
        n_features, n_hidden = self.n_features, int(self.out.shape[0])
        shapes = {
            "centre": (n_features,),
            "scale": (n_features,),
            "linear": (n_features,),
            "hidden": (n_hidden, n_features),
            "hidden_bias": (n_hidden,),
            "out": (n_hidden,),
        }
        for name, shape in shapes.items():
            array: FloatArray = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise _broken(f"{name} is not finite of shape {shape}")
        if not (self.scale > 0.0).all() or not self.limit > 0.0 or not np.isfinite(self.intercept):
            raise _broken("its scale, limit or intercept is out of range")


def _broken(why: str) -> ModelError:
    return ModelError(
        f"A dense model must have finite weights of agreeing shapes; {why}.",
        remedy="Restore the artifact from the registry, or train again.",
    )


def standardiser(x: Float32Array, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weighted mean and standard deviation of each column.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features)
        Training rows only: statistics of other rows would leak.
    weight : float64, shape (n_rows,)

    Returns
    -------
    centre, scale : float64, shape (n_features,)
        A constant column gets scale 1.
    """
    wide = x.astype(np.float64)
    share = weight / weight.sum()
    centre = share @ wide
    scale = np.sqrt(share @ (wide - centre) ** 2)
    flat = ~(scale > 1e-12 * np.maximum(1.0, np.abs(centre)))
    return centre, np.where(flat, 1.0, scale)


def standardise(x: Float32Array, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the winsorised, standardised inputs, shape (n_rows, n_features)."""
    return np.clip((x.astype(np.float64) - centre) / scale, -WINSOR_LIMIT, WINSOR_LIMIT)
