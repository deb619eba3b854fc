"""Every pair of compared strategies, tested on the days both traded, corrected for all pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from assay.domain.progress import Progress
from assay.kernels.compiler import FloatArray
from assay.research.comparison.entrant import Entrant
from assay.research.comparison.forecast_test import ForecastTest, forecast_test
from assay.research.comparison.likeness import Overlap, overlap
from assay.research.comparison.shared_days import SharedDays
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.metrics import Estimate, rng_for
from assay.research.statistics.multiple_testing import Correction, adjust
from assay.research.statistics.paired import PairedComparison, compare_paired
from assay.research.statistics.sequential import always_valid_p, t_mixture_e_value

DRAWS_PER_LEVEL = 20.0
"""A clear pair rests on so many resamples times the number of pairs over the chance of error."""
ROOM = 5.0
"""How far above its hurdle a first p-value may lie for the pair to be drawn again."""
PAIRS_FOR_PROCESSES = 10
"""Pairs from which other processes are worth starting."""
EFFECT_SHARPE = 1.0
"""Annual Sharpe ratio of the difference that the e-value is tuned to; any is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two strategies on the same days; every figure is the first's less the second's.

    Attributes
    ----------
    first, second : str
        Names.
    return_difference : Estimate
        Of mean daily returns, a year of days of it, as a fraction.
    return_p : float
        Two-sided, of one pair alone.
    sharpe_difference : Estimate
        Of annual Sharpe ratios: what the answer rests on, as it does not depend on leverage.
    sharpe_p : float
        Two-sided, of one pair alone.
    sharpe_p_holm : float
        Corrected for all pairs that were tested: the chance that luck makes any of them as clear.
    sharpe_p_bh : float
        Corrected after Benjamini and Hochberg: the share of false ones among the clear ones.
    drawdown_difference : Estimate
        Of the largest falls, staking the same every day, as a fraction; positive: the first fell
        deeper.
    e_value, always_valid_p : float
        Evidence against equal mean returns that may be looked at every day: the e-value now, and
        one over the largest so far.
    correlation : float
    overlap : Overlap
    forecasts : ForecastTest or None
        Where forecasts of both are kept, and of the same labels.
    forecast_note : str
        Why there is none; empty where there is one, or nothing to say.
    n_samples : int
        Resampled records behind the p-values.
    is_same : bool
        Whether both earned the same on every shared day.
    """

    first: str
    second: str
    return_difference: Estimate
    return_p: float
    sharpe_difference: Estimate
    sharpe_p: float
    sharpe_p_holm: float
    sharpe_p_bh: float
    drawdown_difference: Estimate
    e_value: float
    always_valid_p: float
    correlation: float
    overlap: Overlap
    forecasts: ForecastTest | None
    forecast_note: str
    n_samples: int
    is_same: bool

    def better(self, confidence: float) -> str | None:
        """Return the name of the one that is better beyond luck; None where neither is."""
        if not self.sharpe_p_holm <= 1.0 - confidence:
            return None
        return self.first if self.sharpe_difference.value > 0.0 else self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """What the daily returns of one pair say; figures are daily."""

    found: PairedComparison
    e_value: float
    always_valid_p: float


def pairs_of(
    entrants: Sequence[Entrant],
    shared: SharedDays,
    benchmark: int | None,
    *,
    confidence: float,
    samples: int,
    seed: int,
    place: Place,
    progress: Progress,
) -> tuple[Pair, ...]:
    """Test the pairs: all of them, or those with the benchmark if there is one.

    Notes
    -----
    Holm's correction multiplies the smallest p-value by the number of pairs. So a pair that may be
    clear is drawn again, with as many resamples as that takes; the second draw replaces the first.
    """
    k = len(entrants)
    if benchmark is None:
        places = list(combinations(range(k), 2))
    else:
        places = [(i, benchmark) for i in range(k) if i != benchmark]
    test = partial(
        _tested,
        returns=shared.returns,
        names=tuple(item.name for item in entrants),
        days_per_year=shared.days_per_year,
        confidence=confidence,
        seed=seed,
    )
    alone = Place()  # starting processes takes longer than a few pairs
    where = place if len(places) >= PAIRS_FOR_PROCESSES else alone
    tested = compute(
        partial(test, n_samples=samples),
        places,
        place=where,
        progress=progress,
        stage="Comparing",
    )
    level = 1.0 - confidence
    draws = math.ceil(DRAWS_PER_LEVEL * len(places) / level)
    if draws > samples:
        again = _near_clear([item.found.sharpe.p for item in tested], level)
        more = compute(
            partial(test, n_samples=draws),
            [places[row] for row in again],
            place=where,
            progress=progress,
            stage="Comparing closely",
        )
        for row, item in zip(again, more, strict=True):
            tested[row] = item
    p = [item.found.sharpe.p for item in tested]
    holm = adjust(p, Correction.HOLM)
    bh = adjust(p, Correction.BENJAMINI_HOCHBERG)
    forecasts = _forecast_tests([(entrants[i], entrants[j]) for i, j in places])
    return tuple(
        _pair(
            entrants[i],
            entrants[j],
            tested[row],
            shared.days_per_year,
            corrected=(float(holm[row]), float(bh[row])),
            forecasts=forecasts[row],
            is_same=bool(np.array_equal(shared.returns[:, i], shared.returns[:, j])),
        )
        for row, (i, j) in enumerate(places)
    )


def _near_clear(p: Sequence[float], level: float) -> list[int]:
    """Return the tests that Holm's correction may find clear, with room for chance in *p*."""
    rising = np.argsort(p, kind="stable")
    hurdle = level / np.arange(float(len(p)), 0.0, -1.0)
    return sorted(int(row) for row, h in zip(rising, hurdle, strict=True) if p[row] <= ROOM * h)


