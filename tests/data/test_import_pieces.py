"""A tick file in pieces is the same import as the whole file."""

import resource
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.catalogue import Catalogue
from assay.data.importers import import_file
from assay.data.importers.choices import Choices
from assay.data.importers.pieces import import_pieces
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR

MONDAY = 1_578_268_800 * 10**9
"""2020-01-06 00:00 UTC."""


def weeks_of_ticks(n_weeks: int, seed: int, per_hour: int = 30) -> np.ndarray:
    """Return sorted tick times in New York trading weeks, on the UTC clock, with milliseconds."""
    rng = np.random.default_rng(seed)
    opens = MONDAY - 2 * NS_PER_HOUR  # Sunday 17:00 New York is 22:00 UTC in winter
    week = np.arange(n_weeks) * 7 * NS_PER_DAY + opens
    inside = rng.integers(0, 5 * NS_PER_DAY // 10**6, (n_weeks, 120 * per_hour)) * 10**6
    inside[:, 0], inside[:, 1] = 0, 5 * NS_PER_DAY - 1_000_000_000
    return np.sort((week[:, None] + inside).ravel())


def lines_of(time_ns: np.ndarray, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    bid = 1.1 + np.cumsum(rng.integers(-3, 4, len(time_ns))) * 1e-5
    stamps = np.datetime_as_string(time_ns.view("datetime64[ns]"), unit="ms")
    return [
        f"{stamp.replace('T', ' ')},{b:.5f},{b + 0.0001:.5f}"
        for stamp, b in zip(stamps, bid, strict=True)
    ]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("time,bid,ask\n" + "\n".join(lines) + "\n")
    return path


def in_pieces(path: Path, **choices):
    return list(
        import_pieces(
            path,
            Choices.of(**choices),
            whole_rows_max=10,
            piece_rows=3_000,
            block_bytes=1 << 16,
        )
    )


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 999),
    order=st.sampled_from(["sorted", "backwards", "shuffled", "blocks"]),
    damage=st.integers(0, 20),
    timezone=st.sampled_from([None, "UTC", "NY+7", "Europe/Athens"]),
)
def test_pieces_hold_the_rows_of_the_whole_and_count_every_one(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    order: str,
    damage: int,
    timezone: str | None,
) -> None:
    rng = np.random.default_rng(seed)
    lines = lines_of(weeks_of_ticks(4, seed, per_hour=20), seed)
    for at in rng.integers(0, len(lines), damage):
        kind = int(rng.integers(0, 4))
        fields = lines[at].split(",")
        lines[at] = [
            lines[at - 1],  # a repeat
            f"{fields[0]},oops,{fields[2]}",
            f"{fields[0]},{fields[2]},1.0",  # crossed
            f"{fields[0]},9.9,9.9",  # far off
        ][kind]
    if order == "backwards":
        lines.reverse()
    elif order == "shuffled":
        lines = [lines[i] for i in rng.permutation(len(lines))]
    elif order == "blocks":
        cut = len(lines) // 3
        lines = lines[cut:] + lines[:cut]
    path = write(tmp_path_factory.mktemp("ticks") / "EURUSD.csv", lines)

    whole = import_file(path, timezone=timezone)
    pieces = in_pieces(path, timezone=timezone)

    assert len(pieces) > 1
    for name in ("time_ns", "bid", "ask"):
        joined = np.concatenate([getattr(piece.ticks, name) for piece in pieces])
        assert joined.tobytes() == getattr(whole.ticks, name).tobytes()
    assert {piece.recognised.timezone for piece in pieces} == {whole.recognised.timezone}
    assert sum(piece.rows_in for piece in pieces) == whole.rows_in == len(lines)
    assert all(piece.rows_in == piece.rows_kept + len(piece.quarantine) for piece in pieces)
    counts: Counter[Reason] = Counter()
    for piece in pieces:
        counts.update(piece.quarantine.counts)
    assert counts == Counter(whole.quarantine.counts)
    refused = {row.line for piece in pieces for row in piece.quarantine.rows}
    assert refused == {row.line for row in whole.quarantine.rows}


def test_merged_pieces_equal_the_merged_whole_and_a_rerun_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", lines_of(weeks_of_ticks(4, 1), 1))
    whole, pieces = Catalogue(tmp_path / "whole"), Catalogue(tmp_path / "pieces")
    imported = import_file(path)
    whole.merge(imported.series, imported.provenance(1), imported.quarantine)

    for piece in in_pieces(path):
        pieces.merge(piece.series, piece.provenance(1), piece.quarantine)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "pieces").rglob("*") if p.is_file()}
    reports = [
        pieces.merge(piece.series, piece.provenance(2), piece.quarantine)
        for piece in in_pieces(path)
    ]

    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "pieces").rglob("*") if p.is_file()}
    assert before == after
    assert not any(report.is_changed for report in reports)
    hashes = {c.entry("EURUSD", None).content_hash for c in (whole, pieces)}
    assert len(hashes) == 1
    entry = pieces.entry("EURUSD", None)
    assert sum(item.rows_in for item in entry.provenance) == imported.rows_in
    assert len({item.piece for item in entry.provenance}) == len(reports) > 1


