"""Parsing of whole lines into columns: a fast path for good blocks, an exact one for others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.detect import unquoted
from assay.data.importers.layout import Format, Layout
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.source import Block
from assay.data.importers.stamps import NO_TIME, parse_texts
from assay.data.quarantine import Reason

Refused = tuple[int, Reason, str]
OPTIONAL = ("volume", "spread")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one block: those that stand on their own, and those refused.

    Attributes
    ----------
    n_rows : int
        Rows read: ``len(line) + len(refused)``.
    line : int64, shape (n_kept,)
        Line (in Parquet: row) of each kept row, from 1.
    time_ns : int64, shape (n_kept,)
        Nanoseconds on the clock of the file.
    values : dict of role to float64, shape (n_kept,)
        NaN only in optional roles (and in the missing side of MT5 ticks).
    refused : list of (line, reason, text)
    labels : dict of role to dict of text to line
        Distinct texts of a symbol or timeframe column, and where each first stood.
    warnings : tuple of str
        What the rows themselves say that a user should know.
    """

    n_rows: int
    line: IntArray
    time_ns: IntArray
    values: dict[str, FloatArray]
    refused: list[Refused]
    labels: dict[str, dict[str, int]]
    warnings: tuple[str, ...] = ()


def parse_block(block: Block, layout: Layout) -> Rows:
    """Return the rows of *block*; header and blank lines are no rows."""
    text, first_line = block.text, block.first_line
    n_skip = max(0, layout.header_lines - (first_line - 1))
    for _ in range(min(n_skip, block.n_lines)):
        text = text[text.index(b"\n") + 1 :]
    n_skip = min(n_skip, block.n_lines)
    n_lines, first_line = block.n_lines - n_skip, first_line + n_skip
    if n_lines == 0:
        return _judged(_Parsed.empty(layout), layout, [], [])
    if layout.has_quotes:
        text = unquoted(text)
    if layout.decimal == ",":
        text = text.replace(b",", b".")
    parsed = _fast(text, n_lines, first_line, layout)
    if parsed is not None:
        return _judged(parsed, layout, [], text)
    parsed, refused = _exact(text, first_line, layout, ends_cut=block.ends_cut)
    return _judged(parsed, layout, refused, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """Columns before the rules: every row has a time and numbers."""

    line: IntArray
    first_line: int
    time_ns: IntArray
    values: dict[str, FloatArray]
    labels: dict[str, dict[str, int]]

    @classmethod
    def empty(cls, layout: Layout) -> "_Parsed":
        none = np.empty(0, dtype=np.int64)
        values = {role: np.empty(0) for role in layout.value_roles}
        return cls(line=none, first_line=1, time_ns=none, values=values, labels={})


def _judged(
    parsed: _Parsed, layout: Layout, refused: list[Refused], text: bytes | Sequence[str]
) -> Rows:
    """Apply the rules of a single row."""
    reasons = refusals_of(parsed.values, layout.required_roles)
    if layout.format is Format.MT5_TICKS:
        reasons = _tick_reasons(parsed.values)
    bad = np.flatnonzero(reasons != NO_REASON)
    if len(bad):
        lines = text.split(b"\n") if isinstance(text, bytes) else []
        for at in bad:
            line = int(parsed.line[at])
            raw = lines[line - parsed.first_line].decode("utf-8", errors="replace")
            refused.append((line, REASONS[int(reasons[at])], raw))
    keep = reasons == NO_REASON
    everything = not len(bad)
    return Rows(
        n_rows=len(parsed.line) + len(refused) - len(bad),
        line=parsed.line if everything else parsed.line[keep],
        time_ns=parsed.time_ns if everything else parsed.time_ns[keep],
        values=parsed.values
        if everything
        else {role: value[keep] for role, value in parsed.values.items()},
        refused=refused,
        labels=parsed.labels,
    )


def _tick_reasons(values: dict[str, FloatArray]) -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
    """Judge MT5 ticks, where an unchanged side is left empty (or zero)."""
    for role in ("bid", "ask"):
        values[role] = np.where(values[role] == 0.0, np.nan, values[role])
    neither = np.isnan(values["bid"]) & np.isnan(values["ask"])
    reasons = np.full(len(neither), NO_REASON, dtype=np.int8)
    reasons[neither] = REASONS.index(Reason.MISSING)
    for role in ("bid", "ask"):
        reasons[values[role] < 0.0] = REASONS.index(Reason.NOT_POSITIVE)
        reasons[np.isinf(values[role])] = REASONS.index(Reason.NOT_FINITE)
    reasons[values["ask"] < values["bid"]] = REASONS.index(Reason.CROSSED)
    return reasons


def _fast(text: bytes, n_lines: int, first_line: int, layout: Layout) -> _Parsed | None:
    """Parse with the columnar reader; None if any row is not as expected."""
    n_fields = _fields_per_line(text, n_lines, layout)
    if n_fields is None:
        return None
    values = set(layout.value_roles)
    roles = {at: role for role, at in layout.columns.items()}
    schema: dict[str, type[pl.DataType]] = {}
    for at in range(n_fields):
        role = roles.get(at, "")
        is_count = layout.stamp.pattern == "epoch s" and role in ("time", "date")
        is_count = is_count or (layout.stamp.is_epoch and role in ("time", "date"))
        schema[f"c{at}"] = pl.Float64 if role in values else pl.Int64 if is_count else pl.String
    try:
        frame = pl.read_csv(
            text,
            has_header=False,
            separator=layout.delimiter,
            schema=schema,
            columns=sorted({*layout.columns.values(), n_fields - 1}),
            quote_char=None,
        )
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return None
    if frame.height != n_lines:
        return None
    last = frame[f"c{n_fields - 1}"]
    if n_fields > layout.n_columns:
        if last.null_count() < n_lines:
            return None
    elif last.null_count() and not _are_even(text, n_lines, n_fields, layout.delimiter):
        return None
    columns = {role: frame[f"c{at}"] for role, at in layout.columns.items()}
    required = set(layout.columns) - set(OPTIONAL)
    if layout.format is Format.MT5_TICKS:
        required -= {"bid", "ask"}
    if any(columns[role].null_count() for role in required):
        return None
    time_ns = parse_texts(_stamp_column(columns), layout.stamp)
    if (time_ns == NO_TIME).any():
        return None
    line = np.arange(first_line, first_line + n_lines, dtype=np.int64)
    return _Parsed(
        line=line,
        first_line=first_line,
        time_ns=time_ns,
        values={role: _floats(columns[role]) for role in layout.value_roles},
        labels=_labels(columns, line),
    )


def _fields_per_line(text: bytes, n_lines: int, layout: Layout) -> int | None:
    """Return how many fields each line has, a last empty one included; None if they differ.

    The columnar reader fills short lines up and cuts long ones off. Delimiters are counted in
    all; if the last field is nowhere empty, no line can be short, and so none can be long.
    """
    if b"\x00" in text:
        return None
    n_delimiters = text.count(layout.delimiter.encode())
    if n_delimiters == n_lines * (layout.n_columns - 1):
        return layout.n_columns
    if n_delimiters == n_lines * layout.n_columns:
        n_fields = layout.n_columns + 1
        return n_fields if _are_even(text, n_lines, n_fields, layout.delimiter) else None
    return None


def _are_even(text: bytes, n_lines: int, n_fields: int, delimiter: str) -> bool:
    """Tell whether every line has *n_fields* fields."""
    codes = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    if len(ends) != n_lines:
        return False
    before = np.searchsorted(np.flatnonzero(codes == ord(delimiter)), ends)
    return bool((np.diff(before, prepend=0) == n_fields - 1).all())


def _stamp_column(columns: dict[str, pl.Series]) -> pl.Series:
    if "clock" in columns:
        frame = pl.DataFrame({"date": columns["date"], "clock": columns["clock"]})
        return frame.select(pl.concat_str("date", "clock", separator=" ")).to_series()
    return columns["time"] if "time" in columns else columns["date"]


def _floats(column: pl.Series) -> FloatArray:
    return np.ascontiguousarray(column.fill_null(np.nan).to_numpy(), dtype=np.float64)


def _labels(columns: dict[str, pl.Series], line: IntArray) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for role in ("symbol", "timeframe"):
        if role in columns:
            texts = columns[role].str.strip_chars()
            frame = pl.DataFrame({"text": texts, "line": line})
            firsts = frame.group_by("text").agg(pl.col("line").min())
            found[role] = dict(zip(firsts["text"], firsts["line"], strict=True))
    return found


def _exact(
    text: bytes, first_line: int, layout: Layout, *, ends_cut: bool
) -> tuple[_Parsed, list[Refused]]:
    """Parse line by line, so that every bad row is known by its line and its reason."""
    lines = text.decode("utf-8", errors="replace").split("\n")[:-1]
    frame = pl.DataFrame(
        {"text": lines, "line": np.arange(first_line, first_line + len(lines), dtype=np.int64)}
    ).filter(pl.col("text").str.strip_chars() != "")
    fields = frame["text"].str.split(layout.delimiter)
    if layout.delimiter != "\t":
        fields = frame["text"].str.strip_chars(" ").str.split(layout.delimiter)
    n_fields = fields.list.len().to_numpy()
    ends_empty = fields.list.last().str.strip_chars().fill_null("").to_numpy() == ""
    is_wrong = (n_fields != layout.n_columns) & ~((n_fields == layout.n_columns + 1) & ends_empty)
    reasons: list[Reason | None] = [None] * frame.height

    def refuse(where: BoolArray, reason: Reason) -> None:
        for at in np.flatnonzero(where):
            reasons[at] = reasons[at] or reason

    has_odd = frame["text"].str.contains("\ufffd|\x00").to_numpy()
    refuse(has_odd, Reason.ENCODING)
    if ends_cut and frame.height:
        is_last = np.arange(frame.height) == frame.height - 1
        refuse(is_last & (n_fields < layout.n_columns), Reason.TRUNCATED)
    refuse(is_wrong, Reason.FIELDS)
    columns = {
        role: fields.list.get(at, null_on_oob=True).fill_null("").str.strip_chars()
        for role, at in layout.columns.items()
    }
    time_ns = parse_texts(_stamp_column(columns), layout.stamp)
    refuse(time_ns == NO_TIME, Reason.TIME)
    values: dict[str, FloatArray] = {}
    for role in layout.value_roles:
        is_empty = (columns[role] == "").to_numpy()
        numbers = columns[role].cast(pl.Float64, strict=False)
        refuse(numbers.is_null().to_numpy() & ~is_empty, Reason.NUMBER)
        if role in layout.required_roles:
            refuse(is_empty, Reason.MISSING)
        values[role] = _floats(numbers)
    keep = np.array([reason is None for reason in reasons], dtype=np.bool_)
    line = frame["line"].to_numpy()
    texts = frame["text"]
    refused = [
        (int(line[at]), reason, texts[at])
        for at, reason in enumerate(reasons)
        if reason is not None
    ]
    kept_columns = {role: column.filter(keep) for role, column in columns.items()}
    parsed = _Parsed(
        line=line[keep],
        first_line=first_line,
        time_ns=time_ns[keep],
        values={role: value[keep] for role, value in values.items()},
        labels=_labels(kept_columns, line[keep]),
    )
    return parsed, refused
