"""Why a decision fell as it did: the sources, the score, the gates, the order, the trade."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.domain.errors import ConfigError
from assay.domain.fill import ExitReason
from assay.domain.refusal import RefusalReason
from assay.domain.time import NS_PER_DAY, iso_utc
from assay.kernels.compiler import IntArray
from assay.research.attribution.decisions import FINE, Decisions
from assay.research.attribution.gates import (
    LIMIT_WORDS,
    Gate,
    State,
    gates_of,
    holding_score,
    least_limit,
)
from assay.research.attribution.part import GROUPS
from assay.research.tables import REASON_WORDS

SIDES = {1: "long", -1: "short", 0: "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one source said: log-odds of up, and what it added to the lean."""

    name: str
    group: str
    title: str
    log_odds: float
    lean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The position that was open at the decision."""

    side: str
    lots: float
    bars: int
    trade: int
    score: float
    hold_score: float
    leaves: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One decision explained.

    Attributes
    ----------
    event : int
        Number of the event, from 0.
    time : str
        Close of the bar, UTC.
    market, strategy : str
    mid : float
        Price at the close.
    side : str
        What the sources leaned to: long, short or none.
    score, conviction : float
        Of that side.
    p, p_lower : float
        Calibrated probability that the side is right, and its lower bound.
    payoff : float
        Average win over average loss, after costs.
    sources : tuple of Voice
        Every source that has a say in this run.
    groups : mapping of str to float
        What each group added to the lean.
    held : Held or None
    gates : tuple of Gate
    outcome : str
        entered, refused, held, left, or left and entered.
    refused : str or None
        Name of the refusal.
    lots : float
        Of the entry that was ordered; 0: none.
    sized_by : str or None
        The limit that bound them.
    opens : int
        Number of the trade that it led to; 0: none.
    sentence : str
        All of it in one line.
    """

    event: int
    time: str
    market: str
    strategy: str
    mid: float
    side: str
    score: float
    conviction: float
    p: float
    p_lower: float
    payoff: float
    sources: tuple[Voice, ...]
    groups: Mapping[str, float]
    held: Held | None
    gates: tuple[Gate, ...]
    outcome: str
    refused: str | None
    lots: float
    sized_by: str | None
    opens: int
    sentence: str


def explain(decisions: Decisions, event: int) -> Why:
    """Return why the decision of *event* fell as it did."""
    row = decisions.row(event)
    rules = decisions.rules[row["rule"]]
    gates = gates_of(row, rules)
    held = _held(row, rules) if row["side"] else None
    refused = RefusalReason(row["refused"]).name if row["refused"] else None
    outcome = _outcome(row)
    voices = tuple(
        Voice(
            name=part.name,
            group=part.group,
            title=part.title,
            log_odds=float(decisions.log_odds[event, k]) * FINE,
            lean=float(decisions.lean[event, k]) * FINE,
        )
        for k, part in enumerate(decisions.sources)
    )
    return Why(
        event=event,
        time=iso_utc(int(decisions.known_ns[event])),
        market=decisions.market[decisions.of_market[event]],
        strategy=decisions.strategy,
        mid=row["mid"],
        side=SIDES[row["direction"]],
        score=row["score"],
        conviction=row["conviction"],
        p=row["p"],
        p_lower=row["p_lower"],
        payoff=row["payoff"],
        sources=voices,
        groups={
            group: sum(voice.lean for voice in voices if voice.group == group)
            for group in GROUPS
            if any(voice.group == group for voice in voices)
        },
        held=held,
        gates=gates,
        outcome=outcome,
        refused=refused,
        lots=row["lots"],
        sized_by=least_limit(row)[0] if row["lots"] > 0.0 else None,
        opens=row["opens"],
        sentence=_sentence(row, outcome, gates, held),
    )


def _held(row: Mapping[str, Any], rules: Mapping[str, Any]) -> Held:
    return Held(
        side=SIDES[row["side"]],
        lots=row["held_lots"],
        bars=row["bars_held"],
        trade=row["trade"],
        score=holding_score(row),
        hold_score=rules["fusion"]["hold_score"],
        leaves=REASON_WORDS[row["leaves"]] if row["leaves"] else "",
    )


