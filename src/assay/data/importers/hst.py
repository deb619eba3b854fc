"""MetaTrader 4 history files: a header, then bars of version 400 or 401, in server time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import BoolArray, FloatArray
from assay.data.entry import is_symbol
from assay.data.importers.building import decimals_of
from assay.data.importers.layout import Format, Layout
from assay.data.importers.naming import plain
from assay.data.importers.rows import Refused, Rows
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.scale import plausible_range
from assay.data.importers.source import Progress
from assay.data.importers.stamps import LATEST_NS, NO_TIME, Stamp
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_SECOND
from assay.domain.timeframe import Timeframe

HEADER = np.dtype(
    [
        ("version", "<i4"),
        ("copyright", "S64"),
        ("symbol", "S12"),
        ("period", "<i4"),
        ("digits", "<i4"),
        ("timesign", "<i4"),
        ("last_sync", "<i4"),
        ("unused", "<i4", (13,)),
    ]
)
"""148 bytes; strings end at their first zero byte."""

BAR_400 = np.dtype(
    [
        ("time", "<i4"),
        ("open", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
    ]
)
"""44 bytes, low before high: builds up to 509."""

BAR_401 = np.dtype(
    [
        ("time", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<i8"),
        ("spread", "<i4"),
        ("real_volume", "<i8"),
    ]
)
"""60 bytes, as MqlRates: builds above 509."""

BARS = {400: BAR_400, 401: BAR_401}
_PERIODS = {member.value // 60: member for member in Timeframe} | {43_200: Timeframe.MN1}
_DIGITS_MAX = 8
_SECONDS_MAX = LATEST_NS // NS_PER_SECOND
_OFF_STEP = 1e-3  # of a point: doubles written from decimal prices miss it by far less
_OFF_STEP_SHARE_MAX = 0.05
_PRICE_MAX = 1e9
_VOLUME_MAX = 1e12
_SAMPLE_ROWS_MIN = 5
_TEXTS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first 148 bytes state."""

    version: int
    symbol: str
    timeframe: Timeframe
    digits: int


