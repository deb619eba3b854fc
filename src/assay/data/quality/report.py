"""What the checks say: one answer per check, one score per month, one report per series."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum, unique

from assay.data.gaps import Gap
from assay.domain.time import iso_utc

GAPS_LISTED_MAX = 1_000
TIMES_LISTED_MAX = 10_000


@unique
class Severity(Enum):
    """How much a faulty row harms whoever trains or trades on it.

    The two numbers are the points of a month's score that are lost per per cent of faulty
    rows, and the most that one check may cost.
    """

    FATAL = (40.0, 100.0)
    """A wrong price or a wrong time: one such row makes a trade that never was."""
    SUSPECT = (10.0, 100.0)
    """A price that looks wrong; where news struck, it may be right."""
    SERIOUS = (4.0, 60.0)
    """Something is missing or frozen: results are biased, not invented."""
    MINOR = (0.5, 20.0)
    """Costs and fills are less exact."""
    NOTE = (0.0, 0.0)
    """Worth knowing; costs nothing."""

    @property
    def points_per_percent(self) -> float:
        """Points lost for each per cent of the rows."""
        return self.value[0]

    @property
    def points_max(self) -> float:
        """Points lost at most."""
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about the rows, and its answer.

    Attributes
    ----------
    name : str
        Stable identifier, such as ``missing_bars``.
    rows : int
        Rows (or missing bars) that fail.
    share : float
        Of all rows (or expected bars), [0, 1].
    first : str or None
        Where it first happens: UTC time of the row, or line of the source.
    says : str
        The finding in words, with its count.
    is_passed : bool
        False where the rows should not be relied on without a look.
    severity : Severity
    times_ns : tuple of int
        The first ``TIMES_LISTED_MAX`` rows that fail, UTC nanoseconds, in order of the rows.
    months : mapping of str to int
        Rows that fail by UTC month, such as ``2016-12``; all of them.
    """

    name: str
    rows: int
    share: float
    first: str | None
    says: str
    is_passed: bool
    severity: Severity = Severity.SERIOUS
    times_ns: tuple[int, ...] = ()
    months: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "name": self.name,
            "rows": self.rows,
            "share": self.share,
            "first": self.first,
            "says": self.says,
            "is_passed": self.is_passed,
            "severity": self.severity.name.lower(),
            "months": dict(self.months),
            "times": [iso_utc(time_ns) for time_ns in self.times_ns],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthScore:
    """How good one month is.

    Attributes
    ----------
    month : str
        UTC month, such as ``2016-12``.
    rows, expected : int
        Rows there are; rows and missing bars together (for ticks: hours).
    score : float
        [0, 100].
    worst : tuple of (str, float)
        The checks that cost most and their points, at most three.
    """

    month: str
    rows: int
    expected: int
    score: float
    worst: tuple[tuple[str, float], ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return asdict(self) | {"worst": [{"check": n, "points": p} for n, p in self.worst]}


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """What the checks found in one history.

    Attributes
    ----------
    symbol, series : str
    rows : int
    first_ns, last_ns : int
    checks : tuple of Check
        All that were made, also those that found nothing.
    gaps : tuple of Gap
        The largest ``GAPS_LISTED_MAX``, largest first.
    n_gaps : int
        All of them.
    closures : tuple of Gap
        What holidays explain; no gaps, listed so that nothing missing goes unnamed.
    months : tuple of MonthScore
        Oldest first.
    score : float
        [0, 100]; see ``assay.data.quality.scoring``.
    """

    symbol: str
    series: str
    rows: int
    first_ns: int
    last_ns: int
    checks: tuple[Check, ...]
    gaps: tuple[Gap, ...] = ()
    n_gaps: int = 0
    closures: tuple[Gap, ...] = ()
    months: tuple[MonthScore, ...] = ()
    score: float = 100.0

    @property
    def is_passed(self) -> bool:
        """Whether every check passed."""
        return all(check.is_passed for check in self.checks)

    @property
    def findings(self) -> tuple[Check, ...]:
        """Return the checks that found something, failures first."""
        found = [check for check in self.checks if check.rows]
        return tuple(sorted(found, key=lambda check: check.is_passed))

    @property
    def worst_months(self) -> tuple[MonthScore, ...]:
        """Return the months by score, the worst first."""
        return tuple(sorted(self.months, key=lambda month: (month.score, month.month)))

    def check(self, name: str) -> Check:
        """Return the check of that name.

        Raises
        ------
        KeyError
            If none of that name was made.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "symbol": self.symbol,
            "series": self.series,
            "rows": self.rows,
            "first": iso_utc(self.first_ns),
            "last": iso_utc(self.last_ns),
            "score": self.score,
            "is_passed": self.is_passed,
            "checks": [check.as_json() for check in self.checks],
            "n_gaps": self.n_gaps,
            "gaps": [gap.as_json() for gap in self.gaps],
            "closures": [gap.as_json() for gap in self.closures],
            "months": [month.as_json() for month in self.months],
        }
