"""The leak prover: every stage before every check, and the canaries that say whether it works."""

from collections.abc import Iterable, Mapping, Sequence

from assay.domain.progress import Progress
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import IntArray
from assay.research.leaks.cuts import LONGER, cuts_of
from assay.research.leaks.evidence import LeakReport
from assay.research.leaks.fits import prove_fits
from assay.research.leaks.parts import prove_parts
from assay.research.leaks.planted import Plant
from assay.research.leaks.rows import prove_rows
from assay.research.leaks.scene import Scene
from assay.research.leaks.series import prove_series
from assay.research.leaks.stages import FitStage, PartStage, RowStage, SeriesStage, Stage

N_CUTS = 24


def prove(
    stages: Iterable[Stage],
    scene: Scene,
    *,
    n_cuts: int = N_CUTS,
    plants: Mapping[str, Sequence[Plant]] | None = None,
    progress: Progress | None = None,
) -> LeakReport:
    """Return every leak that the checks find in *stages*, and whether that can be believed.

    Parameters
    ----------
    stages : iterable of Stage
    scene : Scene
        A history that is long enough for every warm-up.
    n_cuts : int
        Bars after which the future is changed, at least 2; up to half as many are added where a
        column that rarely moves does so.
    plants : mapping of str to sequence of Plant, optional
        Further leaks to be planted into copies of a stage, by its name.
    progress : Progress, optional

    Returns
    -------
    report : LeakReport
        Leaks in the order of the kinds: series, fits, rows, parts.

    Raises
    ------
    DataError
        If a stage refuses every changed history, or loses bars.
    """
    asked = list(stages)
    series = [stage for stage in asked if isinstance(stage, SeriesStage)]
    reports = []
    if series:
        cuts = cuts_in(scene, n_cuts)
        reports.append(prove_series(series, scene, cuts, plants=plants, progress=progress))
    reports.append(prove_fits([stage for stage in asked if isinstance(stage, FitStage)], scene))
    reports.append(prove_rows([stage for stage in asked if isinstance(stage, RowStage)]))
    reports.append(prove_parts([stage for stage in asked if isinstance(stage, PartStage)]))
    return reports[0].joined(*reports[1:])


def cuts_in(scene: Scene, n_cuts: int) -> IntArray:
    """Return bars of the first symbol after which to cut; the longer timeframes set count."""
    wanted = {Timeframe.parse(text) for text in scene.settings.features.timeframes}
    longer = sorted({*wanted, *LONGER}, key=lambda frame: frame.value)
    return cuts_of(scene.bars, n_cuts, longer)
