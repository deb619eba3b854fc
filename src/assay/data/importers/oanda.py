"""OANDA v20 candles: responses as they were saved, one, several, or one per line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.data.importers.documents import looks_like_json, read_documents, text_of_head
from assay.data.importers.headers import symbol_written
from assay.data.importers.layout import Format, Layout
from assay.data.importers.records import Record, batches_of_rows, stamp_text, texts_of
from assay.data.importers.rows import Rows
from assay.data.importers.source import Progress
from assay.data.importers.stamps import stamp_patterns
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_GRANULARITIES = {
    **{name: Timeframe[name] for name in ("M1", "M5", "M15", "M30", "H1", "H4")},
    "D": Timeframe.D1,
    "W": Timeframe.W1,
    "M": Timeframe.MN1,
}
_PARTS = {"open": "o", "high": "h", "low": "l", "close": "c"}
_SIDES = ("bid", "ask", "mid")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """One answer: what it is of, and where it stands in its document."""

    key: str
    line: int
    facts: Mapping[str, object]
    candles: Sequence[object]


class OandaReader:
    """Candles of the OANDA v20 API, of one instrument and granularity.

    A bar that was still in progress (``"complete": false``) is refused by row: its prices
    would change. Prices of bid and ask make bars with both sides; mid prices alone are
    taken for bid, with a warning.

    References
    ----------
    OANDA v20 REST API, "Instrument Definitions", Candlestick and CandlestickGranularity.
    """

    formats = (Format.OANDA_BARS,)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file that begins with JSON and names candles.

        Raises
        ------
        DataError
            If it is cut off or damaged, holds no candle, or a granularity that is no timeframe.
        """
        if not looks_like_json(head) or not _has_candles(text_of_head(head)):
            return None
        for response in _responses(path):
            for candle in response.candles:
                if isinstance(candle, Mapping) and _sides_of(candle):
                    return _layout(path, response, candle)
        raise DataError(
            f"{path} must hold candles with bid, ask or mid prices; held none.",
            remedy="The answer is empty: ask for a period in which the market was open.",
            path=str(path),
        )

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, up to ``BATCH_RECORDS`` at a time.

        Raises
        ------
        DataError
            If responses are of several instruments or granularities; names the key and both.
        """
        yield from batches_of_rows(_records(path, layout), layout)
        if progress is not None:
            size = path.stat().st_size
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return candles as compact JSON, in one further pass over the file."""
        return texts_of(_records(path, layout), numbers)


def _has_candles(head: str) -> bool:
    if '"candles"' in head or '"latestCandles"' in head:
        return True
    return '"complete"' in head and any(f'"{side}"' in head for side in _SIDES)


def _responses(path: Path) -> Iterator[_Response]:
    """Yield the answers of a file; candles that stand alone are answers without facts."""
    for document in read_documents(path):
        if document.fault:
            yield _Response(key="", line=document.line, facts={}, candles=[document.text])
        else:
            yield from _within("", document.value, document.line)


def _within(key: str, value: object, line: int) -> Iterator[_Response]:
    if isinstance(value, Mapping):
        if "latestCandles" in value:
            yield from _within(f"{key}.latestCandles".lstrip("."), value["latestCandles"], line)
        elif "candles" in value:
            candles = value["candles"]
            listed = candles if isinstance(candles, list) else [candles]
            yield _Response(key=key, line=line, facts=value, candles=listed)
        else:
            yield _Response(key=key, line=line, facts={}, candles=[value])
    elif isinstance(value, list):
        if all(isinstance(item, Mapping) and "candles" in item for item in value):
            for i, item in enumerate(value):
                yield from _within(f"{key}[{i}]", item, line)
        else:
            yield _Response(key=key, line=line, facts={}, candles=value)
    else:
        yield _Response(key=key, line=line, facts={}, candles=[value])


