"""Walk forward: train on the past, forecast the span after it, and never look back."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.dataset import Dataset
from assay.research.result import FoldSpan
from assay.research.splits.walk_forward import WalkForwardFold, walk_forward, whole_times
from assay.research.training import Training, TrainingRows, select_rows, train
from assay.signals.signal_model import PATHS, Lean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfSample:
    """What the models said about bars that they had not seen.

    Attributes
    ----------
    first : int
        First row (event) that any model was tested on; arrays begin there.
    fold : int64, shape (n_tested,)
    leans : dict of str to Lean
        By path: hybrid, ai, indicators; shape (n_tested,) each.
    p_up : float64, shape (n_tested,)
        Calibrated probability of up of the hybrid path.
    quantiles, usual_quantiles : float64, shape (n_tested, n_levels)
        Forecast quantiles of the move in units of volatility, NaN where a feature is missing;
        and those of each fold's training rows, the same for every bar.
    spans : tuple of FoldSpan
    trainings : tuple of Training
    """

    first: int
    fold: IntArray
    leans: dict[str, Lean]
    p_up: FloatArray
    quantiles: FloatArray
    usual_quantiles: FloatArray
    spans: tuple[FoldSpan, ...]
    trainings: tuple[Training, ...]


def fold_seed(seed: int, index: int) -> int:
    """Return the seed of one fold, whoever computes it."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def train_folds(
    dataset: Dataset,
    settings: Settings,
    folds: list[WalkForwardFold],
    *,
    place: Place,
    progress: Progress,
) -> list[Training]:
    """Fit one decision maker per fold; the result does not depend on *place*."""
    return compute(
        partial(_train_fold, dataset, settings),
        folds,
        place=place,
        progress=progress,
        stage="Training",
    )


def _train_fold(dataset: Dataset, settings: Settings, fold: WalkForwardFold) -> Training:
    """Fit on the labels that had ended before the fold's test."""
    rows = fold_rows(dataset, settings, fold)
    return train(rows, settings, seed=fold_seed(settings.run.seed, fold.index))


def fold_rows(dataset: Dataset, settings: Settings, fold: WalkForwardFold) -> TrainingRows:
    """Return the labels that may train the model of *fold*: those that end before its test."""
    return select_rows(
        dataset,
        settings,
        from_ns=int(dataset.start_ns[fold.train_start]),
        until_ns=int(dataset.start_ns[fold.test_start]),
    )


def folds_of(dataset: Dataset, settings: Settings) -> list[WalkForwardFold]:
    """Return the steps of the walk forward over *dataset*; positions are its rows.

    Raises
    ------
    DataError
        If the history is too short for the warm-up or the folds.
    """
    n_rows = len(dataset.start_ns)
    ready = np.flatnonzero(dataset.is_ready)
    folds = walk_forward(
        n_rows, first=int(ready[0]) if len(ready) else n_rows, settings=settings.evaluation
    )
    return whole_times(folds, dataset.start_ns)


def forecast_out_of_sample(
    dataset: Dataset, settings: Settings, *, place: Place, progress: Progress
) -> OutOfSample:
    """Cut the history, train every fold and forecast the span after each.

    Raises
    ------
    DataError
        If the history is too short for the warm-up, the folds or the first training.
    """
    folds = folds_of(dataset, settings)
    trainings = train_folds(dataset, settings, folds, place=place, progress=progress)
    return forecast(dataset, settings, folds, trainings, progress)


def forecast(
    dataset: Dataset,
    settings: Settings,
    folds: list[WalkForwardFold],
    trainings: list[Training],
    progress: Progress,
) -> OutOfSample:
    """Let each fold's model speak about its test span.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
    folds : list of WalkForwardFold
        Consecutive.
    trainings : list of Training
        One per fold.
    progress : Progress
    """
    x, votes = dataset.column("x"), dataset.column("votes")
    first = folds[0].test_start
    parts: dict[str, list[Lean]] = {path: [] for path in PATHS}
    confidence = settings.risk.probability_confidence
    spans, quantiles, usual = [], [], []
    progress.stage("Forecasting", len(folds))
    for fold, training in zip(folds, trainings, strict=True):
        span = slice(fold.test_start, fold.test_stop)
        ai = training.model.ai_log_odds(x[span])
        mine = training.model.traditional_log_odds(votes[span])
        terms = dataset.terms(span)
        for path in PATHS:
            parts[path].append(training.model.lean(path, ai, mine, terms, confidence=confidence))
        quantiles.append(training.model.move_quantiles(x[span]))
        usual.append(np.tile(training.usual_quantiles, (fold.test_stop - fold.test_start, 1)))
        spans.append(_span(dataset, fold, training))
        progress.advance()
    leans = {path: Lean.joined(chunk) for path, chunk in parts.items()}
    sizes = [fold.test_stop - fold.test_start for fold in folds]
    hybrid = leans["hybrid"]
    return OutOfSample(
        first=first,
        fold=np.repeat(np.arange(len(folds)), sizes),
        leans=leans,
        p_up=np.where(hybrid.direction > 0.0, hybrid.p, 1.0 - hybrid.p),
        quantiles=np.concatenate(quantiles),
        usual_quantiles=np.concatenate(usual),
        spans=tuple(spans),
        trainings=tuple(trainings),
    )


def _span(dataset: Dataset, fold: WalkForwardFold, training: Training) -> FoldSpan:
    last = min(fold.test_stop, len(dataset.start_ns) - 1)
    return FoldSpan(
        index=fold.index,
        train_start_ns=int(dataset.start_ns[fold.train_start]),
        train_stop_ns=int(dataset.start_ns[fold.test_start]),
        test_start_ns=int(dataset.start_ns[fold.test_start]),
        test_stop_ns=int(dataset.start_ns[last]),
        n_train=training.n_rows,
        n_test=fold.test_stop - fold.test_start,
        n_purged=training.n_purged,
    )
