"""All scenarios of one walk, and the object that pages and programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.research.benchmarks import as_result
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.daily import daily_returns
from assay.research.metrics import rng_for
from assay.research.report.records import canonical
from assay.research.result import StrategyResult
from assay.research.statistics.bootstrap import block_length
from assay.research.stress.answer import answer_of
from assay.research.stress.execution import CONDITIONS, Conditions, traded_under
from assay.research.stress.outcome import Outcome, outcome_of_run
from assay.research.stress.resampling import bars_per_day, resampled
from assay.research.stress.reshuffling import in_other_order, of_drawn_days, trade_growth
from assay.research.stress.scene import PATH, Scene, decided, real_market, replayed, scene_of
from assay.research.stress.settings_jitter import jittered
from assay.research.stress.shocks import Shocks, shocks_of
from assay.research.stress.summary import Summary, summary_of
from assay.research.walk import Walked

SCHEMA = "assay.stress/1"
GROUPS = ("order", "candles", "settings", "execution", "shocks")
"""Sets of scenarios, in the order in which they are made and shown."""

PATHS = 100
ORDER_PATHS_MIN = 1_000
"""Orders cost next to nothing, so there are at least so many of them."""
MISSING_PATHS_MAX = 10
"""Draws of what is missing: they differ little, and each costs as much as a history."""
BLOCK_DAYS = 10.0
RUIN_SHARE = 0.5

Task = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked.

    Attributes
    ----------
    paths : int
        Histories, and draws of settings; at least 20.
    groups : tuple of str
        Of ``GROUPS``.
    seed : int
    ruin_share : float
        Equity over the start balance below which an account counts as ruined, (0, 1).
    block_days : float
        Mean length of the blocks of a resampled history, trading days.
    """

    paths: int = PATHS
    groups: tuple[str, ...] = GROUPS
    seed: int = 7
    ruin_share: float = RUIN_SHARE
    block_days: float = BLOCK_DAYS

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        for name, value, rule, is_good in (
            ("paths", self.paths, "between 20 and 100,000", 20 <= self.paths <= 100_000),
            ("ruin", self.ruin_share, "between 0 and 1", 0.0 < self.ruin_share < 1.0),
            ("block-days", self.block_days, "between 1 and 1,000", 1 <= self.block_days <= 1_000),
        ):
            if not is_good:
                raise ConfigError(
                    f"--{name} must be {rule}; was {value:g}.", remedy="Choose another value."
                )
        unknown = [name for name in self.groups if name not in GROUPS]
        if unknown or not self.groups:
            raise ConfigError(
                f"--only must be one of {', '.join(GROUPS)}; was {', '.join(unknown) or 'empty'}.",
                remedy="Name one of these; the option may be repeated.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """What could happen to a strategy.

    Attributes
    ----------
    schema : str
    headline : str
    explanation : tuple of (str, str)
        The answer in plain words: what was asked, and what came of it.
    tone : str
        edge (it holds), not-enough-data (it is sensitive) or no-edge (it breaks).
    title, currency : str
    start_balance : float
    first_day, last_day : str
        Of the record.
    seed, paths : int
    ruin_share, block_days : float
    day_block : float
        Mean length of the blocks of drawn days, chosen by their memory.
    real : Summary
        The strategy as it was: the headline of ``assay run``.
    scenarios : tuple of Summary
    shocks : Shocks or None
    shown_ns : tuple of int
        Days of the fans, UTC nanoseconds.
    real_curve : tuple of float
        Equity over the start balance on those days.
    """

    schema: str
    headline: str
    explanation: tuple[tuple[str, str], ...]
    tone: str
    title: str
    currency: str
    start_balance: float
    first_day: str
    last_day: str
    seed: int
    paths: int
    ruin_share: float
    block_days: float
    day_block: float
    real: Summary
    scenarios: tuple[Summary, ...]
    shocks: Shocks | None
    shown_ns: tuple[int, ...]
    real_curve: tuple[float, ...]

    def of(self, name: str) -> Summary | None:
        """Return one scenario; None if it was not asked for."""
        return next((item for item in self.scenarios if item.name == name), None)

    def text(self) -> str:
        """Return it as canonical JSON; what is not finite becomes null."""
        return canonical(self) + "\n"


def stress(
    walked: Walked, plan: Plan, *, place: Place, progress: Progress
) -> tuple[Stress, StrategyResult]:
    """Ask what could happen to the strategy of *walked*; return the answer and the real record.

    The same for the same walk and plan, whatever *place*.
    """
    scene, base = scene_of(walked)
    daily = daily_returns(base.time_ns, base.equity, base.start_balance)
    real = outcome_of_run(base, scene.axis)
    day_block = block_length(daily.returns)
    scenarios: list[Summary] = []
    if "order" in plan.groups:
        scenarios += _orders(scene, base, plan, day_block, progress)
    if "candles" in plan.groups:
        scenarios += _histories(scene, plan, place, progress)
    if "settings" in plan.groups:
        scenarios += _settings(scene, plan, place, progress)
    if "execution" in plan.groups:
        scenarios += _execution(scene, plan, place, progress)
    shocks = None
    if "shocks" in plan.groups:
        progress.stage("Historic shocks", 1)
        shocks = shocks_of(scene, base)
        progress.advance()
    progress.done()
    as_it_was = summary_of(
        "real", "real", "As it was", "The strategy on the real bars.", [real],
        ruin_share=plan.ruin_share,
    )  # fmt: skip
    answer = answer_of(as_it_was, scenarios, shocks, plan.ruin_share)
    days = scene.axis.day_ns
    return Stress(
        schema=SCHEMA,
        headline=answer.headline,
        explanation=answer.explanation,
        tone=answer.tone,
        title=f"{', '.join(base.symbols)} {scene.settings.market.timeframe}",
        currency=scene.settings.account.currency,
        start_balance=base.start_balance,
        first_day=_day(int(days[0])),
        last_day=_day(int(days[-1])),
        seed=plan.seed,
        paths=plan.paths,
        ruin_share=plan.ruin_share,
        block_days=plan.block_days,
        day_block=day_block,
        real=as_it_was,
        scenarios=tuple(scenarios),
        shocks=shocks,
        shown_ns=tuple(days[scene.axis.shown].tolist()),
        real_curve=tuple(real.curve.tolist()),
    ), base


def _day(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))


def _orders(
    scene: Scene, base: StrategyResult, plan: Plan, day_block: float, progress: Progress
) -> list[Summary]:
    """Deal the trades, and draw the days, in other orders."""
    n_paths = max(plan.paths, ORDER_PATHS_MIN)
    growth, end_ns = trade_growth(base)
    daily = daily_returns(base.time_ns, base.equity, base.start_balance)
    progress.stage("Other orders", 2)
    trades = [
        in_other_order(growth, end_ns, scene.axis, rng_for(plan.seed, "trades", str(i)))
        for i in range(n_paths)
    ]
    progress.advance()
    days = [
        of_drawn_days(
            daily.returns, scene.axis, day_block, rng_for(plan.seed, "days", str(i)),
            n_trades=len(base.trades),
        )
        for i in range(n_paths)
    ]  # fmt: skip
    progress.advance()
    same = (
        "One of them lost the account, so every order ends with nothing, sooner or later."
        if np.isneginf(growth).any()
        else "They end at the same balance, and fall by other amounts on the way."
    )
    block = "each by itself" if day_block < 1.5 else f"in blocks of {day_block:.0f} on average"
    return [
        summary_of(
            "trades", "order", "Trades in another order",
            f"The same trades, dealt to the same moments in random order. {same}",
            trades, ruin_share=plan.ruin_share,
        ),
        summary_of(
            "days", "order", "Days drawn again",
            f"Days of the record drawn at random, {block}; some count twice, others never.",
            days, ruin_share=plan.ruin_share,
        ),
    ]  # fmt: skip


HISTORIES = {
    "blocks": (
        "Resampled history",
        "Bars of the real market in blocks of {days:g} days on average, each at its place in the "
        "week, prices rebuilt. The same models look at it and trade it.",
    ),
    "regimes": (
        "Resampled inside regimes",
        "As before, and calm, normal and turbulent stretches stay where they were, each at the "
        "volatility of its time.",
    ),
}


def history_path(scene: Scene, plan: Plan, task: Task) -> Outcome:
    """Return what became of the strategy on one resampled history."""
    name, number = task
    bars = resampled(
        scene.quoted,
        from_ns=scene.from_ns,
        mean_block=plan.block_days * bars_per_day(scene.timeframe),
        keeps_regime=name == "regimes",
        rng=rng_for(plan.seed, "history", name, str(number)),
    )
    market, views = replayed(scene, bars, scene.settings, scene.history.instruments)
    return outcome_of_run(as_result(PATH, market.trade(views), market), scene.axis)


def _histories(scene: Scene, plan: Plan, place: Place, progress: Progress) -> list[Summary]:
    tasks = [(name, i) for name in HISTORIES for i in range(plan.paths)]
    outcomes = compute(
        partial(history_path, scene, plan), tasks,
        place=place, progress=progress, stage="Resampled histories",
    )  # fmt: skip
    return [
        summary_of(
            name, "candles", title, told.format(days=plan.block_days),
            _chosen(outcomes, tasks, name), ruin_share=plan.ruin_share,
        )
        for name, (title, told) in HISTORIES.items()
    ]  # fmt: skip


def _chosen(outcomes: Sequence[Outcome], tasks: Sequence[Task], name: str) -> list[Outcome]:
    return [item for item, task in zip(outcomes, tasks, strict=True) if task[0] == name]


def settings_path(scene: Scene, plan: Plan, number: int) -> Outcome:
    """Return what became of the strategy under settings a little beside its own."""
    settings = jittered(scene.settings, rng_for(plan.seed, "settings", str(number)))
    market = real_market(scene, settings, scene.history.instruments)
    views = decided(scene, settings, market)
    return outcome_of_run(as_result(PATH, market.trade(views), market), scene.axis)


def _settings(scene: Scene, plan: Plan, place: Place, progress: Progress) -> list[Summary]:
    outcomes = compute(
        partial(settings_path, scene, plan), range(plan.paths),
        place=place, progress=progress, stage="Other settings",
    )  # fmt: skip
    return [
        summary_of(
            "jitter", "settings", "Settings moved 10-30 %",
            "The numbers of fusion, risk and exits are moved up or down by 10 to 30 % at random, "
            "each inside what it allows; the largest number of positions, the shares of the "
            "targets and the length of the average true range stay. The models are not trained "
            "again.",
            outcomes, ruin_share=plan.ruin_share,
        )
    ]  # fmt: skip


def execution_path(scene: Scene, plan: Plan, task: Task) -> Outcome:
    """Return what became of the strategy under worse conditions."""
    conditions = next(item for item in CONDITIONS if item.name == task[0])
    rng = rng_for(plan.seed, "execution", task[0], str(task[1]))
    return outcome_of_run(traded_under(scene, conditions, rng), scene.axis)


def _execution(scene: Scene, plan: Plan, place: Place, progress: Progress) -> list[Summary]:
    def draws(item: Conditions) -> int:
        return min(plan.paths, MISSING_PATHS_MAX) if item.is_random else 1

    tasks = [(item.name, i) for item in CONDITIONS for i in range(draws(item))]
    outcomes = compute(
        partial(execution_path, scene, plan), tasks,
        place=place, progress=progress, stage="Costs and execution",
    )  # fmt: skip
    return [
        summary_of(
            item.name, "execution", item.title, item.told,
            _chosen(outcomes, tasks, item.name), ruin_share=plan.ruin_share,
        )
        for item in CONDITIONS
    ]  # fmt: skip
