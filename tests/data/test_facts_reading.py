"""Specification files: what they say, where they contradict themselves, what cannot be charged."""

import json
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest
from facts_files import GOLD_INFO, WINDOW, exported, saved
from hypothesis import given
from hypothesis import strategies as st

from assay.data.specification.hours import new_york_sessions
from assay.data.specification.modes import SWAP_MODE_NUMBERS, calc_mode_named, swap_mode_named
from assay.data.specification.reading import read_specifications
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.instrument import MarginBasis, MarginTier, Session, SwapMode
from assay.domain.time import iso_utc

NY7 = {"timezone": "NY+7"}
PROBE = [{"lots": 1.0, "price": 2400.0, "margin": 480.0}]
MONDAY = "Monday\t01:00-23:59\t01:00-23:59"


def one(path, **options: Any):
    (found,) = read_specifications(path, **{**NY7, **options})
    return found


def info(**changes: Any) -> dict[str, Any]:
    return {**GOLD_INFO, **changes}


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in GOLD_INFO.items() if key not in names}


def test_an_export_gives_every_fact(tmp_path) -> None:
    found = one(exported(tmp_path))
    item = found.instrument

    assert iso_utc(found.valid_from_ns) == "2024-05-01T09:30:00Z"
    assert (item.symbol, item.base, item.quote, item.digits) == ("XAUUSD", "XAU", "USD", 2)
    assert (item.contract_size, item.tick_size) == (D("100.0"), D("0.01"))
    assert (item.lot_min, item.lot_max, item.lot_step) == (D("0.01"), D("50.0"), D("0.01"))
    assert (item.swap_mode, item.swap_long, item.swap_short) == (
        SwapMode.POINTS, D("-38.2"), D("15.6"),
    )  # fmt: skip
    assert (item.swap_triple_weekday, item.swap_nights) == (2, ())
    assert item.margin_fraction == D("0.005")
    assert (item.stop_level_points, item.freeze_level_points) == (20, 0)
    assert item.spread_points == 20, "a floating spread of one moment is not the typical one"
    # Monday 01:00 of a server seven hours ahead is Sunday 18:00 in New York.
    assert item.sessions[0] == Session(open_minute=1080, close_minute=1080 + 1379)
    assert item.sessions[-1] == Session(open_minute=6840, close_minute=6840 + 1377)
    assert any("commission_per_lot 3.50" in note and "catalogue" in note for note in found.notes)
    assert any("No margin rate" in note for note in found.notes)


def test_the_window_and_the_export_say_the_same(tmp_path) -> None:
    window = one(saved(tmp_path), valid_from="2024-05-01").instrument
    export = one(exported(tmp_path)).instrument

    assert window.description == "Gold, troy ounce / US dollar"
    assert replace(window, description=export.description, account_currency="USD") == export


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", ["\t", ";", " ;  "])
def test_a_window_may_be_saved_in_any_way(tmp_path, encoding: str, separator: str) -> None:
    text = WINDOW.replace("\t", separator).replace("Gold vs", "Göld vs")
    if separator != "\t":  # a second column of hours has no other sign
        text = "\n".join(separator.join(line.split(separator)[:2]) for line in text.split("\n"))
    plain = one(saved(tmp_path), valid_from="2024-05-01").instrument

    assert one(saved(tmp_path, text, encoding), valid_from="2024-05-01").instrument == plain


def test_facts_of_one_pair_are_not_stored_as_another(tmp_path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(info(name="XAUUSD.m")), encoding="utf-8")
    day = "2024-05-01"
    assert one(path, symbol="XAUUSD", valid_from=day).instrument.symbol == "XAUUSD"
    with pytest.raises(ConfigError, match=r"must be of EURUSD; it is of XAUUSD\.m, XAU in USD"):
        one(path, symbol="EURUSD", valid_from=day)


