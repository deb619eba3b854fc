"""The interface of every model: fit on rows, labels and weights; answer with P(up)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models.inputs import Float32Array, LabelArray, as_float32, check_targets
from assay.models.scoring import Form, log_odds_rows, pack, score_rows, sigmoid_rows

Folds = Sequence[tuple[IntArray, IntArray]]
LOG_ODDS_MAX = 12.0


class Estimator(ABC):
    """A binary forecaster of low signal-to-noise data.

    A subclass trains in `_fit` and hands back its trained state twice: as a *form* of flat
    arrays, which is what is stored and asked from then on, and as the library's own answer
    (`native_p_up`), against which the form is checked.

    Parameters
    ----------
    seed : int
        All randomness of the model derives from it.
    choices : mapping of str to float, optional
        What `tune` returned.
    """

    name: ClassVar[str]

    def __init__(self, seed: int, choices: Mapping[str, float] | None = None) -> None:
        self.seed = seed
        self.choices = dict(choices or {})
        self._form: Form | None = None

    def tune(
        self, x: Float32Array, y: LabelArray, weight: FloatArray, folds: Folds
    ) -> dict[str, float]:
        """Return the choices that suit these data, to be given to the constructor.

        Parameters
        ----------
        x, y, weight
            See `fit`.
        folds : sequence of (train, test) int64 index arrays
            Purged splits of these rows. Unpurged splits leak overlapping labels and choose
            too weak a penalty.

        Returns
        -------
        choices : dict of str to float
            Empty where a model has nothing to choose.
        """
        del x, y, weight, folds
        return {}

    def fit(self, x: FloatArray | Float32Array, y: LabelArray, weight: FloatArray) -> None:
        """Train on the rows given.

        Parameters
        ----------
        x : float64 or float32, shape (n_rows, n_features)
            Finite. Rounded to float32 first, because that is what the artifact reads.
        y : int8, shape (n_rows,)
            1 for up, 0 for down.
        weight : float64, shape (n_rows,)
            Average uniqueness of each label, (0, 1].

        Raises
        ------
        ModelError
            If a cell is not finite, only one class occurs, or weights cannot be used.
        """
        narrow = as_float32(x)
        check_targets(y, weight, narrow.shape[0], f"Training of {self.name}")
        share = weight * (weight.shape[0] / weight.sum())
        form = self._fit(narrow, y, np.ascontiguousarray(share))
        form.check()
        self._form = form

    @property
    def form(self) -> Form:
        """Return the trained state as flat arrays.

        Raises
        ------
        ModelError
            Before `fit`.
        """
        if self._form is None:
            raise ModelError(
                f"{self.name} must be fitted before it answers; was not.",
                remedy="Call fit first.",
            )
        return self._form

    def log_odds(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return the log-odds of up for each row, shape (n_rows,), within ±12."""
        form = self.form
        narrow = as_float32(x)
        packed = pack([form], np.arange(form.n_features, dtype=np.int64))
        if narrow.shape[1] != form.n_features:
            raise ModelError(
                f"{self.name} must be asked with {form.n_features} features; "
                f"was {narrow.shape[1]}.",
                remedy="Give the features it was fitted on, in that order.",
            )
        scores = np.empty((narrow.shape[0], 1))
        score_rows(narrow, *packed.arguments(), scores)  # type: ignore[call-arg, arg-type]
        odds = np.empty_like(scores)
        log_odds_rows(scores, packed.layout, LOG_ODDS_MAX, odds)
        return odds[:, 0].copy()

    def p_up(self, x: FloatArray | Float32Array) -> FloatArray:
        """Return the uncalibrated probability of up for each row.

        Parameters
        ----------
        x : float64 or float32, shape (n_rows, n_features)

        Returns
        -------
        p_up : float64, shape (n_rows,)
            Unit: probability. A row's value does not depend on the other rows.

        Raises
        ------
        ModelError
            Before `fit`, or if a cell is not finite.
        """
        odds = self.log_odds(x)
        p = np.empty_like(odds)
        sigmoid_rows(odds, p)
        return p

    @abstractmethod
    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return P(up) as the training library computes it, shape (n_rows,)."""

    @abstractmethod
    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Form:
        """Train on checked input, with weights of mean 1, and return the flat form."""
