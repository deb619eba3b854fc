"""QuantConnect LEAN zips: quotes of currencies and CFDs, from ticks to days."""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from assay.data.arrays import FloatArray, IntArray
from assay.data.importers.layout import Format, Layout
from assay.data.importers.lean_path import MARKET_ZONES, Place, damaged, place_of
from assay.data.importers.ordering import (
    Dropped,
    Table,
    sorted_by_time,
    without_jumps,
    without_repeats,
)
from assay.data.importers.rows import Refused, Rows, parse_block
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.source import BLOCK_BYTES, Block, Progress
from assay.data.importers.stamps import Stamp
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

_SIGNATURE = b"PK\x03\x04"
_LINE_BYTES_MAX = 1 << 12
_TIMEFRAMES = {
    "second": Timeframe.M1,
    "minute": Timeframe.M1,
    "hour": Timeframe.H1,
    "daily": Timeframe.D1,
}
_LONG_STAMP = re.compile(r"\d{8} \d{2}:\d{2}")
_PARTS = ("open", "high", "low", "close")
_BAR_FIELDS = 11
_TICK_FIELDS = {3: (1, 2), 5: (1, 3)}  # with sizes: bid, size, ask, size
_FXCM_SHIFTED_UNTIL = "200909"
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


class LeanReader:
    """Zips of the LEAN engine; the line of a row is that of the file inside."""

    formats = (Format.LEAN_TICKS, Format.LEAN_BARS)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a zip: by its folders, the name of its member, and its first row."""
        if not head.startswith(_SIGNATURE):
            return None
        place = place_of(path)
        return None if place is None else _layout(path, place)

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, a block of lines at a time; seconds are aggregated to minutes at once."""
        blocks = _blocks(path, layout, block_bytes, progress)
        pieces = (_block_rows(block, layout) for block in blocks)
        if layout.stamp.pattern == SECONDS.pattern:
            yield _minutes(path, list(pieces))
            return
        yield from pieces

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return lines of the file inside, in one further pass."""
        wanted, found = sorted(set(numbers)), dict[int, str]()
        for block in _blocks(path, layout, BLOCK_BYTES, None):
            stop = block.first_line + block.n_lines
            inside = [number for number in wanted if block.first_line <= number < stop]
            lines = block.text.split(b"\n") if inside else []
            for number in inside:
                found[number] = lines[number - block.first_line].decode("utf-8", errors="replace")
        return found


def is_lean(path: Path) -> bool:
    """Tell whether a zip is LEAN's, to be read as it is; a damaged one counts by its path."""
    try:
        with path.open("rb") as file:
            is_zip = file.read(len(_SIGNATURE)) == _SIGNATURE
        return is_zip and place_of(path) is not None
    except DataError:
        return True
    except OSError:
        return False


OFFSETS = Stamp(pattern="offset ms")
SECONDS = Stamp(pattern="offset ms of seconds")
_EPOCH = Stamp(pattern="epoch ms")


def _layout(path: Path, place: Place) -> Layout:
    first = _first_row(path, place)
    is_long = bool(_LONG_STAMP.fullmatch(first[0]))
    is_ticks = place.resolution == "tick"
    if place.resolution is not None and (place.resolution in ("hour", "daily")) is not is_long:
        raise _other_rows(path, place, first)
    if not is_long and place.day_ns is None:
        raise DataError(
            f"{path} must name its day; neither path nor member do, and rows hold only offsets.",
            remedy="Restore the name that LEAN gave it, such as 20140505_quote.zip.",
            path=str(path),
        )
    if is_ticks and len(first) in _TICK_FIELDS:
        bid, ask = _TICK_FIELDS[len(first)]
        columns = {"time": 0, "bid": bid, "ask": ask}
    elif not is_ticks and len(first) == _BAR_FIELDS:
        columns = {"time": 0, **{part: at for at, part in enumerate(_PARTS, 1)}}
        columns |= {f"ask_{part}": at for at, part in enumerate(_PARTS, 6)}
    else:
        raise _other_rows(path, place, first)
    timezone = MARKET_ZONES.get(place.market or "")
    stamp = Stamp(pattern="%Y%m%d %H:%M") if is_long else OFFSETS
    warnings = _warnings(place, first)
    if place.resolution == "second":
        stamp = SECONDS
    return Layout(
        format=Format.LEAN_TICKS if is_ticks else Format.LEAN_BARS,
        columns=columns,
        names={role: str(at + 1) for role, at in columns.items()},
        stamp=stamp,
        n_columns=len(first),
        delimiter=",",
        timezone=timezone,
        symbol=place.symbol,
        timeframe=None if is_ticks else _TIMEFRAMES.get(place.resolution or ""),
        base_ns=None if is_long else place.day_ns,
        why=(
            f"LEAN zip with {place.member}: {place.resolution or 'bars'} of {place.symbol}, both "
            "sides quoted",
            f"market {place.market or 'unknown'} keeps {timezone or 'no documented clock'}",
        ),
        warnings=warnings,
    )