def test_a_colon_may_stand_between_name_and_value(tmp_path) -> None:
    path = tmp_path / "colons.txt"
    lines = ("XAUUSD, Gold: spot", "Digits: 2", "Contract size: 100", "Swap type: In points")
    path.write_text("\n".join((*lines, "Swap long: -35,20", "Swap short: 18,10")), "utf-8")
    (found,) = read_specifications(path, valid_from="2024-05-01")

    assert found.instrument.symbol == "XAUUSD"
    assert (found.instrument.swap_long, found.instrument.swap_short) == (
        D("-35.20"),
        D("18.10"),
    )


def test_two_columns_of_the_fields_of_symbol_info_are_read(tmp_path) -> None:
    lines = [f"{key},{value}" for key, value in GOLD_INFO.items()]
    found = one(saved(tmp_path, "field,value\n" + "\n".join(lines)), valid_from="2024-05-01")

    assert found.form == "symbol_info"
    assert found.instrument.swap_long == D("-38.2")
    with pytest.raises(DataError, match=r"line 3: name must be given once; was 'GOLD'"):
        one(saved(tmp_path, "name,XAUUSD\ntrade_contract_size,100\nname,GOLD"), valid_from="2024")


def test_a_bare_dictionary_and_a_list_of_them_are_read(tmp_path) -> None:
    path = tmp_path / "bare.json"
    path.write_text(json.dumps(GOLD_INFO))
    assert one(path, valid_from="2024-05-01").instrument.margin_fraction == D("0.01"), "catalogue"

    euro = info(name="EURUSD", currency_base="EUR", digits=5, point=1e-05, trade_tick_size=1e-05,
                trade_contract_size=100000.0, trade_tick_value=0.92, trade_calc_mode=0)  # fmt: skip
    path.write_text(json.dumps([GOLD_INFO, euro]))
    both = read_specifications(path, valid_from="2024-05-01")
    assert [found.instrument.symbol for found in both] == ["XAUUSD", "EURUSD"]
    assert both[1].instrument.tick_size == D("0.00001")
    assert one(path, valid_from="2024-05-01", symbol="EURUSD").instrument.digits == 5


@pytest.mark.parametrize(
    ("number", "currencies", "expected"),
    [
        (1, {}, SwapMode.POINTS),
        (2, {"currency_base": "XAU"}, SwapMode.BASE),
        (2, {"currency_base": "USD"}, SwapMode.QUOTE),
        (3, {"currency_margin": "USD"}, SwapMode.QUOTE),
        (3, {"currency_margin": "XAU"}, SwapMode.BASE),
        (4, {}, SwapMode.ACCOUNT),
        (5, {}, SwapMode.PERCENT),
        (6, {}, SwapMode.PERCENT_OPEN),
        ("SYMBOL_SWAP_MODE_CURRENCY_PROFIT", {}, SwapMode.QUOTE),
        ("SYMBOL_SWAP_MODE_INTEREST_OPEN", {}, SwapMode.PERCENT_OPEN),
    ],
)
def test_swap_modes_that_can_be_charged(tmp_path, number, currencies, expected) -> None:
    found = one(exported(tmp_path, info(swap_mode=number, **currencies)))

    assert found.instrument.swap_mode is expected
    assert found.instrument.account_currency == "USD"


