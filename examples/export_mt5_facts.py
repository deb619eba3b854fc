r"""Write what a MetaTrader 5 terminal says of its symbols, for ``assay data facts import``.

Runs on the Windows machine of the terminal, which must be logged in; needs only MetaQuotes'
package (``pip install MetaTrader5``), not Assay:

    python export_mt5_facts.py XAUUSD EURUSD --timezone NY+7 --out mt5_facts.json

The package tells neither trading hours nor tiers of leverage. Add them from the Specification
window, for all symbols that are named:

    python export_mt5_facts.py XAUUSD --hours "mon-thu 01:00-23:59; fri 01:00-23:57" \
        --tiers "50:500, 100:200, inf:100"
"""

import argparse
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PROBE_LOTS = (1, 10, 50, 100)
"""Sizes, in steps of the least one, whose margin the terminal is asked for."""


def minutes(text: str) -> int:
    """Return the minute of the day of a time such as ``23:59``; ``24:00`` is its end."""
    hour, minute = text.strip().split(":")
    return int(hour) * 60 + int(minute)


def parse_hours(text: str) -> dict[str, list[list[int]]]:
    """Return sessions by weekday from ``mon-thu 01:00-23:59; fri 01:00-12:00, 13:00-23:57``."""
    sessions: dict[str, list[list[int]]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        days, hours = part.split(maxsplit=1)
        first, _, last = days.partition("-")
        span = [next(k for k, day in enumerate(DAYS) if day.startswith(name.lower()))
                for name in (first, last or first)]  # fmt: skip
        stretches = [[minutes(end) for end in one.split("-")] for one in hours.split(",")]
        for k in range(span[0], span[1] + 1):
            sessions[DAYS[k]] = stretches
    return sessions


def parse_tiers(text: str) -> list[dict[str, Any]]:
    """Return tiers of leverage from ``50:500, inf:100``: up to 50 lots 1:500, beyond 1:100."""
    tiers = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        up_to, leverage = part.split(":")
        end = None if up_to.strip().lower() == "inf" else float(up_to)
        tiers.append({"up_to": end, "unit": "lots", "leverage": float(leverage)})
    return tiers


def name_of(terminal: Any, prefix: str, number: int) -> Any:
    """Return the name of an enumeration's value; the number where this release has none."""
    names = [key for key in dir(terminal) if re.match(prefix, key)]
    return next((key for key in names if getattr(terminal, key) == number), number)


def margin_probes(terminal: Any, info: dict[str, Any]) -> list[dict[str, float]]:
    """Return the margins that the terminal calculates for a few sizes, to check ours."""
    probes = []
    for steps in PROBE_LOTS:
        lots, price = info["volume_min"] * steps, info["ask"]
        if lots <= info["volume_max"] and price > 0:
            margin = terminal.order_calc_margin(terminal.ORDER_TYPE_BUY, info["name"], lots, price)
            if margin:
                probes.append({"lots": lots, "price": price, "margin": margin})
    return probes


def export(
    terminal: Any,
    symbols: Sequence[str],
    *,
    at: datetime,
    timezone: str = "",
    hours: str = "",
    tiers: str = "",
) -> dict[str, Any]:
    """Return the document of *symbols*; *terminal* is the ``MetaTrader5`` module, connected."""
    account = terminal.account_info()
    if account is None:
        raise SystemExit(f"The terminal must be logged in: {terminal.last_error()}")
    described = []
    for symbol in symbols:
        if not terminal.symbol_select(symbol, True):
            raise SystemExit(f"The terminal knows no {symbol}: {terminal.last_error()}")
        info = terminal.symbol_info(symbol)._asdict()
        info["swap_mode"] = name_of(terminal, "SYMBOL_SWAP_MODE_", info["swap_mode"])
        info["margin_probes"] = margin_probes(terminal, info)
        if hours:
            info["sessions"] = parse_hours(hours)
        if tiers:
            info["leverage_tiers"] = parse_tiers(tiers)
        described.append(info)
    document = {
        "exported_utc": at.astimezone(UTC).isoformat(timespec="seconds"),
        "account": {
            "currency": account.currency,
            "leverage": account.leverage,
            "server": account.server,
        },
        "symbols": described,
    }
    return {**document, "server_timezone": timezone} if timezone else document


def main() -> None:
    """Read the command line, ask the terminal, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("symbols", nargs="+")
    parser.add_argument("--timezone", default="", help="clock of the server, such as NY+7")
    parser.add_argument("--hours", default="", help="trading hours, server time")
    parser.add_argument("--tiers", default="", help="leverage by lots, such as 50:500, inf:100")
    parser.add_argument("--out", type=Path, default=Path("mt5_facts.json"))
    arguments = parser.parse_args()

    import MetaTrader5  # only where a terminal is

    terminal: Any = MetaTrader5
    if not terminal.initialize():
        raise SystemExit(f"No terminal answers: {terminal.last_error()}")
    try:
        document = export(
            terminal,
            arguments.symbols,
            at=datetime.now(UTC),
            timezone=arguments.timezone,
            hours=arguments.hours,
            tiers=arguments.tiers,
        )
    finally:
        terminal.shutdown()
    arguments.out.write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(f"{len(document['symbols'])} symbols in {arguments.out}")


if __name__ == "__main__":
    main()
