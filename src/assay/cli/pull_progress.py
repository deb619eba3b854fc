"""How far a download is: files, bytes, repeated requests, and the time that is left."""

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from assay.data.downloads.transfer import Tally


class PullProgress:
    """Files, bytes and repetitions with the time that is left, on stderr.

    Parameters
    ----------
    stream : TextIO
        Where lines go; on a terminal one line is written over itself.
    """

    SECONDS_BETWEEN_LINES = 10.0
    SECONDS_BETWEEN_STROKES = 0.2

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._name = ""
        self._total = self._n_done = self._n_fetched = self._bytes = 0
        self._began_s = self._said_s = 0.0
        self.tally: Tally | None = None

    def begin(self, name: str, total: int, tally: "Tally") -> None:
        """Begin with *total* files; *tally* counts the requests of the whole command."""
        self._name, self._total, self.tally = name, total, tally
        self._n_done = self._n_fetched = self._bytes = 0
        self._began_s = time.monotonic()
        self._said_s = self._began_s
        self._say()

    def settled(self, *, n_bytes: int, is_fetched: bool) -> None:
        """Count a file, and say so now and then."""
        self._n_done += 1
        self._n_fetched += is_fetched
        self._bytes += n_bytes
        gap_s = self.SECONDS_BETWEEN_STROKES if self._is_terminal else self.SECONDS_BETWEEN_LINES
        if time.monotonic() - self._said_s >= gap_s or self._n_done == self._total:
            self._say()

    def done(self) -> None:
        """End the line that was written over."""
        if self._is_terminal and self._name:
            self._stream.write("\n")
            self._stream.flush()

    def _say(self) -> None:
        now_s = time.monotonic()
        self._said_s = now_s
        text = (
            f"{self._name}: {self._n_done:,} of {self._total:,} files, "
            f"{self._bytes / 1e6:,.1f} MB, "
            f"{0 if self.tally is None else self.tally.retries:,} requests repeated"
        )
        n_left = self._total - self._n_done
        if self._n_fetched and n_left:
            left_s = (now_s - self._began_s) / self._n_fetched * n_left
            text += f", about {duration(left_s)} left"
        self._stream.write(f"\r\x1b[2K{text}" if self._is_terminal else f"{text}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Return a length of time in two units.

    Examples
    --------
    >>> duration(42.0), duration(3_700.0)
    ('42 s', '1 h 1 min')
    """
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
