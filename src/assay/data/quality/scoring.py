"""The score of a month and of a series, in [0, 100]."""

from collections.abc import Mapping, Sequence

import numpy as np

from assay.data.quality.report import Check, MonthScore
from assay.data.quality.tally import month_name

_WORST_LISTED = 3
_LOWER_QUARTILE = 0.25


def score_months(
    checks: Sequence[Check], rows: Mapping[int, int], missing: Mapping[int, int]
) -> tuple[MonthScore, ...]:
    """Score every month that has rows or misses some.

    Parameters
    ----------
    checks : sequence of Check
        With their counts by month.
    rows, missing : mapping of int to int
        Rows that are there and bars that are missing, by months since 1970.

    Notes
    -----
    A month begins with 100 points. Each check takes, for each per cent of the expected rows of
    the month that fail it, the points of its severity, and at most the severity's cap:

    ======== ================= ==========
    severity points per cent   at most
    ======== ================= ==========
    fatal    40                100
    suspect  10                100
    serious  4                 60
    minor    0.5               20
    note     0                 0
    ======== ================= ==========

    So 2.5 % of wrong prices, or of wrong times, leave nothing; a month with half of its bars
    missing keeps 40. Nothing is subtracted twice for the same check, and nothing below zero.
    """
    months = []
    for month in sorted(set(rows) | set(missing)):
        name = month_name(month)
        n_rows = rows.get(month, 0)
        expected = n_rows + missing.get(month, 0)
        costs = []
        for check in checks:
            n_bad = check.months.get(name, 0)
            percent = 100.0 * n_bad / max(1, expected)
            points = min(percent * check.severity.points_per_percent, check.severity.points_max)
            if points > 0.0:
                costs.append((check.name, round(points, 3)))
        costs.sort(key=lambda cost: -cost[1])
        months.append(
            MonthScore(
                month=name,
                rows=n_rows,
                expected=expected,
                score=round(max(0.0, 100.0 - sum(points for _, points in costs)), 3),
                worst=tuple(costs[:_WORST_LISTED]),
            )
        )
    return tuple(months)


def score_series(months: Sequence[MonthScore]) -> float:
    """Return the score of a series: the lower of its mean month and its lower quartile.

    Notes
    -----
    Months weigh by their expected rows. The mean sees damage that is spread out or total; the lower
    quartile sees a quarter of the history that is worse than the rest. One bad month in ten years
    moves neither by more than a point, and is listed by name. No months: 100.
    """
    if not months:
        return 100.0
    scores = np.array([month.score for month in months])
    weights = np.array([max(1, month.expected) for month in months], dtype=np.float64)
    mean = float(np.average(scores, weights=weights))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    quartile = float(scores[order][np.searchsorted(reached, _LOWER_QUARTILE)])
    return round(min(mean, quartile), 3)
