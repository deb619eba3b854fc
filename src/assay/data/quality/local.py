"""Statistics of the rows around a row: medians, envelopes, runs, repeats."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray

GROUP_ROWS = 32


def local_median(values: FloatArray, group_rows: int = GROUP_ROWS) -> FloatArray:
    """Return the usual size around each row: the largest median of three groups of rows.

    Parameters
    ----------
    values : float64, shape (n,)
        Without NaN.
    group_rows : int

    Returns
    -------
    usual : float64, shape (n,)
        Groups hold *group_rows* rows, counted from the first; a row sees its own group, the
        one before and the one after. A median ignores damage of less than half a group; the
        largest of three is fair to the first rows of a burst.
    """
    n = len(values)
    if n == 0:
        return np.zeros(0)
    n_whole = n // group_rows * group_rows
    medians = np.median(values[:n_whole].reshape(-1, group_rows), axis=1)
    if n_whole < n:
        medians = np.append(medians, np.median(values[max(0, n - group_rows) :]))
    padded = np.pad(medians, 1, mode="edge")
    largest = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.repeat(largest, group_rows)[:n]


def neighbours_max(values: FloatArray, reach: int = 2) -> FloatArray:
    """Return the largest of the *reach* values before and after each row, itself left out.

    The ends see their one side only.
    """
    highest = np.full(len(values), -np.inf)
    for step in range(1, reach + 1):
        if step < len(values):
            highest[step:] = np.maximum(highest[step:], values[:-step])
            highest[:-step] = np.maximum(highest[:-step], values[step:])
    return highest


def neighbours_min(values: FloatArray, reach: int = 2) -> FloatArray:
    """Return the smallest of the *reach* values before and after each row, itself left out."""
    return -neighbours_max(-values, reach)


def unchanged(*columns: FloatArray) -> BoolArray:
    """Tell which rows equal the row before in every column."""
    same = np.ones(len(columns[0]), dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


def in_run(same: BoolArray, length_min: int) -> BoolArray:
    """Tell which rows stand in a run of at least *length_min* equal rows."""
    group = np.cumsum(~same)
    lengths = np.bincount(group)
    return np.asarray(lengths[group] >= length_min, dtype=np.bool_)


def run_length_unlikely(share: float, *, least: int, most: int, odds: float = 1e-6) -> int:
    """Return the length of run that chance makes at most once in ``1 / odds`` rows.

    Parameters
    ----------
    share : float
        Share of rows that repeat the row before, [0, 1].
    least, most : int
        Bounds of the answer.
    odds : float
        Accepted probability that a run of that length begins at a given row.
    """
    if not 0.0 < share < 1.0:
        return least if share <= 0.0 else most
    return int(np.clip(1 + np.ceil(np.log(odds) / np.log(share)), least, most))


def fingerprint(*columns: FloatArray | IntArray) -> IntArray:
    """Return one number per row that equal rows share, and others almost surely do not."""
    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for k, column in enumerate(columns):
        bits = np.ascontiguousarray(column).view(np.uint64)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9 + 2 * k)
        mixed = (mixed ^ bits ^ (bits >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    return mixed.view(np.int64)


def repeats(marks: IntArray, length: int, is_telling: BoolArray) -> BoolArray:
    """Tell which rows stand in a stretch that repeats an earlier one.

    Parameters
    ----------
    marks : int64, shape (n,)
        Fingerprints of rows.
    length : int
        Rows that must repeat in succession.
    is_telling : bool, shape (n,)
        Rows whose repetition is no accident; a stretch counts if all its rows are.
    """
    n = len(marks)
    flags = np.zeros(n, dtype=np.bool_)
    if n < 2 * length:
        return flags
    telling = is_telling[: n - length + 1].copy()
    chain = marks[: n - length + 1].copy()
    for step in range(1, length):
        chain = chain * np.int64(6364136223846793005) + marks[step : n - length + 1 + step]
        telling &= is_telling[step : n - length + 1 + step]
    at = np.flatnonzero(telling)
    order = at[np.argsort(chain[at], kind="stable")]
    again = order[1:][chain[order[1:]] == chain[order[:-1]]]
    for step in range(length):
        flags[again + step] = True
    return flags
