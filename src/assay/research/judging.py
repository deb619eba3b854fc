"""Trade every strategy beside its benchmarks, count the trials, measure and judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.research.benchmarks import Market, as_result, buy_and_hold, random_entries
from assay.research.identity import acting_code
from assay.research.leaks.evidence import LeakReport
from assay.research.metrics import Metrics, measure
from assay.research.result import Forecasts, StrategyResult
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import changed_settings, hash_of, trial_of
from assay.research.verdict.figures import Demands
from assay.research.verdict.judge import Verdict, judge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traded:
    """What every strategy of a run did.

    Attributes
    ----------
    headline : str
        Name of the one that is judged.
    tried : tuple of StrategyResult
        Those that learned or were set up; each is a trial.
    holding, dealt : StrategyResult
        Buy and hold, and the median run of random entries.
    random_sharpes : float64
        Annual Sharpe ratios of all runs of random entries.
    """

    headline: str
    tried: tuple[StrategyResult, ...]
    holding: StrategyResult
    dealt: StrategyResult
    random_sharpes: FloatArray

    @property
    def strategies(self) -> tuple[StrategyResult, ...]:
        """All, in the order in which a reader meets them."""
        return (*self.tried, self.holding, self.dealt)

    @property
    def judged(self) -> StrategyResult:
        """The one that is judged."""
        return next(result for result in self.tried if result.name == self.headline)


def trade(views: Mapping[str, Views], headline: str, market: Market, progress: Progress) -> Traded:
    """Run every strategy over the events; random entries mimic the one called *headline*."""
    progress.stage("Trading", len(views) + 2)
    tried = {}
    for name, opinion in views.items():
        tried[name] = as_result(name, market.trade(opinion), market)
        progress.advance()
    holding = buy_and_hold(market)
    progress.advance()
    dealt, sharpes = random_entries(market, tried[headline])
    progress.advance()
    return Traded(
        headline=headline,
        tried=tuple(tried.values()),
        holding=holding,
        dealt=dealt,
        random_sharpes=sharpes,
    )


def count_trials(
    ledger: TrialLedger,
    tried: Sequence[StrategyResult],
    *,
    settings: Settings,
    settings_hash: str,
    hashes: Mapping[str, str],
    at_ns: int,
    origin: str = "run",
) -> None:
    """Count every strategy that was tried, before anyone is judged."""
    changed = changed_settings(settings.of_a_result(), Settings().of_a_result())
    ledger.record_all(
        [
            trial_of(
                result,
                settings_hash=settings_hash,
                data_hash=hash_of([hashes["data"], hashes["facts"]]),
                code_hash=acting_code(hashes),
                at_ns=at_ns,
                origin=origin,
                tried=changed,
            )
            for result in tried
        ]
    )


def judged(
    traded: Traded,
    forecasts: Forecasts | None,
    settings: Settings,
    ledger: TrialLedger,
    progress: Progress,
    *,
    walk: str = "",
    leaks: LeakReport | None = None,
) -> tuple[dict[str, Metrics], Verdict]:
    """Measure every strategy, and judge the headline by the ledger's number of trials.

    Intervals have the confidence that is judged by, which is never below the gate's.

    *walk* is the identity of the walk forward, if settings were searched inside it; *leaks* is
    what the leak prover says of the pipeline.
    """
    evaluation, seed = settings.evaluation, settings.run.seed
    confidence = Demands.of(evaluation).of_the_judge.confidence
    progress.stage("Judging", len(traded.strategies))
    metrics = {}
    for strategy in traded.strategies:
        metrics[strategy.name] = measure(
            strategy,
            confidence=confidence,
            samples=evaluation.bootstrap_samples,
            seed=seed,
        )
        progress.advance()
    time_ns = traded.judged.time_ns
    verdict = judge(
        traded.judged,
        ledger.evidence(walk=walk, judged_ns=(int(time_ns[0]), int(time_ns[-1]))),
        {"random": traded.dealt, "buy_and_hold": traded.holding},
        forecasts,
        evaluation,
        seed=seed,
        metrics=metrics[traded.headline],
        random_sharpes=traded.random_sharpes,
        leaks=leaks,
    )
    progress.done()
    return metrics, verdict
