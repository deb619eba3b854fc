"""``assay data pull``: from a server to the catalogue, through faults, stops and kills."""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from misbehaving_server import (
    CANDLE,
    FAULTS,
    TICK,
    Server,
    bi5,
    datafeed,
    random_faults,
    serving,
    ticks_bi5,
    unpacked,
)

from assay.cli.main import main
from assay.config.workspace import Workspace
from assay.data.catalogue import Catalogue
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe

FIRST, LAST = date(2024, 1, 29), date(2024, 2, 6)
PERIOD = "2024-01-29..2024-02-06"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Pull = Callable[..., Answer]


@pytest.fixture
def feed() -> Iterator[Server]:
    with serving(datafeed("EURUSD", FIRST, LAST, 30)) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "w", symbols=("EURUSD",), timeframe="M1")


@pytest.fixture
def pull(place: Workspace, capsys: pytest.CaptureFixture[str]) -> Iterator[Pull]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*words: str, url: str = "http://127.0.0.1:9", settings: str = "") -> Answer:
        with pytest.raises(SystemExit) as caught:
            main(["data", "pull", *words, "-w", str(place.root), *overrides(url, settings)])
        out, err = capsys.readouterr()
        return Answer(int(str(caught.value.code)), out, err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def overrides(url: str, settings: str = "") -> list[str]:
    chosen = (
        f"dukascopy_url={url}",
        f"oanda_url={url}",
        f"yahoo_url={url}",
        f"ccxt_url={url}",
        "requests_per_second=100",
        "timeout_s=6",
        "stall_s=3",
        *settings.split(),
    )
    return [word for text in chosen for word in ("--set", f"downloads.{text}")]


def hash_of(place: Workspace, timeframe: Timeframe | None) -> str:
    return Catalogue(place.data).entry("EURUSD", timeframe).content_hash


@pytest.mark.parametrize(
    ("series", "frame", "n_rows", "n_files"),
    [
        ("ticks", None, 6 * 23 * 30, 8 * 24),
        ("M1", Timeframe.M1, 6 * 30, 2 * 8),
        ("H1", Timeframe.H1, 30 + 30, 2 * 2),
        ("D1", Timeframe.D1, 6, 2),
    ],
)
def test_every_series_arrives_whole(
    feed: Server,
    place: Workspace,
    pull: Pull,
    series: str,
    frame: Timeframe | None,
    n_rows: int,
    n_files: int,
) -> None:
    answer = pull("dukascopy", "eur/usd", PERIOD, "--series", series, "--json", url=feed.url)
    told = answer.json["pulls"][0]

    assert answer.status == 0
    assert told["files_fetched"] == n_files  # no Saturday is asked for
    entry = Catalogue(place.data).entry("EURUSD", frame)
    assert entry.rows == n_rows
    assert entry.has_ask
    assert [item.source for item in entry.provenance] == [
        f"dukascopy EURUSD {series} {merge['batch']}" for merge in told["merges"]
    ]
    for path, content in feed.files.items():
        file = place.data / "downloads" / "dukascopy" / path[1:]
        assert not file.exists() or file.read_bytes() == content


def test_prices_are_those_of_the_files(feed: Server, place: Workspace, pull: Pull) -> None:
    pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)
    bars = Catalogue(place.data).read_bars("EURUSD", Timeframe.M1)

    assert bars.ask_close is not None
    np.testing.assert_allclose(bars.ask_close - bars.close, 8e-5, atol=1e-9)
    np.testing.assert_allclose(bars.spread, 8e-5, atol=1e-9)
    assert 1.1 < bars.close.min() < bars.close.max() < 1.3


