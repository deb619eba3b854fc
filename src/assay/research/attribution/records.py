"""The attribution for programs: a record for the results, and a line per trade."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from assay.domain.time import iso_utc
from assay.research.attribution.split import SIZED_BY
from assay.research.attribution.summary import Attribution
from assay.research.result import StrategyResult

ATTRIBUTION_FILE = "attribution.csv"
METHOD = (
    "Each bar of a trade is owned by the view at its start. Sources that spoke for the position "
    "share it by their part of the lean; those against it pay half of what they would have made "
    "alone (Shapley value of the two camps). The trade is held until the views turn, at the usual "
    "risk of the strategy; what its exits, its size and its fills made of that are parts of their "
    "own. Costs are those of its fills."
)


def attribution_records(
    attributions: Mapping[str, Attribution], headline: str
) -> dict[str, Any] | None:
    """Return what ``results.json`` says; by month for the judged strategy alone."""
    if not attributions:
        return None
    return {
        "method": METHOD,
        "strategies": {
            name: _record(item, with_months=name == headline) for name, item in attributions.items()
        },
    }


def _record(item: Attribution, *, with_months: bool) -> dict[str, Any]:
    return {
        "n_trades": item.n_trades,
        "net": item.net,
        "open_profit": item.open_profit,
        "error": item.error,
        "reference_risk": item.reference_risk,
        "groups": [asdict(part) for part in item.groups],
        "parts": [asdict(part) for part in item.parts],
        "by_side": item.by_side,
        "by_regime": item.by_regime,
        "sized_by": item.sized_by,
        **({"by_month": item.by_month} if with_months else {}),
    }


def attribution_text(
    attributions: Mapping[str, Attribution], strategies: tuple[StrategyResult, ...]
) -> str:
    """Return ``attribution.csv``: every trade of every strategy, and all of its parts.

    A part that a strategy does not have is 0; amounts are in account currency and exact.
    """
    parts = {part.name: part for item in attributions.values() for part in item.split.parts}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = ("strategy", "trade", "entry", "exit", "symbol", "side", "lots", "net")
    writer.writerow((*head, "reference_lots", "sized_by", "decided", "held_until", *parts))
    for result in strategies:
        if result.name in attributions:
            _write_trades(writer, result, attributions[result.name], tuple(parts))
    return buffer.getvalue()


def _write_trades(
    writer: Any, result: StrategyResult, item: Attribution, names: tuple[str, ...]
) -> None:
    split = item.split
    place = {part.name: column for column, part in enumerate(split.parts)}
    amounts = np.zeros((len(result.trades), len(names)))
    for column, name in enumerate(names):
        if name in place:
            amounts[:, column] = split.amounts[:, place[name]]
    for row, trade in enumerate(result.trades):
        writer.writerow(
            (
                result.name,
                row + 1,
                iso_utc(int(result.entry_ns[row])),
                iso_utc(int(result.exit_ns[row])),
                result.symbols[trade["symbol"]] if result.symbols else trade["symbol"],
                "long" if trade["side"] > 0 else "short",
                repr(float(trade["lots"])),
                repr(float(trade["net"])),
                repr(float(split.reference_lots[row])),
                SIZED_BY[split.sized_by[row]],
                _moment(result, int(split.decided[row])),
                _moment(result, int(split.held_until[row])),
                *(repr(value) for value in amounts[row].tolist()),
            )
        )


def _moment(result: StrategyResult, event: int) -> str:
    return iso_utc(int(result.time_ns[event])) if event >= 0 else ""
