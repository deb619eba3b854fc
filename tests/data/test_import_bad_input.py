"""Bad input is refused with file, line, value and remedy, or quarantined by line."""

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars
from assay.data.importers import Imported, import_file, recognise
from assay.data.quarantine import Reason
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.timeframe import Timeframe

Save = Callable[..., Path]
Write = Callable[..., str]
Make = Callable[..., Bars]


def load(path: Path, **options: object) -> Imported:
    options = {"symbol": "EURUSD", "timezone": "UTC", **options}
    return import_file(path, **options)  # type: ignore[arg-type]


@pytest.fixture
def lines(make_bars: Make, write_csv: Write) -> list[str]:
    return write_csv(make_bars(3)).splitlines()


def refused(content: str | bytes, save: Save, **options: object) -> DataError:
    path = save(content, str(options.pop("name", "table.csv")))
    with pytest.raises(DataError) as caught:
        load(path, **options)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must exist"):
        load(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="was a folder"):
        load(tmp_path)


@pytest.mark.parametrize("content", ["", "\n\n \n", "time,open,high,low,close\n"])
def test_a_file_without_rows_is_refused(save: Save, content: str) -> None:
    assert "rows" in refused(content, save).message


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"x" * 100, mtime=0),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
        np.random.default_rng(1).bytes(5_000),
        bytes(5_000),
        b"PAR1" + bytes(200),
        b"%PDF-1.7 ...",
    ],
)
def test_binary_files_are_refused_by_kind(save: Save, content: bytes) -> None:
    refused(content, save)


def test_a_zip_is_refused_with_the_way_out(save: Save) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "x")
    assert "Unpack" in refused(buffer.getvalue(), save).remedy


@pytest.mark.parametrize(
    "content",
    [
        "hello world\n" * 50,
        "<html><body>404</body></html>\n",
        '{"a": [1, 2, 3]}\n',
        "1,2\n3,4\n",
        "a,b,c\n1,2,3\n4,5,6\n",
    ],
)
def test_text_that_is_no_market_is_refused_at_its_first_line(save: Save, content: str) -> None:
    assert refused(content, save).facts["line"] in (1, 2)


def test_a_huge_sparse_file_is_refused_from_its_head(tmp_path: Path, lines: list[str]) -> None:
    for name, head in (("empty.csv", b""), ("table.csv", "\n".join(lines).encode())):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(head)
            file.truncate(5 << 30)
        with pytest.raises(DataError) as caught:
            load(path)
        assert str(path) in caught.value.message


def test_a_file_beyond_the_row_limit_is_refused_before_it_is_read(
    save: Save, lines: list[str]
) -> None:
    error = refused("\n".join(lines), save, rows_max=50)
    assert error.facts["rows_max"] == 50
    assert "Split" in error.remedy


def damaged(lines: list[str], at: int, text: str) -> str:
    return "\n".join([*lines[:at], text, *lines[at + 1 :]]) + "\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: [f[0], "x", *f[2:]], Reason.NUMBER),
        (lambda f: [f[0], "", *f[2:]], Reason.MISSING),
        (lambda f: [f[0], "nan", *f[2:]], Reason.NOT_FINITE),
        (lambda f: [f[0], "inf", *f[2:]], Reason.NOT_FINITE),
        (lambda f: [f[0], "-1.1", *f[2:]], Reason.NOT_POSITIVE),
        (lambda f: [f[0], "0", *f[2:]], Reason.NOT_POSITIVE),
        (lambda f: [*f[:2], f[3], f[2], *f[4:]], Reason.OHLC),
        (lambda f: ["yesterday", *f[1:]], Reason.TIME),
        (lambda f: ["2023-13-45 00:00:00", *f[1:]], Reason.TIME),
        (lambda f: f[:3], Reason.FIELDS),
        (lambda f: [*f, "1", "2"], Reason.FIELDS),
        (lambda f: [f[0], *[str(float(p) * 10) for p in f[1:5]], f[5]], Reason.JUMP),
        (lambda f: [f[0].replace(":00:00", ":17:00"), *f[1:]], Reason.OFF_GRID),
        (lambda f: [f[0], "1.1\x00", *f[2:]], Reason.ENCODING),
    ],
)
def test_a_bad_row_is_quarantined_with_line_reason_and_text(
    save: Save, lines: list[str], change: Callable[[list[str]], list[str]], reason: Reason
) -> None:
    text = ",".join(change(lines[100].split(",")))
    imported = load(save(damaged(lines, 100, text)), block_bytes=3_000)
    (row,) = imported.quarantine.rows
    assert (row.line, row.reason, row.text) == (101, reason, text)
    assert imported.rows_in == imported.rows_kept + 1 == len(lines) - 1


