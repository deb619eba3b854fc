"""The records inside a Dukascopy archive: unpacked within limits, their times checked."""

import lzma

import numpy as np
from numpy.typing import NDArray

from assay.domain.errors import DataError
from assay.domain.time import NS_PER_SECOND
from assay.domain.timeframe import Timeframe

TICK = np.dtype(
    [("ms", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("ask_volume", ">f4"), ("bid_volume", ">f4")]
)
CANDLE = np.dtype(
    [
        ("s", ">u4"),
        ("open", ">u4"),
        ("close", ">u4"),
        ("low", ">u4"),
        ("high", ">u4"),
        ("volume", ">f4"),
    ]
)
OUTPUT_BYTES_MAX = 64 << 20
"""Three million ticks: no hour has had a tenth of them."""

INPUT_BYTES_MAX = 64 << 20
_MEMORY_BYTES_MAX = 256 << 20
_STEPS = {Timeframe.M1: 60, Timeframe.H1: 3_600, Timeframe.D1: 86_400}


def unpacked(content: bytes, *, where: str) -> bytes:
    """Return the bytes inside an archive, at most ``OUTPUT_BYTES_MAX``.

    Raises
    ------
    DataError
        If it is no LZMA, damaged, cut off, too large, or bytes follow it.
    """
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=_MEMORY_BYTES_MAX)
    try:
        inner = decoder.decompress(content, max_length=OUTPUT_BYTES_MAX + 1)
    except lzma.LZMAError as error:
        raise damaged(where, f"damaged ({error})", len(content)) from error
    if len(inner) > OUTPUT_BYTES_MAX:
        raise damaged(where, f"more than {OUTPUT_BYTES_MAX:,} bytes inside", len(content))
    if not decoder.eof:
        says = f"cut off: {len(inner):,} bytes came out, and the end is missing"
        raise damaged(where, says, len(content))
    if decoder.unused_data:
        at = len(content) - len(decoder.unused_data)
        says = f"followed by {len(decoder.unused_data):,} other bytes from offset {at:,} on"
        raise damaged(where, says, at)
    return inner


def damaged(where: str, says: str, offset: int) -> DataError:
    """Return the refusal of an archive that is not whole."""
    return DataError(
        f"{where} must be one whole LZMA archive of at most {OUTPUT_BYTES_MAX >> 20} MiB; was "
        f"{says}.",
        remedy="Download it again; the server sends the same bytes every time.",
        offset=offset,
    )


def records_of(content: bytes, timeframe: Timeframe | None, *, where: str) -> "NDArray[np.void]":
    """Return the records of an archive; a view of its bytes, in their byte order.

    Raises
    ------
    DataError
        If it is damaged, or holds no whole number of records of this kind.
    """
    dtype, other = (TICK, CANDLE) if timeframe is None else (CANDLE, TICK)
    inner = unpacked(content, where=where) if content else b""
    rest = len(inner) % dtype.itemsize
    if rest:
        kinds = {TICK: "ticks", CANDLE: "candles"}
        hint = f"; they may be {kinds[other]}" if len(inner) % other.itemsize == 0 else ""
        raise DataError(
            f"{where} must hold {kinds[dtype]} of {dtype.itemsize} bytes each; {len(inner):,} "
            f"bytes are no multiple of that (record {len(inner) // dtype.itemsize + 1} at offset "
            f"{len(inner) - rest:,} is cut off{hint}).",
            remedy="Download it again, and keep the name that the server gave it.",
            offset=len(inner) - rest,
        )
    return np.frombuffer(inner, dtype=dtype)


def checked_times(
    records: "NDArray[np.void]", timeframe: Timeframe | None, span_ns: int, *, where: str
) -> None:
    """Refuse records whose times are outside the period, out of order, or off their grid.

    Raises
    ------
    DataError
        Names the first such record, its offset and its time.
    """
    name, unit_ns = ("ms", 1_000_000) if timeframe is None else ("s", NS_PER_SECOND)
    offset = records[name].astype(np.int64)
    limit, least_step = span_ns // unit_ns, 0 if timeframe is None else 1
    bad = np.zeros(len(offset), dtype=np.bool_)
    if len(offset) and offset.max() >= limit:
        bad, says = offset >= limit, f"times below {limit:,} {name} (its period)"
    elif (offset[1:] - offset[:-1] < least_step).any():
        bad[1:], says = offset[1:] - offset[:-1] < least_step, "times in order"
    elif timeframe is not None and (offset % _STEPS[timeframe]).any():
        bad, says = offset % _STEPS[timeframe] != 0, f"times on the {timeframe.name} grid"
    else:
        return
    at = int(np.flatnonzero(bad)[0])
    raise DataError(
        f"{where} must have {says}; record {at + 1} (offset {at * records.dtype.itemsize:,}) "
        f"has {int(offset[at]):,} {name}.",
        remedy="Download it again, and keep the name that the server gave it; an archive of "
        "another period or kind does not fit this one; months in paths count from 0.",
        record=at + 1,
        offset=at * records.dtype.itemsize,
        value=int(offset[at]),
    )
