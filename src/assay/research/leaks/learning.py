"""The stages of Assay that learn: rows of the walk, inner folds, members, stacker, calibrators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models import fitting
from assay.models.algorithms import make
from assay.models.inputs import as_float32
from assay.research import oos, training
from assay.research.dataset import Dataset
from assay.research.leaks.comparing import checksum
from assay.research.leaks.remedies import REMEDIES
from assay.research.leaks.scene import Array, Columns, Scene
from assay.research.leaks.stages import Change, FitStage, Folds, PartStage, RowStage
from assay.research.oos import FoldPlan
from assay.research.training import Training, TrainingRows

ROWS_MAX = 2_400
ROWS_MIN = 100
FOLDS_PROVED = 3
_CHANGED = {
    "x": 1.25,
    "mirror_x": 1.25,
    "votes": 0.8,
    "mirror_votes": 0.8,
    "side": -1.0,
    "move": -1.0,
    "volatility": 1.0,
}
"""What is changed in a table, and by which factor after its rows changed places."""

SCALE_MIN = 1e-6
"""Log-odds of full conviction below which members say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """One training of the walk, small enough to be repeated under many futures.

    Attributes
    ----------
    plan : FoldPlan
        Step of the walk, with settings that take fewer rows.
    rows : TrainingRows
    from_ns, until_ns : int
        The rows start at or after the first and settle before the second.
    """

    plan: FoldPlan
    rows: TrainingRows
    from_ns: int
    until_ns: int

    @classmethod
    def of(cls, plan: FoldPlan) -> "Lesson":
        """Return the training of one step on fewer rows."""
        small = replace(plan, settings=with_fewer_rows(plan.settings))
        return cls(
            plan=small,
            rows=oos.fold_rows(small),
            from_ns=int(plan.dataset.start_ns[plan.fold.train_start]),
            until_ns=int(plan.dataset.start_ns[plan.fold.test_start]),
        )

    @property
    def note(self) -> str:
        """What was left out."""
        used, had = len(self.rows.side), self.rows.n_candidates
        return f"on {used:,} of {had:,} labels of fold {self.plan.fold.index}"


def with_fewer_rows(settings: Settings) -> Settings:
    """Return the settings with a training that takes few rows."""
    fewer = settings.training.model_copy(
        update={
            "rows_max": min(settings.training.rows_max, ROWS_MAX),
            "rows_min": min(settings.training.rows_min, ROWS_MIN),
        }
    )
    return settings.model_copy(update={"training": fewer})


def plans_of(dataset: Dataset, settings: Settings) -> list[FoldPlan]:
    """Return the steps of the walk forward, each with the settings as they are."""
    return [
        FoldPlan(fold=fold, settings=settings, dataset=dataset)
        for fold in oos.folds_of(dataset, settings)
    ]


def walk_stages(plans: list[FoldPlan]) -> list[RowStage]:
    """Return the splits of a walk as they are used: its folds, and those inside each training.

    Every row that trains, calibrates or is tested is counted; nothing is left out.
    """
    dataset = plans[0].dataset
    bar_ns = next(iter(dataset.data.values())).bars.timeframe.nominal_ns
    times = np.unique(dataset.start_ns)
    outer = []
    inner: list[tuple[FoldPlan, TrainingRows]] = []
    for plan in plans:
        rows = oos.fold_rows(plan)
        inner.append((plan, rows))
        test = np.arange(plan.fold.test_start, plan.fold.test_stop)
        has_end = plan.dataset.end_ns[test] > 0
        outer.append(
            (
                np.concatenate((rows.start_ns, plan.dataset.start_ns[test[has_end]])),
                np.concatenate((rows.end_ns, plan.dataset.end_ns[test[has_end]])),
                len(rows.start_ns),
            )
        )
    stages = [_stage("walk forward", times, [(s, e, [_halves(n, len(s))]) for s, e, n in outer])]
    splits = [(r, training.inner_split(r.start_ns, r.end_ns, bar_ns, p.settings)) for p, r in inner]
    stages.append(
        _stage(
            "inner folds",
            times,
            [(r.start_ns, r.end_ns, split.folds) for r, split in splits],
            embargo=bar_ns * min(plan.settings.training.embargo_bars for plan in plans),
        )
    )
    calibration = [(r.start_ns, r.end_ns, [(split.fit, split.held)]) for r, split in splits]
    stages.append(_stage("calibration rows", times, calibration))
    return stages


def _halves(n_first: int, n_rows: int) -> tuple[IntArray, IntArray]:
    return np.arange(n_first), np.arange(n_first, n_rows)


