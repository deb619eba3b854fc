"""What a statistic accepts: finite numbers, and enough of them; the rest is refused by name."""

import math

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray, IntArray

SIZE_MAX = 1e50
"""Larger numbers, and numbers below one over it, have no squares, cubes or fourth powers."""
STILL_SHARE = 1e-10
"""Values that agree to ten digits are the same but for rounding."""
_ROUNDING = 1e-14


def series(values: ArrayLike, name: str, *, n_min: int = 2, has_powers: bool = True) -> FloatArray:
    """Return *values* as float64, shape (n,), contiguous.

    Parameters
    ----------
    values : array-like
    name : str
    n_min : int
    has_powers : bool
        Whether squares of them are taken, so that the largest must be neither above ``SIZE_MAX``
        nor, unless all are 0, below one over it.

    Raises
    ------
    DataError
        If they have another shape, are fewer than *n_min*, or hold NaN, infinity or, where they
        have powers, numbers whose powers are none.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(
            f"{name} must be one series; has shape {array.shape}.",
            remedy="Pass one number per period.",
            name=name,
        )
    _check(array, name, n_min, has_powers=has_powers)
    return array


def table(
    values: ArrayLike, name: str, *, n_rows_min: int = 2, n_columns_min: int = 1
) -> FloatArray:
    """Return *values* as float64, shape (n_rows, n_columns), rows contiguous.

    A single series becomes one column.

    Raises
    ------
    DataError
        If they have another shape, too few rows or columns, or hold NaN, infinity or numbers
        whose squares are none.
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
    _check(array, name, n_rows_min, has_powers=True)
    return array


def finite(values: ArrayLike, name: str) -> FloatArray:
    """Return *values* as float64 of the same shape, if each is finite.

    Raises
    ------
    DataError
        If one is NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    _check_finite(array, name)
    return array


def probabilities(values: ArrayLike, name: str, *, n_min: int = 0) -> FloatArray:
    """Return *values* as float64, shape (n,), if each is a probability.

    Raises
    ------
    DataError
        If they have another shape, are fewer than *n_min*, or one is NaN or outside [0, 1].
    """
    array = series(values, name, n_min=n_min, has_powers=False)
    wrong = np.flatnonzero((array < 0.0) | (array > 1.0))
    if len(wrong):
        raise DataError(
            f"{name} must be in [0, 1]; number {wrong[0]} is {array[wrong[0]]:g}.",
            remedy="Pass probabilities, not statistics or percentages.",
            name=name,
            row=int(wrong[0]),
        )
    return array


def outcomes(values: ArrayLike, name: str, *, n: int) -> FloatArray:
    """Return *values* as float64, shape (n,), if there are *n* and each is 0 or 1.

    Raises
    ------
    DataError
        If there are more or fewer, or one is neither 0 nor 1.
    """
    array = series(values, name, n_min=0, has_powers=False)
    same_length(array, name, n)
    wrong = np.flatnonzero((array != 0.0) & (array != 1.0))
    if len(wrong):
        raise DataError(
            f"{name} must be 0 or 1; number {wrong[0]} is {array[wrong[0]]:g}.",
            remedy="Pass 1 where it happened and 0 where it did not.",
            name=name,
            row=int(wrong[0]),
        )
    return array


def groups(values: ArrayLike, name: str, *, n: int) -> IntArray:
    """Return *values* as int64, shape (n,), if there are *n* and each is a place from 0 on.

    Raises
    ------
    DataError
        If there are more or fewer, or one is no whole number from 0 on.
    """
    array = series(values, name, n_min=0, has_powers=False)
    same_length(array, name, n)
    wrong = np.flatnonzero((array < 0.0) | (array != np.floor(array)))
    if len(wrong):
        raise DataError(
            f"{name} must hold whole numbers from 0 on; number {wrong[0]} is {array[wrong[0]]:g}.",
            remedy="Number the groups 0, 1, 2 and so on.",
            name=name,
            row=int(wrong[0]),
        )
    return array.astype(np.int64)


def same_length(array: FloatArray, name: str, n: int) -> None:
    """Refuse an *array* that has not one entry for each of *n* others.

    Raises
    ------
    DataError
    """
    if len(array) != n:
        raise DataError(
            f"{name} must have one entry per forecast; has {len(array)} for {n}.",
            remedy="Keep the cases that both have.",
            name=name,
        )


def observed(value: float, name: str) -> float:
    """Return one observation if it is finite.

    Raises
    ------
    DataError
        If it is not: what is not known must not pass for something that was seen.
    """
    if not math.isfinite(value):
        raise DataError(
            f"{name} must be a finite number; was {value}.",
            remedy="Leave out what is not known, or find out why it is not.",
            name=name,
        )
    return float(value)


def is_still(values: FloatArray, size: float = 0.0) -> bool:
    """Return whether *values* are the same but for rounding.

    Parameters
    ----------
    values : float64, shape (n,)
        At least one; where one is NaN they count as still.
    size : float
        Of the numbers that *values* are differences of, if they are.

    Examples
    --------
    >>> is_still(np.array([0.1, 0.1, 0.30000000000000004 - 0.2])), is_still(np.array([0.1, 0.11]))
    (True, False)
    """
    high, low = float(np.max(values)), float(np.min(values))
    largest = max(abs(high), abs(low))
    return not high - low > max(STILL_SHARE * largest, _ROUNDING * size)


def moderate(values: FloatArray) -> FloatArray:
    """Return *values* times a power of two where their own powers would be none.

    Multiplying by a power of two is exact, so that nothing which does not depend on the unit
    changes.

    Examples
    --------
    >>> moderate(np.array([3.0, -4.0])), moderate(np.array([3e200, -4e200])).round(3)
    (array([ 3., -4.]), array([ 0.49 , -0.653]))
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0 or 1.0 / SIZE_MAX <= largest <= SIZE_MAX or not math.isfinite(largest):
        return values
    return np.asarray(np.ldexp(values, -math.frexp(largest)[1]))


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


