"""Progress is told to people, and changes nothing."""

import io

import pytest

from assay.cli.progress import BarProgress, LineProgress, Pace, duration, times
from assay.domain.progress import Progress, SilentProgress


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr("assay.cli.progress.time.monotonic", moved)
    return moved


def told(progress: Progress) -> None:
    progress.stage("first", 2)
    progress.advance()
    progress.advance()
    progress.stage("second", 0)
    progress.advance(3)
    progress.done()
    progress.done()


def test_each_stage_has_a_line_when_it_begins_and_one_when_it_ends() -> None:
    stream = io.StringIO()
    told(LineProgress(stream))
    lines = stream.getvalue().splitlines()

    assert [line.split(" ")[0].rstrip(":") for line in lines] == [
        "first",
        "first",
        "second",
        "second",
    ]


def test_a_long_stage_says_how_long_it_took_and_how_much_is_left(clock: Clock) -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.stage("training", 4)
    clock.now_s = 30.0
    progress.advance()
    progress.advance(0)

    assert "training: 1 of 4 after 30 s, about 1 min 30 s left" in stream.getvalue()


def test_lines_come_now_and_then_however_many_steps_there_are(clock: Clock) -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.stage("sweep", 10_000)
    for _ in range(10_000):
        clock.now_s += 0.01
        progress.advance()
    progress.done()
    between = [line for line in stream.getvalue().splitlines() if " of 10,000 " in line]

    assert len(between) == 9, "100 seconds, a line each ten, none at the end"
    assert between[4].startswith("sweep: 5,0")
    assert between[4].endswith("about 50 s left")


def test_steps_of_an_hour_have_an_estimate_too() -> None:
    pace = Pace(10, 0.0)
    assert pace.remaining_s(5.0) is None
    pace.advance(2, 7_200.0)

    assert pace.remaining_s(7_200.0) == 28_800.0
    assert pace.remaining_s(9_000.0) == 27_000.0, "it counts down between two steps"
    assert times(pace, 7_200.0, is_over=True) == "2 h 00 min"


def test_more_steps_than_announced_leave_nothing_and_never_less(clock: Clock) -> None:
    pace = Pace(1, 0.0)
    pace.advance(3, 3.0)
    clock.now_s = 3.0

    assert pace.remaining_s(3.0) == 0.0
    assert times(pace, 3.0, is_over=False) == "3 s, 0 s left"


def test_durations_are_words_of_people() -> None:
    assert [duration(s) for s in (0, 59.4, 59.6, 3_600, 90_061)] == [
        "0 s", "59 s", "1 min 00 s", "1 h 00 min", "25 h 01 min",
    ]  # fmt: skip


def test_bars_go_to_stderr_and_never_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    told(BarProgress())

    assert capsys.readouterr().out == ""


def test_a_bar_shows_elapsed_and_remaining_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    bars = BarProgress()
    bars.stage("training", 4)
    bars.advance()
    bars._bars.refresh()
    bars.done()
    shown = capsys.readouterr().err

    assert "1/4" in shown
    assert "left" in shown


def test_nobody_counts_before_the_first_stage(capsys: pytest.CaptureFixture[str]) -> None:
    LineProgress(io.StringIO()).advance()
    BarProgress().advance()

    assert capsys.readouterr().err == ""


def test_silence_is_a_progress_that_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told(SilentProgress())

    assert capsys.readouterr() == ("", "")
