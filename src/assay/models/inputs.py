"""Checks of what goes into a model: finite features, two classes, usable weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray

Float32Array = NDArray[np.float32]
LabelArray = NDArray[np.int8]
TINY = np.float32(1e-35)


def column_name(names: Sequence[str] | None, i_column: int) -> str:
    """Return the feature's name, or its column number where no names are known."""
    return names[i_column] if names is not None else f"column {i_column}"


def bad_cell(x: FloatArray | Float32Array, i_row: int, i_column: int, name: str) -> ModelError:
    """Return the error for a cell that is not a finite float32."""
    value = float(x[i_row, i_column])
    return ModelError(
        f"Feature {name} must be a finite 32-bit number; was {value} in row {i_row}.",
        remedy="Drop the warm-up rows, and check the bars behind the row.",
        feature=name,
        row=i_row,
        value=value,
    )


def flush_tiny(x: Float32Array) -> Float32Array:
    """Set cells of at most 1e-35 to zero, in place, and return *x*.

    LightGBM reads such cells as zero and the other libraries do not; without them all
    agree.
    """
    x[np.abs(x) <= TINY] = 0.0
    return x


def as_float32(x: FloatArray | Float32Array, names: Sequence[str] | None = None) -> Float32Array:
    """Return *x* as float32, the precision that every model is fitted and asked in.

    Parameters
    ----------
    x : float64 or float32, shape (n_rows, n_features)
        Must be finite, and stay finite in 32 bits.
    names : sequence of str, optional
        Feature names for the error message.

    Returns
    -------
    x : float32, shape (n_rows, n_features), C-contiguous, own memory
        Cells of at most 1e-35 in size are zero.

    Raises
    ------
    ModelError
        If the shape is wrong, or a cell is NaN or infinite; it names the feature.
    """
    if x.ndim != 2 or (names is not None and x.shape[1] != len(names)):
        wanted = f"(n, {len(names)})" if names is not None else "(n, f)"
        raise ModelError(
            f"Model input must have shape {wanted}; was {x.shape}.",
            remedy="Compute the features that the model card names, in that order.",
        )
    with np.errstate(over="ignore"):
        narrow = np.array(x, dtype=np.float32, order="C")
    finite = np.isfinite(narrow)
    if not finite.all():
        i_row, i_column = (int(i) for i in np.argwhere(~finite)[0])
        raise bad_cell(x, i_row, i_column, column_name(names, i_column))
    return flush_tiny(narrow)


def check_targets(y: LabelArray, weight: FloatArray, n_rows: int, subject: str) -> None:
    """Raise unless labels are 0 or 1, both occur, and the weights can be used.

    Parameters
    ----------
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
        Average uniqueness of each label, or another finite weight of at least 0.
    n_rows : int
        Rows of the input that belong to them.
    subject : str
        What is being fitted, for the message.

    Raises
    ------
    ModelError
        With the counts that were found.
    """
    if y.shape != (n_rows,) or weight.shape != (n_rows,):
        raise ModelError(
            f"{subject} must have one label and one weight per row; "
            f"was {y.shape} labels and {weight.shape} weights for {n_rows} rows.",
            remedy="Align labels and weights with the feature rows.",
        )
    if not np.isfinite(weight).all() or (weight < 0.0).any():
        raise ModelError(
            f"{subject} must have finite weights of at least 0; was otherwise.",
            remedy="Check the uniqueness weights of the labels.",
        )
    n_up = int(((y == 1) & (weight > 0.0)).sum())
    n_down = int(((y == 0) & (weight > 0.0)).sum())
    if not np.isin(y, (0, 1)).all() or n_up == 0 or n_down == 0:
        raise ModelError(
            f"{subject} must have labels 0 and 1, both with weight; "
            f"was {n_up} up and {n_down} down of {n_rows}.",
            remedy="Use more history, or barriers that are nearer.",
            n_up=n_up,
            n_down=n_down,
        )
