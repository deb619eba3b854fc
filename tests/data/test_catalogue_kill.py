"""Killed at any moment, a catalogue holds the state before or the one after, and a rerun ends it.

Run as a program this file is the process that is killed: it forks a child for each kill, so that
one start of Python serves them all.
"""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ending_disks import Deadly, Full

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.columns import columns_of, content_hash
from assay.data.importers import import_file
from assay.data.importers.choices import Choices
from assay.data.importers.pieces import import_pieces
from assay.data.manifest import decode
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.data.schema import MARKET, Schema, register
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX")

DAY_2020 = 1_577_836_800 * 10**9
UTC = Choices(timezone="UTC")
KILLS, KILLS_OF_THE_COMMAND = 10, 1
KILLS_SOAK, KILLS_OF_THE_COMMAND_SOAK = 400, 100
COMMAND = (sys.executable, "-c", "import sys; from assay.cli.main import main; main(sys.argv[1:])")
NEWS = register(
    Schema(
        kind="kill_news",
        columns={"known_ns": "int64", "title": "string", "actual": "float64"},
        keys=("title",),
    )
)


def provenance(sha: str) -> Provenance:
    return Provenance(
        source="x.csv",
        sha256=sha,
        importer="csv_bars",
        timezone="UTC",
        rows_in=3,
        rows_kept=3,
        rows_quarantined=0,
        imported_ns=1,
    )


def bars_of(start: int, stop: int, level: float) -> Bars:
    hours = np.arange(start, stop)
    close = level + 0.001 * np.sin(hours.astype(np.float64))
    return Bars(
        symbol="EURUSD",
        timeframe=Timeframe.H1,
        time_ns=DAY_2020 + hours * NS_PER_HOUR,
        open=close,
        high=close + 0.002,
        low=close - 0.002,
        close=close,
        volume=np.full(len(hours), 7.0),
        spread=np.full(len(hours), 0.0001),
    )


def ticks_of(start: int, stop: int) -> Ticks:
    minutes = np.arange(start, stop)
    bid = 1.1 + 1e-5 * (minutes % 100)
    return Ticks(
        symbol="EURUSD", time_ns=DAY_2020 + minutes * 60 * 10**9, bid=bid, ask=bid + 0.0001
    )


def news_of(start: int, stop: int, shift: int) -> dict[str, object]:
    days = np.arange(start, stop)
    return {
        "known_ns": DAY_2020 + (days + shift) * NS_PER_DAY,
        "title": [f"news {day}" for day in days],
        "actual": days.astype(np.float64),
    }


QUARANTINE = Quarantine.of([QuarantinedRow(line=7, reason=Reason.NUMBER, text="x")])


def store_of_layout_1(root: Path) -> None:
    """Write ticks as the first layout kept them: by month, in plain Parquet.

    The first of March 2020 is a Sunday, so that a week lies in two of these parts.
    """
    ticks, folder = ticks_of(80_000, 90_000), root / "EURUSD" / "TICKS"
    folder.mkdir(parents=True)
    months = ticks.time_ns.view("datetime64[ns]").astype("datetime64[M]")
    parts = []
    for month in np.unique(months):
        chosen = months == month
        rows = {name: value[chosen] for name, value in columns_of(ticks).items()}
        digest = content_hash(rows)
        time_ns = rows["time_ns"]
        stamps = pa.array(time_ns.view("datetime64[ns]")).cast(pa.timestamp("ns", tz="UTC"))
        table = pa.table({"time": stamps, "bid": rows["bid"], "ask": rows["ask"]})
        pq.write_table(table, folder / f"{month}-{digest[:24]}.parquet", use_dictionary=False)
        parts.append(
            {
                "name": f"{month}-{digest[:24]}.parquet",
                "period": str(month),
                "rows": len(time_ns),
                "first_ns": int(time_ns[0]),
                "last_ns": int(time_ns[-1]),
                "sha256": digest,
                "has_ask": False,
            }
        )
    import hashlib

    stated = provenance("aa").as_json()
    del stated["piece"]
    body = {
        "layout": 1,
        "symbol": "EURUSD",
        "series": "TICKS",
        "parts": parts,
        "provenance": [stated],
        "quarantine": [],
        "content_hash": "",
    }
    checksum = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    text = json.dumps({"checksum": checksum, "body": body}, sort_keys=True, indent=1)
    (folder / "manifest.json").write_text(text)


