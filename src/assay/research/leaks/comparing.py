"""Which values of two tables differ, to the bit or beyond a tolerance."""

from collections.abc import Iterator
from zlib import crc32

import numpy as np

from assay.kernels.compiler import BoolArray, IntArray
from assay.research.leaks.scene import Array, Columns

Chosen = slice | IntArray


def checksum(*arrays: Array) -> float:
    """Return a number in [1, 2) that other arrays would hardly have: one chance in 2^32.

    A mean or a deviation may be the same for two arrays: half of the labels are flipped, a rare
    signal comes as often, a few huge values drown the others, or one NaN all of them.

    Examples
    --------
    >>> checksum(np.array([1.0, 2.0])) == checksum(np.array([2.0, 1.0]))
    False
    """
    found = 0
    for array in arrays:
        found = crc32(np.ascontiguousarray(array).data, found)
    return 1.0 + found / 2.0**32


def names_of(columns: Columns) -> list[str]:
    """Return the name of every column, in order; a table without names numbers them."""
    return [name for key, values in columns.items() for name in _names(key, values)]


def column_of(columns: Columns, name: str) -> Array | None:
    """Return one column, shape (n_rows,), or None if there is none of that name."""
    if name in columns and columns[name].ndim == 1:
        return columns[name]
    for key, values in columns.items():
        if values.ndim == 2 and name in (found := _names(key, values)):
            return np.asarray(values[:, found.index(name)])
    return None


def _names(key: str | tuple[str, ...], values: Array) -> list[str]:
    if isinstance(key, tuple):
        return list(key)
    if values.ndim == 2:
        return [f"{key}[{k}]" for k in range(values.shape[1])]
    return [key]


def differing(
    before: Columns, after: Columns, chosen: Chosen, tolerance: float = 0.0
) -> Iterator[tuple[str, BoolArray]]:
    """Yield each column that differs, with a mask over the chosen rows.

    Parameters
    ----------
    before : Columns
    after : Columns
        At least as many rows as *chosen* takes; a column that is missing counts as NaN.
    chosen : slice or int64
        Rows to compare.
    tolerance : float
        Relative to the value, or to a small one of the column: the tenth of what is not 0.

    Notes
    -----
    All NaNs are equal; zeros of either sign are not. Whole tables whose bytes agree are not
    looked at any further, which makes the usual case one pass over memory.
    """
    for key, values in before.items():
        one = values[chosen]
        other = after[key][chosen] if key in after else None
        if other is not None and other.shape == one.shape and _same_bytes(one, other):
            continue
        for place, name in enumerate(_names(key, values)):
            mine = one[:, place] if one.ndim == 2 else one
            its = column_of(after, name)
            its = np.full(len(mine), np.nan) if its is None else its[chosen]
            different = differs(mine, its, tolerance)
            if different.any():
                yield name, different


def _same_bytes(one: Array, other: Array) -> bool:
    if one.dtype != other.dtype or one.dtype.itemsize != 8:
        return False
    if not (one.flags.c_contiguous and other.flags.c_contiguous):
        return False
    return bool(np.array_equal(one.view(np.int64), other.view(np.int64)))


def differs(before: Array, after: Array, tolerance: float = 0.0) -> BoolArray:
    """Compare values of one shape, and tell where they differ; all NaNs are equal.

    Examples
    --------
    >>> differs(np.array([0.0, 1.0, np.nan]), np.array([-0.0, 1.0, np.nan]))
    array([ True, False, False])
    """
    before, after = np.asarray(before), np.asarray(after)
    different = np.asarray(before != after)
    if before.dtype.kind != "f" or after.dtype.kind != "f":
        return different
    different &= ~(np.isnan(before) & np.isnan(after))
    if tolerance == 0.0:
        return np.asarray(different | ((before == 0.0) & (np.signbit(before) != np.signbit(after))))
    # A mean would let a few huge values hide what all others do.
    finite = np.abs(before[np.isfinite(before) & (before != 0.0)])
    size = float(np.quantile(finite, 0.1)) if len(finite) else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        bound = tolerance * np.maximum(np.maximum(np.abs(before), np.abs(after)), size)
        near = np.abs(before - after) <= bound
    return np.asarray(different & ~near)
