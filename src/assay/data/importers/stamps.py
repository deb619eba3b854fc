"""How a file writes times, and how they become nanoseconds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, IntArray
from assay.domain.time import NS_PER_HOUR, NS_PER_SECOND

NO_TIME = np.iinfo(np.int64).min
"""Marks a text that is no time."""

EARLIEST_NS = 0
LATEST_NS = 4_102_444_800 * NS_PER_SECOND  # 2100-01-01

EPOCH_UNITS = {"s": NS_PER_SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A way of writing times.

    Attributes
    ----------
    pattern : str
        Date format in the notation of strptime, or ``epoch s`` | ``ms`` | ``us`` | ``ns``,
        or ``arrow`` where a Parquet file has typed times.
    has_zone : bool
        Whether every stamp carries its offset from UTC.
    has_clock : bool
        Whether stamps tell the time of day; False for dates alone.
    """

    pattern: str
    has_zone: bool = False
    has_clock: bool = True

    @property
    def is_epoch(self) -> bool:
        """Whether stamps count from 1970."""
        return self.pattern.startswith("epoch")


# Date, separator, clock. ``%.f`` takes an optional fraction. Day first stands before month
# first, and sample rows decide between them.
_DATES = (
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}"), "%Y-%m-%d"),
    (re.compile(r"\d{4}\.\d{1,2}\.\d{1,2}"), "%Y.%m.%d"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{8}"), "%Y%m%d"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%d/%m/%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%m/%d/%Y"),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), "%d-%m-%Y"),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), "%m-%d-%Y"),
    (re.compile(r"[A-Za-z]{3} \d{1,2}[,.]? \d{4}"), "%b %d %Y"),
    (re.compile(r"\d{1,2} [A-Za-z]{3} \d{4}"), "%d %b %Y"),
    (re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4}"), "%d-%b-%Y"),
)
_CLOCKS = (
    (re.compile(r""), ""),
    (re.compile(r"\d{1,2}:\d{2}"), "%H:%M"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}"), "%H:%M:%S"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}[.,]\d{1,9}"), "%H:%M:%S%.f"),
    (re.compile(r"\d{1,2}:\d{2} [APap][Mm]"), "%I:%M %p"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2} [APap][Mm]"), "%I:%M:%S %p"),
    (re.compile(r"\d{4}"), "%H%M"),
    (re.compile(r"\d{6}"), "%H%M%S"),
    (re.compile(r"\d{9}"), "%H%M%S%3f"),
)
_ZONE = re.compile(" *(?:GMT|UTC)? *(Z|[+-][0-9]{2}:?[0-9]{2}|GMT|UTC)$")
_OFFSET_NS_MAX = 14 * NS_PER_HOUR


def stamp_patterns(texts: Sequence[str]) -> tuple[Stamp, ...]:
    """Return the ways of writing that fit *texts*: most of them, and the likeliest first.

    More than one is left where day and month cannot be told apart.
    """
    texts = [text.strip() for text in texts if text.strip()]
    if not texts:
        return ()
    epoch = _epoch(texts)
    if epoch is not None:
        return (epoch,)
    n_zones = sum(1 for text in texts if _ZONE.search(text))
    has_zone = n_zones * 2 > len(texts)
    plain = [_ZONE.sub("", text) if has_zone else text for text in texts]
    return tuple(
        Stamp(pattern=pattern, has_zone=has_zone, has_clock="%H" in pattern or "%I" in pattern)
        for pattern in _fitting(plain)
    )


