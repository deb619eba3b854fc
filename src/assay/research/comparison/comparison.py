"""The comparison of several strategies: one frozen object, for readers, programs and gates."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.errors import ConfigError
from assay.domain.progress import Progress, SilentProgress
from assay.research.comparison.answer import Found, explanation_of, headline_of
from assay.research.comparison.entrant import Entrant
from assay.research.comparison.fairness import (
    Concern,
    Difference,
    concerns_of,
    differences_of,
    refuse_leaks,
    refuse_mixed_currencies,
)
from assay.research.comparison.figures import (
    Figures,
    Overfitted,
    Selection,
    figures_of,
    overfitted,
    selection_of,
)
from assay.research.comparison.likeness import correlations
from assay.research.comparison.pairs import Pair, pairs_of
from assay.research.comparison.shared_days import SharedDays, at_same_risk, shared_days
from assay.research.compute.place import Place
from assay.research.metrics import rng_for
from assay.research.report.records import canonical
from assay.research.statistics.superiority import stepwise_superior, superior_ability
from assay.research.trials.evidence import TrialEvidence

SCHEMA = "assay.comparison/1"
ENTRANTS_MAX = 24
SAMPLES_MIN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The days that count: those that all strategies traded."""

    n_days: int
    first_day: str
    last_day: str
    years: float
    days_per_year: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkTest:
    """Whether any strategy beats the benchmark at the same risk, all of them considered at once.

    Attributes
    ----------
    p : float
        Hansen's test of superior predictive ability, consistent.
    p_lower, p_upper : float
        Its bounds.
    best : str
        Whoever leads most.
    superior : tuple of str
        Those that beat it by the stepwise test of Romano and Wolf, at the chosen confidence.
    """

    p: float
    p_lower: float
    p_upper: float
    best: str
    superior: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The answer, and everything needed to argue with it.

    Attributes
    ----------
    schema : str
    headline, explanation : str
        The answer in plain words.
    winner : str or None
        The strategy that is better than each other one beyond luck, corrected for all pairs; with
        a benchmark, the best of those that beat it.
    better : tuple of (str, str)
        Every pair of which the first is better than the second beyond luck.
    confidence : float
    benchmark : str or None
    shared : Shared
    figures : tuple of Figures
        One for each strategy, in the order in which they were named.
    pairs : tuple of Pair
    benchmark_test : BenchmarkTest or None
    overfitted : Overfitted or None
    selection : Selection
    correlations : tuple of tuple of float
        Of daily returns, in the order of *figures*.
    differences : tuple of Difference
        Settings and hashes that are not the same for all.
    concerns : tuple of Concern
        What a reader must know first, warnings first.
    seed, samples : int
        Of the resampling.
    """

    schema: str
    headline: str
    explanation: tuple[str, ...]
    winner: str | None
    better: tuple[tuple[str, str], ...]
    confidence: float
    benchmark: str | None
    shared: Shared
    figures: tuple[Figures, ...]
    pairs: tuple[Pair, ...]
    benchmark_test: BenchmarkTest | None
    overfitted: Overfitted | None
    selection: Selection
    correlations: tuple[tuple[float, ...], ...]
    differences: tuple[Difference, ...]
    concerns: tuple[Concern, ...]
    seed: int
    samples: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the strategies, in order."""
        return tuple(item.name for item in self.figures)

    def pair(self, one: str, other: str) -> Pair | None:
        """Return the pair of two strategies in whichever order; None if it was not tested."""
        for item in self.pairs:
            if {item.first, item.second} == {one, other}:
                return item
        return None

    def text(self) -> str:
        """Return it as canonical JSON; NaN becomes null."""
        return canonical(self) + "\n"


