"""Import of one file of inputs: recognised by looking, parsed, bad rows refused by line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.data.columns import Columns
from assay.data.entry import checked_symbol
from assay.data.importers.documents import looks_like_json, text_of_head
from assay.data.importers.source import checked_file, file_sha256, read_sample
from assay.data.importers.zones import zone
from assay.data.inputs import book_csv, book_json, headings, ics, news, news_table, sentiment
from assay.data.inputs.headings import roles_in
from assay.data.inputs.order_book import Snapshot, columns_of_books
from assay.data.inputs.reading import Collected, InputChoices
from assay.data.inputs.recognised import ImportedInput, InputFormat, RecognisedInput
from assay.data.inputs.records import (
    Table,
    read_csv,
    read_text,
    read_values,
    table_of_objects,
)
from assay.data.inputs.schemas import MARKET
from assay.data.inputs.words import CURRENCIES
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_SECOND

_HEAD_BYTES = 1 << 16
_JSON_KEYS = re.compile(
    r'(?i)"(orderBook|positionBook|bids|asks|sentiment\w*|score|polarity|long\w*|bull\w*|impact|'
    r'importance|event|title|indicator)"\s*:'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file that was looked at: what it is, and what was read of it on the way."""

    recognised: RecognisedInput
    text: str = ""
    table: Table | None = None
    values: Sequence[tuple[int, object]] = ()
    roles: Mapping[str, int] | None = None


def recognise_input(path: Path) -> RecognisedInput | None:
    """Look at a file and say which input it is; None if it is none (it may be market data).

    Raises
    ------
    DataError
        If it is missing or empty, or begins as an input does and is damaged.
    """
    seen = _look(Path(path), None)
    return None if seen is None else seen.recognised


def import_input(
    path: Path,
    *,
    symbol: str | None = None,
    timezone: str | None = None,
    kind: InputFormat | str | None = None,
    delay_s: float | None = None,
    currency: str | None = None,
    source: str | None = None,
    snapshot_ns: int | None = None,
    schedule_lead_s: float | None = None,
    forecast_lead_s: float | None = None,
) -> ImportedInput:
    """Read news, sentiment or order books from a file.

    Parameters
    ----------
    path : Path
    symbol : str, optional
        Of a book or a sentiment series that names none.
    timezone : str, optional
        Clock of the file; wins over what the file states.
    kind : InputFormat or str, optional
        Format; found by looking if left out.
    delay_s : float, optional
        From the time of a row (of a release) to the moment it is known, in seconds, 0 or
        more. Default: 300 for releases, 3,600 for sentiment, 60 for books of orders and
        positions, 1 for depth. Too small a delay lets a backtest see the future.
    currency : str, optional
        Of events that name none.
    source : str, optional
        Name of a sentiment series that has no column for it; else the name of the file.
    snapshot_ns : int, optional
        UTC time of a single book that does not state its own.
    schedule_lead_s, forecast_lead_s : float, optional
        How long before an event its schedule and its forecast are taken to be known, where
        the file does not say (86,400 and 3,600).

    Raises
    ------
    DataError
        If the file is no input, or cannot be read as one; names file, line, value.
    ConfigError
        If an argument names no format, zone or currency, or is negative.
    """
    path = Path(path)
    wanted = InputFormat.parse(kind) if isinstance(kind, str) else kind
    choices = InputChoices(
        symbol=None if symbol is None else checked_symbol(symbol),
        timezone=None if timezone is None else zone(timezone).name,
        currency=_checked_currency(currency),
        delay_ns=_ns(delay_s, "delay"),
        source=source,
        snapshot_ns=snapshot_ns,
    )
    seen = _look(path, wanted)
    if seen is None:
        raise DataError(
            f"{path} must hold news, sentiment or an order book; none was recognised.",
            remedy="Name its columns as docs/inputs.md lists them, or import it as market data.",
            path=str(path),
            line=1,
        )
    defaults = news.NewsRules()
    leads = _ns(schedule_lead_s, "schedule lead"), _ns(forecast_lead_s, "forecast lead")
    rules = news.NewsRules(
        schedule_lead_ns=defaults.schedule_lead_ns if leads[0] is None else leads[0],
        forecast_lead_ns=defaults.forecast_lead_ns if leads[1] is None else leads[1],
        delay_ns=defaults.delay_ns if choices.delay_ns is None else choices.delay_ns,
    )
    collected = Collected(path)
    rows, n_kept, recognised = _read(path, seen, choices, rules, collected)
    quarantine = collected.refusals.quarantine()
    return ImportedInput(
        recognised=recognised,
        rows=rows,
        quarantine=quarantine,
        rows_in=n_kept + len(quarantine),
        rows_kept=n_kept,
        source=path.name,
        sha256=file_sha256(path),
        warnings=tuple(collected.warnings),
    )


