"""Every real history on every clock, and with a change of clock in its middle: who is right?

Run ``python tests/data/clock_matrix.py [--json] [--quick]`` beside the shared data.
"""

import argparse
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from assay.data.importers.clock import infer_clock
from assay.data.importers.clock_finding import ClockFinding
from assay.data.importers.zones import zone
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

CLOCKS = ("UTC", "America/New_York", "NY+7", "Europe/Athens", "UTC+3")
RIGHT, NEAR, UNKNOWN, WRONG = "right", "right but for days around the change", "unknown", "wrong"


@dataclass(frozen=True, slots=True)
class History:
    """Rows of one file; ``prices`` are what ``infer_clock`` takes beside times."""

    name: str
    utc_ns: np.ndarray
    bar_ns: int | None
    prices: dict[str, np.ndarray]

    def on(self, local_ns: np.ndarray) -> "Written":
        """Return the rows as a source writes them: sorted by local time, bars without repeats."""
        order = np.argsort(local_ns, kind="stable")
        local_ns = local_ns[order]
        keep = np.ones(len(order), dtype=np.bool_)
        if self.bar_ns is not None:
            keep[1:] = np.diff(local_ns) > 0
        order = order[keep]
        prices = {role: value[order] for role, value in self.prices.items()}
        return Written(History(self.name, self.utc_ns[order], self.bar_ns, prices), local_ns[keep])

    def on_clock(self, clock: str) -> "Written":
        return self.on(zone(clock).to_local(self.utc_ns))

    def switched(self, before: str, after: str, at: int) -> "Written":
        """Return the rows of a server that changes its clock before row *at*."""
        parts = zone(before).to_local(self.utc_ns[:at]), zone(after).to_local(self.utc_ns[at:])
        return self.on(np.concatenate(parts))

    def kept(self, keep: np.ndarray) -> "History":
        prices = {role: value[keep] for role, value in self.prices.items()}
        return History(self.name, self.utc_ns[keep], self.bar_ns, prices)

    def middle(self, *, at_weekend: bool) -> int:
        """Return the row in the middle, or the first row after the weekend nearest to it."""
        half = len(self.utc_ns) // 2
        if not at_weekend:
            return half
        pauses = np.flatnonzero(np.diff(self.utc_ns) > 20 * NS_PER_HOUR)
        apart = np.abs(self.utc_ns[pauses] - self.utc_ns[half])
        return int(pauses[np.argmin(apart)]) + 1


@dataclass(frozen=True, slots=True)
class Written:
    """Rows with the local times of a source; the truth stays beside them."""

    truth: History
    local_ns: np.ndarray

    def found(self, **choices: object) -> ClockFinding:
        return infer_clock(self.local_ns, self.truth.bar_ns, **{**self.truth.prices, **choices})

    def verdict(self, finding: ClockFinding, change_ns: int | None = None) -> str:
        """Judge by the UTC time of every row, whatever the clock is called."""
        if finding.timezone is None:
            return UNKNOWN
        is_bad = zone(finding.timezone).to_utc(self.local_ns) != self.truth.utc_ns
        if not is_bad.any():
            return RIGHT
        if change_ns is None:
            return WRONG
        is_near = np.abs(self.truth.utc_ns - change_ns) <= 7 * NS_PER_DAY
        return WRONG if (is_bad & ~is_near).any() else NEAR


def history(path: Path) -> History:
    """Read one file of the shared data."""
    table = pq.read_table(path)
    kind = path.stem.split("_")[1]
    roles = {"values": "bid"}
    if kind != "ticks":
        roles = {"values": "close", "highs": "high", "lows": "low"}
    prices = {role: table[column].to_numpy() for role, column in roles.items()}
    bar_ns = None if kind == "ticks" else Timeframe[kind].nominal_ns
    return History(path.stem, table["time"].to_numpy().view(np.int64), bar_ns, prices)


def matrix_of(rows: History, *, quick: bool = False) -> dict[str, dict[str, int]]:
    """Return how often each verdict fell on one history: clocks, and changes of them."""
    counts = {"clocks": Counter(), "changes at a weekend": Counter(), "changes mid-week": Counter()}
    for clock in CLOCKS:
        written = rows.on_clock(clock)
        finding = written.found()
        is_false_alarm = bool(finding.changes) and finding.timezone is not None
        counts["clocks"][WRONG if is_false_alarm else written.verdict(finding)] += 1
    pairs = list(permutations(CLOCKS, 2))
    for kind, at_weekend in (("changes at a weekend", True), ("changes mid-week", False)):
        at = rows.middle(at_weekend=at_weekend)
        for before, after in pairs[:: 7 if quick else 1]:
            written = rows.switched(before, after, at)
            counts[kind][written.verdict(written.found(), int(rows.utc_ns[at]))] += 1
    return {kind: dict(count) for kind, count in counts.items()}


def shared_histories() -> list[Path]:
    here = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("ASSAY_SHARED_DATA", here.parent / "shared" / "data"))
    return sorted((folder / "history").glob("*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="write one JSON document")
    parser.add_argument("--quick", action="store_true", help="every seventh pair of clocks")
    choices = parser.parse_args()
    table, total, start = {}, Counter(), time.perf_counter()
    for path in shared_histories():
        table[path.stem] = matrix_of(history(path), quick=choices.quick)
        for count in table[path.stem].values():
            total.update(count)
        if not choices.json:
            print(path.stem, table[path.stem], flush=True)
    seconds = round(time.perf_counter() - start, 1)
    if choices.json:
        print(json.dumps({"histories": table, "total": total, "seconds": seconds}, indent=1))
    else:
        print("total", dict(total), f"{seconds} s")


if __name__ == "__main__":
    main()
