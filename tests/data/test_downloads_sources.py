"""What each source is asked for, and what is made of its answers."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving_server import Server, as_json, candles_bi5, datafeed, serving, ticks_bi5

from assay.cli.main import main
from assay.config.settings import DownloadSettings
from assay.config.workspace import Workspace
from assay.data.catalogue import Catalogue
from assay.data.downloads import period as periods
from assay.data.downloads.dukascopy import Dukascopy, flaw_of
from assay.data.downloads.dukascopy_json import DukascopyJson
from assay.data.downloads.dukascopy_json import flaw_of as json_flaw_of
from assay.data.downloads.oanda import PAGE_CANDLES_MAX, Oanda
from assay.data.downloads.period import Period, parse_period
from assay.data.downloads.source import Piece, Source, Wish
from assay.data.downloads.sources import source_named
from assay.data.downloads.yahoo import Yahoo
from assay.data.importers import import_file
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from assay.domain.timeframe import Timeframe

LOCAL = "http://127.0.0.1:9"
URL_KEYS = ("dukascopy_url", "dukascopy_json_url", "oanda_url", "yahoo_url", "ccxt_url")
NOW_NS = 1_783_000_000 * NS_PER_SECOND  # 2 July 2026
DUKASCOPY, DUKASCOPY_JSON = Dukascopy(LOCAL), DukascopyJson(LOCAL)
OANDA, YAHOO = Oanda(LOCAL, "t", NOW_NS), Yahoo(LOCAL, NOW_NS)
EVERY_DAY = {"dukascopy": "BTCUSD", "dukascopy-json": "BTC-USD", "oanda": "DE30_EUR"}
"""Instruments of which no day is left out."""

TOKEN = "planted-canary-token-91c2"
NAME = attrgetter("name")
days = st.integers(0, (NOW_NS // NS_PER_DAY) - 1)


def wish_of(source: Source, symbol: str, frame: str, period: Period | str) -> Wish:
    name, store_as = source.named(symbol)
    return Wish(
        symbol=name,
        store_as=store_as,
        timeframe=None if frame == "ticks" else Timeframe[frame],
        period=parse_period(period, NOW_NS) if isinstance(period, str) else period,
    )


def pieces_of(source: Source, symbol: str, frame: str, period: Period | str) -> list[Piece]:
    batches = source.batches(wish_of(source, symbol, frame, period))
    return [piece for batch in batches for piece in batch.pieces]


@given(first=days, length=st.integers(1, 400), frame=st.sampled_from(["M1", "H1", "D1"]))
@pytest.mark.parametrize(
    "source", [DUKASCOPY, DUKASCOPY_JSON, OANDA], ids=lambda source: source.name
)
def test_the_files_of_a_period_cover_it_without_gap_or_overlap(
    source: Source, first: int, length: int, frame: str
) -> None:
    start_ns = first * NS_PER_DAY
    period = Period(start_ns, min(start_ns + length * NS_PER_DAY, NOW_NS))
    windows = sorted(
        {
            (piece.period.start_ns, piece.period.stop_ns)
            for piece in pieces_of(source, EVERY_DAY[source.name], frame, period)
        }
    )

    assert windows[0][0] <= period.start_ns
    assert windows[-1][1] >= period.stop_ns
    assert all(stop == begin for (_, stop), (begin, _) in pairwise(windows))
    assert all(start < period.stop_ns and stop > period.start_ns for start, stop in windows)


@given(first=days, length=st.integers(1, 30), frame=st.sampled_from(["ticks", "M1", "H1", "D1"]))
def test_a_file_is_the_same_whatever_period_asks_for_it(
    first: int, length: int, frame: str
) -> None:
    whole = Period(first * NS_PER_DAY, min((first + length) * NS_PER_DAY, NOW_NS))
    day = Period(whole.start_ns, whole.start_ns + NS_PER_DAY)
    for source in (DUKASCOPY, DUKASCOPY_JSON, OANDA):
        if frame in source.series:
            known = {piece.path: piece for piece in pieces_of(source, "EURUSD", frame, whole)}
            for piece in pieces_of(source, "EURUSD", frame, day):
                assert known[piece.path] == piece


def test_months_count_from_zero_in_the_addresses_of_dukascopy() -> None:
    first, *_, last = pieces_of(DUKASCOPY, "EURUSD", "ticks", "2019-02-04")
    assert first.url == f"{LOCAL}/EURUSD/2019/01/04/00h_ticks.bi5"
    assert last.path == "EURUSD/2019/01/04/23h_ticks.bi5"
    minute = pieces_of(DUKASCOPY, "EURUSD", "M1", "2019-02-04")
    assert [piece.path for piece in minute] == [
        "EURUSD/2019/01/04/BID_candles_min_1.bi5",
        "EURUSD/2019/01/04/ASK_candles_min_1.bi5",
    ]
    hour = pieces_of(DUKASCOPY, "EURUSD", "H1", "2020-12")
    assert hour[0].path == "EURUSD/2020/11/BID_candles_hour_1.bi5"
    assert pieces_of(DUKASCOPY, "EURUSD", "D1", "2019")[0].path == (
        "EURUSD/2019/BID_candles_day_1.bi5"
    )


def test_months_count_from_one_in_the_addresses_of_the_json_interface() -> None:
    first, last = (
        pieces_of(DUKASCOPY_JSON, "EURUSD", "ticks", "2019-02-04")[at].url for at in (0, -1)
    )
    assert (first, last) == tuple(f"{LOCAL}/ticks/EUR-USD/2019/2/4/{hour}" for hour in (0, 23))
    assert [piece.url for piece in pieces_of(DUKASCOPY_JSON, "EURUSD", "H1", "2020-12")] == [
        f"{LOCAL}/candles/hour/EUR-USD/{side}/2020/12" for side in ("BID", "ASK")
    ]


@pytest.mark.parametrize(
    ("symbol", "n_hours"), [("EURUSD", 144), ("XAUUSD", 144), ("BTCUSD", 168), ("DEUIDXEUR", 168)]
)
def test_saturdays_are_passed_over_only_where_nothing_can_trade(symbol: str, n_hours: int) -> None:
    assert len(pieces_of(DUKASCOPY, symbol, "ticks", "2024-02-05..2024-02-11")) == n_hours


def test_a_file_of_the_unfinished_present_is_not_final() -> None:
    hour, *_ = pieces_of(DUKASCOPY, "EURUSD", "ticks", "2024-02-05")
    stop_ns = hour.period.stop_ns
    assert not hour.is_final(stop_ns - 1)
    assert not hour.is_final(stop_ns + NS_PER_HOUR)
    assert hour.is_final(stop_ns + 2 * NS_PER_HOUR)


HOUR = Piece(
    path="EURUSD/2024/01/05/10h_ticks.bi5",
    url="",
    period=periods.between(
        datetime(2024, 2, 5, 10, tzinfo=UTC), datetime(2024, 2, 5, 11, tzinfo=UTC)
    ),
)


def test_every_truncation_of_an_archive_is_noticed() -> None:
    content = ticks_bi5(4, 50)
    assert flaw_of(content, HOUR) is None
    assert flaw_of(b"", HOUR) is None
    assert all(flaw_of(content[:cut], HOUR) for cut in range(1, len(content)))
    assert flaw_of(content + b"\0", HOUR)


def test_an_archive_of_another_time_is_noticed() -> None:
    day = candles_bi5(1, np.array([0, 7_200]), is_ask=False)
    minutes = Piece(path="EURUSD/2024/01/05/BID_candles_min_1.bi5", url="", period=HOUR.period)
    assert "another time" in str(flaw_of(day, minutes))


@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_is_no_archive(noise: bytes) -> None:
    assert flaw_of(noise, HOUR)


def test_the_recorded_files_are_without_flaw(shared_data: Path) -> None:
    root = shared_data / "formats" / "dukascopy_bi5"
    n_seen = 0
    for frame, period in (
        ("ticks", "2019-02-04"),
        ("M1", "2019-02-04"),
        ("M1", "2020-05-01"),
        ("H1", "2019-02"),
        ("D1", "2019"),
    ):
        for piece in pieces_of(DUKASCOPY, "EURUSD", frame, period):
            if (root / piece.path).exists():
                content = (root / piece.path).read_bytes()
                assert flaw_of(content, piece) is None
                assert flaw_of(content[:-1], piece)
                n_seen += 1
    assert n_seen == 10


@given(first=days, length=st.integers(1, 800), frame=st.sampled_from(["M1", "H1", "D1"]))
def test_a_page_of_oanda_holds_no_more_candles_than_allowed(
    first: int, length: int, frame: str
) -> None:
    period = Period(first * NS_PER_DAY, min((first + length) * NS_PER_DAY, NOW_NS))
    step_ns = Timeframe[frame].nominal_ns
    for piece in pieces_of(OANDA, "XAUUSD", frame, period):
        assert (piece.period.stop_ns - piece.period.start_ns) // step_ns <= PAGE_CANDLES_MAX


@pytest.mark.parametrize(
    ("text", "first", "stop"),
    [
        ("2020-01..2020-02", (2020, 1, 1), (2020, 3, 1)),
        ("2019..2020", (2019, 1, 1), (2021, 1, 1)),
        ("2020-02-28", (2020, 2, 28), (2020, 2, 29)),
        ("2020-02-28..2020-03", (2020, 2, 28), (2020, 4, 1)),
        (" 2020-12 ", (2020, 12, 1), (2021, 1, 1)),
    ],
)
def test_both_ends_of_a_period_are_in_it(
    text: str, first: tuple[int, int, int], stop: tuple[int, int, int]
) -> None:
    assert parse_period(text, NOW_NS) == periods.between(
        datetime(*first, tzinfo=UTC), datetime(*stop, tzinfo=UTC)
    )


def test_the_present_month_ends_now() -> None:
    assert parse_period("2026-06..2026-07", NOW_NS).stop_ns == NOW_NS
    assert parse_period("2026-06..", NOW_NS).stop_ns == NOW_NS


@given(text=st.text(max_size=30) | st.from_regex(r"[0-9.-]{0,24}", fullmatch=True))
def test_a_period_is_read_or_refused(text: str) -> None:
    try:
        period = parse_period(text, NOW_NS)
    except ConfigError as error:
        assert error.remedy
    else:
        assert 0 <= period.start_ns < period.stop_ns <= NOW_NS


@pytest.mark.parametrize("text", ["", "a/b/c", "..", "EURUSD;rm", "EUR\nUSD", "é", "x" * 80])
@pytest.mark.parametrize(
    "source", [DUKASCOPY, DUKASCOPY_JSON, OANDA, YAHOO], ids=lambda source: source.name
)
def test_a_symbol_that_cannot_be_one_is_refused(source: Source, text: str) -> None:
    try:
        name, stored = source.named(text)
    except ConfigError as error:
        assert error.remedy
    else:
        assert "/" not in stored
        assert ".." not in name


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ConfigError, match="https"):
        Oanda("http://oanda.example", "t", NOW_NS)
    Oanda("https://oanda.example", "t", NOW_NS)


def test_the_host_of_oanda_follows_the_account() -> None:
    def url_of(**settings: Any) -> str:
        chosen = DownloadSettings(**settings)
        source = source_named("oanda", chosen, NOW_NS, {"OANDA_TOKEN": "t"}.get)
        return pieces_of(source, "XAUUSD", "H1", "2024")[0].url

    assert url_of().startswith("https://api-fxpractice.oanda.com/v3/instruments/XAU_USD/candles?")
    assert url_of(oanda_account="live").startswith("https://api-fxtrade.oanda.com/")


def test_exchanges_need_ccxt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    with pytest.raises(ConfigError, match="need ccxt") as caught:
        source_named("ccxt:kraken", DownloadSettings(), NOW_NS, lambda name: None)
    assert "assay[ccxt]" in caught.value.remedy


# From an answer to the catalogue


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "w", symbols=("EURUSD",), timeframe="H1")


@pytest.fixture
def pull(place: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(server: Server, *words: str) -> tuple[int, str, str]:
        settings = [text for key in URL_KEYS for text in ("--set", f"downloads.{key}={server.url}")]
        settings += ["--set", "downloads.requests_per_second=100"]
        settings += ["--set", "downloads.retries_max=1"]
        with pytest.raises(SystemExit) as caught:
            main(["data", "pull", *words, "-w", str(place.root), *settings])
        out, err = capsys.readouterr()
        return int(str(caught.value.code)), out, err

    return run


def price(at: datetime) -> float:
    return round(1.1 + (int(at.timestamp()) // 3_600 % 977) * 1e-5, 5)


def trading_hours(start: datetime, stop: datetime) -> Iterator[datetime]:
    at = start
    while at < stop:
        if at.weekday() < 4:
            yield at
        at += timedelta(hours=1)


def oanda_answer(path: str, query: str) -> bytes | None:
    words = {key: values[0] for key, values in parse_qs(query).items()}
    instrument = path.split("/")[3]
    start, stop = (datetime.fromisoformat(words[key]) for key in ("from", "to"))
    candles = []
    for at in trading_hours(start, stop):
        sides = {}
        for side, shift in (("bid", 0.0), ("mid", 5e-5), ("ask", 1e-4)):
            value = f"{price(at) + shift:.5f}"
            sides[side] = {"o": value, "h": value, "l": value, "c": value}
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
        candles.append({"complete": True, "volume": 9, "time": stamp, **sides})
    table = {"instrument": instrument, "granularity": words["granularity"], "candles": candles}
    return json.dumps(table).encode()


def test_candles_of_oanda_arrive_with_both_sides(
    place: Workspace, pull: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OANDA_TOKEN", TOKEN)
    with serving(oanda_answer) as server:
        status, out, err = pull(server, "oanda", "EURUSD", "2024-01..2024-09", "--series", "H1")
        assert status == 0, err
        assert len(server.requests) == 2
        assert {headers["authorization"] for _, headers in server.requests} == {f"Bearer {TOKEN}"}
    bars = Catalogue(place.data).read_bars("EURUSD", Timeframe.H1)
    assert bars.ask_close is not None
    # Pages have fixed borders: the whole half-year of the last month is here.
    hours = list(trading_hours(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)))
    assert bars.time_ns.tolist() == [int(at.timestamp()) * 10**9 for at in hours]
    np.testing.assert_allclose(bars.close, [price(at) for at in hours], atol=1e-12)
    np.testing.assert_allclose(bars.ask_close - bars.close, 1e-4, atol=1e-9)
    assert TOKEN not in out + err
    for file in place.root.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


def test_a_wrong_token_is_told_at_once_and_not_repeated(
    pull: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OANDA_TOKEN", TOKEN)
    with serving(oanda_answer) as server:
        monkeypatch.setattr(
            "misbehaving_server.misbehave",
            lambda handler, *_: handler.reply(401, f"no: {TOKEN}".encode()),
        )
        server.faults["/v3/instruments/EUR_USD/candles"] = ["401"] * 9
        status, out, err = pull(server, "oanda", "EURUSD", "2024", "--series", "D1")
        assert len(server.requests) == 1
    assert status == 3
    assert "status 401: no: ***" in err
    assert "token" in err
    assert TOKEN not in out + err


@pytest.mark.parametrize("series", ["ticks", "M1", "H1", "D1"])
def test_both_interfaces_of_dukascopy_give_the_same_rows(
    place: Workspace, pull: Callable[..., Any], series: str
) -> None:
    feed = datafeed("EURUSD", date(2024, 1, 29), date(2024, 2, 1), 40)
    words = ("EURUSD", "2024-01-29..2024-02-01", "--series", series)
    frame = None if series == "ticks" else Timeframe[series]
    catalogue = Catalogue(place.data)
    found = []
    with serving(feed) as bi5, serving(lambda path, query: as_json(path, feed)) as spoken:
        for source, server in (("dukascopy", bi5), ("dukascopy-json", spoken)):
            status, _, err = pull(server, source, *words)
            assert status == 0, err
            entry = catalogue.entry("EURUSD", frame)
            found.append((entry.rows, entry.content_hash, entry.has_ask))
            shutil.rmtree(place.data / "EURUSD")
            assert len(server.requests) == {"ticks": 96 + 2 * 4, "M1": 8, "H1": 4, "D1": 2}[series]
    assert found[0] == found[1]
    assert found[0][2]


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"timestamp": 1, "multiplier": 1e-5, "times": []}',
        b'{"timestamp": 1, "times": [1], "opens": [0], "highs": [0], "lows": [0], "closes": [0]}',
        b"<html>",
    ],
)
def test_json_that_is_no_answer_of_dukascopy_is_noticed(content: bytes) -> None:
    (piece, _) = pieces_of(DUKASCOPY_JSON, "EURUSD", "M1", "2024-01-30")
    assert json_flaw_of(content, piece)


def yahoo_answer(path: str, query: str) -> bytes | None:
    words = {key: int(values[0]) for key, values in parse_qs(query).items() if key[:6] == "period"}
    at, times = words["period1"], []
    while at < words["period2"]:
        if datetime.fromtimestamp(at, tz=UTC).weekday() < 5:
            times.append(at)
        at += 86_400
    ticker = unquote(path.rsplit("/", 1)[1])
    return chart(ticker, times)


def chart(ticker: str, times: list[int], **changes: Any) -> bytes:
    close: list[float | None] = [1.1 + i * 1e-4 for i in range(len(times))]
    if len(close) > 5:
        close[3] = None
    quote = dict.fromkeys(("open", "high", "low", "close"), close)
    quote["volume"] = [0] * len(times)  # type: ignore[assignment]
    result = {
        "meta": {"symbol": ticker, "dataGranularity": "1d", "exchangeTimezoneName": "UTC"},
        "timestamp": times,
        "indicators": {"quote": [quote]},
        **changes,
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def test_days_of_yahoo_arrive_with_a_warning(place: Workspace, pull: Callable[..., Any]) -> None:
    with serving(yahoo_answer) as server:
        status, out, err = pull(server, "yahoo", "EURUSD", "2022..2023", "--series", "D1")
        assert status == 0, err
        assert [path for path, _ in server.requests] == ["/v8/finance/chart/EURUSD%3DX"] * 2
    assert "last resort" in out
    entry = Catalogue(place.data).entry("EURUSD", Timeframe.D1)
    assert entry.rows == pytest.approx(520, abs=4)
    assert entry.provenance[0].importer == "yahoo_bars"
    assert entry.provenance[0].rows_quarantined >= 1


def test_an_empty_answer_of_yahoo_is_an_error(
    pull: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = json.dumps({"chart": {"result": None, "error": None}}).encode()
    monkeypatch.setattr("assay.data.downloads.pace.BACKOFF_S_FIRST", 0.01)
    with serving(lambda path, query: empty) as server:
        status, _, err = pull(server, "yahoo", "GC=F", "2023", "--series", "D1")
        assert len(server.requests) == 2
    assert status == 3
    assert "empty answer" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps({"chart": {"result": None, "error": {"code": "Not Found"}}}), "Not Found"),
        (chart("EURUSD=X", []).decode(), "empty"),
        (chart("EURUSD=X", [1, 2], indicators={"quote": [{}]}).decode(), "quote.open"),
        (chart("EURUSD=X", [1, 2], indicators={}).decode(), "indicators.quote"),
        ('{"chart": 1}', "chart"),
        (chart("EURUSD=X", [1, 2]).decode()[:-9], "JSON"),
    ],
)
def test_a_saved_chart_that_is_empty_or_damaged_is_refused(
    tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "EURUSD.json"
    path.write_text(content)
    with pytest.raises(DataError, match=says) as caught:
        import_file(path, symbol="EURUSD")
    assert str(path) in caught.value.message


def test_a_saved_chart_says_what_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    path.write_bytes(chart("EURUSD=X", [start + 86_400 * i for i in range(5)]))
    imported = import_file(path)

    assert imported.series.symbol == "EURUSD"
    assert imported.recognised.format.value == "yahoo_bars"
    assert imported.bars is not None
    assert imported.bars.timeframe is Timeframe.D1
    assert any("indicative" in text for text in imported.warnings)


MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "filters": [],
}


def binance_answer(path: str, query: str) -> bytes | None:
    words = {key: values[0] for key, values in parse_qs(query).items()}
    if path.endswith("exchangeInfo"):
        return json.dumps({"symbols": [MARKET] if "/api/v3" in path else []}).encode()
    if path.endswith("/klines"):
        step = 3_600_000
        first = -(-int(words["startTime"]) // step) * step
        last = int(words.get("endTime", first + 10**12))
        times = list(range(first, min(last + 1, first + step * 100), step))  # pages of 100
        return json.dumps(
            [[t, "5.0", "6.0", "4.0", "5.5", "1.25", t + step - 1, "0", 1, "0", "0", "0"]
             for t in times]
        ).encode()  # fmt: skip
    return b"{}" if "margin" in path or "leverage" in path else None


def test_bars_of_an_exchange_arrive_page_by_page(
    place: Workspace, pull: Callable[..., Any]
) -> None:
    with serving(binance_answer) as server:
        status, out, err = pull(
            server, "ccxt:binance", "BTC/USDT", "2024-01..2024-02", "--series", "H1"
        )
        assert status == 0, out + err
        assert server.n_requests("/api/v3/klines") >= 15
    bars = Catalogue(place.data).read_bars("BTCUSDT", Timeframe.H1)
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND
    assert bars.time_ns.tolist() == [start + i * NS_PER_HOUR for i in range(24 * 60)]
    assert set(bars.close) == {5.5}


def test_a_symbol_that_an_exchange_does_not_have_is_told_at_once(pull: Callable[..., Any]) -> None:
    with serving(binance_answer) as server:
        status, _, err = pull(server, "ccxt:binance", "XXX/USDT", "2024-01", "--series", "H1")
        assert server.n_requests("/api/v3/klines") == 0
    assert status == 3
    assert "BadSymbol" in err


SAVED = {
    "EURUSD=X.json": chart("EURUSD=X", [1_704_067_200 + 86_400 * i for i in range(12)]),
    "EURUSD/M1/2024-01-29_BID.json": as_json(
        "/candles/minute/EUR-USD/BID/2024/1/29",
        datafeed("EURUSD", date(2024, 1, 29), date(2024, 1, 29), 20),
    ),
}


TOKENS = (b"null", b"NaN", b"1e999", b"[]", b"{}", b'"x"', b"-0", b"true", b",", b"9" * 30)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("name", SAVED)
def test_a_mutated_answer_is_read_or_refused_by_name(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    content = bytearray(SAVED[name] or b"")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["cut", "change", "insert", "token"]))
        if kind == "cut":
            del content[at:]
            content += b" "
        elif kind == "change":
            content[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=5))
        else:
            words = [
                b"null",
                b"NaN",
                b"1e999",
                b"[]",
                b"{}",
                b'"x"',
                b"-0",
                b"true",
                b",",
                b"9" * 30,
            ]
            content[at:at] = data.draw(st.sampled_from(words))
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(content))
    try:
        imported = import_file(path, symbol="EURUSD")
    except AssayError as error:
        assert str(path) in error.message, error.message
        assert error.remedy
    else:
        assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
