"""Files, folders and archives: all that can be read is stored, all that cannot is told."""

import gzip
import lzma
import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.importers import discovery
from assay.data.importers.batch import Batch
from assay.data.importers.discovery import find_files
from assay.data.importers.reading import Wish
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import ConfigError, DataError
from assay.domain.progress import SilentProgress
from assay.domain.timeframe import Timeframe

EURO = load_instrument("EURUSD")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return simulate(SimulatedMarket(seed=2, n_bars=4_000), EURO)


def csv_of(bars: Bars, *, side: str = "", header: str = "Gmt time") -> str:
    times = bars.time_ns.view("datetime64[ns]").astype("datetime64[s]").astype(str)
    columns = [getattr(bars, f"{side}{name}") for name in ("open", "high", "low", "close")]
    lines = [f"{header},Open,High,Low,Close,Volume"]
    for i, time in enumerate(times):
        prices = ",".join(f"{column[i]:.5f}" for column in columns)
        lines.append(f"{time.replace('T', ' ')},{prices},{bars.volume[i]:.0f}")
    return "\n".join(lines) + "\n"


def run(root: Path, paths: Sequence[Path], **wish: object) -> Batch:
    batch = Batch(catalogue=Catalogue(root), wish=Wish(**wish), now_ns=lambda: 7)
    batch.run(paths, SilentProgress())
    return batch


def stored(root: Path) -> Bars:
    return Catalogue(root).read_bars("EURUSD", Timeframe.H1)


def same(
    first: Bars, second: Bars, names: Sequence[str] = ("open", "high", "low", "close")
) -> None:
    np.testing.assert_array_equal(first.time_ns, second.time_ns)
    for name in names:
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=1e-9)


def test_a_folder_of_parts_is_merged_once_and_says_how_many(bars: Bars, tmp_path: Path) -> None:
    folder = tmp_path / "history" / "EURUSD"
    folder.mkdir(parents=True)
    for i in range(4):
        part = bars.between(1_000 * i, 1_000 * i + 1_000)
        (folder / f"part{i}.csv").write_text(csv_of(part))
    (folder / "README.md").write_text("not data")
    (folder / ".hidden.csv").write_text("not data")
    batch = run(tmp_path / "data", [tmp_path / "history"])

    assert [merged.group.n_files for merged in batch.merged] == [4]
    assert batch.merged[0].group.provenance.source == "history/EURUSD (4 files)"
    assert batch.n_passed_over == 1
    same(stored(tmp_path / "data"), bars)


def packed(name: str, text: str, folder: Path) -> Path:
    """Return a zip that holds a zip that holds a gzipped file."""
    inner = folder / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"deep/{name}.gz", gzip.compress(text.encode()))
    outer = folder / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "monthly/inner.zip")
    inner.unlink()
    return outer


def test_archives_in_archives_are_unpacked(bars: Bars, tmp_path: Path) -> None:
    outer = packed("EURUSD.csv", csv_of(bars), tmp_path)
    batch = run(tmp_path / "data", [outer])

    same(stored(tmp_path / "data"), bars)
    source = batch.merged[0].group.provenance.source
    assert source == "outer.zip/monthly/inner.zip/deep/EURUSD.csv.gz"
    xz = tmp_path / "EURUSD.csv.xz"
    xz.write_bytes(lzma.compress(csv_of(bars).encode()))
    assert not run(tmp_path / "data", [xz]).merged[0].report.is_changed


def test_an_error_in_an_archive_names_the_member_not_the_scratch_folder(tmp_path: Path) -> None:
    outer = packed("EURUSD.csv", "a,b\n1,2\n", tmp_path)
    with pytest.raises(DataError) as caught:
        run(tmp_path / "data", [outer])

    assert "outer.zip/monthly/inner.zip/deep/EURUSD.csv.gz" in caught.value.message
    assert "assay-unpack" not in str(caught.value)