def _warnings(place: Place, first: Sequence[str]) -> tuple[str, ...]:
    if place.market != "fxcm":
        return ()
    day = first[0][:6]
    if place.day_ns is not None:
        day = str(np.datetime64(place.day_ns, "ns").astype("datetime64[M]")).replace("-", "")
    if day >= _FXCM_SHIFTED_UNTIL:
        return ()
    return (
        "FXCM hours before September 2009 are shifted by a further four to five hours: compare "
        "them with another feed, or pass --timezone.",
    )


def _other_rows(path: Path, place: Place, first: Sequence[str]) -> DataError:
    wanted = {
        "tick": "ms,bid,ask",
        "second": "ms and 10 numbers",
        "minute": "ms and 10 numbers",
    }.get(place.resolution or "", "YYYYMMDD HH:MM and 10 numbers")
    shown = ",".join(first)[:120]
    return DataError(
        f"{path} must have rows of {wanted}, both sides quoted; line 1 is {shown!r}.",
        remedy="Check its folders: quotes of forex and cfd are read, trades and shares are not.",
        path=str(path),
        line=1,
        value=shown,
    )


def _first_row(path: Path, place: Place) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(place.member) as stream:
            line = stream.read(_LINE_BYTES_MAX).split(b"\n")[0]
    except _FAULTS as error:
        raise damaged(path, str(error)) from error
    if not line.strip():
        raise DataError(
            f"{path} must have rows; its member {place.member} had none.",
            remedy="Download it again.",
            path=str(path),
            line=1,
        )
    return line.decode("utf-8", errors="replace").strip().split(",")


def _blocks(
    path: Path, layout: Layout, block_bytes: int, progress: Progress | None
) -> Iterator[Block]:
    """Yield the member as blocks of whole lines; its checksum is verified at the end."""
    line, rest = 1, b""
    try:
        with zipfile.ZipFile(path) as archive:
            info = next(entry for entry in archive.infolist() if not entry.is_dir())
            with archive.open(info) as stream:
                while True:
                    raw = stream.read(block_bytes)
                    text = (rest + raw).replace(b"\r\n", b"\n")
                    cut = text.rfind(b"\n") + 1 if raw else len(text)
                    text, rest = text[:cut], text[cut:]
                    if len(rest) > _LINE_BYTES_MAX:
                        n_before = text.count(b"\n")
                        raise damaged(path, f"line {line + n_before} is longer than any row")
                    if text:
                        ends_cut = not text.endswith(b"\n")
                        text += b"\n" if ends_cut else b""
                        n_lines = text.count(b"\n")
                        yield Block(text=text, first_line=line, n_lines=n_lines, ends_cut=ends_cut)
                        line += n_lines
                    if progress is not None:
                        progress(min(stream.tell(), info.file_size), info.file_size)
                    if not raw:
                        return
    except _FAULTS as error:
        raise damaged(path, str(error)) from error


def _block_rows(block: Block, layout: Layout) -> Rows:
    if layout.base_ns is None:
        return parse_block(block, layout)
    rows = _fast(block, layout)
    if rows is None:
        rows = parse_block(block, replace(layout, stamp=_EPOCH))
        rows = replace(rows, time_ns=rows.time_ns + layout.base_ns)
    is_outside = rows.time_ns >= layout.base_ns + NS_PER_DAY
    if not is_outside.any():
        return rows
    return _refused(rows, [(rows.line[is_outside], Reason.OUTSIDE)], block)


