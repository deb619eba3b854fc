"""Which configurations to try next: Optuna's tree of Parzen estimators over what was tried.

Each batch is proposed from the outcomes of the batches before it and from nothing else, so that
the same search proposes the same configurations on one worker, on many, and after a crash.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.research.search.outcome import Outcome
from assay.research.search.space import Point, Space

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 10
"""Configurations drawn at random before a model of the objective proposes."""


def propose(space: Space, outcomes: Sequence[Outcome], *, n: int, seed: int) -> list[Point]:
    """Return *n* further configurations; the first of all is the start of the space.

    Parameters
    ----------
    space : Space
    outcomes : sequence of Outcome
        Of all earlier batches, in their order.
    n : int
    seed : int
        Of the search; every batch has a seed of its own.
    """
    if space.n_points <= len(outcomes):
        return []
    points = [space.start()] if not outcomes else []
    study = _study(space, outcomes, seed)
    distributions = _distributions(space)
    seen = {_key(outcome.point) for outcome in outcomes} | {_key(point) for point in points}
    rng = np.random.default_rng([seed, len(outcomes)])
    while len(points) < n and len(seen) < space.n_points:
        asked = study.ask(distributions)
        point = {name: int(place) for name, place in asked.params.items()}
        if _key(point) in seen:  # what is known already is not tried again
            point = _unseen(space, seen, rng)
        seen.add(_key(point))
        points.append(point)
    return points


def given_up(outcome: Outcome, best: Outcome, *, p: float) -> bool:
    """Tell whether *outcome* is worse than *best* on the splits that it was evaluated on.

    The one-sided Wilcoxon signed-rank test, as Optuna's pruner asks it.
    """
    import optuna

    if p <= 0.0 or len(outcome.by_split) < 3:
        return False
    study = optuna.create_study(direction="maximize")
    study.add_trial(
        optuna.trial.create_trial(
            value=float(np.mean(list(best.by_split.values()))),
            intermediate_values=dict(best.by_split),
        )
    )
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.PRUNED, intermediate_values=dict(outcome.by_split)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=p)
    return bool(pruner.prune(study, trial))


def _study(space: Space, outcomes: Sequence[Outcome], seed: int) -> "optuna.Study":
    """Return a study that knows *outcomes*, and whose sampler depends on their number alone."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    state = np.random.SeedSequence([seed, len(outcomes)]).generate_state(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP_TRIALS,
            multivariate=True,
            constant_liar=True,
            seed=int(state[0]),
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = _distributions(space)
    for outcome in outcomes:
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE
                if outcome.is_complete
                else optuna.trial.TrialState.PRUNED,
                value=outcome.objective if outcome.is_complete else None,
                params=dict(outcome.point),
                distributions=distributions,
                intermediate_values=dict(outcome.by_split),
            )
        )
    return study


def _distributions(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    import optuna

    return {
        item.name: optuna.distributions.IntDistribution(0, len(item.values) - 1)
        for item in space.parameters
    }


def _unseen(space: Space, seen: set[tuple[int, ...]], rng: np.random.Generator) -> Point:
    """Return a configuration that was not tried, drawn at random; there is one."""
    sizes = [len(item.values) for item in space.parameters]
    while True:
        drawn = [int(rng.integers(size)) for size in sizes]
        point = {item.name: place for item, place in zip(space.parameters, drawn, strict=True)}
        if _key(point) not in seen:
            return point


def _key(point: Point) -> tuple[int, ...]:
    return tuple(point[name] for name in sorted(point))
