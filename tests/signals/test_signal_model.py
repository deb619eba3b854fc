"""The decision maker: three topologies by one setting, and reasons for a reader."""

import numpy as np
import pytest

from assay.config.settings import FusionSettings, TrainingSettings
from assay.domain.errors import ModelError
from assay.models.fitting import fit_forecaster
from assay.models.quantile import fit_quantiles
from assay.signals.signal_model import (
    PATHS,
    SignalModel,
    SignalRows,
    fit_signal_model,
    persistence_of,
    pool,
)
from assay.signals.terms import Terms
from assay.signals.votes import N_VOTES

N_ROWS, N_FIT = 3_000, 2_400
NAMES = ("one", "two", "three")


def rows() -> SignalRows:
    """One feature and the first two votes know the answer a little; the rest is noise."""
    generator = np.random.default_rng(2)
    x = generator.normal(size=(N_ROWS, 3))
    votes = np.tanh(generator.normal(size=(N_ROWS, N_VOTES)))
    lean = 0.8 * x[:, 0] + 0.5 * votes[:, 0] + 0.5 * votes[:, 1]
    y = (generator.uniform(size=N_ROWS) < 1.0 / (1.0 + np.exp(-lean))).astype(np.int8)
    return SignalRows(x=x, votes=votes, y=y, weight=np.full(N_ROWS, 0.5))


ROWS = rows()


def part(first: int, stop: int) -> SignalRows:
    return SignalRows(
        x=ROWS.x[first:stop],
        votes=ROWS.votes[first:stop],
        y=ROWS.y[first:stop],
        weight=ROWS.weight[first:stop],
    )


@pytest.fixture(scope="module")
def models() -> dict[str, SignalModel]:
    halves = np.arange(N_FIT // 2), np.arange(N_FIT // 2, N_FIT)
    shared = {"names": NAMES, "schema_hash": "s", "seed": 1}
    forecaster, _ = fit_forecaster(
        ROWS.x,
        ROWS.y,
        ROWS.weight,
        folds=[halves, halves[::-1]],
        calibration=(np.arange(N_FIT), np.arange(N_FIT, N_ROWS)),
        algorithms=("logistic",),
        features_max=3,
        **shared,  # type: ignore[arg-type]
    )
    quantiles = fit_quantiles(
        ROWS.x[:N_FIT],
        ROWS.x[:N_FIT, 0],
        ROWS.weight[:N_FIT],
        TrainingSettings().quantiles,
        **shared,  # type: ignore[arg-type]
    )
    return {
        topology: fit_signal_model(
            forecaster,
            part(0, N_FIT),
            part(N_FIT, N_ROWS),
            one_horizon_apart=(np.arange(500), np.arange(1, 501)),
            fusion=FusionSettings(topology=topology),  # type: ignore[arg-type]
            move=1.0,
            quantiles=quantiles,
        )
        for topology in ("parallel", "hierarchical", "hybrid")
    }


def terms(n_rows: int, carry_long: float = 0.0) -> Terms:
    flat = np.full(n_rows, 0.01)
    return Terms(
        volatility=flat,
        cost=0.01 * flat,
        carry_long=np.full(n_rows, carry_long),
        carry_short=np.zeros(n_rows),
    )


def test_one_setting_chooses_how_the_indicators_are_weighed(models: dict[str, SignalModel]) -> None:
    votes = np.zeros((1, N_VOTES))
    votes[0, 0] = 1.0
    said = {name: float(model.traditional_log_odds(votes)[0]) for name, model in models.items()}
    assert said["hierarchical"] > said["hybrid"] > said["parallel"] > 0.0
    assert said["hybrid"] == pytest.approx((said["hierarchical"] + said["parallel"]) / 2.0)
    meta = models["hierarchical"].vote_weights
    assert set(np.argsort(meta)[-2:]) == {0, 1}
    assert models["parallel"].pools["hybrid"] == (1.0, 1.0)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_ranks_outcomes_and_its_bound_is_below_its_probability(
    models: dict[str, SignalModel], path: str
) -> None:
    held = part(N_FIT, N_ROWS)
    model = models["hybrid"]
    lean = model.lean(
        path,
        model.ai_log_odds(held.x),
        model.traditional_log_odds(held.votes),
        terms(len(held.y)),
        confidence=0.75,
    )
    right = (lean.direction > 0.0) == (held.y > 0)
    assert right[lean.direction != 0.0].mean() > 0.53
    assert (lean.p_lower <= lean.p + 1e-12).all()
    assert ((lean.score >= 0.5) & (lean.score <= 1.0)).all()
    assert (lean.loss > lean.gain).all(), "costs come off the gain and onto the loss"


def test_an_expensive_swap_turns_longs_away(models: dict[str, SignalModel]) -> None:
    model, held = models["hybrid"], part(N_FIT, N_ROWS)
    ai, mine = model.ai_log_odds(held.x), model.traditional_log_odds(held.votes)
    free = model.lean("hybrid", ai, mine, terms(len(ai)), confidence=0.75)
    dear = model.lean("hybrid", ai, mine, terms(len(ai), carry_long=-0.005), confidence=0.75)
    assert (dear.direction > 0.0).sum() < (free.direction > 0.0).sum()


def test_a_missing_feature_silences_ai_alone(models: dict[str, SignalModel]) -> None:
    model = models["hybrid"]
    x = np.array([[np.nan, 0.0, 0.0]])
    votes = np.full((1, N_VOTES), 0.9)
    assert np.isnan(model.ai_log_odds(x)[0])
    ai, mine = model.ai_log_odds(x), model.traditional_log_odds(votes)
    only = model.lean("indicators", ai, mine, terms(1), confidence=0.75)
    assert only.direction[0] == 1.0
    first, second = model.explain(x, votes, horizon_bars=24)
    assert first.is_abstention
    assert "history" in first.reason
    assert second.direction > 0.0
    assert np.isnan(model.move_quantiles(x)).all()


def test_quantiles_rise_and_another_schema_is_refused(models: dict[str, SignalModel]) -> None:
    model = models["hybrid"]
    assert (np.diff(model.move_quantiles(ROWS.x[:50]), axis=1) >= 0.0).all()
    with pytest.raises(ModelError, match="schema"):
        model.forecaster.p_up(ROWS.x[:2], "another")


def test_a_view_that_lasts_spreads_its_cost_over_more_horizons() -> None:
    steps = np.arange(400)
    slow = np.sin(steps / 60.0)
    assert persistence_of(slow, steps[:-1], steps[1:]) == 10.0
    noise = np.random.default_rng(1).normal(size=400)
    assert persistence_of(noise, steps[:-1], steps[1:]) < 1.2
    assert persistence_of(np.ones(400), steps[:-1], steps[1:]) == 1.0


def test_a_silent_path_adds_nothing_to_the_pool() -> None:
    pooled = pool(np.array([0.5, np.nan]), np.array([np.nan, 0.2]), (1.0, 0.5))
    assert pooled.tolist() == [0.5, 0.1]
