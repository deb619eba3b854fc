"""An instrument for tests that need no engine."""

from decimal import Decimal as D

from assay.domain.instrument import Instrument, SwapMode


def gold(**changes) -> Instrument:
    plain = {
        "symbol": "XAUUSD",
        "description": "",
        "base": "XAU",
        "quote": "USD",
        "digits": 2,
        "tick_size": D("0.01"),
        "contract_size": D(100),
        "lot_step": D("0.01"),
        "lot_min": D("0.01"),
        "lot_max": D(50),
        "margin_fraction": D("0.01"),
        "commission_per_lot": D(3),
        "swap_mode": SwapMode.POINTS,
        "swap_long": D("-20"),
        "swap_short": D("7.2"),
        "swap_triple_weekday": 2,
        "stop_level_points": 0,
        "spread_points": 20,
        "sessions": (),
    }
    return Instrument(**{**plain, **changes})
