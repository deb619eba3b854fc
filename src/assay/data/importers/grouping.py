"""Imports of one series that wait to be merged together."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import commonpath

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.importers.imported import Imported
from assay.data.importers.sides import joined, rows_of, with_ask_side
from assay.data.provenance import Provenance
from assay.data.quarantine import ROWS_LISTED_MAX, Quarantine, QuarantinedRow, Reason

_TEXT_MAX = 300
STORED_AS_BID = "stored as bid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one series from one or many files, ready to be merged.

    Attributes
    ----------
    series : Bars or Ticks
    provenance : Provenance
        Of all files as one; ``rows_in`` counts every row of every file.
    quarantine : Quarantine
        The text of each row names its file where there are several.
    n_files : int
    warnings : tuple of str
    """

    series: Bars | Ticks
    provenance: Provenance
    quarantine: Quarantine
    n_files: int
    warnings: tuple[str, ...]


def grouped(imports: Sequence[Imported], now_ns: int, stored: Bars | None = None) -> Group:
    """Return imports of one symbol and timeframe as one; later files win, sides are joined.

    Parameters
    ----------
    imports : sequence of Imported
        At least one.
    now_ns : int
        The time of import.
    stored : Bars, optional
        Bid bars of the catalogue, for ask bars that come without their own.

    Notes
    -----
    Ask bars join the bid bars of the same times, from the files or from the catalogue. Where
    there are none at all, they are kept as bid, and a warning says so.
    """
    asks = [item.series for item in imports if is_ask(item) and isinstance(item.series, Bars)]
    bids = [item.series for item in imports if not is_ask(item)]
    if asks and not bids and stored is not None and len(stored):
        bids = [stored]
    partnered, alone = _by_partner(asks, [bars for bars in bids if isinstance(bars, Bars)])
    series, n_repeated = _joined([*bids, *alone])
    warnings = _warnings(imports, partnered)
    if partnered and isinstance(series, Bars):
        ask, n_more = joined(partnered)
        n_repeated += n_more
        series, left, n_crossed = with_ask_side(series, ask)
        if bids[0] is stored:
            fresh = [*partnered, *alone]
            series = rows_of(series, np.isin(series.time_ns, joined(fresh)[0].time_ns))
        if left is not None:
            warnings.append(f"{len(left)} ask bars have no bid bar at their time; left out.")
        if n_crossed:
            warnings.append(f"{n_crossed} ask bars lie below their bid bars; left out.")
    if n_repeated:
        warnings.append(f"{n_repeated} rows stand in more than one file; the later file won.")
    return Group(
        series=series,
        provenance=_provenance(imports, now_ns),
        quarantine=_quarantine([_readable_as_bid(item, partnered) for item in imports]),
        n_files=len({item.source for item in imports}),
        warnings=tuple(warnings),
    )


def _warnings(imports: Sequence[Imported], partnered: Sequence[Bars]) -> list[str]:
    """Return the warnings of all files, each once; ask bars with a partner need none."""
    said = Counter(
        text
        for item in imports
        for text in item.warnings
        if STORED_AS_BID not in text or not any(item.series is bars for bars in partnered)
    )
    return [text + (f" ({n} files)" if n > 1 else "") for text, n in said.items()]


def _by_partner(asks: Sequence[Bars], bids: Sequence[Bars]) -> tuple[list[Bars], list[Bars]]:
    """Return the ask bars that meet bid bars at any time, and those that meet none."""
    if not bids:
        return [], list(asks)
    times = np.unique(np.concatenate([bars.time_ns for bars in bids]))
    meets = [bool(np.isin(bars.time_ns, times).any()) for bars in asks]
    return (
        [bars for bars, met in zip(asks, meets, strict=True) if met],
        [bars for bars, met in zip(asks, meets, strict=True) if not met],
    )


def is_ask(imported: Imported) -> bool:
    """Tell whether an import holds bars of the ask side alone."""
    return imported.side == "ask" and isinstance(imported.series, Bars)


def split_at_partners(imports: Sequence[Imported]) -> tuple[list[Imported], list[Imported]]:
    """Return imports that can be merged, and those that wait for their other side.

    Where both sides come in, a file that begins after the last row of the other side waits.
    """
    asks = [item for item in imports if is_ask(item)]
    bids = [item for item in imports if not is_ask(item)]
    if not asks or not bids:
        return list(imports), []
    last = min(max(int(item.series.time_ns[-1]) for item in side) for side in (asks, bids))
    ready = [item for item in imports if int(item.series.time_ns[0]) <= last]
    return ready, [item for item in imports if int(item.series.time_ns[0]) > last]


def _joined(pieces: Sequence[Bars | Ticks]) -> tuple[Bars | Ticks, int]:
    bars = [piece for piece in pieces if isinstance(piece, Bars)]
    if bars:
        return joined(bars)
    return joined([piece for piece in pieces if isinstance(piece, Ticks)])


def _provenance(imports: Sequence[Imported], now_ns: int) -> Provenance:
    first = imports[0].provenance(now_ns)
    if len(imports) == 1:
        return first
    sources = sorted({item.source for item in imports})
    digest = hashlib.sha256("".join(sorted(item.sha256 for item in imports)).encode())
    name = sources[0]
    if len(sources) > 1:
        name = f"{_folder_of(sources)} ({len(sources)} files)"
    return replace(
        first,
        source=name,
        sha256=digest.hexdigest(),
        importer=", ".join(dict.fromkeys(item.recognised.format.value for item in imports)),
        timezone=", ".join(dict.fromkeys(item.recognised.timezone or "" for item in imports)),
        rows_in=sum(item.rows_in for item in imports),
        rows_kept=sum(item.rows_kept for item in imports),
        rows_quarantined=sum(len(item.quarantine) for item in imports),
    )


def _folder_of(sources: Sequence[str]) -> str:
    try:
        return commonpath(sources) or sources[0]
    except ValueError:  # absolute and relative ones
        return sources[0]


def _readable_as_bid(imported: Imported, partnered: Sequence[Bars]) -> Imported:
    """Return an import whose refused rows may be restored as bid: those of an ask side may not."""
    if not any(imported.series is bars for bars in partnered):
        return imported
    rows = tuple(replace(row, time_ns=None, values={}) for row in imported.quarantine.rows)
    return replace(imported, quarantine=Quarantine(imported.quarantine.counts, rows))


def _quarantine(imports: Sequence[Imported]) -> Quarantine:
    if len({item.source for item in imports}) == 1 and len(imports) == 1:
        return imports[0].quarantine
    several = len({item.source for item in imports}) > 1
    rows = list[QuarantinedRow]()
    unlisted = Counter[Reason]()
    for item in imports:
        room = max(0, ROWS_LISTED_MAX - len(rows))
        listed = item.quarantine.rows[:room]
        for row in listed:
            text = f"{item.source}: {row.text}"[:_TEXT_MAX] if several else row.text
            rows.append(replace(row, text=text))
        unlisted.update(item.quarantine.counts)
        unlisted.subtract(Counter(row.reason for row in listed))
    return Quarantine.of(rows, +unlisted)
