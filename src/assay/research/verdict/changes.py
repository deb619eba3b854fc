"""What would have to be different for a verdict to be another one."""

import math
from collections.abc import Iterator

from assay.research.statistics.sharpe import deflated_sharpe
from assay.research.verdict.checks import Check
from assay.research.verdict.figures import STRONG_SHARPE, variance_of_luck
from assay.research.verdict.judge import Outcome, Verdict
from assay.research.wording import count, percent, probability, ratio

TRIALS_MAX = 1e9
YEARS_MAX = 200.0


def what_would_change(verdict: Verdict) -> tuple[str, ...]:
    """Return, in sentences, what would make another answer of *verdict*."""
    failed = {check.name: check for check in verdict.checks if not check.passed}
    if verdict.outcome is Outcome.NOT_EVIDENCE:
        return tuple(_soundness(verdict))
    if verdict.outcome is Outcome.NOT_ENOUGH_DATA:
        return tuple(_length(verdict, failed))
    if verdict.outcome is Outcome.EDGE:
        return tuple(_limits(verdict))
    return tuple(_gates(verdict, failed))


def trials_for_luck(verdict: Verdict, confidence: float) -> float:
    """Return how many independent trials luck needs to explain the record; infinite above 1e9."""
    numbers, trials = verdict.numbers, verdict.trials
    if trials is None:
        return math.nan
    n = int(numbers["n_days"])
    variance = variance_of_luck(trials, n)

    def beats_luck(n_trials: float) -> bool:
        moments = (numbers["skew"], numbers["kurtosis"])
        return deflated_sharpe(numbers["sharpe_daily"], n, n_trials, variance, *moments) >= (
            confidence
        )

    low, high = 1.0, TRIALS_MAX
    if not beats_luck(low):
        return 1.0
    if beats_luck(high):
        return math.inf
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if beats_luck(middle) else (low, middle)
    return low


def _soundness(verdict: Verdict) -> Iterator[str]:
    report = verdict.leaks
    if report is None:
        yield "The leak prover has to be asked, as `assay run` and `assay backtest` do."
        return
    if report.trusted and report.leaks:
        named = sorted({f"{leak.stage}, {leak.column}" for leak in report.leaks})
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        yield f"Mend {'; '.join(named[:3])}{more}, then run again: no figure counts before."
    else:
        yield (
            "The leak prover has to find every leak that it plants itself, and to see every stage; "
            "then run again. No figure counts before."
        )
    yield "A longer record or a better result changes nothing: the future was in it."


def _length(verdict: Verdict, failed: dict[str, Check]) -> Iterator[str]:
    numbers = verdict.numbers
    if "years" in failed:
        check = failed["years"]
        lacking = check.threshold - check.value
        yield (
            f"{ratio(lacking, 1)} more years out of sample."
            if lacking >= 1.0
            else f"{count(math.ceil(12.0 * lacking))} more months out of sample."
        )
    if "trades" in failed:
        check = failed["trades"]
        yield f"{count(check.threshold - check.value)} more closed trades."
    if "power" in failed:
        years = numbers["n_days"] / numbers["days_per_year"]
        enough = years * (numbers["sharpe_needed"] / STRONG_SHARPE) ** 2
        yield (
            f"About {ratio(enough, 1)} years out of sample, instead of {ratio(years, 1)}: from "
            f"there a true Sharpe ratio of {STRONG_SHARPE:g} is found more often than not."
        )
    others = set(failed) - {"years", "trades", "power"}
    if others:
        yield "The conditions of an edge that do not hold now would have to hold then."


def _limits(verdict: Verdict) -> Iterator[str]:
    """Say how much worse things could be before an edge would no longer be called one."""
    numbers = verdict.numbers
    check = next(item for item in verdict.checks if item.name == "deflated_sharpe")
    trials = trials_for_luck(verdict, check.threshold)
    if math.isfinite(trials):
        yield (
            f"More tries: as the best of about {_few(trials)} independent trials instead of "
            f"{_few(numbers['trials_effective'])}, luck would explain it."
        )
    elif math.isinf(trials):
        yield "More tries alone would not: luck explains it in no billion of independent trials."
    yield (
        f"A Sharpe ratio below {ratio(numbers['sharpe_needed'])} after costs; it has "
        f"{ratio(numbers['sharpe'])}. Higher costs, or a market that changes, can take it there."
    )
    yield "A leak that is found later: then no figure of this page counts."


def _few(value: float) -> str:
    """Return a number of trials: with a decimal where it matters, to two digits where large."""
    return count(float(f"{value:.1e}")) if value >= 100.0 else ratio(value, 1)


def _gates(verdict: Verdict, failed: dict[str, Check]) -> Iterator[str]:
    numbers = verdict.numbers
    years = numbers["track_record_years_min"]
    if "net_profit" in failed:
        yield "It would have to make money after costs; everything else comes after that."
    if "deflated_sharpe" in failed:
        confidence = failed["deflated_sharpe"].threshold
        yield (
            f"A Sharpe ratio of about {ratio(numbers['sharpe_needed'])} instead of "
            f"{ratio(numbers['sharpe'])} in a record of this length."
        )
        if math.isfinite(years) and years < YEARS_MAX and "net_profit" not in failed:
            yield f"Or {ratio(years, 1)} years at the ratio that it has."
        if numbers["psr"] >= confidence:
            yield (
                f"As the only trial it would have reached {probability(numbers['psr'])}; the "
                f"others cost it the rest, and they cannot be undone."
            )
    if "sharpe_interval" in failed:
        yield "The lower end of the interval of its Sharpe ratio would have to be above 0."
    if "random_entries" in failed:
        check = failed["random_entries"]
        yield (
            f"At most {percent(check.threshold, 0)} of the runs with random entries may do as "
            "well; that asks for better entries, not for more of them."
            if check.value > check.threshold  # a share of many runs, not a ratio beside one
            else "It would have to do better than random entries."
        )
    if "buy_and_hold" in failed and "net_profit" not in failed:
        check = failed["buy_and_hold"]
        yield (
            "More that the market's own moves do not explain: a t-statistic of "
            f"{ratio(check.threshold, 1)} instead of {ratio(check.value, 1)}."
        )
