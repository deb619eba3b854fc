"""The kinds of stages that can be proved: series, fits, rows and parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.kernels.compiler import IntArray
from assay.research.leaks.evidence import Check
from assay.research.leaks.scene import Array, Columns, Rows, Scene, first_bars

Folds = Sequence[tuple[IntArray, IntArray]]
FUTURES: tuple[Check, ...] = ("truncate", "poison", "shift")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStage:
    """A stage that gives one value per row: features, joins, labels, patterns, votes, orders.

    Attributes
    ----------
    name : str
    compute : callable
        From a scene to named columns.
    rows : callable
        From a scene to the rows of those columns, and when each is known.
    checks : tuple of str
        Futures that it is put through.
    rounding : float
        Changes up to this, relative to the size of a column, count as none where bars are cut off:
        sums over another number of bars may round otherwise. 0: to the bit.
    noise : float
        The same where as many bars came differently, and the sums are the same ones: 0, to the
        bit, but for a column that does not repeat to the bit.
    may_stand_still : bool
        Whether no price need move it, as where nothing is traded; else a stage that nothing moves
        was not tested.
    remedy : str
        What to do about a leak here.
    note : str
    """

    name: str
    compute: Callable[[Scene], Columns]
    rows: Callable[[Scene], Rows] = first_bars
    checks: tuple[Check, ...] = FUTURES
    rounding: float = 0.0
    noise: float = 0.0
    may_stand_still: bool = False
    remedy: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStage:
    """A stage that is fitted once: scaler, selector, model, stacker, calibrator.

    Attributes
    ----------
    name : str
    fit : callable
        From a scene to named arrays of any shape: everything that was learned.
    until_ns : int
        What became known later must not move it; test rows begin after it.
    checks, remedy, note
        As in `SeriesStage`.
    """

    name: str
    fit: Callable[[Scene], Mapping[str, Array]]
    until_ns: int
    checks: tuple[Check, ...] = FUTURES
    remedy: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStage:
    """A stage that decides which rows learn and which are judged.

    Attributes
    ----------
    name : str
    start, end : int64, shape (n_rows,)
        Closed span of each row's label, in any one unit of time.
    split : callable
        From *start* and *end* to pairs of learning and judged rows. A calibrator is a pair of
        its own rows and the rows of the models that it calibrates, and again of its own rows
        and the test rows.
    embargo : int
        Rows that start within this much after a judged block must not learn.
    bars : (int64, int64) or None
        The same spans counted in bars, for the canary; None: the unit is the bar.
    time_ns : callable or None
        From a start to UTC nanoseconds; None: starts have no time.
    remedy, note : str
    """

    name: str
    start: IntArray
    end: IntArray
    split: Callable[[IntArray, IntArray], Folds]
    embargo: int = 0
    bars: tuple[IntArray, IntArray] | None = None
    time_ns: Callable[[int], int] | None = None
    remedy: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStage:
    """A stage whose parts may read some rows of a table and not others.

    Attributes
    ----------
    name : str
        Of the whole; each part has a stage name of its own.
    answer : callable
        From a table to ``{stage: {column: array}}``.
    given : object
        The table.
    changes : sequence of Change
    full : callable
        From a table to statistics of all its rows: what a part that saw too much would take in.
    remedy, note : str
    """

    name: str
    answer: Callable[[Any], Mapping[str, Mapping[Any, Array]]]
    given: Any
    changes: Sequence["Change"]
    full: Callable[[Any], Array]
    remedy: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The table of a `PartStage` with some rows made different.

    Attributes
    ----------
    what : str
        Such as ``the rows held out for calibration``.
    table : object
    unseen : tuple of str
        Stages that must not notice.
    read : tuple of str
        Stages that must, in one column at least: they are fitted on those rows.
    """

    what: str
    table: Any
    unseen: tuple[str, ...]
    read: tuple[str, ...] = ()


Stage = SeriesStage | FitStage | RowStage | PartStage
