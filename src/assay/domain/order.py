"""The life of an order in types: intent, then approved or refused."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, unique

from assay.domain.refusal import RefusalReason
from assay.domain.side import Side
from assay.domain.timeframe import Timeframe


@unique
class OrderKind(IntEnum):
    """How an order meets the market. The values are those of compiled records."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    CLOSE = 5
    """Leave the position of the symbol, or a part of it, at the next open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """What a decision would like to do, before risk has seen it.

    Attributes
    ----------
    client_order_id : str
        Names the order for ever; sending it twice is sending it once.
    symbol : str
    side : Side
    price : Decimal
        Price at which a fill is expected: the ask for a buy, the bid for a sell. Quote currency.
    unit : Decimal
        Volatility unit (ATR) of the stop, in price units, > 0.
    confidence : float
        Of the view, [0, 1]; scales the risk per trade.
    p_win : float
        Lower bound of the calibrated probability of winning, [0, 1].
    payoff : float
        Average win over average loss after costs, > 0.
    loss : Decimal
        Average loss, in price units, > 0.
    volatility_bar : float
        Standard deviation of one bar's log return; NaN or 0 if unknown.
    timeframe : Timeframe
        Of that bar.
    """

    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    unit: Decimal
    confidence: float
    p_win: float
    payoff: float
    loss: Decimal
    volatility_bar: float
    timeframe: Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedOrder:
    """An order that risk has sized and bounded. Only ``assay.risk.review`` makes one.

    Attributes
    ----------
    intent : OrderIntent
    size_lots : Decimal
        On the lot step, between the instrument's limits.
    stop_price : Decimal
        Protective stop at the expected price, on the tick grid.
    stop_distance : Decimal
        From the expected price, on the tick grid, > 0: the bracket is set from the fill.
    risk : Decimal
        Loss if the stop is hit at its distance, account currency, before costs.
    """

    intent: OrderIntent
    size_lots: Decimal
    stop_price: Decimal
    stop_distance: Decimal
    risk: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedOrder:
    """An intent that risk turned down, and why."""

    intent: OrderIntent
    reason: RefusalReason
