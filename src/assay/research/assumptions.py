"""What a run takes for granted, in sentences a trader can check against their broker."""

from collections.abc import Mapping

from assay.config.settings import Settings
from assay.domain.instrument import Instrument, SwapMode

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def assumptions_of(
    settings: Settings,
    instruments: Mapping[str, Instrument],
    spread_notes: Mapping[str, str],
    *,
    has_finer: bool,
) -> tuple[str, ...]:
    """Return the assumptions of this run.

    Parameters
    ----------
    settings : Settings
    instruments : mapping of str to Instrument
        The symbols traded.
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
    for symbol, item in instruments.items():
        told.append(_contract(symbol, item))
    for name in ("spread", "commission", "swap"):
        multiple = getattr(costs, f"{name}_multiple")
        if multiple != 1.0:
            told.append(f"{name.capitalize()} is multiplied by {multiple:g}.")
    told.append(
        "Where one bar holds both the stop and a target, "
        + ("finer bars decide, and else the stop." if has_finer else "the stop is taken.")
    )
    told.append(
        "The contract facts are those of the catalogue or of assay.toml for the whole history; "
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


def _contract(symbol: str, item: Instrument) -> str:
    unit = "points" if item.swap_mode is SwapMode.POINTS else "% a year"
    return (
        f"{symbol}: one lot is {item.contract_size:,} {item.base}; commission "
        f"{item.commission_per_lot} per lot and side; swap {item.swap_long} (long) and "
        f"{item.swap_short} (short) {unit} a night at 17:00 New York, three nights on "
        f"{DAYS[item.swap_triple_weekday]}; margin {item.margin_fraction:%}."
    )
