"""One fitted decision maker: the ensemble, the indicator votes and their fusion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from assay.config.settings import FusionSettings
from assay.domain.signal import Signal
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.models.calibration import Calibrator, fit_platt
from assay.models.ensemble import Forecaster
from assay.models.inputs import LabelArray
from assay.models.quantile import QuantileForecaster
from assay.models.stacking import fit_weights
from assay.signals.fusion import fuse_rows, linear_rows, logit, weights_of
from assay.signals.terms import Terms
from assay.signals.votes import VOTES

PATHS = ("hybrid", "ai", "indicators")
SCALE_QUANTILE = 0.99
VOTE_SPREAD = 0.25
POOL_SPREAD = 0.1
PERSISTENCE_MAX = 10.0


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
        Of the louder source for that side, [0, 1].
    p : float64
        Calibrated probability that the side is right.
    p_lower : float64
        Its lower bound at the confidence asked for.
    gain, loss : float64
        Average win and loss of that side over one horizon after cost and swap, log returns.
    """

    direction: FloatArray
    score: FloatArray
    conviction: FloatArray
    p: FloatArray
    p_lower: FloatArray
    gain: FloatArray
    loss: FloatArray

    @classmethod
    def joined(cls, leans: "Sequence[Lean]") -> "Lean":
        """Return the leans of consecutive spans as one."""
        return cls(
            **{
                field.name: np.concatenate([getattr(lean, field.name) for lean in leans])
                for field in fields(cls)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opinion:
    """What one path thinks before swap, costs and the validator; arrays have shape (n_bars,).

    Attributes
    ----------
    ai, traditional : float64
        Weighted log-odds of up of both sources.
    p_up, lower, upper : float64
        Calibrated probability of up, and its bounds.
    scale, move, persistence : float
        As in ``SignalModel``.
    """

    ai: FloatArray
    traditional: FloatArray
    p_up: FloatArray
    lower: FloatArray
    upper: FloatArray
    scale: float
    move: float
    persistence: float


def lean_of(opinion: Opinion, terms: Terms, fusion: FusionSettings) -> Lean:
    """Return what *opinion* comes to once swap, costs and the validator are asked."""
    typical = opinion.move * terms.volatility
    with np.errstate(divide="ignore", invalid="ignore"):
        tilt = (terms.carry_short - terms.carry_long) / typical
        drag = np.maximum(0.0, -(terms.carry_long + terms.carry_short) / typical)
    direction, score, conviction = fuse_rows(
        opinion.ai, opinion.traditional, tilt, drag, opinion.scale, weights_of(fusion)
    )
    is_up = direction > 0.0
    extra = np.where(is_up, terms.carry_long, terms.carry_short)
    extra = extra - terms.cost / opinion.persistence
    return Lean(
        direction=direction,
        score=score,
        conviction=conviction,
        p=np.where(is_up, opinion.p_up, 1.0 - opinion.p_up),
        p_lower=np.where(is_up, opinion.lower, 1.0 - opinion.upper),
        gain=typical + extra,
        loss=typical - extra,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalModel:
    """All that turns one bar's features and votes into a view. Immutable.

    Attributes
    ----------
    forecaster : Forecaster
        The AI path.
    equal_slope : float
        Log-odds per mean vote (parallel topology).
    vote_weights : float64, shape (n_votes,)
        Log-odds per vote, at least 0: the meta-model that weighs the indicators.
    pools : mapping of str to (float, float)
        Weight of the AI and of the traditional log-odds in each path of ``PATHS``.
    calibrators : mapping of str to Calibrator
        From pooled log-odds to probability, for each path.
    scale : float
        Log-odds that count as full conviction.
    move : float
        Mean absolute move of a label over the volatility of its horizon.
    persistence : float
        For how many horizons a view is expected to last, [1, 10]: one cost buys all of them.
    fusion : FusionSettings
    quantiles : QuantileForecaster
        Of the move over the horizon, in units of its volatility.
    vote_names : tuple of str
        Columns of the votes: the fourteen indicators, then a user's signals.
    """

    forecaster: Forecaster
    equal_slope: float
    vote_weights: FloatArray
    pools: Mapping[str, tuple[float, float]]
    calibrators: Mapping[str, Calibrator]
    scale: float
    move: float
    persistence: float
    fusion: FusionSettings
    quantiles: QuantileForecaster
    vote_names: tuple[str, ...] = VOTES

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

    def move_quantiles(self, x: FloatArray) -> FloatArray:
        """Return the quantiles of the move over the horizon, in volatilities of the horizon.

        Parameters
        ----------
        x : float64, shape (n_bars, n_features)

        Returns
        -------
        quantiles : float64, shape (n_bars, n_levels)
            Rising from left to right; NaN where a feature is not finite.
        """
        known = np.isfinite(x).all(axis=1)
        out = np.full((len(x), len(self.quantiles.levels)), np.nan)
        if known.any():
            rows = np.ascontiguousarray(x[known])
            out[known] = self.quantiles.quantiles(rows, self.quantiles.schema_hash)
        return out

    def traditional_log_odds(self, votes: FloatArray) -> FloatArray:
        """Return the calibrated log-odds of up of the indicator votes, shape (n_bars,)."""
        return traditional(votes, self.equal_slope, self.vote_weights, self.fusion)

    def lean(
        self,
        path: str,
        ai: FloatArray,
        traditional: FloatArray,
        terms: Terms,
        *,
        confidence: float,
    ) -> Lean:
        """Return what *path* says.

        Parameters
        ----------
        path : {"hybrid", "ai", "indicators"}
        ai, traditional : float64, shape (n_bars,)
            Log-odds from the two methods above.
        terms : Terms
        confidence : float
            One-sided, of the lower bound.
        """
        opinion = self.opinion(path, ai, traditional, confidence=confidence)
        return lean_of(opinion, terms, self.fusion)

    def opinion(
        self, path: str, ai: FloatArray, traditional: FloatArray, *, confidence: float
    ) -> Opinion:
        """Return what *path* thinks before swap, costs and the validator; arguments as above."""
        for_ai, for_traditional = self.pools[path]
        pooled = pool(ai, traditional, self.pools[path])
        calibrator = self.calibrators[path]
        lower, upper = calibrator.bounds(pooled, confidence)
        return Opinion(
            ai=for_ai * ai,
            traditional=for_traditional * traditional,
            p_up=calibrator.p_up(pooled),
            lower=lower,
            upper=upper,
            scale=self.scale,
            move=self.move,
            persistence=self.persistence,
        )

    def explain(
        self, x: FloatArray, votes: FloatArray, *, horizon_bars: int
    ) -> tuple[Signal, Signal]:
        """State both paths' views of one bar as signals, with a reason for a reader.

        Parameters
        ----------
        x : float64, shape (1, n_features)
        votes : float64, shape (1, n_votes)
        horizon_bars : int
        """
        ai = float(self.ai_log_odds(x)[0])
        mine = float(self.traditional_log_odds(votes)[0])
        weight = self.vote_weights * votes[0]
        n_own = len(self.vote_names) - len(VOTES)
        voters = "14 indicators" + (f" and {n_own} of strategy.py" if n_own else "")
        place = int(np.argmax(np.abs(weight)))
        strongest = self.vote_names[place] if np.any(weight) else "none"
        return (
            _signal("ensemble", ai, horizon_bars, f"{len(self.forecaster.models)} models, stacked"),
            _signal("votes", mine, horizon_bars, f"{voters}; the strongest is {strongest}"),
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


def pool(ai: FloatArray, traditional: FloatArray, weights: tuple[float, float]) -> FloatArray:
    """Return the weighted log-odds of both paths; a silent path says 0. Shape (n_bars,)."""
    heard = np.where(np.isfinite(ai), ai, 0.0), np.where(np.isfinite(traditional), traditional, 0.0)
    return np.asarray(weights[0] * heard[0] + weights[1] * heard[1])


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
    n_votes = votes.shape[1]
    equal = np.full(n_votes, equal_slope / n_votes)
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
    votes : float64, shape (n_rows, n_votes)
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
    one_horizon_apart: tuple[IntArray, IntArray],
    fusion: FusionSettings,
    move: float,
    quantiles: QuantileForecaster,
    vote_names: tuple[str, ...] = VOTES,
) -> SignalModel:
    """Fit vote weights on the training rows; pools, scale and calibrators on held-out rows.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted on the rows of *fit*.
    fit, held : SignalRows
        *held* is the calibration part, which neither the members nor the stacker saw.
    one_horizon_apart : (earlier, later) int64
        Rows of *held* of one symbol between which one horizon passes.
    fusion : FusionSettings
    move : float
        Mean absolute move over volatility, of the fit rows.
    quantiles : QuantileForecaster
        Fitted on the rows of *fit*.
    vote_names : tuple of str
        Columns of the votes.
    """
    mean_vote = fit.votes.mean(axis=1, keepdims=True)
    equal, _ = fit_weights(mean_vote, fit.y, fit.weight, prior=np.zeros(1), spread=VOTE_SPREAD)
    nothing = np.zeros(len(vote_names))
    meta, _ = fit_weights(fit.votes, fit.y, fit.weight, prior=nothing, spread=VOTE_SPREAD)
    ai = logit_rows(forecaster.p_up(held.x, forecaster.schema_hash))
    mine = traditional(held.votes, float(equal[0]), meta, fusion)
    pools = {"ai": (1.0, 0.0), "indicators": (0.0, 1.0), "hybrid": (1.0, 1.0)}
    if fusion.topology != "parallel":
        both = np.column_stack((ai, mine))
        share, _ = fit_weights(
            both, held.y, held.weight, prior=np.array([1.0, 0.0]), spread=POOL_SPREAD
        )
        pools["hybrid"] = (float(share[0]), float(share[1]))
    return SignalModel(
        forecaster=forecaster,
        equal_slope=float(equal[0]),
        vote_weights=meta,
        pools=pools,
        calibrators={
            path: fit_platt(pool(ai, mine, pools[path]), held.y, held.weight) for path in PATHS
        },
        scale=max(float(np.quantile(np.abs(ai), SCALE_QUANTILE)), 1e-6),
        move=move,
        persistence=persistence_of(ai, *one_horizon_apart),
        fusion=fusion,
        quantiles=quantiles,
        vote_names=vote_names,
    )


def persistence_of(log_odds: FloatArray, earlier: IntArray, later: IntArray) -> float:
    """Return for how many horizons a view is expected to last, [1, 10].

    Notes
    -----
    With *r* the correlation of the view with itself one horizon later, a view decays like
    ``r ** k`` and is worth ``1 / (1 - r)`` horizons in all.
    """
    if len(earlier) < 2 or np.ptp(log_odds[earlier]) == 0.0 or np.ptp(log_odds[later]) == 0.0:
        return 1.0
    r = float(np.corrcoef(log_odds[earlier], log_odds[later])[0, 1])
    return float(min(1.0 / (1.0 - min(max(r, 0.0), 0.999)), PERSISTENCE_MAX))
