"""The port of a source: the files of a period, how to ask for each, and what is wrong with one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.data.downloads.period import Period
from assay.data.downloads.transfer import Answer, Transfer
from assay.domain.errors import ConfigError
from assay.domain.timeframe import Timeframe

TICKS = "ticks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to download.

    Attributes
    ----------
    symbol : str
        As the source names it.
    store_as : str
        As the catalogue names it.
    timeframe : Timeframe or None
        None: ticks.
    period : Period
    divisor : int or None
        What integer prices are divided by, where the source does not say and we do not know.
    """

    symbol: str
    store_as: str
    timeframe: Timeframe | None
    period: Period
    divisor: int | None = None

    @property
    def series(self) -> str:
        """``ticks``, or the name of the timeframe."""
        return TICKS if self.timeframe is None else self.timeframe.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file of a source.

    Attributes
    ----------
    path : str
        Below the folder of the source, with ``/``.
    url : str
        Where it is asked for.
    period : Period
        What it covers. A copy that was fetched before the period had settled is asked for
        again.
    settle_ns : int
        How long after its period the source may still change it.
    should_have_rows : bool
        Whether an empty answer is suspect, and asked for again.
    bytes_about : int
        Its usual size, for an estimate.
    """

    path: str
    url: str
    period: Period
    settle_ns: int = 0
    should_have_rows: bool = False
    bytes_about: int = 20_000

    def is_final(self, fetched_ns: int) -> bool:
        """Whether a copy fetched at *fetched_ns* will not change any more."""
        return fetched_ns >= self.period.stop_ns + self.settle_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Files that enter the catalogue in one merge: a month of minutes, a year of hours.

    Attributes
    ----------
    label : str
        Such as ``2020-01``.
    pieces : tuple of Piece
    """

    label: str
    pieces: tuple[Piece, ...]


class Source(Protocol):
    """Knows the files of one provider; it has no state."""

    @property
    def name(self) -> str:
        """Folder of the files, and what a user writes."""

    @property
    def series(self) -> tuple[str, ...]:
        """What it has: ``ticks`` and names of timeframes; the default first."""

    @property
    def notice(self) -> str | None:
        """What a user must know before trusting its rows."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Tokens that must never be quoted."""

    def named(self, text: str) -> tuple[str, str]:
        """Return the name at the source and in the catalogue.

        Raises
        ------
        ConfigError
            If *text* cannot be a symbol of this source.
        """

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return every file of a wish, in order of time.

        Raises
        ------
        ConfigError
            If the source has no such series, or not that far back.
        """

    def has_rows(self, content: bytes) -> bool:
        """Whether a file that was fetched holds any row; one without is not imported."""

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        """Ask for one file.

        Raises
        ------
        DataError
            If there is no plausible answer.
        """


def checked_series(source: Source, text: str | None) -> Timeframe | None:
    """Return the timeframe of a series that *source* has; None for ticks.

    Raises
    ------
    ConfigError
        If it has no such series.
    """
    chosen = source.series[0] if text is None else text.strip()
    for name in source.series:
        if name.lower() == chosen.lower():
            return None if name == TICKS else Timeframe.parse(name)
    raise ConfigError(
        f"--series must be one of {', '.join(source.series)} for {source.name}; was {text!r}.",
        remedy="Choose one of these; longer bars can be made from shorter ones.",
        value=text,
    )
