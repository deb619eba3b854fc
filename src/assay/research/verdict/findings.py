"""Observations that belong beside a verdict but do not decide it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from assay.domain.time import NS_PER_DAY
from assay.models.ranking import area_under_curve
from assay.research.daily import DAYS_PER_YEAR, DailyReturns
from assay.research.metrics import Metrics
from assay.research.result import Forecasts, StrategyResult
from assay.research.trials.evidence import TrialEvidence
from assay.research.verdict.figures import Demands
from assay.research.wording import count

BEST_TRADES = 5
COST_SHARE_HIGH = 0.5
AMBIGUOUS_SHARE_HIGH = 0.05
SILENT_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation, and which side it speaks for."""

    speaks_for: bool
    text: str


def demand_findings(numbers: Mapping[str, float]) -> Iterator[Finding]:
    """Say where the settings ask for less than the gate does."""
    asked = Demands.in_numbers(numbers)
    gate = asked.of_the_judge
    for key, own, least in (
        ("confidence", asked.confidence, gate.confidence),
        ("years_min", asked.years_min, gate.years_min),
        ("trades_min", asked.trades_min, gate.trades_min),
    ):
        if own < least:
            yield Finding(
                speaks_for=False,
                text=f"evaluation.{key} is {own:g}, and the gate asks for {least:g}: it was judged "
                f"by {least:g}.",
            )


def trial_findings(trials: TrialEvidence) -> Iterator[Finding]:
    """Say which trials the ledger no longer knows, and which did not count."""
    if trials.lost:
        yield Finding(
            speaks_for=False,
            text=f"{count(trials.lost)} of the trials that earlier results of this workspace "
            "counted are missing from the ledger: it was deleted, replaced, or put back from an "
            "earlier copy. Each counts as an independent trial.",
        )
    if trials.nested:
        yield Finding(
            speaks_for=True,
            text=f"Its settings were chosen by {count(trials.nested)} further trials, each on data "
            "from before the span that it chose for; so none of them is counted against it.",
        )


def findings(
    result: StrategyResult,
    measured: Metrics,
    daily: DailyReturns,
    forecasts: Forecasts | None,
) -> tuple[Finding, ...]:
    """Return what else a careful reader would want to know."""
    found = [
        *_years(daily, result.start_balance),
        *_concentration(result, measured),
        *_silence(result, measured),
        *_costs(measured),
        *_forecast(forecasts),
        *_ambiguity(measured),
    ]
    return tuple(found)


def _years(daily: DailyReturns, start_balance: float) -> Iterator[Finding]:
    """Count profitable calendar years, leaving out years with less than a quarter of data."""
    if not len(daily.day_ns):
        return
    year = daily.day_ns.astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64)
    made, total = 0, 0
    for value in np.unique(year):
        days = np.flatnonzero(year == value)
        if len(days) < 60:
            continue
        before = daily.equity[days[0] - 1] if days[0] > 0 else start_balance
        total += 1
        made += bool(daily.equity[days[-1]] > before)
    if total >= 3:
        yield Finding(
            speaks_for=made >= 0.6 * total,
            text=f"{made} of {total} calendar years made money.",
        )


def _concentration(result: StrategyResult, measured: Metrics) -> Iterator[Finding]:
    """Say whether a handful of trades made the profit."""
    if measured.n_trades < 10 * BEST_TRADES or measured.net_profit <= 0.0:
        return
    net = np.sort(result.trades["net"])
    rest = float(np.sum(net[:-BEST_TRADES]))
    yield Finding(
        speaks_for=rest > 0.0,
        text=f"Without its {BEST_TRADES} best trades it would "
        + ("still have made money." if rest > 0.0 else "have lost money."),
    )


def _silence(result: StrategyResult, measured: Metrics) -> Iterator[Finding]:
    """Say that the strategy stopped trading long before the record ends."""
    if not measured.n_trades or bool(result.equity[-1] != result.balance[-1]):
        return
    quiet_ns = int(result.time_ns[-1]) - int(np.max(result.exit_ns))
    span_ns = int(result.time_ns[-1]) - int(result.time_ns[0])
    years = quiet_ns / (DAYS_PER_YEAR * NS_PER_DAY)
    if quiet_ns > SILENT_SHARE * span_ns and years > 0.5:
        yield Finding(
            speaks_for=False,
            text=f"It did not trade in the last {years:.1f} years of the record.",
        )


def _costs(measured: Metrics) -> Iterator[Finding]:
    share = measured.costs.share
    if measured.costs.total <= 0.0:
        return
    if math.isnan(share):
        yield Finding(speaks_for=False, text="It lost money even before costs.")
    else:
        yield Finding(
            speaks_for=share < COST_SHARE_HIGH,
            text=f"Costs took {share:.0%} of what it earned before them.",
        )


def _forecast(forecasts: Forecasts | None) -> Iterator[Finding]:
    """Compare the ranking of the forecasts with chance, on independent labels only."""
    if forecasts is None or len(forecasts.p) < 100:
        return
    auc = area_under_curve(forecasts.p, forecasts.y)
    if math.isnan(auc):
        return
    independent = independent_count(forecasts)
    share = float(np.mean(forecasts.y))
    yes, no = share * independent, (1.0 - share) * independent
    error = math.sqrt((yes + no + 1.0) / (12.0 * yes * no)) if yes * no > 0.0 else math.inf
    clear = auc - 0.5 > 1.645 * error
    yield Finding(
        speaks_for=clear,
        text=f"Its forecasts rank outcomes {'better' if clear else 'no better'} than chance "
        f"(area under the curve {auc:.3f}, chance 0.5 ± {1.645 * error:.3f}).",
    )


def _ambiguity(measured: Metrics) -> Iterator[Finding]:
    share = measured.ambiguous_share
    if math.isnan(share) or share <= 0.0:
        return
    if share > AMBIGUOUS_SHARE_HIGH:
        yield Finding(
            speaks_for=False,
            text=f"{share:.1%} of its trades had stop and target inside one bar; they were "
            "booked as the worse outcome unless finer bars settled them.",
        )


def independent_count(forecasts: Forecasts) -> float:
    """Return how many independent cases overlapping labels are worth.

    The sum of the uniqueness weights, or the count over the mean horizon without them.
    """
    n = len(forecasts.p)
    if forecasts.weight is not None:
        return float(min(max(np.sum(forecasts.weight), 1.0), n))
    return n / max(1.0, float(np.mean(forecasts.horizon))) if n else 0.0
