"""Small fitted models, made once: overlapping labels of a weak linear truth."""

from dataclasses import dataclass

import numpy as np
import pytest

from assay.models.ensemble import Forecaster
from assay.models.fitting import FitDiagnostics, fit_forecaster


@dataclass(frozen=True)
class Problem:
    """Rows with overlapping labels and a known truth."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    truth: np.ndarray  # log-odds
    names: tuple[str, ...]
    folds: list[tuple[np.ndarray, np.ndarray]]
    calibration: tuple[np.ndarray, np.ndarray]


def autocorrelated(n_rows, n_columns, decay, rng):
    x = rng.normal(size=(n_rows, n_columns))
    for i in range(1, n_rows):
        x[i] = decay * x[i - 1] + np.sqrt(1 - decay**2) * x[i]
    return x


def purged(n_rows, horizon, n_folds=4, held=0.2):
    """Labels span ``[i, i + horizon]``: no label of one part reaches into the other."""
    start = int(n_rows * (1 - held))
    fit_rows = np.arange(start - horizon)
    folds = []
    for test in np.array_split(fit_rows, n_folds):
        far = (fit_rows + horizon < test[0]) | (fit_rows > test[-1] + 2 * horizon)
        folds.append((fit_rows[far], test))
    return folds, (fit_rows, np.arange(start, n_rows))


def problem(truth_of, seed, *, n_rows=3000, n_columns=10, horizon=6, decay=0.9) -> Problem:
    """Up with probability ``sigmoid(truth)``; neighbours share most of their noise."""
    from scipy.special import ndtr

    rng = np.random.default_rng(seed)
    x = autocorrelated(n_rows, n_columns, decay, rng)
    truth = truth_of(x)
    noise = np.convolve(rng.normal(size=n_rows + horizon - 1), np.ones(horizon), "valid")
    uniform = ndtr(noise / np.sqrt(horizon))
    folds, calibration = purged(n_rows, horizon)
    return Problem(
        x=x,
        y=(uniform < 1 / (1 + np.exp(-truth))).astype(np.int8),
        weight=np.full(n_rows, 1 / horizon),
        truth=truth,
        names=tuple(f"feature_{j}" for j in range(n_columns)),
        folds=folds,
        calibration=calibration,
    )


def fitted(p: Problem, **changes) -> tuple[Forecaster, FitDiagnostics]:
    arguments = {
        "names": p.names,
        "schema_hash": "schema-a",
        "folds": p.folds,
        "calibration": p.calibration,
        "seed": 3,
        "features_max": 8,
    }
    return fit_forecaster(p.x, p.y, p.weight, **(arguments | changes))


def linear(x):
    return 0.5 * (x[:, 0] + x[:, 1] + x[:, 2]) / np.sqrt(3)


@pytest.fixture(scope="session")
def weak() -> Problem:
    return problem(linear, seed=1)


@pytest.fixture(scope="session")
def forecast(weak) -> tuple[Forecaster, FitDiagnostics]:
    return fitted(weak)


@pytest.fixture(scope="session")
def forecaster(forecast) -> Forecaster:
    return forecast[0]