def write_csv(path: Path) -> Path:
    bars = bars_of(8_000, 12_000, 1.1001)
    stamps = np.datetime_as_string(bars.time_ns.view("datetime64[ns]"), unit="s")
    rows = zip(stamps, bars.open, bars.high, bars.low, bars.close, strict=True)
    lines = [f"{t},{o:.5f},{h:.5f},{low:.5f},{c:.5f}" for t, o, h, low, c in rows]
    path.write_text("time,open,high,low,close\n" + "\n".join(lines) + "\nnonsense,1,1,1,1\n")
    return path


def import_csv(catalogue: Catalogue) -> None:
    imported = import_file(catalogue.root.parent / "EURUSD_H1.csv", timezone="UTC")
    catalogue.merge(imported.series, imported.provenance(1), imported.quarantine)


def import_in_pieces(catalogue: Catalogue) -> None:
    path = catalogue.root.parent / "EURUSD_ticks.csv"
    for piece in import_pieces(path, UTC, whole_rows_max=10, piece_rows=4_000):
        catalogue.merge(piece.series, piece.provenance(1), piece.quarantine)


def prepare_bars(catalogue: Catalogue) -> None:
    catalogue.merge(bars_of(0, 9_000, 1.1), provenance("aa"))
    write_csv(catalogue.root.parent / "EURUSD_H1.csv")


def prepare_ticks_file(catalogue: Catalogue) -> None:
    ticks = ticks_of(0, 30_000)
    stamps = np.datetime_as_string(ticks.time_ns.view("datetime64[ns]"), unit="s")
    rows = zip(stamps, ticks.bid, ticks.ask, strict=True)
    lines = [f"{stamp},{bid:.5f},{ask:.5f}" for stamp, bid, ask in rows]
    path = catalogue.root.parent / "EURUSD_ticks.csv"
    path.write_text("time,bid,ask\n" + "\n".join(lines) + "\n")
    catalogue.merge(ticks_of(0, 5), provenance("aa"))


Step = Callable[[Catalogue], object]
JOBS: dict[str, tuple[Step, Step]] = {
    "bars": (
        prepare_bars,
        lambda c: c.merge(bars_of(8_000, 12_000, 1.1001), provenance("bb"), QUARANTINE),
    ),
    "table": (
        lambda c: c.merge_table(MARKET, "kill_news", news_of(0, 500, 0), provenance("aa")),
        lambda c: c.merge_table(MARKET, "kill_news", news_of(300, 600, 200), provenance("bb")),
    ),
    "ticks of layout 1": (
        lambda c: store_of_layout_1(c.root),
        lambda c: c.merge(ticks_of(88_000, 96_000), provenance("bb")),
    ),
    "csv": (prepare_bars, import_csv),
    "pieces": (prepare_ticks_file, import_in_pieces),
}
"""Of each: what makes the state before, and what is killed."""


def serve() -> None:
    """Fork a child for each line ``[job, root, last call, seconds to live]``; say how it ended."""
    for line in sys.stdin:
        job, root, last, seconds = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                if job == "read":
                    read_until_done(Path(root))
                else:
                    JOBS[job][1](Catalogue(Path(root), disk=Deadly(last)))
            except BaseException as error:
                print(json.dumps(f"{type(error).__name__}: {error}"), file=sys.stderr, flush=True)
                os._exit(2)
            os._exit(0)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        if job != "read":
            _, status = os.waitpid(child, 0)
            print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)
    codes = []
    try:
        while True:
            codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    except ChildProcessError:
        print(json.dumps(codes), flush=True)


def read_until_done(root: Path) -> None:
    """Read again and again; every answer must be one state of the writer, whole."""
    n_reads = 0
    while not (root / "done").exists() or n_reads == 0:
        catalogue = Catalogue(root)
        bars = catalogue.read_bars("EURUSD", Timeframe.H1)
        level = float(bars.close[0])
        if bars.close.tobytes() != bars_of(0, 20_000, level).close.tobytes():
            raise AssertionError(f"torn at level {level}")
        (entry,) = catalogue.list()
        if entry.rows != 20_000:
            raise AssertionError(f"{entry.rows} rows")
        n_reads += 1


class Server:
    """The process that forks what is killed."""

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def send(self, *words: object) -> None:
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def run(self, job: str, root: Path, last: int = 0, seconds: float | None = None) -> int:
        self.send(job, str(root), last, seconds)
        return json.loads(self._process.stdout.readline())

    def left(self) -> list[int]:
        """Return how the readers ended."""
        self._process.stdin.close()
        return json.loads(self._process.stdout.readline())

    def __exit__(self, *error: object) -> None:
        if not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