@pytest.mark.parametrize(
    ("series", "period", "n_rows_min"),
    [
        ("ticks", "2019-02-04", 4_000),
        ("M1", "2019-02-04", 1_400),
        ("H1", "2019-02", 400),
        ("D1", "2019", 250),
    ],
)
def test_recorded_files_arrive_with_both_sides(
    shared_data: Path, place: Workspace, pull: Pull, series: str, period: str, n_rows_min: int
) -> None:
    root = shared_data / "formats" / "dukascopy_bi5"
    files = {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.bi5")}
    with serving(files) as feed:
        answer = pull("dukascopy", "EURUSD", period, "--series", series, url=feed.url)
        assert answer.status == 0, answer.err
    frame = None if series == "ticks" else Timeframe[series]
    catalogue = Catalogue(place.data)
    entry = catalogue.entry("EURUSD", frame)
    assert entry.rows > n_rows_min
    if frame is None:
        ticks = catalogue.read_ticks("EURUSD")
        spread, price = ticks.ask - ticks.bid, ticks.bid
    else:
        bars = catalogue.read_bars("EURUSD", frame)
        spread, price = bars.spread, bars.close
    assert 1.08 < price.min() < price.max() < 1.16
    assert np.isfinite(spread).mean() > 0.99
    assert 0.0 <= np.nanmin(spread) < np.nanmedian(spread) < 1e-4


def test_a_second_pull_asks_for_nothing(feed: Server, place: Workspace, pull: Pull) -> None:
    pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)
    n_asked, before = len(feed.requests), hash_of(place, Timeframe.M1)
    answer = pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)

    assert len(feed.requests) == n_asked
    assert "nothing to store" in answer.out.lower()
    assert hash_of(place, Timeframe.M1) == before


def test_a_catalogue_that_was_deleted_is_filled_from_what_is_here(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)
    n_asked, before = len(feed.requests), hash_of(place, Timeframe.M1)
    shutil.rmtree(place.data / "EURUSD")
    pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)

    assert len(feed.requests) == n_asked
    assert hash_of(place, Timeframe.M1) == before


def test_a_damaged_file_is_fetched_again(feed: Server, place: Workspace, pull: Pull) -> None:
    pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)
    n_asked, before = len(feed.requests), hash_of(place, Timeframe.M1)
    path = next(path for path in feed.files if "BID_candles_min" in path)
    file = place.data / "downloads" / "dukascopy" / path[1:]
    file.write_bytes(file.read_bytes()[:-3])
    answer = pull("dukascopy", "EURUSD", PERIOD, "--series", "M1", url=feed.url)

    assert [asked for asked, _ in feed.requests[n_asked:]] == [path]
    assert "1 files here were damaged" in answer.out
    assert file.read_bytes() == feed.files[path]
    assert hash_of(place, Timeframe.M1) == before


