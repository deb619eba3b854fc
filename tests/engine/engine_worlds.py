"""Small worlds for the engine: instruments, settings, tapes by hand and at random."""

import itertools
from collections.abc import Sequence
from decimal import Decimal as D

import numpy as np

from assay.config.settings import Settings
from assay.domain.instrument import Instrument, SwapMode
from assay.domain.order import OrderKind
from assay.domain.timeframe import Timeframe
from assay.engine import market as columns
from assay.engine.opinion import views_of
from assay.engine.state import REQUEST, records
from assay.engine.tape import Tape, calm_events
from assay.engine.views import Views
from assay.research.dataset import Dataset
from assay.signals.signal_model import SignalModel

NS = Timeframe.H1.nominal_ns
PLAIN = {
    "symbol": "XAUUSD",
    "description": "",
    "base": "XAU",
    "quote": "USD",
    "digits": 2,
    "tick_size": D("0.01"),
    "contract_size": D(100),
    "lot_step": D("0.01"),
    "lot_min": D("0.01"),
    "lot_max": D(50),
    "margin_fraction": D("0.01"),
    "commission_per_lot": D(0),
    "swap_mode": SwapMode.POINTS,
    "swap_long": D(0),
    "swap_short": D(0),
    "swap_triple_weekday": 2,
    "stop_level_points": 0,
    "spread_points": 20,
    "sessions": (),
}


def instrument(**changes) -> Instrument:
    return Instrument(**{**PLAIN, **changes})


def settings(**sections) -> Settings:
    """Return settings of one lot a trade and no slippage, with the given sections changed."""
    plain = {
        "risk": {
            "sizing": "fixed",
            "fixed_lots": 1.0,
            "exposure_max": 100.0,
            "symbol_exposure_max": 100.0,
            "margin_fraction_max": 1.0,
        },
        "exits": {"stop_atr": 1.0},
        "costs": {"slippage_volatility_fraction": 0.0},
        "fusion": {"hold_score": 0.5, "pass_score": 0.6},
    }
    for name, changes in sections.items():
        plain[name] = {**plain.get(name, {}), **changes}
    return Settings.model_validate(plain)


def tape(
    bid: Sequence[Sequence[float]],
    *,
    spread: float = 0.0,
    nights: Sequence[float] | None = None,
    conversion: Sequence[float] | float = 1.0,
    volatility: float = 0.0,
    symbols: Sequence[int] | None = None,
    names: Sequence[str] = ("XAUUSD",),
    finer: dict[int, Sequence[Sequence[float]]] | None = None,
) -> Tape:
    """Return a tape of bid bars (open, high, low, close); the ask lies *spread* above."""
    quotes = np.asarray(bid, dtype=float).T
    n_events = quotes.shape[1]
    market = np.empty((columns.N_COLUMNS, n_events))
    market[0:4] = quotes
    market[4:8] = quotes + spread
    market[columns.VOLATILITY] = volatility
    market[columns.VOLATILITY_NEXT] = volatility
    market[columns.CONVERSION] = conversion
    market[columns.NIGHTS] = 0.0 if nights is None else nights
    symbol = np.asarray(symbols if symbols is not None else [0] * n_events, dtype=np.int64)
    finer_bars, finer_range = [], np.zeros((2, n_events if finer else 0), dtype=np.int64)
    for i, rows in (finer or {}).items():
        finer_range[:, i] = len(finer_bars), len(finer_bars) + len(rows)
        finer_bars.extend([*row, *(np.asarray(row) + spread)] for row in rows)
    time_ns = np.arange(n_events) * NS
    return Tape(
        symbols=tuple(names),
        timeframe=Timeframe.H1,
        time_ns=time_ns,
        known_ns=time_ns + NS,
        symbol=symbol,
        market=market,
        is_calm=calm_events(market, symbol),
        finer=np.ascontiguousarray(np.array(finer_bars, dtype=float).reshape(-1, 8).T),
        finer_range=finer_range,
    )


def flat(price: float, n_bars: int) -> list[list[float]]:
    """Return bars that do not move."""
    return [[price] * 4 for _ in range(n_bars)]


def views(n_events: int, at: dict[int, int] | None = None, **columns_) -> Views:
    """Return views that abstain but at the given events; unit and loss are 1."""
    direction = np.zeros(n_events, dtype=np.int8)
    for i, side in (at or {}).items():
        direction[i] = side
    return Views.of(direction, **columns_)


def request(event: int, kind: OrderKind, side: int, lots: float, **fields):
    row = records(REQUEST, 1)
    row.event, row.kind, row.side, row.lots = event, kind, side, lots
    for name, value in fields.items():
        row[name] = value
    return row


def requests(*rows):
    return np.concatenate(rows)


