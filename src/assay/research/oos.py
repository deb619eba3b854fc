"""Walk forward: train on the past, forecast the span after it, and never look back."""

from collections.abc import Iterator, Sequence
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
    chosen : tuple of Settings
        Under which each fold was trained and forecast.
    datasets : tuple of Dataset
        What each fold was trained on and forecast from: labels and features as chosen.
    """

    first: int
    fold: IntArray
    leans: dict[str, Lean]
    p_up: FloatArray
    quantiles: FloatArray
    usual_quantiles: FloatArray
    spans: tuple[FoldSpan, ...]
    trainings: tuple[Training, ...]
    chosen: tuple[Settings, ...]
    datasets: tuple[Dataset, ...]

    def known_labels(self) -> Iterator[tuple[Dataset, IntArray]]:
        """Yield, fold by fold, its dataset and the tested rows whose label came to be known."""
        for index, dataset in enumerate(self.datasets):
            rows = np.flatnonzero(self.fold == index) + self.first
            yield dataset, rows[dataset.has_label[rows] & dataset.is_ready[rows]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldPlan:
    """What one step of the walk does: its span, its settings, and its data under them."""

    fold: WalkForwardFold
    settings: Settings
    dataset: Dataset


def fold_seed(seed: int, index: int) -> int:
    """Return the seed of one fold, whoever computes it."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def folds_of(dataset: Dataset, settings: Settings) -> list[WalkForwardFold]:
    """Cut the history into the steps of the walk forward.

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
    plans: Sequence[FoldPlan], *, place: Place, progress: Progress
) -> OutOfSample:
    """Train every fold and forecast the span after each; no result depends on *place*.

    Raises
    ------
    DataError
        If the history is too short for the first training.
    """
    trainings = compute(
        partial(_train_fold, tuple(plans)),
        range(len(plans)),
        place=place,
        progress=progress,
        stage="Training",
    )
    return forecast(plans, trainings, progress)


def _train_fold(plans: Sequence[FoldPlan], index: int) -> Training:
    """Fit on the labels that had ended before the fold's test."""
    plan = plans[index]
    seed = fold_seed(plan.settings.run.seed, plan.fold.index)
    return train(fold_rows(plan), plan.settings, seed=seed)


def fold_rows(plan: FoldPlan) -> TrainingRows:
    """Return the labels that may train the model of one step: those that end before its test."""
    return select_rows(
        plan.dataset,
        plan.settings,
        from_ns=int(plan.dataset.start_ns[plan.fold.train_start]),
        until_ns=int(plan.dataset.start_ns[plan.fold.test_start]),
    )


def forecast(
    plans: Sequence[FoldPlan], trainings: list[Training], progress: Progress
) -> OutOfSample:
    """Let each fold's model speak about its test span."""
    folds = [plan.fold for plan in plans]
    parts: dict[str, list[Lean]] = {path: [] for path in PATHS}
    spans, quantiles, usual = [], [], []
    progress.stage("Forecasting", len(folds))
    for plan, training in zip(plans, trainings, strict=True):
        fold, dataset = plan.fold, plan.dataset
        span = slice(fold.test_start, fold.test_stop)
        x = dataset.column("x")[span]
        ai = training.model.ai_log_odds(x)
        mine = training.model.traditional_log_odds(dataset.column("votes")[span])
        terms = dataset.terms(span)
        confidence = plan.settings.risk.probability_confidence
        for path in PATHS:
            parts[path].append(training.model.lean(path, ai, mine, terms, confidence=confidence))
        quantiles.append(training.model.move_quantiles(x))
        usual.append(np.tile(training.usual_quantiles, (fold.test_stop - fold.test_start, 1)))
        spans.append(_span(dataset, fold, training))
        progress.advance()
    leans = {path: Lean.joined(chunk) for path, chunk in parts.items()}
    sizes = [fold.test_stop - fold.test_start for fold in folds]
    hybrid = leans["hybrid"]
    return OutOfSample(
        first=folds[0].test_start,
        fold=np.repeat(np.arange(len(folds)), sizes),
        leans=leans,
        p_up=np.where(hybrid.direction > 0.0, hybrid.p, 1.0 - hybrid.p),
        quantiles=np.concatenate(quantiles),
        usual_quantiles=np.concatenate(usual),
        spans=tuple(spans),
        trainings=tuple(trainings),
        chosen=tuple(plan.settings for plan in plans),
        datasets=tuple(plan.dataset for plan in plans),
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
