"""A strategy with one of its sources, or one of its rules, taken away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.engine.backtest import RuleChange
from assay.engine.opinion import views_of
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.research.attribution.part import GROUPS, Part, model_part, vote_part
from assay.research.attribution.voices import Spoken, spoken_by
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.dataset import Dataset
from assay.research.oos import FoldPlan, folds_of, forecast_out_of_sample
from assay.research.walk import Walked
from assay.signals.signal_model import Lean
from assay.signals.terms import Terms
from assay.signals.votes import FAMILIES

HEADLINE = "hybrid"
FAR = 1_000.0
"""A stop this many times further is never met; the risk allowed grows alike, and the size stays."""

UNBOUND = 1e9
Change = Callable[[Settings], Settings]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Removal:
    """What is taken away, and how.

    Attributes
    ----------
    name, title : str
    how : str
        What then happens, in words.
    parts : frozenset of str
        Names of the parts of the split whose profit it carried.
    sources : frozenset of str
        Names of the sources that fall silent.
    path : str
        The path that is fitted without it anyway, or empty.
    knows_swap : bool
        Whether views still know of the swap.
    flat_size : bool
        Every entry stakes the same risk.
    change : callable or None
        From the settings to those without the rule.
    """

    name: str
    title: str
    how: str
    parts: frozenset[str]
    sources: frozenset[str] = frozenset()
    path: str = ""
    knows_swap: bool = True
    flat_size: bool = False
    change: Change | None = None

    @property
    def can_refit(self) -> bool:
        """Whether training without it differs from silencing it."""
        return bool(self.sources) and not self.path


def removals(settings: Settings, vote_names: Sequence[str]) -> tuple[Removal, ...]:
    """Return everything that can be taken away, one at a time.

    Parameters
    ----------
    settings : Settings
        They name the members of the ensemble.
    vote_names : sequence of str
        The indicators, and a user's signals.
    """
    models = [model_part(name) for name in settings.training.algorithms]
    votes = [vote_part(name) for name in vote_names]
    found = [_group(group, votes) for group in (*FAMILIES, "own")]
    found += [
        Removal(
            name=part.name,
            title=part.title,
            how="the model is silent in the ensemble",
            parts=frozenset({part.name}),
            sources=frozenset({part.name}),
        )
        for part in models
        if len(models) > 1
    ]
    every = frozenset(part.name for part in models)
    found.append(
        Removal(
            name="ai",
            title="All models",
            how="the indicators trade alone, as they were fitted",
            parts=every | {"calibration"},
            sources=every,
            path="indicators",
        )
    )
    mine = frozenset(part.name for part in votes)
    found.append(
        Removal(
            name="indicators",
            title="All indicators",
            how="the models trade alone, as they were fitted",
            parts=mine,
            sources=mine,
            path="ai",
        )
    )
    return tuple(item for item in found if item.sources) + RULES


def _group(group: str, votes: Sequence[Part]) -> Removal:
    names = frozenset(part.name for part in votes if part.group == group)
    return Removal(
        name=group,
        title=GROUPS[group],
        how="their votes are silent",
        parts=names,
        sources=names,
    )


def _without_exits(settings: Settings) -> Settings:
    exits = settings.exits.model_copy(
        update={
            "stop_atr": settings.exits.stop_atr * FAR,
            "targets": (),
            "break_even_at_r": 0.0,
            "trailing_atr": 0.0,
            "time_stop_bars": 0,
        }
    )
    allowed = settings.risk.risk_fraction_max * FAR
    risk = settings.risk.model_copy(update={"risk_fraction_max": allowed})
    return settings.model_copy(update={"exits": exits, "risk": risk})


def _without_target(settings: Settings) -> Settings:
    risk = settings.risk.model_copy(update={"volatility_target": UNBOUND})
    return settings.model_copy(update={"risk": risk})


RULES = (
    Removal(
        name="swap_view",
        title=GROUPS["swap_view"],
        how="views know nothing of swap; the account pays it",
        parts=frozenset({"swap_tilt", "swap_drag"}),
        knows_swap=False,
    ),
    Removal(
        name="sizing",
        title="Kelly and conviction",
        how="every entry stakes the mean conviction, and Kelly is not asked",
        parts=frozenset({"sizing"}),
        flat_size=True,
    ),
    Removal(
        name="regime",
        title="Volatility target",
        how="no size is cut by it",
        parts=frozenset({"regime"}),
        change=_without_target,
    ),
    Removal(
        name="exits",
        title="Exit rules",
        how="no stop and no target: a position leaves when its view turns",
        parts=frozenset({"exits"}),
        change=_without_exits,
    ),
)


def spoken_in(walked: Walked) -> list[Spoken]:
    """Return what each source said in every step of the walk: what removals start from."""
    tested = walked.tested
    found = []
    for fold, (training, dataset) in enumerate(zip(tested.trainings, tested.datasets, strict=True)):
        rows = _rows(walked, fold)
        found.append(
            spoken_by(training.model, dataset.column("x")[rows], dataset.column("votes")[rows])
        )
    return found


def _rows(walked: Walked, fold: int) -> slice:
    mine = np.flatnonzero(walked.tested.fold == fold) + walked.tested.first
    return slice(int(mine[0]), int(mine[-1]) + 1)


def views_without(walked: Walked, spoken: Sequence[Spoken], removal: Removal) -> Views:
    """Return the views that are left, with every weight as it was fitted.

    Notes
    -----
    What a source said is subtracted from the log-odds of its path; pool, calibration and
    validator are asked again. Nothing removed gives the views of the walk, to the last bit.
    """
    if removal.path:
        return walked.views[removal.path]
    tested, leans = walked.tested, []
    for fold, said in enumerate(spoken):
        training, settings = tested.trainings[fold], tested.chosen[fold]
        terms = tested.datasets[fold].terms(_rows(walked, fold))
        ai, own = _silenced(said, removal.sources)
        leans.append(
            training.model.lean(
                HEADLINE,
                ai,
                own,
                terms if removal.knows_swap else _without_carry(terms),
                confidence=settings.risk.probability_confidence,
            )
        )
    return _views(walked.market, Lean.joined(leans))


def _silenced(said: Spoken, sources: frozenset[str]) -> tuple[FloatArray, FloatArray]:
    """Return the log-odds of both paths without *sources*."""
    silent = np.array([part.name in sources for part in said.sources])
    of_ai = np.arange(len(silent)) < said.n_ai
    ai = said.ai - said.log_odds[:, silent & of_ai].sum(axis=1)
    own = said.traditional - said.log_odds[:, silent & ~of_ai].sum(axis=1)
    return ai, own


def _without_carry(terms: Terms) -> Terms:
    nothing = np.zeros_like(terms.carry_long)
    return replace(terms, carry_long=nothing, carry_short=nothing)


def _views(market: Market, lean: Lean) -> Views:
    return views_of(lean, mid=market.tape.mid_close, atr=market.atr)


def flat_views(views: Views, conviction: float) -> Views:
    """Return the same sides and scores, with one conviction and nothing for Kelly to refuse."""
    one = np.ones(1)
    return replace(views, confidence=conviction * one, p_win=one, payoff=one)


def market_without(market: Market, change: Change) -> Market:
    """Return the market with changed settings, those on the way included."""
    return replace(
        market,
        settings=change(market.settings),
        changes=tuple(
            RuleChange(event=item.event, settings=change(item.settings)) for item in market.changes
        ),
    )


def views_refitted(walked: Walked, removal: Removal, progress: Progress) -> Views:
    """Return the views of a walk that was trained without the sources."""
    tested = walked.tested
    folds = folds_of(walked.prepared.dataset, walked.settings)
    plans = [
        FoldPlan(
            fold=fold,
            settings=_algorithms_without(settings, removal.sources),
            dataset=_votes_without(dataset, removal.sources),
        )
        for fold, settings, dataset in zip(folds, tested.chosen, tested.datasets, strict=True)
    ]
    again = forecast_out_of_sample(plans, place=Place.of(walked.settings), progress=progress)
    return _views(walked.market, again.leans[HEADLINE])


def _algorithms_without(settings: Settings, sources: frozenset[str]) -> Settings:
    kept = tuple(
        name for name in settings.training.algorithms if model_part(name).name not in sources
    )
    if kept == settings.training.algorithms:
        return settings
    training = settings.training.model_copy(update={"algorithms": kept})
    return settings.model_copy(update={"training": training})


def _votes_without(dataset: Dataset, sources: frozenset[str]) -> Dataset:
    """Return the dataset with votes that never vote."""
    silent = [vote_part(name).name in sources for name in dataset.vote_names]
    if not any(silent):
        return dataset
    heard = ~np.array(silent)
    data = {
        symbol: replace(item, votes=item.votes * heard, mirror_votes=item.mirror_votes * heard)
        for symbol, item in dataset.data.items()
    }
    return replace(dataset, data=data)