def test_both_sides_become_one_series(bars: Bars, tmp_path: Path) -> None:
    (tmp_path / "EURUSD_ASK.csv").write_text(csv_of(bars.between(10, 4_000), side="ask_"))
    (tmp_path / "EURUSD_BID.csv").write_text(csv_of(bars.between(0, 3_990)))
    batch = run(tmp_path / "data", [tmp_path])
    found = stored(tmp_path / "data")

    assert batch.merged[0].group.warnings == (
        "10 ask bars have no bid bar at their time; left out.",
    )
    same(found, bars.between(0, 3_990))
    both = Catalogue(tmp_path / "data").read_bars(
        "EURUSD", Timeframe.H1, int(bars.time_ns[10]), int(bars.time_ns[3_990])
    )
    same(both, bars.between(10, 3_990), ("close", "ask_open", "ask_high", "ask_low", "ask_close"))


def test_refused_rows_of_an_ask_side_cannot_come_back_as_bid(bars: Bars, tmp_path: Path) -> None:
    for side in ("ask", "bid"):
        lines = csv_of(bars, side="ask_" if side == "ask" else "").splitlines()
        lines.insert(101, lines[100][:-3] + "9.9")  # another volume at the same time
        (tmp_path / f"EURUSD_{side}.csv").write_text("\n".join(lines))
    rows = run(tmp_path / "data", [tmp_path]).merged[0].group.quarantine.rows

    assert {"EURUSD_ask" in row.text: row.is_restorable for row in rows} == {
        True: False,
        False: True,
    }


def test_ask_bars_join_bid_bars_that_are_stored(bars: Bars, tmp_path: Path) -> None:
    bid, ask = tmp_path / "EURUSD_BID.csv", tmp_path / "EURUSD_ASK.csv"
    bid.write_text(csv_of(bars))
    ask.write_text(csv_of(bars, side="ask_"))
    run(tmp_path / "data", [bid])
    run(tmp_path / "data", [ask])

    same(stored(tmp_path / "data"), bars, ("close", "ask_open", "ask_close"))


def test_ask_bars_alone_are_kept_and_the_user_is_warned(bars: Bars, tmp_path: Path) -> None:
    ask = tmp_path / "EURUSD_ASK.csv"
    ask.write_text(csv_of(bars, side="ask_"))
    batch = run(tmp_path / "data", [ask])

    np.testing.assert_allclose(stored(tmp_path / "data").close, bars.ask_close, atol=1e-9)
    assert "stored as bid" in " ".join(batch.merged[0].group.warnings)


