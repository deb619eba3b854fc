"""Specification files as a terminal and our exporter write them, for the tests of their import."""

import json
from pathlib import Path
from typing import Any

GOLD_INFO: dict[str, Any] = {
    "name": "XAUUSD",
    "description": "Gold vs US Dollar",
    "digits": 2,
    "point": 0.01,
    "spread": 18,
    "spread_float": True,
    "bid": 2400.0,
    "trade_contract_size": 100.0,
    "trade_tick_size": 0.01,
    "trade_tick_value": 1.0,
    "trade_calc_mode": 4,
    "trade_stops_level": 20,
    "trade_freeze_level": 0,
    "volume_min": 0.01,
    "volume_max": 50.0,
    "volume_step": 0.01,
    "swap_mode": 1,
    "swap_long": -38.2,
    "swap_short": 15.6,
    "swap_rollover3days": 3,
    "margin_initial": 0.0,
    "margin_maintenance": 0.0,
    "margin_hedged": 100.0,
    "currency_base": "XAU",
    "currency_profit": "USD",
    "currency_margin": "USD",
    "time": 1714521600,
}
ACCOUNT = {"currency": "USD", "leverage": 200}
WEEK = {
    "monday": [[60, 1439]],
    "tuesday": [[60, 1439]],
    "wednesday": [[60, 1439]],
    "thursday": [[60, 1439]],
    "friday": [[60, 1437]],
}
WINDOW = """XAUUSD, Gold vs US Dollar
Digits\t2
Contract size\t100
Spread\tfloating
Stops level\t20
Margin currency\tUSD
Profit currency\tUSD
Calculation\tCFD Leverage
Margin rate\t1.0
Leverage\t1:200
Tick size\t0.01
Minimal volume\t0.01
Maximal volume\t50
Volume step\t0.01
Swap type\tIn points
Swap long\t-38.2
Swap short\t15.6
3-days swap\tWednesday
Sunday\t
Monday\t01:00-23:59\t01:00-23:59
Tuesday\t01:00-23:59\t01:00-23:59
Wednesday\t01:00-23:59\t01:00-23:59
Thursday\t01:00-23:59\t01:00-23:59
Friday\t01:00-23:57\t01:00-23:57
Saturday\t-\t-
"""
"""The same contract as ``GOLD_INFO`` with ``ACCOUNT`` and ``WEEK``, as the window shows it."""


def exported(folder: Path, *infos: dict[str, Any], name: str = "facts.json", **frame: Any) -> Path:
    """Write a file as our exporter does."""
    document = {
        "exported_utc": "2024-05-01T09:30:00Z",
        "account": ACCOUNT,
        "symbols": [{"sessions": WEEK, **info} for info in infos or (GOLD_INFO,)],
        **frame,
    }
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def saved(folder: Path, text: str = WINDOW, encoding: str = "utf-8", name: str = "g.txt") -> Path:
    """Write a file as a person who copies the window does."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
