"""Damaged archives, history files and zips: read, quarantined or refused, never a crash."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archive_encoders import NS, bi5_bars, bi5_path, bi5_ticks, hst, lean_bar_lines, placed, zipped

from assay.data.bars import Bars, Ticks
from assay.data.importers import import_file, recognise
from assay.domain.errors import AssayError
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
DAY = 1_672_704_000 * NS  # Tuesday 2023-01-03
SECONDS_MAX = 5.0


Good = list[tuple[Path, bytes, Bars | Ticks]]


def corpus(make_bars: Make, folder: Path) -> Good:
    """Return where files of every format belong, their good bytes, and their rows."""
    minutes = make_bars(1, Timeframe.M1)
    first, stop = np.searchsorted(minutes.time_ns, [DAY, DAY + 3_600 * 4 * NS])
    minutes = minutes.between(int(first), int(stop))
    asks = {
        f"ask_{part}": getattr(minutes, part) + 1e-4 for part in ("open", "high", "low", "close")
    }
    hour = minutes.time_ns < DAY + 3_600 * NS
    ticks = Ticks(
        symbol="EURUSD",
        time_ns=minutes.time_ns[hour],
        bid=minutes.close[hour],
        ask=minutes.close[hour] + 1e-4,
    )
    lines = lean_bar_lines(replace(minutes, **asks), day_ns=DAY)
    second = [line.replace("0000,", "7000,", 1) for line in lines]
    bars = make_bars(2)
    good = [
        (bi5_path(folder, "EURUSD", DAY, "00h_ticks.bi5"), bi5_ticks(ticks, DAY)),
        (bi5_path(folder, "EURUSD", DAY, "BID_candles_min_1.bi5"), bi5_bars(minutes, DAY)),
        (folder / "EURUSD60.hst", hst(bars)),
        (folder / "EURUSD.hst", hst(bars, version=400)),
        (
            folder / "forex/oanda/minute/eurusd/20230103_quote.zip",
            zipped(lines, "20230103_eurusd_minute_quote.csv"),
        ),
        (
            folder / "forex/oanda/second/eurusd/20230103_quote.zip",
            zipped(second, "20230103_eurusd_second_quote.csv"),
        ),
    ]
    found: Good = []
    for path, content in good:
        placed(folder, str(path.relative_to(folder)), content)
        imported = import_file(path, timezone="UTC")
        assert imported.rows_kept > 50
        found.append((path, content, imported.series))
    return found


def assert_rows_of(series: Bars | Ticks, good: Bars | Ticks, seed: int, n_spliced_max: int) -> None:
    """Hold that every row that was read is a row of the good file (extremes apart)."""
    at = np.searchsorted(good.time_ns, series.time_ns)
    assert (at < len(good)).all(), seed
    names = ("open", "close") if isinstance(series, Bars) else ("bid", "ask")
    is_other = series.time_ns != good.time_ns[at]
    for name in names:
        is_other |= getattr(series, name) != getattr(good, name)[at]
    n_other = int(np.count_nonzero(is_other))
    assert n_other <= (n_spliced_max if len(series) < len(good) else 0), (seed, n_other)


def mutated(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        at = rng.randrange(max(1, len(data)))
        kind = rng.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            data = data[: at + 1]
        elif kind == 2:
            del data[at : at + rng.randrange(1, 90)]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 90))
        elif kind == 4:
            data[at:at] = data[at : at + rng.randrange(1, 300)]
        else:
            data[at : at + 8] = rng.choice([bytes(8), b"\xff" * 8, rng.randbytes(8)])
    return bytes(data)


def fuzz(seeds: range, good: Good) -> tuple[int, int]:
    n_read = n_refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        path, content, rows = rng.choice(good)
        path.write_bytes(mutated(content, rng))
        start = time.perf_counter()
        zone = rng.choice([None, "UTC"])
        try:
            recognise(path)
            imported = import_file(path, timezone=zone, block_bytes=4_096)
        except AssayError as error:
            n_refused += 1
            assert error.remedy
            assert str(path) in error.message
            continue
        finally:
            assert time.perf_counter() - start < SECONDS_MAX, seed
        n_read += 1
        series = imported.series
        assert imported.rows_in == imported.rows_kept + len(imported.quarantine), seed
        assert len(series) == imported.rows_kept
        steps = np.diff(series.time_ns)
        assert (steps > 0).all() if isinstance(series, Bars) else (steps >= 0).all()
        prices = series.low if isinstance(series, Bars) else series.bid
        assert (prices > 0).all() and np.isfinite(prices).all()
        assert series.symbol == "EURUSD"
        # A history file has no checksum: a cut of exactly one bar can splice two into one, which
        # only the gap beside it shows. Everything else must be noticed.
        has_checksum = path.suffix != ".hst"
        is_silent = not imported.warnings and (has_checksum or not len(imported.quarantine))
        if imported.recognised.timezone == "UTC" and is_silent:
            assert_rows_of(series, rows, seed, n_spliced_max=0 if has_checksum else 1)
    return n_read, n_refused


def test_mutated_archives_are_read_or_refused_but_never_crash(
    make_bars: Make, tmp_path: Path
) -> None:
    n_read, n_refused = fuzz(range(600), corpus(make_bars, tmp_path))
    assert n_read > 20 and n_refused > 200


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_a_hundred_thousand_mutated_archives_never_crash(make_bars: Make, tmp_path: Path) -> None:
    n_files = int(os.environ.get("ASSAY_FUZZ_FILES", "100000"))
    n_read, _ = fuzz(range(1_000, 1_000 + n_files), corpus(make_bars, tmp_path))
    assert n_read > 0
