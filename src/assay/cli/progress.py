"""Two ways to show progress: bars on a terminal, lines elsewhere."""

import time
from typing import TextIO


class BarProgress:
    """One bar for each stage, with elapsed and remaining time, on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._total: float | None = None
        self._is_running = False

    def stage(self, name: str, total: int) -> None:
        """Begin a bar of *total* steps."""
        self._finish()
        if not self._is_running:
            self._bars.start()
            self._is_running = True
        self._total = max(total, 1)
        self._bars.add_task(name, total=self._total)

    def advance(self, n: int = 1) -> None:
        """Move the bar."""
        if self._total is not None:
            self._bars.advance(self._bars.task_ids[-1], n)

    def done(self) -> None:
        """Give the terminal back."""
        self._finish()
        if self._is_running:
            self._bars.stop()
            self._is_running = False

    def _finish(self) -> None:
        if self._total is not None:
            self._bars.update(self._bars.task_ids[-1], completed=self._total)
            self._total = None


class LineProgress:
    """A line when a stage begins, when it ends, and at most every ten seconds between.

    Parameters
    ----------
    stream : TextIO
        Where the lines go.
    """

    SECONDS_BETWEEN_LINES = 10.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._name: str | None = None
        self._total = self._n_done = 0
        self._began_s = self._said_s = 0.0

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of *total* steps."""
        self._finish()
        self._name, self._total, self._n_done = name, max(total, 1), 0
        self._began_s = self._said_s = time.monotonic()
        self._say(f"{name} …")

    def advance(self, n: int = 1) -> None:
        """Count steps, and say so now and then."""
        self._n_done += n
        now_s = time.monotonic()
        if now_s - self._said_s >= self.SECONDS_BETWEEN_LINES and 0 < self._n_done < self._total:
            self._said_s = now_s
            left_s = (now_s - self._began_s) / self._n_done * (self._total - self._n_done)
            self._say(f"{self._name}: {self._n_done} of {self._total}, about {left_s:.0f} s left")

    def done(self) -> None:
        """End the last stage."""
        self._finish()

    def _finish(self) -> None:
        if self._name is not None:
            self._say(f"{self._name}: {time.monotonic() - self._began_s:.1f} s")
            self._name = None

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
