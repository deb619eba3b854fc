"""The attribution of a whole run: every strategy, told what its sources said."""

from collections.abc import Mapping, Sequence

import numpy as np

from assay.config.settings import EvaluationSettings
from assay.domain.progress import Progress
from assay.engine.answers import record_answers
from assay.engine.views import Views
from assay.research.attribution.decisions import Decisions, decisions_of
from assay.research.attribution.part import RULE
from assay.research.attribution.split import Told, split_trades
from assay.research.attribution.summary import Attribution, summarise
from assay.research.attribution.voices import Voices, voices_of_walk
from assay.research.benchmarks import Market
from assay.research.judging import Traded
from assay.research.result import Regimes, StrategyResult
from assay.research.walk import Walked


def told_by_walk(walked: Walked) -> dict[str, Told]:
    """Return what each path of a walk forward was told, and answered."""
    return {
        path: told_by(walked.market, voices, walked.views[path])
        for path, voices in voices_of_walk(walked, tuple(walked.views)).items()
    }


def told_by(market: Market, voices: Voices, views: Views) -> Told:
    """Return what a strategy was told, and what the engine answered to its views."""
    return Told(
        voices=voices,
        views=views,
        answers=record_answers(
            market.tape, views, market.settings, market.instruments, changes=market.changes
        ),
    )


def told_nothing(market: Market) -> Told:
    """Return what a benchmark was told: its rule, and nothing else."""
    silence = np.zeros((len(market.tape), 1))
    voices = Voices(sources=(RULE,), log_odds=silence, lean=silence, p=silence[:, 0])
    return Told(voices=voices, views=None, answers=None)


def attribute(
    strategies: Sequence[StrategyResult],
    market: Market,
    told: Mapping[str, Told],
    regimes: Regimes | None,
    evaluation: EvaluationSettings,
    *,
    seed: int,
) -> dict[str, Attribution]:
    """Return where the profit of each strategy came from, by its name.

    A strategy that is not in *told* is a benchmark: its market move is that of its rule.
    """
    nothing = told_nothing(market)
    return {
        result.name: summarise(
            result,
            split_trades(result, market, told.get(result.name, nothing)),
            regimes,
            evaluation,
            seed=seed,
        )
        for result in strategies
    }


def attribute_traded(
    traded: Traded,
    market: Market,
    told: Mapping[str, Told],
    regimes: Regimes | None,
    progress: Progress,
) -> tuple[dict[str, Attribution], Decisions]:
    """Return the attribution of every strategy, and the decisions of the judged one."""
    settings, judged = market.settings, traded.judged
    found = attribute(
        traded.strategies, market, told, regimes, settings.evaluation, seed=settings.run.seed
    )
    made = decisions_of(judged, market, told[judged.name], found[judged.name].split)
    progress.advance()
    return found, made


def attribute_walk(
    walked: Walked, traded: Traded, regimes: Regimes | None, progress: Progress
) -> tuple[dict[str, Attribution], Decisions]:
    """Return the attribution of what was traded after a walk forward, and its decisions."""
    progress.stage("Attribution", 2)
    told = told_by_walk(walked)
    progress.advance()
    return attribute_traded(traded, walked.market, told, regimes, progress)


def attribute_views(
    traded: Traded,
    market: Market,
    voices: Mapping[str, Voices],
    views: Mapping[str, Views],
    regimes: Regimes | None,
    progress: Progress,
) -> tuple[dict[str, Attribution], Decisions]:
    """Return the attribution of what was traded on *views*, given who spoke, and its decisions."""
    progress.stage("Attribution", 2)
    told = {name: told_by(market, voices[name], views[name]) for name in views}
    progress.advance()
    return attribute_traded(traded, market, told, regimes, progress)
