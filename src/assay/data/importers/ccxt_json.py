"""ccxt: OHLCV arrays and trades, as lists or as JSON lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay.data.importers.documents import as_list, looks_like_json, read_documents, text_of_head
from assay.data.importers.headers import symbol_written
from assay.data.importers.layout import Format, Layout
from assay.data.importers.records import Record, batches_of_rows, texts_of
from assay.data.importers.rows import Rows
from assay.data.importers.source import Progress
from assay.data.importers.stamps import Stamp
from assay.data.quarantine import Reason

_BAR_ROLES = ("time", "open", "high", "low", "close", "volume")
_FIELDS_MIN = 5
_BAR = re.compile(r'\[?\s*\[\s*"?\d{12,13}"?\s*,\s*("?[-+\d.]|null)')
_MILLISECONDS = Stamp(pattern="epoch ms")
_BAR_WARNING = (
    "Prices are those of trades; they are stored as bid. An answer of ccxt ends with the bar in "
    "progress: the last bar may be incomplete."
)
_TRADE_WARNING = (
    "Trades carry no spread: each price is stored as bid and ask alike. Add the spread of the "
    "venue before judging costs."
)


class CcxtReader:
    """What ``fetch_ohlcv`` and ``fetch_trades`` return, saved as JSON.

    Times are milliseconds since 1970, UTC.

    References
    ----------
    ccxt manual, "OHLCV Structure" and "Trade Structure".
    """

    formats = (Format.CCXT_BARS, Format.CCXT_TICKS)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file that begins with JSON of arrays of numbers, or of trades.

        Raises
        ------
        DataError
            If it is cut off or damaged.
        """
        if not looks_like_json(head):
            return None
        text = text_of_head(head)
        if _BAR.match(text.lstrip()):
            return _bar_layout()
        if not _has_trades(text):
            return None
        for _, value in _values(path):
            if isinstance(value, Mapping) and "price" in value:
                return _trade_layout(value)
        return None

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, up to ``BATCH_RECORDS`` at a time.

        Raises
        ------
        DataError
            If the file is not JSON; names line and offset.
        """
        yield from batches_of_rows(_records(path, layout), layout)
        if progress is not None:
            size = path.stat().st_size
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return records as compact JSON, in one further pass over the file."""
        return texts_of(_records(path, layout), numbers)


def _has_trades(head: str) -> bool:
    has_time = '"timestamp"' in head or '"datetime"' in head
    return has_time and '"price"' in head and ('"amount"' in head or '"side"' in head)


def _values(path: Path) -> Iterator[tuple[bool, object]]:
    """Yield the records of a file, and whether each was a line that is no JSON."""
    for document in read_documents(path):
        if document.fault:
            yield True, document.text
        elif _is_list_of_records(document.value):
            for value in as_list(document.value):
                yield False, value
        else:
            yield False, document.value


def _is_list_of_records(value: object) -> bool:
    """Tell a list of bars or trades from a single bar, which is a list of numbers."""
    return isinstance(value, list) and (
        not value or any(isinstance(item, list | dict) for item in value)
    )


def _records(path: Path, layout: Layout) -> Iterator[Record]:
    read = _trade if layout.format.is_ticks else _bar
    for at, (is_lost, value) in enumerate(_values(path)):
        if is_lost:
            yield Record(number=at + 1, raw=value, reason=Reason.SYNTAX)
        else:
            yield read(at + 1, value)


def _bar(number: int, value: object) -> Record:
    if not isinstance(value, list) or len(value) < _FIELDS_MIN:
        return Record(number=number, raw=value, reason=Reason.FIELDS)
    return Record(number=number, raw=value, values=dict(zip(_BAR_ROLES, value, strict=False)))


def _trade(number: int, value: object) -> Record:
    if not isinstance(value, Mapping):
        return Record(number=number, raw=value, reason=Reason.FIELDS)
    price, symbol = value.get("price"), value.get("symbol")
    return Record(
        number=number,
        raw=value,
        values={
            "time": value.get("timestamp"),
            "bid": price,
            "ask": price,
            "volume": value.get("amount"),
        },
        symbol=symbol_written(symbol) if isinstance(symbol, str) else None,
    )


def _bar_layout() -> Layout:
    return Layout(
        format=Format.CCXT_BARS,
        columns={role: at for at, role in enumerate(_BAR_ROLES)},
        names={role: f"[{at}]" for at, role in enumerate(_BAR_ROLES)},
        stamp=_MILLISECONDS,
        timezone="UTC",
        why=("ccxt OHLCV: JSON arrays of milliseconds, open, high, low, close, volume",),
        warnings=(_BAR_WARNING,),
    )


def _trade_layout(first: Mapping[str, object]) -> Layout:
    symbol = first.get("symbol")
    names = {"time": "timestamp", "bid": "price", "ask": "price", "volume": "amount"}
    why = ["ccxt trades: JSON objects with timestamp, price and amount"]
    if isinstance(symbol, str):
        why.append(f"the file states symbol {symbol}")
    return Layout(
        format=Format.CCXT_TICKS,
        columns={role: at for at, role in enumerate(names)},
        names=names,
        stamp=_MILLISECONDS,
        timezone="UTC",
        symbol=symbol_written(symbol) if isinstance(symbol, str) else None,
        why=tuple(why),
        warnings=(_TRADE_WARNING,),
    )
