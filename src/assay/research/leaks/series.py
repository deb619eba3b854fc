"""Prove stages that give one value per row: no other future may change what was known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assay.domain.errors import AssayError, DataError
from assay.domain.progress import Progress, SilentProgress
from assay.domain.time import iso_utc
from assay.kernels.compiler import IntArray
from assay.research.leaks.comparing import column_of, differs, names_of
from assay.research.leaks.cuts import borders_of, events_of
from assay.research.leaks.evidence import Check, LeakReport, StageProof
from assay.research.leaks.futures import Future, futures_of, is_same
from assay.research.leaks.planted import Plant, PlantedCopy, plants_for
from assay.research.leaks.scene import Scene
from assay.research.leaks.stages import SeriesStage
from assay.research.leaks.tracking import Tracker

SEARCH_STEPS_MAX = 40
"""Futures asked at most, of one stage, in search of the first bar that leaks."""


@dataclass(kw_only=True, eq=False)
class _Watched:
    """One stage, what it answered, and the copies of it that leak."""

    stage: SeriesStage
    tracker: Tracker
    copies: list[PlantedCopy] = field(default_factory=list)
    refused: AssayError | None = None

    def ask(self, future: Future, scene: Scene, what: str, cut_ns: int) -> None:
        """Let the stage answer for another future, or refuse it."""
        if future.check not in self.stage.checks:
            return
        try:
            after = self.stage.compute(scene)
        except AssayError as error:
            self.refused = error
            return
        self.tracker.add(future.check, what, cut_ns, after)
        for copy in self.copies:
            copy.add(future.check, what, cut_ns, scene, after)


def prove_series(
    stages: Sequence[SeriesStage],
    scene: Scene,
    cuts: IntArray,
    *,
    plants: Mapping[str, Sequence[Plant]] | None = None,
    n_events: int | None = None,
    progress: Progress | None = None,
) -> LeakReport:
    """Ask every stage what it makes of other futures, and compare.

    Parameters
    ----------
    stages : sequence of SeriesStage
    scene : Scene
    cuts : int64
        Bars of the first symbol after which the future changes.
    plants : mapping of str to sequence of Plant, optional
        Further leaks to be planted into copies of a stage, by its name.
    n_events : int, optional
        Further cuts of each stage, on bars on which one of its columns that rarely moves does so;
        by default half as many as *cuts*, over all stages.
    progress : Progress, optional
        Counts futures.

    Returns
    -------
    report : LeakReport

    Raises
    ------
    DataError
        If a stage refuses every other future, or loses bars.

    Notes
    -----
    *Truncate*: on the bars up to a cut, every value known by then must equal, bit for bit, the
    value computed on all bars. *Poison*: the same after everything later was set to NaN, then to
    1e9. *Shift*: the same after something else came. All are needed: a stage may shorten its
    output with its input, skip NaN, or normalise by what it has. The tests can convict, not
    acquit: a leak that shows at no cut of this history stays unseen.

    O(cuts x futures) computations of every stage; the scenes are shared between them.
    """
    if not stages:
        return LeakReport(leaks=(), stages=(), canaries=())
    says = progress or SilentProgress()
    watched = [
        _Watched(
            stage=stage,
            tracker=Tracker(
                stage=stage.name,
                whole=stage.compute(scene),
                rows=stage.rows(scene),
                rounding=stage.rounding,
                noise=stage.noise,
                remedy=stage.remedy,
            ),
        )
        for stage in stages
    ]
    blind = _plant(watched, scene, cuts, plants or {})
    each = max(1, len(cuts) // 2 // max(1, len(watched))) if n_events is None else n_events
    asked = _asked_at(watched, scene, cuts, each)
    checks = _checks_of(stages)
    n_futures = len(asked) * sum(2 if check == "poison" else 1 for check in checks)
    says.stage("Changing the future", n_futures)
    idle = set(checks)
    for cut, whom in sorted(asked.items()):
        cut_ns = int(scene.known_ns[cut])
        when = iso_utc(int(scene.bars.time_ns[cut]))[:16]
        for future in futures_of(scene.history, cut_ns, checks):
            changed = scene.on(future.history)
            if future.check in idle and not is_same(scene.history, future.history):
                idle.remove(future.check)
            for item in whom:
                item.ask(future, changed, f"the bars after {when} {future.what}", cut_ns)
            says.advance()
    return LeakReport(
        leaks=tuple(
            leak for item in watched for leak in item.tracker.leaks(_first_rows(item, scene))
        ),
        stages=tuple(_proof(item) for item in watched),
        canaries=tuple(copy.canary() for item in watched for copy in item.copies),
        blind=(
            *blind,
            *(f"No future of the check {check} differs from what came." for check in sorted(idle)),
            *(text for item in watched for text in _blind(item)),
        ),
    )


def _checks_of(stages: Sequence[SeriesStage]) -> tuple[Check, ...]:
    """Return every check that some stage wants, in their usual order."""
    asked = {check for stage in stages for check in stage.checks}
    order: tuple[Check, ...] = ("truncate", "poison", "shift")
    return tuple(check for check in order if check in asked)


def _plant(
    watched: Sequence[_Watched],
    scene: Scene,
    cuts: IntArray,
    plants: Mapping[str, Sequence[Plant]],
) -> list[str]:
    """Choose leaks that suit each stage by one other future, and plant them into copies."""
    if not len(cuts):
        return ["There is no bar after which the future could change."]
    cut_ns = int(scene.known_ns[cuts[len(cuts) // 2]])
    (future,) = futures_of(scene.history, cut_ns, ("shift",))
    changed = scene.on(future.history)
    blind = []
    for item in watched:
        stage, tracker = item.stage, item.tracker
        chosen = list(plants.get(stage.name, ()))
        try:
            chosen += plants_for(tracker, cut_ns, stage.compute(changed))
        except AssayError as error:
            blind.append(f"{stage.name} refuses another future that might have come: {error}")
        known = set(names_of(tracker.whole))
        item.copies = [
            PlantedCopy.of(plant, tracker, scene)
            for plant in chosen
            if plant.column in known and set(plant.checks or stage.checks) <= set(stage.checks)
        ]
    return blind


def _asked_at(
    watched: Sequence[_Watched], scene: Scene, cuts: IntArray, n_events: int
) -> dict[int, list[_Watched]]:
    """Return whom to ask at which cut: everybody at *cuts*, and each where something rare moves."""
    asked = {int(cut): list(watched) for cut in cuts}
    for item in watched:
        columns = {
            name: values
            for name in item.tracker.names
            if (values := column_of(item.tracker.whole, name)) is not None
        }
        rows = events_of(columns, n_events)
        for cut in np.searchsorted(scene.known_ns, item.tracker.rows.known_ns[rows]).tolist():
            if cut < len(scene.known_ns) - 1 and item not in asked.setdefault(cut, []):
                asked[cut].append(item)
    return asked


def _first_rows(item: _Watched, scene: Scene) -> dict[str, int]:
    """Search earlier cuts for the first row of each leaking column that leaks.

    Notes
    -----
    Halves the stretch between the last cut that showed nothing and the first row found: first
    among the rows that end or begin a year, a month and so on, as the row found does, then among
    all. What leaks on one bar alone may hide from this; then the row found stands.
    """
    found = item.tracker.found
    first = {
        name: min(seen.row for (column, _), seen in found.items() if column == name)
        for name in item.tracker.leaking
    }
    if not first:
        return first
    n_rows = len(item.tracker.rows.time_ns)
    kinds = [rows for pair in borders_of(item.tracker.rows.time_ns).values() for rows in pair]
    steps = SEARCH_STEPS_MAX
    for rows in (*kinds, np.arange(n_rows)):
        steps = _halved(item, scene, first, rows, steps)
    return first


def _halved(item: _Watched, scene: Scene, first: dict[str, int], rows: IntArray, steps: int) -> int:
    """Halve among *rows*, for columns whose first row is one of them; return the steps left."""
    found = item.tracker.found
    place = {name: int(np.searchsorted(rows, row)) for name, row in first.items()}
    place = {name: k for name, k in place.items() if k < len(rows) and rows[k] == first[name]}
    clear = dict.fromkeys(place, -1)
    while steps > 0:
        name = next((column for column in place if place[column] - clear[column] > 1), None)
        if name is None:
            break
        steps -= 1
        check = next(check for (column, check) in found if column == name)
        # The earliest first: what leaks on such rows mostly does so on all of them.
        middle = 0 if clear[name] < 0 else (place[name] + clear[name]) // 2
        shown = _shown(item, scene, int(item.tracker.rows.known_ns[rows[middle]]), check)
        for column in place:
            if shown.get(column, first[column]) < first[column]:
                first[column] = shown[column]
                place[column] = int(np.searchsorted(rows, shown[column]))
            elif clear[column] < middle < place[column] and (column, check) in found:
                clear[column] = middle
    return steps


def _shown(item: _Watched, scene: Scene, cut_ns: int, check: Check) -> dict[str, int]:
    """Return the first row of each column that leaks under another future after a moment."""
    probe = replace(item.tracker, answers={}, found={}, moved=set(), values=0)
    for future in futures_of(scene.history, cut_ns, (check,)):
        try:
            probe.add(check, "", cut_ns, item.stage.compute(scene.on(future.history)))
        except AssayError:
            continue
    shown: dict[str, int] = {}
    for (name, _), seen in probe.found.items():
        shown[name] = min(seen.row, shown.get(name, seen.row))
    return shown


def _proof(item: _Watched) -> StageProof:
    tracker, stage = item.tracker, item.stage
    if not tracker.answers:
        raise DataError(
            f"Stage {stage.name} must answer for some other future; refused every one: "
            f"{item.refused}",
            remedy="Give the prover a longer history.",
        )
    return StageProof(
        name=stage.name,
        kind="series",
        columns=len(tracker.names),
        answers=sum(tracker.answers.values()),
        values=tracker.values,
        checks=tuple(tracker.answers),
        constant=tracker.constant if "shift" in tracker.answers else (),
        note=stage.note,
    )


def _says_something(tracker: Tracker) -> bool:
    """Whether some column has more than one value: a warm-up may be longer than the history."""
    columns = [column_of(tracker.whole, name) for name in tracker.names]
    return any(
        values is not None and bool(differs(values[1:], values[:-1]).any()) for values in columns
    )


def _blind(item: _Watched) -> list[str]:
    """Say where nothing could be seen."""
    stage, tracker = item.stage, item.tracker
    missing = [c for c in stage.checks if c != "poison" and c not in tracker.answers]
    told = [f"{stage.name} answered for no future of the check {check}." for check in missing]
    is_idle = "shift" in tracker.answers and not tracker.moved
    if is_idle and not stage.may_stand_still and _says_something(tracker):
        told.append(f"No column of {stage.name} moves when the future does: nothing was tested.")
    return told
