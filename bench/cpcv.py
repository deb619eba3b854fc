"""Combinatorial purged cross-validation beside skfolio's: equal folds, then the time of both.

    python bench/cpcv.py [--json] [--rows 50000] [--groups 6] [--test-groups 2] [--workers 4]

The same models are fitted on the folds of both splitters: one after the other in this process,
and on all cores (Assay's own pool against joblib, which a user of skfolio would take). Before
anything is timed, train rows, test rows, paths and every forecast are compared, bit for bit.
One core is measured in processor seconds, which other work on the machine hardly changes; all
cores are measured on the clock.
"""

import argparse
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from skfolio.model_selection import CombinatorialPurgedCV
from threadpoolctl import threadpool_limits

from assay.domain.progress import SilentProgress
from assay.models.algorithms import make
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.splits.combinatorial import CombinatorialPurged, combinatorial_purged

HORIZON = 24
"""Bars that a label spans; skfolio purges by a count of bars, so labels are as long as that."""
EMBARGO = 24
N_FEATURES = 20
MODELS = ("lightgbm", "logistic")
REPEATS = 5
SPLITTER_REPEATS = 30

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


class Table:
    """Features with a little to learn, and labels that overlap as real ones do."""

    def __init__(self, n_rows: int) -> None:
        rng = np.random.default_rng(8)
        self.x = rng.standard_normal((n_rows, N_FEATURES)).astype(np.float32)
        steps = rng.standard_normal(n_rows + HORIZON) + 0.05 * np.pad(
            self.x[:, 0], (0, HORIZON), mode="edge"
        )
        total = np.concatenate(([0.0], np.cumsum(steps)))
        self.y = (total[HORIZON + 1 :] > total[1 : n_rows + 1]).astype(np.int8)
        self.weight = np.full(n_rows, 1.0 / HORIZON)
        self.bar = np.arange(n_rows)


def ours(table: Table, n_groups: int, n_test_groups: int) -> CombinatorialPurged:
    """Return Assay's splits."""
    return combinatorial_purged(
        table.bar,
        table.bar + HORIZON,
        n_groups=n_groups,
        n_test_groups=n_test_groups,
        embargo=EMBARGO,
    )


def theirs(n_groups: int, n_test_groups: int) -> CombinatorialPurgedCV:
    """Return skfolio's splitter."""
    return CombinatorialPurgedCV(
        n_folds=n_groups, n_test_folds=n_test_groups, purged_size=HORIZON, embargo_size=EMBARGO
    )


def fitted(table: Table, train: Rows, test: Rows) -> Array:
    """Fit the models on *train*; return their mean log-odds for *test*."""
    odds = np.zeros(len(test))
    with threadpool_limits(limits=1):
        for name in MODELS:
            model = make(name, 1)
            model.fit(table.x[train], table.y[train], table.weight[train])
            odds += model.log_odds(table.x[test]) / len(MODELS)
    return odds


def our_task(table: Table, splits: CombinatorialPurged, index: int) -> Array:
    """Fit one of Assay's splits."""
    split = splits.split(index)
    return fitted(table, split.train, split.test)


def our_paths(table: Table, n_groups: int, n_test_groups: int, workers: int) -> Array:
    """Cross-validate with Assay, and return every path."""
    splits = ours(table, n_groups, n_test_groups)
    answers = compute(
        partial(our_task, table, splits),
        range(len(splits)),
        place=Place(workers=workers),
        progress=SilentProgress(),
        stage="Cross-validation",
    )
    return splits.assembled(answers)


def their_paths(table: Table, n_groups: int, n_test_groups: int, workers: int) -> Array:
    """Cross-validate with skfolio's splits, and return every path."""
    splitter = theirs(n_groups, n_test_groups)
    splits = list(splitter.split(table.x))
    jobs = [(table, train, np.concatenate(tests)) for train, tests in splits]
    if workers == 1:
        answers = [fitted(*job) for job in jobs]
    else:
        answers = Parallel(n_jobs=workers)(delayed(fitted)(*job) for job in jobs)
    paths = np.empty((splitter.n_test_paths, len(table.bar)))
    for (_, tests), answer, ids in zip(splits, answers, splitter.get_path_ids(), strict=True):
        parts = np.split(answer, np.cumsum([len(rows) for rows in tests])[:-1])
        for rows, part, path in zip(tests, parts, ids, strict=True):
            paths[path, rows] = part
    return paths


