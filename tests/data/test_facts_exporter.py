"""The exporter's file is what the import reads; the terminal is played, none runs here."""

import importlib.util
import json
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from facts_files import GOLD_INFO, WEEK

from assay.data.specification.reading import read_specifications
from assay.domain.instrument import SwapMode

NOON = datetime(2024, 5, 1, 12, 0, 30, tzinfo=UTC)
HOURS = "mon-thu 01:00-23:59; fri 01:00-23:57"


def exporter() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "examples" / "export_mt5_facts.py"
    spec = importlib.util.spec_from_file_location("export_mt5_facts", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Terminal(SimpleNamespace):
    """What the exporter asks of MetaTrader5, with the numbers of its enumerations."""

    SYMBOL_SWAP_MODE_DISABLED = 0
    SYMBOL_SWAP_MODE_POINTS = 1
    SYMBOL_SWAP_MODE_INTEREST_OPEN = 6
    ORDER_TYPE_BUY = 0
    account = SimpleNamespace(currency="USD", leverage=200, server="Somewhere-Live")
    swap_mode = 6

    def account_info(self):
        return self.account

    def symbol_select(self, symbol, wanted):
        return symbol == "XAUUSD" and wanted

    def last_error(self):
        return (-1, "as told")

    def symbol_info(self, symbol):
        fields = {**GOLD_INFO, "ask": 2400.0, "swap_mode": self.swap_mode}
        return namedtuple("SymbolInfo", fields)(**fields)

    def order_calc_margin(self, side, symbol, lots, price):
        return round(lots * 100 * price / 200, 2)


def test_an_export_is_imported_as_it_stands(tmp_path) -> None:
    document = exporter().export(Terminal(), ["XAUUSD"], at=NOON, timezone="NY+7", hours=HOURS)
    path = tmp_path / "mt5_facts.json"
    path.write_text(json.dumps(document))
    (found,) = read_specifications(path)

    assert document["symbols"][0]["swap_mode"] == "SYMBOL_SWAP_MODE_INTEREST_OPEN"
    assert document["symbols"][0]["sessions"] == WEEK
    assert len(document["symbols"][0]["margin_probes"]) == 4
    assert found.instrument.swap_mode is SwapMode.PERCENT_OPEN
    assert found.instrument.account_currency == "USD"
    assert found.valid_from_ns == int(NOON.timestamp()) * 10**9


def test_tiers_are_taken_from_the_command_line(tmp_path) -> None:
    made = exporter()
    assert made.parse_tiers("50:500, inf:100") == [
        {"up_to": 50.0, "unit": "lots", "leverage": 500.0},
        {"up_to": None, "unit": "lots", "leverage": 100.0},
    ]
    document = made.export(Terminal(), ["XAUUSD"], at=NOON, tiers="5:200, inf:100")
    path = tmp_path / "mt5_facts.json"
    path.write_text(json.dumps(document))
    (found,) = read_specifications(path)
    assert [str(tier.fraction) for tier in found.instrument.margin_tiers] == ["0.005", "0.01"]


def test_a_terminal_that_cannot_answer_ends_the_export() -> None:
    made = exporter()
    with pytest.raises(SystemExit, match="knows no EURUSD"):
        made.export(Terminal(), ["EURUSD"], at=NOON)
    with pytest.raises(SystemExit, match="must be logged in"):
        made.export(Terminal(account=None), ["XAUUSD"], at=NOON)
    unknown = made.export(Terminal(swap_mode=9), ["XAUUSD"], at=NOON)
    assert unknown["symbols"][0]["swap_mode"] == 9