def _epoch(texts: Sequence[str]) -> Stamp | None:
    """Recognise counts since 1970 by their length: 9 to 19 digits, fraction allowed."""
    counts = [re.fullmatch(r"(\d{9,19})(?:\.\d*)?", text) for text in texts]
    digits = [len(match.group(1)) for match in counts if match]
    if len(digits) * 2 <= len(texts):
        return None
    length = sorted(digits)[len(digits) // 2]
    unit = "s" if length <= 11 else "ms" if length <= 14 else "us" if length <= 17 else "ns"
    sample = next(match.group(1) for match in counts if match)
    if length in (12, 14) and _looks_like_date(sample):
        return None
    return Stamp(pattern=f"epoch {unit}")


def _looks_like_date(text: str) -> bool:
    return bool(re.match(r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])", text))


def _fitting(texts: Sequence[str]) -> list[str]:
    shapes = []
    for date_shape, date in _DATES:
        for clock_shape, clock in _CLOCKS:
            between = "" if not clock else "[ T]?" if clock.startswith("%H%M%S") else "[ T]"
            shape = re.compile(f"{date_shape.pattern}{between}{clock_shape.pattern}")
            fitting = [text for text in texts if shape.fullmatch(text)]
            if fitting:
                shapes.append((len(fitting), date, clock, fitting[0]))
    patterns: list[str] = []
    best = max((n_fit for n_fit, *_ in shapes), default=0)
    texts_fit_min = max(1, len(texts) // 2)
    for n_fit, date, clock, sample in sorted(shapes, key=lambda shape: -shape[0]):
        if n_fit >= texts_fit_min and n_fit >= best * 0.6:
            pattern = _joined(date, clock, texts, sample)
            if _share_parsed(texts, pattern) >= 0.5 and pattern not in patterns:
                patterns.append(pattern)
    return patterns


def _joined(date: str, clock: str, texts: Sequence[str], sample: str) -> str:
    if clock == "%H:%M:%S" and any(re.search(r":\d{2}[.,]\d", text) for text in texts):
        clock = "%H:%M:%S%.f"
    if not clock:
        return date
    separator = "T" if "T" in sample else " " if " " in sample else ""
    return f"{date}{separator}{clock}"


def _share_parsed(texts: Sequence[str], pattern: str) -> float:
    parsed = parse_texts(pl.Series(texts, dtype=pl.String), Stamp(pattern=pattern))
    return float(np.mean(parsed != NO_TIME)) if len(parsed) else 0.0


def parse_texts(texts: pl.Series, stamp: Stamp) -> IntArray:
    """Return *texts* as nanoseconds on the clock of the file (UTC if they carry an offset).

    Parameters
    ----------
    texts : polars.Series of String, or of Int64 or Float64 for counts since 1970
    stamp : Stamp

    Returns
    -------
    time_ns : int64, shape (n,)
        ``NO_TIME`` where a text is no time, or lies outside 1970..2099.
    """
    if stamp.is_epoch:
        time_ns = _from_epoch(texts, EPOCH_UNITS[stamp.pattern.split()[1]])
    elif stamp.has_zone:
        time_ns = _with_zone(texts, stamp.pattern)
    else:
        time_ns = _from_pattern(texts, stamp.pattern)
    outside = (time_ns < EARLIEST_NS) | (time_ns >= LATEST_NS)
    return np.where(outside, NO_TIME, time_ns)


def _from_epoch(texts: pl.Series, unit_ns: int) -> IntArray:
    counts = texts.cast(pl.Int64, strict=False) if texts.dtype != pl.Float64 else texts
    if counts.dtype == pl.Int64 and texts.dtype == pl.String and counts.null_count():
        # Fractions of a second, such as 1704157200.25: split them off to stay exact.
        parts = texts.str.extract_groups(r"^\s*(\d+)(?:\.(\d*))?\s*$").struct
        whole = parts.field("1").cast(pl.Int64, strict=False)
        fraction = ("0." + parts.field("2").fill_null("") + "0").cast(pl.Float64, strict=False)
        whole_ns = _scaled(whole, unit_ns)
        rest = np.rint(fraction.fill_null(0.0).to_numpy() * unit_ns).astype(np.int64)
        return np.where(whole_ns == NO_TIME, NO_TIME, whole_ns + rest)
    if counts.dtype == pl.Float64:
        values = counts.fill_null(np.nan).to_numpy()
        good = np.isfinite(values) & (np.abs(values) * unit_ns < LATEST_NS)
        scaled = np.rint(np.where(good, values, 0.0) * unit_ns).astype(np.int64)
        return np.where(good, scaled, NO_TIME)
    return _scaled(counts, unit_ns)


def _scaled(counts: pl.Series, unit_ns: int) -> IntArray:
    values = counts.fill_null(-1).to_numpy()
    good = (values >= 0) & (values < LATEST_NS // unit_ns)
    return np.where(good, np.where(good, values, 0) * unit_ns, NO_TIME)


def _from_pattern(texts: pl.Series, pattern: str) -> IntArray:
    if pattern.startswith("%b"):
        for mark in (", ", ". "):
            if texts.str.contains(mark, literal=True).sum() * 2 > len(texts):
                pattern = pattern.replace("%d ", f"%d{mark}")
    if "%.f" in pattern and texts.str.contains(",", literal=True).any():
        n_commas, n_points = (texts.str.contains(f"[{mark}][0-9]+$").sum() for mark in ",.")
        if n_commas > n_points:
            texts = texts.str.replace(r"\.[0-9]+$", "?").str.replace(r",([0-9]{1,9})$", ".$1")
    if "%H" in pattern or "%I" in pattern:
        moments = texts.str.to_datetime(pattern, time_unit="us", strict=False, ambiguous="null")
    else:
        moments = texts.str.to_date(pattern, strict=False).cast(pl.Datetime("us"), strict=False)
    time_ns = _scaled(moments.cast(pl.Int64), 1_000)
    lengths = texts.str.len_bytes().fill_null(0).to_numpy()
    if "%.f" in pattern and lengths.max(initial=0) >= _MICROSECONDS_LENGTH:
        # Nanoseconds of a far year run over, so microseconds tell whether it is near.
        finer = texts.str.to_datetime(pattern, time_unit="ns", strict=False, ambiguous="null")
        rest_ns = finer.cast(pl.Int64).fill_null(NO_TIME).to_numpy() % 1_000
        time_ns = np.where(time_ns == NO_TIME, NO_TIME, time_ns + rest_ns)
    return _without_odd(texts, time_ns, pattern)


_TOKENS = {
    "%Y": "[0-9]{4}",
    "%m": "(?P<month>[0-9]{1,2})",
    "%d": "(?P<day>[0-9]{1,2})",
    "%H": "(?P<hour>[0-9]{1,2})",
    "%I": "(?P<hour>[0-9]{1,2})",
    "%M": "[0-9]{2}",
    "%S": "(?P<second>[0-5][0-9])",
    "%p": "[AaPp][Mm]",
    "%b": "[A-Za-z]{3}",
    "%.f": r"(?:\.(?P<fraction>[0-9]{1,9}))?",
    "%3f": "[0-9]{3}",
}
_TOKEN = re.compile(r"%\.f|%3f|%[A-Za-z]")
_ROWS_WIDE = 64
_MICROSECONDS_LENGTH = len("20230102 000000.1234567")
_LENGTH_MAX = 64
_RARE = 20
"""One text that is written otherwise, to so many that are written alike, is damaged."""

_KINDS = np.arange(256, dtype=np.uint8)
_KINDS[[*b"0123456789"]] = ord("0")
_KINDS[[*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]] = ord("a")


def _without_odd(texts: pl.Series, time_ns: IntArray, pattern: str) -> IntArray:
    """Refuse times of another shape than *pattern*, which a lenient parser takes.

    For it blanks may be absent, too many or form feeds, digits too few, and the second 60:
    ``03/01/20217:00`` and ``2023 102`` would be times. Texts of the usual length must look as
    the first of them, which is quick to see; the others are looked at one by one.
    """
    lengths = texts.str.len_bytes().fill_null(0).to_numpy()
    if not len(lengths):
        return time_ns
    is_usual = lengths == lengths[0]
    if not is_usual.all():
        lengths = np.minimum(lengths, _LENGTH_MAX)
        is_usual = lengths == np.bincount(lengths).argmax()
    usual = np.flatnonzero(is_usual)
    shape = _shape(pattern)
    sample = re.fullmatch(shape, texts[int(usual[0])] or "")
    if sample is None:
        is_usual[:] = False
    else:
        alike = _are_alike(texts if len(usual) == len(texts) else texts[usual], sample)
        is_usual[usual] = alike
    odd = np.flatnonzero(~is_usual & (time_ns != NO_TIME))
    if not len(odd):
        return time_ns
    is_bad = ~texts[odd].str.contains(f"^{shape}$").fill_null(False).to_numpy()
    if sample is not None and len(odd) * _RARE <= np.count_nonzero(is_usual):
        is_bad |= _are_cut(texts[odd], texts.filter(is_usual), sample)
    time_ns = time_ns.copy()
    time_ns[odd[is_bad]] = NO_TIME
    return time_ns


def _are_alike(texts: pl.Series, sample: "re.Match[str]") -> BoolArray:
    """Tell which texts of one length have digits, letters and marks where *sample* has them."""
    packed = np.frombuffer(texts.str.join("").item().encode(), dtype=np.uint8)
    columns = packed.reshape(len(texts), -1)
    limits = np.full(columns.shape[1], ord("9"), dtype=np.uint8)
    if "second" in sample.groupdict():
        limits[sample.start("second")] = ord("5")
    # Wide rows are reduced far faster than narrow ones.
    n_blocks, width = len(texts) // _ROWS_WIDE, columns.shape[1]
    wide = columns[: n_blocks * _ROWS_WIDE].reshape(n_blocks, _ROWS_WIDE * width)
    pieces = [columns[n_blocks * _ROWS_WIDE :]]
    if n_blocks:
        pieces += [ends.reshape(_ROWS_WIDE, width) for ends in (wide.min(axis=0), wide.max(axis=0))]
    seen = np.concatenate(pieces)
    lowest, highest = seen.min(axis=0), seen.max(axis=0)
    is_digit = (lowest >= ord("0")) & (highest <= limits)
    if (is_digit | (lowest == highest)).all():
        return np.ones(len(texts), dtype=np.bool_)
    kinds = _KINDS[columns]
    is_over = (kinds == ord("0")) & (columns > limits)
    return np.asarray(((kinds == kinds[0]) & ~is_over).all(axis=1), dtype=np.bool_)


def _are_cut(odd: pl.Series, usual: pl.Series, sample: "re.Match[str]") -> BoolArray:
    """Tell which of a few odd texts may lack a digit that all others have.

    ``3:00`` is a time in a file that writes ``9:00``; in one that writes ``09:00``, it may have
    been ``13:00``. So ``.15`` may have been ``.125`` where others keep the zeros of ``.120``,
    but a fraction of no, three, six or nine digits is as some programs write it.
    """
    parts = odd.str.extract_groups(f"^{sample.re.pattern}$").struct
    is_cut = np.zeros(len(odd), dtype=np.bool_)
    for name in ("month", "day", "hour", "fraction"):
        written = sample.groupdict().get(name) or ""
        if len(written) < 2:
            continue
        zero_at = sample.end(name) - 1 if name == "fraction" else sample.start(name)
        n_zeros = (usual.str.slice(zero_at, 1) == "0").sum()
        widths = parts.field(name).str.len_bytes().fill_null(0).to_numpy()
        is_other = (widths != len(written)) & (widths % 3 != 0)
        if n_zeros >= _RARE * np.count_nonzero(is_other):
            is_cut |= is_other
    return is_cut


def _shape(pattern: str) -> str:
    """Return *pattern* as a regular expression; codes without a mark between have two digits."""
    shape, after = "", 0
    for match in _TOKEN.finditer(pattern):
        code, between = _TOKENS[match.group()], pattern[after : match.start()]
        is_next = pattern[match.end() : match.end() + 1] == "%"
        if (is_next and not pattern.startswith("%.f", match.end())) or (not between and after > 0):
            code = code.replace("{1,2}", "{2}")
        shape += re.escape(between) + code
        after = match.end()
    return shape + re.escape(pattern[after:])


def _with_zone(texts: pl.Series, pattern: str) -> IntArray:
    found = texts.str.extract(_ZONE.pattern)
    bare = texts.str.replace(_ZONE.pattern, "")
    local = _from_pattern(bare, pattern)
    is_word = found.is_in(["GMT", "UTC"]).fill_null(False).to_numpy()
    is_utc = is_word | (found == "Z").fill_null(False).to_numpy()
    signs = pl.select(pl.when(found.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    digits = found.str.replace_all(r"[^0-9]", "")
    hours = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    seconds = (signs * (hours * 3_600 + minutes * 60)).to_numpy()
    offset = np.where(is_utc, 0, seconds) * NS_PER_SECOND
    is_bad = found.is_null().to_numpy() | (local == NO_TIME)
    is_bad |= (minutes >= 60).to_numpy() | (np.abs(offset) > _OFFSET_NS_MAX)
    # What stands before the offset, such as " GMT", is written alike as well.
    n_found = np.where(is_word, 0, found.str.len_bytes().fill_null(0).to_numpy())
    n_before = (texts.str.len_bytes() - bare.str.len_bytes()).fill_null(0).to_numpy() - n_found
    is_other = n_before != np.bincount(n_before, minlength=1).argmax()
    if np.count_nonzero(is_other) * _RARE <= np.count_nonzero(~is_other):
        is_bad |= is_other
    return np.where(is_bad, NO_TIME, local - np.where(is_bad, 0, offset))
