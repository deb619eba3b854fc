"""From evaluated cases to an outcome: the best, what speaks against it, and what matters."""

import math

import numpy as np

from assay.config.settings import Settings
from assay.engine.backtest import backtest
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.daily import DailyReturns, daily_returns
from assay.research.risk_search.evaluation import BLOCKS, Cases
from assay.research.risk_search.found import Case, RiskSearch
from assay.research.risk_search.objective import Measure, measured, unions_of
from assay.research.risk_search.parameters import settings_of, value_of
from assay.research.risk_search.support import (
    edge_beyond_luck,
    gain_of,
    independent_number,
    overfitting_of,
    plateau_of,
    scaled,
    sensitivities,
)
from assay.research.risk_search.task import Task

TOLERANCE = 0.2
TOP = 20
OVERFITTING_MAX = 0.2
PLATEAU_MIN = 0.5


def found_by(
    task: Task,
    *,
    spread: tuple[Cases, FloatArray, FloatArray],
    every: tuple[Cases, FloatArray],
    order: IntArray,
    near: FloatArray,
) -> RiskSearch:
    """Put what was found in one place, and say why the best is no winner, if it is none.

    Parameters
    ----------
    task : Task
    spread : (Cases, units, objectives)
        The design over the whole of the ranges.
    every : (Cases, objectives)
        All cases, the neighbours of the best among them.
    order : int64
        Of *every*, the best first.
    near : float64
        Objectives of the neighbours.
    """
    arena, plan = task.arena, task.plan
    as_set = task.trade({"stop_atr": np.array([task.settings.exits.stop_atr])})
    shown = [_case(task, *every, int(k)) for k in order[:TOP]]
    best = shown[0]
    set_case = _case(
        task, *as_set, 0, {name: value_of(task.settings, name) for name in plan.ranges}
    )
    over = overfitting_of(spread[0], arena, plan.measure)
    returns = scaled(every[0].sums, float(len(arena.marks)), plan.measure)
    more = returns - scaled(as_set[0].sums, float(len(arena.marks)), plan.measure)
    # The engine trades both once more, for their moments.
    daily = _daily(task, settings_of(task.settings, best.values))
    gain = gain_of(daily.returns, _daily(task, task.settings).returns, plan.measure)
    n_independent = independent_number(returns)
    plateau = plateau_of(best.objective, near, TOLERANCE)
    figures = {
        "overfitting": over.probability,
        "edge": edge_beyond_luck(daily.returns, n_independent),
        "gain": edge_beyond_luck(gain, independent_number(more)),
    }
    return RiskSearch(
        plan=plan,
        seed=task.seed,
        from_ns=int(arena.market.tape.time_ns[0]),
        until_ns=int(arena.market.tape.known_ns[-1]),
        n_cases=len(every[0]) + 1,
        n_spread=len(spread[0]),
        n_independent=n_independent,
        best=best,
        as_set=set_case,
        top=tuple(shown),
        plateau=plateau,
        loss_out_of_sample=over.probability_of_loss,
        sensitivities=sensitivities(*spread, plan.ranges),
        reasons=tuple(
            _reasons(
                best,
                set_case,
                plateau.share,
                confidence=task.settings.evaluation.confidence,
                **figures,
            )
        ),
        daily=daily,
        **figures,
    )


def _reasons(
    best: Case,
    as_set: Case,
    plateau: float,
    *,
    overfitting: float,
    edge: float,
    gain: float,
    confidence: float,
) -> list[str]:
    """Return why the best case is no winner, in sentences."""
    if not math.isfinite(best.objective):
        return ["No case trades often enough within the limits."]
    reasons = []
    if not best.objective > 0.0:
        reasons.append("The best case earns nothing after costs once its dispersion is taken off.")
    if not best.objective > as_set.objective:
        reasons.append("The settings as they are do as well.")
    elif not gain >= confidence:
        reasons.append(
            f"It is not clearly better than the settings as they are: that it is, although it is "
            f"the best of so many, has a probability of {gain:.0%}, and needs {confidence:.0%}."
        )
    if not edge >= confidence:
        reasons.append(
            f"Luck explains it: that it earns anything, although it is the best of so many, has a "
            f"probability of {edge:.0%}, and needs {confidence:.0%}."
        )
    if not overfitting <= OVERFITTING_MAX:
        reasons.append(
            f"What wins one half of the history does not win the other: the probability of "
            f"overfitting is {overfitting:.0%}, and may be {OVERFITTING_MAX:.0%}."
        )
    if not plateau >= PLATEAU_MIN:
        reasons.append(
            f"The best case stands alone: {plateau:.0%} of its neighbours come near it, and "
            f"{PLATEAU_MIN:.0%} should."
        )
    return reasons


def _case(
    task: Task, cases: Cases, objective: FloatArray, k: int, values: dict[str, float] | None = None
) -> Case:
    """Return one of *cases* for readers; *values* if they are not those that were varied."""
    arena, sums = task.arena, cases.block_sums[k : k + 1]
    told = (arena.block_days,)
    everything = np.ones((1, BLOCKS))
    paths = measured(sums, *told, unions_of(BLOCKS), task.plan.measure, arena.days_per_year)[0]
    sharpe, growth = (
        float(measured(sums, *told, everything, measure, arena.days_per_year)[0, 0])
        for measure in (Measure.SHARPE, Measure.GROWTH)
    )
    least, low, median, high, most = (float(q) for q in np.quantile(paths, (0, 0.25, 0.5, 0.75, 1)))
    return Case(
        values=values or {name: float(column[k]) for name, column in cases.values.items()},
        objective=float(objective[k]),
        paths=(least, low, median, high, most),
        sharpe=sharpe,
        growth=growth,
        drawdown=float(cases.swept.drawdown_fraction[k]),
        n_trades=int(cases.swept.n_trades[k]),
    )


def _daily(task: Task, settings: Settings) -> DailyReturns:
    """Return what the engine makes of *settings*, day by day."""
    market = task.arena.market
    run = backtest(market.tape, task.arena.views, settings, market.instruments)
    return daily_returns(market.tape.known_ns, run.equity, settings.account.balance)
