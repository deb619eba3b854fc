"""Random accounts whose views come from made-up sources, and one of each kind by hand."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.engine import market as columns
from assay.engine.answers import record_answers
from assay.engine.backtest import backtest
from assay.engine.dated import dated_events
from assay.engine.tape import calm_events
from assay.engine.views import Views
from assay.research.attribution.part import Kind, Part
from assay.research.attribution.split import Told, split_trades
from assay.research.attribution.voices import Voices
from assay.research.benchmarks import Market, as_result

sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))
from engine_worlds import flat, instrument, random_world, settings, tape, views

__all__ = ["flat", "instrument", "settings", "tape", "views"]


def sources(n_sources):
    return tuple(
        Part(name=f"source_{k}", group="models", title=f"{k}", kind=Kind.SIGNAL)
        for k in range(n_sources)
    )


def spoken(lean):
    """Return sources that added these columns to the lean."""
    unknown = np.full(len(lean), np.nan)
    return Voices(sources=sources(lean.shape[1]), log_odds=lean * 2.0, lean=lean, p=unknown)


def voices_for(opinion, n_events, rng, n_sources=4):
    """Return sources that add up to *opinion*; the first one never says anything."""
    score = np.broadcast_to(opinion.score, n_events)
    whole = opinion.direction * (2.0 * score - 1.0)
    lean = rng.normal(0.0, rng.choice([0.05, 0.5]), (n_events, n_sources))
    lean[:, 0] = 0.0
    lean[:, 1] += whole - lean.sum(axis=1)
    return spoken(lean)


def random_account(seed, n_symbols=1, *, with_requests=True, is_dated=False):
    """Return a market, what the strategy was told, and what it did."""
    tape, opinion, rules, facts, requests = random_world(seed, n_symbols=n_symbols)
    if not with_requests:
        requests = None
    rng = np.random.default_rng(seed)
    if is_dated:
        facts = {name: _changing(item, tape, rng) for name, item in facts.items()}
        version, charges = dated_events(tape.time_ns, tape.symbol, list(facts.values()))
        market = tape.market.copy()
        market[columns.NIGHTS] = 0.0
        market[columns.NIGHTS, charges.event] = charges.nights
        calm = calm_events(market, tape.symbol, version)
        tape = replace(tape, version=version, charges=charges, market=market, is_calm=calm)
    market = Market(tape=tape, atr=np.ones(len(tape)), instruments=facts, settings=rules)
    return told_and_done(market, opinion, voices_for(opinion, len(tape), rng), requests)


def _changing(item, tape, rng):
    """Return facts whose point, tick, swap and commission change on the way."""
    later = item.model_copy if hasattr(item, "model_copy") else None
    changed = {"commission_per_lot": item.commission_per_lot * 3, "swap_long": -item.swap_long}
    other = later(update=changed) if later else replace(item, **changed)
    at = int(tape.time_ns[int(rng.integers(50, 300))])
    return FactsHistory(
        symbol=item.symbol,
        versions=(
            DatedFacts(valid_from_ns=0, instrument=item),
            DatedFacts(valid_from_ns=at, instrument=other),
        ),
    )


def told_and_done(market, opinion, voices, requests=None):
    run = backtest(market.tape, opinion, market.settings, market.instruments, requests)
    answers = record_answers(market.tape, opinion, market.settings, market.instruments, requests)
    told = Told(voices=voices, views=opinion, answers=answers)
    return market, told, as_result("hybrid", run, market)


def split_of(account):
    market, told, result = account
    return split_trades(result, market, told)


def by_name(split, row=0):
    return {part.name: float(split.amounts[row, k]) for k, part in enumerate(split.parts)}


def mirrored_market(market, centre):
    """Return the market seen in a mirror: every price *p* becomes ``centre - p``."""
    seen = market.tape.market
    other = seen.copy()
    for bid, ask in (
        (columns.BID_OPEN, columns.ASK_OPEN),
        (columns.BID_CLOSE, columns.ASK_CLOSE),
    ):
        other[bid], other[ask] = centre - seen[ask], centre - seen[bid]
    for high, low, sign in (
        (columns.BID_HIGH, columns.ASK_LOW, 1),
        (columns.ASK_HIGH, columns.BID_LOW, 1),
        (columns.BID_LOW, columns.ASK_HIGH, 1),
        (columns.ASK_LOW, columns.BID_HIGH, 1),
    ):
        other[high] = centre - sign * seen[low]
    finer = market.tape.finer.copy()
    if finer.shape[1]:
        rows = [centre - market.tape.finer[k] for k in (4, 6, 5, 7, 0, 2, 1, 3)]
        finer = np.ascontiguousarray(np.array(rows))
    return replace(market, tape=replace(market.tape, market=other, finer=finer))


def mirrored_views(opinion):
    return Views(
        direction=(-opinion.direction).astype(np.int8),
        score=opinion.score,
        confidence=opinion.confidence,
        p_win=opinion.p_win,
        payoff=opinion.payoff,
        loss=opinion.loss,
        unit=opinion.unit,
        reason=opinion.reason,
    )
