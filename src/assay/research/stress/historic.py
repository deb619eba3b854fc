"""The dated list of days that broke accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricShock:
    """One of the dated shocks.

    Attributes
    ----------
    name, title, told : str
    first, last : date
        Days of the window, UTC, both included.
    moves : mapping of str to float
        Largest fall (negative) or rise inside 24 hours of trading, from extreme to extreme, as a
        fraction: of gold, and of the currency pair that was hit hardest. Measured on hourly bids,
        to three digits; a market of which there was no history to measure is left out.
    """

    name: str
    title: str
    told: str
    first: date
    last: date
    moves: Mapping[str, float]


def _shock(
    name: str, title: str, span: tuple[str, str], told: str, **moves: float
) -> HistoricShock:
    return HistoricShock(
        name=name,
        title=title,
        told=told,
        first=date.fromisoformat(span[0]),
        last=date.fromisoformat(span[1]),
        moves=moves,
    )


SHOCKS = (
    _shock(
        "lehman", "Lehman Brothers", ("2008-09-15", "2008-09-19"),
        "A bank fails; gold jumps by a seventh within a day.", XAUUSD=0.148, EURUSD=0.031,
    ),
    _shock(
        "crisis_2008", "Financial crisis", ("2008-10-06", "2008-10-24"),
        "Everything is sold for dollars, gold too.", XAUUSD=-0.114, EURUSD=-0.044,
    ),
    _shock(
        "flash_2010", "Flash crash", ("2010-05-06", "2010-05-07"),
        "Shares fall and recover within minutes.", XAUUSD=0.033, EURUSD=-0.027,
    ),
    _shock(
        "gold_2011_08", "Gold turns", ("2011-08-22", "2011-08-25"),
        "Margins rise after the record of August.", XAUUSD=-0.080, EURUSD=-0.010,
    ),
    _shock(
        "gold_2011_09", "Gold falls through the night", ("2011-09-21", "2011-09-27"),
        "Three days down, the worst in thin Asian hours.", XAUUSD=-0.124, EURUSD=-0.030,
    ),
    _shock(
        "gold_2013", "Gold breaks", ("2013-04-12", "2013-04-16"),
        "The largest two-day fall of gold in thirty years.", XAUUSD=-0.119, USDJPY=-0.030,
    ),
    _shock(
        "chf_2015", "Swiss franc", ("2015-01-15", "2015-01-16"),
        "The floor under EURCHF is given up; there were no prices on the way.",
        XAUUSD=0.033, USDCHF=-0.199,
    ),
    _shock(
        "august_2015", "China's August", ("2015-08-24", "2015-08-25"),
        "Shares fall around the world, the yen jumps.", XAUUSD=-0.027, USDJPY=-0.048,
    ),
    _shock(
        "brexit", "Brexit", ("2016-06-23", "2016-06-27"),
        "The vote is counted overnight.", XAUUSD=0.088, GBPUSD=-0.119,
    ),
    _shock(
        "sterling_2016", "Sterling flash crash", ("2016-10-06", "2016-10-07"),
        "The pound falls by a tenth within minutes.", XAUUSD=-0.019, GBPUSD=-0.100,
    ),
    _shock(
        "election_2016", "United States election", ("2016-11-08", "2016-11-11"),
        "Up overnight, and all the way back by noon.", XAUUSD=-0.050, USDJPY=0.047,
    ),
    _shock(
        "yen_2019", "Yen flash crash", ("2019-01-02", "2019-01-03"),
        "The yen jumps in the thinnest hour of the year.", XAUUSD=0.011, AUDUSD=-0.047,
    ),
    _shock(
        "covid", "Covid", ("2020-03-09", "2020-03-20"),
        "Everything is sold for dollars again.", XAUUSD=-0.092, AUDUSD=-0.086,
    ),
    _shock(
        "gold_2020", "Gold after its record", ("2020-08-11", "2020-08-12"),
        "The largest fall in seven years.", XAUUSD=-0.079, USDCHF=-0.011,
    ),
    _shock(
        "gold_2021", "Gold on a Monday morning", ("2021-08-06", "2021-08-09"),
        "A hole of four per cent in an empty Asian hour.", XAUUSD=-0.067, USDCHF=0.011,
    ),
    _shock(
        "ukraine", "War in Ukraine", ("2022-02-24", "2022-02-25"),
        "Up before the news was out, down after it.", XAUUSD=-0.049, GBPUSD=-0.020,
    ),
    _shock(
        "gilts", "Gilts and sterling", ("2022-09-23", "2022-09-27"),
        "The pound falls to a record low in Asia.",
    ),
    _shock(
        "banks_2023", "Bank failures", ("2023-03-09", "2023-03-20"),
        "Rates turn within a day.",
    ),
    _shock(
        "august_2024", "Unwinding of the yen carry", ("2024-08-02", "2024-08-06"),
        "The yen jumps, shares and gold are sold.", XAUUSD=-0.046,
    ),
    _shock(
        "tariffs", "Tariffs", ("2025-04-02", "2025-04-10"),
        "Gold is sold with everything else, then soars.",
    ),
)  # fmt: skip
"""The dated list. A shock without a move is replayed where the data has it, and moved nowhere."""
