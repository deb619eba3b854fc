"""Reading touches what it needs, comes in parts where asked, and knows the first layout."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.lock import single_writer
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.data.schema import Period
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

_SPEC = importlib.util.spec_from_file_location(
    "killing", Path(__file__).parent / "test_catalogue_kill.py"
)
killing = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(killing)
DAY_2020, provenance = killing.DAY_2020, killing.provenance


def minutes(start: int, stop: int, level: float = 1.1, *, has_ask: bool = False) -> Bars:
    at = np.arange(start, stop)
    close = level * (1.0 + 0.001 * np.sin(at))
    asks = ("ask_open", "ask_high", "ask_low", "ask_close")
    return Bars(
        symbol="EURUSD",
        timeframe=Timeframe.M1,
        time_ns=DAY_2020 + at * NS_PER_MINUTE,
        open=close,
        high=close + 0.002,
        low=close - 0.002,
        close=close,
        volume=at.astype(np.float64),
        spread=np.full(len(at), 0.0001),
        **(dict.fromkeys(asks, close + 0.0001) if has_ask else {}),
    )


@pytest.fixture(scope="module")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, Bars]:
    catalogue, bars = Catalogue(tmp_path_factory.mktemp("two-years")), minutes(0, 900_000)
    catalogue.merge(bars, provenance("aa"))
    return catalogue, bars


class Counted(pq.ParquetFile):
    """Counts the row groups and the columns that are read."""

    reads: list[tuple[int, tuple[str, ...]]]

    def read_row_group(self, i, columns=None, **options):
        self.reads.append((i, tuple(columns)))
        return super().read_row_group(i, columns=columns, **options)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[str, ...]]]:
    monkeypatch.setattr(Counted, "reads", [], raising=False)
    monkeypatch.setattr("assay.data.parts.pq.ParquetFile", Counted)
    return Counted.reads


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(-10, 910_000), length=st.integers(0, 200_000), names=st.booleans())
@example(start=65_535, length=1, names=False)
@example(start=65_535, length=2, names=True)
@example(start=65_536, length=65_536, names=False)
def test_a_window_of_many_row_groups_is_half_open(
    two_years: tuple[Catalogue, Bars], start: int, length: int, names: bool
) -> None:
    catalogue, bars = two_years
    low, high = (DAY_2020 + at * NS_PER_MINUTE for at in (start, start + length))
    chosen = (bars.time_ns >= low) & (bars.time_ns < high)
    if names:
        back = catalogue.read_columns("EURUSD", Timeframe.M1, ["volume"], low, high)
        assert list(back) == ["time_ns", "volume"]
        assert back["volume"].tobytes() == bars.volume[chosen].tobytes()
        assert back["time_ns"].tobytes() == bars.time_ns[chosen].tobytes()
        return
    back = catalogue.read_bars("EURUSD", Timeframe.M1, low, high)
    assert back.volume.tobytes() == bars.volume[chosen].tobytes()
    assert all(
        getattr(back, name).flags.writeable and getattr(back, name).flags.c_contiguous
        for name in ("time_ns", "open", "volume")
    )


def test_a_day_reads_one_row_group_and_a_column_alone(
    two_years: tuple[Catalogue, Bars], reads: list[tuple[int, tuple[str, ...]]]
) -> None:
    catalogue, _ = two_years
    middle = DAY_2020 + 200_000 * NS_PER_MINUTE
    catalogue.read_columns("EURUSD", Timeframe.M1, ["close"], middle, middle + NS_PER_DAY)
    assert reads == [(3, ("time", "close"))]


def test_a_scan_yields_every_bar_once_a_year_at_a_time(
    two_years: tuple[Catalogue, Bars],
) -> None:
    catalogue, bars = two_years
    parts = list(catalogue.scan_bars("EURUSD", Timeframe.M1))
    assert [len(part) for part in parts] == [366 * 1_440, 900_000 - 366 * 1_440]
    assert np.concatenate([part.close for part in parts]).tobytes() == bars.close.tobytes()
    low, high = DAY_2020 + 7 * NS_PER_DAY, DAY_2020 + 9 * NS_PER_DAY
    (part,) = catalogue.scan_bars("EURUSD", Timeframe.M1, low, high)
    assert len(part) == 2 * 1_440


def test_an_unknown_column_or_series_is_refused(two_years: tuple[Catalogue, Bars]) -> None:
    catalogue, _ = two_years
    with pytest.raises(DataError, match="Columns of EURUSD"):
        catalogue.read_columns("EURUSD", Timeframe.M1, ["clsoe"])
    with pytest.raises(DataError, match="the nearest"):
        next(iter(catalogue.scan_ticks("EURUSD")))


def test_columns_of_the_ask_side_are_empty_where_a_part_has_none(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(minutes(0, 10, has_ask=True), provenance("aa"))
    catalogue.merge(minutes(366 * 1_440, 366 * 1_440 + 10), provenance("bb"))
    back = catalogue.read_columns("EURUSD", Timeframe.M1, ["ask_close"])
    assert np.isnan(back["ask_close"]).tolist() == [False] * 10 + [True] * 10


def test_a_scan_never_mixes_two_states(tmp_path: Path) -> None:
    catalogue, year = Catalogue(tmp_path), 366 * 1_440
    catalogue.merge(minutes(year - 10, year + 10), provenance("aa"))
    scan = catalogue.scan_bars("EURUSD", Timeframe.M1)
    assert len(next(scan)) == 10
    for state in range(2):  # the first keeps what it replaced; the second sweeps it
        bars = minutes(year - 10, year + 10, level=1.2 + state / 100)
        catalogue.merge(bars, provenance(f"{state}"))
    with pytest.raises(DataError, match="must stay as it is"):
        next(scan)


def test_a_further_day_rewrites_one_part(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(minutes(0, 900_000), provenance("aa"))
    before = {path.name for path in (tmp_path / "EURUSD" / "M1").glob("*.parquet")}
    catalogue.merge(minutes(900_000, 901_440), provenance("bb"))
    after = {path.name for path in (tmp_path / "EURUSD" / "M1").glob("*.parquet")}
    assert len(after - before) == 1


def test_stored_quarantines_are_listed_by_source_and_reason(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    rows = [
        QuarantinedRow(line=7, reason=Reason.NUMBER, text='a,"b'),
        QuarantinedRow(line=9, reason=Reason.NUMBER, text=""),
        QuarantinedRow(line=8, reason=Reason.TIME, text="x\u4e2d"),
    ]
    catalogue.merge(minutes(0, 10), provenance("aa"), Quarantine.of(rows))
    catalogue.merge(minutes(10, 20), provenance("bb"))

    (stored,) = catalogue.quarantined("EURUSD", Timeframe.M1)

    assert (stored.source, stored.rows) == ("x.csv", 3)
    assert stored.reasons == {"not a number": 2, "not a time": 1}
    assert stored.listed() == tuple(sorted(rows, key=lambda row: row.line))
    stored.path.unlink()
    with pytest.raises(DataError, match=r"Import x\.csv again"):
        stored.listed()


@pytest.mark.parametrize("days", [3, 300])
def test_points_for_prices_are_refused_beside_the_nearest_part_too(
    tmp_path: Path, days: int
) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(minutes(0, 1_440), provenance("aa"))
    ticks = killing.ticks_of(0, 1_440)
    catalogue.merge(ticks, provenance("aa"))
    later = replace(
        ticks, time_ns=ticks.time_ns + days * NS_PER_DAY, bid=ticks.bid * 1e5, ask=ticks.ask * 1e5
    )
    if days < 40:
        with pytest.raises(DataError, match="stored level"):
            catalogue.merge(later, provenance("bb"))
    else:
        catalogue.merge(later, provenance("bb"))  # a market may have moved, in a year


def test_a_market_that_grew_tenfold_in_a_year_is_no_other_unit(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    year = 365 * 1_440
    grown = minutes(0, year)
    factor = np.geomspace(1.0, 10.0, year)
    grown = replace(
        grown, **{k: getattr(grown, k) * factor for k in ("open", "high", "low", "close")}
    )
    catalogue.merge(grown.between(0, 300 * 1_440), provenance("aa"))
    catalogue.merge(grown.between(300 * 1_440, year), provenance("bb"))
    assert len(catalogue.read_bars("EURUSD", Timeframe.M1)) == year


@pytest.mark.parametrize("start", [70_000, 85_000, 100_000])
def test_ticks_of_the_first_layout_are_read_and_cut_by_week_at_the_next_merge(
    tmp_path: Path, start: int
) -> None:
    earlier, fresh = Catalogue(tmp_path / "earlier"), Catalogue(tmp_path / "fresh")
    killing.store_of_layout_1(earlier.root)
    ticks = killing.ticks_of(80_000, 90_000)
    back = earlier.read_ticks("EURUSD")
    assert back.time_ns.tobytes() == ticks.time_ns.tobytes()
    assert back.ask.tobytes() == ticks.ask.tobytes()
    earlier.verify("EURUSD", None)

    more = killing.ticks_of(start, start + 8_000)
    report = earlier.merge(more, provenance("bb"))
    fresh.merge(ticks, provenance("aa"))
    expected = fresh.merge(more, provenance("bb"))

    assert report == replace(expected, is_changed=True)
    assert earlier.entry("EURUSD", None) == fresh.entry("EURUSD", None)
    earlier.verify("EURUSD", None)


@settings(deadline=None, max_examples=200)
@given(time_ns=st.integers(0, 4_102_444_800 * 10**9))
def test_a_period_is_named_by_its_first_day(time_ns: int) -> None:
    for period in Period:
        number = int(period.numbers(np.array([time_ns]))[0])
        starts = [
            int(np.datetime64(period.name_of(n), "ns").astype(np.int64))
            for n in (number, number + 1)
        ]
        assert starts[0] <= time_ns < starts[1]
        assert period.is_name(period.name_of(number))
    weekday = (starts[0] // NS_PER_DAY + 4) % 7
    assert weekday == 6, "weeks begin on Saturday, when no market trades"


WAITING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_catalogue_kill as killing
from assay.data.catalogue import Catalogue
catalogue = Catalogue(Path(sys.argv[1]), lock_wait_s_max=float(sys.argv[3]))
catalogue.merge(killing.bars_of(0, 50, 1.1), killing.provenance("zz"))
"""


