"""An instrument, an intent, an account and limits for the tests of sizes."""

from decimal import Decimal as D

from assay.config.settings import Settings
from assay.domain.account import AccountView
from assay.domain.instrument import Instrument, SwapMode
from assay.domain.order import OrderIntent
from assay.domain.side import Side
from assay.domain.timeframe import Timeframe

GOLD = Instrument(
    symbol="XAUUSD", description="", base="XAU", quote="USD", digits=2, tick_size=D("0.01"),
    contract_size=D(100), lot_step=D("0.01"), lot_min=D("0.01"), lot_max=D(50),
    margin_fraction=D("0.01"), commission_per_lot=D(3), swap_mode=SwapMode.POINTS,
    swap_long=D(0), swap_short=D(0), swap_triple_weekday=2, stop_level_points=0,
    spread_points=20, sessions=(),
)  # fmt: skip
INTENT = OrderIntent(
    client_order_id="a1", symbol="XAUUSD", side=Side.BUY, price=D("2000.00"), unit=D(5),
    confidence=1.0, p_win=0.6, payoff=1.5, loss=D(10), volatility_bar=0.001,
    timeframe=Timeframe.H1,
)  # fmt: skip
ACCOUNT = AccountView(
    equity=D(100_000), conversion=D(1), positions_others=0, notional_others=D(0),
    margin_others=D(0), margin_used_others=D(0),
)  # fmt: skip


def limits(**risk) -> Settings:
    return Settings.model_validate({"risk": risk, "exits": {"stop_atr": 2.0}})
