"""Slips of the hand in a price: one wrong digit, two exchanged, a moved decimal point."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray

_FIT_RANGES = 0.5
_WORTH_RANGES = 2.0
_PLACES_MAX = 12
_POINT_SHIFTS = (-3, -2, -1, 1, 2, 3)


def has_digit_fix(
    price: FloatArray,
    low: FloatArray,
    high: FloatArray,
    scale: FloatArray,
    *,
    digits: int | None,
) -> BoolArray:
    """Tell which prices fall among their neighbours when one slip is undone.

    Parameters
    ----------
    price : float64, shape (n,)
        Prices that lie outside ``low .. high``.
    low, high : float64, shape (n,)
        Range of the neighbours.
    scale : float64, shape (n,)
        Usual range of a bar; a corrected price may miss the neighbours by half of it.
    digits : int, optional
        Decimal places of a price; without it, as many as the largest price leaves of eight.

    Returns
    -------
    has_fix : bool, shape (n,)
        Whether changing one digit (worth two usual ranges or more), exchanging two digits that
        stand side by side, or moving the decimal point by up to three places does.

    Notes
    -----
    O(n × places). A wild price meets a digit by chance in about one case in four.
    """
    if digits is None:
        digits = int(np.clip(8 - np.floor(np.log10(max(float(price.max()), 1e-8))), 0, 8)) - 1
    bottom, top = low - _FIT_RANGES * scale, high + _FIT_RANGES * scale

    def fits(candidate: FloatArray) -> BoolArray:
        return np.asarray((candidate >= bottom) & (candidate <= top), dtype=np.bool_)

    has_fix = np.zeros(len(price), dtype=np.bool_)
    for shift in _POINT_SHIFTS:
        has_fix |= fits(price * 10.0**shift)
    point = 10.0**-digits
    points = np.round(np.minimum(price, 1e15) / point).astype(np.int64)
    for place in range(_PLACES_MAX):
        worth = 10.0**place * point
        here, above = _digit(points, place), _digit(points, place + 1)
        is_worth = worth >= _WORTH_RANGES * scale
        for digit in range(10):
            changed = price + (digit - here) * worth
            has_fix |= is_worth & (here != digit) & fits(changed)
        exchanged = price + (above - here) * worth + (here - above) * 10.0 * worth
        has_fix |= (here != above) & fits(exchanged)
    return has_fix


def _digit(points: IntArray, place: int) -> IntArray:
    return np.asarray(points // 10**place % 10, dtype=np.int64)
