"""Contract facts: complete, plausible, and overridden one by one or refused by name."""

from decimal import Decimal

import pytest

from assay.config.instruments import SYMBOLS, load_instrument
from assay.domain.errors import ConfigError
from assay.domain.instrument import Session, SwapMode


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_symbol_has_plausible_facts(symbol: str) -> None:
    instrument = load_instrument(symbol)

    assert instrument.base + instrument.quote == symbol
    assert instrument.tick_size == instrument.point
    assert instrument.swap_triple_weekday == 2
    assert instrument.swap_long + instrument.swap_short < 0, "the broker keeps the difference"
    assert 0 < instrument.margin_fraction <= Decimal("0.05")
    assert instrument.digits == (3 if instrument.quote == "JPY" or symbol == "XAGUSD" else
                                 2 if symbol == "XAUUSD" else 5)  # fmt: skip


def test_the_catalogue_holds_the_metals_the_majors_and_the_crosses() -> None:
    majors = ["EURUSD", "GBPUSD", "USDJPY", "USDCHF", "AUDUSD", "USDCAD", "NZDUSD"]
    crosses = ["EURJPY", "GBPJPY", "EURGBP", "EURCHF", "AUDJPY", "CADJPY", "CHFJPY"]

    assert {"XAUUSD", "XAGUSD", *majors, *crosses} <= set(SYMBOLS)


def test_gold_is_the_contract_that_traders_know() -> None:
    gold = load_instrument("XAUUSD")

    assert (gold.contract_size, gold.tick_size, gold.digits) == (100, Decimal("0.01"), 2)
    assert gold.commission_per_lot == Decimal("3.50")
    assert gold.sessions[0] == Session(open_minute=18 * 60, close_minute=24 * 60 + 17 * 60)
    assert gold.sessions[-1].close_minute == 5 * 1440 + 17 * 60


def test_an_override_changes_one_fact_and_no_other() -> None:
    changed = load_instrument("EURUSD", {"swap_long": -8.25, "swap_mode": "percent"})

    assert changed.swap_long == Decimal("-8.25")
    assert changed.swap_mode is SwapMode.PERCENT
    assert changed.swap_short == load_instrument("EURUSD").swap_short


def test_other_digits_bring_their_own_tick() -> None:
    assert load_instrument("XAUUSD", {"digits": 3}).tick_size == Decimal("0.001")


@pytest.mark.parametrize(
    ("symbol", "nearest"),
    [("XAUUSD.m", "XAUUSD"), ("XAUUSDm", "XAUUSD"), ("eurusd", "EURUSD"), ("GOLD", "XAUUSD"),
     ("EURSUD", "EURUSD"), ("EURUSD_i", "EURUSD")],
)  # fmt: skip
def test_an_unknown_symbol_names_the_nearest(symbol: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"Use {nearest}") as caught:
        load_instrument(symbol)

    assert caught.value.facts["nearest"] == nearest


def test_a_symbol_like_nothing_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"Choose from XAUUSD, .* like = "):
        load_instrument("ZZZQQQ")


def test_a_brokers_own_name_borrows_the_facts_it_is_like() -> None:
    cent = load_instrument("XAUUSD.c", {"like": "XAUUSD", "contract_size": "1"})

    assert (cent.symbol, cent.contract_size) == ("XAUUSD.c", 1)
    assert cent.spread_points == load_instrument("XAUUSD").spread_points


def test_a_complete_table_needs_no_catalogue() -> None:
    gold = load_instrument("XAUUSD")
    facts = {name: getattr(gold, name) for name in gold.__slots__ if name != "symbol"}

    assert load_instrument("METAL", facts).sessions == gold.sessions


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("digits", 2.0), ("digits", True), ("digits", 9), ("digits", "2"),
        ("tick_size", 0), ("tick_size", "0.015"), ("tick_size", "nan"), ("tick_size", "one"),
        ("contract_size", -1), ("contract_size", None), ("contract_size", float("inf")),
        ("lot_step", 0), ("lot_min", "0.015"), ("lot_max", "0.001"), ("lot_max", "0.005"),
        ("margin_fraction", 0), ("margin_fraction", 1.5), ("commission_per_lot", -3.5),
        ("swap_mode", "pips"), ("swap_mode", 1), ("swap_triple_weekday", 5),
        ("spread_points", -1), ("stop_level_points", 1.5), ("base", ""), ("description", 3),
        ("sessions", []), ("sessions", "always"), ("sessions", [[10, 10]]),
        ("sessions", [[10, 20], [15, 30]]), ("sessions", [[0, 10081]]), ("sessions", [[0.0, 5]]),
        ("sessions", [7]), ("sessions", [[1, 2, 3]]), ("like", "XAUSD"), ("like", 3),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_by_key(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"instruments\.XAUUSD\.{key} must .*; was ") as caught:
        load_instrument("XAUUSD", {key: value})

    assert caught.value.facts["key"] == f"instruments.XAUUSD.{key}"
    assert caught.value.remedy


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"instruments\.XAUUSD\.swap_lng .* Use swap_long\."):
        load_instrument("XAUUSD", {"swap_lng": 1})
    with pytest.raises(ConfigError, match="symbol must be a known"):
        load_instrument("XAUUSD", {"symbol": "XAGUSD"})