def _checked_currency(currency: str | None) -> str | None:
    if currency is None or currency.strip().upper() in CURRENCIES:
        return None if currency is None else currency.strip().upper()
    raise ConfigError(
        f"Currency must be a code such as USD; was {currency!r}.",
        remedy="Correct the spelling.",
        value=currency,
    )


def _ns(seconds: float | None, what: str) -> int | None:
    if seconds is None:
        return None
    if not 0.0 <= seconds <= 366 * 86_400:
        raise ConfigError(
            f"The {what} must lie between 0 s and a year; was {seconds!r} s.",
            remedy="Give seconds, such as 300.",
            value=seconds,
        )
    return round(seconds * NS_PER_SECOND)


def _look(path: Path, wanted: InputFormat | None) -> _Seen | None:
    """Recognise a file, as *wanted* if that is given.

    Whatever does not look like an input in its first lines is not read on: it may be a
    market history of any size.
    """
    seen = _look_at_all(path) if _may_be_input(path) else None
    if wanted is not None and (seen is None or seen.recognised.format is not wanted):
        was = "none of them" if seen is None else seen.recognised.format.value
        raise DataError(
            f"{path} must be {wanted.value}, as told; it looks like {was}.",
            remedy="Leave the format out to let it be recognised, or correct the headers.",
            path=str(path),
            line=1,
            value=was,
        )
    return seen


def _may_be_input(path: Path) -> bool:
    """Tell from its first 64 KiB whether a file is worth reading."""
    if path.is_file() and path.stat().st_size == 0:
        return False
    checked_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return False
    try:
        sample = read_sample(path)
    except DataError:
        return False  # not text: an importer of market data says what it is
    if looks_like_json(head):
        return _JSON_KEYS.search(text_of_head(head)) is not None
    text = "\n".join(sample.head)
    return (
        ics.is_ics(text)
        or _look_at_table(read_csv(path, text + "\n", sample.encoding, _is_header)) is not None
    )


def _look_at_all(path: Path) -> _Seen | None:
    values = read_values(path)
    if values is not None:
        return _look_at_values(values)
    text, encoding = read_text(path)
    if not ics.is_ics(text):
        return _look_at_table(read_csv(path, text, encoding, _is_header))
    why = ("an iCalendar file by its first line",)
    return _Seen(recognised=RecognisedInput(format=InputFormat.NEWS_ICS, why=why), text=text)


def _is_header(fields: Sequence[str]) -> bool:
    return news_table.is_header(fields) or sentiment.is_header(fields) or book_csv.is_header(fields)


def _look_at_values(values: Sequence[tuple[int, object]]) -> _Seen | None:
    if book_json.is_oanda(values) or book_json.is_depth(values):
        is_oanda = book_json.is_oanda(values)
        recognised = RecognisedInput(
            format=InputFormat.BOOK_OANDA if is_oanda else InputFormat.BOOK_JSON,
            symbol=book_json.stated_symbol(values),
            timezone="UTC",
            clock_confidence=1.0,
            why=(
                "JSON with an orderBook or positionBook of OANDA"
                if is_oanda
                else "JSON with bids and asks",
                "times state their offset from UTC",
            ),
        )
        return _Seen(recognised=recognised, values=values)
    table = table_of_objects(values, "utf-8")
    if table is None or not table.rows:
        return None
    seen = _look_at_table(table)
    return None if seen is None or seen.recognised.format is InputFormat.BOOK_CSV else seen


