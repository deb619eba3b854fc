"""What the leak prover found, and whether it can be believed: the evidence that a verdict takes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Check = Literal[
    "truncate",
    "poison",
    "shift",
    "repeat",
    "warm_up",
    "purge",
    "embargo",
    "canary",
    "unseen",
    "unread",
]
"""What found a leak.

``truncate``
    A value changes when the later bars are cut off.
``poison``
    A value changes when the later bars become NaN, or a billion.
``shift``
    A value changes when another plausible future takes the place of the later bars.
``repeat``
    The same bars twice give different values, so nothing can be proved of the column.
``warm_up``
    The value of the trailing bars of the declared warm-up is not that of the whole history.
``purge``, ``embargo``
    A learning label overlaps a judged one, or starts too soon after it.
``canary``
    Labels of pure noise are forecast better than by a coin.
``unseen``
    What was learned changes with rows that it must not see.
``unread``
    What was learned does not change with the rows that it must be fitted on.
"""


_FAULTS: Mapping[Check, str] = {
    "repeat": "It does not say the same twice in",
    "warm_up": "It says one thing over the history and another bar by bar in",
    "unread": "It is not fitted on what it should be in",
}
"""What is wrong where nothing sees the future, by the check that found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One column of one stage that knew too much.

    Attributes
    ----------
    stage, column : str
    check : str
        What found it; see ``Check``. A leak that several checks find stands there for each.
    bar : int
        First bar found whose value depends on later ones; for rows the first bar of the first
        learning label that overlaps; for a fit the last bar that it was allowed to know.
    count : int
        Values that changed, or pairs of labels that overlap.
    detail : str
    time_ns : int or None
        Open of that bar, or start of that label, UTC nanoseconds; None where there is none.
    remedy : str
        What to do about it.
    line : int or None
        Line of the user's file that declares the column.
    """

    stage: str
    column: str
    check: Check
    bar: int
    count: int
    detail: str
    time_ns: int | None = None
    remedy: str = ""
    line: int | None = None

    @property
    def sees_future(self) -> bool:
        """Whether what was found is knowledge of the future, and no other fault."""
        return self.check not in _FAULTS

    def __str__(self) -> str:
        return f"{self.stage}.{self.column}: {self.check} from bar {self.bar}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProof:
    """What was asked of one stage.

    Attributes
    ----------
    name : str
    kind : str
        ``series``, ``fit``, ``rows``, ``parts`` or ``strategy``.
    columns : int
    answers : int
        Changed histories, splits or tables that it answered for.
    values : int
        Values compared.
    checks : tuple of str
        Those that it was put through.
    constant : tuple of str
        Columns that no change of the future moved, not even after it: they read the clock alone,
        or nothing. No check says anything about them.
    note : str
        What was left out, such as rows.
    """

    name: str
    kind: str
    columns: int
    answers: int
    values: int
    checks: tuple[Check, ...]
    constant: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A leak that the prover planted itself, and whether it found it.

    Attributes
    ----------
    leak : str
        What was planted, such as ``the next bar``.
    stage, column : str
        Where.
    expected, found : tuple of str
        Checks that had to name that stage and column, and those that did.
    """

    leak: str
    stage: str
    column: str
    expected: tuple[Check, ...]
    found: tuple[Check, ...]

    @property
    def is_found(self) -> bool:
        """Whether every check that had to find it did."""
        return bool(self.expected) and set(self.expected) <= set(self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """The answer of the leak prover.

    Attributes
    ----------
    leaks : tuple of Leak
        In the order of the stages.
    stages : tuple of StageProof
    canaries : tuple of Canary
    blind : tuple of str
        Why the prover could see nothing somewhere, in sentences.
    """

    leaks: tuple[Leak, ...]
    stages: tuple[StageProof, ...]
    canaries: tuple[Canary, ...]
    blind: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether canaries were planted, each was found, and no stage was out of sight."""
        return bool(self.canaries) and not self.missed and not self.blind

    @property
    def missed(self) -> tuple[Canary, ...]:
        """Planted leaks that were not found."""
        return tuple(canary for canary in self.canaries if not canary.is_found)

    @property
    def sees_future(self) -> bool:
        """Whether some column knows the future; others may not repeat, or need more bars."""
        return any(leak.sees_future for leak in self.leaks)

    @property
    def is_clean(self) -> bool:
        """Whether the prover can be trusted and found nothing."""
        return self.trusted and not self.leaks

    @property
    def reason(self) -> str:
        """Why results of this pipeline are no evidence, in a sentence; empty if they may be."""
        if self.is_clean:
            return ""
        if not self.trusted:
            if self.missed:
                first = self.missed[0]
                return (
                    f"The leak prover cannot be trusted: it did not find {first.leak}, which it "
                    f"had planted in {first.stage}, {first.column}."
                )
            why = self.blind[0] if self.blind else "No leak was planted to try it."
            return f"The leak prover cannot be trusted. {why}"
        worst = next((leak for leak in self.leaks if leak.sees_future), self.leaks[0])
        what = _FAULTS.get(worst.check, "It sees the future in")
        more = len({(leak.stage, leak.column) for leak in self.leaks}) - 1
        others = f" ({more} more)" if more else ""
        return f"{what} {worst.stage}, {worst.column}{others}: {worst.detail}."

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, numbers and strings."""
        return {
            "clean": self.is_clean,
            "trusted": self.trusted,
            "reason": self.reason,
            "leaks": [asdict(leak) for leak in self.leaks],
            "stages": [asdict(stage) for stage in self.stages],
            "canaries": [
                {**asdict(canary), "is_found": canary.is_found} for canary in self.canaries
            ],
            "blind": list(self.blind),
        }

    def joined(self, *others: "LeakReport") -> "LeakReport":
        """Return this report and *others* as one."""
        reports = (self, *others)
        return LeakReport(
            leaks=tuple(leak for report in reports for leak in report.leaks),
            stages=tuple(stage for report in reports for stage in report.stages),
            canaries=tuple(canary for report in reports for canary in report.canaries),
            blind=tuple(text for report in reports for text in report.blind),
        )
