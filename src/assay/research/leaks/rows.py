"""Prove splits: no learning label touches a judged one, and noise cannot be forecast."""

from collections.abc import Iterator, Sequence

import numpy as np

from assay.domain.errors import DataError
from assay.kernels.compiler import BoolArray, IntArray
from assay.research.leaks.canary import canary_score
from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.remedies import REMEDIES
from assay.research.leaks.stages import Folds, RowStage

CANARY_SIGMAS = 5.0


def judge_split(
    start: IntArray, end: IntArray, folds: Folds, *, embargo: int = 0, name: str = "split"
) -> LeakReport:
    """Say whether a cross-validation leaks, whoever made its folds.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each row's label, in bars: from the bar after which the label begins to the
        last bar that decides it.
    folds : sequence of (learning rows, judged rows)
        Int64 row numbers, such as any splitter of scikit-learn yields.
    embargo : int
        Rows that start within so many bars after a judged block must not learn.
    name : str

    Returns
    -------
    report : LeakReport
        Not clean: the accuracy that these folds give is no evidence.

    Raises
    ------
    DataError
        If a label ends before it starts, or no fold has learning and judged rows.

    Examples
    --------
    >>> bars = np.arange(40)
    >>> unpurged = [(np.r_[0:10, 20:40], np.r_[10:20])]
    >>> judge_split(bars, bars + 5, unpurged).leaks[0].count
    30
    """
    start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
    _check_spans(start, end)
    pairs = [
        (np.asarray(train, dtype=np.int64), np.asarray(test, dtype=np.int64))
        for train, test in folds
    ]
    if not any(len(train) and len(test) for train, test in pairs):
        raise DataError(
            f"A split must have a fold with learning and judged rows; had {len(pairs)} folds.",
            remedy="Pass a list of (learning rows, judged rows).",
        )
    return prove_rows(
        [RowStage(name=name, start=start, end=end, split=lambda *_: pairs, embargo=embargo)]
    )


def _check_spans(start: IntArray, end: IntArray) -> None:
    if start.shape != end.shape or start.ndim != 1:
        raise DataError(
            f"Labels must have one end per start; had {len(end)} ends for {len(start)} starts.",
            remedy="Pass both columns of the same rows.",
        )
    early = np.flatnonzero(end < start)
    if len(early):
        raise DataError(
            f"A label must not end before it starts; row {early[0]} starts at "
            f"{start[early[0]]} and ends at {end[early[0]]}.",
            remedy="Leave out rows without a label.",
        )


def prove_rows(stages: Sequence[RowStage]) -> LeakReport:
    """Count the overlaps of every split, exactly, and try each with planted ones."""
    reports = []
    for stage in stages:
        folds = stage.split(stage.start, stage.end)
        checks: tuple[Check, ...] = ("purge", "canary")
        if stage.embargo:
            checks = ("purge", "embargo", "canary")
        proof = StageProof(
            name=stage.name,
            kind="rows",
            columns=len(folds),
            answers=len(folds),
            values=sum(len(train) * len(test) for train, test in folds),
            checks=checks,
            note=stage.note,
        )
        reports.append(
            LeakReport(
                leaks=tuple(_found(stage, folds)),
                stages=(proof,),
                canaries=tuple(_canaries(stage, folds)),
            )
        )
    return LeakReport(leaks=(), stages=(), canaries=()).joined(*reports)


def row_leaks(stage: RowStage) -> list[Leak]:
    """Return the overlaps of learning and judged labels, and what a canary makes of them."""
    return _found(stage, stage.split(stage.start, stage.end))


def _canaries(stage: RowStage, folds: Folds) -> Iterator[Canary]:
    """Plant leaking rows into a copy of one fold, and look for them."""
    filled = [k for k, (train, test) in enumerate(folds) if len(train) and len(test)]
    if not filled:
        return
    place = filled[len(filled) // 2]
    train, test = folds[place]
    yield _planted(
        stage, place, (np.union1d(train, test), test), "the judged rows", ("purge", "canary")
    )
    for place in filled if stage.embargo else ():
        train, test = folds[place]
        last = int(stage.end[test].max())
        soon = np.flatnonzero((stage.start > last) & (stage.start <= last + stage.embargo))
        if len(soon):
            fold = (np.union1d(train, soon), test)
            yield _planted(stage, place, fold, "rows within the embargo", ("embargo",))
            return


def _planted(
    stage: RowStage,
    place: int,
    fold: tuple[IntArray, IntArray],
    what: str,
    expected: tuple[Check, ...],
) -> Canary:
    """Return whether one leaking fold is found, with the stage and the fold that are named."""
    column = f"fold {place}"
    named = {
        leak.check
        for leak in _found(stage, [fold], first_fold=place)
        if (leak.stage, leak.column) == (stage.name, column)
    }
    return Canary(
        leak=f"{what} among the learning rows",
        stage=stage.name,
        column=column,
        expected=expected,
        found=tuple(check for check in expected if check in named),
    )


def _found(stage: RowStage, folds: Folds, *, first_fold: int = 0) -> list[Leak]:
    start, end = stage.start, stage.end
    first_bar = start if stage.bars is None else stage.bars[0]
    found: dict[Check, Leak] = {}

    def report(check: Check, fold: int, row: int, count: int, detail: str) -> None:
        if check not in found:
            found[check] = Leak(
                stage=stage.name,
                column=f"fold {fold}",
                check=check,
                bar=int(first_bar[row]),
                time_ns=None if stage.time_ns is None else stage.time_ns(int(start[row])),
                count=count,
                detail=detail,
                remedy=stage.remedy or REMEDIES[check],
            )

    for fold, (train, test) in enumerate(folds, first_fold):
        overlaps = _overlaps(start, end, train, test)
        if overlaps.any():
            row = int(train[np.argmax(overlaps > 0)])
            count = int(overlaps.sum())
            report("purge", fold, row, count, f"{count} overlapping pairs of labels")
        too_soon = (overlaps == 0) & _within_embargo(start, end, train, test, stage.embargo)
        if too_soon.any():
            row = int(train[np.argmax(too_soon)])
            count = int(too_soon.sum())
            report("embargo", fold, row, count, f"{count} labels within the embargo")
    score, error = canary_score(*(stage.bars or (start, end)), folds)
    if score - 0.5 > CANARY_SIGMAS * error:
        detail = f"noise is forecast with a hit rate of {score:.3f}"
        report("canary", first_fold, int(np.argmin(start)), 1, detail)
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
