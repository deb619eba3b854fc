"""Train one decision maker on the labels that had ended by a given moment."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models.fitting import FitDiagnostics, fit_forecaster
from assay.models.quantile import fit_quantiles
from assay.research.dataset import Dataset
from assay.research.splits.purged import leaking_pairs, purged_kfold, purged_train
from assay.signals.signal_model import SignalModel, SignalRows, fit_signal_model

MIRRORED_SHARE = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """A fitted decision maker and how it came about.

    Attributes
    ----------
    model : SignalModel
    diagnostics : FitDiagnostics
    n_candidates : int
        Labels that had ended in time.
    n_rows : int
        Labels used, after thinning, before mirroring.
    n_purged : int
        Rows dropped between the training and the calibration part.
    last_end_ns : int
        When the last label that any part of the fit used had ended.
    usual_quantiles : float64, shape (n_levels,)
        Of all fitted moves in units of volatility: the forecast that knows nothing else.
    n_leaking : int
        Pairs of training and held-out labels that touch, counted over every split; zero.
    """

    model: SignalModel
    diagnostics: FitDiagnostics
    n_candidates: int
    n_rows: int
    n_purged: int
    n_leaking: int
    last_end_ns: int
    usual_quantiles: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingRows:
    """What one fit needs, small enough to be sent to a worker; rows rise in time.

    Attributes
    ----------
    x, mirror_x : float64, shape (n_rows, n_features)
    votes, mirror_votes : float64, shape (n_rows, n_votes)
    side, move, volatility, weight : float64, shape (n_rows,)
    symbol : int64, shape (n_rows,)
    start_ns, end_ns : int64, shape (n_rows,)
    names, vote_names : tuple of str
    schema_hash : str
    n_candidates : int
    bar_ns : int
        Nominal length of a bar.
    """

    x: FloatArray
    mirror_x: FloatArray
    votes: FloatArray
    mirror_votes: FloatArray
    side: FloatArray
    move: FloatArray
    volatility: FloatArray
    weight: FloatArray
    symbol: IntArray
    start_ns: IntArray
    end_ns: IntArray
    names: tuple[str, ...]
    vote_names: tuple[str, ...]
    schema_hash: str
    n_candidates: int
    bar_ns: int


def select_rows(
    dataset: Dataset, settings: Settings, *, from_ns: int, until_ns: int
) -> TrainingRows:
    """Take labels that start at or after *from_ns* and settle before *until_ns*, thinned evenly.

    Labels of neighbouring bars overlap almost wholly, so every k-th one carries nearly all there
    is to learn; *k* is the least that keeps ``training.rows_max`` with the mirror images.

    Raises
    ------
    DataError
        If fewer than ``training.rows_min`` labels are left.
    """
    usable = (
        dataset.is_ready
        & dataset.has_label
        & (dataset.start_ns >= from_ns)
        & (dataset.settled_ns < until_ns)
    )
    return rows_of(dataset, settings, np.flatnonzero(usable))


def rows_of(dataset: Dataset, settings: Settings, candidates: IntArray) -> TrainingRows:
    """Take the labels *candidates*, thinned evenly; see ``select_rows``.

    Raises
    ------
    DataError
        If they are fewer than ``training.rows_min``.
    """
    if len(candidates) < settings.training.rows_min:
        raise DataError(
            f"Training needs at least {settings.training.rows_min} labels that end in time; "
            f"was {len(candidates)}.",
            remedy="Import more history, or lower evaluation.folds or labels.horizon_bars.",
        )
    stride = -(-len(candidates) * MIRRORED_SHARE // settings.training.rows_max)
    rows = candidates[:: max(1, stride)]
    first = next(iter(dataset.data.values()))
    return TrainingRows(
        x=dataset.column("x")[rows],
        mirror_x=dataset.column("mirror_x")[rows],
        votes=dataset.column("votes")[rows],
        mirror_votes=dataset.column("mirror_votes")[rows],
        side=dataset.column("side")[rows],
        move=dataset.column("move")[rows],
        volatility=dataset.column("volatility")[rows],
        weight=dataset.uniqueness_of(rows),
        symbol=dataset.symbol[rows],
        start_ns=dataset.start_ns[rows],
        end_ns=dataset.end_ns[rows],
        names=dataset.names,
        vote_names=dataset.vote_names,
        schema_hash=dataset.schema_hash,
        n_candidates=len(candidates),
        bar_ns=first.bars.timeframe.nominal_ns,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InnerSplit:
    """Which rows of one training do what; row numbers, rising.

    Attributes
    ----------
    fit : int64
        Rows of the final members.
    held : int64
        Rows held out for calibration, the last of all.
    folds : list of (train, test) int64
        Purged folds of the fit rows.
    """

    fit: IntArray
    held: IntArray
    folds: list[tuple[IntArray, IntArray]]


def inner_split(
    start_ns: IntArray, end_ns: IntArray, bar_ns: int, settings: Settings
) -> InnerSplit:
    """Hold out the last rows, purge the rest against them, and cut it into purged folds.

    Parameters
    ----------
    start_ns, end_ns : int64, shape (n_rows,)
        Closed spans of the labels.
    bar_ns : int
        Nominal length of a bar.
    settings : Settings

    Raises
    ------
    DataError
        If a fold would be left without rows.
    """
    embargo_ns = settings.training.embargo_bars * bar_ns
    n_rows = len(start_ns)
    held = np.arange(int(n_rows * (1.0 - settings.training.calibration_fraction)), n_rows)
    fit = purged_train(start_ns, end_ns, held, embargo=embargo_ns)
    folds = purged_kfold(
        start_ns[fit], end_ns[fit], n_folds=settings.training.inner_folds, embargo=embargo_ns
    )
    return InnerSplit(fit=fit, held=held, folds=[(fit[a], fit[b]) for a, b in folds])


def train(rows: TrainingRows, settings: Settings, *, seed: int) -> Training:
    """Fit ensemble, votes, fusion and calibration, each on rows that the one before did not use.

    The last ``training.calibration_fraction`` of the rows is held out for calibration; the rest
    is purged against it and cut into purged folds. Every row is joined by its mirror image, with
    the opposite label and half the weight each. One thread, so that a worker and the main process
    sum in the same order and give the same bits.
    """
    with threadpool_limits(limits=1):
        n_rows = len(rows.side)
        split = inner_split(rows.start_ns, rows.end_ns, rows.bar_ns, settings)
        fit, held, folds = split.fit, split.held, split.folds
        n_leaking = sum(
            leaking_pairs(rows.start_ns, rows.end_ns, a, b) for a, b in [*folds, (fit, held)]
        )
        both = MirroredRows(n_rows)
        forecaster, diagnostics = fit_forecaster(
            np.concatenate((rows.x, rows.mirror_x)),
            (np.concatenate((rows.side, -rows.side)) > 0.0).astype(np.int8),
            np.tile(rows.weight / MIRRORED_SHARE, MIRRORED_SHARE),
            names=rows.names,
            schema_hash=rows.schema_hash,
            folds=[(both.of(a), both.of(b)) for a, b in folds],
            calibration=(both.of(fit), both.of(held)),
            algorithms=settings.training.algorithms,
            seed=seed,
            features_max=settings.training.features_max,
        )
        relative = rows.move / rows.volatility
        quantiles = fit_quantiles(
            np.concatenate((rows.x[fit], rows.mirror_x[fit])),
            np.concatenate((relative[fit], -relative[fit])),
            np.tile(rows.weight[fit] / MIRRORED_SHARE, MIRRORED_SHARE),
            settings.training.quantiles,
            names=rows.names,
            schema_hash=rows.schema_hash,
            seed=seed,
        )
        scale = np.abs(relative[fit])
        move = float(np.average(scale, weights=rows.weight[fit]))
        model = fit_signal_model(
            forecaster,
            _signal_rows(rows, fit),
            _signal_rows(rows, held),
            one_horizon_apart=rows_apart(
                rows.start_ns[held],
                rows.symbol[held],
                distance=settings.labels.horizon_bars * rows.bar_ns,
            ),
            fusion=settings.fusion,
            move=move,
            quantiles=quantiles,
            vote_names=rows.vote_names,
        )
        return Training(
            model=model,
            diagnostics=diagnostics,
            n_candidates=rows.n_candidates,
            n_rows=n_rows,
            n_purged=n_rows - len(held) - len(fit),
            n_leaking=n_leaking,
            last_end_ns=int(rows.end_ns.max()),
            usual_quantiles=np.quantile(
                np.concatenate((relative[fit], -relative[fit])), settings.training.quantiles
            ),
        )


def rows_apart(start_ns: IntArray, symbol: IntArray, *, distance: int) -> tuple[IntArray, IntArray]:
    """Return pairs of rows of one symbol, the later one being the first at least *distance* on.

    Parameters
    ----------
    start_ns, symbol : int64, shape (n_rows,)
        Rows in order of time.
    distance : int
        Nanoseconds.
    """
    earlier, later = [], []
    for index in np.unique(symbol):
        mine = np.flatnonzero(symbol == index)
        place = np.searchsorted(start_ns[mine], start_ns[mine] + distance)
        inside = place < len(mine)
        earlier.append(mine[inside])
        later.append(mine[place[inside]])
    return np.concatenate(earlier), np.concatenate(later)


@dataclass(frozen=True, slots=True)
class MirroredRows:
    """Row numbers of a table followed by its mirror image."""

    n_rows: int

    def of(self, rows: IntArray) -> IntArray:
        """Return *rows* and their mirror images, rising."""
        return np.concatenate((rows, rows + self.n_rows))


def _signal_rows(rows: TrainingRows, chosen: IntArray) -> SignalRows:
    """Return the rows *chosen* with their mirror images."""
    side = rows.side[chosen]
    return SignalRows(
        x=np.concatenate((rows.x[chosen], rows.mirror_x[chosen])),
        votes=np.concatenate((rows.votes[chosen], rows.mirror_votes[chosen])),
        y=(np.concatenate((side, -side)) > 0.0).astype(np.int8),
        weight=np.tile(rows.weight[chosen] / MIRRORED_SHARE, MIRRORED_SHARE),
    )
