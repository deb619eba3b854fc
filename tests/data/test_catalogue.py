"""The catalogue returns what was merged, bit for bit, and survives whatever interrupts it."""

import errno
import threading
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from ending_disks import Failing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.lock import single_writer
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

DAY_2020 = 1_577_836_800 * 10**9
WEIRD = st.floats(width=64, allow_nan=True, allow_infinity=False)


def provenance(sha: str = "aa", imported_ns: int = 1) -> Provenance:
    return Provenance(
        source="x.csv",
        sha256=sha,
        importer="csv_bars",
        timezone="UTC",
        rows_in=3,
        rows_kept=3,
        rows_quarantined=0,
        imported_ns=imported_ns,
    )


def make_bars(hours: np.ndarray, level: float = 1.1, *, has_ask: bool = False) -> Bars:
    hours = np.asarray(hours, dtype=np.int64)
    close = level + 0.001 * np.sin(hours.astype(np.float64))
    high, low = close + 0.002, close - 0.002
    ask = (
        {
            f"ask_{k}": v + 0.0001
            for k, v in zip(
                ("open", "high", "low", "close"), (close, high, low, close), strict=True
            )
        }
        if has_ask
        else {}
    )
    return Bars(
        symbol="EURUSD",
        timeframe=Timeframe.H1,
        time_ns=DAY_2020 + hours * NS_PER_HOUR,
        open=close.copy(),
        high=high,
        low=low,
        close=close,
        volume=np.arange(len(hours), dtype=np.float64),
        spread=np.full(len(hours), 0.0001) if has_ask else np.full(len(hours), np.nan),
        **ask,
    )


def assert_identical(first: Bars | Ticks, second: Bars | Ticks) -> None:
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes(), field.name
        else:
            assert a == b or (a is None and b is None), field.name


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    hours = sorted(draw(st.sets(st.integers(0, 20_000), min_size=1, max_size=30)))
    n = len(hours)
    column = hnp.arrays(np.float64, n, elements=st.floats(0.5, 2.0))
    loose = hnp.arrays(np.float64, n, elements=WEIRD)
    ask = draw(st.booleans())
    values = {name: draw(column) for name in ("open", "high", "low", "close")}
    values |= {name: draw(loose) for name in ("volume", "spread")}
    if ask:
        values |= {f"ask_{name}": draw(column) for name in ("open", "high", "low", "close")}
    return Bars(
        symbol="EURUSD",
        timeframe=Timeframe.H1,
        time_ns=DAY_2020 + np.array(hours, dtype=np.int64) * NS_PER_HOUR,
        **values,
    )


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(bars=any_bars())
def test_bars_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, bars: Bars) -> None:
    catalogue = Catalogue(tmp_path_factory.mktemp("catalogue"))
    catalogue.merge(bars, provenance())
    back = catalogue.read_bars("EURUSD", Timeframe.H1)
    assert_identical(bars, back)
    assert all(
        array.flags.writeable and array.flags.c_contiguous
        for array in (back.time_ns, back.open, back.volume)
    )
    catalogue.verify("EURUSD", Timeframe.H1)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_ticks_of_one_instant_keep_their_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, 40))
    time_ns = (
        np.sort(data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 12)))) * NS_PER_DAY * 20
        + DAY_2020
    )
    bid = data.draw(hnp.arrays(np.float64, n, elements=st.floats(1.0, 1.2)))
    ticks = Ticks(symbol="EURUSD", time_ns=time_ns, bid=bid, ask=bid + 0.0001)
    catalogue = Catalogue(tmp_path_factory.mktemp("catalogue"))
    catalogue.merge(ticks, provenance())
    again = catalogue.merge(ticks, provenance("bb"))
    assert not again.is_changed
    assert (again.rows_added, again.rows_replaced) == (0, 0)
    assert_identical(ticks, catalogue.read_ticks("EURUSD"))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(first=any_bars(), second=any_bars())
def test_a_merge_equals_a_dictionary_in_which_the_newest_import_wins(
    tmp_path_factory: pytest.TempPathFactory, first: Bars, second: Bars
) -> None:
    catalogue = Catalogue(tmp_path_factory.mktemp("catalogue"))
    catalogue.merge(first, provenance())
    report = catalogue.merge(second, provenance("bb"))
    truth = dict(zip(first.time_ns.tolist(), first.close.tolist(), strict=True))
    shared = set(truth) & set(second.time_ns.tolist())
    truth |= dict(zip(second.time_ns.tolist(), second.close.tolist(), strict=True))
    back = catalogue.read_bars("EURUSD", Timeframe.H1)
    assert dict(zip(back.time_ns.tolist(), back.close.tolist(), strict=True)) == truth
    assert list(truth) and back.time_ns.tolist() == sorted(truth)
    assert report.rows_added + report.rows_replaced + report.rows_unchanged == len(second)
    assert report.rows_replaced + report.rows_unchanged == len(shared)
    assert report.rows_total == len(truth)


