"""Times as calendars write them: dates filled downwards, all day, tentative, am and pm."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, IntArray
from assay.data.importers.stamps import NO_TIME, Stamp, parse_texts, stamp_patterns
from assay.domain.errors import DataError

EXACT, ALL_DAY, TENTATIVE = "exact", "all_day", "tentative"
_ALL_DAY = re.compile(r"(?i)all[ _-]?day|day \d|24h|holiday")
_TENTATIVE = re.compile(r"(?i)tentative|tba|tbd|tbc|n/?a|--?")
_WEEKDAY = re.compile(
    r"(?i)^(mon|tue|wed|thu|fri|sat|sun)(day|sday|nesday|rsday|urday)?s?[,.]?\s+(?=\S)"
)
_MONTHS = re.compile(
    r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(uary|ruary|ch|il|e|y|ust|t|tember|"
    r"ober|ember)?\b\.?"
)
_HALF_DAY = re.compile(r"(?i)(\d)\s*([ap])\.?m\.?$")
FILL_SHARE_MIN = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The times of a table, on its own clock.

    Attributes
    ----------
    local_ns : int64, shape (n,)
        ``NO_TIME`` where a text is no time. UTC if *has_zone*. Midnight for whole days.
    timing : list of str
        ``exact``, ``all_day`` or ``tentative``.
    pattern : str
    has_zone, has_clock : bool
        Whether stamps carry their offset; whether they tell the time of day.
    """

    local_ns: IntArray
    timing: list[str]
    pattern: str
    has_zone: bool
    has_clock: bool


def tidied(text: str) -> str:
    """Return a date or time in the spelling that the importers know.

    Examples
    --------
    >>> tidied("Friday, January 5, 2024 8:30am"), tidied("5 Sept 2024")
    ('Jan 5, 2024 8:30 AM', '5 Sep 2024')
    """
    bare = re.sub(r"\s+", " ", text.strip())
    if not bare or (bare[0].isdigit() and not re.search(r"[A-Za-z]", bare)):
        return bare
    bare = _WEEKDAY.sub("", bare)
    bare = _MONTHS.sub(lambda match: match.group(1).title(), bare, count=1)
    return _HALF_DAY.sub(lambda match: f"{match.group(1)} {match.group(2).upper()}M", bare)


def moments_of(
    path: Path,
    dates: Sequence[str],
    clocks: Sequence[str] | None,
    first_line: int,
    *,
    may_fill: bool = False,
) -> Moments:
    """Return the times that *dates* (and *clocks*, if in a column of their own) tell.

    With *may_fill*, where three of ten dates or more are empty, an empty one means the one
    above; so does an empty clock below a clock.

    Raises
    ------
    DataError
        If no way of writing times fits, or days and months cannot be told apart.
    """
    dates = [tidied(text) for text in dates]
    n_empty = sum(1 for text in dates if not text)
    fills = may_fill and n_empty >= FILL_SHARE_MIN * len(dates)
    if fills:
        dates = _filled(dates, dates)
    timing = [EXACT] * len(dates)
    days: list[str] = []
    if clocks is not None:
        times = [tidied(text) for text in clocks]
        if fills:
            times = _filled(times, dates)
        for at, text in enumerate(times):
            timing[at] = _timing(text)
        days = dates
        texts = [
            f"{day} {text}" if timing[at] == EXACT else ""
            for at, (day, text) in enumerate(zip(dates, times, strict=True))
        ]
    else:
        texts = list(dates)
        for at, text in enumerate(texts):
            words = re.search(r"(?i)\s+(all[ _-]?day|tentative|tba|tbd)$", text)
            if words:
                timing[at] = _timing(words.group(1))
        if any(kind != EXACT for kind in timing):
            days = [re.sub(r"(?i)\s+(all[ _-]?day|tentative|tba|tbd)$", "", text) for text in texts]
            texts = [
                text if kind == EXACT else "" for text, kind in zip(texts, timing, strict=True)
            ]
    stamp = _stamp(path, texts, first_line) if any(texts) else None
    local_ns = np.full(len(dates), NO_TIME, dtype=np.int64)
    if stamp is not None:
        local_ns = np.array(parse_texts(pl.Series(texts, dtype=pl.String), stamp))
    whole = np.array([kind != EXACT for kind in timing], dtype=np.bool_)
    if whole.any():
        _place_days(path, local_ns, whole, days, stamp, first_line)
    if stamp is not None and not stamp.has_clock and not stamp.is_epoch:
        timing = [ALL_DAY if kind == EXACT else kind for kind in timing]
    return Moments(
        local_ns=local_ns,
        timing=timing,
        pattern=stamp.pattern if stamp is not None else "dates",
        has_zone=stamp is not None and stamp.has_zone,
        has_clock=stamp is None or stamp.has_clock or stamp.is_epoch,
    )


def _timing(text: str) -> str:
    if _ALL_DAY.fullmatch(text):
        return ALL_DAY
    if not text or _TENTATIVE.fullmatch(text):
        return TENTATIVE
    return EXACT


def _filled(texts: Sequence[str], dates: Sequence[str]) -> list[str]:
    """Carry a text downwards to empty ones of the same date."""
    filled: list[str] = []
    for at, text in enumerate(texts):
        same_day = at > 0 and (texts is dates or dates[at] == dates[at - 1])
        filled.append(filled[-1] if not text and same_day and filled else text)
    return filled


def _place_days(
    path: Path,
    local_ns: IntArray,
    whole: BoolArray,
    days: Sequence[str],
    stamp: Stamp | None,
    first_line: int,
) -> None:
    """Give events without a time of day the midnight of their date."""
    pattern = re.split(r"[ T]%[HI]", stamp.pattern)[0] if stamp is not None else ""
    chosen = Stamp(pattern=pattern, has_clock=False)
    if not pattern or "%d" not in pattern:
        chosen = _stamp(path, [day for day in days if day], first_line)
    parsed = parse_texts(pl.Series(list(days), dtype=pl.String), chosen)
    local_ns[whole] = parsed[whole]


def _stamp(path: Path, texts: Sequence[str], first_line: int) -> Stamp:
    filled = [text for text in texts if text]
    sample = filled[:500] + filled[-500:]
    patterns = stamp_patterns(sample)
    if not patterns:
        raise DataError(
            f"{path} line {first_line} must begin a table with times; its first time was "
            f"{(filled or [''])[0][:60]!r}.",
            remedy="Write times as 2024-01-31 13:45, or date and time in two columns.",
            path=str(path),
            line=first_line,
            value=(filled or [""])[0][:60],
        )
    if len(patterns) == 1:
        return patterns[0]
    ranked = sorted(patterns, key=lambda stamp: _quality(filled, stamp), reverse=True)
    if _quality(filled, ranked[0]) == _quality(filled, ranked[1]):
        raise DataError(
            f"{path} must show whether days or months come first; {filled[0]!r} fits "
            f"{ranked[0].pattern} and {ranked[1].pattern}.",
            remedy="Import a longer file, or write dates as 2024-01-31.",
            path=str(path),
            value=filled[0],
        )
    return ranked[0]


def _quality(texts: Sequence[str], stamp: Stamp) -> tuple[float, float, float]:
    """Rank a pattern: rows read, rows in order, time between rows."""
    time_ns = parse_texts(pl.Series(texts, dtype=pl.String), stamp)
    good = time_ns[time_ns != NO_TIME]
    steps = np.diff(good)
    falls = float(np.mean(steps < 0)) if len(steps) else 0.0
    share = round(len(good) / max(1, len(texts)), 2)
    return share, -min(falls, 1 - falls), -float(np.abs(steps).sum())