def _fast(block: Block, layout: Layout) -> Rows | None:
    """Parse offsets and prices at once; None if any row is not as expected."""
    assert layout.base_ns is not None
    schema = dict.fromkeys((f"c{at}" for at in range(layout.n_columns)), pl.Float64)
    try:
        frame = pl.read_csv(
            block.text,
            has_header=False,
            schema=schema,
            columns=sorted(layout.columns.values()),
            quote_char=None,
        )
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return None
    if frame.height != block.n_lines or any(column.null_count() for column in frame):
        return None
    offset_ms = frame["c0"].to_numpy()
    if not np.all((offset_ms >= 0.0) & (offset_ms < 1e9)):
        return None
    values: dict[str, FloatArray] = {
        role: np.ascontiguousarray(frame[f"c{layout.columns[role]}"].to_numpy())
        for role in layout.value_roles
    }
    line = np.arange(block.first_line, block.first_line + block.n_lines, dtype=np.int64)
    time_ns = layout.base_ns + np.rint(offset_ms * 1e6).astype(np.int64)
    rows = Rows(n_rows=len(line), line=line, time_ns=time_ns, values=values, refused=[], labels={})
    reasons = refusals_of(values, layout.required_roles)
    if not (reasons != NO_REASON).any():
        return rows
    dropped = [(line[reasons == code], REASONS[code]) for code in np.unique(reasons) if code >= 0]
    return _refused(rows, dropped, block)


def _refused(rows: Rows, dropped: Dropped, block: Block | None) -> Rows:
    """Return *rows* without the lines *dropped*, which are refused."""
    lines = block.text.split(b"\n") if block is not None else []
    first = block.first_line if block is not None else 0
    refused: list[Refused] = list(rows.refused)
    keep = np.ones(len(rows.line), dtype=np.bool_)
    for numbers, reason in dropped:
        keep &= ~np.isin(rows.line, numbers)
        for number in numbers:
            raw = lines[int(number) - first] if lines else b""
            refused.append((int(number), reason, raw.decode("utf-8", errors="replace")))
    return replace(
        rows,
        line=rows.line[keep],
        time_ns=rows.time_ns[keep],
        values={role: value[keep] for role, value in rows.values.items()},
        refused=refused,
    )


def _minutes(path: Path, pieces: list[Rows]) -> Rows:
    """Return bars of a minute from bars of a second; bad seconds are refused first."""
    table = Table(
        line=np.concatenate([rows.line for rows in pieces]),
        time_ns=np.concatenate([rows.time_ns for rows in pieces]),
        values={
            role: np.concatenate([rows.values[role] for rows in pieces])
            for role in pieces[0].values
        },
    )
    refused = [refusal for rows in pieces for refusal in rows.refused]
    table, n_late = sorted_by_time(table)
    table, repeats = without_repeats(table, is_ticks=False)
    table, jumps = without_jumps(table)
    for numbers, reason in (*repeats, *jumps):
        refused += [(int(number), reason, "") for number in numbers]
    minute = table.time_ns // NS_PER_MINUTE
    starts = np.flatnonzero(np.diff(minute, prepend=-1))
    stops = np.append(starts[1:], len(minute))
    values = {role: _folded(role, value, starts, stops) for role, value in table.values.items()}
    said: tuple[str, ...] = (
        f"{len(table):,} bars of a second were aggregated to {len(starts):,} M1 bars: bars shorter "
        "than a minute are not stored.",
    )
    if n_late:
        said += (f"{n_late} seconds were out of order of time; sorted.",)
    return Rows(
        n_rows=len(starts) + len(refused),
        line=table.line[starts],
        time_ns=minute[starts] * NS_PER_MINUTE,
        values=values,
        refused=refused,
        labels={},
        warnings=said,
    )


def _folded(role: str, value: FloatArray, starts: IntArray, stops: IntArray) -> FloatArray:
    """Return the first, highest, lowest or last of each stretch, as *role* says."""
    if len(starts) == 0:
        return value
    if role.endswith(("high", "low")):
        extreme = np.maximum if role.endswith("high") else np.minimum
        return np.asarray(extreme.reduceat(value, starts), dtype=np.float64)
    return value[stops - 1] if role.endswith("close") else value[starts]
