"""Yahoo's chart API: answers as they were saved."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay.data.importers.documents import looks_like_json, read_documents, text_of_head
from assay.data.importers.layout import Format, Layout
from assay.data.importers.records import Record, batches_of_rows, texts_of
from assay.data.importers.rows import Rows
from assay.data.importers.source import Progress
from assay.data.importers.stamps import Stamp
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_ROLES = ("open", "high", "low", "close", "volume")
_GRANULARITIES = {
    "1m": Timeframe.M1,
    "5m": Timeframe.M5,
    "15m": Timeframe.M15,
    "30m": Timeframe.M30,
    "60m": Timeframe.H1,
    "1h": Timeframe.H1,
    "1d": Timeframe.D1,
    "1wk": Timeframe.W1,
    "1mo": Timeframe.MN1,
}
_WARNING = (
    "Yahoo's prices are indicative and of no stated side; they are stored as bid. Rows are "
    "revised and left out without notice: do not base a verdict on them."
)


class YahooReader:
    """Answers of ``/v8/finance/chart``: columns of bars, times in seconds since 1970, UTC.

    A row whose prices are null (a pause, or a row that the source lost) is refused by number.
    """

    formats = (Format.YAHOO_BARS,)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file that begins with JSON and holds a chart.

        Raises
        ------
        DataError
            If it is cut off or damaged, or holds no rows.
        """
        if not looks_like_json(head):
            return None
        text = text_of_head(head).lstrip()[:200]
        if not re.match(r'\{\s*"chart"\s*:', text):
            return None
        result = _result(path)
        meta = result["meta"]
        assert isinstance(meta, Mapping)
        ticker, granularity = str(meta.get("symbol", "")), str(meta.get("dataGranularity", ""))
        why = [f"a chart of Yahoo: {ticker or 'no symbol'}, {granularity or 'no granularity'}"]
        return Layout(
            format=Format.YAHOO_BARS,
            columns={role: at for at, role in enumerate(("time", *_ROLES))},
            names={"time": "timestamp", **{role: f"quote.{role}" for role in _ROLES}},
            stamp=Stamp(pattern="epoch s"),
            timezone="UTC",
            symbol=_symbol(ticker),
            timeframe=_GRANULARITIES.get(granularity),
            why=tuple(why),
            warnings=(_WARNING,),
        )

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, up to ``BATCH_RECORDS`` at a time.

        Raises
        ------
        DataError
            If the columns of the chart differ in length; names the key.
        """
        yield from batches_of_rows(_records(path), layout)
        if progress is not None:
            size = path.stat().st_size
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return rows as compact JSON, in one further pass over the file."""
        return texts_of(_records(path), numbers)


def _symbol(ticker: str) -> str | None:
    """Return the name in the catalogue: ``EURUSD`` for ``EURUSD=X``, ``GC`` for ``GC=F``."""
    name = re.sub(r"=[XF]$", "", ticker.upper()).lstrip("^").replace("=", "-")
    return name if re.fullmatch(r"[A-Z0-9][A-Z0-9.-]{0,30}", name) else None


def _result(path: Path) -> Mapping[str, object]:
    """Return the one chart of a file; it has ``meta``, ``timestamp`` and a quote."""
    documents = list(read_documents(path))
    chart = documents[0].value if len(documents) == 1 else None
    chart = chart.get("chart") if isinstance(chart, Mapping) else None
    if not isinstance(chart, Mapping):
        raise _not_a_chart(path, "chart", "no object, or not the only one")
    if chart.get("error"):
        raise _not_a_chart(path, "chart.error", str(chart["error"])[:100])
    results = chart.get("result")
    result = results[0] if isinstance(results, list) and len(results) == 1 else None
    if not isinstance(result, Mapping) or not isinstance(result.get("meta"), Mapping):
        raise _not_a_chart(path, "chart.result", "not one object with meta")
    times = result.get("timestamp")
    if not isinstance(times, list) or not times:
        raise _not_a_chart(path, "chart.result[0].timestamp", "empty")
    return result


def _records(path: Path) -> Iterator[Record]:
    result = _result(path)
    times = result["timestamp"]
    assert isinstance(times, list)
    indicators = result.get("indicators")
    quotes = indicators.get("quote") if isinstance(indicators, Mapping) else None
    quote = quotes[0] if isinstance(quotes, list) and quotes else None
    if not isinstance(quote, Mapping):
        raise _not_a_chart(path, "chart.result[0].indicators.quote", "missing")
    columns: dict[str, list[object]] = {}
    for role in _ROLES:
        column = quote.get(role)
        if column is None and role == "volume":
            column = [None] * len(times)
        if not isinstance(column, list) or len(column) != len(times):
            n_found = len(column) if isinstance(column, list) else "no list"
            raise _not_a_chart(path, f"quote.{role}", f"{n_found} where {len(times)} belong")
        columns[role] = column
    for at, time in enumerate(times):
        values = {role: column[at] for role, column in columns.items()}
        is_lost = all(values[role] is None for role in _ROLES[:4])
        yield Record(
            number=at + 1,
            raw={"timestamp": time, **values},
            values={"time": time, **values},
            reason=Reason.MISSING if is_lost else None,
        )


def _not_a_chart(path: Path, key: str, was: str) -> DataError:
    return DataError(
        f"{path} key {key} must be that of a filled chart; was {was}.",
        remedy="The answer is empty or damaged: download it again, or take another source.",
        path=str(path),
        key=key,
    )
