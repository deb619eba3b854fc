"""No false alarm on any real history: the default pipeline as it is, and every canary found."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from assay.research.leaks.pipeline import Depth

BENCH = Path(__file__).resolve().parents[2] / "bench" / "leaks.py"
FILES = (
    "AUDUSD_H1", "EURJPY_H1", "EURUSD_H1", "EURUSD_M1", "EURUSD_ticks", "GBPUSD_H1", "USDCAD_H1",
    "USDCHF_H1", "USDJPY_H1", "XAUUSD_H1_mt5", "XAUUSD_H1_oanda", "XAUUSD_M15", "XAUUSD_M1",
    "XAUUSD_ticks",
)  # fmt: skip

QUICK_FILES = ("EURJPY_H1", "EURUSD_ticks")
"""A cross, and ticks; all of them under ``soak``."""


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """Return the bench that reads the histories."""
    spec = importlib.util.spec_from_file_location("bench_leaks", BENCH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(bench: ModuleType, folder: Path, name: str, depth: Depth) -> None:
    """Prove one history, and expect nothing."""
    paths = sorted(folder.glob(f"{name}_*.parquet"))
    assert paths, f"{name} must be among the histories"
    for path in paths:
        others = {other.stem: bench.read_bars(other) for other in folder.glob("USDJPY_H1_*")}
        report = bench.proved(bench.history_of(bench.read_bars(path), others), depth)

        assert [str(leak) for leak in report.leaks] == [], path.name
        assert report.is_clean, f"{path.name}: {report.reason}"
        assert len(report.canaries) >= 20


@pytest.mark.parametrize("name", QUICK_FILES)
def test_no_history_is_accused_quickly(bench: ModuleType, shared_data: Path, name: str) -> None:
    checked(bench, shared_data / "history", name, Depth.quick())


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", FILES)
def test_no_history_is_accused(bench: ModuleType, shared_data: Path, name: str) -> None:
    checked(bench, shared_data / "history", name, Depth())


def test_every_history_that_is_there_is_proved(shared_data: Path) -> None:
    folder = shared_data / "history"
    known = {path for name in FILES for path in folder.glob(f"{name}_*.parquet")}

    assert known == set(folder.glob("*.parquet"))
