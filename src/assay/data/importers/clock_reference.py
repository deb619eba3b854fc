"""The clock of a series, told by a reference on a known clock."""

from collections.abc import Sequence

from assay.data.arrays import FloatArray, IntArray
from assay.data.bars import Bars
from assay.data.importers.clock_finding import ClockFinding


def clock_against(
    local_ns: IntArray,
    bar_ns: int | None,
    values: FloatArray,
    reference: Bars,
    names: Sequence[str],
) -> ClockFinding:
    """Return the clock."""
    return ClockFinding(timezone=None, confidence=0.0, why="")
