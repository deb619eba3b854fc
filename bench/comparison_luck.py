"""How often a comparison finds a winner, where nobody is better and where somebody is.

Made-up strategies of 10 % volatility share half of their variance, with fat tails (Student, 5
degrees of freedom). The first table counts sets of worthless ones in which any pair looks clear,
with the correction for all pairs and without it. The second counts how often one that is better
than another by a known Sharpe ratio is found.

    python bench/comparison_luck.py --sets 400
"""

import argparse
from collections.abc import Sequence

import numpy as np

from assay.research.comparison.comparison import compare
from assay.research.comparison.entrant import Entrant, TradeSpans

DAYS_PER_YEAR = 260
SHARED = 0.5
NO_TRADES = TradeSpans(
    entry_ns=np.empty(0, np.int64),
    exit_ns=np.empty(0, np.int64),
    symbol=np.empty(0, np.str_),
    side=np.empty(0, np.int64),
    net=np.empty(0),
)


def made_up(sharpes: Sequence[float], years: float, rng: np.random.Generator) -> list[Entrant]:
    """Return strategies of these true annual Sharpe ratios over the same days."""
    n = round(years * DAYS_PER_YEAR)
    scale = 0.1 / np.sqrt(DAYS_PER_YEAR) / np.sqrt(5.0 / 3.0)
    both = rng.standard_t(5, n)
    day = np.busday_offset("2010-01-04", np.arange(n)).astype("datetime64[D]")
    made = []
    for i, sharpe in enumerate(sharpes):
        own = np.sqrt(SHARED) * both + np.sqrt(1.0 - SHARED) * rng.standard_t(5, n)
        returns = scale * own + 0.1 / DAYS_PER_YEAR * sharpe
        made.append(
            Entrant(
                run=f"run{i}",
                strategy="hybrid",
                is_judged=True,
                currency="USD",
                start_balance=1e5,
                day=day,
                equity=1e5 * np.cumprod(1.0 + returns),
                trades=NO_TRADES,
            )
        )
    return made


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--samples", type=int, default=500)
    options = parser.parse_args()
    print("worthless strategies: sets in which a pair looks clear at 5 %")
    print(f"{'strategies':>10} {'years':>6} {'corrected':>10} {'alone':>7}")
    for n, years in ((2, 3.0), (4, 3.0), (8, 3.0)):
        clear = alone = 0
        for i_set in range(options.sets):
            rng = np.random.default_rng([i_set, n])
            found = compare(made_up([0.0] * n, years, rng), samples=options.samples)
            clear += bool(found.better)
            alone += any(pair.sharpe_p <= 0.05 for pair in found.pairs)
        shares = f"{clear / options.sets:>10.1%} {alone / options.sets:>7.1%}"
        print(f"{n:>10} {years:>6.0f} {shares}", flush=True)
    print("one of two is better by so much: share in which it is found")
    print(f"{'years':>6} " + "".join(f"{lead:>8.1f}" for lead in (0.5, 1.0, 1.5, 2.0)))
    for years in (3.0, 6.0, 12.0):
        shares = []
        for lead in (0.5, 1.0, 1.5, 2.0):
            found_by = 0
            for i_set in range(options.sets):
                rng = np.random.default_rng([i_set, round(10 * lead), round(years)])
                found = compare(made_up([0.5, 0.5 + lead], years, rng), samples=options.samples)
                found_by += found.winner == "run1"
            shares.append(f"{found_by / options.sets:>8.1%}")
        print(f"{years:>6.0f} " + "".join(shares), flush=True)


if __name__ == "__main__":
    main()