def test_disabled_swaps_cost_nothing(tmp_path) -> None:
    item = one(exported(tmp_path, info(swap_mode=0))).instrument

    assert (item.swap_long, item.swap_short) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"swap_mode": 7}, "'reopen current' closes each position at the rollover"),
        ({"swap_mode": 8}, "'reopen bid' closes"),
        ({"swap_mode": 9}, "was 'number 9'"),
        ({"swap_mode": 1.7}, "swap_mode must be a whole number; was 1.7|Decimal..1.7"),
        ({"trade_calc_mode": 4.5}, "trade_calc_mode must be a whole number"),
        ({"swap_mode": "by moonlight"}, "was 'by moonlight'"),
        ({"swap_mode": 3, "currency_margin": "EUR"}, "in its margin currency, EUR"),
        ({"trade_calc_mode": 1}, "was 'futures', whose margin is no fraction"),
        ({"trade_calc_mode": 33}, "was 'exchange futures'"),
        ({"trade_calc_mode": 77}, "was 'number 77'"),
        ({"margin_initial": 500.0}, "a fixed 500.0 USD a lot"),
        ({"margin_rate_buy": 1.0, "margin_rate_sell": 2.0}, "1.0 to buy and 2.0 to sell"),
        ({"margin_rate_buy": 0.0}, "one rate above 0"),
        ({"point": 0.001}, "digits 2 make a point of 0.01, and point is 0.001"),
        ({"trade_tick_value": 0.1}, "a tick worth 1 USD, and the tick value is 0.1"),
        ({"trade_tick_size": 0.015, "trade_tick_value": 0}, "tick_size must be a multiple of"),
        ({"trade_tick_size": -0.01, "trade_tick_value": 0}, "tick_size must be"),
        ({"digits": 2.5}, "digits must be a whole number; was 2.5"),
        ({"trade_stops_level": -1}, "stop_level_points must be a whole number from 0"),
        ({"volume_min": 60.0}, "lot_max must be at least lot_min"),
        ({"trade_contract_size": "many"}, "trade_contract_size must be a number; was 'many'"),
        ({"trade_contract_size": True}, "trade_contract_size must be a number; was True"),
        ({"swap_long": None}, "swap_long must be a number; was None"),
        ({"swap_rollover3days": 9}, "a day from 0 .Sunday. to 6; was 9"),
        ({"swap_rollover3days": "Wotansday"}, "swap_rollover3days must be a number"),
        ({"currency_profit": 5}, "currency_profit must be a text"),
        ({"currency_profit": ""}, "quote|profits"),
        ({"sessions": []}, None),
        ({"sessions": [1]}, "sessions must be an object"),
        ({"sessions": {"moonday": []}}, "sessions must be an object"),
        ({"sessions": {"monday": [[1]]}}, r"was \[1\]"),
        ({"sessions": {"monday": [[600, 60]]}}, r"was \[600, 60\]"),
        ({"sessions": {"monday": [[60, 600], [590, 700]]}}, "sessions that do not overlap"),
        ({"leverage_tiers": {}}, None),
        ({"leverage_tiers": 5}, "leverage_tiers must be a list"),
        ({"leverage_tiers": [5]}, "leverage_tiers must be a list"),
        ({"leverage_tiers": [{"up_to": 5, "unit": "lots", "leverage": 0}]}, "must be a list"),
        ({"leverage_tiers": [{"up_to": 5, "unit": "lots", "leverage": 50}]}, "last one 'inf'"),
        ({"leverage_tiers": [{"up_to": None, "unit": "EUR", "leverage": 50}]}, "were in EUR with"),
        ({"margin_probes": 5}, "margin_probes must be a list"),
        ({"margin_probes": [5]}, "margin_probes must be a list"),
        ({"margin_probes": [{"lots": 0, "price": 1, "margin": 1}]}, "margin_probes must be"),
        ({"margin_rate_buy": 1.0, "margin_probes": PROBE},
         "a margin of 1200.00 USD for 1 lots at 2400.0, and the terminal calculated 480.0"),
        ({"margin_probes": [*PROBE, {"lots": 50.0, "price": 2400.0, "margin": 99e3}]},
         "calculated 480.0"),
        ({"swap_friday": 3.0, "swap_wednesday": 1.0}, "triple day is wednesday, and the ratios"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_exactly_is_refused_by_name(tmp_path, changes, says) -> None:
    path = exported(tmp_path, info(**changes))
    if says is None:
        one(path)
        return
    if changes.get("currency_profit") == "":
        path = exported(tmp_path, info(name="US500", **changes))
    with pytest.raises(DataError, match=says) as caught:
        one(path)
    assert "facts.json" in caught.value.message
    assert caught.value.remedy


def test_a_fixed_margin_is_refused_without_a_leverage_as_well(tmp_path) -> None:
    """The built-in catalogue must not lend a fraction in place of what the venue asks for."""
    path = tmp_path / "bare.json"
    path.write_text(json.dumps(info(margin_initial=500.0)), encoding="utf-8")
    with pytest.raises(DataError, match=r"a fixed 500\.0 USD a lot"):
        read_specifications(path, valid_from="2024-05-01")


def test_a_refused_margin_can_be_stated_by_hand(tmp_path) -> None:
    path = exported(tmp_path, info(trade_calc_mode=2, margin_initial=500.0))
    item = one(path, given={"margin_fraction": "0.05", "commission_per_lot": "0"}).instrument

    assert item.margin_fraction == D("0.05")
    swap = exported(tmp_path, info(swap_mode=7))
    stated = {"swap_mode": "points", "swap_long": "-1", "swap_short": "-1"}
    assert one(swap, given=stated).instrument.swap_long == -1


@pytest.mark.parametrize(
    ("changes", "fraction"),
    [
        ({"trade_calc_mode": 2, "margin_rate_buy": 0.05, "margin_rate_sell": 0.05}, "0.05"),
        ({"trade_calc_mode": 5, "margin_rate_buy": 0.04}, "0.04"),
        ({"trade_calc_mode": 0, "margin_rate_sell": 0.5}, "0.0025"),
        ({"trade_calc_mode": 0, "leverage": 30}, str(D(1) / 30)),
        ({"trade_calc_mode": 0, "margin_probes": PROBE}, "0.002"),
        ({"trade_calc_mode": 2, "margin_probes": PROBE}, "0.002"),
        ({"trade_calc_mode": 0, "currency_margin": "XAU", "margin_initial": 50.0}, "0.0025"),
    ],
)
def test_margin_by_leverage_rate_and_fixed_share(tmp_path, changes, fraction: str) -> None:
    assert one(exported(tmp_path, info(**changes))).instrument.margin_fraction == D(fraction)


def test_a_leverage_of_nothing_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="leverage must be above 0; was 0"):
        one(exported(tmp_path, info(leverage=0)))


