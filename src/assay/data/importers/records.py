"""Records of a JSON document become rows: raw values are read, odd ones refused by number."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.documents import text_of
from assay.data.importers.layout import Layout
from assay.data.importers.rows import Refused, Rows
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.stamps import NO_TIME, parse_texts
from assay.data.quarantine import TEXT_CHARACTERS_MAX, Reason

BATCH_RECORDS = 50_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One bar or quote of a document.

    Attributes
    ----------
    number : int
        Position among the records of the file, from 1.
    raw : object
        As it stands in the document, for the quarantine.
    values : mapping of role to object
        Raw values: ``time`` and the roles of numbers.
    reason : Reason or None
        Why it is refused whatever its values are.
    symbol : str or None
    """

    number: int
    raw: object
    values: Mapping[str, object] = field(default_factory=dict)
    reason: Reason | None = None
    symbol: str | None = None


def rows_of(records: Sequence[Record], layout: Layout) -> Rows:
    """Return records as rows on the clock of the file.

    Values may be numbers or texts of numbers; null is missing, anything else no number.
    """
    n_rows = len(records)
    reasons = np.full(n_rows, NO_REASON, dtype=np.int8)

    def refuse(where: BoolArray, reason: Reason) -> None:
        reasons[where & (reasons == NO_REASON)] = REASONS.index(reason)

    for at, record in enumerate(records):
        if record.reason is not None:
            reasons[at] = REASONS.index(record.reason)
    time_ns = _times([record.values.get("time") for record in records], layout)
    refuse(time_ns == NO_TIME, Reason.TIME)
    values: dict[str, FloatArray] = {}
    for role in layout.value_roles:
        numbers, is_missing, is_odd = _numbers([record.values.get(role) for record in records])
        refuse(is_odd, Reason.NUMBER)
        if role in layout.required_roles:
            refuse(is_missing, Reason.MISSING)
        values[role] = numbers
    judged = refusals_of(values, layout.required_roles)
    reasons = np.where(reasons == NO_REASON, judged, reasons)
    keep = reasons == NO_REASON
    refused: list[Refused] = [
        (records[at].number, REASONS[int(reasons[at])], shown(records[at].raw))
        for at in np.flatnonzero(~keep).tolist()
    ]
    named: dict[str, int] = {}
    for record in records:
        if record.symbol is not None:
            named.setdefault(record.symbol, record.number)
    line = np.array([record.number for record in records], dtype=np.int64)
    return Rows(
        n_rows=n_rows,
        line=line[keep],
        time_ns=time_ns[keep],
        values={role: value[keep] for role, value in values.items()},
        refused=refused,
        labels={"symbol": named} if named else {},
    )


def batches_of_rows(records: Iterable[Record], layout: Layout) -> Iterator[Rows]:
    """Yield records as rows, at most ``BATCH_RECORDS`` at a time; one batch even if none is."""
    left = iter(records)
    batch = list(islice(left, BATCH_RECORDS))
    yield rows_of(batch, layout)
    while batch := list(islice(left, BATCH_RECORDS)):
        yield rows_of(batch, layout)


def texts_of(records: Iterable[Record], numbers: Sequence[int]) -> dict[int, str]:
    """Return the texts that the quarantine shows of the records *numbers*."""
    wanted = set(numbers)
    return {record.number: shown(record.raw) for record in records if record.number in wanted}


def shown(raw: object) -> str:
    """Return the text of a record that the quarantine shows."""
    return (raw if isinstance(raw, str) else text_of(raw))[:TEXT_CHARACTERS_MAX]


def stamp_text(value: object) -> str:
    """Return a raw time as text; empty if it is none."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**19 else ""
    return value.strip() if isinstance(value, str) else ""


def _times(raw: Sequence[object], layout: Layout) -> IntArray:
    texts = pl.Series([stamp_text(value) for value in raw], dtype=pl.String)
    return parse_texts(texts, layout.stamp)


def _numbers(
    raw: Sequence[object],
) -> tuple[
    FloatArray,
    BoolArray,
    BoolArray,
]:
    """Return values, which of them are missing, and which are no numbers."""
    values = np.full(len(raw), np.nan)
    is_missing, is_odd = np.zeros(len(raw), dtype=np.bool_), np.zeros(len(raw), dtype=np.bool_)
    for at, value in enumerate(raw):
        if value is None or value == "":
            is_missing[at] = True
        elif isinstance(value, str):
            if _NUMBER.fullmatch(value.strip()):
                values[at] = float(value)
            else:
                is_odd[at] = True
        elif isinstance(value, bool) or not isinstance(value, int | float):
            is_odd[at] = True
        else:
            try:
                values[at] = float(value)
            except OverflowError:
                values[at] = math.inf
    return values, is_missing, is_odd