def test_mis_encoded_rows_are_quarantined(save: Save, lines: list[str]) -> None:
    content = "\n".join(lines).encode()
    content = content.replace(lines[100].encode(), b"2023\xff\xfe,1,2,3,4,5")
    imported = load(save(content))
    assert imported.quarantine.counts == {Reason.ENCODING: 1}
    assert imported.quarantine.rows[0].line == 101


def test_a_cut_last_line_is_quarantined_as_cut(save: Save, lines: list[str]) -> None:
    imported = load(save("\n".join(lines)[:-30]))
    (row,) = imported.quarantine.rows
    assert (row.reason, row.line) == (Reason.TRUNCATED, len(lines))


def test_cut_parquet_is_refused(save: Save, make_bars: Make) -> None:
    bars = make_bars(2)
    buffer = io.BytesIO()
    pl.DataFrame({"time": bars.time_ns, "bid": bars.low, "ask": bars.high}).write_parquet(buffer)
    for cut in (10, 100, len(buffer.getvalue()) - 3):
        assert "damaged" in refused(buffer.getvalue()[:cut], save).remedy


def test_bad_rows_of_parquet_are_quarantined_by_row(save: Save, make_bars: Make) -> None:
    bars = make_bars(4)
    frame = pl.DataFrame(
        {
            "time": bars.time_ns,
            **{name: getattr(bars, name) for name in ("open", "high", "low", "close")},
        }
    )
    frame = frame.with_columns(
        close=pl.when(pl.int_range(pl.len()) == 41).then(None).otherwise("close"),
        open=pl.when(pl.int_range(pl.len()) == 42).then(-1.0).otherwise("open"),
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    imported = load(save(buffer.getvalue(), "t.parquet"))
    assert [(row.line, row.reason) for row in imported.quarantine.rows] == [
        (42, Reason.NOT_FINITE),
        (43, Reason.NOT_POSITIVE),
    ]
    assert imported.rows_in == imported.rows_kept + 2


def test_crossed_quotes_are_quarantined(save: Save) -> None:
    lines = ["time,bid,ask"]
    lines += [f"2023-01-02 10:{i:02d}:00,1.1,{1.1001 if i != 7 else 1.0}" for i in range(60)]
    imported = load(save("\n".join(lines)))
    (row,) = imported.quarantine.rows
    assert (row.line, row.reason) == (9, Reason.CROSSED)


def test_rows_out_of_order_are_sorted_and_counted(
    save: Save, lines: list[str], make_bars: Make
) -> None:
    rows = lines[1:]
    rows[50], rows[60] = rows[60], rows[50]
    imported = load(save("\n".join([lines[0], *rows])))
    assert imported.rows_out_of_order == 10
    assert len(imported.quarantine) == 0
    assert "out of order" in imported.warnings[0]
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.time_ns, make_bars(3).time_ns)
    backwards = load(save("\n".join([lines[0], *lines[:0:-1]])))
    assert backwards.bars is not None
    np.testing.assert_array_equal(backwards.bars.close, make_bars(3).close)


def test_duplicates_are_dropped_and_conflicts_quarantined(save: Save, lines: list[str]) -> None:
    other = ",".join([*lines[50].split(",")[:-1], "999999"])
    rows = [*lines[:40], lines[39], *lines[40:51], other, *lines[51:]]
    imported = load(save("\n".join(rows)))
    assert imported.quarantine.counts == {Reason.DUPLICATE: 1, Reason.CONFLICT: 1}
    assert [(row.line, row.text) for row in imported.quarantine.rows] == [
        (41, lines[39]),
        (53, other),
    ]
    assert imported.rows_kept == len(lines) - 1


