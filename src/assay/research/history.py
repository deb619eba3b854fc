"""What a run reads beside the settings: bars, contract facts, and where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.data.bars import Bars
from assay.data.spread import SpreadOfWeek
from assay.domain.facts_history import ContractFacts, FactsHistory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """The history of every symbol that is traded.

    Attributes
    ----------
    bars : mapping of str to Bars
        By symbol, all of one timeframe; bid only, with a spread, or with both sides.
    instruments : mapping of str to Instrument or FactsHistory
    finer : mapping of str to Bars
        Finer bars with both sides, to settle bars that hold both stop and target.
    conversion_bars : mapping of str to Bars
        Pairs that convert quote currencies into that of the account.
    spreads : mapping of str to SpreadOfWeek
        The week's spread of symbols whose own bars quote none.
    quality : tuple of (str, str)
        What the data checks found.
    notes : tuple of (str, str)
        Where the rows came from.
    """

    bars: Mapping[str, Bars]
    instruments: Mapping[str, ContractFacts]
    finer: Mapping[str, Bars] = field(default_factory=dict)
    conversion_bars: Mapping[str, Bars] = field(default_factory=dict)
    spreads: Mapping[str, SpreadOfWeek] = field(default_factory=dict)
    quality: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def facts_met(self) -> dict[str, FactsHistory]:
        """Return the contract facts of each traded symbol: the versions that its bars meet."""
        met = {}
        for symbol, item in self.bars.items():
            facts = FactsHistory.of(self.instruments[symbol])
            times = (int(item.time_ns[0]), int(item.time_ns[-1])) if len(item) else (0, 0)
            met[symbol] = facts.between(*times)
        return met