def random_world(seed: int, n_events: int = 400, n_symbols: int = 1):
    """Return tape, views, settings, instruments and requests that exercise every rule."""
    rng = np.random.default_rng(seed)
    names = tuple(f"SYM{s}" for s in range(n_symbols))
    symbol = rng.integers(0, n_symbols, n_events)
    rows = np.empty((n_events, 4))
    last = 100.0 + 20.0 * np.arange(n_symbols)
    for i, s in enumerate(symbol):
        open_ = max(5.0, last[s] + (rng.normal(0, 2) if rng.random() < 0.1 else 0.0))
        close = max(5.0, open_ + rng.normal(0, 1.0))
        high = max(open_, close) + abs(rng.normal(0, 0.7))
        low = max(1.0, min(open_, close) - abs(rng.normal(0, 0.7)))
        rows[i] = np.round([open_, high, low, close], 2)
        last[s] = close
    finer = {}
    if rng.random() < 0.4:
        for i in np.flatnonzero(rng.random(n_events) < 0.6):
            o, h, low, c = rows[i]
            path = [o, h, low, c] if rng.random() < 0.5 else [o, low, h, c]
            finer[int(i)] = [[a, max(a, b), min(a, b), b] for a, b in itertools.pairwise(path)]
    conversion = 1.0 if rng.random() < 0.6 else rng.uniform(0.8, 1.2, n_events).round(3)
    world = tape(
        rows,
        spread=float(rng.choice([0.0, 0.05, 0.4])),
        names=names,
        symbols=symbol,
        nights=rng.choice([0.0, 1.0, 3.0], n_events, p=[0.9, 0.08, 0.02]),
        conversion=conversion,
        volatility=float(rng.choice([0.0, 0.01, np.nan])),
        finer=finer,
    )
    busy = rng.random() * 0.5
    direction = rng.choice([-1, 0, 1], n_events, p=[busy / 2, 1 - busy, busy / 2])
    unit = rng.uniform(0.5, 3.0, n_events)
    unit[rng.random(n_events) < 0.02] = np.nan
    score = rng.uniform(0.45, 1.0, n_events) if rng.random() < 0.5 else 0.9
    opinion = Views.of(
        direction.astype(np.int8),
        score=score,
        confidence=rng.uniform(0.3, 1.0, n_events),
        p_win=rng.uniform(0.4, 0.9),
        payoff=rng.uniform(0.5, 2.0),
        loss=1.0,
        unit=unit,
    )
    targets = [(), [(1.0, 1.0)], [(0.5, 0.4), (1.5, 0.6)], [(0.5, 0.3), (1.0, 0.003), (2.0, 0.3)]]
    chosen = targets[rng.integers(4)]
    rules = settings(
        account={"balance": float(rng.choice([2e3, 2e4, 1e6]))},
        risk={
            "sizing": str(rng.choice(["fixed", "kelly"])),
            "fixed_lots": 1.0,
            "exposure_max": float(rng.choice([1.0, 20.0, 100.0])),
            "positions_max": int(rng.choice([1, 10])),
            "margin_fraction_max": 0.9,
            "risk_fraction_max": 0.05,
            "volatility_target": 1.0,
        },
        exits={
            "stop_atr": float(rng.choice([1.0, 2.5])),
            "targets": [{"at_r": r, "fraction": f} for r, f in chosen],
            "break_even_at_r": float(rng.choice([0.0, 0.7])),
            "trailing_atr": float(rng.choice([0.0, 1.5])),
            "time_stop_bars": int(rng.choice([0, 7])),
        },
        costs={"slippage_volatility_fraction": float(rng.choice([0.0, 0.1]))},
        fusion={"hold_score": float(rng.choice([0.4, 0.5, 0.55]))},
    )
    facts = {
        name: instrument(
            symbol=name,
            contract_size=D(10),
            commission_per_lot=D("0.7"),
            swap_mode=SwapMode.PERCENT if s % 2 else SwapMode.POINTS,
            swap_long=D("-3"),
            swap_short=D("1"),
            margin_fraction=D("0.05"),
        )
        for s, name in enumerate(names)
    }
    asked = []
    if rng.random() < 0.5:
        for i in np.flatnonzero(rng.random(n_events) < 0.08):
            kind = OrderKind(int(rng.integers(1, 6)))
            price = rows[i, 3] + rng.normal(0, 1.5)
            asked.append(
                request(
                    int(i),
                    kind,
                    int(rng.choice([-1, 1])),
                    float(rng.choice([0.0, 0.5, 1.0, 0.005])),
                    symbol=symbol[i],
                    price=price,
                    limit_price=price + rng.normal(0, 0.5),
                    stop_distance=float(rng.choice([0.0, 1.5])),
                    target_distance=float(rng.choice([0.0, 2.0])),
                    expiry_bars=int(rng.choice([0, 3])),
                )
            )
    return world, opinion, rules, facts, requests(*asked) if asked else None


def hybrid_views(model: SignalModel, dataset: Dataset, tape: Tape, settings: Settings) -> Views:
    """Return what the headline path of *model* says of every row of *dataset*."""
    lean = model.lean(
        "hybrid",
        model.ai_log_odds(dataset.column("x")),
        model.traditional_log_odds(dataset.column("votes")),
        dataset.terms(slice(None)),
        confidence=settings.risk.probability_confidence,
    )
    return views_of(lean, mid=tape.mid_close, atr=dataset.column("atr"))
