"""Why an order was not made: a refusal is an answer, not a fault."""

from enum import IntEnum, unique


@unique
class RefusalReason(IntEnum):
    """Every "no" of the decision path, in the order in which the gates are asked.

    The values index the engine's counters; ``docs/execution.md`` defines each.
    """

    NO_VIEW = 1
    WARM_UP = 2
    SCORE = 3
    POSITIONS_LIMIT = 4
    MARGIN_CALL = 5
    NO_EDGE = 6
    EXPOSURE_LIMIT = 7
    MARGIN_LIMIT = 8
    BELOW_MINIMUM_SIZE = 9
    POSITION_OPEN = 10
    TOO_MANY_ORDERS = 11
    INVALID_LOTS = 12
    RISK_LIMIT = 13
    """A size asked for by hand would lose more at its stop than the limit (review only)."""
