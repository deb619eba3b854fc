"""Dispatch to readers: bytes before names, symbols found where they are, pauses left out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from archive_encoders import NS, bi5_path, bi5_ticks, hst, lean_bar_lines, placed, zipped

from assay.data.bars import Bars, Ticks
from assay.data.importers import Format, import_file, recognise
from assay.data.importers.readers import READERS, TextReader
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
Save = Callable[..., Path]
Write = Callable[..., str]


def test_every_format_belongs_to_one_reader() -> None:
    claimed = Counter(member for reader in READERS for member in reader.formats)
    assert claimed == Counter(Format)
    assert isinstance(READERS[-1], TextReader)  # it takes whatever no other knows


def test_bytes_tell_the_format_and_names_do_not(
    make_bars: Make, make_ticks: Callable[..., Ticks], write_csv: Write, tmp_path: Path
) -> None:
    bars = make_bars(9)
    table = pl.DataFrame({"time": bars.time_ns, **{p: getattr(bars, p) for p in PARTS}})
    table.write_parquet(tmp_path / "a.csv")
    (tmp_path / "b.parquet").write_text(write_csv(bars))
    (tmp_path / "c.txt").write_bytes(hst(bars))
    asks = {f"ask_{part}": getattr(bars, part) + 1e-4 for part in PARTS}
    lines = lean_bar_lines(replace(bars, **asks), day_ns=None)
    (tmp_path / "d.bin").write_bytes(zipped(lines, "eurusd.csv"))
    found = [recognise(tmp_path / name).format for name in ("a.csv", "b.parquet", "c.txt", "d.bin")]
    assert found == [Format.PARQUET_BARS, Format.CSV_BARS, Format.HST_BARS, Format.LEAN_BARS]


PARTS = ("open", "high", "low", "close")


@pytest.mark.parametrize(
    "name", ["EURUSD.csv", "eur_usd/2019.csv", "DAT_ASCII_EURUSD_M1_2019.csv", "EURUSD/h1/all.csv"]
)
def test_the_name_of_the_file_or_its_folders_tells_the_symbol(
    make_bars: Make, write_csv: Write, tmp_path: Path, name: str
) -> None:
    path = placed(tmp_path, name, write_csv(make_bars(9)).encode())
    assert import_file(path).series.symbol == "EURUSD"


def test_a_symbol_column_tells_the_symbol(make_bars: Make, write_csv: Write, save: Save) -> None:
    lines = write_csv(make_bars(9)).splitlines()
    rows = [f"EURUSD,{line}" for line in lines[1:]]
    path = save("\n".join([f"symbol,{lines[0]}", *rows]), "quotes.csv")
    assert import_file(path).series.symbol == "EURUSD"
    rows[7] = rows[7].replace("EURUSD", "GBPUSD")
    path = save("\n".join([f"symbol,{lines[0]}", *rows]), "quotes.csv")
    with pytest.raises(DataError, match="line 9 is of 'GBPUSD'"):
        import_file(path)


def test_a_file_that_names_no_symbol_asks_for_it(
    make_bars: Make, write_csv: Write, save: Save
) -> None:
    path = save(write_csv(make_bars(9)), "quotes.csv")
    with pytest.raises(DataError, match="what its rows are quotes of") as caught:
        import_file(path)
    assert "--symbol" in caught.value.remedy
    assert import_file(path, symbol="EURUSD").series.symbol == "EURUSD"


def test_an_empty_table_stays_an_error(save: Save) -> None:
    for name in ("EURUSD.csv", "EURUSD.zip", "EURUSD60.hst"):
        with pytest.raises(DataError, match="empty"):
            import_file(save(b"", name))


def test_a_format_told_is_held_to(make_bars: Make, write_csv: Write, tmp_path: Path) -> None:
    text = placed(tmp_path, "EURUSD.csv", write_csv(make_bars(9)).encode())
    with pytest.raises(DataError, match="must be bi5_ticks; was something else"):
        import_file(text, format="bi5_ticks")
    at = 1_549_238_400 * NS
    archive = bi5_path(tmp_path, "EURUSD", at, "00h_ticks.bi5")
    ticks = Ticks(symbol="EURUSD", time_ns=np.array([at]), bid=np.array([1.1]), ask=np.array([1.2]))
    archive.write_bytes(bi5_ticks(ticks, at))
    with pytest.raises(DataError, match="binary"):
        import_file(archive, format="csv_bars")


def test_bars_that_fill_a_pause_go_to_quarantine_by_line(
    make_bars: Make, write_csv: Write, save: Save
) -> None:
    bars = make_bars(4)
    lines = write_csv(bars).splitlines()
    last = lines[-1].split(",")[4]
    times = bars.time_ns[-1] + np.arange(1, 6) * 3_600 * NS
    stamps = pl.Series(times).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%d %H:%M:%S")
    filled = [f"{stamp},{last},{last},{last},{last},0" for stamp in stamps]
    imported = import_file(save("\n".join([*lines, *filled]), "EURUSD.csv"), timezone="UTC")
    assert imported.quarantine.counts == {Reason.PADDED: 5}
    assert imported.quarantine.rows[0].line == len(lines) + 1
    assert imported.quarantine.rows[0].text == filled[0]
    np.testing.assert_array_equal(imported.series.time_ns, bars.time_ns)


def test_a_source_without_volumes_has_no_padding(
    make_bars: Make, write_csv: Write, save: Save
) -> None:
    bars = make_bars(4)
    quiet = replace(bars, **{part: np.full(len(bars), 1.1) for part in PARTS})
    text = write_csv(replace(quiet, volume=np.zeros(len(bars))))
    imported = import_file(save(text, "EURUSD.csv"), timezone="UTC")
    assert imported.rows_kept == len(bars)
    assert imported.recognised.timeframe is Timeframe.H1


@pytest.mark.parametrize(("name", "side"), [("EURUSD_ASK.csv", "ask"), ("EURUSD.csv", "bid")])
def test_the_side_of_one_sided_bars_is_told(
    make_bars: Make, write_csv: Write, save: Save, name: str, side: str
) -> None:
    imported = import_file(save(write_csv(make_bars(9)), name))
    assert imported.side == imported.as_json()["side"] == side


def test_prices_no_market_has_had_are_quarantined(
    make_bars: Make, write_csv: Write, save: Save
) -> None:
    lines = write_csv(make_bars(4)).splitlines()
    fields = lines[9].split(",")
    lines[9] = ",".join((fields[0], *["9e14"] * 4, fields[5]))
    imported = import_file(save("\n".join(lines), "EURUSD.csv"), timezone="UTC")
    assert imported.quarantine.counts == {Reason.RANGE: 1}
