"""Contract facts: complete, plausible, and overridden one by one or refused by name."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest

from assay.config.instruments import SYMBOLS, checked_instrument, load_instrument, with_overrides
from assay.domain.errors import ConfigError
from assay.domain.instrument import MarginBasis, Session, SwapMode


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


def test_margin_tiers_and_nights_can_be_stated() -> None:
    stated = {
        "margin_tiers": [["50", "0.002"], [100, 0.005], ["inf", "0.01"]],
        "margin_basis": "notional",
        "swap_nights": [1, 1, "1.5", 1, 1, 0, 0],
        "swap_mode": "percent of open",
        "account_currency": "USD",
        "freeze_level_points": 5,
    }
    gold = load_instrument("XAUUSD", stated)

    assert [tier.up_to for tier in gold.margin_tiers] == [50, 100, Decimal("Infinity")]
    assert gold.margin_fraction == Decimal("0.002"), "that of the first tier"
    assert gold.margin_basis is MarginBasis.NOTIONAL
    assert gold.nights[2] == Decimal("1.5")
    assert gold.swap_mode is SwapMode.PERCENT_OPEN
    assert (gold.account_currency, gold.freeze_level_points) == ("USD", 5)
    again = with_overrides(gold, {"spread_points": 9})
    assert again == replace(gold, spread_points=9)
    facts = {field.name: getattr(gold, field.name) for field in fields(gold)}
    del facts["symbol"]
    assert checked_instrument("XAUUSD", facts) == gold


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("margin_tiers", 5, "at most 8 pairs"),
        ("margin_tiers", "5", "at most 8 pairs"),
        ("margin_tiers", [[k + 1, "0.1"] for k in range(9)], "at most 8 pairs"),
        ("margin_tiers", [["5", "0.1"]], "the last one 'inf'"),
        ("margin_tiers", [["5", "0.1"], ["5", "0.1"], ["inf", "0.1"]], "rising"),
        ("margin_tiers", [["inf", "0"]], "fractions above 0"),
        ("margin_tiers", [["inf", "1.1"]], "fractions above 0"),
        ("margin_tiers", [["inf", "nan"]], "fractions above 0"),
        ("margin_tiers", [["inf", None]], "pairs"),
        ("margin_tiers", [["inf"]], "pairs"),
        ("margin_tiers", [["much", "0.1"]], "pairs"),
        ("margin_tiers", [5], "pairs"),
        ("swap_nights", 5, "seven numbers"),
        ("swap_nights", "1111100", "seven numbers"),
        ("swap_nights", [1, 1, 1], "seven numbers"),
        ("swap_nights", [1, 1, 1, 1, 1, 0, -1], "seven numbers"),
        ("swap_nights", [1, 1, 1, 1, 1, 0, 11], "seven numbers"),
        ("swap_nights", [1, 1, 1, 1, 1, 0, True], "seven numbers"),
        ("margin_basis", "weight", "lots, notional"),
        ("margin_currency", 5, "be a text"),
        ("freeze_level_points", -1, "from 0"),
        ("swap_mode", "by moonlight", "percent of open"),
    ],
)
def test_a_wrong_tier_night_or_mode_is_refused(name: str, value, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_instrument("XAUUSD", {name: value})
    assert caught.value.facts["key"] == f"instruments.XAUUSD.{name}"


def test_a_margin_that_is_not_the_first_tier_s_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"that of the first margin tier \(0\.1\)"):
        load_instrument("XAUUSD", {"margin_tiers": [["inf", "0.1"]], "margin_fraction": "0.2"})


def test_complete_facts_are_asked_for_by_name() -> None:
    with pytest.raises(ConfigError, match="digits must be given"):
        checked_instrument("X", {"description": "x", "base": "A", "quote": "B"})
