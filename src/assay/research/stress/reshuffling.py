"""The same trades in another order, and the same days drawn again."""

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.result import StrategyResult
from assay.research.statistics.bootstrap import stationary_indices
from assay.research.stress.outcome import Axis, Outcome, outcome_of_days


def trade_growth(result: StrategyResult) -> tuple[FloatArray, IntArray]:
    """Return what each trade made of the balance, and when it ended, in order of exit.

    Returns
    -------
    growth : float64, shape (n_trades,)
        Logarithm of the balance after over the balance before. Minus infinity for the trade that
        lost the account; those after it staked nothing, and are left out.
    end_ns : int64, shape (n_trades,)
    """
    order = np.argsort(result.trades["exit_event"], kind="stable")
    net = result.trades["net"][order].astype(np.float64)
    balance = result.start_balance + np.concatenate(([0.0], np.cumsum(net)))
    lost = np.flatnonzero(balance <= 0.0)
    n = int(lost[0]) if len(lost) else len(net)
    with np.errstate(divide="ignore"):
        growth = np.log(np.maximum(balance[1 : n + 1], 0.0) / balance[:n])
    return growth, result.exit_ns[order][:n]


def in_other_order(
    growth: FloatArray, end_ns: IntArray, axis: Axis, rng: np.random.Generator
) -> Outcome:
    """Deal the trades to the moments of exit anew; the balance at the end stays.

    Trades are stakes: what one made of the balance before it, it makes of any balance. So the
    trade that lost the account loses it in every order, and it stays lost.
    """
    level = np.concatenate(([0.0], np.cumsum(rng.permutation(growth))))
    path = np.exp(level[np.searchsorted(end_ns, axis.day_ns, side="right")])
    return outcome_of_days(path, axis, n_trades=len(growth))


def of_drawn_days(
    returns: FloatArray, axis: Axis, mean_block: float, rng: np.random.Generator, *, n_trades: int
) -> Outcome:
    """Draw the days of the record anew, in blocks of *mean_block* days on average.

    Parameters
    ----------
    returns : float64, shape (n_days,)
        Daily returns, at least -1.
    axis : Axis
    mean_block : float
    rng : numpy.random.Generator
    n_trades : int
    """
    drawn = stationary_indices(len(returns), 1, mean_block, rng)[0]
    return outcome_of_days(np.cumprod(1.0 + returns[drawn]), axis, n_trades=n_trades)
