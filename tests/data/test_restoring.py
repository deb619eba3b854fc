"""Rows go into quarantine and come back, and nothing else changes."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.importers import import_file
from assay.data.importers.sides import rows_of
from assay.data.provenance import Provenance
from assay.data.quality import check_bars
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.data.restoring import restore, take_flagged
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

EURO = load_instrument("EURUSD")
H1 = Timeframe.H1


@pytest.fixture(scope="module")
def clean() -> Bars:
    return simulate(SimulatedMarket(seed=12, n_bars=12_000), EURO)


@pytest.fixture(scope="module")
def spiky(clean: Bars) -> Bars:
    chosen = np.zeros(len(clean), dtype=bool)
    chosen[np.random.default_rng(2).choice(np.arange(500, 11_500), 9, replace=False)] = True
    leap = np.where(chosen, 1.06, 1.0)
    return replace(
        clean, close=np.round(clean.close * leap, 5), high=np.round(clean.high * leap, 5),
        ask_close=np.round(clean.ask_close * leap, 5), ask_high=np.round(clean.ask_high * leap, 5),
    )  # fmt: skip


def provenance(name: str = "a") -> Provenance:
    return Provenance(
        source=name, sha256=name * 30, importer="test", timezone="UTC",
        rows_in=1, rows_kept=1, rows_quarantined=0, imported_ns=1,
    )  # fmt: skip


def test_flagged_rows_leave_and_come_back_to_the_bit(spiky: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    before = catalogue.merge(spiky, provenance())
    check = check_bars(spiky, EURO.sessions, digits=5).check("spikes")
    assert check.rows >= 9
    taken = take_flagged(catalogue, "EURUSD", H1, check, 5)

    assert taken.rows_replaced == check.rows
    assert taken.rows_total == len(spiky) - check.rows
    left = catalogue.read_bars("EURUSD", H1)
    assert not np.isin(left.time_ns, check.times_ns).any()
    catalogue.verify("EURUSD", H1)

    (stored,) = catalogue.quarantined("EURUSD", H1)
    assert stored.rows == check.rows
    back = restore(catalogue, "EURUSD", H1, stored, lines=None, now_ns=6)
    assert back.rows_added == check.rows
    assert back.content_hash == before.content_hash
    assert catalogue.quarantined("EURUSD", H1) == ()
    importers = [item.importer for item in catalogue.entry("EURUSD", H1).provenance]
    assert importers == ["test", "quarantined", "restored"]


@pytest.mark.parametrize("name", ["missing_bars", "split_point"])
def test_what_is_no_row_cannot_be_taken_out(clean: Bars, tmp_path: Path, name: str) -> None:
    catalogue = Catalogue(tmp_path)
    lowest = np.where(np.arange(len(clean)) < 6_000, 5, 4)
    prices = ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close")
    coarse = {
        field: np.where(lowest == 5, column, np.round(column, 4))
        for field in prices
        if (column := getattr(clean, field)) is not None
    }
    bars = replace(clean, **coarse)
    gone = np.ones(len(bars), dtype=bool)
    gone[3_000:3_004] = False
    bars = rows_of(bars, gone)
    before = catalogue.merge(bars, provenance())
    check = check_bars(bars, EURO.sessions).check(name)
    assert check.rows > 0

    with pytest.raises(DataError, match="must flag stored rows"):
        take_flagged(catalogue, "EURUSD", H1, check, 5)
    assert catalogue.entry("EURUSD", H1).content_hash == before.content_hash
    assert catalogue.quarantined("EURUSD", H1) == ()


def test_many_rows_come_back_in_time_linear_in_their_number(clean: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    before = catalogue.merge(clean, provenance())
    check = replace(
        check_bars(clean, EURO.sessions).check("spikes"),
        rows=9_000,
        times_ns=tuple(clean.time_ns[:9_000].tolist()),
    )
    take_flagged(catalogue, "EURUSD", H1, check, 5)
    (stored,) = catalogue.quarantined("EURUSD", H1)
    started = time.process_time()
    back = restore(catalogue, "EURUSD", H1, stored, lines=None, now_ns=6)

    assert back.content_hash == before.content_hash
    assert time.process_time() - started < 3.0  # 10 s and more where every row meets every other


def test_chosen_lines_come_back_and_the_others_stay(spiky: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(spiky, provenance())
    check = check_bars(spiky, EURO.sessions, digits=5).check("spikes")
    take_flagged(catalogue, "EURUSD", H1, check, 5)
    (stored,) = catalogue.quarantined("EURUSD", H1)
    report = restore(catalogue, "EURUSD", H1, stored, lines={1, 3}, now_ns=6)

    assert report.rows_added == 2
    (rest,) = catalogue.quarantined("EURUSD", H1)
    assert rest.rows == check.rows - 2
    assert [row.line for row in rest.listed()][:2] == [2, 4]
    catalogue.merge(spiky.between(0, 10), provenance("b"))  # sweeps what nothing names
    assert rest.listed() == catalogue.quarantined("EURUSD", H1)[0].listed()


def test_a_row_refused_at_the_import_for_its_neighbours_can_be_restored(
    clean: Bars, tmp_path: Path
) -> None:
    part = clean.between(0, 2_000)
    path = tmp_path / "EURUSD_H1.csv"
    times = part.time_ns.view("datetime64[ns]").astype("datetime64[s]").astype(str)
    lines = [
        f"{t.replace('T', ' ')},{o:.5f},{h:.5f},{low:.5f},{c:.5f},7"
        for t, o, h, low, c in zip(times, part.open, part.high, part.low, part.close, strict=True)
    ]
    lines[700] = f"{times[700].replace('T', ' ')},1.0,9.9,1.0,9.9,7"
    path.write_text("Gmt time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    imported = import_file(path)
    assert imported.quarantine.counts == {Reason.JUMP: 1}
    catalogue = Catalogue(tmp_path / "data")
    catalogue.merge(imported.series, imported.provenance(1), imported.quarantine)
    (stored,) = catalogue.quarantined("EURUSD", H1)
    (row,) = stored.listed()

    assert row.line == 702
    assert row.time_ns == part.time_ns[700]
    restore(catalogue, "EURUSD", H1, stored, lines={702}, now_ns=3)
    at = int(part.time_ns[700])
    assert catalogue.read_bars("EURUSD", H1, at, at + 1).high[0] == 9.9


def test_what_could_not_be_read_is_not_restored(clean: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    bad = [
        QuarantinedRow(line=3, reason=Reason.NUMBER, text="x"),
        QuarantinedRow(
            line=5, reason=Reason.FLAGGED, text="y", time_ns=int(clean.time_ns[3]),
            values={"open": 1.0, "high": 0.5, "low": 0.9, "close": 1.0},
        ),
    ]  # fmt: skip
    catalogue.merge(clean, provenance(), Quarantine.of(bad))
    (stored,) = catalogue.quarantined("EURUSD", H1)
    for lines, says in (({3}, "could not be read: not a number"), ({4}, "is not listed"),
                        ({5}, "must be a valid row")):  # fmt: skip
        with pytest.raises(DataError, match=says):
            restore(catalogue, "EURUSD", H1, stored, lines=lines, now_ns=3)
    assert catalogue.quarantined("EURUSD", H1) == (stored,)


def test_not_every_row_can_be_taken_and_nothing_changes(clean: Bars, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    before = catalogue.merge(clean.between(0, 50), provenance())
    check = check_bars(clean, EURO.sessions, digits=5).check("spikes")
    everything = replace(check, rows=50, times_ns=tuple(clean.time_ns[:50].tolist()))
    with pytest.raises(DataError, match="keep at least one row"):
        take_flagged(catalogue, "EURUSD", H1, everything, 5)
    with pytest.raises(DataError, match="lists 2 of 50"):
        take_flagged(catalogue, "EURUSD", H1,
                     replace(everything, times_ns=everything.times_ns[:2]), 5)  # fmt: skip
    with pytest.raises(DataError, match="found none"):
        take_flagged(catalogue, "EURUSD", H1, replace(check, rows=0, times_ns=()), 5)
    assert catalogue.entry("EURUSD", H1).content_hash == before.content_hash


def test_ticks_go_and_come_back_too(tmp_path: Path) -> None:
    time_ns = np.int64(1_400_000_000_000_000_000) + np.arange(500, dtype=np.int64) * 10**9
    ticks = Ticks(symbol="EURUSD", time_ns=time_ns, bid=np.full(500, 1.1), ask=np.full(500, 1.2))
    catalogue = Catalogue(tmp_path)
    before = catalogue.merge(ticks, provenance())
    bars = simulate(SimulatedMarket(seed=1, n_bars=2_000), EURO)
    check = replace(
        check_bars(bars, EURO.sessions).check("spikes"),
        rows=3,
        times_ns=tuple(time_ns[5:8].tolist()),
    )
    take_flagged(catalogue, "EURUSD", None, check, 5)
    assert len(catalogue.read_ticks("EURUSD")) == 497
    (stored,) = catalogue.quarantined("EURUSD", None)
    after = restore(catalogue, "EURUSD", None, stored, lines=None, now_ns=6)
    assert after.content_hash == before.content_hash
