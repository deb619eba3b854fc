"""The gates of one decision in words: what each was asked and answered, and by which number."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from assay.domain.refusal import RefusalReason
from assay.engine.decision import side_score
from assay.research.wording import count, percent, ratio
from assay.risk.kelly import kelly_share
from assay.risk.sizing import Limits

LIMIT_WORDS = {
    "stake": "Kelly or the fixed size",
    "risk": "the risk at the stop",
    "volatility": "the volatility target",
    "symbol": "the exposure of the symbol",
    "exposure": "the exposure of the account",
    "margin": "the margin",
    "lot_max": "the largest lot",
}


@unique
class State(StrEnum):
    """What a gate answered."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate of one decision.

    Attributes
    ----------
    name : str
        Name of the refusal that it can give.
    state : State
    text : str
        What was asked and the number that decided, in words; empty if it was not asked.
    value, threshold : float or None
        The number and its limit, where there is one of each.
    """

    name: str
    state: State
    text: str
    value: float | None = None
    threshold: float | None = None


def gates_of(row: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[Gate, ...]:
    """Return the gates of one decision in the order in which the engine asks them.

    Parameters
    ----------
    row : mapping
        Columns of ``Decisions`` for one event.
    rules : mapping
        Settings that held, by section and name.

    Notes
    -----
    The engine's own answer says which gate refused; no gate is asked here again. Those before it
    had passed, those after it were not asked.
    """
    refused, asked = int(row["refused"]), bool(row["refused"] or row["lots"] > 0.0)
    found = []
    for reason in RefusalReason:
        if reason > RefusalReason.BELOW_MINIMUM_SIZE:
            break
        if not asked or (refused and reason > refused):
            state = State.NOT_ASKED
        else:
            state = State.REFUSED if reason == refused else State.PASSED
        text, value, threshold = _told(reason, row, rules)
        if state is State.NOT_ASKED:
            text, value, threshold = "", None, None
        found.append(
            Gate(name=reason.name, state=state, text=text, value=value, threshold=threshold)
        )
    return tuple(found)


Told = tuple[str, float | None, float | None]


def _told(reason: RefusalReason, row: Mapping[str, Any], rules: Mapping[str, Any]) -> Told:
    """Return what a gate is about, with its number and limit."""
    fusion, risk, account = rules["fusion"], rules["risk"], rules["account"]
    if reason is RefusalReason.NO_VIEW:
        sides = {1: "the sources lean long", -1: "the sources lean short"}
        return sides.get(row["direction"], "the sources lean to neither side"), None, None
    if reason is RefusalReason.WARM_UP:
        return _known(row), None, None
    if reason is RefusalReason.SCORE:
        limit = fusion["pass_score"]
        return f"score {row['score']:.4f}, must be above {limit:g}", row["score"], limit
    if reason is RefusalReason.POSITIONS_LIMIT:
        n, limit = row["n_others"], risk["positions_max"]
        return f"{count(n)} positions elsewhere, must be below {limit}", float(n), float(limit)
    if reason is RefusalReason.MARGIN_CALL:
        level, limit = row["margin_level"], account["margin_call_level"]
        words = f"equity over margin {ratio(level)}, must be above {limit:g}"
        return words, level, limit
    return _told_of_size(reason, row, risk)


def _known(row: Mapping[str, Any]) -> str:
    names = ("score", "conviction", "p_lower", "payoff", "loss", "unit")
    missing = [name for name in names if not row[name] > -float("inf")]
    return f"not known yet: {', '.join(missing)}" if missing else "every number is known"


def _told_of_size(reason: RefusalReason, row: Mapping[str, Any], risk: Mapping[str, Any]) -> Told:
    if reason is RefusalReason.NO_EDGE:
        if risk["sizing"] == "fixed":
            return f"size fixed at {risk['fixed_lots']:g} lots", None, None
        share = kelly_of(row, risk)
        return (
            f"Kelly stake {percent(share, 3)} of equity at the lower bound {row['p_lower']:.4f} of "
            f"the probability and a payoff of {row['payoff']:.3f}, must be above 0",
            share,
            0.0,
        )
    if reason is RefusalReason.EXPOSURE_LIMIT:
        room = row["exposure"]
        return f"exposure left for {_lots(room)}, must be above 0", room, 0.0
    if reason is RefusalReason.MARGIN_LIMIT:
        room = row["margin"]
        return f"margin left for {_lots(room)}, must be above 0", room, 0.0
    name, lots = least_limit(row)
    words = f"{_lots(lots)} by {LIMIT_WORDS[name]}, must be at least {row['lot_min']:g}"
    return words, lots, row["lot_min"]


def _lots(value: float) -> str:
    return f"{ratio(value, 4)} lots"


def kelly_of(row: Mapping[str, Any], risk: Mapping[str, Any]) -> float:
    """Return the share of the equity that Kelly puts at risk; NaN where it is not known."""
    p_win, payoff = row["p_lower"], row["payoff"]
    if not payoff > 0.0:
        return float("nan")
    return float(kelly_share(float(p_win), float(payoff), float(risk["kelly_multiplier"])))


def least_limit(row: Mapping[str, Any]) -> tuple[str, float]:
    """Return which limit bound the size, and the lots it allowed; NaN where no size was asked."""
    limits = {name: float(row[name]) for name in (*Limits._fields, "lot_max")}
    name = min(limits, key=lambda key: limits[key])
    return name, limits[name] if row["price"] > 0.0 else float("nan")


def holding_score(row: Mapping[str, Any]) -> float:
    """Return what the side of the open position scored; 0.5 without a view."""
    return float(side_score(int(row["side"]), int(row["direction"]), float(row["score"])))