def _sides_of(candle: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(side for side in _SIDES if isinstance(candle.get(side), Mapping))


def _layout(path: Path, response: _Response, candle: Mapping[str, object]) -> Layout:
    """Return how candles like the first one are read."""
    sides = _sides_of(candle)
    main = "bid" if "bid" in sides else "ask" if "ask" in sides else "mid"
    names = {"time": "time", "volume": "volume"}
    names |= {role: f"{main}.{part}" for role, part in _PARTS.items()}
    if main == "bid" and "ask" in sides:
        names |= {f"ask_{role}": f"ask.{part}" for role, part in _PARTS.items()}
    text = stamp_text(candle.get("time"))
    patterns = stamp_patterns([text])
    if not patterns:
        raise DataError(
            f"{path} key {_key(response)}.candles[].time must be a time; was {text!r}.",
            remedy="Ask for the date format RFC3339 or UNIX.",
            path=str(path),
            value=text,
        )
    symbol, timeframe = _facts(path, response)
    said = ["OANDA v20 candles: JSON with a list of candles", f"prices of {', '.join(sides)}"]
    if symbol is not None:
        said.append(f"the file states instrument {response.facts['instrument']}")
    warnings: tuple[str, ...] = ()
    if main == "mid":
        warnings = (
            "Prices are mid prices; they are stored as bid, without a spread. Ask OANDA for "
            "price=BA.",
        )
    return Layout(
        format=Format.OANDA_BARS,
        columns={role: at for at, role in enumerate(names)},
        names={role: f"candles[].{name}" for role, name in names.items()},
        stamp=patterns[0],
        timezone="UTC",
        side="ask" if main == "ask" else "bid",
        symbol=symbol,
        timeframe=timeframe,
        divisor=1,
        why=(*said, f"times as {patterns[0].pattern}, such as {text!r}"),
        warnings=warnings,
    )


def _key(response: _Response) -> str:
    return f"{response.key or '(document'} at line {response.line}" + ("" if response.key else ")")


def _facts(path: Path, response: _Response) -> tuple[str | None, Timeframe | None]:
    """Return symbol and timeframe that an answer states.

    Raises
    ------
    DataError
        If its granularity is no timeframe of Assay.
    """
    instrument = response.facts.get("instrument")
    granularity = response.facts.get("granularity")
    symbol = symbol_written(instrument) if isinstance(instrument, str) else None
    if granularity is None:
        return symbol or None, None
    if not isinstance(granularity, str) or granularity not in _GRANULARITIES:
        known = ", ".join(_GRANULARITIES)
        raise DataError(
            f"{path} key {_key(response)}.granularity must be one of {known}; was {granularity!r}.",
            remedy="Download one of these; M1 can be resampled to every longer timeframe.",
            path=str(path),
            key="granularity",
            value=granularity,
            line=response.line,
        )
    return symbol or None, _GRANULARITIES[granularity]


def _records(path: Path, layout: Layout) -> Iterator[Record]:
    """Yield the candles of all answers, counted from 1."""
    number = 0
    for response in _responses(path):
        symbol, timeframe = _facts(path, response)
        if layout.symbol is not None and symbol not in (None, layout.symbol):
            raise _mixed(path, response, "instrument", layout.symbol)
        if layout.timeframe is not None and timeframe not in (None, layout.timeframe):
            raise _mixed(path, response, "granularity", layout.timeframe.name)
        for candle in response.candles:
            number += 1
            yield _record(number, candle, layout)


def _mixed(path: Path, response: _Response, fact: str, first: str) -> DataError:
    return DataError(
        f"{path} must hold one {fact}; began with {first}, but key {_key(response)}.{fact} is "
        f"{response.facts[fact]!r}.",
        remedy=f"Save each {fact} to its own file.",
        path=str(path),
        key=fact,
        value=response.facts[fact],
        line=response.line,
    )


def _record(number: int, candle: object, layout: Layout) -> Record:
    if not isinstance(candle, Mapping):
        lost = Reason.SYNTAX if isinstance(candle, str) else Reason.FIELDS
        return Record(number=number, raw=candle, reason=lost)
    values: dict[str, object] = {}
    for role, name in layout.names.items():
        item: object = candle
        for part in name.removeprefix("candles[].").split("."):
            item = item.get(part) if isinstance(item, Mapping) else None
        values[role] = item
    complete = candle.get("complete", True)
    reason: Reason | None = None
    if complete is not True:
        reason = Reason.INCOMPLETE if complete is False else Reason.FIELDS
    return Record(number=number, raw=candle, values=values, reason=reason)
