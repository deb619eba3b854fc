"""Progress is told to people, and changes nothing."""

import io

import pytest

from assay.cli.progress import BarProgress, LineProgress
from assay.domain.progress import Progress, SilentProgress


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


def test_a_long_stage_says_how_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("assay.cli.progress.time.monotonic", lambda: now_s)
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.stage("training", 4)
    now_s = 30.0
    progress.advance()
    progress.advance(0)

    assert "training: 1 of 4, about 90 s left" in stream.getvalue()


def test_bars_go_to_stderr_and_never_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    told(BarProgress())

    assert capsys.readouterr().out == ""


def test_silence_is_a_progress_too() -> None:
    told(SilentProgress())
