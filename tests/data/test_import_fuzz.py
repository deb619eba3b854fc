"""Mutated text, JSON and Parquet: read as an independent reader reads them, or refused.

The long form is the soak test below, or, on several processes::

    python tests/data/fuzzing.py --files 100000 --processes 4
"""

import os
from pathlib import Path

import pytest
from fuzzing import Good, check, corpus, fuzz, fuzz_in_parallel


@pytest.mark.parametrize("good", corpus(), ids=lambda good: good.name)
def test_an_unmutated_file_is_read_as_an_independent_reader_reads_it(
    tmp_path: Path, good: Good
) -> None:
    assert check(good, good.content, tmp_path / "good.csv", good.clock) == "read"


def test_mutated_files_are_refused_or_read_as_they_stand(tmp_path: Path) -> None:
    outcomes, faults = fuzz(range(100), tmp_path)
    assert faults == []
    assert outcomes["read"] > 30
    assert outcomes["refused"] > 12


@pytest.mark.soak
@pytest.mark.timeout(14_400)
def test_a_hundred_thousand_mutated_files_are_refused_or_read_as_they_stand(
    tmp_path: Path,
) -> None:
    n_files = int(os.environ.get("ASSAY_FUZZ_FILES", "100000"))
    n_processes = int(os.environ.get("ASSAY_FUZZ_PROCESSES", "1"))
    _, faults = fuzz_in_parallel(n_files, tmp_path, n_processes)
    assert faults == []


SILENT = (
    ("mt5 rates", b"1672617600,", b"1672617600,1.1,"),
    ("dukascopy ticks", b",1.10012,", b",1,1001,"),
    ("day first", b"02/01/2023 0", b"02/01/20230"),
    ("truefx", b"20230102", b"2023 102"),
    ("quoted", b'"1.1004"', b'",1.1004"'),
    ("mt5 ticks", b"\t6\r\n", b"\t\t6\r\n"),
    ("points", b"2023-01-03 14:00:00", b"2023-01-03\f14:00:00"),
    ("jforex Local time", b" 13:00:00.000 GMT+0100", b" 13:00:00.00+0100"),
    ("histdata ticks", b" 203757907", b" 203760453"),
)
"""Damage that once passed as other values: a field too many, a blank for a digit, a second 60."""


@pytest.mark.parametrize(("name", "before", "after"), SILENT)
def test_damage_that_once_passed_in_silence_is_quarantined(
    tmp_path: Path, name: str, before: bytes, after: bytes
) -> None:
    (good,) = (good for good in corpus() if good.name == name)
    content = good.content.replace(before, after, 1)
    assert content != good.content
    assert check(good, content, tmp_path / "damaged.csv", good.clock) == "read"
