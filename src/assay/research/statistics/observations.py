"""What a statistic accepts: finite numbers, and enough of them; the rest is refused by name."""

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray


def series(values: ArrayLike, name: str, *, n_min: int = 2) -> FloatArray:
    """Return *values* as float64, shape (n,), contiguous.

    Raises
    ------
    DataError
        If they have another shape, are fewer than *n_min*, or hold NaN or infinity.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(
            f"{name} must be one series; has shape {array.shape}.",
            remedy="Pass one number per period.",
            name=name,
        )
    _check(array, name, n_min)
    return array


def table(
    values: ArrayLike, name: str, *, n_rows_min: int = 2, n_columns_min: int = 1
) -> FloatArray:
    """Return *values* as float64, shape (n_rows, n_columns), rows contiguous.

    A single series becomes one column.

    Raises
    ------
    DataError
        If they have another shape, too few rows or columns, or hold NaN or infinity.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] < n_columns_min:
        raise DataError(
            f"{name} must have a row per period and at least {n_columns_min} columns; "
            f"has shape {array.shape}.",
            remedy="Pass one column per candidate.",
            name=name,
        )
    _check(array, name, n_rows_min)
    return array


def share(value: float, name: str) -> float:
    """Return *value* if it lies strictly between 0 and 1.

    Raises
    ------
    ConfigError
        If it does not, or is NaN.
    """
    if not 0.0 < value < 1.0:
        raise ConfigError(
            f"{name} must lie between 0 and 1; was {value:g}.",
            remedy="Write 0.95 for 95 %.",
            name=name,
        )
    return value


def positive(value: float, name: str) -> float:
    """Return *value* if it is finite and above 0.

    Raises
    ------
    ConfigError
        If it is not, or is NaN.
    """
    if not 0.0 < value < float("inf"):
        raise ConfigError(
            f"{name} must be above 0 and finite; was {value:g}.",
            remedy=f"Choose another {name}.",
            name=name,
        )
    return value


def count(value: int, name: str, *, minimum: int, maximum: int) -> int:
    """Return *value* if it is a whole number from *minimum* to *maximum*.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if value != int(value) or not minimum <= value <= maximum:
        raise ConfigError(
            f"{name} must be a whole number from {minimum:,} to {maximum:,}; was {value:,}.",
            remedy=f"Choose another {name}.",
            name=name,
        )
    return int(value)


def _check(array: FloatArray, name: str, n_min: int) -> None:
    if len(array) < n_min:
        raise DataError(
            f"{name} must have at least {n_min} periods; has {len(array)}.",
            remedy="Use a longer record.",
            name=name,
        )
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")
        raise DataError(
            f"{name} must hold finite numbers; {where} is {array[place]}.",
            remedy="Drop or repair that row in every series before comparing.",
            name=name,
            row=place[0],
        )
