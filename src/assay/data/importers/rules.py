"""Rules that a row must meet on its own: finite, positive, ordered, not crossed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import BoolArray, FloatArray
from assay.data.quarantine import Reason

_ROUNDING = 1e-9
"""Relative tolerance for prices that were divided or printed with noise."""

_PRICE_MAX = 1e12
"""No price is larger, nor smaller than its inverse, in any unit; damaged bytes often are."""

REASONS = tuple(Reason)
NO_REASON = -1
ReasonArray = NDArray[np.int8]
"""Per row the position of its reason in ``REASONS``, or ``NO_REASON``."""


def refusals_of(values: Mapping[str, FloatArray], required: tuple[str, ...]) -> ReasonArray:
    """Return per row why it must be refused.

    Parameters
    ----------
    values : mapping of role to float64, shape (n_rows,)
        Bars or quotes, by role.
    required : tuple of str
        Roles that must be finite and positive.
    """
    n_rows = len(next(iter(values.values())))
    reasons = np.full(n_rows, NO_REASON, dtype=np.int8)

    def refuse(where: BoolArray, reason: Reason) -> None:
        reasons[where & (reasons == NO_REASON)] = REASONS.index(reason)

    for role in required:
        refuse(~np.isfinite(values[role]), Reason.NOT_FINITE)
    for role in required:
        refuse(values[role] <= 0.0, Reason.NOT_POSITIVE)
    for role in required:
        refuse((values[role] > _PRICE_MAX) | (values[role] < 1.0 / _PRICE_MAX), Reason.RANGE)
    if "open" in values:
        refuse(_is_broken(values, ""), Reason.OHLC)
        if "ask_open" in values:
            refuse(_is_broken(values, "ask_"), Reason.OHLC)
            for role in ("open", "close"):
                refuse(values[f"ask_{role}"] < values[role] * (1 - _ROUNDING), Reason.CROSSED)
        if "spread" in values:
            refuse(values["spread"] < 0.0, Reason.CROSSED)
        if "volume" in values:
            refuse(np.isinf(values["volume"]), Reason.NOT_FINITE)
    elif "bid" in values:
        refuse(values["ask"] < values["bid"], Reason.CROSSED)
    return reasons


def _is_broken(values: Mapping[str, FloatArray], side: str) -> BoolArray:
    first, last = values[f"{side}open"], values[f"{side}close"]
    high, low = values[f"{side}high"], values[f"{side}low"]
    with np.errstate(over="ignore", invalid="ignore"):  # bytes may spell any number
        is_broken = (
            (np.maximum(first, last) > high * (1 + _ROUNDING))
            | (np.minimum(first, last) < low * (1 - _ROUNDING))
            | (high < low * (1 - _ROUNDING))
        )
    return np.asarray(is_broken, dtype=np.bool_)


def widened(values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return bars whose high and low enclose open and close exactly.

    Only rows that miss it by rounding (within 1e-9) can get here; others were refused.
    """
    for side in ("", "ask_"):
        if f"{side}open" in values:
            first, last = values[f"{side}open"], values[f"{side}close"]
            values[f"{side}high"] = np.maximum(values[f"{side}high"], np.maximum(first, last))
            values[f"{side}low"] = np.minimum(values[f"{side}low"], np.minimum(first, last))
    return values