def _outcome(row: Mapping[str, Any]) -> str:
    if row["lots"] > 0.0:
        return "left and entered" if row["leaves"] else "entered"
    if row["leaves"]:
        return "left"
    return "refused" if row["refused"] else "held"


def _sentence(
    row: Mapping[str, Any], outcome: str, gates: tuple[Gate, ...], held: Held | None
) -> str:
    """Return the decision in one line."""
    parts = []
    if held is not None and not row["leaves"]:
        parts.append(
            f"the {held.side} position stays: its side scores {held.score:.4f}, "
            f"and leaves below {held.hold_score:g}"
        )
    elif held is not None and row["leaves"] == ExitReason.TIME_STOP:
        parts.append(f"the {held.side} position leaves after {held.bars} bars: its time is up")
    elif held is not None:
        parts.append(
            f"the {held.side} position leaves: its side scores {held.score:.4f}, "
            f"below {held.hold_score:g}"
        )
    if row["lots"] > 0.0:
        bound = LIMIT_WORDS[least_limit(row)[0]]
        parts.append(f"{SIDES[row['direction']]} {row['lots']:g} lots are ordered, by {bound}")
    refusals = [gate for gate in gates if gate.state is State.REFUSED]
    parts += [f"no entry: {gate.text}" for gate in refusals]
    return f"{outcome.capitalize()}: " + "; ".join(parts) + "."


def event_at(decisions: Decisions, at_ns: int | None, market: str | None) -> int:
    """Return the latest event that was known at *at_ns*, of one symbol or of any.

    Without a time, the last one. That is in force until the next bar would have been known.

    Raises
    ------
    ConfigError
        If the symbol is not in the report, or nothing was decided by then, or nothing any more.
    """
    asked = np.arange(len(decisions))
    if market is not None:
        if market not in decisions.market:
            raise ConfigError(
                f"A symbol must be one of the report, {', '.join(decisions.market)}; was {market}.",
                remedy="Choose one of them.",
                value=market,
            )
        asked = asked[decisions.of_market == decisions.market.index(market)]
    if at_ns is None:
        return int(asked[-1])
    known_ns = decisions.known_ns[asked]
    steps = np.diff(known_ns)
    bar_ns = int(np.min(steps[steps > 0], initial=NS_PER_DAY))
    if not known_ns[0] <= at_ns < int(known_ns[-1]) + bar_ns:
        first, last = (iso_utc(int(known_ns[k])) for k in (0, -1))
        raise ConfigError(
            f"A decision must lie between {first} and {last}, the tested span; "
            f"was asked for {iso_utc(at_ns)}.",
            remedy="Choose a time inside it.",
            value=iso_utc(at_ns),
        )
    return int(asked[np.searchsorted(known_ns, at_ns, side="right") - 1])


def event_of_trade(decisions: Decisions, number: int) -> int:
    """Return the event at which a trade was decided.

    Raises
    ------
    ConfigError
        If there is no such trade.
    """
    found = np.flatnonzero(decisions.columns["opens"] == number)
    n_trades = int(decisions.columns["opens"].max(initial=0))
    if number < 1 or not len(found):
        there = f"must be one of 1 to {n_trades}" if n_trades else "must be there; none was made"
        raise ConfigError(
            f"A trade {there}; was {number}.",
            remedy="Numbers are those of attribution.csv, in the order in which trades ended.",
            value=number,
        )
    return int(found[0])


def refused_events(decisions: Decisions, reason: str | None) -> IntArray:
    """Return the events at which an entry was refused, for one reason or for any.

    Without a reason, those without any view are left out: there was nothing to refuse.

    Raises
    ------
    ConfigError
        If there is no such reason.
    """
    code = decisions.columns["refused"]
    if reason is None:
        return np.flatnonzero(code > RefusalReason.NO_VIEW)
    names = [item.name for item in RefusalReason if item <= RefusalReason.BELOW_MINIMUM_SIZE]
    if reason.upper() not in names:
        raise ConfigError(
            f"A reason must be one of {', '.join(names)}; was {reason}.",
            remedy="Choose one of them.",
            value=reason,
        )
    return np.flatnonzero(code == RefusalReason[reason.upper()])