def inside(value: float, name: str, low: float, high: float) -> float:
    """Return *value* if it lies strictly between *low* and *high*.

    Raises
    ------
    ConfigError
        If it does not, or is NaN.
    """
    if not low < value < high:
        raise ConfigError(
            f"{name} must lie between {low:g} and {high:g}; was {value:g}.",
            remedy=f"Choose another {name}.",
            name=name,
        )
    return value


def number(value: float, name: str) -> float:
    """Return *value* if it is finite.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if not math.isfinite(value):
        raise ConfigError(
            f"{name} must be a finite number; was {value}.",
            remedy=f"Choose another {name}.",
            name=name,
        )
    return float(value)


def count(value: int, name: str, *, minimum: int, maximum: int) -> int:
    """Return *value* if it is a whole number from *minimum* to *maximum*.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if not minimum <= value <= maximum or value != int(value):
        raise ConfigError(
            f"{name} must be a whole number from {minimum:,} to {maximum:,}; was {value:,}.",
            remedy=f"Choose another {name}.",
            name=name,
        )
    return int(value)


def _check(array: FloatArray, name: str, n_min: int, *, has_powers: bool) -> None:
    if len(array) < n_min:
        raise DataError(
            f"{name} must have at least {n_min} periods; has {len(array)}.",
            remedy="Use a longer record.",
            name=name,
        )
    _check_finite(array, name)
    largest = float(np.max(np.abs(array), initial=0.0))
    if has_powers and largest != 0.0 and not 1.0 / SIZE_MAX <= largest <= SIZE_MAX:
        raise DataError(
            f"{name} must hold numbers whose squares are numbers too; the largest is {largest:g}.",
            remedy="Count in another unit.",
            name=name,
        )


def _check_finite(array: FloatArray, name: str) -> None:
    known = np.isfinite(array)
    if not known.all():
        place = tuple(int(i) for i in np.argwhere(~known)[0])
        where = f"row {place[0]}" if place else "it"
        where += f", column {place[1]}" if len(place) > 1 else ""
        raise DataError(
            f"{name} must hold finite numbers; {where} is {array[place]}.",
            remedy="Drop or repair that row in every series before comparing.",
            name=name,
            row=place[0] if place else 0,
        )
