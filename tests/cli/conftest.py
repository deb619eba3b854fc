"""The command line, run in this process."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.cli.main import main

QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=2",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "run.workers=1",
)
"""Settings under which a whole run takes seconds."""


@dataclass(frozen=True)
class Answer:
    """What one command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Assay = Callable[..., Answer]


@pytest.fixture
def assay(capsys: pytest.CaptureFixture[str]) -> Iterator[Assay]:
    terminate, interrupt = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def run(*arguments: str | Path) -> Answer:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        signal.signal(signal.SIGINT, interrupt)
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Answer(caught.value.code, out, err)

    yield run
    signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def gold(tmp_path: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace without history, and stand in it."""
    folder = tmp_path / "gold"
    assert assay("init", folder).status == 0
    monkeypatch.chdir(folder)
    return folder


def quick() -> list[str]:
    """Return the options of a run that takes seconds."""
    return [word for text in QUICK for word in ("--set", text)]


def everything_in(folder: Path) -> dict[str, bytes]:
    """Return every file and folder with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(folder.rglob("*"))
        if path.name != ".assay.lock"
    }


def children_of(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in path.read_text().split()]
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def child_environment() -> dict[str, str]:
    """Return the environment for a command in a process of its own."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
