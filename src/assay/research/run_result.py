"""What a run hands to its readers: results, verdict, and how they were made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.kernels.compiler import FloatArray
from assay.research.attribution.decisions import Decisions
from assay.research.attribution.summary import Attribution
from assay.research.metrics import Metrics
from assay.research.result import (
    FeatureScore,
    FoldSpan,
    Forecasts,
    ModelScore,
    QuantileScore,
    Regimes,
    StrategyResult,
)
from assay.research.verdict.judge import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """All that a report shows, and nothing that depends on the clock of the machine.

    Attributes
    ----------
    title : str
        What was tried on what, such as ``XAUUSD H1``.
    currency : str
    headline : str
        Name of the strategy that is judged.
    strategies : tuple of StrategyResult
        The judged one and those beside it, in the order to be shown.
    metrics : mapping of str to Metrics
        By strategy name.
    verdict : Verdict
    forecasts : Forecasts or None
    features : tuple of FeatureScore
        Most important first.
    models : tuple of ModelScore
    quantiles : tuple of QuantileScore
    folds : tuple of FoldSpan
    regimes : Regimes or None
    assumptions : tuple of str
        Costs, fills and data of this run, in sentences.
    settings : mapping
        Every setting, nested as in ``assay.toml``.
    hashes : mapping of str to str
        ``data``, ``features``, ``code`` and so on.
    seeds : mapping of str to int
    warnings : tuple of str
    quality : tuple of (str, str)
        What the data checks found, as name and finding.
    leaks : tuple of (str, str)
        What the leak checks found, as check and result.
    repeat : tuple of str
        Commands that make this run again.
    data_notes : tuple of (str, str)
        Where the history came from: source, span, rows.
    random_sharpes : float64, shape (n,), or None
        Annual Sharpe ratios of further random-entry runs.
    searches : tuple of mapping
        What each search of settings found and what came of it, if settings were searched; see
        `assay.research.search.record.search_records`.
    risk_search : mapping
        What the searches of risk settings found, if there were any; see
        `assay.research.risk_search.record.risk_record`.
    attribution : mapping of str to Attribution
        Where the profit of each strategy came from, by its name.
    decisions : Decisions or None
        Every decision of the judged strategy.
    meta : mapping of str to object
        Wall-clock facts (when, how long, which machine). Written beside the results,
        never into them: the same run twice must give the same bytes.
    """

    title: str
    currency: str
    headline: str
    strategies: tuple[StrategyResult, ...]
    metrics: Mapping[str, Metrics]
    verdict: Verdict
    forecasts: Forecasts | None = None
    features: tuple[FeatureScore, ...] = ()
    models: tuple[ModelScore, ...] = ()
    quantiles: tuple[QuantileScore, ...] = ()
    folds: tuple[FoldSpan, ...] = ()
    regimes: Regimes | None = None
    assumptions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    quality: tuple[tuple[str, str], ...] = ()
    leaks: tuple[tuple[str, str], ...] = ()
    repeat: tuple[str, ...] = ()
    data_notes: tuple[tuple[str, str], ...] = ()
    random_sharpes: FloatArray | None = None
    searches: tuple[Mapping[str, Any], ...] = ()
    risk_search: Mapping[str, Any] = field(default_factory=dict)
    attribution: Mapping[str, Attribution] = field(default_factory=dict)
    decisions: Decisions | None = None
    meta: Mapping[str, object] = field(default_factory=dict)

    def strategy(self, name: str) -> StrategyResult:
        """Return the strategy called *name*.

        Raises
        ------
        KeyError
            If there is none.
        """
        for strategy in self.strategies:
            if strategy.name == name:
                return strategy
        raise KeyError(name)
