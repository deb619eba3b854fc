"""``assay why``: why a decision fell as it did, why a trade was made, why none was."""

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import find_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.research.attribution.decisions import Decisions
    from assay.research.attribution.why import Why

SHOWN_FROM = 0.005
"""Smallest amount of a part that a reader is shown; ``--json`` has all."""

REPORT_HELP = "Name of a report. [default: the last one]"
AT_HELP = "The decision in force then, such as 2015-03-04T10:00, in UTC unless it names an offset."


def why(
    context: typer.Context,
    report: Annotated[str | None, typer.Option("--report", "-r", help=REPORT_HELP)] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help=AT_HELP)] = None,
    trade: Annotated[
        int | None,
        typer.Option("--trade", metavar="N", help="The decision that led to trade N, from 1."),
    ] = None,
    is_refused: Annotated[
        bool, typer.Option("--refused", help="List entries that were refused.")
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="NAME", help="With --refused: one reason, such as SCORE."),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="NAME", help="With --at: of this symbol.")
    ] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, help="With --refused: the last N.")
    ] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a decision fell as it did.

    What every source said, the score, each gate with the number that decided, the order that came
    of it, and what made the trade's profit. Without an option: the last decision of the last
    report.
    """
    from assay.cli.reports import find_report
    from assay.research.attribution.storing import read_decisions
    from assay.research.attribution.why import event_at, event_of_trade, explain

    _refuse_several(at, trade, is_refused)
    if not is_refused:
        source = context.get_parameter_source("last")
        is_last_given = source is not None and source.name == "COMMANDLINE"
        _refuse_without_refused({"--reason": reason is not None, "--last": is_last_given})
    if symbol is not None and (is_refused or trade is not None):
        _refuse_symbol("--refused" if is_refused else "--trade", symbol)
    folder = find_report(find_workspace(workspace), report)
    decisions = read_decisions(folder)
    screen = Screen(as_json=as_json)
    if is_refused:
        _show_refused(folder, decisions, reason, last, screen)
        return
    if trade is not None:
        event = event_of_trade(decisions, trade)
    else:
        event = event_at(decisions, None if at is None else _moment(at), symbol)
    found = explain(decisions, event)
    number = found.opens or (found.held.trade if found.held is not None else 0)
    _show(folder, found, number, screen)


def _refuse_several(at: str | None, trade: int | None, is_refused: bool) -> None:
    """Refuse two questions at once."""
    from assay.domain.errors import ConfigError

    asked = [
        name
        for name, is_asked in (
            ("--at", at is not None),
            ("--trade", trade is not None),
            ("--refused", is_refused),
        )
        if is_asked
    ]
    if len(asked) > 1:
        raise ConfigError(
            f"One question at a time; was {' and '.join(asked)}.",
            remedy="Give one of --at, --trade and --refused.",
            value=asked,
        )


def _refuse_without_refused(given: "Mapping[str, bool]") -> None:
    """Refuse an option that asks nothing unless refusals are listed."""
    from assay.domain.errors import ConfigError

    idle = [name for name, is_given in given.items() if is_given]
    if idle:
        raise ConfigError(
            f"{' and '.join(idle)} must come with --refused; came without.",
            remedy="Add --refused, or leave it out.",
            value=idle,
        )


def _refuse_symbol(question: str, symbol: str) -> None:
    from assay.domain.errors import ConfigError

    raise ConfigError(
        f"--symbol must come with --at or alone; came with {question}.",
        remedy=f"Leave --symbol {symbol} out.",
        value=symbol,
    )


def _moment(text: str) -> int:
    from assay.domain.errors import ConfigError
    from assay.domain.time import utc_ns

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"--at must be a time such as 2015-03-04T10:00; was {text!r}.",
            remedy="Write it in ISO 8601; without an offset it is UTC.",
            value=text,
        ) from None
    return utc_ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _show(folder: "Path", found: "Why", number: int, screen: Screen) -> None:
    """Print one decision: sources, score, gates, and the trade it belongs to."""
    from assay.research.attribution.part import GROUPS
    from assay.research.attribution.storing import read_trade

    screen.say(f"{found.market} {found.time}, {found.strategy}, mid {found.mid:g}", style="bold")
    screen.say(found.sentence)
    screen.say("")
    spoke = [voice for voice in found.sources if voice.lean or voice.log_odds]
    rows: list[tuple[str, str, str]] = []
    for group, lean in found.groups.items():
        mine = [voice for voice in spoke if voice.group == group]
        if mine:
            rows.append((GROUPS[group], "", f"{lean:+.4f}"))
            for voice in mine:
                said = f"{voice.log_odds:+.4f}" if voice.log_odds else ""
                rows.append((f"  {voice.title}", said, f"{voice.lean:+.4f}"))
    total = sum(found.groups.values())
    rows.append(("Lean", "", f"{total:+.4f}"))
    screen.table(("source", "log-odds of up", "part of the lean"), rows)
    screen.say(
        f"Side {found.side}, score {found.score:.4f}, conviction {found.conviction:.4f}; "
        f"probability {_number(found.p)}, at least {_number(found.p_lower)}; "
        f"payoff {_number(found.payoff)}."
    )
    screen.say("")
    if found.outcome in ("held", "left"):
        screen.say("No entry was asked for, so no gate was.")
    else:
        screen.table(
            ("gate", "answer", "number that decided"),
            [(gate.name, gate.state.value, gate.text) for gate in found.gates],
        )
    line = read_trade(folder, found.strategy, number) if number else None
    if line is not None:
        _show_trade(line, found, screen)
    screen.emit({"report": folder, "decision": asdict(found), "trade": _trade_record(line)})


def _number(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:.4f}"


HEAD = (
    "strategy", "trade", "entry", "exit", "symbol", "side", "lots", "net",
    "reference_lots", "sized_by", "decided", "held_until",
)  # fmt: skip


def _parts(line: "Mapping[str, str]") -> dict[str, float]:
    return {name: float(text) for name, text in line.items() if name not in HEAD}


def _trade_record(line: "Mapping[str, str] | None") -> dict[str, Any] | None:
    if line is None:
        return None
    numbers = ("lots", "net", "reference_lots")
    told: dict[str, Any] = {
        name: float(line[name]) if name in numbers else line[name] for name in HEAD
    }
    told["trade"] = int(line["trade"])
    return {**told, "parts": _parts(line)}


def _show_trade(line: "Mapping[str, str]", found: "Why", screen: Screen) -> None:
    """Print what made the profit of the trade that the decision belongs to."""
    from assay.research.attribution.part import AFTER_SIGNALS

    screen.say(
        f"Trade {line['trade']}: {line['side']} {float(line['lots']):g} lots, {line['entry']} to "
        f"{line['exit']}, net {float(line['net']):+,.2f}. Its sources would have held it until "
        f"{line['held_until'] or 'its exit'}; at the usual risk it would have been "
        f"{float(line['reference_lots']):.2f} lots."
    )
    titles = {voice.name: voice.title for voice in found.sources}
    titles |= {part.name: part.title for part in AFTER_SIGNALS}
    rows = [
        (titles.get(name, name), f"{amount:+,.2f}")
        for name, amount in _parts(line).items()
        if abs(amount) >= SHOWN_FROM
    ]
    screen.table(("part of its profit", "amount"), [*rows, ("net", f"{float(line['net']):+,.2f}")])


def _show_refused(
    folder: "Path", decisions: "Decisions", reason: str | None, last: int, screen: Screen
) -> None:
    """Print how often each gate refused, and the last refusals with their numbers."""
    import numpy as np

    from assay.domain.refusal import RefusalReason
    from assay.research.attribution.gates import State
    from assay.research.attribution.why import explain, refused_events

    events = refused_events(decisions, reason)
    codes, counts = np.unique(decisions.columns["refused"], return_counts=True)
    counted = {
        RefusalReason(int(code)).name: int(n)
        for code, n in zip(codes, counts, strict=True)
        if code > 0
    }
    shown = [explain(decisions, int(event)) for event in events[-last:]]
    records = []
    for item in shown:
        gate = next(gate for gate in item.gates if gate.state is State.REFUSED)
        records.append(
            {
                "time": item.time,
                "market": item.market,
                "side": item.side,
                "score": item.score,
                "reason": item.refused,
                "text": gate.text,
            }
        )
    screen.table(("reason", "refused"), list(counted.items()))
    screen.table(
        ("time", "symbol", "side", "reason", "number that decided"),
        [(r["time"], r["market"], r["side"], r["reason"], r["text"]) for r in records],
    )
    if not records:
        screen.say("No entry was refused for that.")
    if len(events) > len(shown):
        screen.say(f"The last {len(shown):,} of {len(events):,}; --last shows more.")
    screen.emit({"report": folder, "counts": counted, "n": len(events), "refused": records})