def test_large_histories_of_two_sides_are_merged_in_stretches(
    bars: Bars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.data.importers.batch.ROWS_PER_MERGE", 900)
    for i in range(10):
        part = bars.between(400 * i, 400 * i + 400)
        (tmp_path / f"EURUSD_{i}_ASK.csv").write_text(csv_of(part, side="ask_"))
        (tmp_path / f"EURUSD_{i}_BID.csv").write_text(csv_of(part))
    batch = run(tmp_path / "data", [tmp_path])

    assert len(batch.merged) > 3
    same(stored(tmp_path / "data"), bars, ("close", "ask_open", "ask_high", "ask_low", "ask_close"))


def test_where_files_overlap_the_later_one_wins(bars: Bars, tmp_path: Path) -> None:
    second = replace(bars, close=np.round(bars.low + 0.00001, 5))
    (tmp_path / "EURUSD_1.csv").write_text(csv_of(bars.between(0, 2_000)))
    (tmp_path / "EURUSD_2.csv").write_text(csv_of(second.between(1_500, 4_000)))
    batch = run(tmp_path / "data", [tmp_path])

    assert "500 rows stand in more than one file" in batch.merged[0].group.warnings[0]
    np.testing.assert_allclose(
        stored(tmp_path / "data").close,
        np.concatenate([bars.close[:1_500], second.close[1_500:]]),
        atol=1e-9,
    )


def test_a_file_that_fails_does_not_stop_the_others(bars: Bars, tmp_path: Path) -> None:
    (tmp_path / "EURUSD_1.csv").write_text(csv_of(bars.between(0, 2_000)))
    (tmp_path / "EURUSD_2.csv").write_bytes(b"\x00\x01\x02" * 50)
    (tmp_path / "EURUSD_3.csv").write_text(csv_of(bars.between(2_000, 4_000)))
    batch = run(tmp_path / "data", [tmp_path])

    assert [name for name, _ in batch.failed] == [f"{tmp_path.name}/EURUSD_2.csv"]
    same(stored(tmp_path / "data"), bars)


def test_a_series_that_is_refused_does_not_stop_the_others(bars: Bars, tmp_path: Path) -> None:
    (tmp_path / "EURUSD.csv").write_text(csv_of(bars))
    (tmp_path / "GBPUSD.csv").write_text(csv_of(bars))

    def refuse(symbol: str, timeframe: Timeframe | None) -> None:
        if symbol == "EURUSD":
            raise DataError("EURUSD must not be merged.", remedy="None.")

    batch = Batch(
        catalogue=Catalogue(tmp_path / "data"), wish=Wish(), now_ns=lambda: 7, before_merge=refuse
    )
    batch.run([tmp_path], SilentProgress())

    assert [merged.report.symbol for merged in batch.merged] == ["GBPUSD"]
    assert [name for name, _ in batch.failed] == [f"{tmp_path.name}/EURUSD.csv"]
    assert batch.n_files == 1
    with pytest.raises(DataError, match="EURUSD must not"):
        replace(batch, merged=[], failed=[], n_files=0).run(
            [tmp_path / "EURUSD.csv"], SilentProgress()
        )


def test_a_file_too_short_for_its_clock_takes_that_of_its_siblings(
    bars: Bars, tmp_path: Path
) -> None:
    server = replace(bars, time_ns=bars.time_ns + 2 * 3_600 * 10**9)  # winter: New York + 7
    text = csv_of(server.between(0, 1_500), header="time")
    rest = csv_of(server.between(1_500, 1_506), header="time")
    (tmp_path / "EURUSD_0.csv").write_text(rest)
    (tmp_path / "EURUSD_1.csv").write_text(text)
    batch = run(tmp_path / "data", [tmp_path])

    assert not batch.failed
    np.testing.assert_array_equal(stored(tmp_path / "data").time_ns, bars.time_ns[:1_506])
    assert "does not show its clock" in " ".join(batch.merged[0].group.warnings)

    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "EURUSD_0.csv").write_text(rest)
    with pytest.raises(DataError, match="which clock"):
        run(tmp_path / "other", [alone])


def names(paths: Sequence[Path], **limits: int) -> list[str]:
    return [found.name for found in find_files(paths, is_whole=lambda path: False, **limits)]


def test_members_cannot_leave_the_scratch_folder(tmp_path: Path) -> None:
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("../../../../escape.csv", "x")
        archive.writestr("/absolute.csv", "x")
    seen = [found.path for found in find_files([evil], is_whole=lambda path: False)]

    assert len(seen) == 2
    assert all("assay-unpack-" in str(path) and ".." not in path.parts for path in seen)
    assert not any((folder / "escape.csv").exists() for folder in tmp_path.parents)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.csv", b"0" * (80 << 20))
    with pytest.raises(DataError, match="times its size"):
        names([bomb])

    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.csv").write_text("x")
    with pytest.raises(DataError, match="at most 4 files"):
        names([folder], files_max=4)

    monkeypatch.setattr(discovery, "FOLDER_DEPTH_MAX", 1)
    (folder / "a" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match="folders deep"):
        names([folder])


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_damaged_archive_is_refused_by_name(bars: Bars, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "EURUSD.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("EURUSD.csv", csv_of(bars.between(0, 100)))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"EURUSD.zip must be a whole archive"):
        names([path])


def test_an_empty_folder_is_no_silent_success(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must hold files; held none"):
        names([tmp_path])
    with pytest.raises(DataError, match="must exist"):
        run(tmp_path / "data", [tmp_path / "absent.csv"])


def test_a_pipe_is_refused_before_it_can_hang(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    pipe = tmp_path / "EURUSD.csv"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="was a pipe or a device"):
        names([pipe])


@pytest.mark.parametrize("wish", [{"timezone": "Mars/Base"}, {"format": "xlsx"}])
def test_a_wrong_wish_is_the_users_fault_not_the_files(
    bars: Bars, tmp_path: Path, wish: dict[str, str]
) -> None:
    path = tmp_path / "EURUSD.csv"
    path.write_text(csv_of(bars))
    with pytest.raises(ConfigError):
        run(tmp_path / "data", [path], **wish)
