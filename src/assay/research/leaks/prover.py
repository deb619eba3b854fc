"""Proofs that a pipeline does not see the future: truncate, poison, purge, embargo, canary."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.data.bars import Bars
from assay.domain.errors import DataError
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.research.leaks.canary import canary_score

Columns = Mapping[str, FloatArray | IntArray]
Folds = Sequence[tuple[IntArray, IntArray]]
Check = Literal["truncate", "poison", "purge", "embargo", "canary"]

POISONS = (float("nan"), 1e9)
CANARY_SIGMAS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStage:
    """A stage that gives one value per bar: features, joins, labels, patterns, votes.

    Attributes
    ----------
    name : str
    compute : callable
        From bars to named arrays of shape (n_bars,), or (n_bars, n_columns).
    known : callable or None
        From bars to int64, shape (n_bars,): the bar at whose close value *i* is known, -1 for
        never. None: value *i* is known at bar *i*. Labels give their end here.
    """

    name: str
    compute: Callable[[Bars], Columns]
    known: Callable[[Bars], IntArray] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStage:
    """A stage that is fitted once: scaler, selector, model, stacker, calibrator.

    Attributes
    ----------
    name : str
    fit : callable
        From bars to named arrays of any shape: everything that was learned.
    until : int
        Last bar that the fit may know; test rows begin after it.
    """

    name: str
    fit: Callable[[Bars], Columns]
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStage:
    """A stage that decides which rows learn and which are judged.

    Attributes
    ----------
    name : str
    start, end : int64, shape (n_rows,)
        Closed span of each row's label, in bars.
    split : callable
        From *start* and *end* to pairs of learning and judged rows. A calibrator is a pair of
        its own rows and the rows of the models that it calibrates, and again of its own rows
        and the test rows.
    embargo : int
        Rows that start within this much after a judged block must not learn, in bars.
    """

    name: str
    start: IntArray
    end: IntArray
    split: Callable[[IntArray, IntArray], Folds]
    embargo: int = 0


Stage = SeriesStage | FitStage | RowStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One column of one stage that knew too much.

    Attributes
    ----------
    stage, column : str
    check : str
        ``truncate``, ``poison``, ``purge``, ``embargo`` or ``canary``.
    bar : int
        First bar whose value depends on later ones; for rows the first bar of the first
        learning label that overlaps; for a fit the last bar that it was allowed to know.
    count : int
        Values that changed, or pairs of labels that overlap.
    detail : str
    """

    stage: str
    column: str
    check: Check
    bar: int
    count: int
    detail: str

    def __str__(self) -> str:
        return f"{self.stage}.{self.column}: {self.check} from bar {self.bar}: {self.detail}"


def truncated(bars: Bars, cut: int) -> Bars:
    """Return bars ``0 .. cut`` as copies, as if the rest had not happened yet."""
    return _changed(bars, lambda column: column[: cut + 1].copy(), with_time=True)


def poisoned(bars: Bars, cut: int, value: float) -> Bars:
    """Return *bars* with every price, volume and spread after *cut* set to *value*."""

    def poison(column: FloatArray) -> FloatArray:
        changed = column.copy()
        changed[cut + 1 :] = value
        return changed

    return _changed(bars, poison, with_time=False)


def _changed(bars: Bars, change: Callable[[FloatArray], FloatArray], *, with_time: bool) -> Bars:
    columns: dict[str, Any] = {
        field.name: change(column)
        for field in fields(bars)
        if isinstance(column := getattr(bars, field.name), np.ndarray)
        and (with_time or field.name != "time_ns")
    }
    return replace(bars, **columns)


