"""The answer of a comparison in plain words. Strategies are called by their letters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.research.comparison.figures import Figures, Selection
from assay.research.comparison.pairs import Pair
from assay.research.wording import count, percent, probability, ratio

CLEAR_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the words are about.

    Attributes
    ----------
    figures : sequence of Figures
    pairs : sequence of Pair
    better : sequence of (str, str)
        Names of pairs of which the first is better beyond luck.
    winner, benchmark : str or None
        Names.
    selection : Selection
    confidence : float
    """

    figures: Sequence[Figures]
    pairs: Sequence[Pair]
    better: Sequence[tuple[str, str]]
    winner: str | None
    benchmark: str | None
    selection: Selection
    confidence: float

    def letter(self, name: str) -> str:
        """Return the letter of a strategy."""
        return next(item.letter for item in self.figures if item.name == name)

    def called(self, name: str) -> str:
        """Return letter and name, as at first mention."""
        return f"{self.letter(name)} ({name})"

    def one(self, name: str) -> Figures:
        """Return the figures of a strategy."""
        return next(item for item in self.figures if item.name == name)

    @property
    def days(self) -> str:
        """The shared days in words."""
        return f"the same {count(self.selection.n_days)} days"


def headline_of(found: Found) -> str:
    """Return the answer in one sentence."""
    if all(pair.is_same for pair in found.pairs):
        who = "both" if len(found.figures) == 2 else f"all {len(found.figures)}"
        return f"No winner: {who} earned the same on each of {found.days}."
    if len(found.figures) == 2:
        return _of_two(found)
    if found.benchmark is not None:
        return _against_benchmark(found, found.benchmark)
    if found.winner is not None:
        return (
            f"{found.called(found.winner)} is better than each of the {len(found.figures) - 1} "
            f"others on {found.days}: it earned more for the risk it took than luck explains."
        )
    best = found.one(found.selection.best)
    return (
        f"No winner among {len(found.figures)}: {found.called(best.name)} earned most for the risk "
        f"it took on {found.days} (Sharpe ratio {ratio(best.sharpe_or_zero)}), but not clearly "
        "more than each other one."
    )


def _of_two(found: Found) -> str:
    pair = found.pairs[0]
    names = (pair.first, pair.second)
    ahead, behind = names if pair.sharpe_difference.value >= 0.0 else names[::-1]
    one, other = found.one(ahead), found.one(behind)
    ratios = f"Sharpe ratio {ratio(one.sharpe_or_zero)} against {ratio(other.sharpe_or_zero)}"
    luck = probability(pair.sharpe_p, spoken=True)
    lead = (
        "did nothing, and that was worth more than"
        if one.is_idle
        else ("earned more for the risk it took than")
    )
    if found.better:
        return (
            f"{found.called(ahead)} is better than {found.called(behind)}: it {lead} "
            f"{found.letter(behind)} on {found.days} ({ratios}); luck alone makes a difference as "
            f"clear with probability {luck}."
        )
    return (
        f"No winner: {found.called(ahead)} {lead} {found.called(behind)} on {found.days} "
        f"({ratios}), but luck alone makes a difference as clear with probability {luck}."
    )


def _against_benchmark(found: Found, benchmark: str) -> str:
    beat = [one for one, other in found.better if other == benchmark]
    base = f"the benchmark {found.called(benchmark)}"
    if found.winner is None:
        return f"Nobody beats {base} on {found.days}: no lead is more than luck explains."
    if len(beat) == 1:
        return (
            f"{found.called(found.winner)} beats {base}: on {found.days} it earned more for the "
            "risk it took than luck explains."
        )
    return (
        f"{len(beat)} of {len(found.figures) - 1} beat {base} on {found.days} by more than luck "
        f"explains; {found.called(found.winner)} leads."
    )


def explanation_of(found: Found) -> tuple[str, ...]:
    """Return what the answer rests on, and what it does not say, in sentences."""
    return (*_basis(found), *_money(found), *_drawdown(found), *_luck(found))


def _basis(found: Found) -> Iterator[str]:
    """Say how clear the differences are."""
    if len(found.pairs) == 1:
        pair = found.pairs[0]
        value = pair.sharpe_difference
        yield (
            f"The Sharpe ratio of {found.letter(pair.first)} less that of "
            f"{found.letter(pair.second)} is {ratio(value.value)}, with {found.confidence:.0%} "
            f"confidence between {ratio(value.low)} and {ratio(value.high)}."
        )
        return
    n = len(found.pairs)
    base = found.benchmark
    with_whom = f"with {found.letter(base)}" if base is not None else "between any two"
    sure = f"clear at {found.confidence:.0%} confidence once all of them are taken into account"
    if not found.better:
        yield f"None of the {n} differences {with_whom} is {sure} (Holm)."
        return
    told = [
        f"{found.letter(one)} over {found.letter(other)}"
        for one, other in found.better[:CLEAR_SHOWN_MAX]
    ]
    if len(found.better) > CLEAR_SHOWN_MAX:
        told.append(f"and {len(found.better) - CLEAR_SHOWN_MAX} more")
    verb = "is" if len(found.better) == 1 else "are"
    yield (
        f"{len(found.better)} of the {n} differences {with_whom} {verb} {sure} (Holm): "
        f"{', '.join(told)}."
    )


def _money(found: Found) -> Iterator[str]:
    """Say who earned more money, which is another question than who is better."""
    if len(found.figures) != 2 or found.pairs[0].return_difference.value == 0.0:
        return
    pair = found.pairs[0]
    value = pair.return_difference
    first, second = found.letter(pair.first), found.letter(pair.second)
    richer, poorer = (first, second) if value.value > 0.0 else (second, first)
    low, high = sorted((abs(value.low), abs(value.high)))
    sure = (
        "it may as well have been less"
        if value.low <= 0.0 <= value.high
        else f"with {found.confidence:.0%} confidence between {percent(low)} and {percent(high)}"
    )
    yield (
        f"In money, {richer} made {percent(abs(value.value))} of the account a year more than "
        f"{poorer}; {sure}. That depends on how much each risked."
    )


def _drawdown(found: Found) -> Iterator[str]:
    """Say where the winner bought its lead with a deeper fall."""
    for pair in found.pairs:
        if found.winner is None or found.winner not in (pair.first, pair.second):
            continue
        sign, other = (1.0, pair.second) if found.winner == pair.first else (-1.0, pair.first)
        deeper = sign * pair.drawdown_difference.value
        if deeper > 0.0:
            yield (
                f"But {found.letter(found.winner)} fell deeper than {found.letter(other)}: by "
                f"{percent(deeper)} of a constant stake at the worst."
            )


def _luck(found: Found) -> Iterator[str]:
    """Say what choosing the best of the compared is worth."""
    chosen = found.selection
    n, letter = chosen.compared, found.letter(chosen.best)
    if found.one(chosen.best).is_idle:
        yield f"{letter}, the best of {n}, did nothing; nothing is known of it."
        return
    yield (
        f"{letter} is the best of {n}, chosen after looking: the best of {n} worthless ones like "
        f"these would show a Sharpe ratio of {ratio(chosen.luck_sharpe)} by luck. The chance that "
        f"its true ratio beats that is {probability(chosen.deflated_sharpe, spoken=True)}."
    )
    if chosen.trials > n:
        yield (
            f"Among all {count(chosen.trials)} trials of this workspace luck's best is "
            f"{ratio(chosen.trials_luck_sharpe)}, and that chance is "
            f"{probability(chosen.trials_deflated_sharpe, spoken=True)}."
        )