def test_faults_change_nothing_but_the_time(
    feed: Server, place: Workspace, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.data.downloads.pace.BACKOFF_S_FIRST", 0.01)
    rng = np.random.default_rng(5)
    paths = [path for path in feed.files if "candles_min" in path]
    feed.faults.update(random_faults(rng, paths, 2))
    for path in feed.faults:
        feed.faults[path] = [name for name in feed.faults[path] if name != "429 with pause"]
    n_faults = sum(len(faults) for faults in feed.faults.values())
    words = ("dukascopy", "EURUSD", PERIOD, "--series", "M1", "--json")
    answer = pull(*words, url=feed.url, settings="timeout_s=1 stall_s=0.5")

    assert answer.status == 0, answer.err
    assert n_faults > 8
    assert not any(feed.faults.values())
    n_asked = answer.json["pulls"][0]["files_fetched"] + answer.json["requests_repeated"]
    assert answer.json["requests_repeated"] >= n_faults
    assert len(feed.requests) <= n_asked
    assert feed.n_active_max <= 4
    assert Catalogue(place.data).entry("EURUSD", Timeframe.M1).rows == 6 * 30
    for path in paths:
        stored = place.data / "downloads" / "dukascopy" / path[1:]
        assert stored.read_bytes() == feed.files[path]


def test_one_file_that_fails_stops_no_other_and_is_named(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    path = "/EURUSD/2024/00/31/ASK_candles_min_1.bi5"
    feed.faults[path] = ["500"] * 2
    words = ("dukascopy", "EURUSD", PERIOD, "--series", "M1")
    answer = pull(*words, url=feed.url, settings="retries_max=1")

    assert answer.status == 3
    assert path in answer.err
    assert "2 attempts" in answer.err
    assert "Go on with: assay data pull dukascopy EURUSD" in answer.err
    shown = shlex.split(answer.err.partition("Go on with: ")[2].splitlines()[0])
    assert shown[shown.index("--workspace") + 1] == str(place.root)
    assert f"downloads.dukascopy_url={feed.url}" in shown
    entry = Catalogue(place.data).entry("EURUSD", Timeframe.M1)
    assert entry.rows == 6 * 30
    again = pull(*words, url=feed.url)
    assert again.status == 0
    assert Catalogue(place.data).read_bars("EURUSD", Timeframe.M1).has_ask
    assert feed.n_requests(path) == 3


def test_a_file_that_cannot_be_read_stops_no_other_and_is_named(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    """Whole and plausible, but crossed in every row: it would fail again for ever."""
    path = "/EURUSD/2024/00/31/10h_ticks.bi5"
    records = unpacked(feed.files[path], TICK).copy()
    records["ask"], records["bid"] = records["bid"], records["ask"].copy()
    files = {**feed.files, path: bi5(records)}
    feed.files = files
    words = ("dukascopy", "EURUSD", "2024-01-31")
    for _ in range(2):
        answer = pull(*words, url=feed.url)
        assert answer.status == 3
        assert path in answer.err
        assert "delete" in answer.err
        assert Catalogue(place.data).entry("EURUSD", None).rows == 22 * 30
    (place.data / "downloads" / "dukascopy" / path[1:]).unlink()
    files[path] = ticks_bi5(1, 30)
    assert pull(*words, url=feed.url).status == 0
    assert Catalogue(place.data).entry("EURUSD", None).rows == 23 * 30


def test_prices_of_an_unknown_instrument_need_their_divisor(place: Workspace, pull: Pull) -> None:
    with serving(datafeed("LTCUSD", FIRST, FIRST, 30)) as feed:
        words = ("dukascopy", "LTCUSD", "2024-01-29", "--series", "M1")
        refused = pull(*words, url=feed.url)
        assert refused.status == 3
        assert "--price-divisor" in refused.err
        n_asked = len(feed.requests)
        assert pull(*words, "--price-divisor", "1000", url=feed.url).status == 0
        assert len(feed.requests) == n_asked
    assert Catalogue(place.data).read_bars("LTCUSD", Timeframe.M1).close[0] == pytest.approx(120, 1)


class At:
    """A clock that stands."""

    now_ns = 0

    def now(self) -> int:
        return self.now_ns


def test_the_unfinished_present_is_fetched_again_and_its_open_bar_left_out(
    place: Workspace, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = datafeed("EURUSD", FIRST, date(2024, 1, 31), 30)
    now_ns = int(datetime(2024, 1, 31, 0, 10, 30, tzinfo=UTC).timestamp()) * 10**9
    monkeypatch.setattr("assay.cli.downloading.SystemClock", At)
    part = {
        path: bi5(unpacked(content, CANDLE)[:11])
        for path, content in whole.items()
        if "/31/" in path and "min_1" in path
    }
    words = ("dukascopy", "EURUSD", "2024-01-29..2024-01-31", "--series", "M1")
    catalogue = Catalogue(place.data)
    with serving({**whole, **part}) as feed:
        monkeypatch.setattr(At, "now_ns", now_ns)
        pull(*words, url=feed.url)
        # At 00:10:30 the bars of 00:00 to 00:09 are closed; that of 00:10 is open.
        assert catalogue.entry("EURUSD", Timeframe.M1).rows == 60 + 10
        pull(*words, url=feed.url)
        n_asked = [feed.n_requests(path) for path in whole if "min_1" in path]
        assert n_asked == [1, 1, 2, 2, 2, 2]  # yesterday has not settled either
        assert "if-none-match" in feed.requests[-1][1]
        feed.files = whole
        monkeypatch.setattr(At, "now_ns", now_ns + 48 * NS_PER_HOUR)
        pull(*words, url=feed.url)
        assert catalogue.entry("EURUSD", Timeframe.M1).rows == 90
        n_all = len(feed.requests)
        pull(*words, url=feed.url)
        assert len(feed.requests) == n_all


def test_rows_wait_for_another_command_that_is_writing(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    words = ("dukascopy", "EURUSD", PERIOD, "--series", "M1")
    with place.held():
        answer = pull(*words, url=feed.url)
    assert answer.status == 2
    assert "one writer" in answer.err
    assert "fetched but not stored yet: 2024-01, 2024-02" in answer.out
    assert Catalogue(place.data).list() == ()
    n_asked = len(feed.requests)
    assert pull(*words, url=feed.url).status == 0
    assert len(feed.requests) == n_asked
    assert Catalogue(place.data).entry("EURUSD", Timeframe.M1).rows == 6 * 30


def test_simulated_and_downloaded_rows_do_not_mix(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    main_words = ["data", "simulate", "-w", str(place.root), "--symbol", "EURUSD", "--years", "1"]
    with pytest.raises(SystemExit):
        main([*main_words, "--set", "market.timeframe=H1"])
    answer = pull("dukascopy", "EURUSD", PERIOD, "--series", "H1", url=feed.url)

    assert answer.status == 3
    assert "simulated" in answer.err
    assert feed.requests == []


def test_several_symbols_arrive_one_after_the_other(place: Workspace, pull: Pull) -> None:
    files = datafeed("EURUSD", FIRST, FIRST, 30) | datafeed("USDCHF", FIRST, FIRST, 30)
    with serving(files) as feed:
        answer = pull("dukascopy", "EURUSD, usdchf,", "2024-01-29", "--series", "M1", url=feed.url)
        assert answer.status == 0, answer.err
    assert [entry.symbol for entry in Catalogue(place.data).list()] == ["EURUSD", "USDCHF"]
    assert "USDCHF M1: 2 of 2 files" in answer.err


def test_a_source_that_always_fails_is_given_up(feed: Server, pull: Pull) -> None:
    for path in feed.files:
        feed.faults[path] = ["500"] * 9
    answer = pull("dukascopy", "EURUSD", PERIOD, url=feed.url, settings="retries_max=0")

    assert answer.status == 3
    n_more = int(re.search(r"\((\d+) more failed", answer.err)[1])
    assert 7 <= n_more < len(feed.requests) <= 8 + 4


def test_an_empty_answer_in_trading_hours_is_asked_for_again(
    feed: Server, place: Workspace, pull: Pull
) -> None:
    """Dukascopy is known to answer with zero bytes now and then where it has data."""
    truth, seen = dict(feed.files), []
    path = "/EURUSD/2024/00/30/10h_ticks.bi5"

    def answer(asked: str, query: str) -> bytes | None:
        seen.append(asked)
        return b"" if asked == path and seen.count(path) < 3 else truth.get(asked)

    feed.files = answer
    pull("dukascopy", "EURUSD", "2024-01-30", url=feed.url)

    assert seen.count(path) == 3
    assert (place.data / "downloads/dukascopy" / path[1:]).read_bytes() == truth[path]


def test_trading_hours_without_rows_are_told(feed: Server, place: Workspace, pull: Pull) -> None:
    """They are kept as an answer, so a hole must not pass in silence."""
    truth = dict(feed.files)
    path = "EURUSD/2024/00/30/10h_ticks.bi5"
    feed.files = {**truth, f"/{path}": b""}
    answer = pull("dukascopy", "EURUSD", "2024-01-30", url=feed.url)

    assert answer.status == 0
    words = " ".join(answer.out.split())
    assert "files of trading hours came empty" in words
    (place.data / "downloads/dukascopy" / path).unlink()
    feed.files = truth
    again = pull("dukascopy", "EURUSD", "2024-01-30", url=feed.url)
    assert "1 files fetched" in again.out


def test_a_source_that_gives_nothing_is_not_taken_for_done(feed: Server, pull: Pull) -> None:
    feed.files = lambda _path, _query: b""
    answer = pull("dukascopy", "EURUSD", "2024-01-30", "--series", "M1", url=feed.url)

    assert "the source gave no row for 2024-01" in " ".join(answer.out.split())
    assert "stored already" not in answer.out


def test_silent_files_are_told_with_the_way_out(feed: Server, pull: Pull) -> None:
    path = "/EURUSD/2024/00/30/10h_ticks.bi5"
    feed.faults[path] = ["stall before"] * 9
    settings = "retries_max=0 timeout_s=2 stall_s=1"
    answer = pull("dukascopy", "EURUSD", "2024-01-30", url=feed.url, settings=settings)
    assert answer.status == 3
    assert "silence for 1 s" in answer.err
    assert "take dukascopy-json" in answer.err


def test_a_symbol_that_the_source_does_not_have_is_an_error(feed: Server, pull: Pull) -> None:
    answer = pull("dukascopy", "EURUSF", "2024-01-30", url=feed.url)
    assert answer.status == 3
    assert "EURUSF" in answer.err
    assert "none of the first 24 files" in answer.err


def test_a_plan_asks_for_nothing(feed: Server, place: Workspace, pull: Pull) -> None:
    answer = pull("dukascopy", "EURUSD", PERIOD, "--dry-run", "--json", url=feed.url)
    (plan,) = answer.json["plans"]

    assert (plan["files"], plan["files_here"]) == (8 * 24, 0)
    assert plan["bytes_about"] > 0
    assert feed.requests == []
    assert not (place.data / "downloads").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dukascopi", "EURUSD", "2024-01"), "Did you mean dukascopy?"),
        (("ccxt:krakn", "BTC/USD", "2024-01"), "Use ccxt:kraken."),
        (("ccxt", "BTC/USD", "2024-01"), "ccxt:kraken"),
        (("dukascopy", "EURUSD", "2024-13"), "2020-01..2024-12"),
        (("dukascopy", "EURUSD", "2024-02..2024-01"), "2024-01..2024-02"),
        (("dukascopy", "EURUSD", "2999-01..2999-02"), "in the past"),
        (("dukascopy", "EURUSD", "yesterday"), "years, months or days"),
        (("dukascopy", "../../etc", "2024-01"), "letters and digits"),
        (("dukascopy", ",", "2024-01"), "1 to 200 symbols"),
        (("dukascopy", "EURUSD", "2024-01", "--series", "M2"), "ticks, M1, H1, D1"),
        (("oanda", "EURUSD", "2024-01"), "OANDA_TOKEN"),
        (("yahoo", "EURUSD", "2014-01", "--series", "H1"), "729 days"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    feed: Server, pull: Pull, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.delenv("OANDA_TOKEN", raising=False)
    answer = pull(*words, url=feed.url)

    assert answer.status == 2, answer.err
    assert says in answer.err
    assert feed.requests == []


def start(
    place: Workspace, url: str, series: str = "H1", period: str = "2021..2023"
) -> "subprocess.Popen[str]":
    words = ["data", "pull", "dukascopy", "EURUSD", period, "--series", series]
    return subprocess.Popen(
        [sys.executable, "-m", "assay.cli.main", *words, "-w", str(place.root), *overrides(url)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)]
)
def test_a_pull_that_is_stopped_can_go_on(
    place: Workspace, pull: Pull, number: signal.Signals
) -> None:
    with serving(datafeed("EURUSD", date(2020, 1, 1), date(2021, 12, 31), 20)) as feed:
        feed.delay_s = 0.05
        process = start(place, feed.url, period="2020..2021")
        assert feed.asked.wait(PATIENCE_S)
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE_S)

        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert "What was fetched is kept. Go on with: assay data pull dukascopy EURUSD" in err
        n_here = sum(1 for _ in place.data.rglob("*.bi5"))
        assert 0 < n_here < 48
        feed.delay_s = 0.0
        n_asked = len(feed.requests)
        words = ("dukascopy", "EURUSD", "2020..2021", "--series", "H1")
        assert pull(*words, url=feed.url).status == 0
        # A stop may fall between a file and its line in the ledger: that file comes again.
        assert len(feed.requests) - n_asked - (48 - n_here) in (0, 1)


class Killing:
    """Pulls that are killed at random moments, and what must hold after each."""

    def __init__(self, folder: Path, feed: Server, seed: int) -> None:
        self.folder, self.feed = folder, feed
        self.rng = np.random.default_rng(seed)
        self.n_kills = self.n_complete = 0
        place = self.fresh("whole")
        began = time.monotonic()
        process = start(place, feed.url)
        assert feed.asked.wait(PATIENCE_S)
        self.first_s = time.monotonic() - began
        process.communicate(timeout=PATIENCE_S)
        self.work_s = time.monotonic() - began - self.first_s
        assert process.returncode == 0
        self.n_files = len(feed.requests)
        self.states = self.states_of(place)
        self.files = self.files_of(place)

    def fresh(self, name: str) -> Workspace:
        return Workspace.create(self.folder / name, symbols=("EURUSD",), timeframe="H1")

    def states_of(self, place: Workspace) -> list[str]:
        """Replay the batches: the only states that a reader may ever see."""
        states = []
        whole = Catalogue(place.data).read_bars("EURUSD", Timeframe.H1)
        years = whole.time_ns.astype("datetime64[ns]").astype("datetime64[Y]")
        for year in np.unique(years):
            bars = whole.between(0, int((years <= year).sum()))
            states.append(digest(bars))
        return states

    @staticmethod
    def files_of(place: Workspace) -> dict[str, bytes]:
        root = place.data / "downloads"
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.bi5"))}

    def state(self, place: Workspace) -> int:
        """Read the catalogue as a user would; return how many batches are in it."""
        catalogue = Catalogue(place.data)
        entries = catalogue.list()
        if not entries:
            return 0
        catalogue.verify("EURUSD", Timeframe.H1)
        found = digest(catalogue.read_bars("EURUSD", Timeframe.H1))
        assert found in self.states, "neither an old state nor a new one"
        return self.states.index(found) + 1

    def round(self, name: str) -> None:
        """Kill pulls into one workspace until one comes through; compare it with the whole."""
        place, n_before, n_kills = self.fresh(name), 0, 0
        n_asked = len(self.feed.requests)
        while True:
            self.feed.asked.clear()
            process = start(place, self.feed.url)
            moment = self.moment()
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
            n_now = self.state(place)
            assert n_now >= n_before, "the catalogue went back"
            n_before = n_now
            if process.returncode == 0:
                break
            assert process.returncode == -signal.SIGKILL, process.returncode
            n_kills += 1
        assert n_now == len(self.states)
        assert self.files_of(place) == self.files
        # A kill costs the files in flight, and those whose line had not been written.
        assert len(self.feed.requests) - n_asked <= self.n_files + 4 * n_kills
        self.n_kills += n_kills
        self.n_complete += 1
        shutil.rmtree(place.root)

    def moment(self) -> float:
        """Draw when to kill: while it starts (seldom), fetches or stores."""
        if self.rng.random() < 0.1:
            return float(self.rng.uniform(0.0, self.first_s))
        return float(self.first_s * 0.8 + self.rng.uniform(0.0, 1.2 * self.work_s))


def digest(bars: Any) -> str:
    whole = hashlib.sha256()
    for column in (bars.time_ns, bars.open, bars.close, bars.spread, bars.ask_close):
        whole.update(column.tobytes())
    return whole.hexdigest()


def killing(tmp_path: Path, n_kills: int, seed: int) -> Killing:
    files = datafeed("EURUSD", date(2021, 1, 1), date(2023, 12, 31), 20)
    with serving({path: content for path, content in files.items() if "hour" in path}) as feed:
        feed.delay_s = 0.01
        killed = Killing(tmp_path, feed, seed)
        while killed.n_kills < n_kills:
            killed.round(f"round{killed.n_complete}")
        return killed


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX")
def test_kill_minus_nine_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    killed = killing(tmp_path, 2, seed=11)
    assert killed.n_complete >= 1


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX")
def test_kill_minus_nine_at_five_hundred_moments_loses_nothing(tmp_path: Path) -> None:
    killed = killing(tmp_path, 500, seed=12)
    assert killed.n_complete >= 20


def test_every_fault_is_known_to_the_schedule() -> None:
    assert len(set(FAULTS)) == len(FAULTS) >= 10
