"""From a fitted model to orders: what it forecasts, and what is done about it, step by step."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from assay.domain.errors import DataError
from assay.domain.progress import SilentProgress
from assay.engine import opinion
from assay.research import oos
from assay.research.leaks.futures import ended_at
from assay.research.leaks.learning import Lesson
from assay.research.leaks.market import order_stages
from assay.research.leaks.orders import traded
from assay.research.leaks.scene import Array, Columns, Rows, Scene
from assay.research.leaks.stages import SeriesStage
from assay.research.oos import FoldPlan, OutOfSample
from assay.research.training import Training
from assay.signals.signal_model import Lean

EVENTS_MAX = 3_000
HEADLINE = "hybrid"
OPINIONS = ("direction", "score", "confidence", "p_win", "payoff", "loss", "unit")
"""What the engine is told; known at the close of the event."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """A model fitted once, and the rows after its training that it is asked about.

    Attributes
    ----------
    lesson : Lesson
    training : Training
    first, stop : int
        Rows of the dataset, half-open.
    """

    lesson: Lesson
    training: Training
    first: int
    stop: int

    @classmethod
    def of(cls, lesson: Lesson, training: Training) -> "Decided":
        """Ask about the first rows that the step of the walk tests."""
        fold = lesson.plan.fold
        stop = min(fold.test_stop, fold.test_start + EVENTS_MAX)
        return cls(lesson=lesson, training=training, first=fold.test_start, stop=stop)

    def forecast(self, at: Scene) -> OutOfSample:
        """Return what the model says about another history.

        Raises
        ------
        DataError
            If that history ends before the test begins.
        """
        dataset = at.dataset
        stop = min(self.stop, len(dataset.start_ns))
        if stop <= self.first:
            raise DataError(
                f"A history must reach the test at row {self.first}; has {stop} rows.",
                remedy="Cut the history later.",
            )
        fold = replace(self.lesson.plan.fold, test_start=self.first, test_stop=stop)
        plan = FoldPlan(fold=fold, settings=self.lesson.plan.settings, dataset=dataset)
        return oos.forecast([plan], [self.training], SilentProgress())


def decision_stages(decided: Decided) -> list[SeriesStage]:
    """Return the stages from a fitted model to its orders.

    The model is fitted once, on rows that were proved apart; each history is asked anew.
    """
    note = f"on {decided.stop - decided.first:,} bars after fold {decided.lesson.plan.fold.index}"

    def forecasts(at: Scene) -> Columns:
        said = decided.forecast(at)
        columns: dict[str | tuple[str, ...], Array] = {
            f"{path}.{field.name}": getattr(lean, field.name)
            for path, lean in said.leans.items()
            for field in fields(Lean)
        }
        quantiles = tuple(f"quantile[{k}]" for k in range(said.quantiles.shape[1]))
        return {**columns, "p_up": said.p_up, quantiles: said.quantiles}

    def orders(at: Scene) -> Columns:
        return at.once("orders of the models", lambda: _traded(decided, at))

    made = order_stages("the models", note, orders, OPINIONS)
    return [
        SeriesStage(
            name="forecasts",
            compute=forecasts,
            rows=_until(lambda at: Rows.of_dataset(at.dataset, at.skipped()), decided),
            note=note,
        ),
        *(replace(item, rows=_until(item.rows, decided), may_stand_still=True) for item in made),
    ]


def _traded(decided: Decided, at: Scene) -> Columns:
    """Return what the engine does on the forecasts, whatever the account allows."""
    said = decided.forecast(at)
    n_events = len(said.p_up)
    tested = slice(decided.first, decided.first + n_events)
    tape = at.tape
    mid = tape.mid_close[tested]
    views = opinion.views_of(said.leans[HEADLINE], mid=mid, atr=at.dataset.column("atr")[tested])
    opinions: dict[str | tuple[str, ...], Array] = {
        name: np.asarray(getattr(views, name)) for name in OPINIONS
    }
    return {**traded(at, views, decided.first, n_events), **opinions}


def _until(rows: Callable[[Scene], Rows], decided: Decided) -> Callable[[Scene], Rows]:
    return lambda at: rows(at).between(decided.first, decided.stop)


def head_of(scene: Scene, decided: Decided) -> Scene:
    """Return the scene up to the last row that is asked about: shorter histories cost less."""
    last_ns = int(scene.dataset.start_ns[decided.stop - 1])
    return scene.on(ended_at(scene.history, last_ns))
