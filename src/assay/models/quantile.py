"""Quantile forecasts of the return over the horizon, in order at every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray
from assay.models.boosting import flatten_lightgbm
from assay.models.ensemble import ParitySample
from assay.models.inputs import Float32Array, as_float32
from assay.models.scoring import Pack, pack, score_rows
from assay.models.trees import Trees

N_TREES = 40
SAMPLE_ROWS = 64
PARAMETERS: dict[str, object] = {
    "objective": "quantile",
    "learning_rate": 0.08,
    "num_leaves": 6,
    "max_depth": 3,
    "max_bin": 63,
    "feature_fraction": 0.5,
    "use_missing": False,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, eq=False)
class QuantileForecaster:
    """Fitted quantiles of one target. Immutable, picklable, asked through the tree kernel.

    Attributes
    ----------
    names : tuple of str
        Every input feature, in order; all are read.
    schema_hash : str
    levels : tuple of float
        Rising, each inside (0, 1).
    forms : mapping of str to Trees
        One per level, in order.
    sample : ParitySample
    """

    names: tuple[str, ...]
    schema_hash: str
    levels: tuple[float, ...]
    forms: Mapping[str, Trees]
    sample: ParitySample
    _pack: Pack = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = np.arange(len(self.names), dtype=np.int64)
        object.__setattr__(self, "_pack", pack(list(self.forms.values()), columns))

    def raw(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return each level's own forecast, which may cross, shape (n_rows, n_levels)."""
        narrow = as_float32(x, self.names)
        scores = np.empty((narrow.shape[0], len(self.forms)))
        score_rows(narrow, *self._pack.arguments(), scores)  # type: ignore[call-arg, arg-type]
        return scores

    def quantiles(self, x: FloatArray | Float32Array, schema_hash: str) -> FloatArray:
        """Return the quantiles of each row, not falling from left to right.

        Parameters
        ----------
        x : float64 or float32, shape (n_rows, n_features)
        schema_hash : str
            Of the features in *x*.

        Returns
        -------
        quantiles : float64, shape (n_rows, n_levels)
            In the unit of the target.

        Raises
        ------
        ModelError
            If the schema differs, the shape is wrong, or a cell is not finite.

        Notes
        -----
        Levels are fitted one by one and may cross; sorting each row never makes the
        pinball loss worse.

        References
        ----------
        Chernozhukov, V., Fernández-Val, I., Galichon, A. (2010). Quantile and Probability
        Curves Without Crossing. *Econometrica* 78(3), 1093-1125.
        """
        if schema_hash != self.schema_hash:
            raise ModelError(
                f"The feature schema must be {self.schema_hash}; was {schema_hash}.",
                remedy="Compute the features that the model card names, or train again.",
                expected=self.schema_hash,
                actual=schema_hash,
            )
        return np.sort(self.raw(x), axis=1)


def pinball_loss(r: FloatArray, forecast: FloatArray, level: float) -> float:
    """Return the mean pinball loss of a quantile forecast.

    Examples
    --------
    >>> round(pinball_loss(np.array([10.0]), np.array([8.0]), 0.9), 12)
    1.8
    >>> round(pinball_loss(np.array([8.0]), np.array([10.0]), 0.9), 12)
    0.2
    """
    short = r - forecast
    return float(np.maximum(level * short, (level - 1.0) * short).mean())


def fit_quantiles(
    x: FloatArray,
    r: FloatArray,
    weight: FloatArray,
    levels: Sequence[float],
    *,
    names: Sequence[str],
    schema_hash: str,
    seed: int,
) -> QuantileForecaster:
    """Fit one small boosted model per level.

    Parameters
    ----------
    x : float64, shape (n_rows, n_features)
        Finite features of training rows only.
    r : float64, shape (n_rows,)
        Return over the horizon, best in units of volatility.
    weight : float64, shape (n_rows,)
        Average uniqueness.
    levels : sequence of float
        Rising, each inside (0, 1).
    names, schema_hash
        As in `fit_forecaster`.
    seed : int

    Returns
    -------
    QuantileForecaster

    Raises
    ------
    ModelError
        If a cell or a target is not finite, or levels are not rising inside (0, 1).
    """
    import lightgbm

    narrow = as_float32(x, names)
    n_rows = narrow.shape[0]
    wanted = tuple(float(level) for level in levels)
    rising = wanted == tuple(sorted(set(wanted))) and all(0.0 < level < 1.0 for level in wanted)
    if not wanted or not rising:
        raise ModelError(
            f"Quantile levels must rise inside (0, 1); was {wanted}.",
            remedy="Correct training.quantiles.",
        )
    usable = weight.shape == r.shape == (n_rows,) and np.isfinite(r).all()
    if not (usable and np.isfinite(weight).all() and (weight >= 0.0).all() and weight.sum() > 0.0):
        raise ModelError(
            "Quantile training must have one finite return and one weight per row; was otherwise.",
            remedy="Drop the last rows, whose horizon is not over.",
        )
    forms: dict[str, Trees] = {}
    some = np.unique(np.linspace(0, n_rows - 1, SAMPLE_ROWS).astype(np.int64))
    native = []
    share = weight * (n_rows / weight.sum())
    # Without a seed of its own for the sample of bins, levels could not share the bins.
    binning = PARAMETERS | {"min_data_in_leaf": max(10, n_rows // 25), "data_random_seed": 1}
    with threadpool_limits(limits=1):
        data = lightgbm.Dataset(narrow, label=r, weight=share, params=binning)
        for i, level in enumerate(wanted):
            parameters = binning | {
                "alpha": level,
                "seed": int(np.random.SeedSequence([seed, i]).generate_state(1)[0] >> 1),
            }
            booster = lightgbm.train(parameters, data, num_boost_round=N_TREES)
            forms[f"q{i}"] = flatten_lightgbm(booster, narrow.shape[1], logistic=False)
            native.append(np.asarray(booster.predict(narrow[some], num_threads=1)))
    return QuantileForecaster(
        names=tuple(names),
        schema_hash=schema_hash,
        levels=wanted,
        forms=forms,
        sample=ParitySample(x=narrow[some].copy(), native=np.column_stack(native)),
    )