def compare(
    entrants: Sequence[Entrant],
    *,
    benchmark: str | None = None,
    confidence: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
    trials: TrialEvidence | None = None,
    place: Place | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare strategies on the days that all of them traded.

    Parameters
    ----------
    entrants : sequence of Entrant
        At least two, of different names.
    benchmark : str, optional
        Name of the one that all others are compared with, in place of all pairs.
    confidence : float
        Of intervals and of the answer, (0.5, 1).
    samples : int
        Resampled records for each pair, at least 500; pairs that look clear take more.
    seed : int
    trials : TrialEvidence, optional
        From the ledger of the workspace, for what the choice among all its trials is worth.
    place : Place, optional
        Where many pairs are computed; in this process by default. The result is the same.
    progress : Progress, optional

    Returns
    -------
    Comparison
        The same for the same arguments.

    Raises
    ------
    ConfigError
        If an argument is out of range, or accounts are in different currencies.
    DataError
        If too few days are shared, or the pipeline of one knew the future.

    Notes
    -----
    The answer rests on the difference of Sharpe ratios, as it does not depend on how much was
    risked: paired stationary bootstrap, two-sided p-values, Holm's correction over all pairs.
    """
    base = _checked(entrants, benchmark, confidence, samples)
    refuse_leaks(entrants)
    refuse_mixed_currencies(entrants)
    told = progress or SilentProgress()
    shared = shared_days(entrants)
    figures = figures_of(entrants, shared, confidence=confidence, samples=samples, seed=seed)
    pairs = pairs_of(
        entrants,
        shared,
        base,
        confidence=confidence,
        samples=samples,
        seed=seed,
        place=place or Place(),
        progress=told,
    )
    selection = selection_of(figures, shared, trials)
    words = _found(figures, pairs, selection, benchmark, confidence)
    tested = None
    if base is not None:
        tested = _benchmark_test(entrants, shared, base, confidence, samples, seed)
    differences = differences_of(entrants)
    told.done()
    return Comparison(
        schema=SCHEMA,
        headline=headline_of(words),
        explanation=explanation_of(words),
        winner=words.winner,
        better=tuple(words.better),
        confidence=confidence,
        benchmark=benchmark,
        shared=_span_of(shared),
        figures=figures,
        pairs=pairs,
        benchmark_test=tested,
        overfitted=overfitted(shared),
        selection=selection,
        correlations=tuple(tuple(row) for row in correlations(shared.returns).tolist()),
        differences=differences,
        concerns=concerns_of(entrants, shared, differences),
        seed=seed,
        samples=samples,
    )


def _found(
    figures: Sequence[Figures],
    pairs: Sequence[Pair],
    selection: Selection,
    benchmark: str | None,
    confidence: float,
) -> Found:
    """Return who is better than whom, and who wins."""
    better = tuple(
        (name, pair.second if name == pair.first else pair.first)
        for pair in pairs
        if (name := pair.better(confidence)) is not None
    )
    return Found(
        figures=figures,
        pairs=pairs,
        better=better,
        winner=_winner(figures, better, benchmark),
        benchmark=benchmark,
        selection=selection,
        confidence=confidence,
    )


def _span_of(shared: SharedDays) -> Shared:
    return Shared(
        n_days=len(shared.day),
        first_day=str(shared.day[0]),
        last_day=str(shared.day[-1]),
        years=shared.years,
        days_per_year=shared.days_per_year,
    )


def _checked(
    entrants: Sequence[Entrant], benchmark: str | None, confidence: float, samples: int
) -> int | None:
    """Return the place of the benchmark, after a look at all arguments."""
    names = [item.name for item in entrants]
    if not 2 <= len(names) <= ENTRANTS_MAX or len(set(names)) < len(names):
        raise ConfigError(
            f"A comparison must have 2 to {ENTRANTS_MAX} different strategies; had {len(names)}.",
            remedy="Name runs, as `assay compare ONE TWO`, or one with all its strategies: "
            "`assay compare ONE:all`.",
            n_entrants=len(names),
        )
    if benchmark is not None and benchmark not in names:
        raise ConfigError(
            f"--benchmark must be one of the compared; {benchmark!r} is none of "
            f"{', '.join(names)}.",
            remedy="Name it among the runs, too.",
            value=benchmark,
        )
    if not 0.5 < confidence < 1.0:
        raise ConfigError(
            f"confidence must lie between 0.5 and 1; was {confidence:g}.",
            remedy="Write 0.95 for 95 %.",
            value=confidence,
        )
    if samples < SAMPLES_MIN:
        raise ConfigError(
            f"samples must be at least {SAMPLES_MIN}; was {samples}.",
            remedy="Use 2,000, as is usual.",
            value=samples,
        )
    return None if benchmark is None else names.index(benchmark)


def _winner(
    figures: Sequence[Figures], better: Sequence[tuple[str, str]], benchmark: str | None
) -> str | None:
    """Return who is better than everybody else, or the best of those that beat the benchmark."""
    if benchmark is not None:
        beat = [item for item in figures if (item.name, benchmark) in better]
        return max(beat, key=lambda item: item.sharpe_or_zero).name if beat else None
    for item in figures:
        if all((item.name, other.name) in better for other in figures if other is not item):
            return item.name
    return None


def _benchmark_test(
    entrants: Sequence[Entrant],
    shared: SharedDays,
    place: int,
    confidence: float,
    samples: int,
    seed: int,
) -> BenchmarkTest:
    """Ask of all at once whether any beats the benchmark, each scaled to the same volatility."""
    scaled = at_same_risk(shared.returns)
    others = [i for i in range(len(entrants)) if i != place]
    lead = scaled[:, others] - scaled[:, [place]]
    names = [entrants[i].name for i in others]
    found = superior_ability(lead, rng_for(seed, "comparison", "superiority"), n_samples=samples)
    stepwise = stepwise_superior(
        lead,
        rng_for(seed, "comparison", "stepwise"),
        size=1.0 - confidence,
        n_samples=samples,
    )
    return BenchmarkTest(
        p=found.p_consistent,
        p_lower=found.p_lower,
        p_upper=found.p_upper,
        best=names[found.best],
        superior=tuple(names[i] for i in stepwise.superior),
    )