TIERS = (
    MarginTier(up_to=D(50), fraction=D("0.002")),
    MarginTier(up_to=D("Infinity"), fraction=D("0.01")),
)


@pytest.mark.parametrize(
    "lines",
    [
        "0 - 50 lots\t1:500\n50+ lots\t1:100",
        "0-50 Lots\t500\n> 50 lots\t100:1",
        "0 – 50 lot\t1 : 500\nabove 50 lots\t1:100",
    ],
)
def test_tiers_of_leverage_in_a_window(tmp_path, lines: str) -> None:
    item = one(saved(tmp_path, WINDOW + lines), valid_from="2024-05-01").instrument

    assert item.margin_tiers == TIERS
    assert (item.margin_fraction, item.margin_basis) == (D("0.002"), MarginBasis.LOTS)


def test_tiers_in_money_need_the_account_s_currency(tmp_path) -> None:
    lines = "0 - 1 000 000 USD\t1:500\n1 000 000 - 5 000 000 USD\t1:200\n> 5 000 000 USD\t1:100"
    with pytest.raises(DataError, match="were in USD with the account in a currency that is not"):
        one(saved(tmp_path, WINDOW + lines), valid_from="2024-05-01")
    stated = WINDOW + "Account currency\tUSD\n" + lines
    item = one(saved(tmp_path, stated), valid_from="2024-05-01").instrument

    assert item.margin_basis is MarginBasis.NOTIONAL
    assert [tier.up_to for tier in item.margin_tiers] == [1_000_000, 5_000_000, D("Infinity")]
    assert item.account_currency == "USD"


