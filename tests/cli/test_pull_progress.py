"""A download tells how far it is, and nothing that it does not know."""

import io

import pytest

from assay.cli.pull_progress import PullProgress, duration
from assay.data.downloads.transfer import Tally


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr("assay.cli.pull_progress.time.monotonic", lambda: seconds[0])
    return seconds


def test_files_bytes_repetitions_and_the_time_left_are_told(now: list[float]) -> None:
    stream, tally = io.StringIO(), Tally()
    progress = PullProgress(stream)
    progress.begin("EURUSD ticks", 400, tally)
    for _ in range(100):
        now[0] += 1.0
        tally.retries += 1
        progress.settled(n_bytes=20_000, is_fetched=True)
    lines = stream.getvalue().splitlines()

    assert len(lines) == 1 + 10
    assert lines[-1] == (
        "EURUSD ticks: 100 of 400 files, 2.0 MB, 100 requests repeated, about 5 min left"
    )


def test_files_that_were_here_do_not_count_as_speed(now: list[float]) -> None:
    stream = io.StringIO()
    progress = PullProgress(stream)
    progress.begin("EURUSD ticks", 1_000, Tally())
    for _ in range(900):
        progress.settled(n_bytes=0, is_fetched=False)
    now[0] = 20.0
    progress.settled(n_bytes=10, is_fetched=True)

    assert stream.getvalue().splitlines()[-1].endswith("about 33 min left")


def test_a_terminal_sees_one_line_written_over(now: list[float]) -> None:
    stream = Terminal()
    progress = PullProgress(stream)
    progress.begin("EURUSD ticks", 2, Tally())
    progress.settled(n_bytes=1, is_fetched=True)
    progress.settled(n_bytes=1, is_fetched=True)
    progress.done()

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 2
    assert "2 of 2 files" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (119.0, "119 s"), (600.0, "10 min"), (86_400.0, "24 h 0 min")],
)
def test_lengths_of_time_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
