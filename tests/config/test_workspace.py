"""A workspace changes as a whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.config.loader import load_settings
from assay.config.workspace import Workspace, folder_in_one_piece, write_atomically
from assay.domain.errors import ConfigError, DataError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "gold", symbols=("XAUUSD",), timeframe="H1")


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(folder.rglob("*"))
    }


def test_a_workspace_is_found_from_any_folder_inside_it(workspace: Workspace) -> None:
    inner = workspace.data / "XAUUSD" / "H1"
    inner.mkdir(parents=True)

    assert Workspace.find(inner) == workspace
    assert load_settings(workspace.settings_path).market.symbols == ("XAUUSD",)


def test_outside_a_workspace_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="assay init"):
        Workspace.find(tmp_path)


def test_a_workspace_is_never_overwritten(workspace: Workspace) -> None:
    before = everything_in(workspace.root)
    with pytest.raises(ConfigError, match="exists already"):
        Workspace.create(workspace.root, symbols=("EURUSD",), timeframe="M1")

    assert everything_in(workspace.root) == before


def test_a_folder_appears_whole(workspace: Workspace) -> None:
    target = workspace.reports / "one"
    with folder_in_one_piece(target) as draft:
        (draft / "report.html").write_text("page")
        assert not target.exists()

    assert everything_in(workspace.reports) == {"one": b"folder", "one/report.html": b"page"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1), ValueError("bug")])
def test_a_stopped_run_leaves_no_trace(workspace: Workspace, stop: BaseException) -> None:
    before = everything_in(workspace.root)
    with (
        pytest.raises(type(stop)),
        folder_in_one_piece(workspace.reports / "one") as draft,
    ):
        (draft / "half").write_text("half")
        raise stop

    assert everything_in(workspace.root) == before


def test_a_full_disk_leaves_no_trace_and_says_so(workspace: Workspace) -> None:
    before = everything_in(workspace.root)
    with (
        pytest.raises(DataError, match="No space left") as caught,
        folder_in_one_piece(workspace.reports / "one") as draft,
    ):
        (draft / "half").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "half")

    assert "Free some space" in caught.value.remedy
    assert everything_in(workspace.root) == before


def test_a_report_never_replaces_another(workspace: Workspace) -> None:
    (workspace.reports / "one").mkdir()
    with (
        pytest.raises(ConfigError, match="exists already"),
        folder_in_one_piece(workspace.reports / "one"),
    ):
        pass


def test_a_failed_write_keeps_the_former_text(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_in(workspace.root)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(workspace.settings_path, "half")

    assert everything_in(workspace.root) == before


def test_one_command_writes_at_a_time_and_death_frees_the_lock(workspace: Workspace) -> None:
    code = (
        "import sys, time; from pathlib import Path; from assay.config.workspace import Workspace\n"
        "with Workspace(Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=str(other.pid)), workspace.held():
            pass
        other.send_signal(signal.SIGKILL)
    with workspace.held():
        pass


def test_what_a_killed_run_left_is_found_and_dropped(workspace: Workspace) -> None:
    left = workspace.reports / ".unfinished-one-123"
    left.mkdir()
    (left / "half").write_text("half")

    assert workspace.unfinished() == [left]
    assert workspace.drop_unfinished() == 1
    assert workspace.unfinished() == []
