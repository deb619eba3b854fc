"""The implementations of the execution page that the tests hold against each other."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from decimal import Decimal

import numpy as np
from reference_markets import BAR_SECONDS, Market
from reference_words import Facts, Fill, Outcome, Rules, Trade

from assay.config.settings import Settings
from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.fill import ExitReason
from assay.domain.instrument import Instrument, MarginBasis, MarginTier, Session, SwapMode
from assay.domain.order import OrderKind
from assay.domain.timeframe import Timeframe
from assay.engine.backtest import BacktestResult, backtest
from assay.engine.dated import CHARGE, no_charges
from assay.engine.state import REQUEST
from assay.engine.tape import Tape, calm_events
from assay.engine.views import Views

Run = Callable[[Market], Outcome]


def settings_of(rules: Rules) -> Settings:
    """Write *rules* as settings."""
    return Settings.model_validate(
        {
            "account": {
                "balance": rules.balance,
                "stop_out_level": rules.stop_out_level,
                "margin_call_level": rules.margin_call_level,
            },
            "fusion": {"pass_score": rules.pass_score, "hold_score": rules.hold_score},
            "risk": {
                "sizing": rules.sizing,
                "fixed_lots": rules.fixed_lots,
                "kelly_multiplier": rules.kelly_multiplier,
                "risk_fraction_max": rules.risk_fraction_max,
                "volatility_target": rules.volatility_target,
                "exposure_max": rules.exposure_max,
                "symbol_exposure_max": rules.symbol_exposure_max,
                "margin_fraction_max": rules.margin_fraction_max,
                "positions_max": rules.positions_max,
            },
            "exits": {
                "stop_atr": rules.stop_atr,
                "targets": [{"at_r": at_r, "fraction": share} for at_r, share in rules.targets],
                "break_even_at_r": rules.break_even_at_r,
                "trailing_atr": rules.trailing_atr,
                "time_stop_bars": rules.time_stop_bars,
            },
            "costs": {
                "slippage_volatility_fraction": rules.slippage_volatility_fraction,
                "slippage_points_min": rules.slippage_points_min,
                "commission_multiple": rules.commission_multiple,
                "swap_multiple": rules.swap_multiple,
            },
        }
    )


def exact(x: float) -> Decimal:
    """Return the decimal that *x* is written as."""
    return Decimal(repr(x))


def instrument_of(symbol: str, facts: Facts) -> Instrument:
    """Write *facts* as an instrument."""
    open_hours = round(facts.bars_per_year / 365.25 * 7 * BAR_SECONDS / 3_600)
    return Instrument(
        symbol=symbol,
        description="drawn at random",
        base="AAA",
        quote="BBB",
        digits=-exact(facts.point).normalize().as_tuple().exponent,
        tick_size=exact(facts.tick_size),
        contract_size=exact(facts.contract),
        lot_step=exact(facts.lot_step),
        lot_min=exact(facts.lot_min),
        lot_max=exact(facts.lot_max),
        margin_fraction=exact(facts.margin_fraction),
        commission_per_lot=exact(facts.commission_per_lot),
        swap_mode=SwapMode(facts.swap_mode),
        swap_long=exact(facts.swap_long),
        swap_short=exact(facts.swap_short),
        swap_triple_weekday=2,
        stop_level_points=facts.stop_level_points,
        spread_points=1,
        sessions=(Session(open_minute=0, close_minute=open_hours * 60),),
        margin_basis=MarginBasis(facts.tiers_count),
        margin_tiers=tuple(
            MarginTier(up_to=exact(up_to), fraction=exact(fraction))
            for up_to, fraction in facts.tiers
        ),
    )


def history_of(symbol: str, versions: Sequence[Facts]) -> FactsHistory:
    """Write *versions* as a history; the tape of a market says which holds when."""
    dated = [
        DatedFacts(valid_from_ns=k, instrument=instrument_of(symbol, facts))
        for k, facts in enumerate(versions)
    ]
    return FactsHistory(symbol=symbol, versions=tuple(dated))


def versions_of(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Write the version of every event, and what is charged before it."""
    if not any(market.later):
        return np.empty(0, dtype=np.int64), no_charges()
    sizes = [len(versions) for versions in market.versions]
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    version = [first[event.symbol] + event.version for event in market.events]
    charges = [
        (i, first[event.symbol] + which, nights)
        for i, event in enumerate(market.events)
        for which, nights in (
            ((event.version, event.nights),) if event.charges is None else event.charges
        )
        if nights > 0.0
    ]
    rows = np.array(charges, dtype=CHARGE).view(np.recarray)
    return np.array(version, dtype=np.int64), rows


