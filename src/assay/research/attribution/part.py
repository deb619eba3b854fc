"""The parts that a trade's profit is split into: their names, groups and titles."""

from dataclasses import dataclass
from enum import StrEnum, unique

from assay.config.section import ALGORITHMS
from assay.signals.votes import FAMILIES, VOTES


@unique
class Kind(StrEnum):
    """What a part tells of."""

    SIGNAL = "signal"
    """A source that said where the market goes."""
    TRADE = "trade"
    """What was made of the signal: when, how long, how large."""
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One column of the split.

    Attributes
    ----------
    name : str
        Unique: ``vote_rsi``, ``model_lightgbm``, ``exits``.
    group : str
        What it is summed into.
    title : str
        For a reader.
    kind : Kind
    """

    name: str
    group: str
    title: str
    kind: Kind


GROUPS = {
    "trend": "Trend votes",
    "momentum": "Momentum votes",
    "volatility": "Volatility votes",
    "volume": "Volume votes",
    "levels": "Support and resistance",
    "own": "Own signals",
    "models": "Models",
    "patterns": "Patterns",
    "swap_view": "Swap in the view",
    "rule": "Fixed rule",
    "timing": "Entry and exit delay",
    "exits": "Exits",
    "sizing": "Sizing",
    "regime": "Volatility regime",
    "spread": "Spread",
    "slippage": "Slippage",
    "commission": "Commission",
    "swap": "Swap",
}
"""Groups of parts, by name, in the order in which a reader meets them."""

CALIBRATION = Part(
    name="calibration", group="models", title="Calibration of the models", kind=Kind.SIGNAL
)
SWAP_TILT = Part(
    name="swap_tilt", group="swap_view", title="Swap favours one side", kind=Kind.SIGNAL
)
SWAP_DRAG = Part(name="swap_drag", group="swap_view", title="Swap of both sides", kind=Kind.SIGNAL)
RULE = Part(name="rule", group="rule", title="Fixed rule", kind=Kind.SIGNAL)
"""The one source of a benchmark, and of orders that somebody asked for."""

HOLDING = Part(
    name="holding", group="exits", title="Held though no source speaks for it", kind=Kind.TRADE
)
TIMING = Part(name="timing", group="timing", title="Entry and exit delay", kind=Kind.TRADE)
EXITS = Part(name="exits", group="exits", title="Exit rules", kind=Kind.TRADE)
SIZING = Part(name="sizing", group="sizing", title="Sizing", kind=Kind.TRADE)
REGIME = Part(name="regime", group="regime", title="Volatility regime", kind=Kind.TRADE)
SPREAD = Part(name="spread", group="spread", title="Spread", kind=Kind.COST)
SLIPPAGE = Part(name="slippage", group="slippage", title="Slippage", kind=Kind.COST)
COMMISSION = Part(name="commission", group="commission", title="Commission", kind=Kind.COST)
SWAP = Part(name="swap", group="swap", title="Swap", kind=Kind.COST)

AFTER_SIGNALS = (HOLDING, TIMING, EXITS, SIZING, REGIME, SPREAD, SLIPPAGE, COMMISSION, SWAP)
"""What follows the signals in every split, in order."""


def vote_part(name: str) -> Part:
    """Return the part of one vote: of an indicator, or of a user's signal."""
    if name not in VOTES:
        return Part(name=f"own_{name}", group="own", title=name, kind=Kind.SIGNAL)
    family = next(group for group, votes in FAMILIES.items() if name in votes)
    return Part(name=f"vote_{name}", group=family, title=name, kind=Kind.SIGNAL)


def model_part(name: str) -> Part:
    """Return the part of one member of the ensemble."""
    return Part(name=f"model_{name}", group="models", title=name, kind=Kind.SIGNAL)


def order_of(part: Part) -> tuple[int, int, str]:
    """Return where a part stands among others: by group, then as its own group orders it."""
    named = [f"vote_{name}" for name in VOTES] + [f"model_{name}" for name in ALGORITHMS]
    known = part.name in named
    return (
        list(GROUPS).index(part.group),
        named.index(part.name) if known else len(named),
        part.name,
    )
