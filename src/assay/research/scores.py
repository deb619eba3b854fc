"""What the fits of all folds say together about features and models."""

from collections.abc import Sequence

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.models.fitting import FitDiagnostics
from assay.models.quantile import pinball_loss
from assay.research.result import FeatureScore, ModelScore, QuantileScore


def feature_scores(fits: Sequence[FitDiagnostics]) -> tuple[FeatureScore, ...]:
    """Return the features, most important first; ties by name."""
    names = sorted({name for fit in fits for name in fit.importance})
    totals = {
        name: float(np.mean([fit.importance.get(name, 0.0) for fit in fits])) for name in names
    }
    whole = sum(totals.values()) or 1.0
    scores = [
        FeatureScore(
            name=name,
            importance=totals[name] / whole,
            stability=float(np.mean([name in fit.selected for fit in fits])),
        )
        for name in names
    ]
    return tuple(sorted(scores, key=lambda score: (-score.importance, score.name)))


def model_scores(fits: Sequence[FitDiagnostics]) -> tuple[ModelScore, ...]:
    """Return each member's mean weight and out-of-fold quality, and those of the stack."""
    names = list(fits[0].log_loss) if fits else []
    return tuple(
        ModelScore(
            name=name,
            weight=float(np.mean([fit.weights.get(name, np.nan) for fit in fits])),
            log_loss=float(np.mean([fit.log_loss[name] for fit in fits])),
            auc=float(np.mean([fit.auc[name] for fit in fits])),
        )
        for name in names
    )


def quantile_scores(
    relative: FloatArray, forecast: FloatArray, usual: FloatArray, levels: Sequence[float]
) -> tuple[QuantileScore, ...]:
    """Return how each level of the forecast distribution held.

    Parameters
    ----------
    relative : float64, shape (n_rows,)
        Moves over the horizon, in its volatility.
    forecast, usual : float64, shape (n_rows, n_levels)
    levels : sequence of float
    """
    return tuple(
        QuantileScore(
            level=level,
            below=float(np.mean(relative <= forecast[:, k])),
            loss=pinball_loss(relative, forecast[:, k], level),
            usual_loss=pinball_loss(relative, usual[:, k], level),
        )
        for k, level in enumerate(levels)
        if len(relative)
    )