def test_tiers_and_probes_agree_in_an_export(tmp_path) -> None:
    tiers = [
        {"up_to": 50, "unit": "lots", "leverage": 500},
        {"up_to": None, "unit": "lots", "leverage": 100},
    ]
    probes = [
        {"lots": 10.0, "price": 2400.0, "margin": 4800.01},
        {"lots": 60.0, "price": 2400.0, "margin": 48000.0},
    ]
    item = one(exported(tmp_path, info(leverage_tiers=tiers, margin_probes=probes))).instrument
    assert item.margin_tiers == TIERS
    cheap = info(leverage_tiers=tiers, margin_probes=[{**probes[0], "margin": 9}])
    with pytest.raises(DataError, match=r"leverage and margin rate make a margin of 4800\.00"):
        one(exported(tmp_path, cheap))


def test_ratios_of_the_weekdays(tmp_path) -> None:
    ratios = {f"swap_{day}": 1.0 for day in ("monday", "tuesday", "wednesday", "thursday")}
    crypto = info(**ratios, swap_friday=1.0, swap_saturday=1.0, swap_sunday=1.0)
    assert one(exported(tmp_path, crypto)).instrument.nights == (1,) * 7

    index = info(
        **ratios, swap_friday=3.0, swap_saturday=0.0, swap_sunday=0.0, swap_rollover3days=5
    )
    item = one(exported(tmp_path, index)).instrument
    assert item.nights == (1, 1, 1, 1, 3, 0, 0)
    assert item.swap_triple_weekday == 4
    found = one(
        saved(tmp_path, WINDOW + "Swap Wednesday\t3\nSwap Monday\t1\n"), valid_from="2024-05-01"
    )
    assert found.instrument.nights == (1, 0, 3, 0, 0, 0, 0)
    assert any("No swap ratio is given for Tuesday, Thursday, Friday" in n for n in found.notes)
    weekend = one(exported(tmp_path, info(swap_rollover3days="Saturday"))).instrument
    assert weekend.nights == (1, 1, 1, 1, 1, 3, 0)


@pytest.mark.parametrize(
    ("old", "text", "says"),
    [
        ("Digits\t2", "", "at least 'Contract size' and 'Digits'"),
        ("Contract size\t100", "Contract size\thundred", "line 3: Contract size must be a number"),
        ("Contract size\t100", "Contract size\t100\nContract size\t10", "agree with 100 above"),
        ("Swap type\tIn points", "", "in which unit its swaps are"),
        ("Swap type\tIn points", "Swap type\tBy interest", "was 'By interest'"),
        ("Swap type\tIn points", "Swap type\tIn deposit currency", "currency of the acc"),
        ("3-days swap\tWednesday", "3-days swap\tMittwoch", "a weekday in English; was 'Mittwoch'"),
        (MONDAY, "Monday\t01:00-23:59\t23:00-01:00", "line 20: Monday"),
        (MONDAY, "Monday\t01:00-23:75", "line 20: Monday must run"),
        (MONDAY, "Monday\t01:00-23:59 or so", "list hours such as"),
        ("Leverage\t1:200", "0 - 50 lots\tmuch", "a leverage such as 1:500"),
        ("Leverage\t1:200", "0 - 50 lots\t1:500\n60 - 70 lots\t1:100", "above ends .50."),
        ("Swap long\t-38.2", "Swap long\t-38,2", "line 9 has a point and line 16 a comma"),
        ("Swap long\t-38.2", "Swap long\t-3.8.2", "be a number"),
        ("XAUUSD, Gold vs US Dollar", "Specification of a symbol", "must name its symbol"),
    ],
)  # fmt: skip
def test_bad_lines_of_a_window_are_named(tmp_path, old: str, text: str, says: str) -> None:
    assert old in WINDOW
    with pytest.raises(AssayError, match=says):
        one(saved(tmp_path, WINDOW.replace(old, text)), valid_from="2024-05-01")