def _look_at_table(table: Table) -> _Seen | None:
    is_json = not table.delimiter
    shown = ", ".join(table.headers)[:200]
    found = news_table.roles_of_table(table)
    if found is not None:
        format_ = InputFormat.NEWS_JSON if is_json else InputFormat.NEWS_CSV
        return _seen(table, format_, found[0], found[1])
    roles = roles_in(table.headers, headings.SENTIMENT)
    if sentiment.is_sentiment(table.headers, roles):
        format_ = InputFormat.SENTIMENT_JSON if is_json else InputFormat.SENTIMENT_CSV
        return _seen(table, format_, roles, f"a sentiment series by its headers {shown}")
    if book_csv.is_header(table.headers):
        roles = roles_in(table.headers, headings.BOOK)
        return _seen(table, InputFormat.BOOK_CSV, roles, f"an order book by its headers {shown}")
    if book_csv.is_market_book(table):
        roles = {"side": 0, "price": 1, "size": 2}
        why = "an MT5 market book by its values: type, price, volume"
        return _seen(table, InputFormat.BOOK_CSV, roles, why)
    return None


def _seen(table: Table, format_: InputFormat, roles: dict[str, int], why: str) -> _Seen:
    names = {
        role: table.headers[at] if at < len(table.headers) else str(at + 1)
        for role, at in roles.items()
    }
    reasons: tuple[str, ...] = (why, f"encoding {table.encoding}")
    if table.delimiter:
        reasons = (*reasons, f"delimiter {table.delimiter!r}")
    recognised = RecognisedInput(format=format_, columns=names, why=reasons)
    return _Seen(recognised=recognised, table=table, roles=roles)


def _read(
    path: Path,
    seen: _Seen,
    choices: InputChoices,
    rules: news.NewsRules,
    collected: Collected,
) -> tuple[dict[str, Columns], int, RecognisedInput]:
    """Return the rows by symbol, how many rows of the file were kept, and what it was."""
    recognised = seen.recognised
    if recognised.format is InputFormat.NEWS_ICS:
        read = ics.read_ics(path, seen.text, choices, collected)
        n_kept = read.n_rows - len(collected.refusals)
        facts = news.facts_of(read.rows, rules)
        return {MARKET: facts}, n_kept, _told(recognised, read.timezone, 1.0, read.why)
    if recognised.kind == "book":
        snapshots, timezone, why = _snapshots(path, seen, choices, collected)
        rows, n_kept = columns_of_books(snapshots, choices.delay_ns, collected)
        collected.check_share(n_kept, "levels of an order book")
        symbol = next(iter(rows)) if len(rows) == 1 else None
        told = _told(recognised, timezone, 1.0, why, symbol)
        return rows, n_kept, told
    table = seen.table
    assert table is not None
    roles = dict(seen.roles or {})
    _refuse_empty(path, table)
    if recognised.kind == "news":
        calendar = news_table.read_calendar(path, table, roles, choices, collected)
        told = _told(recognised, calendar.clock.timezone, calendar.clock.confidence, calendar.why)
        return {MARKET: news.facts_of(calendar.rows, rules)}, len(calendar.rows), told
    series = sentiment.read_sentiment(path, table, roles, choices, collected)
    n_kept = sum(len(columns["known_ns"]) for columns in series.rows.values())
    symbol = next(iter(series.rows)) if len(series.rows) == 1 else None
    return series.rows, n_kept, _told(recognised, series.timezone, 1.0, series.why, symbol)


def _refuse_empty(path: Path, table: Table) -> None:
    if not table.rows:
        raise DataError(
            f"{path} must have rows; had only a header, {', '.join(table.headers)[:120]!r}.",
            remedy="Export or download it again.",
            path=str(path),
            line=1,
        )


def _snapshots(
    path: Path, seen: _Seen, choices: InputChoices, collected: Collected
) -> tuple[list[Snapshot], str, tuple[str, ...]]:
    if seen.table is not None:
        _refuse_empty(path, seen.table)
        return book_csv.read_table(path, seen.table, choices, collected)
    snapshots = book_json.read_books(path, seen.values, choices, collected)
    if not snapshots and len(seen.values) == 1:
        raise book_json.no_snapshot(path)
    return snapshots, "UTC", ()


def _told(
    recognised: RecognisedInput,
    timezone: str,
    confidence: float,
    why: tuple[str, ...],
    symbol: str | None = None,
) -> RecognisedInput:
    return RecognisedInput(
        format=recognised.format,
        symbol=recognised.symbol or symbol,
        timezone=timezone,
        columns=recognised.columns,
        clock_confidence=confidence,
        why=(*recognised.why, *(words for words in why if words)),
    )