def state_of(root: Path) -> tuple[str, ...]:
    """Verify all that is stored and return its hashes."""
    catalogue = Catalogue(root)
    for entry in catalogue.list():
        catalogue.verify(entry.symbol, entry.timeframe)
    for table in catalogue.list_inputs():
        catalogue.verify_table(table.symbol, table.kind)
    return tuple(
        sorted(entry.content_hash for entry in (*catalogue.list(), *catalogue.list_inputs()))
    )


def named_in(root: Path) -> set[Path]:
    """Return the files that manifests name, and the manifests."""
    found = {root / "catalogue.lock"}
    for path in root.rglob("manifest.json"):
        manifest = decode(path.read_bytes(), path)
        names = [path.name, *(part.name for part in manifest.parts)]
        names += [file.name for file in manifest.quarantine]
        found |= {path.with_name(name) for name in names}
    return found


def refuse_litter(root: Path, before: set[Path]) -> None:
    """Only what the last merge superseded may lie about: readers may still have it open."""
    files = {path for path in root.rglob("*") if path.is_file()}
    assert named_in(root) - {root / "catalogue.lock"} <= files
    assert files <= named_in(root) | before


class Case:
    """A job with its states: before, after, and (in pieces) those between."""

    def __init__(self, job: str, folder: Path) -> None:
        self.job, self.folder, self.n_roots = job, folder, 0
        self.start = folder / "start"
        self.start.mkdir(parents=True)
        prepare, self.action = JOBS[job]
        prepare(Catalogue(self.start))
        self.states = [state_of(self.start)]
        root = self.fresh()
        began = time.perf_counter()
        if job == "pieces":
            path = folder / "EURUSD_ticks.csv"
            for piece in import_pieces(path, UTC, whole_rows_max=10, piece_rows=4_000):
                Catalogue(root).merge(piece.series, piece.provenance(1), piece.quarantine)
                self.states.append(state_of(root))
        else:
            self.action(Catalogue(root))
            self.states.append(state_of(root))
        self.seconds = time.perf_counter() - began

    def fresh(self) -> Path:
        self.n_roots += 1
        root = self.folder / str(self.n_roots)
        shutil.copytree(self.start, root)
        return root

    def check(self, root: Path) -> bool:
        """Check what a kill left and that a rerun ends it; tell whether it had been done."""
        state, before = state_of(root), named_in(root)
        assert state in self.states
        if self.job == "bars":  # another merge than the one that was killed sweeps as well
            other = root.with_name("other")
            shutil.copytree(root, other)
            Catalogue(other).merge(bars_of(12_500, 12_600, 1.1), provenance("cc"))
            refuse_litter(other, {other / path.relative_to(root) for path in before})
            shutil.rmtree(other)
        self.action(Catalogue(root, lock_wait_s_max=1.0))  # no lock outlives its process
        assert state_of(root) == self.states[-1]
        if self.job != "pieces":  # several merges: what each superseded is gone but for the last
            refuse_litter(root, before)
        shutil.rmtree(root)
        return state == self.states[-1]


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("job", ["bars", "table", "ticks of layout 1"])
def test_a_kill_at_a_write_leaves_one_state_or_the_other(
    tmp_path: Path, server: Server, job: str, every: int
) -> None:
    case = Case(job, tmp_path)
    seen: list[bool] = []
    for last in range(every, 200, every):
        root = case.fresh()
        code = server.run(job, root, last)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        seen.append(case.check(root))
    assert len(seen) * every > 10
    assert set(seen) == {True, False}, "no kill fell after the manifest, or none before"


@pytest.mark.parametrize("job", ["table", "ticks of layout 1", "csv"])
def test_a_disk_that_fills_up_at_any_write_is_told_and_leaves_a_whole_state(
    tmp_path: Path, job: str
) -> None:
    case = Case(job, tmp_path)
    for last in range(1, 200):
        root = case.fresh()
        disk = Full(last)
        try:
            case.action(Catalogue(root, disk=disk))
        except DataError as error:
            assert "run the command again" in error.remedy
            assert error.facts["errno"] == errno.ENOSPC
        else:
            if disk.calls < last:
                return
            assert state_of(root) == case.states[-1], "only what follows the commit may fail unsaid"
        case.check(root)
    pytest.fail("the merge has more than 200 writes")


def kill_at_random(server: Server, folder: Path, n_kills: int, seed: int) -> tuple[int, int]:
    """Kill jobs at random moments; return how many kills found them at work, and how many
    of these left a state after the first one."""
    rng = random.Random(seed)
    cases = [Case(job, folder / job.replace(" ", "_")) for job in JOBS]
    reach = [2.0 * case.seconds for case in cases]  # follows the machine, which may be busy
    n_killed = n_after = 0
    for i in range(n_kills):
        at = i % len(cases)
        case = cases[at]
        root = case.fresh()
        code = server.run(case.job, root, 0, rng.uniform(0.0, reach[at]))
        assert code in (0, -signal.SIGKILL)
        is_early = code == -signal.SIGKILL and state_of(root) == case.states[0]
        reach[at] *= 1.1 if is_early else 0.85
        n_killed += code == -signal.SIGKILL
        n_after += code == -signal.SIGKILL and not is_early
        case.check(root)
    return n_killed, n_after