def test_each_piece_keeps_its_own_quarantine(tmp_path: Path) -> None:
    lines = lines_of(weeks_of_ticks(4, 2), 2)
    lines[10], lines[-10] = "x,1,1", "y,1,1"
    path, catalogue = write(tmp_path / "EURUSD.csv", lines), Catalogue(tmp_path / "store")
    for piece in in_pieces(path):
        catalogue.merge(piece.series, piece.provenance(1), piece.quarantine)

    stored = catalogue.quarantined("EURUSD", None)

    assert [item.rows for item in stored] == [1, 1]
    assert [row.text for item in stored for row in item.listed()] == ["x,1,1", "y,1,1"]
    assert [item.reasons for item in stored] == [{"not a time": 1}] * 2


def test_a_column_names_the_symbol_of_pieces_as_it_names_that_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "GBPUSD.csv"  # the rows know better than a name
    lines = [f"EUR/USD,{line}" for line in lines_of(weeks_of_ticks(3, 6), 6)]
    path.write_text("symbol,time,bid,ask\n" + "\n".join(lines) + "\n")

    series = [import_file(path).series, *(piece.series for piece in in_pieces(path))]

    assert len(series) > 2
    assert {one.symbol for one in series} == {"EURUSD"}


def test_an_unchanged_side_is_carried_from_block_to_block(tmp_path: Path) -> None:
    lines = ["<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>"]
    time_ns = weeks_of_ticks(3, 3)
    stamps = np.datetime_as_string(time_ns.view("datetime64[ns]"), unit="ms")
    for i, stamp in enumerate(stamps):
        bid = "" if i % 5_000 else f"{1.1 + i * 1e-6:.5f}"
        day, clock = stamp.replace("-", ".").split("T")
        lines.append(f"{day}\t{clock}\t{bid}\t{1.3 + i * 1e-7:.5f}\t\t\t4")
    path = tmp_path / "EURUSD.csv"
    path.write_text("\n".join(lines) + "\n")

    whole, pieces = import_file(path, timezone="UTC"), in_pieces(path, timezone="UTC")

    joined = np.concatenate([piece.ticks.bid for piece in pieces])
    assert len(pieces) > 1
    assert joined.tobytes() == whole.ticks.bid.tobytes()


def test_a_file_mostly_of_bad_rows_is_refused_before_its_first_piece(tmp_path: Path) -> None:
    lines = lines_of(weeks_of_ticks(3, 4), 4)
    lines = [line if i % 3 else "rubbish" for i, line in enumerate(lines)]
    lines[3_000:] = ["rubbish"] * len(lines[3_000:])
    path = write(tmp_path / "EURUSD.csv", lines)

    with pytest.raises(DataError, match="rows that can be used"):
        next(iter(import_pieces(path, Choices(timezone="UTC"), whole_rows_max=10)))


def test_no_room_to_wait_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", lines_of(weeks_of_ticks(2, 5), 5))

    with pytest.raises(DataError, match="TMPDIR"):
        list(import_pieces(path, Choices(), whole_rows_max=10, folder=tmp_path / "absent"))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_a_file_of_sixty_million_ticks_needs_less_than_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD.csv"
    with path.open("w") as file:
        file.write("time,bid,ask\n")
        for week in range(125):
            time_ns = weeks_of_ticks(1, week, per_hour=4_000) + week * 7 * NS_PER_DAY
            file.write("\n".join(lines_of(time_ns, week)) + "\n")
    program = """
        import resource, sys
        from pathlib import Path
        from assay.data.catalogue import Catalogue
        from assay.data.importers.choices import Choices
        from assay.data.importers.pieces import import_pieces
        catalogue, n = Catalogue(Path(sys.argv[2])), 0
        for piece in import_pieces(Path(sys.argv[1]), Choices(timezone="UTC")):
            catalogue.merge(piece.series, piece.provenance(1), piece.quarantine)
            n += piece.rows_in
        print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path), str(tmp_path / "store")],
        check=True,
        capture_output=True,
        text=True,
    )
    n_rows, peak_kib = (int(word) for word in answer.stdout.split())
    print(path.stat().st_size, n_rows, peak_kib, resource.getrusage(resource.RUSAGE_CHILDREN))
    assert n_rows == 60_000_000
    assert peak_kib < 2 << 20
