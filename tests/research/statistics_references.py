"""Slow, literal forms of published procedures, and R's random numbers, for comparison."""

import math
from collections.abc import Callable
from io import StringIO
from itertools import combinations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

Measure = Callable[[np.ndarray], np.ndarray]


def numbers(text: str) -> np.ndarray:
    """Return the numbers of a published listing."""
    return np.loadtxt(StringIO(text.replace("\n", " ")), dtype=np.float64)


def sharpe_of(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0) / rows.std(axis=0, ddof=1)


def cscv(values: np.ndarray, n_blocks: int, measure: Measure) -> dict[str, np.ndarray]:
    """Bailey et al. (2017), step by step, on the rows themselves."""
    blocks = np.array_split(values, n_blocks)
    found: dict[str, list[float]] = {"logit": [], "chosen": [], "inside": [], "outside": []}
    for half in combinations(range(n_blocks), n_blocks // 2):
        inside = measure(np.concatenate([blocks[b] for b in range(n_blocks) if b in half]))
        outside = measure(np.concatenate([blocks[b] for b in range(n_blocks) if b not in half]))
        best = int(np.argmax(inside))
        omega = rankdata(outside)[best] / (values.shape[1] + 1)
        found["logit"].append(math.log(omega / (1 - omega)))
        found["chosen"].append(best)
        found["inside"].append(inside[best])
        found["outside"].append(outside[best])
    return {name: np.array(numbers) for name, numbers in found.items()}


def hansen(
    differences: np.ndarray, indices: np.ndarray, mean_block: float
) -> tuple[float, list[float]]:
    """Hansen (2005), equations by hand: the statistic, and the lower, consistent, upper p."""
    n, n_models = differences.shape
    mean = [sum(differences[:, k]) / n for k in range(n_models)]
    omega = []
    q = 1.0 / mean_block
    for k in range(n_models):
        x = differences[:, k] - mean[k]
        total = float(x @ x) / n
        for i in range(1, n):
            kappa = (n - i) / n * (1 - q) ** i + i / n * (1 - q) ** (n - i)
            total += 2 * kappa * float(x[i:] @ x[: n - i]) / n
        omega.append(math.sqrt(total))
    statistic = max(math.sqrt(n) * mean[k] / omega[k] for k in range(n_models))
    bound = math.sqrt(2 * math.log(math.log(n)) / n)
    shifts = (
        [max(m, 0.0) for m in mean],
        [m if m >= -bound * w else 0.0 for m, w in zip(mean, omega, strict=True)],
        mean,
    )
    p = []
    for shift in shifts:
        above = 0
        for rows in indices:
            drawn = differences[rows].mean(axis=0)
            lead = max(math.sqrt(n) * (drawn[k] - shift[k]) / omega[k] for k in range(n_models))
            above += lead > statistic
        p.append(above / len(indices))
    return statistic, p


class R:
    """R's default generator after ``set.seed``: Mersenne Twister, normal by inversion."""

    def __init__(self, seed: int) -> None:
        for _ in range(50):
            seed = (69069 * seed + 1) & 0xFFFFFFFF
        words = []
        for _ in range(625):
            seed = (69069 * seed + 1) & 0xFFFFFFFF
            words.append(seed)
        self._bits = np.random.MT19937(0)
        state = self._bits.state
        state["state"] = {"key": np.array(words[1:], dtype=np.uint32), "pos": 624}
        self._bits.state = state

    def runif(self, n: int) -> np.ndarray:
        return np.asarray(self._bits.random_raw(n)) * 2.3283064365386963e-10

    def rnorm(self, n: int) -> np.ndarray:
        u = self.runif(2 * n)
        return np.asarray(ndtri((np.floor(134217728 * u[::2]) + u[1::2]) / 134217728))


def autoregression(n: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    """Return an AR(1) of variance 1."""
    shock = rng.standard_normal(n)
    series = np.empty(n)
    series[0] = shock[0]
    for i in range(1, n):
        series[i] = rho * series[i - 1] + math.sqrt(1 - rho**2) * shock[i]
    return series