def test_decimal_commas_and_thousands(tmp_path) -> None:
    comma = "\n".join(
        line if ":" in line or "Gold" in line else line.replace(".", ",")
        for line in WINDOW.split("\n")
    )
    plain = one(saved(tmp_path), valid_from="2024-05-01").instrument
    assert one(saved(tmp_path, comma), valid_from="2024-05-01").instrument == plain

    euro = WINDOW.replace("XAUUSD", "EURUSD").replace("Digits\t2", "Digits\t5")
    euro = euro.replace("Tick size\t0.01", "Tick size\t0.00001")
    for size in ("100 000", "100,000", "100\u00a0000"):
        item = one(saved(tmp_path, euro.replace("size\t100\n", f"size\t{size}\n")),
                   valid_from="2024-05-01").instrument  # fmt: skip
        assert item.contract_size == 100_000
    bare = "Symbol\tEURUSD\nDigits\t5\nContract size\t100,000\nProfit currency\tUSD\n"
    with pytest.raises(DataError, match="readable in one way"):
        one(saved(tmp_path, bare), valid_from="2024-05-01")
    assert one(saved(tmp_path, bare.replace("100,000", "1,000,000")),
               valid_from="2024-05-01").instrument.contract_size == 1_000_000  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "from 1 to .* bytes; had 0"),
        (b"\x00\x01\x02", "must be text"),
        (b"\xff\xfe\x00", "must be text"),
        (b"{", "line 1 must be JSON"),
        (b'{"a": NaN}', "the number NaN"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b"[" * 100_000, "must be JSON"),
        (b"[]", "from 1 to 10,000 symbols"),
        (b"[1]", "symbol 1 must be what MetaTrader5.symbol_info"),
        (b'{"symbols": 5}', "had int"),
        (
            b'{"symbols": [{"trade_contract_size": 1, "digits": 1, "swap_mode": 1}], "account": 5}',
            "account must be an object",
        ),
        (b'{"name": "X", "trade_contract_size": 1, "swap_mode": 1}', "digits"),
        (b"\n" * 6_000, "at most 5,000 lines"),
        (b"just words", "at least 'Contract size'"),
    ],
)
def test_what_is_no_specification_is_refused(tmp_path, raw: bytes, says: str) -> None:
    path = tmp_path / "odd.dat"
    path.write_bytes(raw)
    with pytest.raises(AssayError, match=says) as caught:
        one(path, valid_from="2024-05-01")
    assert "odd.dat" in caught.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="must be readable"):
        one(tmp_path / "none.json")


def test_symbols_of_a_file_are_told_apart(tmp_path) -> None:
    twice = exported(tmp_path, GOLD_INFO, GOLD_INFO)
    with pytest.raises(DataError, match="XAUUSD stands twice"):
        read_specifications(twice, **NY7)
    nameless = exported(tmp_path, GOLD_INFO, without("name"))
    with pytest.raises(DataError, match="one has no name"):
        read_specifications(nameless, **NY7)
    two = exported(tmp_path, GOLD_INFO, info(name="GOLD.m"))
    with pytest.raises(ConfigError, match=r"must hold EURUSD; holds XAUUSD, GOLD\.m"):
        read_specifications(two, symbol="EURUSD", **NY7)
    assert one(two, symbol="GOLD.m").instrument.base == "GOLD.m"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "must be dated"),
        ("soon", "was 'soon'"),
        ("2024-05-01T10:00", "with its zone"),
        ("1969-05-01", "after 1970"),
    ],
)
def test_facts_must_be_dated(tmp_path, text, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        one(saved(tmp_path), valid_from=text)


def test_a_day_is_its_midnight_and_a_time_its_instant(tmp_path) -> None:
    day = one(saved(tmp_path), valid_from="2024-05-01")
    moment = one(saved(tmp_path), valid_from="2024-05-01T03:00+03:00")

    assert day.valid_from_ns == moment.valid_from_ns == 1_714_521_600 * 10**9


def test_sessions_need_the_server_s_clock(tmp_path) -> None:
    with pytest.raises(DataError, match="must state the server's clock"):
        read_specifications(exported(tmp_path))
    assert read_specifications(exported(tmp_path, server_timezone="NY+7"))
    quiet = exported(tmp_path, {**GOLD_INFO, "sessions": {}})
    (found,) = read_specifications(quiet)
    assert any("sessions as listed there" in note for note in found.notes)


def test_a_clock_that_drifts_against_new_york_is_said_to(tmp_path) -> None:
    summer = one(exported(tmp_path), timezone="UTC+3")
    winter = one(exported(tmp_path), timezone="UTC+3", valid_from="2024-01-05")

    assert summer.instrument.sessions[0].open_minute == 1080
    assert winter.instrument.sessions[0].open_minute == 1080 - 60
    assert any("days of a year it is not" in note for note in summer.notes)
    assert any("midnight is 16:00 New York; swaps are charged at 17:00" in n for n in winter.notes)
    assert not any("midnight" in note for note in summer.notes)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440)), max_size=12),
    st.sampled_from(["NY+7", "UTC", "NY", "UTC-5", "UTC+13"]),
)
def test_hours_keep_their_length_on_the_way_to_new_york(rows, clock: str) -> None:
    sessions: dict[int, tuple[tuple[int, int], ...]] = {}
    for day, begin, length in rows:
        sessions[day] = ((begin, min(1440, begin + length)),)
    stretches, _ = new_york_sessions(sessions, clock, 1_714_521_600 * 10**9, "X")

    length = sum(end - begin for hours in sessions.values() for begin, end in hours)
    assert sum(end - begin for begin, end in stretches) == length
    flat = [minute for pair in stretches for minute in pair]
    assert flat == sorted(flat) and len(set(flat)) == len(flat)


