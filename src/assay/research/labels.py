"""Triple-barrier labels in units of volatility and of cost, with their ends and uniqueness."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from assay.config.settings import CostSettings, LabelSettings
from assay.data.bars import Bars
from assay.domain.facts_history import ContractFacts
from assay.execution.round_trip import carry, round_trip_cost
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.kernels.volatility import ewma_volatility


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What happened after each bar; every array has shape (n_bars,).

    Attributes
    ----------
    side : float64
        +1 where the market went up, -1 where it went down, 0 where it did neither;
        NaN where the horizon reaches past the last bar or the volatility is unknown.
    move : float64
        Log return from the entry (open of the next bar) to the exit, mid prices.
    end : int64
        Bar in which the label was decided; the label reads bars ``i + 1 .. end[i]``.
        -1 where *side* is NaN.
    barrier : float64
        Distance of both barriers as a log return.
    cost : float64
        Expected cost of entering and leaving once, without swap, a log return.
    carry_long, carry_short : float64
        Expected swap of each side over the horizon, log returns; negative is paid.
    volatility : float64
        Volatility of the horizon as known at the bar's close, a log return.
    """

    side: FloatArray
    move: FloatArray
    end: IntArray
    barrier: FloatArray
    cost: FloatArray
    carry_long: FloatArray
    carry_short: FloatArray
    volatility: FloatArray


@kernel
def triple_barrier(
    mid_open: FloatArray,
    mid_high: FloatArray,
    mid_low: FloatArray,
    mid_close: FloatArray,
    barrier: FloatArray,
    horizon: int,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Label every bar by the barrier its future touches first.

    Parameters
    ----------
    mid_open, mid_high, mid_low, mid_close : float64, shape (n_bars,)
        Mid prices, oldest first.
    barrier : float64, shape (n_bars,)
        Distance of the upper and the lower barrier from the entry, a log return; NaN: no label.
    horizon : int
        Bars until the vertical barrier.

    Returns
    -------
    side, move : float64, shape (n_bars,)
    end : int64, shape (n_bars,)

    Notes
    -----
    The entry is the open of bar ``i + 1``. A barrier counts as touched at equality. Where both are
    touched in one bar, the bar's close decides, and the move is that of the close: the order
    inside the bar is not known. At the vertical barrier the side is the sign of the move.
    **Looks ahead by design**: ``side[i]`` reads bars up to ``end[i]``.

    References
    ----------
    Lopez de Prado, M. (2018). *Advances in Financial Machine Learning*, ch. 3. Wiley.
    """
    n_bars = mid_open.shape[0]
    side = np.full(n_bars, np.nan)
    move = np.full(n_bars, np.nan)
    end = np.full(n_bars, -1, np.int64)
    for i in range(n_bars - horizon):
        distance = barrier[i]
        if not distance > 0.0:
            continue
        entry = mid_open[i + 1]
        upper = entry * np.exp(distance)
        lower = entry * np.exp(-distance)
        last = i + horizon
        exit_bar = last
        exit_price = mid_close[last]
        for j in range(i + 1, last + 1):
            is_up = mid_high[j] >= upper
            is_down = mid_low[j] <= lower
            if is_up or is_down:
                exit_bar = j
                if is_up and is_down:
                    exit_price = mid_close[j]
                elif is_up:
                    exit_price = upper
                else:
                    exit_price = lower
                break
        change = log(exit_price / entry)
        move[i] = change
        side[i] = 1.0 if change > 0.0 else (-1.0 if change < 0.0 else 0.0)
        end[i] = exit_bar
    return side, move, end


def label_bars(
    bars: Bars,
    facts: ContractFacts,
    settings: LabelSettings,
    costs: CostSettings,
    conversion: FloatArray,
) -> Labels:
    """Label every bar of *bars*; see ``Labels``.

    The barrier is ``max(target_volatility * volatility of the horizon, cost_multiple_min * cost)``:
    a target that does not clear its costs teaches a model to lose money slowly.
    """
    assert bars.ask_open is not None and bars.ask_high is not None
    assert bars.ask_low is not None and bars.ask_close is not None
    mid_close = 0.5 * (bars.close + bars.ask_close)
    per_bar = ewma_volatility(mid_close, settings.volatility_bars, settings.volatility_bars)
    volatility = per_bar * sqrt(settings.horizon_bars)
    cost = round_trip_cost(bars, facts, costs, volatility=per_bar, conversion=conversion)
    carry_long, carry_short = carry(
        bars, facts, costs, horizon_bars=settings.horizon_bars, conversion=conversion
    )
    dearest = cost + np.maximum(0.0, np.maximum(-carry_long, -carry_short))
    barrier = np.maximum(
        settings.barrier_volatility * volatility, settings.cost_multiple_min * dearest
    )
    side, move, end = triple_barrier(
        0.5 * (bars.open + bars.ask_open),
        0.5 * (bars.high + bars.ask_high),
        0.5 * (bars.low + bars.ask_low),
        mid_close,
        barrier,
        settings.horizon_bars,
    )
    return Labels(
        side=side,
        move=move,
        end=end,
        barrier=barrier,
        cost=cost,
        carry_long=carry_long,
        carry_short=carry_short,
        volatility=volatility,
    )


@kernel
def uniqueness(start: IntArray, end: IntArray, n_times: int) -> FloatArray:
    """Return the average uniqueness of each label.

    Parameters
    ----------
    start, end : int64, shape (n_labels,)
        First and last time index that each label spans, both included.
    n_times : int
        Number of time indices.

    Returns
    -------
    weight : float64, shape (n_labels,)
        Mean over the label's life of one over the number of labels alive, (0, 1].

    References
    ----------
    Lopez de Prado, M. (2018). *Advances in Financial Machine Learning*, sec. 4.3. Wiley.

    Examples
    --------
    >>> uniqueness(np.array([0, 2, 4]), np.array([2, 3, 5]), 6)
    array([0.83333333, 0.75      , 1.        ])
    """
    alive = np.zeros(n_times + 1)
    for j in range(start.shape[0]):
        alive[start[j]] += 1.0
        alive[end[j] + 1] -= 1.0
    total = np.zeros(n_times + 1)
    count = 0.0
    for t in range(n_times):
        count += alive[t]
        total[t + 1] = total[t] + (1.0 / count if count > 0.0 else 0.0)
    weight = np.empty(start.shape[0])
    for j in range(start.shape[0]):
        weight[j] = (total[end[j] + 1] - total[start[j]]) / (end[j] + 1 - start[j])
    return weight
