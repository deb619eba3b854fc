"""One column of a user's strategy: a function of bars, its warm-up, and the line it stands on."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from assay.data.bars import Bars
from assay.domain.errors import StrategyError
from assay.domain.time import iso_utc
from assay.kernels.compiler import FloatArray
from assay.strategy.calling import call

Function = Callable[[Bars], Any]
Kind = Literal["feature", "signal"]

WARM_UP_MAX = 50_000
DECLARED = "__assay_columns__"
"""Name of the list, in the user's module, of the columns that it declares."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A user's feature or signal.

    Calling it calls the user's function and nothing else, so that one column may use another.

    Attributes
    ----------
    name : str
    kind : {"feature", "signal"}
    warm_up : int
        Bars before bar *i* that value *i* may read; so many leading values are unknown.
    function : callable
        From bars to one number for each.
    path : Path
        The user's file.
    line : int
        Where the column is declared.
    """

    name: str
    kind: Kind
    warm_up: int
    function: Function
    path: Path
    line: int

    def __call__(self, bars: Bars) -> Any:
        """Return what the user's function makes of *bars*."""
        return self.function(bars)

    @property
    def meaning(self) -> str:
        """First line of the function's docstring; empty without one."""
        text = getattr(self.function, "__doc__", None) or ""
        return text.strip().partition("\n")[0]

    def values(self, bars: Bars) -> FloatArray:
        """Return one value per bar, without a check of its range.

        Parameters
        ----------
        bars : Bars
            Quoted on both sides. The function gets views that it cannot write to.

        Returns
        -------
        values : float64, shape (n_bars,)
            The first ``warm_up`` are unknown, whatever the function says. Unknown is NaN in a
            feature, where an infinite value counts as unknown too, and 0 in a signal.

        Raises
        ------
        StrategyError
            If the function raises, or does not return one number per bar.
        """
        unknown = 0.0 if self.kind == "signal" else np.nan
        if len(bars) <= self.warm_up:
            return np.full(len(bars), unknown)
        values = self._as_numbers(call(self, bars), len(bars))
        values[: self.warm_up] = np.nan
        known = ~np.isnan(values) if self.kind == "signal" else np.isfinite(values)
        return np.where(known, values, unknown)

    def compute(self, bars: Bars) -> FloatArray:
        """Return one value per bar: ``values``, where a vote outside [-1, 1] is an error."""
        values = self.values(bars)
        outside = np.flatnonzero(np.abs(values) > 1.0)
        if self.kind == "signal" and len(outside):
            bar = int(outside[0])
            moment = iso_utc(int(bars.time_ns[bar]))
            raise self.fault(
                f"must vote between -1 and 1; was {values[bar]:g} on bar {bar}, {moment}.",
                remedy="Divide the vote by its largest size, or squash it with np.tanh.",
                bar=bar,
                value=float(values[bar]),
            )
        return values

    def fault(
        self, rule: str, *, remedy: str, line: int | None = None, **facts: object
    ) -> StrategyError:
        """Return the error that this column breaks *rule*, at its own or the given line."""
        at = self.line if line is None else line
        return StrategyError(
            f"{self.path.name}, line {at}: {self.kind} {self.name} {rule}",
            remedy=remedy,
            file=str(self.path),
            line=at,
            column=self.name,
            **facts,
        )

    def _as_numbers(self, found: Any, n_bars: int) -> FloatArray:
        """Return the function's answer as a copy that is float64 and one per bar."""
        try:
            values = np.asarray(found)
        except ValueError:  # rows of different lengths
            values = np.empty(0, dtype=object)
        remedy = "Return a NumPy array with one number per bar, NaN where it is unknown."
        if values.dtype.kind not in "fiub":
            what = type(found).__name__ if values.ndim == 0 else f"an array of {values.dtype}"
            raise self.fault(f"must return numbers; returned {what}.", remedy=remedy)
        if values.shape != (n_bars,):
            raise self.fault(
                f"must return {n_bars:,} values, one per bar; returned shape {values.shape}.",
                remedy=remedy,
                shape=values.shape,
            )
        return values.astype(np.float64)


def feature(
    function: Function | None = None, /, *, warm_up: int | None = None, name: str | None = None
) -> Callable[[Function], Column]:
    """Declare a function of bars as an input of the models.

    Parameters
    ----------
    warm_up : int
        How many bars before bar *i* value *i* may read, [0, 50000]. Live, the function gets
        ``warm_up + 1`` bars and its last value counts; over a history it gets all of them. If
        both differ, the warm-up is too short, or the function reads the future.
    name : str, optional
        Of the column; the function's own by default.

    Raises
    ------
    StrategyError
        If *warm_up* is missing or out of range.

    Notes
    -----
    The function returns float64 of shape (n_bars,), NaN where the value is unknown. Value *i*
    may read bars ``0..i`` only.
    """
    return _declaring("feature", function, warm_up, name)


def signal(
    function: Function | None = None, /, *, warm_up: int | None = None, name: str | None = None
) -> Callable[[Function], Column]:
    """Declare a function of bars as a vote beside those of the indicators.

    Parameters
    ----------
    warm_up : int
        As in ``feature``.
    name : str, optional
        Of the column; the function's own by default.

    Raises
    ------
    StrategyError
        If *warm_up* is missing or out of range.

    Notes
    -----
    The function returns float64 of shape (n_bars,) in [-1, 1]: positive is up, 0 or NaN
    abstains. Value *i* may read bars ``0..i`` only.
    """
    return _declaring("signal", function, warm_up, name)


def _declaring(
    kind: Kind, function: Function | None, warm_up: int | None, name: str | None
) -> Callable[[Function], Column]:
    """Return the decorator, which also notes the column in the module that it stands in."""
    frame = sys._getframe(2)
    declared: list[Column] = frame.f_globals.setdefault(DECLARED, [])
    place = Column(
        name=name or _name_of(function),
        kind=kind,
        warm_up=0,
        function=len,
        path=Path(frame.f_code.co_filename),
        line=frame.f_lineno,
    )
    if (
        function is not None
        or warm_up is None
        or type(warm_up) is not int
        or not 0 <= warm_up <= WARM_UP_MAX
    ):
        raise place.fault(
            f"must declare a whole warm-up in [0, {WARM_UP_MAX:,}]; was "
            f"{'missing' if warm_up is None else repr(warm_up)}.",
            remedy=f"Write @{kind}(warm_up=N), N being the bars before this one that it reads.",
        )

    def declare(own: Function) -> Column:
        column = replace(place, name=name or _name_of(own), warm_up=warm_up, function=own)
        declared.append(column)
        return column

    return declare


def _name_of(function: Function | None) -> str:
    return str(getattr(function, "__name__", "without a name"))
