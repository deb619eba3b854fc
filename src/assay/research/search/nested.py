"""The search inside a walk forward: settings chosen before each test, from what was known then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.history import History
from assay.research.identity import acting_code, code_hash, data_hash, facts_hash
from assay.research.oos import fold_seed
from assay.research.search.adoption import p_of_lead
from assay.research.search.journal import SearchJournal
from assay.research.search.outcome import Outcome, annual_sharpe, monthly_of
from assay.research.search.search import Searching, best_of
from assay.research.search.space import Point, Space, space_of
from assay.research.search.span import SearchSpan
from assay.research.search.trying import Ground
from assay.research.splits.walk_forward import WalkForwardFold
from assay.research.statistics.sharpe import kurtosis, sharpe_ratio, skewness
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import Trial, changed_settings, hash_of, settings_hash
from assay.research.variants import Variants
from assay.strategy.strategy import Strategy

NEARLY = 0.1
"""Annual Sharpe ratio by which a neighbour may be worse and still count as nearly as good."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """What one search of a walk found.

    Attributes
    ----------
    name : str
    first_fold : int
        The first step of the walk that it chose for.
    until_ns : int
        It saw nothing after this.
    outcomes : tuple of Outcome
    best : Outcome
        The one with the largest objective.
    start : Outcome
        The settings that the search began with.
    p_better : float
        That the best is not better than the start; see `assay.research.search.adoption`.
    plateau : float
        Share of the best one's neighbours that do nearly as well; NaN without neighbours.
    is_adopted : bool
    reason : str
        Why the best was adopted or not.
    settings : Settings
        Chosen for the folds that follow.
    values : mapping of str to value
        The same by name, as far as it was searched.
    """

    name: str
    first_fold: int
    until_ns: int
    outcomes: tuple[Outcome, ...]
    best: Outcome
    start: Outcome
    p_better: float
    plateau: float
    is_adopted: bool
    reason: str
    settings: Settings
    values: dict[str, Any]


@dataclass(slots=True, kw_only=True, eq=False)
class NestedSearch:
    """Chooses settings for the steps of a walk; every choice is a search in the past of its step.

    Attributes
    ----------
    settings : Settings
    journal : SearchJournal
    ledger : TrialLedger
        Where every configuration is counted as it is evaluated.
    identity : str
        Of the walk; trials are recorded as nested in it.
    hashes : mapping of str to str
        ``data`` (with the contract facts) and ``code`` (with that of a strategy) of the trials.
    at_ns : int
        Now, for the ledger alone.
    found : list of Search
        In the order of the walk.
    """

    settings: Settings
    journal: SearchJournal
    ledger: TrialLedger
    identity: str
    hashes: dict[str, str]
    at_ns: int
    found: list[Search] = field(default_factory=list)

    def choose(
        self,
        variants: Variants,
        market: Market,
        folds: Sequence[WalkForwardFold],
        progress: Progress,
    ) -> list[Settings]:
        """Return the settings of each fold; see `assay.research.walk.Choosing`."""
        space = space_of(self.settings)
        chosen: list[Settings] = []
        with self.journal.held():
            for fold in folds:
                if fold.index % self.settings.search.every_folds == 0:
                    self.found.append(self._searched(space, variants, market, fold, progress))
                chosen.append(self.found[-1].settings)
        return chosen

    def _searched(
        self,
        space: Space,
        variants: Variants,
        market: Market,
        fold: WalkForwardFold,
        progress: Progress,
    ) -> Search:
        """Search in the training span of *fold*."""
        dataset = variants.base
        bar_ns = next(iter(dataset.data.values())).bars.timeframe.nominal_ns
        search = self.settings.search
        ground = Ground(
            variants=variants,
            market=market,
            span=SearchSpan(
                first=fold.train_start,
                stop=fold.test_start,
                until_ns=int(dataset.start_ns[fold.test_start]),
                n_groups=search.groups,
                n_test_groups=search.test_groups,
                embargo_ns=self.settings.training.embargo_bars * bar_ns,
            ),
            seed=fold_seed(self.settings.run.seed, fold.index),
        )
        searching = Searching(
            name=f"fold {fold.index}",
            space=space,
            ground=ground,
            journal=self.journal,
            place=Place.of(self.settings),
            told=lambda name, batch, day_ns: self._count(ground, space, name, batch, day_ns),
        )
        outcomes = searching.run(progress)
        found = self._judged(space, searching, outcomes, fold, ground.span.until_ns)
        self.journal.forget_fits(searching.name)
        return found

    def _judged(
        self,
        space: Space,
        searching: Searching,
        outcomes: Sequence[Outcome],
        fold: WalkForwardFold,
        until_ns: int,
    ) -> Search:
        """Adopt the best configuration, or keep the settings that the search began with."""
        start, best = outcomes[0], best_of(outcomes)
        assert best is not None  # the first configuration is never given up
        search = self.settings.search
        p_better = p_of_lead(best, start, outcomes, seed=searching.ground.seed)
        plateau = float("nan")
        if best is start:
            reason = "Nothing did better than the settings that the search began with."
        elif p_better > search.adopt_p:
            reason = (
                f"The best is not clearly better than the settings that the search began with "
                f"(p = {p_better:.2f}; {search.adopt_p:g} is asked for)."
            )
        else:
            plateau = self._plateau(space, searching, outcomes, best)
            is_peak = plateau < search.plateau_share_min
            reason = (
                f"Only {plateau:.0%} of its neighbours do nearly as well: a lone peak."
                if is_peak
                else f"Better than the start (p = {p_better:.2f}), and {plateau:.0%} of its "
                "neighbours do nearly as well."
            )
        is_adopted = plateau >= search.plateau_share_min
        point = best.point if is_adopted else start.point
        settings = space.settings(point) if is_adopted else self.settings
        return Search(
            name=searching.name,
            first_fold=fold.index,
            until_ns=until_ns,
            outcomes=tuple(outcomes),
            best=best,
            start=start,
            p_better=p_better,
            plateau=plateau,
            is_adopted=is_adopted,
            reason=reason,
            settings=settings,
            values=space.values(point),
        )

    def _plateau(
        self, space: Space, searching: Searching, outcomes: Sequence[Outcome], best: Outcome
    ) -> float:
        """Return the share of the neighbours of *best* that do nearly as well.

        Neighbours in decisions are evaluated, which needs no fit; those in labels and models count
        as far as the search has met them.
        """
        decisions = {item.name for item in space.parameters if not item.is_of_models}
        known = {tuple(sorted(item.point.items())): item for item in outcomes if item.is_complete}
        scores, points = [], []
        for point in space.neighbours(best.point):
            seen = known.get(tuple(sorted(point.items())))
            if seen is not None:
                scores.append(seen.objective)
            elif any(point[name] != best.point[name] for name in decisions):
                points.append(point)
        if points:
            scores += [item.objective for item in self._around(space, searching, points)]
        if not scores:
            return 1.0
        return float(np.mean([score >= best.objective - NEARLY for score in scores]))

    def _around(
        self, space: Space, searching: Searching, points: Sequence[Point]
    ) -> Sequence[Outcome]:
        """Return the outcomes of *points*; those of the journal are neither made nor counted again.

        They are a study of their own, as nothing that the search proposes depends on them.
        """
        study = f"{searching.name} plateau"
        known = self.journal.outcomes(study)
        if [item.point for item in known] == points:
            return known
        around, day_ns = searching.evaluated(points, first=0, best=None)
        self._count(searching.ground, space, searching.name, around, day_ns)
        self.journal.record(study, around)
        return around

    def _count(
        self,
        ground: Ground,
        space: Space,
        name: str,
        batch: Sequence[Outcome],
        day_ns: IntArray,
    ) -> None:
        """Record every configuration of a batch in the ledger."""
        seen = ground.variants.base.start_ns[ground.span.first : ground.span.stop]
        usual = Settings().of_a_result()
        trials = []
        for outcome in batch:
            settings = space.settings(outcome.point).of_a_result()
            daily = outcome.daily
            first_month, monthly = monthly_of(daily, day_ns)
            trials.append(
                Trial(
                    kind=f"search, {name}",
                    origin="search",
                    settings_hash=settings_hash(settings),
                    data_hash=self.hashes["data"],
                    code_hash=self.hashes["code"],
                    sharpe_daily=sharpe_ratio(daily),
                    n_days=len(daily),
                    skew=skewness(daily),
                    kurtosis=kurtosis(daily),
                    at_ns=self.at_ns,
                    first_month=first_month,
                    monthly=monthly,
                    saw_from_ns=int(seen[0]),
                    saw_until_ns=int(seen[-1]),
                    tried=changed_settings(settings, usual),
                    nested_in=self.identity,
                )
            )
        self.ledger.record_all(trials)
        self.journal.remember(self.ledger.witness(name))


def walk_identity(settings: Settings, history: History, strategy: Strategy | None) -> str:
    """Return the hash of everything that a searched walk depends on.

    Another history, setting or line of code makes another search, with a journal of its own.
    """
    return hash_of(
        [
            settings_hash(settings.of_a_result(is_searched=True)),
            data_hash(history.bars),
            facts_hash(history.facts_met()),
            code_hash(),
            "" if strategy is None else strategy.source_hash,
        ]
    )


def nested_search(
    settings: Settings,
    history: History,
    strategy: Strategy | None,
    *,
    folder: Path,
    ledger: TrialLedger,
    at_ns: int,
) -> NestedSearch:
    """Return the search of one walk, with its journal in a folder of its own under *folder*.

    If the journal knows of the walk already, the search goes on where it ended.

    Raises
    ------
    ConfigError
        If ``search.space`` makes no sense.
    """
    space_of(settings)
    identity = walk_identity(settings, history, strategy)
    data = hash_of([data_hash(history.bars), facts_hash(history.facts_met())])
    sources = {"code": code_hash()}
    if strategy is not None:
        sources["strategy"] = strategy.source_hash
    return NestedSearch(
        settings=settings,
        journal=SearchJournal(folder / identity[:16]),
        ledger=ledger,
        identity=identity,
        hashes={"data": data, "code": acting_code(sources)},
        at_ns=at_ns,
    )


def efficiency(searches: Sequence[Search], daily: Mapping[int, FloatArray]) -> list[float]:
    """Return what share of the Sharpe ratio that each search expected came to pass after it.

    Parameters
    ----------
    searches : sequence of Search
    daily : mapping of int to float64
        Daily returns out of sample by step of the walk.

    Notes
    -----
    The walk-forward efficiency: annual Sharpe ratio of the steps that a search chose for, over
    the median of the chosen configuration's paths; NaN where it expected nothing.
    """
    shares = []
    for item, after in zip(searches, sharpes_after(searches, daily), strict=True):
        expected = float(np.median((item.best if item.is_adopted else item.start).paths))
        shares.append(after / expected if expected > 0.0 else float("nan"))
    return shares


def sharpes_after(searches: Sequence[Search], daily: Mapping[int, FloatArray]) -> list[float]:
    """Return the annual Sharpe ratio of the steps that each search chose for.

    Parameters
    ----------
    searches : sequence of Search
    daily : mapping of int to float64
        Daily returns out of sample by step of the walk.
    """
    edges = [item.first_fold for item in searches] + [max(daily) + 1]
    return [
        annual_sharpe(np.concatenate([daily[k] for k in range(first, stop)]))
        for first, stop in pairwise(edges)
    ]
