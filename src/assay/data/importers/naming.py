"""Symbol and timeframe as the file itself names them: in its name, or in a column."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from assay.data.importers.headers import symbol_written
from assay.data.importers.layout import Layout
from assay.data.importers.scale import plausible_range
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe

_WORD = re.compile(r"[A-Z]{6}")
_TIMEFRAME_AFTER = re.compile(r"(?<=[A-Z]{6})(?:MN|[MHDW])(?=\d)")


def plain(symbol: str) -> str:
    """Return a symbol without separators and broker suffixes.

    Examples
    --------
    >>> plain("eur/usd.pro")
    'EURUSD'
    """
    letters = re.sub(r"[^A-Z]", "", symbol.upper().split(".")[0])
    return letters[:6] if plausible_range(letters[:6]) is not None else letters


def refuse_other_symbol(path: Path, symbol: str, labels: Mapping[str, int] | None = None) -> None:
    """Refuse rows, or a file name, that name another symbol than the one asked for.

    Raises
    ------
    DataError
        If a symbol column holds another symbol, or the file name holds a known pair (or
        metal) that is not *symbol*.
    """
    for text, line in sorted((labels or {}).items(), key=lambda item: item[1]):
        if plain(text) != plain(symbol):
            raise DataError(
                f"{path} must hold rows of {symbol}; line {line} is of {text!r}.",
                remedy=f"Pass --symbol {plain(text) or text}, or keep only the rows of {symbol}.",
                path=str(path),
                line=line,
                value=text,
            )
    if labels or plausible_range(symbol) is None:
        return
    words = [word for word in _WORD.findall(path.name.upper()) if plausible_range(word)]
    if words and plain(symbol) not in words:
        raise DataError(
            f"{path} must hold {symbol}; its name says {words[0]}.",
            remedy=f"Pass --symbol {words[0]}, or rename the file if its name is wrong.",
            path=str(path),
            value=words[0],
        )


def settled_symbol(path: Path, layout: Layout, told: str) -> str:
    """Return the symbol as told, as the bytes state it, or as the name of the file does.

    It is empty where *told* is, and a column must say, or nothing is there yet to say it.

    Raises
    ------
    DataError
        If two of them differ, or none says.
    """
    if told:
        _refuse_other_than(path, told, layout)
        return told
    if layout.symbol is not None:
        _refuse_name(path, layout.symbol)
        return layout.symbol
    if "symbol" in layout.columns:
        return ""
    named = symbol_of(path)
    if named is None and path.stat().st_size:
        raise unknown_symbol(path)
    return named or ""


def symbol_in_rows(path: Path, symbol: str, labels: Mapping[str, int] | None) -> str:
    """Return *symbol* or, where it is empty, the one that a column names; refuse any other.

    A known pair goes without its suffix; other names are as written.

    Raises
    ------
    DataError
        If rows name another symbol.
    """
    if not symbol and labels:
        text = min(labels, key=lambda text: labels[text])
        known = plain(text)
        symbol = known if plausible_range(known) is not None else symbol_written(text)
    if symbol:
        refuse_other_symbol(path, symbol, labels)
    return symbol


def _refuse_other_than(path: Path, symbol: str, layout: Layout) -> None:
    """Refuse a file that states another symbol than the one asked for."""
    if layout.symbol is None:
        if "symbol" not in layout.columns:
            refuse_other_symbol(path, symbol)
    elif plain(layout.symbol) != plain(symbol):
        raise DataError(
            f"{path} must hold rows of {symbol}; it states {layout.symbol}.",
            remedy=f"Pass --symbol {layout.symbol}, or leave --symbol out.",
            path=str(path),
            value=layout.symbol,
        )


def _refuse_name(path: Path, stated: str) -> None:
    """Refuse a file whose name and contents state different symbols."""
    named = symbol_of(Path(path.name))
    if named is not None and plain(named) != plain(stated):
        raise DataError(
            f"{path} must be of one symbol; its name says {named}, its contents {stated}.",
            remedy=f"Pass --symbol {stated} if the name is wrong; otherwise copy the file again.",
            path=str(path),
            value=named,
        )


def unknown_symbol(path: Path) -> DataError:
    """Return the error of a file that does not say what it is of."""
    return DataError(
        f"{path} must say what its rows are quotes of; neither its bytes nor its name do.",
        remedy="Pass --symbol, such as --symbol EURUSD.",
        path=str(path),
    )


_MINUTES = {str(member.value // 60): member for member in Timeframe}
_LETTERS = {"D": Timeframe.D1, "W": Timeframe.W1, "M": Timeframe.MN1, "MN": Timeframe.MN1}


def timeframe_of_labels(path: Path, labels: Mapping[str, int]) -> Timeframe | None:
    """Return the timeframe that a column names in every row; None if none is known.

    Raises
    ------
    DataError
        If rows name several.
    """
    if not labels:
        return None
    ordered = sorted(labels.items(), key=lambda item: item[1])
    if len(ordered) > 1:
        text, line = ordered[1]
        raise DataError(
            f"{path} must hold one timeframe; rows are {ordered[0][0]!r}, but line {line} is "
            f"{text!r}.",
            remedy="Split the file by timeframe and import each part.",
            path=str(path),
            line=line,
        )
    text = ordered[0][0].upper()
    if text in _MINUTES or text in _LETTERS:
        return _MINUTES.get(text) or _LETTERS[text]
    try:
        return Timeframe.parse(text)
    except ConfigError:
        return None


def symbol_of(path: Path) -> str | None:
    """Return the known pair or metal that a file name, or one of its two folders, names.

    Examples
    --------
    >>> symbol_of(Path("archive/eur_usd/2019.csv"))
    'EURUSD'
    >>> symbol_of(Path("XAUUSDh1.csv"))
    'XAUUSD'
    """
    for text in (path.name, path.parent.name, path.parent.parent.name):
        words = re.split(r"[^A-Z]+", _TIMEFRAME_AFTER.sub(" ", text.upper()))
        pairs = [first + second for first, second in pairwise(words)]
        for word in (*words, *pairs):
            if len(word) == 6 and plausible_range(word) is not None:
                return word
    return None