def tape_of(market: Market) -> Tape:
    """Write the events as a tape."""
    events = market.events
    columns = [
        [
            *astuple(event.quotes),
            event.volatility,
            event.volatility_next,
            event.conversion,
            event.nights,
        ]
        for event in events
    ]
    table = np.ascontiguousarray(np.array(columns, dtype=np.float64).reshape(-1, 12).T)
    symbol = np.array([event.symbol for event in events], dtype=np.int64)
    finer = [astuple(quotes) for event in events for quotes in event.finer]
    stops = np.cumsum([len(event.finer) for event in events], dtype=np.int64)
    starts = stops - np.array([len(event.finer) for event in events], dtype=np.int64)
    has_finer = len(finer) > 0
    version, charges = versions_of(market)
    return Tape(
        symbols=tuple(f"SYM{s}" for s in range(len(market.facts))),
        timeframe=Timeframe.H1,
        time_ns=np.array([event.time_ns for event in events], dtype=np.int64),
        known_ns=np.array([event.known_ns for event in events], dtype=np.int64),
        symbol=symbol,
        market=table,
        is_calm=calm_events(table, symbol, version),
        version=version,
        charges=charges,
        finer=np.ascontiguousarray(np.array(finer, dtype=np.float64).reshape(-1, 8).T),
        finer_range=np.ascontiguousarray(np.array([starts, stops], dtype=np.int64))
        if has_finer
        else np.empty((2, 0), dtype=np.int64),
    )


def views_of(market: Market) -> Views:
    """Write the views of all events."""
    views = [event.view for event in market.events]
    names = ("score", "confidence", "p_win", "payoff", "loss", "unit", "reason")
    return Views.of(
        [view.direction for view in views],
        **{name: [getattr(view, name) for view in views] for name in names},
    )


def requests_of(market: Market) -> np.ndarray:
    """Write the requests as records."""
    records = np.zeros(len(market.requests), dtype=REQUEST)
    for record, request in zip(records, market.requests, strict=True):
        for name in REQUEST.names:
            value = getattr(request, name)
            record[name] = OrderKind[value].value if name == "kind" else value
    return records


def backtest_of(market: Market, *, is_fast: bool) -> BacktestResult:
    """Run the compiled engine."""
    tape = tape_of(market)
    return backtest(
        tape,
        views_of(market),
        settings_of(market.rules),
        {name: history_of(name, f) for name, f in zip(tape.symbols, market.versions, strict=True)},
        requests_of(market),
        close_at_end=market.rules.close_at_end,
        is_fast=is_fast,
    )


def outcome_of(result: BacktestResult) -> Outcome:
    """Write what the engine left behind in the words of the reference."""
    outcome = Outcome(
        refusals={reason.name: n for reason, n in result.refusals.items() if n},
        balance=result.balance.tolist(),
        equity=result.equity.tolist(),
    )
    for record in result.fills:
        facts = {name: record[name].item() for name in record.dtype.names}
        facts["reason"] = ExitReason(facts["reason"]).name if facts["reason"] else "ENTRY"
        outcome.fills.append(Fill(**facts))
    for record in result.trades:
        facts = {name: record[name].item() for name in record.dtype.names}
        facts["reason"] = ExitReason(facts["reason"]).name
        facts["stop_at_entry"] = facts.pop("stop")
        facts["initial_risk"] = facts.pop("risk")
        facts["ambiguous"] = bool(facts.pop("is_ambiguous"))
        facts["resolved"] = bool(facts.pop("is_resolved"))
        outcome.trades.append(Trade(**facts))
    return outcome


def compiled(market: Market) -> Outcome:
    """Run the engine event by event."""
    return outcome_of(backtest_of(market, is_fast=False))


def compiled_fast(market: Market) -> Outcome:
    """Run the engine with quiet stretches skipped."""
    return outcome_of(backtest_of(market, is_fast=True))


RUNS: dict[str, Run] = {
    "reference": Market.outcome,
    "engine": compiled,
    "engine-fast": compiled_fast,
}


def disagreements(left: Outcome, right: Outcome, tolerance: float = 1e-9) -> list[str]:
    """Return every difference beyond *tolerance*, relative to max(1, |x|); first ones first."""
    found: list[str] = []

    def compare(where: str, a: object, b: object) -> None:
        if isinstance(a, float) and isinstance(b, float):
            same = a == b or (a != a and b != b)
            if not same and not abs(a - b) <= tolerance * max(1.0, abs(a)):
                found.append(f"{where}: {a!r} != {b!r}")
        elif a != b:
            found.append(f"{where}: {a!r} != {b!r}")

    for kind in ("fills", "trades"):
        ours, theirs = getattr(left, kind), getattr(right, kind)
        compare(f"number of {kind}", len(ours), len(theirs))
        for k, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            for name in one.__dataclass_fields__:
                compare(f"{kind}[{k}].{name}", getattr(one, name), getattr(other, name))
    for reason in sorted({*left.refusals, *right.refusals}):
        compare(f"refusals {reason}", left.refusals.get(reason, 0), right.refusals.get(reason, 0))
    for kind in ("balance", "equity"):
        ours, theirs = getattr(left, kind), getattr(right, kind)
        compare(f"number of {kind}", len(ours), len(theirs))
        for i, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            compare(f"{kind}[{i}]", one, other)
    return found