def test_the_same_rows_twice_change_nothing_on_disk(tmp_path: Path) -> None:
    catalogue, bars = Catalogue(tmp_path), make_bars(np.arange(20_000))
    catalogue.merge(bars, provenance())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    report = catalogue.merge(bars, provenance(imported_ns=2))
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert not report.is_changed
    assert before == after


def test_the_content_hash_depends_on_rows_and_not_on_how_they_arrived(tmp_path: Path) -> None:
    bars = make_bars(np.arange(20_000), has_ask=True)
    whole, pieces = Catalogue(tmp_path / "whole"), Catalogue(tmp_path / "pieces")
    whole.merge(bars, provenance())
    for start, stop in ((15_000, 20_000), (0, 9_000), (8_000, 16_000)):
        pieces.merge(bars.between(start, stop), provenance(str(start)))
    hashes = {c.entry("EURUSD", Timeframe.H1).content_hash for c in (whole, pieces)}
    assert len(hashes) == 1
    assert len(pieces.entry("EURUSD", Timeframe.H1).provenance) == 3
    altered = replace(bars, volume=bars.volume + 1.0)
    assert pieces.merge(altered, provenance("z")).content_hash not in hashes


def test_conflicting_rows_are_replaced_and_counted(tmp_path: Path) -> None:
    catalogue, bars = Catalogue(tmp_path), make_bars(np.arange(10))
    catalogue.merge(bars, provenance())
    close = bars.close.copy()
    close[[2, 5]] += 1e-5
    report = catalogue.merge(replace(bars, close=close), provenance("bb"))
    assert (report.rows_added, report.rows_replaced, report.rows_unchanged) == (0, 2, 8)
    assert catalogue.read_bars("EURUSD", Timeframe.H1).close.tobytes() == close.tobytes()