def check_equal(table: Table, n_groups: int, n_test_groups: int) -> int:
    """Compare every index of every split; return how many there were."""
    splits, splitter = ours(table, n_groups, n_test_groups), theirs(n_groups, n_test_groups)
    n_indices = 0
    for split, (train, tests) in zip(splits, splitter.split(table.x), strict=True):
        assert np.array_equal(split.train, train)
        for mine, other in zip(split.tests, tests, strict=True):
            assert np.array_equal(mine, other)
        n_indices += len(train) + len(split.test)
    assert np.array_equal(splits.paths(), splitter.recombined_paths.T)
    return n_indices


def in_turn(
    one: Callable[[], object],
    other: Callable[[], object],
    *,
    clock: Callable[[], float],
    repeats: int = REPEATS,
) -> tuple[float, float]:
    """Return the median seconds of both, taken in turn so that both meet the same machine."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for call, taken in zip((one, other), seconds, strict=True):
            gc.collect()
            start = clock()
            call()
            taken.append(clock() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def measure(n_rows: int, n_groups: int, n_test_groups: int, workers: int) -> dict[str, object]:
    """Compare, then time; return seconds and ratios."""
    table = Table(n_rows)
    n_indices = check_equal(table, n_groups, n_test_groups)
    splitter = theirs(n_groups, n_test_groups)
    counts = (table, n_groups, n_test_groups)
    paths = our_paths(*counts, 1)
    assert np.array_equal(paths, their_paths(*counts, 1))
    assert np.array_equal(paths, our_paths(*counts, workers))

    split_seconds = in_turn(
        lambda: list(ours(*counts)),
        lambda: list(splitter.split(table.x)),
        clock=time.process_time,
        repeats=SPLITTER_REPEATS,
    )
    one_core = in_turn(
        lambda: our_paths(*counts, 1),
        lambda: their_paths(*counts, 1),
        clock=time.process_time,
    )
    all_cores = in_turn(
        lambda: our_paths(*counts, workers),
        lambda: their_paths(*counts, workers),
        clock=time.perf_counter,
    )
    return {
        "rows": n_rows,
        "splits": splitter.n_splits,
        "paths": splitter.n_test_paths,
        "models": list(MODELS),
        "workers": workers,
        "indices_equal": n_indices,
        "leaking_pairs": ours(*counts).leaking_pairs(),
        "seconds": {
            "splitter": {"assay": split_seconds[0], "skfolio": split_seconds[1]},
            "one core": {"assay": one_core[0], "skfolio": one_core[1]},
            "all cores": {"assay": all_cores[0], "skfolio": all_cores[1]},
        },
        "ratio_skfolio": {
            "splitter": split_seconds[1] / split_seconds[0],
            "one core": one_core[1] / one_core[0],
            "all cores": all_cores[1] / all_cores[0],
        },
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--groups", type=int, default=6)
    parser.add_argument("--test-groups", type=int, default=2)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    found = measure(arguments.rows, arguments.groups, arguments.test_groups, arguments.workers)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"{found['splits']} splits, {found['paths']} paths of {found['rows']:,} rows; "
        f"{found['indices_equal']:,} indices and every forecast equal to skfolio's, "
        f"{found['leaking_pairs']} leaking pairs"
    )
    ratios = found["ratio_skfolio"]
    for what, seconds in found["seconds"].items():  # type: ignore[attr-defined]
        print(
            f"{what:10s} assay {seconds['assay']:9.4f} s   skfolio {seconds['skfolio']:9.4f} s   "
            f"ratio {ratios[what]:5.2f} x"  # type: ignore[index]
        )


if __name__ == "__main__":
    main()
