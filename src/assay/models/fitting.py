"""Fit a forecaster: select, forecast out of fold, stack, fit again on all rows, calibrate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict

import numpy as np
from threadpoolctl import threadpool_limits

from assay.config.section import ALGORITHMS
from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models.algorithms import make
from assay.models.calibration import Calibrator, fit_calibrator
from assay.models.ensemble import Forecaster, ParitySample
from assay.models.estimator import Estimator, Folds
from assay.models.inputs import Float32Array, LabelArray, as_float32, check_targets
from assay.models.logistic import log_loss
from assay.models.ranking import area_under_curve
from assay.models.selection import select_features
from assay.models.stacking import fit_stacker

SAMPLE_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FitDiagnostics:
    """What happened during one fit; every value is plain, so that it goes into JSON.

    Attributes
    ----------
    selected : tuple of str
    importance, stability : dict of feature name to float
        See `assay.models.selection.Selection`.
    selection_agreement : float
    log_loss_null : float
        Out-of-fold log loss of the base rate alone, the number to beat. Unit: nats.
    log_loss, auc : dict of model name to float
        Out of fold, for each member and ``stacked`` (weights fitted on these rows).
    weights : dict of model name to float
        Of the stacker, with its ``intercept``.
    calibration : dict of str to float
        Slope, intercept and their standard errors, effective rows, and the log loss of the
        calibration rows before and after.
    n_fit, n_oof, n_calibration : int
        Rows.
    """

    selected: tuple[str, ...]
    importance: dict[str, float]
    stability: dict[str, float]
    selection_agreement: float
    log_loss_null: float
    log_loss: dict[str, float]
    auc: dict[str, float]
    weights: dict[str, float]
    calibration: dict[str, float]
    n_fit: int
    n_oof: int
    n_calibration: int

    def to_json(self) -> dict[str, object]:
        """Return plain dictionaries, numbers and strings."""
        return asdict(self)


def model_seed(seed: int, name: str, i_fit: int) -> int:
    """Return the seed of one fit, the same whatever else is fitted and in what order."""
    state = np.random.SeedSequence([seed, ALGORITHMS.index(name), i_fit]).generate_state(1)
    return int(state[0] >> 1)


def out_of_fold(
    x: Float32Array,
    y: LabelArray,
    weight: FloatArray,
    folds: Folds,
    choices: Mapping[str, Mapping[str, float]],
    seed: int,
) -> tuple[FloatArray, IntArray]:
    """Return the log-odds that each member gives rows that it did not train on.

    Returns
    -------
    log_odds : float64, shape (n_oof, n_models)
    rows : int64, shape (n_oof,)
        The rows that some fold tested, rising. A row that several folds test has the mean.
    """
    total = np.zeros((x.shape[0], len(choices)))
    count = np.zeros(x.shape[0])
    for i_fold, (train, test) in enumerate(folds):
        for m, name in enumerate(choices):
            model = make(name, model_seed(seed, name, i_fold + 1), choices[name])
            model.fit(x[train], y[train], weight[train])
            total[test, m] += model.log_odds(x[test])
        count[test] += 1.0
    rows = np.flatnonzero(count > 0.0)
    return total[rows] / count[rows, None], rows


def fit_forecaster(
    x: FloatArray,
    y: LabelArray,
    weight: FloatArray,
    *,
    names: Sequence[str],
    schema_hash: str,
    folds: Folds,
    calibration: tuple[IntArray, IntArray],
    algorithms: Sequence[str] = ALGORITHMS,
    seed: int,
    features_max: int,
) -> tuple[Forecaster, FitDiagnostics]:
    """Fit members, stacker and calibrator, each on rows that the one before did not use.

    Parameters
    ----------
    x : float64, shape (n_rows, n_features)
        Finite features, oldest row first.
    y : int8, shape (n_rows,)
        1 for up, 0 for down.
    weight : float64, shape (n_rows,)
        Average uniqueness, (0, 1]: its sum is taken as the number of independent labels.
    names : sequence of str
        Of the columns.
    schema_hash : str
        Of these features; the forecaster answers no other schema.
    folds : sequence of (train, test) int64 index arrays
        Purged and embargoed. Folds that are not purged leak labels into the stacker.
    calibration : (fit_rows, calibration_rows)
        The final members are fitted on the first; the second is in no fold and no fit,
        and must be purged against the first.
    algorithms : sequence of str
    seed : int
    features_max : int

    Returns
    -------
    forecaster : Forecaster
    diagnostics : FitDiagnostics

    Raises
    ------
    ModelError
        If a cell is not finite, a training part has one class only, or calibration rows
        were also used for fitting.

    Notes
    -----
    One thread, and the same bytes for the same arguments.
    """
    with threadpool_limits(limits=1):
        narrow = as_float32(x, names)
        check_targets(y, weight, narrow.shape[0], "Training")
        fit_rows, held_rows = calibration
        _check_rows(folds, fit_rows, held_rows)
        for train, _ in folds:
            check_targets(y[train], weight[train], train.size, "The training part of a fold")
        tested = np.unique(np.concatenate([test for _, test in folds]))
        check_targets(y[tested], weight[tested], tested.size, "Out-of-fold forecasting")
        rng = np.random.default_rng(np.random.SeedSequence([seed, len(ALGORITHMS)]))
        chosen = select_features(narrow, y, weight, folds, features_max, rng)
        inputs = np.ascontiguousarray(narrow[:, chosen.columns])
        choices = {name: make(name, 0).tune(inputs, y, weight, folds) for name in algorithms}
        odds, oof_rows = out_of_fold(inputs, y, weight, folds, choices, seed)
        stacker = fit_stacker(odds, y[oof_rows], weight[oof_rows], tuple(algorithms))
        final = {name: make(name, model_seed(seed, name, 0), choices[name]) for name in algorithms}
        for model in final.values():
            model.fit(inputs[fit_rows], y[fit_rows], weight[fit_rows])
        held = np.column_stack([model.log_odds(inputs[held_rows]) for model in final.values()])
        z = held @ stacker.weights + stacker.intercept
        calibrator = fit_calibrator(z, y[held_rows], weight[held_rows])
        forecaster = Forecaster(
            names=tuple(names),
            schema_hash=schema_hash,
            selected=tuple(names[j] for j in chosen.columns),
            forms={name: model.form for name, model in final.items()},
            stacker=stacker,
            calibrator=calibrator,
            sample=_sample(narrow, inputs, held_rows, final),
        )
    return forecaster, FitDiagnostics(
        selected=forecaster.selected,
        importance=_by_name(names, chosen.importance),
        stability=_by_name(names, chosen.stability),
        selection_agreement=chosen.agreement,
        weights=_by_name(algorithms, stacker.weights) | {"intercept": stacker.intercept},
        calibration=_calibration(calibrator, z, y[held_rows], weight[held_rows]),
        n_fit=int(fit_rows.size),
        n_oof=int(oof_rows.size),
        n_calibration=int(held_rows.size),
        **_out_of_fold_scores(forecaster, odds, y[oof_rows], weight[oof_rows]),
    )


class _Scores(TypedDict):
    log_loss_null: float
    log_loss: dict[str, float]
    auc: dict[str, float]


def _out_of_fold_scores(
    forecaster: Forecaster, odds: FloatArray, y: LabelArray, weight: FloatArray
) -> _Scores:
    stacker = forecaster.stacker
    columns = dict(zip(forecaster.models, odds.T, strict=True))
    columns["stacked"] = odds @ stacker.weights + stacker.intercept
    rate = float(weight @ y / weight.sum())
    null = np.full(y.shape[0], np.log(rate / (1.0 - rate)))
    return {
        "log_loss_null": log_loss(null, y, weight),
        "log_loss": {name: log_loss(z, y, weight) for name, z in columns.items()},
        "auc": {name: area_under_curve(z, y, weight) for name, z in columns.items()},
    }


def _calibration(
    calibrator: Calibrator, z: FloatArray, y: LabelArray, weight: FloatArray
) -> dict[str, float]:
    p = calibrator.p_up(z)
    deviations = np.sqrt(np.diag(calibrator.covariance))
    return {
        "isotonic": float(calibrator.is_isotonic),
        "slope": calibrator.slope,
        "intercept": calibrator.intercept,
        "log_slope_error": float(deviations[0]),
        "intercept_error": float(deviations[1]),
        "effective_rows": calibrator.effective_rows,
        "log_loss_before": log_loss(z, y, weight),
        "log_loss_after": log_loss(np.log(p / (1.0 - p)), y, weight),
    }


def _by_name(names: Sequence[str], values: FloatArray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _check_rows(folds: Folds, fit_rows: IntArray, held_rows: IntArray) -> None:
    """Raise unless there are folds, and the calibration rows are in none of them."""
    parts = [index for pair in folds for index in pair]
    if not parts or any(index.size == 0 for index in parts) or not held_rows.size:
        raise ModelError(
            f"Training must have filled folds and calibration rows; was {len(folds)} folds "
            f"and {held_rows.size} calibration rows.",
            remedy="Use more history, or fewer training.inner_folds.",
        )
    if any(np.isin(test, train).any() for train, test in folds):
        raise ModelError(
            "A fold must not test rows that it trains on; was otherwise.",
            remedy="Give purged folds, such as assay.research.splits.purged makes.",
        )
    if np.isin(held_rows, np.concatenate([*parts, fit_rows])).any():
        raise ModelError(
            "Calibration rows must be in no fold and in no fit; was otherwise.",
            remedy="Purge the fitting rows against the calibration rows.",
        )


def _sample(
    x: Float32Array, inputs: Float32Array, rows: IntArray, models: dict[str, Estimator]
) -> ParitySample:
    """Return evenly spaced rows with every library's own answer."""
    some = rows[np.unique(np.linspace(0, rows.size - 1, SAMPLE_ROWS).astype(np.int64))]
    native = [model.native_p_up(np.ascontiguousarray(inputs[some])) for model in models.values()]
    return ParitySample(x=x[some].copy(), native=np.column_stack(native))