def test_a_backward_stretch_is_refused() -> None:
    with pytest.raises(DataError, match="on Monday it was 10:00-09:00"):
        new_york_sessions({0: ((600, 540),)}, "NY+7", 0, "X")


def test_currencies_of_what_is_no_pair_convert_nothing(tmp_path) -> None:
    index = info(
        name="JP225", description="", currency_base="USD", currency_profit="JPY",
        currency_margin="USD", trade_calc_mode=4,
    )  # fmt: skip
    given = {"commission_per_lot": "0", "spread_points": 7}
    found = one(exported(tmp_path, index), given=given)

    assert (found.instrument.base, found.instrument.quote) == ("JP225", "JPY")
    assert found.instrument.description == "JP225"
    assert any("tick value 1.0 could not be checked" in note for note in found.notes)
    with pytest.raises(DataError, match="must give commission_per_lot, spread_points") as caught:
        one(exported(tmp_path, index))
    assert "--fact commission_per_lot=…" in caught.value.remedy
    named = one(exported(tmp_path, index), given={**given, "base": "NKY"})
    assert named.instrument.base == "NKY"


def test_what_the_user_states_wins_and_is_checked(tmp_path) -> None:
    assert one(exported(tmp_path), given={"swap_long": "-1"}).instrument.swap_long == -1
    with pytest.raises(ConfigError, match="must be a known contract fact"):
        one(exported(tmp_path), given={"swop_long": "-1"})
    with pytest.raises(ConfigError, match="swap_long must be a number"):
        one(exported(tmp_path), given={"swap_long": "much"})
    tiers = {"margin_tiers": [["5", "0.01"], ["inf", "0.02"]]}
    assert one(exported(tmp_path), given=tiers).instrument.margin_fraction == D("0.01")


@pytest.mark.parametrize("number", SWAP_MODE_NUMBERS)
def test_every_numbered_mode_has_a_name_that_reads_back(number: int) -> None:
    name = SWAP_MODE_NUMBERS[number]
    assert swap_mode_named(name) == name


def test_calc_modes_by_their_words() -> None:
    for text in ("Forex", "CFD-Leverage", "SYMBOL_CALC_MODE_CFDLEVERAGE", "Exch Stocks"):
        assert calc_mode_named(text) != text
    assert calc_mode_named("Barter") == "Barter"
