"""Recognition of text formats by looking: delimiter, header, columns, times, and why."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from assay.data.arrays import IntArray
from assay.data.importers import histdata, mt5, truefx
from assay.data.importers.headers import (
    chosen_roles,
    roles_of,
    stated_timezone,
    with_told,
    without_part_of_ask,
)
from assay.data.importers.layout import Format, Layout
from assay.data.importers.positions import roles_by_value, time_roles
from assay.data.importers.source import Sample, read_sample
from assay.data.importers.stamps import NO_TIME, Stamp, parse_texts, stamp_patterns
from assay.domain.errors import DataError

_DELIMITERS = "\t;,|"
_HEADER_LINES_MAX = 20
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|[+-]?(?i:nan|inf(?:inity)?)")
_NUMBER_WITH_COMMA = re.compile(r"[+-]?\d+,\d+")
_SHARE_SLACK = 0.05
_DECIMALS = re.compile(r"\d[.,]\d")
BID = ("open", "high", "low", "close")


def recognise_text(
    path: Path,
    *,
    format: Format | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
) -> Layout:
    """Recognise how the rows of a text file are written.

    Raises
    ------
    DataError
        If no known table of bars or quotes can be seen; the message shows the first line
        that could not be read and says which columns were missed.
    """
    sample = read_sample(path)
    lines = [line for line in sample.head if line.strip()]
    if not lines:
        raise DataError(
            f"{path} must have rows; had only blank lines.",
            remedy="Export or download it again.",
            path=str(path),
        )
    delimiter, has_quotes = _delimiter(lines)
    rows = [split_fields(line, delimiter, has_quotes=has_quotes) for line in sample.head]
    first = _first_row(path, rows, sample.head)
    headers, header_lines = _headers(rows, first)
    # Where rows have other fields than the header names, it is not known which is which.
    n_columns = len(headers) or _n_columns(rows[first:])
    named = headers if headers else [str(i + 1) for i in range(n_columns)]
    data = [row for row in rows[first:] if len(row) >= n_columns and any(row)]
    later = [split_fields(line, delimiter, has_quotes=has_quotes) for line in sample.later]
    data += [row for row in later if len(row) == n_columns]
    if headers and len(roles := roles_of(headers)) >= 2:
        if not {"time", "clock"} & set(roles):
            times = time_roles(data, roles.get("date", 0), n_columns)
            taken = {at for role, at in roles.items() if role != "date"}
            roles = roles if taken & set(times.values()) else times | roles
        found, how = roles, f"header names {', '.join(h.strip() for h in headers)}"
    else:
        found, how = roles_by_value(data, n_columns), "no header; columns by their values"
    if columns:
        found, how = (
            with_told(found, chosen_roles(columns, named)),
            f"{how}; {len(columns)} as told",
        )
    layout = Layout(
        format=Format.CSV_BARS,
        columns=found,
        names={role: named[at] if at < len(named) else str(at + 1) for role, at in found.items()},
        stamp=Stamp(pattern=""),
        n_columns=n_columns,
        delimiter=delimiter,
        decimal=_decimal(data, found, delimiter),
        header_lines=header_lines,
        has_quotes=has_quotes,
        encoding=sample.encoding,
        timezone=stated_timezone(headers),
        why=(_encoding_says(sample), f"delimiter {delimiter!r}", how),
    )
    layout = _with_format(path, layout, headers, format, sample.head[first])
    return _with_stamp(path, layout, data, first)


def split_fields(line: str, delimiter: str, *, has_quotes: bool) -> list[str]:
    """Return the fields of one line, without blanks around them."""
    if has_quotes:
        line = unquoted(line.encode()).decode()
    fields = [field.strip() for field in line.split(delimiter)]
    return fields[:-1] if len(fields) > 1 and not fields[-1] else fields


_THOUSANDS = re.compile(rb"[+-]?\d{1,3}(,\d{3})+\.\d*")
_QUOTED = re.compile(rb'"([^"\n]*)"')


def unquoted(text: bytes) -> bytes:
    """Remove quotes; a comma between them is a decimal comma, or a thousands mark.

    A comma that is neither stays, and splits the field, so that its row is refused.
    """

    def plain(match: re.Match[bytes]) -> bytes:
        inner = match.group(1)
        if _THOUSANDS.fullmatch(inner):
            return inner.replace(b",", b"")
        return inner if b"." in inner else inner.replace(b",", b".")

    return _QUOTED.sub(plain, text).replace(b'"', b"")


def _delimiter(lines: Sequence[str]) -> tuple[str, bool]:
    """Return the delimiter that leaves most clean fields, and whether quotes occur.

    A field is clean if no other delimiter is left in it, save a decimal comma.
    """
    has_quotes = sum(line.count('"') for line in lines) >= len(lines)
    plain = [unquoted(line.encode()).decode() if has_quotes else line for line in lines]
    best, score_best = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = Counter(line.count(delimiter) for line in plain if line.count(delimiter))
        if not counts:
            continue
        _, n_lines = counts.most_common(1)[0]
        fields = [field.strip() for line in plain[:200] for field in line.split(delimiter)]
        n_clean = sum(1 for field in fields if _is_clean(field))
        score = n_lines / len(plain) * n_clean / len(fields)
        if score > score_best + 0.01:
            best, score_best = delimiter, score
    return best, has_quotes


def _is_clean(field: str) -> bool:
    return not any(mark in field for mark in _DELIMITERS) or bool(_NUMBER.fullmatch(field))


def _is_row(row: Sequence[str]) -> bool:
    """Tell whether a line is data: it begins with a date, or is mostly numbers."""
    filled = [field for field in row if field]
    if len(filled) >= 3 and re.match(r"\d{1,4}[-./]\d|\d{6,}", row[0]):
        return True
    n_values = sum(1 for field in filled if _NUMBER.fullmatch(field) or re.match(r"\d", field))
    return len(filled) >= 3 and n_values * 2 > len(filled)


def _first_row(path: Path, rows: Sequence[Sequence[str]], lines: Sequence[str]) -> int:
    for at, row in enumerate(rows[:_HEADER_LINES_MAX]):
        if _is_row(row):
            return at
    shown = next((line for line in lines if line.strip()), "")[:120]
    has_header = len(roles_of(rows[0])) >= 3 if rows else False
    if has_header and len([line for line in lines if line.strip()]) == 1:
        raise DataError(
            f"{path} must have rows; had only a header, {shown!r}.",
            remedy="Export or download it again.",
            path=str(path),
            line=1,
        )
    raise DataError(
        f"{path} must be a table of bars or quotes; none of its first lines is a row of numbers. "
        f"Line 1 was {shown!r}.",
        remedy="Check that it is market data; separate fields by comma, semicolon, tab or |.",
        path=str(path),
        line=1,
        value=shown,
    )


def _headers(rows: Sequence[Sequence[str]], first: int) -> tuple[list[str], int]:
    """Return the line above the rows that names most columns, and how many lines are no rows.

    Lines below it that go on naming the first column, as yfinance writes them, belong to it.
    What else stands between the header and the first good row is a damaged row.
    """
    named = [
        at
        for at in range(first - 1, -1, -1)
        if len(rows[at]) >= 3 and not _is_row(rows[at]) and not rows[at][0][:1].isdigit()
    ]
    if named:
        at = last = max(named, key=lambda at: len(roles_of(rows[at])))
        while last + 1 in named and roles_of(rows[last + 1][:1]):
            last += 1
        fields = [field.lstrip("\ufeff") for field in rows[at]]
        if last > at and not roles_of(fields[:1]):
            fields[0] = rows[last][0]
        return fields, last + 1
    damaged = (
        at
        for at, row in enumerate(rows[:first])
        if row[0][:1].isdigit() or len(_DECIMALS.findall(" ".join(row))) >= 2
    )
    return [], next(damaged, first)


def _n_columns(rows: Sequence[Sequence[str]]) -> int:
    return Counter(len(row) for row in rows if any(row)).most_common(1)[0][0]


def _decimal(data: Sequence[Sequence[str]], found: Mapping[str, int], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    prices = [at for role, at in found.items() if role in (*BID, "bid", "ask", "ask_close")]
    values = [row[at] for row in data[:200] for at in prices if at < len(row)]
    n_commas = sum(1 for value in values if _NUMBER_WITH_COMMA.fullmatch(value))
    return "," if n_commas * 2 > len(values) else "."


def _encoding_says(sample: Sample) -> str:
    return f"encoding {sample.encoding}" + (" by its byte-order mark" if sample.has_bom else "")


def _with_format(
    path: Path,
    layout: Layout,
    headers: Sequence[str],
    format: Format | None,  # noqa: A002
    line: str,
) -> Layout:
    """Name the format, and refuse what has neither bars nor quotes."""
    has_bars = all(role in layout.columns for role in BID)
    has_ask_bars = all(f"ask_{role}" in layout.columns for role in BID)
    has_ticks = "bid" in layout.columns and "ask" in layout.columns
    has_time = "time" in layout.columns or "date" in layout.columns
    if has_ask_bars and not any(role in layout.columns for role in BID):
        moved = {role.removeprefix("ask_"): at for role, at in layout.columns.items()}
        names = {role.removeprefix("ask_"): name for role, name in layout.names.items()}
        layout = replace(layout, columns=moved, names=names, side="ask")
        has_bars = True
    layout = replace(layout, columns=without_part_of_ask(layout.columns))
    if not has_time or not (has_bars or has_ticks):
        missing = [] if has_time else ["time"]
        if not has_bars and not has_ticks:
            missing += [role for role in BID if role not in layout.columns]
            missing += ["(or bid and ask)"]
        raise DataError(
            f"{path} must have columns for time and prices; no column for {', '.join(missing)} "
            f"was found. Its header was {', '.join(headers) or 'absent'}; its first row "
            f"{line[:120]!r}.",
            remedy="Name them, such as --column time=1 --column open=2.",
            path=str(path),
            line=layout.header_lines + 1,
            missing=missing,
        )
    if format is not None:
        if format.is_ticks != (not has_bars if not has_ticks else format.is_ticks) or (
            format.is_ticks and not has_ticks
        ):
            kind = "bars" if has_bars else "quotes"
            raise DataError(
                f"{path} must hold what format {format.value} says; its columns are those of "
                f"{kind}: {', '.join(layout.columns)}.",
                remedy="Leave --format out to let it be recognised.",
                path=str(path),
                format=format.value,
            )
        return replace(layout, format=format, why=(f"format {format.value} as told", *layout.why))
    known = (
        mt5.recognised(layout, headers)
        or histdata.recognised(layout, headers, line)
        or truefx.recognised(layout, headers, line)
    )
    if known is not None:
        layout = replace(layout, format=known[0], why=(known[1], *layout.why))
        return truefx.stated(layout, line) if known[0] is Format.TRUEFX_TICKS else layout
    generic = Format.CSV_BARS if has_bars else Format.CSV_TICKS
    return replace(layout, format=generic, why=(f"generic table: {generic.value}", *layout.why))


def _with_stamp(
    path: Path, layout: Layout, data: Sequence[Sequence[str]], header_lines: int
) -> Layout:
    """Find how times are written; choose between day first and month first."""
    texts = [_stamp_text(row, layout) for row in data]
    patterns = stamp_patterns(texts[:500] + texts[-500:])
    if not patterns:
        shown = texts[0] if texts else ""
        raise DataError(
            f"{path} line {header_lines + 1} must begin a table with times; its time was "
            f"{shown!r}.",
            remedy="Name the time column with --column time=..., or write times as "
            "2024-01-31 13:45:00.",
            path=str(path),
            line=header_lines + 1,
            value=shown,
        )
    stamp = patterns[0] if len(patterns) == 1 else _ordered(path, patterns, texts)
    if layout.format.is_ticks and not stamp.has_clock:
        raise DataError(
            f"{path} line {header_lines + 1} must begin quotes with times of day; its time was "
            f"{texts[0]!r}.",
            remedy="Name the column of the time of day with --column clock=...",
            path=str(path),
            line=header_lines + 1,
            value=texts[0],
        )
    says = f"times as {stamp.pattern}, such as {texts[0]!r}"
    timezone = "UTC" if stamp.has_zone else layout.timezone
    if stamp.has_zone:
        says += ", with their offset from UTC"
    elif timezone is not None:
        says += f"; the header states {timezone}"
    return replace(layout, stamp=stamp, timezone=timezone, why=(*layout.why, says))


def _stamp_text(row: Sequence[str], layout: Layout) -> str:
    if "clock" in layout.columns:
        return f"{_at(row, layout.columns['date'])} {_at(row, layout.columns['clock'])}"
    return _at(row, layout.columns.get("time", layout.columns.get("date", 0)))


def _at(row: Sequence[str], position: int) -> str:
    return row[position] if position < len(row) else ""


def _ordered(path: Path, patterns: Sequence[Stamp], texts: Sequence[str]) -> Stamp:
    """Choose the pattern that reads most rows, and puts them in order with the least gaps."""
    parsed = [parse_texts(pl.Series(texts, dtype=pl.String), stamp) for stamp in patterns]
    shares = [float(np.mean(time_ns != NO_TIME)) for time_ns in parsed]
    likely = [
        (_continuity(time_ns), stamp)
        for stamp, time_ns, share in zip(patterns, parsed, shares, strict=True)
        if share >= max(shares) - _SHARE_SLACK
    ]
    ranked = sorted(likely, key=lambda pair: pair[0], reverse=True)
    is_tie = len(ranked) > 1 and ranked[0][0] == ranked[1][0]
    if is_tie and "." not in ranked[0][1].pattern:
        raise DataError(
            f"{path} must show whether days or months come first; {texts[0]!r} fits "
            f"{ranked[0][1].pattern} and {ranked[1][1].pattern}.",
            remedy="Import a longer file, or write dates as 2024-01-31.",
            path=str(path),
            value=texts[0],
        )
    return ranked[0][1]


def _continuity(time_ns: IntArray) -> tuple[float, float]:
    """Return how well times follow each other, the larger the better; one bad row is ignored."""
    good = time_ns[time_ns != NO_TIME]
    if len(good) >= 3:
        good = np.sort(np.stack([good[:-2], good[1:-1], good[2:]]), axis=0)[1]
    steps = np.diff(good)
    falls = float(np.mean(steps < 0)) if len(steps) else 0.0
    disorder = min(falls, 1 - falls)
    # Rows in no order at all fall half of the time in every reading: chance would decide.
    return -min(disorder, 0.3), -float(np.abs(steps).sum())
