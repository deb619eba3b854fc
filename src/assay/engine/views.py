"""The fused opinion about a symbol at each event's close."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray, IntArray, kernel

Int8Array = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """One view per event; a field of one value holds for every event.

    Attributes
    ----------
    direction : int8, shape (n_events,)
        -1, 0, +1; 0 abstains.
    score : float64
        Of the side of *direction*, [0, 1]; the other side scores ``1 - score``.
    confidence : float64
        [0, 1]; scales the risk per trade.
    p_win : float64
        Lower bound of the calibrated probability of winning.
    payoff : float64
        Average win over average loss, after costs.
    loss : float64
        Average loss, price units.
    unit : float64
        Volatility unit (ATR), price units; stops are multiples of it.
    reason : int64
        Code of an abstention, 0 if none.

    Notes
    -----
    Hazard: row *i* is acted upon at the open after event *i*; it may read events ``0..i`` only.
    """

    direction: Int8Array
    score: FloatArray
    confidence: FloatArray
    p_win: FloatArray
    payoff: FloatArray
    loss: FloatArray
    unit: FloatArray
    reason: IntArray

    @classmethod
    def of(
        cls,
        direction: ArrayLike,
        *,
        score: ArrayLike = 1.0,
        confidence: ArrayLike = 1.0,
        p_win: ArrayLike = 1.0,
        payoff: ArrayLike = 1.0,
        loss: ArrayLike = 1.0,
        unit: ArrayLike = 1.0,
        reason: ArrayLike = 0,
    ) -> "Views":
        """Return views from arrays or single values.

        Raises
        ------
        DataError
            If a field has neither one value nor one per event, or a direction is not -1, 0, 1.
        """
        side = np.ascontiguousarray(direction, dtype=np.int8).reshape(-1)
        if len(side) and (side.min() < -1 or side.max() > 1):
            raise DataError(
                f"A view's direction must be -1, 0 or 1; was {side[np.abs(side) > 1][0]}.",
                remedy="Pass the sign of the signal.",
            )
        values = {
            "score": score,
            "confidence": confidence,
            "p_win": p_win,
            "payoff": payoff,
            "loss": loss,
            "unit": unit,
        }
        n = len(side)
        columns = {name: _column(name, value, n, np.float64) for name, value in values.items()}
        return cls(direction=side, reason=_column("reason", reason, len(side), np.int64), **columns)

    def __len__(self) -> int:
        return len(self.direction)

    def at(self, i: int) -> "Views":
        """Return the view of event *i* alone."""
        return self.between(i, i + 1)

    def between(self, first: int, stop: int) -> "Views":
        """Return the views of the events *first* to *stop*, the latter excluded."""
        changes = {}
        for field in fields(self):
            column = getattr(self, field.name)
            is_one = len(column) == 1 and field.name != "direction"
            changes[field.name] = column if is_one else column[first:stop]
        return Views(**changes)


def _column(name: str, value: ArrayLike, n_events: int, dtype: type) -> NDArray[Any]:
    column: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype).reshape(-1)
    if len(column) not in (1, n_events):
        raise DataError(
            f"A view's {name} must have 1 or {n_events} values; had {len(column)}.",
            remedy="Give one value per event.",
        )
    return column


class ViewArrays(NamedTuple):
    """The columns of ``Views`` that kernels read."""

    direction: Int8Array
    score: FloatArray
    confidence: FloatArray
    p_win: FloatArray
    payoff: FloatArray
    loss: FloatArray
    unit: FloatArray


def view_arrays(views: Views) -> ViewArrays:
    """Return the columns of *views* for a kernel."""
    return ViewArrays(
        views.direction,
        views.score,
        views.confidence,
        views.p_win,
        views.payoff,
        views.loss,
        views.unit,
    )


class View(NamedTuple):
    """One view; fields as in ``Views``."""

    direction: int
    score: float
    confidence: float
    p_win: float
    payoff: float
    loss: float
    unit: float


@kernel
def value_at(column: FloatArray, i: int) -> float:
    """Return element *i*, or the only one."""
    value: float = column[i if column.shape[0] > 1 else 0]
    return value


@kernel
def view_at(
    direction: Int8Array,
    score: FloatArray,
    confidence: FloatArray,
    p_win: FloatArray,
    payoff: FloatArray,
    loss: FloatArray,
    unit: FloatArray,
    i: int,
) -> View:
    """Return the view of event *i*."""
    return View(
        int(direction[i]),
        value_at(score, i),
        value_at(confidence, i),
        value_at(p_win, i),
        value_at(payoff, i),
        value_at(loss, i),
        value_at(unit, i),
    )
