"""One row through the whole ensemble with calibration: the same answers, then the time.

    python bench/inference.py [--json] [--rows 2000]

The peers are the training libraries themselves, asked for one row on one thread as a live
trader would. Answers are compared on every row before anything is timed; the two sides take
turns row by row. p99 matters more than p50: a decision waits for the slowest of its models.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import lightgbm
import numpy as np
from numpy.typing import NDArray

from assay.config.section import ALGORITHMS
from assay.kernels.compiler import FloatArray
from assay.models.algorithms import make
from assay.models.boosting import flatten_lightgbm
from assay.models.calibration import fit_platt
from assay.models.ensemble import Forecaster, ParitySample
from assay.models.estimator import Estimator
from assay.models.inputs import Float32Array
from assay.models.scoring import pack, score_rows
from assay.models.stacking import Stacker, prior_weights

N_TRAIN, N_FEATURES, N_PEER = 12_000, 100, 300
TOLERANCE = 1e-6
P99_LIMIT_US = 100.0
LIMIT_US = 4.3
"""LightGBM of 200 trees with 31 leaves inside a kernel, PEERS.md; taken on another machine."""

Row = NDArray[np.float64]


def rows(n: int, rng: np.random.Generator) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return features, and labels that depend on three of them."""
    x = rng.normal(size=(n, N_FEATURES))
    odds = 0.4 * x[:, 0] + 0.4 * x[:, 1] * np.sign(x[:, 2])
    return x, (rng.random(n) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int8)


def fit_all() -> tuple[dict[str, Estimator], Forecaster]:
    """Return the six fitted members, and the forecaster that packs them."""
    rng = np.random.default_rng(7)
    x, y = rows(N_TRAIN, rng)
    weight = np.ones(N_TRAIN)
    members = {name: make(name, 7) for name in ALGORITHMS}
    for member in members.values():
        member.fit(x, y, weight)
    held, y_held = rows(2_000, rng)
    weights = prior_weights(ALGORITHMS)
    z = np.column_stack([member.log_odds(held) for member in members.values()]) @ weights
    names = tuple(f"feature_{j}" for j in range(N_FEATURES))
    narrow = held[:4].astype(np.float32)
    native = np.column_stack([member.native_p_up(narrow) for member in members.values()])
    forecaster = Forecaster(
        names=names,
        schema_hash="bench",
        selected=names,
        forms={name: member.form for name, member in members.items()},
        stacker=Stacker(weights, 0.0),
        calibrator=fit_platt(z, y_held, np.ones(2_000)),
        sample=ParitySample(x=narrow, native=native),
    )
    return members, forecaster


def one_row(form: object, n_features: int) -> Callable[[Row], float]:
    """Return the compiled way to ask one model for one row."""
    packed = pack([form], np.arange(n_features)).arguments()  # type: ignore[list-item]
    scores = np.empty((1, 1))

    def ask(row: Row) -> float:
        score_rows(row.astype(np.float32).reshape(1, -1), *packed, scores)  # type: ignore
        return float(scores[0, 0])

    return ask


def native_row(ask: Callable[[Float32Array], FloatArray]) -> Callable[[Row], float]:
    """Return the library's way to answer one row."""
    return lambda row: float(ask(row.astype(np.float32).reshape(1, -1))[0])


def timed(
    ours: Callable[[Row], float], theirs: Callable[[Row], float], x: FloatArray
) -> dict[str, float]:
    """Take turns, and return p50 and p99 of both in microseconds, and the ratio of p50."""
    fast, slow = [], []
    for row in x[:20]:
        ours(row)
        theirs(row)
    for i, row in enumerate(x):
        start = time.perf_counter_ns()
        ours(row)
        fast.append(time.perf_counter_ns() - start)
        if i < N_PEER:
            start = time.perf_counter_ns()
            theirs(row)
            slow.append(time.perf_counter_ns() - start)
    mine, peer = (np.percentile(times, [50, 99]) / 1e3 for times in (fast, slow))
    return {
        "p50_us": float(mine[0]),
        "p99_us": float(mine[1]),
        "native_p50_us": float(peer[0]),
        "native_p99_us": float(peer[1]),
        "ratio_p50": float(peer[0] / mine[0]),
    }


def main() -> int:
    """Compare, time, print; the exit status is 1 if answers differ or a p99 is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--rows", type=int, default=2_000)
    chosen = parser.parse_args()
    members, forecaster = fit_all()
    x, y = rows(chosen.rows, np.random.default_rng(8))
    narrow = x.astype(np.float32)

    raw = forecaster.raw(x)
    native = np.column_stack([member.native_p_up(narrow) for member in members.values()])
    calibrator, weights = forecaster.calibrator, forecaster.stacker.weights
    odds = np.log(native / (1.0 - native)) @ weights
    whole = 1.0 / (1.0 + np.exp(-calibrator.slope * odds - calibrator.intercept))
    alone = np.array([forecaster.p_up_row(row) for row in x])
    gap = float(max(np.abs(raw - native).max(), np.abs(alone - whole).max()))

    def ask_libraries(row: Row) -> float:
        inputs = row.astype(np.float32).reshape(1, -1)
        p = np.array([member.native_p_up(inputs)[0] for member in members.values()])
        z = float(np.log(p / (1.0 - p)) @ weights)
        return float(1.0 / (1.0 + np.exp(-calibrator.slope * z - calibrator.intercept)))

    found = {
        name: timed(one_row(member.form, N_FEATURES), native_row(member.native_p_up), x)
        for name, member in members.items()
    }
    found["ensemble, calibrated"] = timed(forecaster.p_up_row, ask_libraries, x)
    parameters = {
        "objective": "binary",
        "num_leaves": 31,
        "verbosity": -1,
        "num_threads": 1,
        "use_missing": False,
    }
    large = lightgbm.train(parameters, lightgbm.Dataset(narrow, label=y), num_boost_round=200)
    form = flatten_lightgbm(large, N_FEATURES, logistic=True)
    peer = native_row(lambda inputs: large.predict(inputs, num_threads=1))
    found["lightgbm 200 x 31 leaves"] = timed(one_row(form, N_FEATURES), peer, x)

    in_time = all(found[name]["p99_us"] < P99_LIMIT_US for name in ALGORITHMS)
    whole_in_time = found["ensemble, calibrated"]["p99_us"] < P99_LIMIT_US * len(ALGORITHMS)
    ok = gap <= TOLERANCE and in_time and whole_in_time
    if chosen.json:
        print(json.dumps({"gap": gap, "tolerance": TOLERANCE, "ok": ok, "one_row": found}))
        return 0 if ok else 1
    print(f"answers compared on {chosen.rows} rows: largest difference {gap:.1e}")
    print(f"{'one row, µs':26s}{'p50':>8s}{'p99':>8s}{'native p50':>12s}{'p99':>9s}{'ratio':>8s}")
    for name, times in found.items():
        print(
            f"{name:26s}{times['p50_us']:8.1f}{times['p99_us']:8.1f}"
            f"{times['native_p50_us']:12.1f}{times['native_p99_us']:9.1f}{times['ratio_p50']:7.1f}x"
        )
    bare = found["lightgbm 200 x 31 leaves"]["p50_us"]
    print(
        f"limit: 200 x 31 leaves inside a bare kernel take {LIMIT_US} µs; "
        f"we take {bare / LIMIT_US:.1f}x"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
