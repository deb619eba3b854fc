"""Print the table of calibrated planted edges that assay.data.simulation.planted keeps.

Run it after any change to the simulated market, the trader, the default costs or the contract
facts, and paste its lines into ``_STORED``:

    python bench/planted.py
"""

from assay.config.instruments import load_instrument
from assay.data.simulation.planted import PlantedEdge, calibrate
from assay.data.simulation.price_path import usual_market
from assay.domain.timeframe import Timeframe

CASES = [
    ("XAUUSD", Timeframe.H1, half_life, sharpe)
    for half_life in (24.0, 60.0, 120.0, 240.0, 480.0)
    for sharpe in (1.0, 1.5, 2.0, 3.0)
]
CASES += [
    ("XAUUSD", Timeframe.H1, half_life, sharpe)
    for half_life in (60.0, 120.0)
    for sharpe in (4.0, 6.0, 8.0)  # for short histories
]
CASES += [
    ("XAUUSD", Timeframe.M15, 240.0, 2.0),
    ("EURUSD", Timeframe.H1, 120.0, 2.0),
    ("GBPUSD", Timeframe.H1, 120.0, 2.0),
    ("USDJPY", Timeframe.H1, 120.0, 2.0),
]


def main() -> None:
    for symbol, timeframe, half_life, sharpe in CASES:
        instrument = load_instrument(symbol)
        edge = PlantedEdge(half_life_bars=half_life, net_sharpe=sharpe)
        found = calibrate(edge, instrument, timeframe, *usual_market(instrument))
        policy = found.policy
        print(
            f'    ("{symbol}", "{timeframe.name}", {half_life}, {sharpe}): ({found.strength:.6f}, '
            f"{policy.threshold}, {policy.slope}, {policy.tilt}, {policy.slack}),",
            flush=True,
        )


if __name__ == "__main__":
    main()
