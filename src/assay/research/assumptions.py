"""What a run takes for granted, in sentences a trader can check against their broker."""

from collections.abc import Mapping, Sequence

from assay.config.settings import Settings
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.instrument import Instrument, MarginBasis, SwapMode
from assay.domain.time import iso_utc
from assay.strategy.strategy import Strategy

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def assumptions_of(
    settings: Settings,
    instruments: Mapping[str, ContractFacts],
    spread_notes: Mapping[str, str],
    *,
    has_finer: bool,
) -> tuple[str, ...]:
    """Return the assumptions of this run.

    Parameters
    ----------
    settings : Settings
    instruments : mapping of str to Instrument or FactsHistory
        The symbols traded; of dated facts, the versions that the traded bars meet.
    spread_notes : mapping of str to str
        Where each symbol's spread came from.
    has_finer : bool
        Whether finer bars could settle bars that hold both stop and target.
    """
    told = [
        "A decision is made at a bar's close and filled at the next bar's open of its side: "
        "buys at the ask, sells at the bid.",
        "The position that a run ends with is marked at the last quote, not closed.",
    ]
    for symbol, note in spread_notes.items():
        told.append(f"{symbol}: {note}")
    costs = settings.costs
    told.append(
        "Every market and stop fill slips by "
        f"{costs.slippage_volatility_fraction:.1%} of one bar's volatility"
        + (
            f", at least {costs.slippage_points_min:g} points."
            if costs.slippage_points_min
            else "; limit fills do not slip."
        )
    )
    histories = {symbol: FactsHistory.of(item) for symbol, item in instruments.items()}
    for symbol, history in histories.items():
        told += _contracts(symbol, history)
    for name in ("spread", "commission", "swap"):
        multiple = getattr(costs, f"{name}_multiple")
        if multiple != 1.0:
            told.append(f"{name.capitalize()} is multiplied by {multiple:g}.")
    told.append(
        "Where one bar holds both the stop and a target, "
        + ("finer bars decide, and else the stop." if has_finer else "the stop is taken.")
    )
    undated = [name for name, history in histories.items() if len(history.versions) == 1]
    if undated:
        told.append(
            f"One set of contract facts stands for the whole history of {', '.join(undated)}; "
            "a broker's swaps and commissions have changed over the years."
        )
    told.append(
        f"The account holds {settings.account.balance:,.0f} {settings.account.currency}; "
        "interest on idle cash is zero; taxes are left out."
    )
    told.append(
        "Hybrid and AI are sized by Kelly on a lower bound; the benchmarks by risk and volatility "
        "alone, except buy and hold, which holds the balance without leverage."
    )
    return tuple(told)


def strategy_told(strategy: Strategy | None) -> tuple[str, ...]:
    """Return what a user's columns add to a run, as a sentence; none without them."""
    if strategy is None:
        return ()
    parts = [
        f"{_plural(kind, names)} {', '.join(names)} to {what}"
        for kind, names, what in (
            ("feature", strategy.feature_names, "what the models read"),
            ("signal", strategy.signal_names, "the votes of the fourteen indicators"),
        )
        if names
    ]
    return (
        f"{strategy.path.name} (SHA-256 {strategy.source_hash[:12]}) adds the "
        f"{', and the '.join(parts)}.",
    )


def _plural(word: str, items: Sequence[str]) -> str:
    return f"{word}s" if len(items) > 1 else word


def _contracts(symbol: str, history: FactsHistory) -> list[str]:
    """Return a sentence per version, and what was noted about their origin."""
    if len(history.versions) == 1:
        return [f"{symbol}: {_terms(history.latest)}", *history.notes]
    told = []
    for version in history.versions:
        since = iso_utc(version.valid_from_ns)[:16].replace("T", " ")
        told.append(f"{symbol} from {since} UTC: {_terms(version.instrument)}")
    return [*told, *history.notes]


def _terms(item: Instrument) -> str:
    """Return the facts that cost money."""
    return (
        f"one lot is {item.contract_size:,} {item.base}; commission "
        f"{item.commission_per_lot} per lot and side; swap {item.swap_long} (long) and "
        f"{item.swap_short} (short) {_unit(item)} a night at 17:00 New York, {_nights(item)}; "
        f"{_margin(item)}."
    )


def _unit(item: Instrument) -> str:
    """Return the unit of a swap."""
    return {
        SwapMode.POINTS: "points",
        SwapMode.PERCENT: "% a year",
        SwapMode.PERCENT_OPEN: "% a year of the open price",
        SwapMode.BASE: f"{item.base} per lot",
        SwapMode.QUOTE: f"{item.quote} per lot",
        SwapMode.ACCOUNT: f"{item.account_currency or 'of the account'} per lot",
    }[item.swap_mode]


def _nights(item: Instrument) -> str:
    """Say what the rollover of each weekday counts."""
    if not item.swap_nights:
        return f"three nights on {DAYS[item.swap_triple_weekday]}"
    counted = [f"{n.normalize():f} on {day}" for n, day in zip(item.nights, DAYS, strict=True) if n]
    return f"nights counted {', '.join(counted)}" if counted else "which counts no night"


def _margin(item: Instrument) -> str:
    """Say what a position ties up."""
    if not item.margin_tiers:
        return f"margin {item.margin_fraction:%}"
    unit = "lots" if item.margin_basis is MarginBasis.LOTS else "of notional"
    steps = [
        f"{tier.fraction:%} "
        + (f"up to {tier.up_to:f} {unit}" if tier.up_to.is_finite() else "of all beyond")
        for tier in item.margin_tiers
    ]
    return f"margin {', '.join(steps)}"
