"""The forecaster: members, stacker and calibrator behind one question, P(up)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.models.calibration import Calibrator, calibrate_rows
from assay.models.estimator import LOG_ODDS_MAX
from assay.models.inputs import Float32Array, as_float32, bad_cell, flush_tiny
from assay.models.scoring import Form, Pack, log_odds_rows, pack, score_rows, sigmoid_rows
from assay.models.stacking import Stacker


@dataclass(frozen=True, slots=True, eq=False)
class ParitySample:
    """Rows, and what the training libraries answered for them at the time of fitting.

    Attributes
    ----------
    x : float32, shape (n_rows, n_features)
        All input features.
    native : float64, shape (n_rows, n_models)
        P(up) of each member by its own library.
    """

    x: Float32Array
    native: FloatArray


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A fitted ensemble. Immutable, picklable, and without any training library inside.

    Attributes
    ----------
    names : tuple of str
        Every input feature, in order.
    schema_hash : str
        Of the feature schema that it was fitted on.
    selected : tuple of str
        The features that the members read.
    forms : mapping of str to Trees or Dense
        Members by name, in stacker order.
    stacker : Stacker
    calibrator : Calibrator
    sample : ParitySample
    """

    names: tuple[str, ...]
    schema_hash: str
    selected: tuple[str, ...]
    forms: Mapping[str, Form]
    stacker: Stacker
    calibrator: Calibrator
    sample: ParitySample
    _pack: Pack = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = {name: i for i, name in enumerate(self.names)}
        columns = np.array([place[name] for name in self.selected], dtype=np.int64)
        object.__setattr__(self, "_pack", pack(list(self.forms.values()), columns))

    @property
    def models(self) -> tuple[str, ...]:
        """Return the members' names, in the order of `raw`'s columns."""
        return tuple(self.forms)

    def raw(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return each member's uncalibrated P(up), shape (n_rows, n_models)."""
        odds = self.member_log_odds(x)
        p = np.empty_like(odds)
        sigmoid_rows(odds.reshape(-1), p.reshape(-1))
        return p

    def stacked(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return the stacked, uncalibrated P(up), shape (n_rows,)."""
        z = self._stacked_log_odds(x)
        p = np.empty_like(z)
        sigmoid_rows(z, p)
        return p

    def p_up(self, x: FloatArray | Float32Array, schema_hash: str) -> FloatArray:
        """Return the calibrated probability of up.

        Parameters
        ----------
        x : float64 or float32, shape (n_rows, n_features)
            Features in the order of `names`; finite.
        schema_hash : str
            Of the features in *x*. Another schema is refused, for the same name with
            another meaning would be answered without any sign of it.

        Returns
        -------
        p_up : float64, shape (n_rows,)
            Unit: probability. Causal: row i reads row i alone.

        Raises
        ------
        ModelError
            If the schema differs, the shape is wrong, or a cell is not finite.
        """
        self.check_schema(schema_hash)
        return self.calibrator.p_up(self._stacked_log_odds(x))

    def p_bounds(
        self, x: FloatArray | Float32Array, confidence: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return one-sided bounds of the calibrated probability at *confidence* each.

        See Also
        --------
        Calibrator.bounds : the method, and what it does not cover.
        """
        return self.calibrator.bounds(self._stacked_log_odds(x), confidence)

    def p_up_row(self, row: FloatArray) -> float:
        """Return the calibrated probability for one row, equal to `p_up` to the last bit.

        Parameters
        ----------
        row : float64, shape (n_features,)
            Features in the order of `names`. The caller has checked the schema once.

        Raises
        ------
        ModelError
            If a feature that is read is not finite.
        """
        if row.shape != (len(self.names),):
            raise ModelError(
                f"A feature row must have shape ({len(self.names)},); was {row.shape}.",
                remedy="Compute the features that the model card names, in that order.",
            )
        with np.errstate(over="ignore"):
            narrow = flush_tiny(row.astype(np.float32)).reshape(1, -1)
        p = np.empty(1)
        self._forecast(narrow, np.empty(1), p)
        return float(p[0])

    def check_schema(self, schema_hash: str) -> None:
        """Raise a `ModelError` unless *schema_hash* is the one of the training features."""
        if schema_hash != self.schema_hash:
            raise ModelError(
                f"The feature schema must be {self.schema_hash}; was {schema_hash}.",
                remedy="Compute the features that the model card names, or train again.",
                expected=self.schema_hash,
                actual=schema_hash,
            )

    def member_log_odds(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return each member's uncalibrated log-odds of up, shape (n_rows, n_models)."""
        narrow = as_float32(x, self.names)
        scores = np.empty((narrow.shape[0], len(self.forms)))
        score_rows(narrow, *self._pack.arguments(), scores)  # type: ignore[call-arg, arg-type]
        odds = np.empty_like(scores)
        log_odds_rows(scores, self._pack.layout, LOG_ODDS_MAX, odds)
        return odds

    def _stacked_log_odds(self, x: FloatArray | Float32Array) -> FloatArray:
        narrow = as_float32(x, self.names)
        z = np.empty(narrow.shape[0])
        self._forecast(narrow, z, np.empty_like(z))
        return z

    def _forecast(self, x: Float32Array, z: FloatArray, p: FloatArray) -> None:
        scores = np.empty((x.shape[0], len(self.forms)))
        i_cell = score_rows(x, *self._pack.arguments(), scores)  # type: ignore[call-arg, arg-type]
        if i_cell >= 0:
            i_row, i_column = divmod(i_cell, x.shape[1])
            raise bad_cell(x, i_row, i_column, self.names[i_column])
        calibrator = self.calibrator
        stack_rows(
            scores,
            self._pack.layout,
            LOG_ODDS_MAX,
            self.stacker.weights,
            self.stacker.intercept,
            z,
        )
        calibrate_rows(
            z, calibrator.slope, calibrator.intercept, calibrator.knots, calibrator.levels, p
        )


@kernel
def stack_rows(
    scores: FloatArray,
    layout: IntArray,
    limit: float,
    weights: FloatArray,
    intercept: float,
    z: FloatArray,
) -> None:
    """Write the stacked log-odds of each row; scores as `score_rows` leaves them."""
    odds = np.empty(scores.shape)
    log_odds_rows(scores, layout, limit, odds)
    for i_row in range(scores.shape[0]):
        total = intercept
        for m in range(scores.shape[1]):
            total += weights[m] * odds[i_row, m]
        z[i_row] = total
