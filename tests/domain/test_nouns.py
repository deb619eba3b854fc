"""The frozen nouns keep their words."""

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from assay.domain.account import AccountView
from assay.domain.errors import (
    AssayError,
    BrokerError,
    ConfigError,
    DataError,
    ModelError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from assay.domain.fill import ExitReason, Fill
from assay.domain.instrument import Instrument, Session, SwapMode
from assay.domain.order import OrderKind
from assay.domain.position import Position
from assay.domain.progress import SilentProgress
from assay.domain.refusal import RefusalReason
from assay.domain.side import Side
from assay.domain.signal import Signal
from assay.domain.time import iso_utc, utc_ns
from assay.domain.timeframe import Timeframe
from assay.domain.trade import Trade

ERRORS = (
    AssayError,
    BrokerError,
    ConfigError,
    DataError,
    ModelError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_survives_the_trip_from_a_worker(kind) -> None:
    error = kind("XAUUSD must rest; was moving.", remedy="Wait.", line=7)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == "XAUUSD must rest; was moving. Wait."
    assert (back.message, back.remedy, back.facts) == (error.message, "Wait.", {"line": 7})


def test_every_error_has_its_own_code() -> None:
    assert len({kind.code for kind in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize("side", Side)
def test_a_side_has_a_sign_and_an_opposite(side: Side) -> None:
    assert side.opposite.opposite is side
    assert side.sign == -side.opposite.sign
    assert Side.of_sign(2.5 * side.sign) is side


@pytest.mark.parametrize("sign", [0.0, float("nan")])
def test_nothing_has_no_side(sign: float) -> None:
    with pytest.raises(ValueError, match="sign must not be"):
        Side.of_sign(sign)


def test_points_and_pips_follow_the_digits() -> None:
    plain = {
        "symbol": "X",
        "description": "",
        "base": "X",
        "quote": "USD",
        "tick_size": D("0.01"),
        "contract_size": D(1),
        "lot_step": D("0.01"),
        "lot_min": D("0.01"),
        "lot_max": D(1),
        "margin_fraction": D(1),
        "commission_per_lot": D(0),
        "swap_mode": SwapMode.POINTS,
        "swap_long": D(0),
        "swap_short": D(0),
        "swap_triple_weekday": 2,
        "stop_level_points": 0,
        "spread_points": 1,
        "sessions": (Session(open_minute=0, close_minute=1),),
    }
    gold, euro = Instrument(digits=2, **plain), Instrument(digits=5, **plain)
    assert (gold.point, gold.pip) == (D("0.01"), D("0.01"))
    assert (euro.point, euro.pip) == (D("0.00001"), D("0.0001"))


def test_a_signal_is_bounded_and_may_abstain() -> None:
    good = {
        "source": "votes",
        "direction": 0.0,
        "confidence": 0.5,
        "horizon_bars": 1,
        "reason": "flat",
    }
    assert Signal(**good).is_abstention
    for field, value in [
        ("direction", 1.5),
        ("direction", float("nan")),
        ("confidence", -0.1),
        ("confidence", float("inf")),
        ("horizon_bars", 0),
    ]:
        with pytest.raises(ValueError, match=field):
            Signal(**{**good, field: value})


def test_time_is_aware_and_exact() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert utc_ns(moment) == 1_704_164_645_678_901_000
    assert iso_utc(utc_ns(moment)) == "2024-01-02T03:04:05Z"
    assert utc_ns(datetime(1969, 12, 31, tzinfo=UTC)) == -timedelta(days=1).total_seconds() * 1e9
    with pytest.raises(ValueError, match="timezone"):
        utc_ns(datetime(2024, 1, 2))


def test_a_timeframe_reads_any_case_and_knows_its_grid() -> None:
    assert Timeframe.parse(" m15 ").nominal_ns == 900_000_000_000
    assert Timeframe.H1.is_fixed
    assert not Timeframe.H4.is_fixed
    with pytest.raises(ConfigError, match="M1, M5"):
        Timeframe.parse("M7")


def test_codes_of_records_are_stable() -> None:
    assert [kind.value for kind in OrderKind] == [1, 2, 3, 4, 5]
    assert [reason.value for reason in ExitReason] == [1, 2, 3, 4, 5, 6, 7]
    assert [reason.value for reason in RefusalReason] == list(range(1, 14))


def test_silence_says_nothing() -> None:
    progress = SilentProgress()
    assert progress.stage("train", 3) is progress.advance(2) is progress.done() is None


def test_nouns_are_frozen() -> None:
    fill = Fill(
        symbol="X", time_ns=0, side=Side.BUY, lots=D(1), price=D(1), commission=D(0), reason=None
    )
    view = AccountView(
        equity=D(1),
        conversion=D(1),
        positions_others=0,
        notional_others=D(0),
        margin_others=D(0),
        margin_used_others=D(0),
    )
    position = Position(
        symbol="X",
        side=Side.BUY,
        lots=D(1),
        entry_price=D(1),
        mark=D(1),
        stop_price=None,
        floating=D(0),
    )
    trade = Trade(
        symbol="X",
        side=Side.BUY,
        entry_ns=0,
        exit_ns=1,
        lots=D(1),
        entry_price=D(1),
        exit_price=D(1),
        gross=D(0),
        commission=D(0),
        swap=D(0),
        net=D(0),
        reason=ExitReason.STOP,
        is_ambiguous=False,
        is_resolved=False,
    )
    for noun in (fill, view, position, trade):
        with pytest.raises(AttributeError):
            setattr(noun, next(iter(noun.__dataclass_fields__)), "other")
