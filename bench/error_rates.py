"""How often statistics of the research bench err on made-up records whose truth is known.

Superior predictive ability, its level 5 %, over ten worthless models; "significance" of one null
record that is looked at after every observation; and whether the 95 % interval of the calibration
error holds the true one.

    python bench/error_rates.py [--records 1000] [--json]
"""

import argparse
import json
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from assay.research.statistics.calibration_error import calibration_error_interval, equal_width
from assay.research.statistics.sequential import mixture_e_values
from assay.research.statistics.superiority import superior_ability

Array = NDArray[np.float64]

LEVEL = 0.05
MODELS = 10
LOOKS = 400
EFFECT = 0.2
"""Mean that the e-value expects, in standard deviations."""
BINS = 15
ALWAYS = 0.6
"""The one forecast of a forecaster that knows nothing."""


def wandering(n: int, memory: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return first-order autoregressions of variance 1 along the last axis, shape (*shape, n)."""
    draws = rng.standard_normal((*shape, n))
    draws[..., 1:] *= math.sqrt(1.0 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], draws))


def superiority_rates(n_records: int, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Yield how often ten worthless models were taken for better than the benchmark."""
    for n, memory in ((250, 0.0), (1_000, 0.3), (250, 0.3)):
        found = 0
        for _ in range(n_records):
            losses = wandering(n, memory, (MODELS,), rng).T
            found += superior_ability(losses, rng, n_samples=500).p_consistent <= LEVEL
        yield f"SPA, {n} days, autocorrelation {memory:g}: rejects at 5 %", found / n_records


def looking_rates(n_records: int, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Yield how often a null record was ever "significant", looked at after every observation."""
    records = rng.standard_normal((n_records, LOOKS))
    e_values = np.array([mixture_e_values(row, deviation=1.0, effect=EFFECT) for row in records])
    z = np.abs(records.cumsum(axis=1)) / np.sqrt(np.arange(1, LOOKS + 1))
    yield (
        f"z-test, {LOOKS} looks: ever rejects at 5 %",
        float((z > -ndtri(LEVEL / 2)).any(axis=1).mean()),
    )
    yield (
        f"e-value, {LOOKS} looks: ever rejects at 5 %",
        float((e_values.max(axis=1) >= 1 / LEVEL).mean()),
    )


def forecast(
    n: int, overlap: int, memory: float, distortion: float, rng: np.random.Generator
) -> tuple[Array, Array, NDArray[np.int8]]:
    """Return forecasts, true probabilities and outcomes that overlap.

    A *distortion* of 1 is calibrated, of 2 overconfident, of 0 always the same.
    """
    steps = np.concatenate(([0.0], rng.standard_normal(n + overlap).cumsum()))
    move = (steps[overlap : overlap + n] - steps[:n]) / math.sqrt(overlap)
    lean = 0.5 * wandering(n, memory, (), rng)
    told = ndtr(distortion * lean) if distortion > 0.0 else np.full(n, ALWAYS)
    return told, ndtr(lean), (move > -lean).astype(np.int8)


def binned(told: Array, values: Array) -> float:
    """Return the sum over equal bins of the absolute mean of *values*, weighted."""
    place = np.minimum((told * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(place, values)).sum() / len(values))


def coverage_rates(n_records: int, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Yield how often the 95 % interval held the forecaster's true calibration error."""
    for n, overlap, memory in ((3_000, 1, 0.0), (600, 12, 0.95), (3_000, 24, 0.95)):
        for distortion, words in ((1.0, "calibrated"), (2.0, "overconfident"), (0.0, "constant")):
            told, chance, _ = forecast(1_000_000, 1, 0.0, distortion, rng)
            true = binned(told, chance - told)
            held = 0
            for _ in range(n_records):
                p, _, y = forecast(n, overlap, memory, distortion, rng)
                low, high = calibration_error_interval(
                    p, y, equal_width(p), rng=rng, overlap=overlap, n_samples=300
                )
                held += low <= true + 1e-9 and true <= high + 1e-9
            name = f"calibration error, {n:,} forecasts, {overlap} overlap, {words}: 95 % holds"
            yield name, held / n_records


def main() -> None:
    """Print every rate as it is found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000, help="made-up records for each rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    found = {}
    for rates in (superiority_rates, looking_rates, coverage_rates):
        for name, rate in rates(asked.records, rng):
            found[name] = rate
            if not asked.json:
                print(f"{rate:7.1%}  {name}", flush=True)
    if asked.json:
        print(json.dumps({"records": asked.records, "seed": asked.seed, "rates": found}, indent=1))


if __name__ == "__main__":
    main()