def _tested(
    pair: tuple[int, int],
    *,
    returns: FloatArray,
    names: tuple[str, ...],
    days_per_year: float,
    confidence: float,
    n_samples: int,
    seed: int,
) -> _Tested:
    """Resample one pair, and follow its difference day by day."""
    i, j = pair
    one, other = returns[:, i], returns[:, j]
    rng = rng_for(seed, "comparison", names[i], names[j], str(n_samples))
    found = compare_paired(one, other, rng, n_samples=n_samples, confidence=confidence)
    e_value, p_always = _sequential(one - other, days_per_year)
    return _Tested(found=found, e_value=e_value, always_valid_p=p_always)


def _pair(
    one: Entrant,
    other: Entrant,
    tested: _Tested,
    days_per_year: float,
    *,
    corrected: tuple[float, float],
    forecasts: tuple[ForecastTest | None, str],
    is_same: bool,
) -> Pair:
    """Return one pair with annual figures."""
    found, year, root = tested.found, days_per_year, math.sqrt(days_per_year)
    mean, sharpe, fall = found.mean, found.sharpe, found.drawdown
    return Pair(
        first=one.name,
        second=other.name,
        return_difference=Estimate(mean.value * year, mean.low * year, mean.high * year),
        return_p=mean.p,
        sharpe_difference=Estimate(sharpe.value * root, sharpe.low * root, sharpe.high * root),
        sharpe_p=sharpe.p,
        sharpe_p_holm=corrected[0],
        sharpe_p_bh=corrected[1],
        drawdown_difference=Estimate(fall.value, fall.low, fall.high),
        e_value=tested.e_value,
        always_valid_p=tested.always_valid_p,
        correlation=found.correlation,
        overlap=overlap(one, other),
        forecasts=forecasts[0],
        forecast_note=forecasts[1],
        n_samples=found.n_samples,
        is_same=is_same,
    )


def _forecast_tests(
    places: Sequence[tuple[Entrant, Entrant]],
) -> list[tuple[ForecastTest | None, str]]:
    """Test the forecasts of each pair that has any, corrected for all of these tests."""
    found = [forecast_test(one, other) for one, other in places]
    tested = [row for row, (test, _) in enumerate(found) if test is not None]
    if not tested:
        return found
    holm = adjust([test.p for test, _ in found if test is not None], Correction.HOLM)
    for row, corrected in zip(tested, holm.tolist(), strict=True):
        test, note = found[row]
        assert test is not None
        found[row] = (replace(test, p_holm=corrected), note)
    return found


def _sequential(difference: FloatArray, days_per_year: float) -> tuple[float, float]:
    """Return the e-value against a mean of 0 now, and the p-value that may be read any day."""
    n = np.arange(1, len(difference) + 1)
    moved = difference - difference[0]  # sums about a value of the series lose no digits
    shift = np.cumsum(moved) / n
    mean = difference[0] + shift
    about = np.maximum(np.cumsum(moved**2) - n * shift**2, 0.0)
    deviation = np.sqrt(about / np.maximum(n - 1, 1))
    effect = EFFECT_SHARPE / math.sqrt(days_per_year)
    e_values = np.array(
        [
            t_mixture_e_value(m, s, i, effect=effect)
            for m, s, i in zip(mean.tolist(), deviation.tolist(), n.tolist(), strict=True)
        ]
    )
    return float(e_values[-1]), float(always_valid_p(e_values)[-1])