def completed(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def kill_the_command_at_random(folder: Path, n_kills: int, seed: int) -> int:
    """Kill ``assay data import`` until so many kills found it at work; return how many did."""
    rng, n_killed = random.Random(seed), 0
    folder.mkdir()
    path = write_csv(folder / "EURUSD_H1.csv")
    words = ["data", "import", str(path), "--symbol", "EURUSD", "--timezone", "UTC"]

    def command(workspace: Path) -> list[str]:
        return [*COMMAND, *words, "--workspace", str(workspace)]

    start = folder / "start"
    completed([*COMMAND, "init", str(start)])
    whole = folder / "whole"
    shutil.copytree(start, whole)
    began = time.perf_counter()
    completed(command(whole))
    seconds = time.perf_counter() - began
    after = state_of(whole / "data")
    for i in range(4 * n_kills):
        if n_killed == n_kills:
            break
        workspace = folder / str(i)
        shutil.copytree(start, workspace)
        process = subprocess.Popen(
            command(workspace), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.5, 1.05) * seconds)
        process.kill()
        n_killed += process.wait() == -signal.SIGKILL
        assert state_of(workspace / "data") in ((), after)
        before = named_in(workspace / "data")
        completed(command(workspace))
        assert state_of(workspace / "data") == after
        refuse_litter(workspace / "data", before)
        shutil.rmtree(workspace)
    return n_killed


def test_a_kill_at_a_random_moment_leaves_a_whole_state_and_a_rerun_ends_it(
    tmp_path: Path, server: Server
) -> None:
    n_killed, _ = kill_at_random(server, tmp_path, KILLS, seed=1)
    assert n_killed > 0


@pytest.mark.soak
def test_a_killed_import_command_is_completed_by_running_it_again(tmp_path: Path) -> None:
    n_kills = KILLS_OF_THE_COMMAND
    assert kill_the_command_at_random(tmp_path / "command", n_kills, seed=2) == n_kills


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_five_hundred_kills_at_random_moments(tmp_path: Path, server: Server) -> None:
    n_direct, n_after = kill_at_random(server, tmp_path / "direct", KILLS_SOAK, seed=3)
    n_command = kill_the_command_at_random(tmp_path / "command", KILLS_OF_THE_COMMAND_SOAK, seed=4)
    print(
        f"{KILLS_SOAK} kills of merges, {n_direct} at work, {n_after} after a first commit; "
        f"{n_command} kills of the command at work"
    )
    assert n_direct > KILLS_SOAK // 2
    assert n_after > 0
    assert n_command == KILLS_OF_THE_COMMAND_SOAK


def test_readers_in_other_processes_see_whole_states_while_one_writes(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(bars_of(0, 20_000, 1.1), provenance("0"))
    with Server() as server:
        for _ in range(2):
            server.send("read", str(tmp_path), 0, None)
        for state in range(1, 25):
            bars = bars_of(0, 20_000, 1.1 + state * 1e-4)
            catalogue.merge(bars, provenance(str(state)))
        (tmp_path / "done").touch()
        assert server.left() == [0, 0]


def test_a_torn_manifest_is_refused_with_its_remedy_and_others_stay_readable(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge(bars_of(0, 100, 1.1), provenance("aa"))
    catalogue.merge(ticks_of(0, 100), provenance("aa"))
    path = tmp_path / "EURUSD" / "H1" / "manifest.json"
    whole = path.read_bytes()
    torn = [whole[:size] for size in range(0, len(whole), 97)]
    torn += [
        whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :] for at in range(0, len(whole), 41)
    ]
    for content in torn:
        path.write_bytes(content)
        for act in (
            lambda: catalogue.read_bars("EURUSD", Timeframe.H1),
            lambda: catalogue.merge(bars_of(0, 5, 1.1), provenance("bb")),
        ):
            with pytest.raises(DataError, match="readable manifest") as caught:
                act()
            assert "import its sources again" in caught.value.remedy
        assert len(catalogue.read_ticks("EURUSD")) == 100
        assert path.read_bytes() == content, "a merge must not write over what it cannot read"


if __name__ == "__main__":
    serve()
