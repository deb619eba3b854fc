"""The whole job from Python: a simulated market, a run, its verdict and its report.

    python examples/whole_job.py [folder]

The market has an edge of which the best possible trader earns a net Sharpe ratio of 2.
"""

import sys
import time
from pathlib import Path

from assay.config.instruments import load_instrument
from assay.config.loader import settings_from_table
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.progress import SilentProgress
from assay.research.history import History
from assay.research.report import write_report
from assay.research.run import execute
from assay.research.trials.ledger import TrialLedger


def main(folder: Path, years: float = 12.0, **sections: dict[str, object]) -> str:
    """Run the whole job, write its report into *folder*, and return the outcome."""
    settings = settings_from_table({"market": {"symbols": ["XAUUSD"]}, **sections})
    gold = load_instrument("XAUUSD")
    edge = PlantedEdge(half_life_bars=120.0, net_sharpe=2.0)
    bars = simulate(SimulatedMarket(seed=7, years=years, edge=edge), gold)

    result = execute(
        settings,
        History(bars={"XAUUSD": bars}, instruments={"XAUUSD": gold}),
        ledger=TrialLedger(folder / "ledger" / "trials.jsonl"),
        progress=SilentProgress(),
        at_ns=time.time_ns(),
    )

    paths = write_report(result, folder / "report")
    print(result.verdict.headline)
    print(paths.html)
    return result.verdict.outcome.value


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo/whole-job"))