def _stage(
    name: str,
    times: IntArray,
    tables: Sequence[tuple[IntArray, IntArray, Folds]],
    *,
    embargo: int = 0,
) -> RowStage:
    """Return one stage of the splits of several tables, one behind the other."""
    folds: list[tuple[IntArray, IntArray]] = []
    offset = 0
    for start, _, pairs in tables:
        folds += [(train + offset, test + offset) for train, test in pairs]
        offset += len(start)
    start = np.concatenate([table[0] for table in tables])
    end = np.concatenate([table[1] for table in tables])
    return RowStage(
        name=name,
        start=start,
        end=end,
        split=lambda *_: folds,
        embargo=embargo,
        bars=(np.searchsorted(times, start), np.searchsorted(times, end)),
        time_ns=lambda moment: moment,
    )


def row_stages(plans: list[FoldPlan]) -> list[FitStage]:
    """Return the rows of some steps of the walk, which no bar after its test begins may move."""
    some = np.unique(np.linspace(0, len(plans) - 1, FOLDS_PROVED).astype(np.int64))
    return [_rows_of(Lesson.of(plans[k])) for k in some]


def _rows_of(lesson: Lesson) -> FitStage:
    settings = lesson.plan.settings

    def rows(at: Scene) -> Mapping[str, Array]:
        return _arrays(chosen(at, settings, lesson))

    return FitStage(
        name=f"training rows, fold {lesson.plan.fold.index}",
        fit=rows,
        until_ns=lesson.until_ns - 1,
        note=lesson.note,
    )


def chosen(at: Scene, settings: Settings, lesson: Lesson) -> TrainingRows:
    """Return the rows that a training takes from another history."""
    return training.select_rows(
        at.dataset, settings, from_ns=lesson.from_ns, until_ns=lesson.until_ns
    )


def _arrays(rows: TrainingRows) -> dict[str, Array]:
    return {
        item.name: value
        for item in fields(rows)
        if isinstance(value := getattr(rows, item.name), np.ndarray)
    }


def training_stage(lesson: Lesson, seed: int) -> FitStage:
    """Return one whole training, repeated from the bars on under other futures."""
    settings = lesson.plan.settings

    def fit(at: Scene) -> Mapping[str, Array]:
        parts = learned(training.train(chosen(at, settings, lesson), settings, seed=seed))
        return {f"{part} {name}": values for part in parts for name, values in parts[part].items()}

    return FitStage(
        name="training",
        fit=fit,
        until_ns=lesson.until_ns - 1,
        checks=("shift",),
        note=f"{lesson.note}, which are the same bits under every future",
    )


def learned(fitted: Training) -> dict[str, dict[str, Array]]:
    """Return everything that a training learned, as arrays by part and name."""
    model, told = fitted.model, fitted.diagnostics
    forecaster = model.forecaster
    place = {name: k for k, name in enumerate(forecaster.names)}
    return {
        "selector": {
            "importance": np.array(list(told.importance.values())),
            "stability": np.array(list(told.stability.values())),
            "selected": np.array([place[name] for name in forecaster.selected]),
        },
        "members": {
            f"{name}.{key}": values
            for name, form in forecaster.forms.items()
            for key, values in _numbers(form).items()
        },
        "stacker": _numbers(forecaster.stacker),
        "votes": {
            "weights": model.vote_weights,
            "equal_slope": np.array([model.equal_slope]),
        },
        "quantiles": {
            f"{level}.{key}": values
            for level, form in model.quantiles.forms.items()
            for key, values in _numbers(form).items()
        }
        | {"move": np.array([model.move])},
        "calibrator": _numbers(forecaster.calibrator),
        "path calibrators": {
            f"{path}.{key}": values
            for path, item in sorted(model.calibrators.items())
            for key, values in _numbers(item).items()
        },
        "fusion": {
            **{f"pool {path}": np.array(weights) for path, weights in sorted(model.pools.items())},
            "scale": np.array([model.scale]),
            "persistence": np.array([model.persistence]),
        },
    }


def _numbers(item: object) -> dict[str, Array]:
    """Return the numeric fields of a dataclass as arrays."""
    assert is_dataclass(item)
    return {
        field.name: np.atleast_1d(np.asarray(getattr(item, field.name)))
        for field in fields(item)
        if isinstance(getattr(item, field.name), np.ndarray | float | int | bool)
    }


