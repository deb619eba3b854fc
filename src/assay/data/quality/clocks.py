"""A history whose hours are those of another clock than UTC: imported with the wrong zone."""

import numpy as np

from assay.data.arrays import BoolArray
from assay.data.importers.clock import infer_clock
from assay.data.importers.zones import zone
from assay.data.quality.hourly import Hours
from assay.domain.time import NS_PER_HOUR

_HOURS_MIN = 500
_CONFIDENCE_MIN = 0.97
_SHARE_MIN = 0.1
"""Clocks that differ for some weeks a year alone are not told apart surely enough."""


def hours_of_other_clock(by_hour: Hours) -> BoolArray:
    """Tell which hours surely stand on another clock than UTC.

    Parameters
    ----------
    by_hour : Hours

    Returns
    -------
    is_other : bool, shape (n_hours,)

    Notes
    -----
    The rows are asked which clock they follow, as at an import: when the market closes and opens,
    the hours of activity, the releases of first Fridays. A clock that changes in the middle of the
    history flags the part on the other one. Nothing is flagged where the rows cannot tell.
    """
    nothing = np.zeros(len(by_hour), dtype=np.bool_)
    known = by_hour.top > 0.0
    if np.count_nonzero(known) < _HOURS_MIN:
        return nothing
    top, bottom = by_hour.top[known], by_hour.bottom[known]
    finding = infer_clock(
        by_hour.time_ns[known], NS_PER_HOUR, values=0.5 * (top + bottom), highs=top, lows=bottom
    )
    if finding.timezone is None or finding.confidence < _CONFIDENCE_MIN:
        return nothing
    differs = zone(finding.timezone).to_utc(by_hour.time_ns) != by_hour.time_ns
    return differs if np.mean(differs) >= _SHARE_MIN else nothing
