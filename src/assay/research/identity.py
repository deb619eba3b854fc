"""What makes a run the same run: its data, its code, and the seats it may take."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.facts_history import FactsHistory


def data_hash(bars: Mapping[str, Bars]) -> str:
    """Return the SHA-256 of every column of every symbol, in hexadecimal."""
    digest = hashlib.sha256()
    for symbol, item in bars.items():
        digest.update(f"{symbol} {item.timeframe.name}\n".encode())
        for field in fields(item):
            column = getattr(item, field.name)
            if isinstance(column, np.ndarray):
                digest.update(field.name.encode())
                digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def facts_hash(facts: Mapping[str, FactsHistory]) -> str:
    """Return the SHA-256 of every version of every symbol's contract facts, in hexadecimal."""
    digest = hashlib.sha256()
    for symbol, history in facts.items():
        for version in history.versions:
            text = f"{symbol} {version.valid_from_ns} {version.instrument!r}\n"
            digest.update(text.encode())
    return digest.hexdigest()


@cache
def code_hash() -> str:
    """Return the SHA-256 of the package's own sources, in hexadecimal.

    Read once: what a process runs is what it found when it began.
    """
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def acting_code(hashes: Mapping[str, str]) -> str:
    """Return the hash of all code that decides: the package's, and that of a ``strategy.py``."""
    own = hashes.get("strategy")
    if own is None:
        return hashes["code"]
    return hashlib.sha256(f"{hashes['code']} {own}".encode()).hexdigest()


def worker_count(settings: Settings) -> int:
    """Return how many processes may work: as set, or every core that this process may use."""
    if settings.run.workers:
        return settings.run.workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
