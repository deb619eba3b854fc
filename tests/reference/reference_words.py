"""The words of docs/execution.md as plain records: events, views, requests, rules, results."""

from dataclasses import dataclass, field
from math import ceil, floor, nan


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Contract facts of one symbol."""

    tick_size: float
    point: float
    contract: float
    lot_step: float
    lot_min: float
    lot_max: float
    margin_fraction: float
    commission_per_lot: float
    swap_mode: str  # the value of a SwapMode
    swap_long: float
    swap_short: float
    stop_level_points: int
    bars_per_year: float
    tiers: tuple[tuple[float, float], ...] = ()  # (up to, fraction); the last up to is infinite
    tiers_count: str = "lots"  # or "notional"


@dataclass(frozen=True, kw_only=True)
class Quotes:
    """OHLC of both sides."""

    bid_open: float
    bid_high: float
    bid_low: float
    bid_close: float
    ask_open: float
    ask_high: float
    ask_low: float
    ask_close: float


@dataclass(frozen=True, kw_only=True)
class View:
    """The fused opinion at an event's close."""

    direction: int = 0
    score: float = nan
    confidence: float = nan
    p_win: float = nan
    payoff: float = nan
    loss: float = nan
    unit: float = nan
    reason: int = 0


@dataclass(frozen=True, kw_only=True)
class Event:
    """One bar of one symbol."""

    symbol: int
    time_ns: int
    known_ns: int
    quotes: Quotes
    conversion: float
    nights: float
    volatility: float
    volatility_next: float
    view: View
    finer: tuple[Quotes, ...] = ()
    version: int = 0
    charges: tuple[tuple[int, float], ...] | None = None  # (version, nights); None: by version


@dataclass(frozen=True, kw_only=True)
class Request:
    """An explicit order."""

    event: int
    symbol: int
    side: int
    kind: str  # MARKET, LIMIT, STOP, STOP_LIMIT, CLOSE
    lots: float
    price: float = 0.0
    limit_price: float = 0.0
    stop_distance: float = 0.0
    target_distance: float = 0.0
    expiry_bars: int = 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Every setting that the page names."""

    balance: float
    stop_out_level: float
    margin_call_level: float
    pass_score: float
    hold_score: float
    sizing: str
    fixed_lots: float
    kelly_multiplier: float
    risk_fraction_max: float
    volatility_target: float
    exposure_max: float
    symbol_exposure_max: float
    margin_fraction_max: float
    positions_max: int
    stop_atr: float
    targets: tuple[tuple[float, float], ...]  # (at_r, fraction)
    break_even_at_r: float
    trailing_atr: float
    time_stop_bars: int
    slippage_volatility_fraction: float
    slippage_points_min: float
    commission_multiple: float
    swap_multiple: float
    close_at_end: bool


@dataclass(kw_only=True, eq=False)
class Order:
    """A queued market order, or a working order."""

    kind: str  # ENTRY or CLOSE when queued; LIMIT, STOP, STOP_LIMIT when working
    reason: str  # of the fill it makes
    side: int
    lots: float
    price: float = 0.0  # price at decision; or the limit, or the stop
    limit_price: float = 0.0
    distance: float = 0.0
    unit: float = 0.0
    targets: tuple[tuple[float, float], ...] = ()  # (distance from entry, fraction)
    expiry_bars: int = 0
    events_tested: int = 0
    score: float = nan
    p_win: float = nan


@dataclass(kw_only=True, eq=False)
class Position:
    """The one position of a symbol."""

    symbol: int
    side: int
    lots: float
    lots_at_entry: float
    entry: float
    entry_event: int
    opened_inside: bool  # in step 5 of entry_event
    distance: float
    unit: float
    stop: float
    stop_at_entry: float
    initial_risk: float
    levels: list[tuple[float, float]]  # (price, lots); lots inf: all that is left
    score: float
    p_win: float
    mark: float
    best: float
    bars_held: int = 0
    gross: float = 0.0
    commission: float = 0.0
    swap: float = 0.0
    sum_of_lots_times_exit: float = 0.0
    ambiguous: bool = False
    resolved: bool = False
    mae: float = 0.0
    mfe: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fill:
    """One execution."""

    event: int
    symbol: int
    side: int
    lots: float
    price: float
    commission: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One round trip."""

    symbol: int
    side: int
    entry_event: int
    entry_price: float
    exit_event: int
    lots: float
    exit_price: float
    gross: float
    commission: float
    swap: float
    net: float
    stop_at_entry: float
    initial_risk: float
    bars_held: int
    reason: str
    ambiguous: bool
    resolved: bool
    score: float
    p_win: float
    mae: float
    mfe: float


@dataclass(kw_only=True)
class Outcome:
    """What a run leaves behind."""

    fills: list[Fill] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    balance: list[float] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)


def nearly_whole(quotient: float) -> bool:
    """Tell whether *quotient* counts as an integer."""
    return abs(quotient - round(quotient)) <= 1e-9 * max(1.0, abs(quotient))


def up_to(step: float, x: float) -> float:
    """Return the multiple of *step* at or above *x*."""
    quotient = x / step
    return (round(quotient) if nearly_whole(quotient) else ceil(quotient)) * step


def down_to(step: float, x: float) -> float:
    """Return the multiple of *step* at or below *x*."""
    quotient = x / step
    return (round(quotient) if nearly_whole(quotient) else floor(quotient)) * step