def split_stage(lesson: Lesson, fitted: Training, seed: int) -> PartStage:
    """Return one training, whose held-out rows only calibrators and fusion may read.

    *fitted* is that of the lesson's rows as they are.
    """
    rows, settings = lesson.rows, lesson.plan.settings
    held = training.inner_split(rows.start_ns, rows.end_ns, rows.bar_ns, settings).held
    whole = learned(fitted)
    says_something = float(whole["fusion"]["scale"][0]) > SCALE_MIN
    votes_count = bool(whole["votes"]["weights"].any() or whole["votes"]["equal_slope"].any())

    def answer(table: TrainingRows) -> Mapping[str, Mapping[str, Array]]:
        return whole if table is rows else learned(training.train(table, settings, seed=seed))

    changes = (
        Change(
            what="the rows held out for calibration",
            table=with_other_rows(rows, held),
            unseen=("selector", "members", "stacker", "votes", "quantiles"),
            read=("calibrator", "path calibrators", "fusion") if says_something else (),
        ),
        Change(
            what="the votes on the rows held out for calibration",
            table=with_other_rows(rows, held, only=("votes", "mirror_votes")),
            unseen=("selector", "members", "stacker", "votes", "quantiles", "calibrator"),
            read=("path calibrators",) if votes_count else (),
        ),
    )
    had = checksum(*_arrays(rows).values())
    return PartStage(
        name="training, part by part",
        answer=answer,
        given=rows,
        # Where nobody votes there are no other votes.
        changes=[item for item in changes if checksum(*_arrays(item.table).values()) != had],
        full=lambda table: np.array([checksum(*_arrays(table).values())]),
        remedy=REMEDIES["unseen"],
        note=lesson.note + ("" if says_something else "; its members say nothing there"),
    )


def with_other_rows(
    rows: TrainingRows, which: IntArray, *, only: tuple[str, ...] = ()
) -> TrainingRows:
    """Return the table with other features, votes, moves and sides in some rows; times stay."""
    order = np.roll(which, len(which) // 3 + 1)
    changed: dict[str, Any] = {}
    for name, factor in _CHANGED.items():
        if not only or name in only:
            column = getattr(rows, name).copy()
            column[which] = factor * column[order]
            changed[name] = column
    return replace(rows, **changed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """Features and labels of one fold."""

    x: FloatArray
    y: Array
    weight: FloatArray


def _with_both_sides(folds: Folds, y: Array) -> tuple[IntArray, IntArray]:
    """Return the fold nearest to the middle that learns from labels of both sides."""
    for k in sorted(range(len(folds)), key=lambda k: abs(k - len(folds) // 2)):
        if len(np.unique(y[folds[k][0]])) > 1:
            return folds[k]
    raise DataError(
        "Some inner fold must learn from moves up and from moves down; none did.",
        remedy="Use more history, or nearer barriers.",
    )


def fold_stage(lesson: Lesson, seed: int) -> PartStage:
    """Return the members of one inner fold: no answer may know the labels that judge it.

    Nor may the answer about one judged row depend on the features of another.

    Raises
    ------
    DataError
        If no inner fold has labels of both sides to learn from.
    """
    rows, settings = lesson.rows, lesson.plan.settings
    split = training.inner_split(rows.start_ns, rows.end_ns, rows.bar_ns, settings)
    table = _Table(x=rows.x, y=(rows.side > 0.0).astype(np.int8), weight=rows.weight)
    train_rows, test_rows = _with_both_sides(split.folds, table.y)
    fold = [(train_rows, test_rows)]
    narrow = as_float32(table.x, rows.names)
    names = settings.training.algorithms
    choices = {name: make(name, 0).tune(narrow, table.y, table.weight, fold) for name in names}
    first, second = np.array_split(test_rows, 2)

    def answer(given: _Table) -> Mapping[str, Columns]:
        x = as_float32(given.x, rows.names)
        odds, answered = fitting.out_of_fold(x, given.y, given.weight, fold, choices, seed)
        mine = np.isin(answered, first)
        return {"members": {f"{name} out of fold": odds[mine, k] for k, name in enumerate(names)}}

    judged, features = table.y.copy(), table.x.copy()
    judged[test_rows] = 1 - judged[test_rows]
    features[second] = 1.25 * features[np.roll(second, len(second) // 3 + 1)]
    own = table.x.copy()
    own[first] = 1.25 * own[np.roll(first, len(first) // 3 + 1)]
    says_something = any(np.ptp(odds) > 0.0 for odds in answer(table)["members"].values())
    return PartStage(
        name="members, fold by fold",
        answer=answer,
        given=table,
        changes=(
            Change(
                what="the labels of the judged rows",
                table=replace(table, y=judged),
                unseen=("members",),
            ),
            Change(
                what="the features of other judged rows",
                table=replace(table, x=features),
                unseen=("members",),
            ),
            Change(
                what="the features of the same rows",
                table=replace(table, x=own),
                unseen=(),
                read=("members",) if says_something else (),
            ),
        ),
        full=lambda given: np.array([checksum(given.x, given.y)]),
        note=lesson.note,
    )
