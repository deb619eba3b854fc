"""One search: batches of configurations over the splits of one span of history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress, SilentProgress
from assay.kernels.compiler import IntArray
from assay.research.compute.place import Place
from assay.research.compute.pool import compute_each
from assay.research.search.journal import SearchJournal
from assay.research.search.outcome import Outcome, Record
from assay.research.search.proposals import given_up, propose
from assay.research.search.space import Point, Space
from assay.research.search.trying import (
    Attempt,
    Ground,
    Tried,
    attempt,
    fit_key,
    settings_of_models,
)

ROUNDS = 3
"""Parts in which a batch takes the splits; what is clearly worse is given up between them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searching:
    """One search over one span.

    Attributes
    ----------
    name : str
        Of its study in the journal and of its kept fits, such as ``fold 4``.
    space : Space
    ground : Ground
    journal : SearchJournal
    place : Place
    told : callable
        Is given the outcomes of every batch as it ends, before the journal.
    """

    name: str
    space: Space
    ground: Ground
    journal: SearchJournal
    place: Place
    told: "Callable[[str, Sequence[Outcome], IntArray], None]"

    def run(self, progress: Progress) -> list[Outcome]:
        """Return the outcome of every configuration; those of the journal are not made again."""
        outcomes = self.journal.outcomes(self.name)
        settings = self.space.base.search
        progress.stage(f"Searching, {self.name}", min(settings.trials, int(self.space.n_points)))
        progress.advance(len(outcomes))
        while len(outcomes) < settings.trials:
            points = propose(
                self.space,
                outcomes,
                n=min(settings.batch, settings.trials - len(outcomes)),
                seed=self.ground.seed,
            )
            if not points:
                break
            batch, day_ns = self.evaluated(points, first=len(outcomes), best=best_of(outcomes))
            self.told(self.name, batch, day_ns)
            self.journal.record(self.name, batch)
            outcomes += batch
            progress.advance(len(batch))
        return outcomes

    def evaluated(
        self,
        points: Sequence[Point],
        *,
        first: int,
        best: Outcome | None,
    ) -> tuple[list[Outcome], IntArray]:
        """Return the outcomes of *points*, numbered from *first*, and the days of their returns.

        With *best*, a point that is clearly worse is given up after a third of the splits.
        """
        settings = [self.space.settings(point) for point in points]
        base = self.ground.variants.of(settings_of_models(self.space.base))
        splits = self.ground.span.splits(base)
        records = [Record(splits) for _ in points]
        days: dict[int, IntArray] = {}
        weight = self.space.base.search.dispersion_weight
        alive = list(range(len(points)))
        for number, part in enumerate(np.array_split(_shuffled(len(splits)), ROUNDS)):
            for task, mine, tried in self._round(settings, alive, part):
                for place, daily in zip(mine, tried.daily, strict=True):
                    records[place].add(task.split, daily)
                days.update(zip(splits.tested[task.split].tolist(), tried.day_ns, strict=True))
            if best is not None and number < ROUNDS - 1:
                alive = [
                    place
                    for place in alive
                    if not given_up(
                        records[place].outcome(0, points[place], weight),
                        best,
                        p=self.space.base.search.prune_p,
                    )
                ]
        outcomes = [
            record.outcome(first + place, point, weight)
            for place, (record, point) in enumerate(zip(records, points, strict=True))
        ]
        day_ns = [days[group] for group in sorted(days)]
        return outcomes, np.concatenate(day_ns) if day_ns else np.empty(0, np.int64)

    def _round(
        self,
        settings: Sequence[Settings],
        alive: Sequence[int],
        splits: IntArray,
    ) -> "list[tuple[Attempt, list[int], Tried]]":
        """Evaluate the configurations *alive* on *splits*; those of one fit go together."""
        sharing: dict[str, list[int]] = {}
        for place in alive:
            sharing.setdefault(fit_key(settings[place]), []).append(place)
        tasks, members = [], []
        for key, mine in sharing.items():
            for split in splits.tolist():
                tasks.append(
                    Attempt(
                        split=split,
                        models=settings_of_models(settings[mine[0]]),
                        decisions=tuple(settings[place] for place in mine),
                        opinion=self.journal.fit(self.name, key, split),
                    )
                )
                members.append((key, mine))
        done: list[tuple[Attempt, list[int], Tried] | None] = [None] * len(tasks)
        for index, tried in compute_each(
            partial(attempt, self.ground),
            tasks,
            total=len(tasks),
            place=self.place,
            progress=SilentProgress(),
            stage=f"searching, {self.name}",
        ):
            key, mine = members[index]
            if tried.opinion is not None:
                self.journal.keep_fit(self.name, key, tasks[index].split, tried.opinion)
            done[index] = (tasks[index], mine, tried)
        return [item for item in done if item is not None]


def _shuffled(n_splits: int) -> IntArray:
    """Return the splits in an order in which early ones test every part of the history."""
    return np.random.default_rng(n_splits).permutation(n_splits)


def best_of(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the complete outcome with the largest objective, the earliest of equals."""
    complete = [outcome for outcome in outcomes if outcome.is_complete]
    return max(complete, key=lambda item: (item.objective, -item.number), default=None)