@pytest.mark.parametrize("wait_s", [0.1, 60.0])
def test_a_second_writing_process_waits_and_then_says_why(tmp_path: Path, wait_s: float) -> None:
    command = [
        sys.executable,
        "-c",
        WAITING,
        str(tmp_path),
        str(Path(__file__).parent),
        str(wait_s),
    ]
    with single_writer(tmp_path / "catalogue.lock", wait_s_max=1.0):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        if wait_s < 1.0:
            _, said = process.communicate(timeout=60)
            assert "another process has been writing" in said
            assert process.returncode != 0
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2.0)
        assert Catalogue(tmp_path).list() == ()  # a reader does not wait
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert Catalogue(tmp_path).entry("EURUSD", Timeframe.H1).rows == 50


def test_many_parts_are_read_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.data.parts.OPEN_MAX", 3)
    weeks = np.arange(11) * 7 * NS_PER_DAY + DAY_2020
    ticks = Ticks(symbol="EURUSD", time_ns=weeks, bid=np.ones(11), ask=np.ones(11))
    catalogue = Catalogue(tmp_path)
    catalogue.merge(ticks, provenance("aa"))
    assert catalogue.read_ticks("EURUSD").time_ns.tolist() == weeks.tolist()
    back = catalogue.read_ticks("EURUSD", int(weeks[1]) + 1, int(weeks[8]))
    assert back.time_ns.tolist() == weeks[2:8].tolist()
