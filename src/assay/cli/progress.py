"""Two ways to show progress: bars on a terminal, lines elsewhere. Both say how long is left."""

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Pace:
    """How fast a stage goes.

    Parameters
    ----------
    total : int
        Steps of the stage.
    now_s : float
        When it begins, seconds on a clock that never goes back.
    """

    def __init__(self, total: int, now_s: float) -> None:
        self.total = max(total, 1)
        self.n_done = 0
        self._began_s = self._last_s = now_s

    def advance(self, n: int, now_s: float) -> None:
        """Count *n* more steps."""
        if n:
            self.n_done += n
            self._last_s = now_s

    def elapsed_s(self, now_s: float) -> float:
        """Return the seconds since the beginning."""
        return now_s - self._began_s

    def remaining_s(self, now_s: float) -> float | None:
        """Return the seconds that are left, None before the first step.

        Notes
        -----
        The mean time of a step so far, of all steps: many workers end their steps in bursts, and
        steps may take an hour, so that a window of recent ones would know nothing.
        """
        if self.n_done == 0:
            return None
        step_s = (self._last_s - self._began_s) / self.n_done
        n_left = max(0, self.total - self.n_done)
        return max(0.0, step_s * n_left - (now_s - self._last_s))


def duration(seconds: float) -> str:
    """Return *seconds* in words.

    Examples
    --------
    >>> duration(7.4), duration(95), duration(7_500)
    ('7 s', '1 min 35 s', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class BarProgress:
    """One bar for each stage, with elapsed and remaining time, on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _times(),
            console=Console(stderr=True),
        )
        self._pace: Pace | None = None
        self._is_running = False

    def stage(self, name: str, total: int) -> None:
        """Begin a bar of *total* steps."""
        self._finish()
        if not self._is_running:
            self._bars.start()
            self._is_running = True
        self._pace = Pace(total, time.monotonic())
        self._bars.add_task(name, total=self._pace.total, pace=self._pace)

    def advance(self, n: int = 1) -> None:
        """Move the bar."""
        if self._pace is not None:
            self._pace.advance(n, time.monotonic())
            self._bars.advance(self._bars.task_ids[-1], n)

    def done(self) -> None:
        """Give the terminal back."""
        self._finish()
        if self._is_running:
            self._bars.stop()
            self._is_running = False

    def _finish(self) -> None:
        if self._pace is not None:
            self._bars.update(self._bars.task_ids[-1], completed=self._pace.total)
            self._pace = None


def _times() -> "ProgressColumn":
    """Return the column of elapsed and remaining time; rich's own forgets steps of minutes."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Times(ProgressColumn):
        """Elapsed and remaining time of one bar."""

        def render(self, task: Task) -> Text:
            """Return the text of one bar."""
            return Text(times(task.fields["pace"], task.elapsed or 0.0, is_over=task.finished))

    return Times()


def times(pace: Pace, elapsed_s: float, *, is_over: bool) -> str:
    """Return the elapsed and the remaining time of a stage in words."""
    if is_over:
        return duration(elapsed_s)
    left_s = pace.remaining_s(time.monotonic())
    told = "?" if left_s is None else duration(left_s)
    return f"{duration(elapsed_s)}, {told} left"


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
        self._name = ""
        self._pace: Pace | None = None
        self._said_s = 0.0

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of *total* steps."""
        self._finish()
        self._said_s = time.monotonic()
        self._name, self._pace = name, Pace(total, self._said_s)
        self._say(f"{name} …")

    def advance(self, n: int = 1) -> None:
        """Count steps, and say so now and then."""
        pace, now_s = self._pace, time.monotonic()
        if pace is None:
            return
        pace.advance(n, now_s)
        if now_s - self._said_s < self.SECONDS_BETWEEN_LINES or not 0 < pace.n_done < pace.total:
            return
        self._said_s = now_s
        spent, left = duration(pace.elapsed_s(now_s)), duration(pace.remaining_s(now_s) or 0.0)
        self._say(
            f"{self._name}: {pace.n_done:,} of {pace.total:,} after {spent}, about {left} left"
        )

    def done(self) -> None:
        """End the last stage."""
        self._finish()

    def _finish(self) -> None:
        if self._pace is not None:
            self._say(f"{self._name}: {self._pace.elapsed_s(time.monotonic()):.1f} s")
            self._pace = None

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
