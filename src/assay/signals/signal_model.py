"""One fitted decision maker: the ensemble, the indicator votes and their fusion."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.config.settings import FusionSettings
from assay.domain.signal import Signal
from assay.kernels.compiler import FloatArray, kernel
from assay.models.calibration import Calibrator, fit_platt
from assay.models.ensemble import Forecaster
from assay.models.inputs import LabelArray
from assay.models.stacking import fit_weights
from assay.signals.fusion import fuse_rows, linear_rows, logit, weights_of
from assay.signals.votes import N_VOTES, VOTES

PATHS = ("hybrid", "ai", "indicators")
SCALE_QUANTILE = 0.9
VOTE_SPREAD = 0.25
BREAK_EVENS_AT_FULL_CONVICTION = 2.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lean:
    """What one path says at each bar; every array has shape (n_bars,).

    Attributes
    ----------
    direction : float64
        -1, 0 or +1.
    score : float64
        The validator's score of that side, [0.5, 1].
    conviction : float64
        Of the AI path (of the traditional one where AI is silent), [0, 1].
    p : float64
        Calibrated probability that the side is right.
    p_lower : float64
        Its lower bound at the confidence asked for.
    """

    direction: FloatArray
    score: FloatArray
    conviction: FloatArray
    p: FloatArray
    p_lower: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalModel:
    """All that turns one bar's features and votes into a view. Immutable.

    Attributes
    ----------
    forecaster : Forecaster
        The AI path.
    equal_slope : float
        Log-odds per mean vote (parallel topology).
    vote_weights : float64, shape (14,)
        Log-odds per vote, at least 0: the meta-model that weighs the indicators.
    calibrators : mapping of str to Calibrator
        From pooled log-odds to probability, for each path of ``PATHS``.
    scale : float
        Log-odds that count as full conviction.
    move : float
        Mean absolute move of a label over the volatility of its horizon.
    fusion : FusionSettings
    """

    forecaster: Forecaster
    equal_slope: float
    vote_weights: FloatArray
    calibrators: Mapping[str, Calibrator]
    scale: float
    move: float
    fusion: FusionSettings

    def ai_log_odds(self, x: FloatArray) -> FloatArray:
        """Return the calibrated log-odds of up of the ensemble; NaN where a feature is not finite.

        Parameters
        ----------
        x : float64, shape (n_bars, n_features)
        """
        known = np.isfinite(x).all(axis=1)
        out = np.full(len(x), np.nan)
        if known.any():
            p = self.forecaster.p_up(np.ascontiguousarray(x[known]), self.forecaster.schema_hash)
            out[known] = logit_rows(p)
        return out

    def traditional_log_odds(self, votes: FloatArray) -> FloatArray:
        """Return the calibrated log-odds of up of the indicator votes, shape (n_bars,)."""
        return traditional(votes, self.equal_slope, self.vote_weights, self.fusion)

    def lean(
        self, path: str, ai: FloatArray, traditional: FloatArray, *, confidence: float
    ) -> Lean:
        """Return what *path* says.

        Parameters
        ----------
        path : {"hybrid", "ai", "indicators"}
        ai, traditional : float64, shape (n_bars,)
            Log-odds from the two methods above.
        confidence : float
            One-sided, of the lower bound.
        """
        silent = np.full(len(ai), np.nan)
        direction, score, conviction, pooled = fuse_rows(
            silent if path == "indicators" else ai,
            silent if path == "ai" else traditional,
            self.scale,
            weights_of(self.fusion),
        )
        calibrator = self.calibrators[path]
        p_up = calibrator.p_up(pooled)
        lower, upper = calibrator.bounds(pooled, confidence)
        is_up = direction > 0.0
        return Lean(
            direction=direction,
            score=score,
            conviction=conviction,
            p=np.where(is_up, p_up, 1.0 - p_up),
            p_lower=np.where(is_up, lower, 1.0 - upper),
        )

    def explain(
        self, x: FloatArray, votes: FloatArray, *, horizon_bars: int
    ) -> tuple[Signal, Signal]:
        """State both paths' views of one bar as signals, with a reason for a reader.

        Parameters
        ----------
        x : float64, shape (1, n_features)
        votes : float64, shape (1, 14)
        horizon_bars : int
        """
        ai = float(self.ai_log_odds(x)[0])
        mine = float(self.traditional_log_odds(votes)[0])
        weight = self.vote_weights * votes[0]
        strongest = VOTES[int(np.argmax(np.abs(weight)))] if np.any(weight) else "none"
        return (
            _signal("ensemble", ai, horizon_bars, f"{len(self.forecaster.models)} models, stacked"),
            _signal("votes", mine, horizon_bars, f"14 indicators; the strongest is {strongest}"),
        )


def _signal(source: str, log_odds: float, horizon_bars: int, reason: str) -> Signal:
    if not np.isfinite(log_odds):
        return Signal(
            source=source,
            direction=0.0,
            confidence=0.5,
            horizon_bars=horizon_bars,
            reason="not enough history for its inputs",
        )
    p_up = 1.0 / (1.0 + float(np.exp(-log_odds)))
    return Signal(
        source=source,
        direction=2.0 * p_up - 1.0,
        confidence=max(p_up, 1.0 - p_up),
        horizon_bars=horizon_bars,
        reason=reason,
    )


@kernel
def logit_rows(p: FloatArray) -> FloatArray:
    """Return the log-odds of each probability, shape (n_rows,)."""
    out = np.empty(p.shape[0])
    for i in range(p.shape[0]):
        out[i] = logit(p[i])
    return out


def traditional(
    votes: FloatArray, equal_slope: float, vote_weights: FloatArray, fusion: FusionSettings
) -> FloatArray:
    """Return the log-odds of the indicator votes under the topology set.

    ``parallel``: every vote counts the same. ``hierarchical``: the meta-model's weights.
    ``hybrid``: the mean of both.
    """
    equal = np.full(N_VOTES, equal_slope / N_VOTES)
    if fusion.topology == "parallel":
        weight = equal
    elif fusion.topology == "hierarchical":
        weight = vote_weights
    else:
        weight = 0.5 * (equal + vote_weights)
    return linear_rows(np.ascontiguousarray(votes), weight, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalRows:
    """Labelled rows for fitting the fusion; arrays have one entry per row.

    Attributes
    ----------
    x : float64, shape (n_rows, n_features)
    votes : float64, shape (n_rows, 14)
    y : int8
        1 for up.
    weight : float64
        Average uniqueness.
    """

    x: FloatArray
    votes: FloatArray
    y: LabelArray
    weight: FloatArray


def fit_signal_model(
    forecaster: Forecaster,
    fit: SignalRows,
    held: SignalRows,
    *,
    fusion: FusionSettings,
    move: float,
    break_even: float,
) -> SignalModel:
    """Fit vote weights on the training rows, and scale and calibrators on the held-out rows.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted on the rows of *fit*.
    fit, held : SignalRows
        *held* is the calibration part, which neither the members nor the stacker saw.
    fusion : FusionSettings
    move : float
        Mean absolute move over volatility, of the fit rows.
    break_even : float
        Log-odds at which the expected gain pays the expected cost. Full conviction is at
        least 2.5 times this, so a side that just passes the validator still pays its way.
    """
    mean_vote = fit.votes.mean(axis=1, keepdims=True)
    equal, _ = fit_weights(mean_vote, fit.y, fit.weight, prior=np.zeros(1), spread=VOTE_SPREAD)
    meta, _ = fit_weights(fit.votes, fit.y, fit.weight, prior=np.zeros(N_VOTES), spread=VOTE_SPREAD)
    model = SignalModel(
        forecaster=forecaster,
        equal_slope=float(equal[0]),
        vote_weights=meta,
        calibrators={},
        scale=1.0,
        move=move,
        fusion=fusion,
    )
    ai = model.ai_log_odds(held.x)
    mine = model.traditional_log_odds(held.votes)
    loudest = np.maximum(np.abs(ai), np.abs(mine))
    scale = max(
        float(np.quantile(loudest, SCALE_QUANTILE)) if len(loudest) else 0.0,
        BREAK_EVENS_AT_FULL_CONVICTION * break_even,
        1e-6,
    )
    silent = np.full(len(ai), np.nan)
    calibrators = {}
    for path in PATHS:
        pooled = fuse_rows(
            silent if path == "indicators" else ai,
            silent if path == "ai" else mine,
            scale,
            weights_of(fusion),
        )[3]
        calibrators[path] = fit_platt(pooled, held.y, held.weight)
    return SignalModel(
        forecaster=forecaster,
        equal_slope=model.equal_slope,
        vote_weights=model.vote_weights,
        calibrators=calibrators,
        scale=scale,
        move=move,
        fusion=fusion,
    )