def test_a_file_that_changes_its_timeframe_names_the_line(
    save: Save, make_bars: Make, write_csv: Write
) -> None:
    hours = write_csv(make_bars(3)).splitlines()
    quarters = write_csv(make_bars(1, Timeframe.M15)).splitlines()[1:]
    error = refused("\n".join([*quarters[:30], *hours[200:]]), save)
    assert "M15" in error.message
    assert error.facts["line"] in (1, 31)
    error = refused("\n".join([*hours[:300], *quarters[400:]]), save)
    assert error.facts["line"] in (301, 302)
    daily = [f"2023-02-{day:02d} 00:00:00,1.1,1.2,1.0,1.1,5" for day in range(1, 25)]
    error = refused("\n".join([*hours, *daily]), save)
    assert "D1" in error.message


def test_longer_bars_among_shorter_ones_are_refused(
    save: Save, make_bars: Make, write_csv: Write
) -> None:
    bars = make_bars(4)
    rows = write_csv(bars).splitlines()
    mixed = rows[:1]
    for row in rows[1:]:
        mixed.append(row)
        if " 00:00:00" in row:
            mixed.append(row.replace("1.1", "1.2", 4))
    error = refused("\n".join(mixed), save)
    assert "D1" in error.message


def test_another_symbol_is_refused_by_name_column_or_price(
    save: Save, lines: list[str], make_bars: Make, write_csv: Write
) -> None:
    text = "\n".join(lines)
    assert "GBPUSD" in refused(text, save, name="GBPUSD_H1.csv").message
    labelled = [f"{row},{'symbol' if i == 0 else 'EURUSD'}" for i, row in enumerate(lines)]
    assert load(save("\n".join(labelled))).rows_kept == len(lines) - 1
    labelled[70] = labelled[70].replace("EURUSD", "GBPUSD")
    error = refused("\n".join(labelled), save)
    assert (error.facts["line"], error.facts["value"]) == (71, "GBPUSD")
    assert "between" in refused(text, save, symbol="USDJPY").message
    assert "between" in refused(text, save, symbol="XAUUSD").message


def test_prices_that_change_their_unit_name_the_line(save: Save, lines: list[str]) -> None:
    rows = lines[:200]
    for row in lines[200:]:
        fields = row.split(",")
        rows.append(",".join([fields[0], *[f"{float(p) * 100:.3f}" for p in fields[1:5]], "1"]))
    error = refused("\n".join(rows), save)
    assert error.facts["line"] == 201


def test_a_wrong_timeframe_or_format_is_refused(save: Save, lines: list[str]) -> None:
    text = "\n".join(lines)
    assert "H1" in refused(text, save, timeframe="M5").message
    assert "bars" in refused(text, save, format="csv_ticks").message
    for options in ({"format": "csvv"}, {"timeframe": "M7"}, {"timezone": "Mars"}):
        with pytest.raises(ConfigError):
            load(save(text), **options)


def test_a_file_of_mostly_bad_rows_is_refused_whole(save: Save, lines: list[str]) -> None:
    rows = [row if i % 3 == 0 else row.replace("1.", "x.") for i, row in enumerate(lines)]
    error = refused("\n".join([lines[0], *rows[1:]]), save)
    assert error.facts["line"] == 2


def with_damage(row: str, damage: str | None) -> list[str]:
    """Return the lines that stand for *row* once it is damaged."""
    fields = row.split(",")
    return {
        None: [row],
        "drop_field": [",".join(fields[:-2])],
        "letters": [row.replace("1.", "l.")],
        "nan": [",".join([*fields[:3], "NaN", *fields[4:]])],
        "negative": [",".join([*fields[:3], "-3", *fields[4:]])],
        "empty": [",".join([*fields[:3], "", *fields[4:]])],
        "null": [",".join([*fields[:3], "\x00", *fields[4:]])],
        "late": [row.replace("2023-01-0", "2023-01-1")],
        "repeat": [row, row],
        "conflict": [row, ",".join([*fields[:-1], "77"])],
        "blank": ["  ", row],
        "cross": [",".join([fields[0], fields[1], fields[3], fields[2], *fields[4:]])],
        "bytes": [row.replace("1.", "\x81.")],
    }[damage]


