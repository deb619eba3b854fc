"""Features in batch and bar by bar: the same numbers, to the last bit.

python examples/features_by_hand.py
"""

import numpy as np

from assay.config.instruments import load_instrument
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.features.catalogue import parse


def main() -> bool:
    """Print the last RSI of a simulated market, and return whether both ways agree."""
    bars = simulate(SimulatedMarket(seed=1, years=0.2), load_instrument("XAUUSD"))

    rsi = parse("rsi_14")
    history = rsi.batch(bars)
    stream = rsi.stream()
    live = np.array([stream.update(close)[0] for close in bars.close])

    print(f"rsi_14 of {len(bars)} bars: {history[-1]:.2f}, known after {rsi.warm_up} of them")
    return bool(np.array_equal(history, live, equal_nan=True))


if __name__ == "__main__":
    main()