def cuts_of(bars: Bars, n_cuts: int) -> IntArray:
    """Return bars after which to cut: evenly spread, and around every kind of gap.

    A value that was filled backwards shows only where the cut falls into the gap, so bars with
    a NaN, and those beside a hole in time, come first; at most half of *n_cuts* are theirs.
    """
    n_bars = len(bars)
    suspicious = np.zeros(n_bars, dtype=np.bool_)
    for field in fields(bars):
        column = getattr(bars, field.name)
        if isinstance(column, np.ndarray) and not np.isnan(column).all():
            suspicious |= np.isnan(column)
    steps = np.diff(bars.time_ns)
    holes = np.flatnonzero(steps > np.median(steps)) if n_bars > 1 else np.empty(0, np.int64)
    suspicious[holes] = True
    suspicious[holes + 1] = True
    gaps = np.flatnonzero(suspicious)
    if len(gaps) > n_cuts // 2:
        gaps = gaps[np.linspace(0, len(gaps) - 1, n_cuts // 2).astype(np.int64)]
    even = np.linspace(0, n_bars - 2, n_cuts - len(gaps)).astype(np.int64)
    cuts = np.unique(np.concatenate([gaps, even]))
    return cuts[(cuts >= 0) & (cuts < n_bars - 1)]


def prove(stages: Iterable[Stage], bars: Bars, *, n_cuts: int = 24) -> tuple[Leak, ...]:
    """Return every leak that the tests find in *stages*; none is the only good answer.

    Parameters
    ----------
    stages : iterable of Stage
    bars : Bars
        History that is long enough for every warm-up; a stage runs 3 times per cut.
    n_cuts : int
        Bars after which the future is cut off and poisoned, at least 2.

    Returns
    -------
    leaks : tuple of Leak
        One per stage, column and check, in the order of *stages*.

    Raises
    ------
    DataError
        If a stage refuses every changed history, or loses bars.

    Notes
    -----
    *Truncate*: on bars ``0 .. k`` every value known at or before *k* must equal, bit for bit, the
    value computed on all bars. *Poison*: the same after everything later was set to NaN, then to
    1e9. Both are needed: a stage may shorten its output with its input, or skip NaN. *Purge* and
    *embargo* count overlapping label spans. *Canary*: labels made of noise over overlapping spans
    are forecast by the nearest learning row; without overlap that is a coin.

    A stage that refuses changed bars with a ``DataError`` is not tested on those, but it must
    answer at least once. The tests can convict, not acquit: a leak that shows at no cut of this
    history stays unseen.
    """
    cuts = cuts_of(bars, n_cuts)
    leaks: list[Leak] = []
    for stage in stages:
        match stage:
            case SeriesStage():
                leaks += _series_leaks(stage, bars, cuts)
            case FitStage():
                leaks += _fit_leaks(stage, bars)
            case RowStage():
                leaks += row_leaks(stage)
    return tuple(leaks)


def _futures(bars: Bars, cut: int) -> list[tuple[Check, str, Bars]]:
    futures: list[tuple[Check, str, Bars]] = [("truncate", "cut off", truncated(bars, cut))]
    for value in POISONS:
        futures.append(("poison", f"set to {value:g}", poisoned(bars, cut, value)))
    return futures


def _answers(
    name: str, compute: Callable[[Bars], Columns], bars: Bars, cuts: Sequence[int]
) -> Iterator[tuple[int, Check, str, Columns]]:
    """Yield what a stage makes of each changed history: cut, check, what was done, columns."""
    n_answers = 0
    for cut in cuts:
        for check, what, future in _futures(bars, cut):
            try:
                columns = compute(future)
            except DataError:
                continue
            n_answers += 1
            yield cut, check, f"the bars after {cut} are {what}", columns
    if not n_answers:
        raise DataError(
            f"Stage {name} must answer for some shorter history; refused all {len(cuts)} cuts.",
            remedy="Give the prover a longer history.",
        )


def _differs(before: NDArray[Any], after: NDArray[Any]) -> BoolArray:
    """Compare rows bit by bit; all NaNs are equal."""
    different = np.asarray(before != after)
    if before.dtype.kind == "f":
        different &= ~(np.isnan(before) & np.isnan(after))
        different |= (before == 0.0) & (np.signbit(before) != np.signbit(after))
    return np.asarray(different if different.ndim == 1 else different.any(axis=1))


def _flat(columns: Columns) -> dict[str, FloatArray | IntArray]:
    """Give every column of a two-dimensional array a name of its own."""
    flat: dict[str, FloatArray | IntArray] = {}
    for name, values in columns.items():
        if values.ndim == 2:
            flat |= {f"{name}[{k}]": values[:, k] for k in range(values.shape[1])}
        else:
            flat[name] = values
    return flat


def _series_leaks(stage: SeriesStage, bars: Bars, cuts: IntArray) -> list[Leak]:
    whole = _flat(stage.compute(bars))
    known = np.arange(len(bars)) if stage.known is None else stage.known(bars)
    found: dict[tuple[str, Check], Leak] = {}
    for cut, check, what, columns in _answers(stage.name, stage.compute, bars, cuts.tolist()):
        rows = np.flatnonzero((known[: cut + 1] >= 0) & (known[: cut + 1] <= cut))
        after = _flat(columns)
        for name, values in whole.items():
            if len(after[name]) <= cut:
                raise DataError(
                    f"{stage.name}.{name} must have a value for each of {cut + 1} bars; "
                    f"had {len(after[name])}.",
                    remedy="Return one value per bar, NaN where there is none.",
                )
            leaking = rows[_differs(values[rows], after[name][rows])]
            if not len(leaking):
                continue
            seen = found.get((name, check))
            found[name, check] = Leak(
                stage=stage.name,
                column=name,
                check=check,
                bar=min([int(leaking[0])] if seen is None else [seen.bar, int(leaking[0])]),
                count=len(leaking) + (0 if seen is None else seen.count),
                detail=f"values change when {what}" if seen is None else seen.detail,
            )
    return list(found.values())


def _fit_leaks(stage: FitStage, bars: Bars) -> list[Leak]:
    whole = stage.fit(bars)
    found: dict[tuple[str, Check], Leak] = {}
    for _, check, what, columns in _answers(stage.name, stage.fit, bars, [stage.until]):
        for name in whole:
            values, other = np.atleast_1d(whole[name]), np.atleast_1d(columns[name])
            same_shape = values.shape == other.shape
            count = int(_differs(values, other).sum()) if same_shape else max(len(values), 1)
            if count and (name, check) not in found:
                found[name, check] = Leak(
                    stage=stage.name,
                    column=name,
                    check=check,
                    bar=stage.until,
                    count=count,
                    detail=f"what was learned changes when {what}",
                )
    return list(found.values())


def row_leaks(stage: RowStage) -> list[Leak]:
    """Return the overlaps of learning and judged labels, and what a canary makes of them."""
    start, end = stage.start, stage.end
    found: dict[Check, Leak] = {}

    def report(check: Check, fold: int, first: int, count: int, detail: str) -> None:
        if check not in found:
            found[check] = Leak(
                stage=stage.name,
                column=f"fold {fold}",
                check=check,
                bar=first,
                count=count,
                detail=detail,
            )

    folds = stage.split(start, end)
    for fold, (train, test) in enumerate(folds):
        overlaps = _overlaps(start, end, train, test)
        if overlaps.any():
            row = int(train[np.argmax(overlaps > 0)])
            count = int(overlaps.sum())
            report("purge", fold, int(start[row]), count, f"{count} overlapping pairs of labels")
        too_soon = (overlaps == 0) & _within_embargo(start, end, train, test, stage.embargo)
        if too_soon.any():
            row = int(train[np.argmax(too_soon)])
            count = int(too_soon.sum())
            report("embargo", fold, int(start[row]), count, f"{count} labels within the embargo")
    score, error = canary_score(start, end, folds)
    if score - 0.5 > CANARY_SIGMAS * error:
        detail = f"noise is forecast with a hit rate of {score:.3f}"
        report("canary", 0, int(start.min()), 1, detail)
    return list(found.values())


def _overlaps(start: IntArray, end: IntArray, train: IntArray, test: IntArray) -> IntArray:
    """Count, per learning row, the judged labels that its own touches (closed spans)."""
    starts, ends = np.sort(start[test]), np.sort(end[test])
    begun = np.searchsorted(starts, end[train], side="right")
    over = np.searchsorted(ends, start[train], side="left")
    return (begun - over).astype(np.int64)


def _within_embargo(
    start: IntArray, end: IntArray, train: IntArray, test: IntArray, embargo: int
) -> BoolArray:
    """Tell which learning rows start within *embargo* after the last judged label of a block.

    Judged rows form a block as long as no learning row lies between them.
    """
    if embargo == 0 or not len(test) or not len(train):
        return np.zeros(len(train), dtype=np.bool_)
    order = np.argsort(end[test], kind="stable")
    ends = end[test][order]
    before = np.searchsorted(ends, start[train], side="left") - 1
    last_end = np.where(before >= 0, ends[np.maximum(before, 0)], -(2**62))
    return np.asarray(start[train] - last_end <= embargo)
