"""The gate of the data: what does not pass trains and trades nothing, unless somebody says why."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.config.settings import QualitySettings
from assay.data.bars import Bars
from assay.data.quality import QualityReport, check_bars
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts, FactsHistory

_WORST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality:
    """What the checks say of the history of a run.

    Attributes
    ----------
    findings : tuple of (str, str)
        Score and findings of each symbol, in sentences.
    scores : mapping of str to float
        By symbol, [0, 100].
    score_min : float
        What was asked for.
    accepted : str
        Why a lower score was accepted; empty where every score is high enough.
    """

    findings: tuple[tuple[str, str], ...]
    scores: Mapping[str, float]
    score_min: float
    accepted: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the override in a sentence, for every result it touches."""
        return override_warnings(self.as_json())

    def as_json(self) -> dict[str, object]:
        """Return plain values: for the card of a model."""
        return {
            "scores": dict(self.scores),
            "score_min": self.score_min,
            "accepted": self.accepted,
        }


def override_warnings(quality: Mapping[str, object]) -> tuple[str, ...]:
    """Return the warning that an accepted low score earns; *quality* as in a card."""
    accepted, scores = quality.get("accepted"), quality.get("scores")
    if not accepted or not isinstance(scores, Mapping):
        return ()
    low = ", ".join(
        f"{symbol} {score:.1f}" for symbol, score in scores.items() if score < quality["score_min"]
    )
    return (
        f"The history did not pass the data checks ({low} of 100, {quality['score_min']:g} asked) "
        f"and was used all the same, because: {accepted}",
    )


def judge_data(
    bars: Mapping[str, Bars], facts: Mapping[str, ContractFacts], settings: QualitySettings
) -> DataQuality:
    """Check the history of a run and let it pass, or refuse it.

    Parameters
    ----------
    bars : mapping of str to Bars
        By symbol.
    facts : mapping of str to Instrument or FactsHistory
    settings : QualitySettings

    Raises
    ------
    DataError
        If a score is below ``quality.score_min`` and ``quality.accept`` gives no reason.
    """
    findings: list[tuple[str, str]] = []
    scores: dict[str, float] = {}
    for symbol, item in bars.items():
        instrument = FactsHistory.of(facts[symbol]).latest
        report = check_bars(item, instrument.sessions, digits=instrument.digits)
        scores[symbol] = report.score
        name = f"{symbol} {item.timeframe.name}"
        findings.append(
            (f"{name} score", f"{report.score:.1f} of 100, {settings.score_min:g} asked")
        )
        findings += [(f"{name} {check.name}", check.says) for check in report.findings]
        if report.score < settings.score_min and not settings.accept:
            raise _refused(report, settings)
    is_low = any(score < settings.score_min for score in scores.values())
    return DataQuality(
        findings=tuple(findings),
        scores=scores,
        score_min=settings.score_min,
        accepted=settings.accept if is_low else "",
    )


def _refused(report: QualityReport, settings: QualitySettings) -> DataError:
    worst = "; ".join(
        f"{month.month} {month.score:.0f}" + (f" ({month.worst[0][0]})" if month.worst else "")
        for month in report.worst_months[:_WORST_NAMED]
    )
    return DataError(
        f"{report.symbol} {report.series} must score at least {settings.score_min:g} of 100 in the "
        f"data checks before anything trains or trades on it; scored {report.score:.1f}. Worst "
        f"months: {worst}.",
        remedy=f"Look with `assay data check {report.symbol}`; mend or cut the history "
        '(market.start, market.end), or accept it by saying why: --set quality.accept="REASON".',
        symbol=report.symbol,
        series=report.series,
        score=report.score,
    )
