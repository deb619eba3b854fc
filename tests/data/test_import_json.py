"""JSON of OANDA and ccxt: read to the last digit, refused by key, quarantined by record."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.data.importers import Format, import_file, recognise
from assay.data.importers.documents import DEPTH_MAX, read_documents
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

Save = Callable[..., Path]
SECOND = 1_476_732_900  # 2016-10-17 19:35:00 UTC


def candle(at: int, *, sides: str = "bid ask", complete: bool = True, unix: bool = False) -> Any:
    """Return a one-minute candle, *at* minutes after the first."""
    second = SECOND + 60 * at
    stamp = f"{np.datetime64(second, 's')}.000000000Z"
    prices = {}
    for side in sides.split():
        low = 1.1 + at * 1e-4 + (2e-4 if side == "ask" else 0.0)
        o, h, c = low + 1e-5, low + 5e-5, low + 3e-5
        prices[side] = {k: f"{v:.5f}" for k, v in zip("ohlc", (o, h, low, c), strict=True)}
    return {
        "complete": complete,
        "volume": 10 + at,
        "time": f"{second}.000000000" if unix else stamp,
        **prices,
    }


def response(candles: list[Any], **facts: Any) -> dict[str, Any]:
    return {"instrument": "EUR_USD", "granularity": "M1", "candles": candles, **facts}


def refused(save: Save, content: str | bytes, **options: Any) -> DataError:
    path = save(content, "saved.json")
    with pytest.raises(DataError) as caught:
        import_file(path, **options)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("form", ["one", "concatenated", "list", "lines", "latest", "bare lines"])
def test_candles_are_read_from_every_way_of_saving_them(save: Save, form: str, unix: bool) -> None:
    candles = [candle(at, unix=unix) for at in range(30)]
    first, second = response(candles[:20]), response(candles[20:])
    text = {
        "one": json.dumps(response(candles), indent=1),
        "concatenated": json.dumps(first, indent=1) + json.dumps(second, indent=1),
        "list": json.dumps([first, second]),
        "lines": json.dumps(first) + "\n" + json.dumps(second) + "\n",
        "latest": json.dumps({"latestCandles": [first, second]}),
        "bare lines": "\n".join(map(json.dumps, candles)),
    }[form]
    options = {"symbol": "EURUSD"} if form == "bare lines" else {}
    imported = import_file(save(text, "saved.json"), **options)
    assert imported.recognised.format is Format.OANDA_BARS
    assert imported.recognised.timezone == "UTC"
    bars = imported.bars
    assert bars is not None
    assert (bars.symbol, bars.timeframe, len(bars)) == ("EURUSD", Timeframe.M1, 30)
    assert bars.time_ns.tolist() == [(SECOND + 60 * at) * 10**9 for at in range(30)]
    assert bars.open.tolist() == [float(c["bid"]["o"]) for c in candles]
    assert bars.ask_close is not None
    assert bars.ask_close.tolist() == [float(c["ask"]["c"]) for c in candles]
    assert bars.volume.tolist() == [10.0 + at for at in range(30)]


def test_a_bar_in_progress_is_quarantined(save: Save) -> None:
    candles = [candle(at, complete=at < 9) for at in range(10)]
    imported = import_file(save(json.dumps(response(candles)), "saved.json"))
    (row,) = imported.quarantine.rows
    assert (row.line, row.reason) == (10, Reason.INCOMPLETE)
    assert json.loads(row.text) == candles[9]
    assert (imported.rows_in, imported.rows_kept) == (10, 9)


@pytest.mark.parametrize("granularity", ["S5", "S30", "M2", "M4", "M10", "H2", "H12", "X", 5])
def test_a_granularity_that_is_no_timeframe_is_refused(save: Save, granularity: object) -> None:
    answer = response([candle(0)], granularity=granularity)
    error = refused(save, json.dumps(answer))
    assert error.facts["key"] == "granularity"
    assert repr(granularity) in error.message


def test_the_ask_side_alone_is_told(save: Save) -> None:
    candles = [candle(at, sides="ask") for at in range(10)]
    imported = import_file(save(json.dumps(response(candles)), "saved.json"))
    assert imported.side == "ask"


@pytest.mark.parametrize(
    ("facts", "key"),
    [({"instrument": "GBP_USD"}, "instrument"), ({"granularity": "M5"}, "granularity")],
)
def test_answers_of_several_series_are_refused(save: Save, facts: dict[str, str], key: str) -> None:
    answers = [response([candle(0)]), response([candle(1)], **facts)]
    error = refused(save, json.dumps(answers))
    assert (error.facts["key"], error.facts["value"]) == (key, facts[key])
    assert "[1]" in error.message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c["bid"].update(o=None), Reason.MISSING),
        (lambda c: c["bid"].pop("o"), Reason.MISSING),
        (lambda c: c.pop("ask"), Reason.MISSING),
        (lambda c: c["bid"].update(o="1_1"), Reason.NUMBER),
        (lambda c: c["bid"].update(o=True), Reason.NUMBER),
        (lambda c: c["bid"].update(o=[1.1]), Reason.NUMBER),
        (lambda c: c["bid"].update(o="1e999"), Reason.NOT_FINITE),
        (lambda c: c["bid"].update(o=10**400), Reason.NOT_FINITE),
        (lambda c: c["bid"].update(o="-1"), Reason.NOT_POSITIVE),
        (lambda c: c["bid"].update(o="2"), Reason.OHLC),
        (lambda c: c["ask"].update(dict.fromkeys("ohlc", "0.9")), Reason.CROSSED),
        (lambda c: c.update(time="soon"), Reason.TIME),
        (lambda c: c.update(time=None), Reason.TIME),
        (lambda c: c.update(complete="no"), Reason.FIELDS),
    ],
)
def test_a_bad_candle_is_quarantined_by_number(
    save: Save, change: Callable[[Any], Any], reason: Reason
) -> None:
    candles = [candle(at) for at in range(30)]
    change(candles[7])
    imported = import_file(save(json.dumps(response(candles)), "saved.json"))
    (row,) = imported.quarantine.rows
    assert (row.line, row.reason) == (8, reason)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"instrument": "EUR_USD", "candles": [', "cut off"),
        ('{"candles": [{"time": "2016-10-17T19:35:00Z", "mid": {"o": nope}}]}', "offset"),
        ('{"candles": [], "instrument": "EUR_USD"}', "held none"),
        ('{"candles": [{"time": 1, "time": 2}]}', "candles[0].time"),
        ('{"candles": [{"mid": {"o": NaN}}]}', "candles[0].mid.o"),
        ('{"candles": [{"mid": {"o": -Infinity}}]}', "-Infinity"),
        ('{"candles": ' + "[" * 500 + "]" * 500 + "}", f"at most {DEPTH_MAX} deep"),
        ('{"candles": ' + "9" * 5_000 + "}", "offset"),
    ],
)
def test_damaged_json_is_refused_at_its_place(save: Save, text: str, told: str) -> None:
    assert told in refused(save, text, symbol="EURUSD").message


def test_a_document_beyond_the_size_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.write(b'{"candles": [')
        file.truncate(1 << 30)
    with pytest.raises(DataError, match="at most 128 MiB"):
        import_file(path)


def test_documents_know_their_lines(save: Save) -> None:
    path = save('\n{"a": 1}\n\n[2]\nbroken\n{"c": "}{"}\n[3] [4]\n')
    found = [(d.line, d.value, d.text) for d in read_documents(path)]
    assert found == [
        (2, {"a": 1}, ""),
        (4, [2], ""),
        (5, None, "broken"),
        (6, {"c": "}{"}, ""),
        (7, None, "[3] [4]"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("form", ["list", "lines", "indented"])
@pytest.mark.parametrize("as_text", [False, True])
def test_ohlcv_is_read_with_its_milliseconds(
    save: Save, make_bars: Callable[..., Any], form: str, encoding: str, as_text: bool
) -> None:
    bars = make_bars(1)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows: list[list[Any]] = [
        [int(bars.time_ns[i]) // 10**6, *(float(column[i]) for column in columns)]
        for i in range(len(bars))
    ]
    if as_text:
        rows = [[row[0], *map(str, row[1:])] for row in rows]
    text = "\n".join(map(json.dumps, rows)) if form == "lines" else json.dumps(rows)
    text = json.dumps(rows, indent=2) if form == "indented" else text
    imported = import_file(save(text, "EURUSD.json", encoding))
    assert imported.recognised.format is Format.CCXT_BARS
    assert imported.bars is not None
    for name in ("time_ns", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(imported.bars, name), getattr(bars, name))
    assert any("last bar" in warning for warning in imported.warnings)


def trade(at: int, **changes: object) -> dict[str, object]:
    return {
        "id": str(at),
        "timestamp": SECOND * 1000 + 250 * at,
        "datetime": "",
        "symbol": "XAU/USD",
        "side": "buy",
        "price": 1250.0 + at / 100,
        "amount": 1.5,
        **changes,
    }


@pytest.mark.parametrize("is_lines", [True, False])
def test_trades_become_ticks_without_a_spread_and_say_so(save: Save, is_lines: bool) -> None:
    trades = [trade(at) for at in range(40)]
    trades[5] = trade(5, price=None)
    text = "\n".join(map(json.dumps, trades)) if is_lines else json.dumps(trades)
    imported = import_file(save(text, "trades.json"))
    ticks = imported.ticks
    assert ticks is not None
    assert ticks.symbol == "XAUUSD"
    assert imported.recognised.format is Format.CCXT_TICKS
    assert [row.line for row in imported.quarantine.rows] == [6]
    kept = [t for t in trades if t["price"] is not None]
    assert ticks.bid.tolist() == ticks.ask.tolist() == [t["price"] for t in kept]
    assert ticks.time_ns.tolist() == [int(str(t["timestamp"])) * 10**6 for t in kept]
    assert any("no spread" in warning for warning in imported.warnings)


def test_trades_of_two_symbols_are_refused_by_record(save: Save) -> None:
    text = json.dumps([trade(0), trade(1), trade(2, symbol="BTC/USDT:USDT")])
    error = refused(save, text)
    assert error.facts["line"] == 3


def test_a_broken_line_is_quarantined_and_the_others_stay(save: Save) -> None:
    lines = [json.dumps(trade(at)) for at in range(30)]
    lines[11] = lines[11][:30]
    imported = import_file(save("\n".join(lines), "trades.jsonl"))
    (row,) = imported.quarantine.rows
    assert (row.line, row.reason, row.text) == (12, Reason.SYNTAX, lines[11])


def test_quotes_of_truefx_are_read_in_gmt_with_their_pair(save: Save) -> None:
    lines = [f"EUR/USD,20120101 21:00:{at:02d}.123,1.29{at:03d},1.30{at:03d}" for at in range(50)]
    imported = import_file(save("\n".join(lines), "quotes.csv"))
    assert imported.ticks is not None
    assert imported.recognised.format is Format.TRUEFX_TICKS
    assert (imported.recognised.timezone, imported.ticks.symbol) == ("UTC", "EURUSD")
    first = np.datetime64("2012-01-01T21:00:00.123", "ns").astype(np.int64)
    assert imported.ticks.time_ns[0] == first
    assert (imported.ticks.bid[0], imported.ticks.ask[0]) == (1.29, 1.3)


@pytest.mark.parametrize("volume", ["-1", "2147483647", "4294967296", "1.8446744073709552e19"])
def test_a_volume_that_ran_over_is_blanked_and_counted(
    save: Save, make_bars: Callable[..., Any], write_csv: Callable[..., str], volume: str
) -> None:
    lines = write_csv(make_bars(3)).splitlines()
    lines[9] = ",".join([*lines[9].split(",")[:-1], volume])
    imported = import_file(save("\n".join(lines)), symbol="EURUSD")
    assert imported.bars is not None
    assert imported.rows_kept == len(lines) - 1
    assert np.flatnonzero(np.isnan(imported.bars.volume)).tolist() == [8]
    assert any("1 volumes" in warning for warning in imported.warnings)


def test_recognition_of_json_says_why(save: Save) -> None:
    found = recognise(save(json.dumps(response([candle(at) for at in range(9)])), "saved.json"))
    assert any("EUR_USD" in why for why in found.why)
