"""Ctrl-C at any moment: exit 130, no child left, and the workspace as it was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.cli.processes import descendants, stop_children

PATIENCE_S = 60.0
STOP_S_MAX = 15.0

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="looks into /proc for processes that stayed"
)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(folder.rglob("*"))
        if path.name != ".assay.lock"
    }


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("w") / "gold"
    for words in (["init", str(folder)], ["data", "simulate", "--years", "2", "-w", str(folder)]):
        subprocess.run(
            [sys.executable, "-m", "assay.cli.main", *words], check=True, capture_output=True
        )
    return folder


def stopped(folder: Path, stage: str, number: signal.Signals) -> tuple[int, str, set[int]]:
    """Start a run, stop it in *stage*, and return status, messages and its child processes."""
    words = ["run", "-w", str(folder), "--set", "run.workers=2"]
    with subprocess.Popen(
        [sys.executable, "-m", "assay.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen = ""
        for line in process.stderr:
            seen += line
            if line.startswith(stage):
                break
        limit = time.monotonic() + PATIENCE_S
        children: set[int] = set()
        while stage == "Training" and len(children) < 2 and time.monotonic() < limit:
            children = set(descendants(process.pid))
            time.sleep(0.05)
        began_s = time.monotonic()
        process.send_signal(number)
        seen += process.stderr.read()
        process.wait(PATIENCE_S)
        assert time.monotonic() - began_s < STOP_S_MAX
    return process.returncode, seen, children


def wait_until_gone(pids: set[int]) -> set[int]:
    """Return those of *pids* that are still alive after a moment of grace."""
    limit = time.monotonic() + 5.0
    while any(is_alive(pid) for pid in pids) and time.monotonic() < limit:
        time.sleep(0.02)
    return {pid for pid in pids if is_alive(pid)}


@pytest.mark.parametrize(
    "stage", [pytest.param("Reading history", marks=pytest.mark.soak), "Features", "Training"]
)
def test_ctrl_c_leaves_the_workspace_as_it_was(gold: Path, stage: str) -> None:
    before = everything_in(gold)
    status, messages, children = stopped(gold, stage, signal.SIGINT)

    assert status == 130, messages
    assert "Traceback" not in messages
    assert everything_in(gold) == before
    assert wait_until_gone(children) == set()


def test_a_request_to_terminate_cleans_up_too(gold: Path) -> None:
    before = everything_in(gold)
    status, _, _ = stopped(gold, "Features", signal.SIGTERM)

    assert status == 143
    assert everything_in(gold) == before


def test_grandchildren_are_stopped_as_well() -> None:
    code = (
        "import subprocess, sys, time\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(inner.pid, flush=True); time.sleep(60)"
    )
    handler = signal.getsignal(signal.SIGINT)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        inner = int(child.stdout.readline())
        assert {child.pid, inner} <= set(descendants(os.getpid()))
        stop_children()
        child.wait(PATIENCE_S)
    signal.signal(signal.SIGINT, handler)

    assert wait_until_gone({inner}) == set()