def test_ask_prices_come_back_only_where_every_bar_has_them(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(make_bars(np.arange(10), has_ask=True), provenance())
    catalogue.merge(make_bars(np.arange(10, 20)), provenance("bb"))
    assert not catalogue.read_bars("EURUSD", Timeframe.H1).has_ask
    assert np.isfinite(catalogue.read_bars("EURUSD", Timeframe.H1).spread[:10]).all()
    early = catalogue.read_bars("EURUSD", Timeframe.H1, stop_ns=DAY_2020 + 10 * NS_PER_HOUR)
    assert early.has_ask
    assert len(early) == 10


@settings(deadline=None, max_examples=30)
@given(start=st.integers(-5, 30), stop=st.integers(-5, 30))
def test_a_window_is_half_open(
    tmp_path_factory: pytest.TempPathFactory, start: int, stop: int
) -> None:
    catalogue = Catalogue(tmp_path_factory.mktemp("catalogue"))
    bars = make_bars(np.arange(24))
    catalogue.merge(bars, provenance())
    low, high = DAY_2020 + start * NS_PER_HOUR, DAY_2020 + stop * NS_PER_HOUR
    back = catalogue.read_bars("EURUSD", Timeframe.H1, low, high)
    chosen = (bars.time_ns >= low) & (bars.time_ns < high)
    assert back.time_ns.tolist() == bars.time_ns[chosen].tolist()


def test_an_unknown_series_is_refused_with_the_nearest_and_what_exists(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    with pytest.raises(DataError, match="assay data import"):
        catalogue.read_bars("EURUSD", Timeframe.H1)
    catalogue.merge(make_bars(np.arange(3)), provenance())
    for symbol in ("EURUS", "eurusd", "../EURUSD", ""):
        with pytest.raises(DataError, match="EURUSD H1") as caught:
            catalogue.read_bars(symbol, Timeframe.H1)
        assert caught.value.facts["stored"] == ["EURUSD H1"]
    with pytest.raises(DataError, match="EURUSD TICKS"):
        catalogue.read_ticks("EURUSD")


def test_reading_creates_nothing(tmp_path: Path) -> None:
    assert Catalogue(tmp_path / "absent").list() == ()
    assert not (tmp_path / "absent").exists()


def test_prices_of_another_scale_are_refused(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(make_bars(np.arange(10)), provenance())
    with pytest.raises(DataError, match="stored level"):
        catalogue.merge(make_bars(np.arange(5, 15), level=110_000.0), provenance("bb"))
    assert len(catalogue.read_bars("EURUSD", Timeframe.H1)) == 10


@pytest.mark.parametrize("symbol", ["", "../x", "a/b", "CON", "com1.x", "x" * 65, ".hidden", "ä"])
def test_a_symbol_that_cannot_name_a_folder_is_refused(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(DataError, match="symbol must"):
        Catalogue(tmp_path).merge(replace(make_bars(np.arange(3)), symbol=symbol), provenance())
    assert list(tmp_path.iterdir()) == []


def test_unsorted_or_empty_bars_are_refused(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    with pytest.raises(DataError, match="sorted"):
        catalogue.merge(make_bars(np.array([3, 2])), provenance())
    with pytest.raises(DataError, match="rows to store"):
        catalogue.merge(make_bars(np.array([])), provenance())


def test_quarantined_rows_are_stored_beside_the_series(tmp_path: Path) -> None:
    row = QuarantinedRow(line=7, reason=Reason.NUMBER, text='a,"b')
    Catalogue(tmp_path).merge(make_bars(np.arange(3)), provenance(), Quarantine.of([row]))
    (path,) = (tmp_path / "EURUSD" / "H1").glob("quarantine-*.csv")
    assert path.read_text() == 'line,reason,text,time_ns,values\n7,not a number,"a,""b",,\n'


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_manifest_or_part_is_named_with_a_remedy(tmp_path: Path, damage: str) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(make_bars(np.arange(3_000)), provenance())
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("*.parquet")]:
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(
            {
                "truncate": whole[:middle],
                "empty": b"",
                "flip": whole[:middle] + bytes([whole[middle] ^ 0x15]) + whole[middle + 1 :],
            }[damage]
        )
        with pytest.raises(DataError, match="import its sources again"):
            catalogue.verify("EURUSD", Timeframe.H1)
        path.write_bytes(whole)
    catalogue.verify("EURUSD", Timeframe.H1)


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fault", [FULL, KeyboardInterrupt(), OSError(errno.EROFS, "Read-only")])
def test_a_fault_at_any_write_leaves_the_old_rows_or_the_merged_ones(
    tmp_path: Path, fault: BaseException
) -> None:
    old, more = make_bars(np.arange(9_000)), make_bars(np.arange(8_000, 12_000), level=1.1001)
    row = Quarantine.of([QuarantinedRow(line=7, reason=Reason.NUMBER, text="x")])
    for fail_at in range(1, 200):
        root = tmp_path / str(fail_at)
        Catalogue(root).merge(old, provenance())
        disk = Failing(fail_at, fault)
        expected = DataError if isinstance(fault, OSError) else KeyboardInterrupt
        try:
            Catalogue(root, disk=disk).merge(more, provenance("bb"), row)
        except expected as error:
            if isinstance(error, DataError):
                assert "run the command again" in error.remedy
        else:
            assert disk.calls < fail_at, "a fault was swallowed"
            break
        rows = len(Catalogue(root).read_bars("EURUSD", Timeframe.H1))
        assert rows in (9_000, 12_000)
        Catalogue(root).verify("EURUSD", Timeframe.H1)
        Catalogue(root).merge(more, provenance("bb"), row)
        assert len(Catalogue(root).read_bars("EURUSD", Timeframe.H1)) == 12_000
        Catalogue(root).merge(make_bars(np.array([12_001])), provenance("cc"))
        entry = Catalogue(root).entry("EURUSD", Timeframe.H1)
        names = sorted(path.name for path in (root / "EURUSD" / "H1").iterdir())
        assert not [name for name in names if name.endswith(".partial")]
        assert entry.rows == 12_001
    else:
        pytest.fail("the merge has more than 200 writes")


def test_readers_beside_a_writer_see_whole_states_only(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    n_states = 12
    level = [1.1 + 1e-4 * state for state in range(n_states)]
    catalogue.merge(make_bars(np.arange(9_000), level=level[0]), provenance())
    whole = {make_bars(np.arange(9_000), level=at).close.tobytes() for at in level}
    seen: list[bool] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            bars = Catalogue(tmp_path).read_bars("EURUSD", Timeframe.H1)
            seen.append(bars.close.tobytes() in whole)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for state in range(1, n_states):
        catalogue.merge(make_bars(np.arange(9_000), level=level[state]), provenance(str(state)))
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert all(seen)


def test_a_second_writer_waits_no_longer_than_it_is_told(tmp_path: Path) -> None:
    with (
        single_writer(tmp_path / "catalogue.lock", wait_s_max=1.0),
        pytest.raises(DataError, match="another process"),
    ):
        Catalogue(tmp_path, lock_wait_s_max=0.05).merge(make_bars(np.arange(3)), provenance())
    Catalogue(tmp_path, lock_wait_s_max=0.05).merge(make_bars(np.arange(3)), provenance())


def test_the_list_tells_what_is_stored(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    bars = make_bars(np.arange(10), has_ask=True)
    catalogue.merge(bars, provenance())
    catalogue.merge(
        Ticks(symbol="EURUSD", time_ns=bars.time_ns, bid=bars.close, ask=bars.close), provenance()
    )
    ticks, entry = catalogue.list()
    assert (ticks.series, entry.series) == ("TICKS", "H1")
    assert (entry.rows, entry.has_ask) == (10, True)
    assert (entry.first_ns, entry.last_ns) == (DAY_2020, DAY_2020 + 9 * NS_PER_HOUR)
    assert entry.provenance == (provenance(),)
    assert entry.as_json()["first"] == "2020-01-01T00:00:00Z"