DAMAGE = st.sampled_from(
    [
        "drop_field",
        "letters",
        "nan",
        "negative",
        "late",
        "repeat",
        "conflict",
        "blank",
        "cross",
        "empty",
        "null",
        "bytes",
    ]
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    plan=st.dictionaries(st.integers(1, 300), DAMAGE, max_size=25),
    block_bytes=st.sampled_from([600, 4_000, 1 << 20]),
)
def test_rows_in_are_rows_kept_and_rows_quarantined(
    save: Save, lines: list[str], plan: dict[int, str], block_bytes: int
) -> None:
    rows = [lines[0]]
    n_rows = 0
    for at, row in enumerate(lines[1:], start=1):
        rows += with_damage(row, plan.get(at))
        n_rows += 2 if plan.get(at) in ("repeat", "conflict") else 1
    path = save("\n".join(rows).encode("latin-1"))
    imported = load(path, block_bytes=block_bytes)
    assert imported.rows_in == n_rows
    assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
    assert imported.bars is not None
    assert len(imported.bars) == imported.rows_kept
    assert (np.diff(imported.bars.time_ns) > 0).all()
    text = path.read_bytes().decode("latin-1").split("\n")
    for row_refused in imported.quarantine.rows:
        got = row_refused.text.encode("ascii", "ignore")
        assert got == text[row_refused.line - 1].encode("ascii", "ignore")[:300]


def test_the_fast_and_the_exact_path_agree(save: Save, lines: list[str]) -> None:
    good = load(save("\n".join(lines))).bars
    # One bad row forces the exact path on the whole block.
    bad = load(save("\n".join([*lines, "x,1,2,3,4,5"]))).bars
    assert good is not None
    assert bad is not None
    for name in ("time_ns", "open", "high", "low", "close", "volume"):
        assert getattr(good, name).tobytes() == getattr(bad, name).tobytes()


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Damage bytes as transmission, editors and other programs do."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data)) if data else 0
        kind = rng.randrange(9)
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randint(1, 400)]
        elif kind == 2:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
        elif kind == 3:
            data = data[:at]
        elif kind == 4:
            data[at:at] = data[at : at + 500]
        elif kind == 5:
            mark = rng.choice([b",", b";", b"\t", b".", b"\n", b'"', b"-"])
            data = bytearray(bytes(data).replace(mark, rng.choice([b",", b";", b"\n", b""]), 40))
        elif kind == 6:
            data[at:at] = rng.choice([b"\x00", b"\xff\xfe", b"1e999", b"-", b"\r", b"9" * 30])
        elif kind == 7:
            data = bytearray(bytes(data).decode("latin-1").encode("utf-16"))
        else:
            rows = bytes(data).split(b"\n")
            rng.shuffle(rows)
            data = bytearray(b"\n".join(rows))
    return bytes(data)


def corpus(make_bars: Make, write_csv: Write) -> list[bytes]:
    bars = make_bars(1.5)
    buffer = io.BytesIO()
    pl.DataFrame({"time": bars.time_ns, "bid": bars.low, "ask": bars.high}).write_parquet(buffer)
    patterns = ("%Y-%m-%d %H:%M:%S", "%Y%m%d %H%M%S", "%d.%m.%Y %H:%M", "%Y.%m.%dT%H:%M:%SZ")
    texts = [write_csv(bars, pattern, mark) for pattern in patterns for mark in ",;\t"]
    return [buffer.getvalue(), *[text.encode() for text in texts]]


def fuzz(seeds: range, corpus: list[bytes], folder: Path) -> int:
    n_read = 0
    for seed in seeds:
        rng = random.Random(seed)
        path = folder / "fuzzed.csv"
        path.write_bytes(mutated(rng.choice(corpus), rng))
        zone = rng.choice([None, "UTC"])
        try:
            recognise(path)
            imported = import_file(path, symbol="EURUSD", timezone=zone, block_bytes=4_096)
        except AssayError as error:
            assert error.remedy
            assert str(path) in error.message
            continue
        n_read += 1
        assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
        series = imported.series
        steps = np.diff(series.time_ns)
        assert (steps > 0).all() if isinstance(series, Bars) else (steps >= 0).all()
        prices = series.low if isinstance(series, Bars) else series.bid
        assert (prices > 0).all() and np.isfinite(prices).all()
    return n_read


def test_mutated_files_are_read_or_refused_but_never_crash(
    make_bars: Make, write_csv: Write, tmp_path: Path
) -> None:
    assert fuzz(range(80), corpus(make_bars, write_csv), tmp_path) > 6


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_a_hundred_thousand_mutated_files_never_crash(
    make_bars: Make, write_csv: Write, tmp_path: Path
) -> None:
    n_files = int(os.environ.get("ASSAY_FUZZ_FILES", "100000"))
    assert fuzz(range(1_000, 1_000 + n_files), corpus(make_bars, write_csv), tmp_path) > 0
