"""Random markets for the differential test: small integers in, every rule of the page out.

Prices are whole ticks, most moves are a few ticks, and stops lie a few ticks away, so exact
touches, bars that hold both stop and target, gaps over everything and stop-outs are common.
One builder serves Hypothesis (which shrinks) and a seeded ``random.Random`` (which is fast).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from random import Random
from typing import TypeVar

from hypothesis import strategies as st
from reference_venue import Venue
from reference_words import Event, Facts, Outcome, Quotes, Request, Rules, View

T = TypeVar("T")
Pick = Callable[[Sequence[T]], T]

NS_PER_SECOND = 1_000_000_000
BAR_SECONDS = 3_600
START_SECONDS = 1_600_000_000 // BAR_SECONDS * BAR_SECONDS
SMALL_MOVES = (0, 0, 0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8)
GAPS = (0, 0, 0, 0, 0, 1, -1, 4, -4, 12, -12, 40, -40)
WICKS = (0, 0, 1, 1, 2, 3, 6, 15)
SPREADS = (0, 1, 1, 2, 2, 3, 6)
OPEN_HOURS_PER_WEEK = (120, 168, 37)
SWAP_MODES = (
    "points",
    "points",
    "percent",
    "percent",
    "percent of open",
    "base currency",
    "quote currency",
    "account currency",
)
VOLATILITIES = (0.001, 0.001, 0.01, 0.0001, 0.0, nan)


@dataclass(frozen=True)
class Market:
    """Everything one run needs; events in tape order."""

    facts: tuple[Facts, ...]
    rules: Rules
    events: tuple[Event, ...]
    requests: tuple[Request, ...]
    later: tuple[tuple[Facts, ...], ...] = ()  # by symbol, what its facts become

    @property
    def versions(self) -> list[tuple[Facts, ...]]:
        """All versions of the facts, by symbol."""
        later = self.later or tuple(() for _ in self.facts)
        return [(first, *others) for first, others in zip(self.facts, later, strict=True)]

    def outcome(self) -> Outcome:
        """Run the reference."""
        return Venue(self.versions, self.rules).run(self.events, self.requests)


def _tiers(pick: Pick, lot_step: float) -> tuple[str, tuple[tuple[float, float], ...]]:
    """Return what tiers count, and the tiers."""
    count = pick(("lots", "notional"))
    unit = lot_step if count == "lots" else pick((100.0, 20_000.0))
    shape = pick((((3.0, 0.005),), ((2.0, 0.01), (10.0, 0.05)), ((1.0, 0.2), (4.0, 0.02))))
    last = (inf, pick((0.1, 0.5)))
    return count, (*((bound * unit, fraction) for bound, fraction in shape), last)


def _facts(pick: Pick, contract: float | None = None) -> Facts:
    digits = pick((2, 2, 3, 5))
    point = float(f"1e-{digits}")
    tick = point * pick((1, 1, 1, 5, 10))
    lot_step = pick((0.01, 0.01, 0.1, 1.0))
    has_tiers = pick((False, False, False, True))
    tiers_count, tiers = _tiers(pick, lot_step) if has_tiers else ("lots", ())
    return Facts(
        tick_size=float(f"{tick:.{digits}f}"),
        point=point,
        contract=contract or pick((1.0, 10.0, 100.0, 1000.0, 100000.0)),
        lot_step=lot_step,
        lot_min=round(lot_step * pick((1, 1, 2, 5)), 10),
        lot_max=round(lot_step * pick((5, 100, 1000, 10000)), 10),
        margin_fraction=tiers[0][1] if tiers else pick((0.01, 0.02, 0.05, 0.2, 1.0)),
        commission_per_lot=pick((0.0, 3.5, 7.0)),
        swap_mode=pick(SWAP_MODES),
        swap_long=pick((0.0, -25.0, 12.5)),
        swap_short=pick((0.0, 15.0, -7.25)),
        stop_level_points=pick((0, 0, 1, 4, 20)),
        bars_per_year=pick(OPEN_HOURS_PER_WEEK) * 365.25 / 7,
        tiers=tiers,
        tiers_count=tiers_count,
    )


def _rules(pick: Pick) -> Rules:
    hold = pick((0.0, 0.3, 0.5, 0.6))
    targets = pick(
        (
            (),
            (),
            ((0.5, 1.0),),
            ((1.0, 1.0),),
            ((1.0, 0.5),),
            ((0.5, 0.5), (1.0, 0.5)),
            ((0.5, 0.3), (1.0, 0.3), (2.0, 0.4)),
            ((0.25, 0.1), (0.5, 0.2), (1.5, 0.3), (3.0, 0.25)),
            ((0.3, 0.02), (0.6, 0.98)),
        )
    )
    return Rules(
        balance=pick((50.0, 1_000.0, 10_000.0, 100_000.0, 100_000.0, 1_000_000.0, 1_000_000.0)),
        stop_out_level=pick((0.0, 0.2, 0.5, 1.0)),
        margin_call_level=pick((0.1, 1.0, 2.0, 10.0)),
        pass_score=pick((0.0, 0.6)) if hold == 0.0 else 0.6,
        hold_score=hold,
        sizing=pick(("kelly", "kelly", "fixed")),
        fixed_lots=pick((0.01, 0.05, 0.1, 0.37, 1.0, 20.0)),
        kelly_multiplier=pick((0.05, 0.25, 0.5)),
        risk_fraction_max=pick((0.001, 0.01, 0.05)),
        volatility_target=pick((0.1, 0.5, 1.0)),
        exposure_max=pick((0.5, 5.0, 100.0)),
        symbol_exposure_max=pick((0.5, 3.0, 100.0)),
        margin_fraction_max=pick((0.05, 0.5, 1.0)),
        positions_max=pick((1, 2, 10)),
        stop_atr=pick((0.5, 1.0, 2.0, 8.0)),
        targets=targets,
        break_even_at_r=pick((0.0, 0.0, 0.5, 1.0)),
        trailing_atr=pick((0.0, 0.0, 0.5, 1.5, 4.0)),
        time_stop_bars=pick((0, 0, 0, 1, 3, 6)),
        slippage_volatility_fraction=pick((0.0, 0.02, 0.3)),
        slippage_points_min=pick((0.0, 0.0, 1.0, 2.5)),
        commission_multiple=pick((0.0, 1.0, 2.0)),
        swap_multiple=pick((0.0, 1.0, 3.0)),
        close_at_end=pick((False, True)),
    )


def _view(pick: Pick, tick: float, scale: float) -> View:
    if pick((False, False, False, True)):
        return View(reason=pick((0, 0, 3)))
    fields = {
        "score": pick((0.55, 0.61, 0.61, 0.8, 0.8, 1.0, 0.6, 0.3, 0.0)),
        "confidence": pick((0.3, 0.7, 1.0, 1.0, 0.0)),
        "p_win": pick((0.55, 0.6, 0.9, 0.9, 0.4)),
        "payoff": pick((1.0, 1.0, 2.0, 0.5)),
        "loss": pick((1.0, 5.0, 5.0, 9.5)) * tick,
        "unit": pick((1.0, 2.0, 4.0, 4.0, 7.5, 7.5)) * tick * scale,
    }
    if pick((False,) * 9 + (True,)):
        spoiled = pick(tuple(fields))
        fields[spoiled] = nan if spoiled in ("score", "p_win") else pick((nan, 0.0, -tick))
    return View(direction=pick((1, 1, -1, -1, 0)), **fields)


def _quotes(pick: Pick, tick: float, start: int) -> tuple[Quotes, int]:
    """Return one bar that opens at *start* ticks, and its close in ticks."""
    close = max(2, start + pick(SMALL_MOVES))
    high = max(start, close) + pick(WICKS)
    low = max(1, min(start, close) - pick(WICKS))
    ask_open, ask_close = start + pick(SPREADS), close + pick(SPREADS)
    ask_high = max(high + pick(SPREADS), ask_open, ask_close)
    ask_low = min(low + pick(SPREADS), ask_open, ask_close)
    return (
        Quotes(
            bid_open=start * tick,
            bid_high=high * tick,
            bid_low=low * tick,
            bid_close=close * tick,
            ask_open=ask_open * tick,
            ask_high=ask_high * tick,
            ask_low=ask_low * tick,
            ask_close=ask_close * tick,
        ),
        close,
    )


def _finer(pick: Pick, tick: float, coarse: Quotes) -> tuple[Quotes, ...]:
    """Return up to four bars inside *coarse*; they need not reach its extremes."""
    count = pick((0, 0, 1, 2, 3, 4))
    low, high = round(coarse.bid_low / tick), round(coarse.bid_high / tick)
    position = round(coarse.bid_open / tick)
    spread = round((coarse.ask_open - coarse.bid_open) / tick)
    bars = []
    for _ in range(count):
        reach = (position, low, high, (low + high) // 2)
        close, other = pick(reach), pick(reach)
        top, bottom = max(position, close, other), min(position, close, other)
        ask = [ticks + spread for ticks in (position, top, bottom, close)]
        bid_open, bid_high, bid_low, bid_close = (
            ticks * tick for ticks in (position, top, bottom, close)
        )
        bars.append(
            Quotes(
                bid_open=bid_open,
                bid_high=bid_high,
                bid_low=bid_low,
                bid_close=bid_close,
                ask_open=ask[0] * tick,
                ask_high=ask[1] * tick,
                ask_low=ask[2] * tick,
                ask_close=ask[3] * tick,
            )
        )
        position = close
    return tuple(bars)


def _events(
    pick: Pick,
    symbol: int,
    facts: Facts,
    n_bars: int,
    has_finer: bool,
    has_gaps: bool,
    is_calm: bool,
    n_versions: int,
) -> list[Event]:
    """Return the bars of one symbol; a calm one holds its views, its conversion and its nights."""
    tick = facts.tick_size
    rarely = (False,) * 15 + (True,) if is_calm else (True,)
    close = pick((300, 1_000, 4_000, 130_000))
    base_conversion = pick((1.0, 1.0, 0.0067, 1.27))
    scale = 10.0 if is_calm else 1.0
    conversion, view = base_conversion, _view(pick, tick, scale)
    events = []
    version = pick((0, 0, n_versions - 1))
    for i in range(n_bars):
        before = version
        if version < n_versions - 1 and pick((False,) * 5 + (True,)):
            version += 1
        start = max(2, close + pick(GAPS))
        quotes, close = _quotes(pick, tick, start)
        if has_gaps and pick((False, False, False, True)):
            continue
        if pick(rarely):
            conversion = base_conversion * pick((1.0, 1.0, 1.01, 0.97))
        if pick(rarely):
            view = _view(pick, tick, scale)
        time_ns = (START_SECONDS + i * BAR_SECONDS) * NS_PER_SECOND
        nights = pick((0.0, 0.0, 0.0, 1.0, 3.0)) if pick(rarely) else 0.0
        charges = _charges(pick, nights, before, version) if n_versions > 1 else None
        events.append(
            Event(
                symbol=symbol,
                time_ns=time_ns,
                known_ns=time_ns + BAR_SECONDS * NS_PER_SECOND,
                quotes=quotes,
                conversion=conversion,
                nights=nights,
                version=version,
                charges=charges,
                volatility=pick(VOLATILITIES),
                volatility_next=pick(VOLATILITIES),
                view=view,
                finer=_finer(pick, tick, quotes) if has_finer else (),
            )
        )
    return events


def _charges(pick: Pick, nights: float, before: int, version: int) -> tuple[tuple[int, float], ...]:
    """Return which version charges how many of *nights*; the older one pays first."""
    if nights == 0.0:
        return ()
    if before == version:
        return ((version, nights),)
    older = pick((0.0, 1.0, nights))
    parts = ((before, older), (version, nights - older))
    return tuple((which, count) for which, count in parts if count > 0.0)


def _request(pick: Pick, i: int, event: Event, facts: Facts) -> Request:
    tick = facts.tick_size
    close = round(event.quotes.bid_close / tick)
    kind = pick(("MARKET", "LIMIT", "STOP", "STOP_LIMIT", "CLOSE"))
    steps = pick((1, 2, 3, 5, 5, 5, 7, 10, 10, 40))
    lots = round(facts.lot_step * steps, 10)
    if pick((False,) * 9 + (True,)):
        lots = pick((facts.lot_step / 2, facts.lot_max * 2, -facts.lot_step, 0.0, nan))
    elif kind == "CLOSE":
        lots = pick((0.0, 0.0, lots))
    price = max(1, close + pick((-8, -4, -2, -1, 0, 1, 2, 4, 8)))
    limit_price = max(1, price + pick((-6, -2, -1, 0, 0, 1, 2, 6)))
    return Request(
        event=i,
        symbol=event.symbol,
        side=pick((1, -1)),
        kind=kind,
        lots=lots,
        price=price * tick + pick((0.0, 0.0, 0.3 * tick)),
        limit_price=limit_price * tick,
        stop_distance=pick((0.0, 1.0, 3.0, 5.5, 10.0)) * tick,
        target_distance=pick((0.0, 1.0, 2.0, 4.5, 12.0)) * tick,
        expiry_bars=pick((0, 0, 1, 2, 5)),
    )


def build_market(pick: Pick, lengths: Sequence[int]) -> Market:
    """Build a market whose choices are made by *pick*."""
    n_symbols = pick((1, 1, 2, 3))
    facts = tuple(_facts(pick) for _ in range(n_symbols))
    is_dated = pick((False, False, True))
    later = tuple(
        tuple(_facts(pick, contract=first.contract) for _ in range(pick((0, 1, 1, 3))))
        if is_dated
        else ()
        for first in facts
    )
    rules = _rules(pick)
    n_bars = pick(lengths)
    has_finer, has_gaps, is_calm = (pick((False, True)) for _ in range(3))
    events: list[Event] = []
    for s in range(n_symbols):
        n_versions = 1 + len(later[s])
        events += _events(pick, s, facts[s], n_bars, has_finer, has_gaps, is_calm, n_versions)
    events.sort(key=lambda event: (event.known_ns, event.time_ns, event.symbol))
    every = pick((0, 1, 4, 4, 12, 12))  # 0: no requests; n: one event in n brings one
    requests = []
    for i, event in enumerate(events):
        if every and pick((True,) + (False,) * (every - 1)):
            for _ in range(pick((1, 1, 1, 2, 3))):
                requests.append(_request(pick, i, event, facts[event.symbol]))
    return Market(facts, rules, tuple(events), tuple(requests), later)


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Draw a market that Hypothesis can shrink."""
    return build_market(
        lambda options: draw(st.sampled_from(options)), lengths=(1, 2, 3, 5, 8, 12, 20)
    )


def seeded_market(seed: int) -> Market:
    """Return the market of *seed*: longer ones, made fast."""
    return build_market(Random(seed).choice, lengths=(3, 10, 30, 60, 120, 250))
