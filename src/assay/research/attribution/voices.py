"""What each source said at each event, and what it added to the lean that was acted upon."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.models.calibration import Calibrator
from assay.research.attribution.part import (
    CALIBRATION,
    RULE,
    SWAP_DRAG,
    SWAP_TILT,
    Part,
    model_part,
    order_of,
    vote_part,
)
from assay.research.dataset import Dataset
from assay.research.walk import Walked
from assay.signals.fusion import linear_rows
from assay.signals.signal_model import Lean, SignalModel, lean_of, logit_rows
from assay.signals.terms import Terms

NEAR_ZERO = 1e-9
"""Log-odds of the whole ensemble below which its calibration's slope is taken at zero."""
STEP = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voices:
    """The sources of one strategy; arrays have one row per event.

    Attributes
    ----------
    sources : tuple of Part
    log_odds : float64, shape (n_events, n_sources)
        What each source said: calibrated log-odds of up before its path is weighed. 0 is
        silence; the swap, which says nothing of up or down, is silent.
    lean : float64, shape (n_events, n_sources)
        What each added to the lean; rows sum to ``direction * (2 score - 1)`` of the view.
    p : float64, shape (n_events,)
        Calibrated probability that the side of the view is right; NaN where nobody knows.
    """

    sources: tuple[Part, ...]
    log_odds: FloatArray
    lean: FloatArray
    p: FloatArray

    def __len__(self) -> int:
        return len(self.lean)

    @classmethod
    def joined(cls, spans: Sequence[Self]) -> Self:
        """Return the voices of consecutive spans as one; who is absent in a span is silent."""
        found = {part.name: part for item in spans for part in item.sources}
        sources = tuple(sorted(found.values(), key=order_of))
        return cls(
            sources=sources,
            log_odds=np.concatenate([item._columns("log_odds", sources) for item in spans]),
            lean=np.concatenate([item._columns("lean", sources) for item in spans]),
            p=np.concatenate([item.p for item in spans]),
        )

    def _columns(self, name: str, sources: Sequence[Part]) -> FloatArray:
        """Return an array with a column for each of *sources*, 0 for those that are not here."""
        out = np.zeros((len(self), len(sources)))
        place = {part.name: column for column, part in enumerate(sources)}
        out[:, [place[part.name] for part in self.sources]] = getattr(self, name)
        return out

    def with_rule(self) -> Self:
        """Return the voices with a fixed rule among them, silent unless it was there."""
        if RULE in self.sources:
            return self
        nothing = np.zeros((len(self), 1))
        return replace(
            self,
            sources=(*self.sources, RULE),
            log_odds=np.concatenate((self.log_odds, nothing), axis=1),
            lean=np.concatenate((self.lean, nothing), axis=1),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spoken:
    """What the sources of a model said at each bar, before paths and swap.

    Attributes
    ----------
    sources : tuple of Part
        Models, their calibration, then votes.
    log_odds : float64, shape (n_bars, n_sources)
    ai, traditional : float64, shape (n_bars,)
        Their sums: the log-odds of both paths, NaN where one is silent.
    n_ai : int
        How many of the sources belong to the AI path.
    """

    sources: tuple[Part, ...]
    log_odds: FloatArray
    ai: FloatArray
    traditional: FloatArray
    n_ai: int


def spoken_by(model: SignalModel, x: FloatArray, votes: FloatArray) -> Spoken:
    """Return what each source of *model* says, in log-odds that add up.

    Parameters
    ----------
    model : SignalModel
    x : float64, shape (n_bars, n_features)
    votes : float64, shape (n_bars, n_votes)

    Notes
    -----
    A vote's log-odds are its weight times the vote. A member's are its weight in the stack times
    its own log-odds, times what the calibrator makes of one log-odd on the way from zero to the
    stack's answer (Platt: the slope; isotonic steps: the mean slope, which is the Aumann-Shapley
    value). What the calibrator says to silence, and the stack's intercept, are the calibration's.
    """
    ai = model.ai_log_odds(x)
    heard = np.isfinite(ai)
    forecaster = model.forecaster
    members = np.zeros((len(x), len(forecaster.models) + 1))
    if heard.any():
        stacker = forecaster.stacker
        odds = forecaster.member_log_odds(np.ascontiguousarray(x[heard]))
        stacked = linear_rows(odds, stacker.weights, stacker.intercept)
        gain = _gain(forecaster.calibrator, stacked, ai[heard])
        own = odds * stacker.weights * gain[:, None]
        members[heard] = np.column_stack((own, ai[heard] - own.sum(axis=1)))
    weights = model.traditional_log_odds(np.eye(len(model.vote_names)))
    return Spoken(
        sources=(
            *(model_part(name) for name in forecaster.models),
            CALIBRATION,
            *(vote_part(name) for name in model.vote_names),
        ),
        log_odds=np.concatenate((members, votes * weights), axis=1),
        ai=ai,
        traditional=model.traditional_log_odds(votes),
        n_ai=len(forecaster.models) + 1,
    )


def _gain(calibrator: Calibrator, stacked: FloatArray, calibrated: FloatArray) -> FloatArray:
    """Return the calibrated log-odds per stacked one between zero and each answer."""
    at_zero, below, above = logit_rows(calibrator.p_up(np.array([0.0, -STEP, STEP])))
    near = np.abs(stacked) < NEAR_ZERO
    gain = (calibrated - at_zero) / np.where(near, 1.0, stacked)
    return np.asarray(np.where(near, (above - below) / (2.0 * STEP), gain))


def voices_of_model(
    model: SignalModel, spoken: Spoken, path: str, terms: Terms, *, confidence: float
) -> Voices:
    """Return what each source added to the lean of *path*.

    Parameters
    ----------
    model : SignalModel
    spoken : Spoken
    path : {"hybrid", "ai", "indicators"}
    terms : Terms
    confidence : float
        As for ``SignalModel.lean``.

    Notes
    -----
    The fusion is asked, never imitated: with both paths, with either alone, and with the swap.
    Each path gets the Shapley value of the two (fusion adds them up, so the order does not
    matter), shared over its sources in proportion of their log-odds. Where a conviction is
    clipped, all of its sources shrink alike. The swap then gets what it changes at the end:
    without a view it has nothing to shift.
    """
    opinion = model.opinion(path, spoken.ai, spoken.traditional, confidence=confidence)
    silence = np.zeros(len(spoken.ai))
    free = _without_swap(terms)
    both = signed(lean_of(opinion, free, model.fusion))
    by_ai = signed(lean_of(replace(opinion, traditional=silence), free, model.fusion))
    by_own = signed(lean_of(replace(opinion, ai=silence), free, model.fusion))
    by_tilt = signed(lean_of(opinion, _tilted_only(terms), model.fusion))
    whole = lean_of(opinion, terms, model.fusion)
    by_swap = signed(whole)
    from_ai = 0.5 * (by_ai + both - by_own)
    from_own = both - from_ai
    shares = np.concatenate(
        (
            spoken.log_odds[:, : spoken.n_ai] * _ratio(from_ai, spoken.ai)[:, None],
            spoken.log_odds[:, spoken.n_ai :] * _ratio(from_own, spoken.traditional)[:, None],
            (by_tilt - both)[:, None],
            (by_swap - by_tilt)[:, None],
        ),
        axis=1,
    )
    shares[~np.isfinite(by_swap)] = 0.0
    return Voices(
        sources=(*spoken.sources, SWAP_TILT, SWAP_DRAG),
        log_odds=np.concatenate((spoken.log_odds, np.zeros((len(silence), 2))), axis=1),
        lean=shares,
        p=whole.p,
    )


def signed(lean: Lean) -> FloatArray:
    """Return the lean as one number in [-1, 1], positive for up."""
    return np.asarray(lean.direction * (2.0 * lean.score - 1.0))


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    known = np.isfinite(whole) & (whole != 0.0)
    return np.divide(part, whole, out=np.zeros_like(part), where=known)


def _without_swap(terms: Terms) -> Terms:
    nothing = np.zeros_like(terms.carry_long)
    return replace(terms, carry_long=nothing, carry_short=nothing)


def _tilted_only(terms: Terms) -> Terms:
    """Return the terms under which holding costs nothing on average, one side as before."""
    half = 0.5 * (terms.carry_long - terms.carry_short)
    return replace(terms, carry_long=half, carry_short=-half)


def voices_of_walk(walked: Walked, paths: Sequence[str]) -> dict[str, Voices]:
    """Return the voices of each path over the out-of-sample events of a walk forward."""
    tested = walked.tested
    spans: dict[str, list[Voices]] = {path: [] for path in paths}
    steps = zip(tested.trainings, tested.datasets, tested.chosen, strict=True)
    for fold, (training, dataset, settings) in enumerate(steps):
        mine = np.flatnonzero(tested.fold == fold) + tested.first
        rows = slice(int(mine[0]), int(mine[-1]) + 1)
        confidence = settings.risk.probability_confidence
        found = voices_of_dataset(training.model, dataset, rows, paths, confidence=confidence)
        for path in paths:
            spans[path].append(found[path])
    return {path: Voices.joined(chunk) for path, chunk in spans.items()}


def voices_of_dataset(
    model: SignalModel, dataset: Dataset, rows: slice, paths: Sequence[str], *, confidence: float
) -> dict[str, Voices]:
    """Return the voices of each path of *model* over *rows* of a dataset."""
    spoken = spoken_by(model, dataset.column("x")[rows], dataset.column("votes")[rows])
    terms = dataset.terms(rows)
    return {
        path: voices_of_model(model, spoken, path, terms, confidence=confidence) for path in paths
    }


def voices_of_votes(votes: FloatArray, names: Sequence[str]) -> Voices:
    """Return the voices of votes that count alike and were fitted to nothing.

    Parameters
    ----------
    votes : float64, shape (n_events, n_votes)
    names : sequence of str
    """
    lean = np.nan_to_num(votes) / votes.shape[1]
    return Voices(
        sources=tuple(vote_part(name) for name in names),
        log_odds=np.zeros_like(lean),
        lean=lean,
        p=np.full(len(lean), np.nan),
    )


def voice_of_rule(views: Views) -> Voices:
    """Return the one voice of a strategy whose views come from nowhere else."""
    n_events = len(views)
    score = np.broadcast_to(views.score, n_events)
    lean = np.nan_to_num(views.direction * (2.0 * score - 1.0))
    return Voices(
        sources=(RULE,),
        log_odds=np.zeros((n_events, 1)),
        lean=lean[:, None],
        p=np.full(n_events, np.nan),
    )