class HstReader:
    """History files of the MetaTrader 4 terminal; the line of a row is its bar, from 1."""

    formats = (Format.HST_BARS,)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file: a version, a period, digits and a symbol where the header has them."""
        is_named = path.suffix.lower() == ".hst"
        if int.from_bytes(head[:4], "little") not in BARS:
            if is_named:
                raise _no_header(path, "version", int.from_bytes(head[:4], "little"), 0, "400, 401")
            return None
        if len(head) < HEADER.itemsize:
            if is_named:
                raise DataError(
                    f"{path} must begin with a header of {HEADER.itemsize} bytes; has {len(head)} "
                    "bytes in all.",
                    remedy="It is cut off: copy it again while the terminal is closed.",
                    path=str(path),
                    offset=len(head),
                )
            return None
        header = _header(path, head, must_fit=is_named)
        return None if header is None else _layout(path, header, head)

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield bars, about *block_bytes* at a time; a cut-off last one is refused."""
        dtype = _dtype(layout)
        size, first = path.stat().st_size, 1
        n_block = max(1, block_bytes // dtype.itemsize)
        with path.open("rb") as file:
            file.seek(HEADER.itemsize)
            while content := file.read(n_block * dtype.itemsize):
                yield _rows(content, dtype, layout, first)
                first += len(content) // dtype.itemsize
                if progress is not None:
                    progress(file.tell(), size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return bars as text, such as ``time=1700000000 open=1.1 ...``."""
        dtype, found = _dtype(layout), {}
        with path.open("rb") as file:
            for number in sorted(set(numbers))[:_TEXTS_MAX]:
                file.seek(HEADER.itemsize + (number - 1) * dtype.itemsize)
                found[number] = _text(np.frombuffer(file.read(dtype.itemsize), dtype)[0])
        return found


def _dtype(layout: Layout) -> "np.dtype[np.void]":
    return BAR_401 if "spread" in layout.columns else BAR_400


def _header(path: Path, head: bytes, *, must_fit: bool) -> Header | None:
    """Return the header, None if it is none; a named file whose header is none is refused."""
    fields = np.frombuffer(head[: HEADER.itemsize], HEADER)[0]
    symbol = bytes(fields["symbol"]).split(b"\0")[0]
    period, digits = int(fields["period"]), int(fields["digits"])
    wrong: DataError | None = None
    if not symbol or not all(32 < byte < 127 for byte in symbol):
        wrong = _no_header(path, "symbol", symbol.hex(" "), 68, "text")
    elif not 0 <= digits <= _DIGITS_MAX:
        wrong = _no_header(path, "digits", digits, 84, f"0 to {_DIGITS_MAX}")
    elif period not in _PERIODS:
        periods = ", ".join(str(minutes) for minutes in sorted(_PERIODS))
        wrong = _no_header(path, "period in minutes", period, 80, periods)
    if wrong is not None:
        if must_fit:
            raise wrong
        return None
    text = symbol.decode("ascii")
    known = plain(text)
    name = known if plausible_range(known) is not None else text
    if not is_symbol(name):
        raise _no_header(path, "symbol", repr(text), 68, "letters, digits and . _ # + -")
    return Header(
        version=int(fields["version"]), symbol=name, timeframe=_PERIODS[period], digits=digits
    )


def _no_header(path: Path, name: str, value: object, offset: int, allowed: str) -> DataError:
    return DataError(
        f"{path} must have {name} {allowed} at offset {offset} of its header; was {value}.",
        remedy="Copy it from the history folder of an MT4 terminal; files of MT5 (.hcc) and "
        "offline charts of other periods are not read.",
        path=str(path),
        offset=offset,
        value=value,
    )


def _layout(path: Path, header: Header, head: bytes) -> Layout:
    dtype = BARS[header.version]
    n_bars = (path.stat().st_size - HEADER.itemsize) // dtype.itemsize
    if n_bars == 0:
        raise DataError(
            f"{path} must have bars; had only its header.",
            remedy="Load the history in the terminal first (F2), then copy the file again.",
            path=str(path),
            offset=HEADER.itemsize,
        )
    n_seen = min(n_bars, (len(head) - HEADER.itemsize) // dtype.itemsize)
    stop = HEADER.itemsize + n_seen * dtype.itemsize
    sample = np.frombuffer(head[HEADER.itemsize : stop], dtype)
    roles = ["open", "high", "low", "close", "volume"]
    roles += ["spread"] if header.version == 401 else []
    columns = {"time": 0, **{role: (dtype.names or ()).index(role) for role in roles}}
    warnings = []
    if _is_swapped(sample):
        columns["high"], columns["low"] = columns["low"], columns["high"]
        warnings.append(
            "High and low stand the other way round than MT4 writes them (another program wrote "
            "this file); they are read swapped."
        )
    places = decimals_of(_finite(sample["close"]))
    if header.digits > places + 1:
        warnings.append(
            f"The header states {header.digits} digits, but prices use {places}: check the spread."
        )
    return Layout(
        format=Format.HST_BARS,
        columns=columns,
        names={role: (dtype.names or ())[at] for role, at in columns.items()},
        stamp=Stamp(pattern="epoch s"),
        n_columns=len(dtype.names or ()),
        encoding="binary",
        symbol=header.symbol,
        timeframe=header.timeframe,
        divisor=1,
        digits=header.digits,
        why=(
            f"MT4 history file, version {header.version}, by its header",
            f"{header.symbol}, {header.timeframe.name}, {header.digits} digits as the header says",
        ),
        warnings=tuple(warnings),
    )


def _is_swapped(sample: "NDArray[np.void]") -> bool:
    """Tell whether bars make sense only with high and low exchanged."""
    if len(sample) < _SAMPLE_ROWS_MIN:
        return False
    high, low = sample["high"], sample["low"]
    return bool(np.mean(high < low) > 0.5 and np.mean(high > low) < 0.05)


def _finite(values: FloatArray) -> FloatArray:
    good = values[np.isfinite(values) & (np.abs(values) < 1e7)]
    return good if len(good) else np.ones(1)


def _rows(content: bytes, dtype: "np.dtype[np.void]", layout: Layout, first: int) -> Rows:
    n_bars, rest = divmod(len(content), dtype.itemsize)
    bars = np.frombuffer(content[: n_bars * dtype.itemsize], dtype)
    values = {role: bars[layout.names[role]].astype(np.float64) for role in layout.value_roles}
    is_huge = np.abs(values["volume"]) > _VOLUME_MAX
    values["volume"] = np.where(is_huge, np.nan, values["volume"])
    seconds = bars["time"].astype(np.int64)
    is_time = (seconds > 0) & (seconds < _SECONDS_MAX)
    time_ns = np.where(is_time, np.where(is_time, seconds, 0) * NS_PER_SECOND, NO_TIME)
    reasons = refusals_of(values, layout.required_roles) if n_bars else np.empty(0, dtype=np.int8)
    reasons[(reasons == NO_REASON) & ~is_time] = REASONS.index(Reason.TIME)
    is_off, on_step = _on_step(values, layout)
    said = ["The last bar is cut off; it is refused."] if rest else []
    if is_huge.any():
        said.append(f"{np.count_nonzero(is_huge)} volumes above {_VOLUME_MAX:g} were blanked.")
    if n_bars and is_off.mean() > max(_OFF_STEP_SHARE_MAX, 1.5 / n_bars):
        said.append(
            f"Prices have more decimals than the {layout.digits} digits of the header: damaged "
            "prices cannot be told."
        )
        is_off = np.zeros(n_bars, dtype=np.bool_)
    else:
        values |= on_step
    reasons[(reasons == NO_REASON) & is_off] = REASONS.index(Reason.OFF_STEP)
    keep = reasons == NO_REASON
    line = np.arange(first, first + n_bars, dtype=np.int64)
    refused: list[Refused] = [
        (int(line[at]), REASONS[int(reasons[at])], _text(bars[at])) for at in np.flatnonzero(~keep)
    ]
    if rest:
        shown = content[n_bars * dtype.itemsize :].hex(" ")
        refused.append((first + n_bars, Reason.TRUNCATED, shown))
    return Rows(
        n_rows=n_bars + (1 if rest else 0),
        line=line[keep],
        time_ns=time_ns[keep],
        values={role: value[keep] for role, value in values.items()},
        refused=refused,
        labels={},
        warnings=tuple(said),
    )


def _on_step(
    values: dict[str, FloatArray], layout: Layout
) -> tuple[BoolArray, dict[str, FloatArray]]:
    """Return which bars have a price off the step of the header's digits, and prices on it.

    The file has no checksum; a damaged price is hardly ever a whole number of points. One that
    misses its step by the last bits of a double alone is put back on it.
    """
    scale = 10.0 ** (layout.digits or 0)
    is_off = np.zeros(len(values["close"]), dtype=np.bool_)
    on_step: dict[str, FloatArray] = {}
    for role in ("open", "high", "low", "close"):
        near = np.abs(values[role]) < _PRICE_MAX  # False for NaN too
        points = np.where(near, values[role], 0.0) * scale
        whole = np.rint(points)
        is_off |= ~near | (np.abs(points - whole) > _OFF_STEP)
        on_step[role] = np.where(near, whole / scale, values[role])
    return is_off, on_step


def _text(bar: np.void) -> str:
    assert bar.dtype.names is not None
    return " ".join(f"{name}={bar[name].item():.15g}" for name in bar.dtype.names)
