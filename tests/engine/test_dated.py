"""Costs follow the facts that held: versions by hand, at every seam, and against their parts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D

import numpy as np
import pytest
from engine_worlds import instrument, random_world, settings, views
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.errors import ConfigError, DataError
from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.instrument import Instrument, MarginBasis, MarginTier, SwapMode
from assay.domain.time import utc_ns
from assay.domain.timeframe import Timeframe
from assay.engine.backtest import backtest
from assay.engine.dated import CHARGE
from assay.engine.market import NIGHTS, event_at
from assay.engine.state import records
from assay.engine.step import EngineState, SymbolEvent, Terms, step
from assay.engine.stream import EngineStream
from assay.engine.sweep import sweep, varied_rules
from assay.engine.tape import Tape, build_tape, calm_events
from assay.engine.views import View, view_arrays, view_at
from assay.risk.facts import versions_at

LAW = hypothesis_settings(max_examples=15, deadline=None)
HOUR = Timeframe.H1.nominal_ns
FREE = CostSettings(slippage_volatility_fraction=0.0)


def at(text: str) -> int:
    return int(utc_ns(datetime.fromisoformat(text).replace(tzinfo=UTC)))


def bars_of(time_ns, price: float = 2_000.0, symbol: str = "XAUUSD") -> Bars:
    """Return bars that stand still, quoted on both sides without a spread."""
    flat_price = np.full(len(time_ns), price)
    return Bars(
        symbol=symbol, timeframe=Timeframe.H1, time_ns=np.asarray(time_ns, dtype=np.int64),
        open=flat_price, high=flat_price, low=flat_price, close=flat_price,
        volume=np.ones(len(time_ns)), spread=np.zeros(len(time_ns)),
        ask_open=flat_price, ask_high=flat_price, ask_low=flat_price, ask_close=flat_price,
    )  # fmt: skip


def hours(start: str, end: str) -> np.ndarray:
    return np.arange(at(start), at(end), HOUR)


def dated(*versions: tuple[str, Instrument]) -> FactsHistory:
    return FactsHistory(
        symbol=versions[0][1].symbol,
        versions=tuple(DatedFacts(valid_from_ns=at(t), instrument=i) for t, i in versions),
    )


def held(bars: Bars, facts, **sections):
    """Return the backtest of one lot that is bought at the second bar and held."""
    rules = settings(account={"balance": 1e6}, **sections)
    tape = build_tape({bars.symbol: bars}, {bars.symbol: facts}, FREE, "USD")
    opinion = views(len(bars), {0: 1}, unit=500.0, loss=500.0)
    return backtest(tape, opinion, rules, {bars.symbol: facts}, close_at_end=True), tape


OLD = instrument(swap_long=D(-10), swap_short=D(5))
CHANGED = replace(OLD, swap_long=D(-30))


def test_swap_changes_on_its_date_by_hand() -> None:
    # Monday 2024-01-08 to Friday: rollovers at 22:00 UTC, three nights on Wednesday.
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-12T12:00"))
    facts = dated(("2024-01-01", OLD), ("2024-01-10", CHANGED))
    result, _ = held(bars, facts)

    # One lot of 100 ounces, points of 0.01: -10 a night, and -30 from Wednesday on.
    assert result.trades.swap[0] == pytest.approx(-10 * 2 - 30 * 3 - 30)
    steps = np.flatnonzero(np.diff(result.balance))
    assert bars.time_ns[steps[0] + 1] == at("2024-01-08T22:00")
    np.testing.assert_allclose(np.diff(result.balance)[steps[:4]], [-10, -10, -90, -30])


def test_a_rollover_at_the_very_instant_of_a_change_is_of_the_later_version() -> None:
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-09T12:00"))
    just = held(bars, dated(("2024-01-01", OLD), ("2024-01-08T22:00", CHANGED)))[0]
    after = held(bars, dated(("2024-01-01", OLD), ("2024-01-08T22:01", CHANGED)))[0]

    assert just.trades.swap[0] == pytest.approx(-30)
    assert after.trades.swap[0] == pytest.approx(-10)


def test_the_triple_day_changes_on_its_date() -> None:
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-20T00:00"))
    friday = replace(OLD, swap_triple_weekday=4)
    result, tape = held(bars, dated(("2024-01-01", OLD), ("2024-01-15", friday)))

    # 1, 1, 3, 1, 1 nights in the first week, none at the weekend, 1, 1, 1, 1, 3 in the second.
    assert tape.charges.nights.tolist() == [1, 1, 3, 1, 1, 1, 1, 1, 1, 3]
    assert tape.charges.version.tolist() == [0] * 5 + [1] * 5
    assert result.trades.swap[0] == pytest.approx(-10 * 14)


def test_each_weekday_has_its_own_ratio() -> None:
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-15T12:00"))
    crypto = replace(OLD, swap_nights=tuple(map(D, ("1", "1", "1", "1", "1", "0.5", "2"))))
    result, tape = held(bars, crypto)

    assert not len(tape.version)
    assert result.trades.swap[0] == pytest.approx(-10 * 7.5)


def test_a_gap_over_a_change_charges_each_night_at_its_own_terms() -> None:
    bars = bars_of([*hours("2024-01-08T10:00", "2024-01-08T13:00"), at("2024-01-12T10:00")])
    percent = replace(OLD, swap_mode=SwapMode.PERCENT, swap_long=D("-3.6"))
    result, tape = held(bars, dated(("2024-01-01", OLD), ("2024-01-10", percent)))

    # Monday and Tuesday in points; Wednesday (three) and Thursday at 1 / 10,000 of 200,000.
    assert tape.charges.tolist() == [(3, 0, 2.0), (3, 1, 4.0)]
    assert tape.market[NIGHTS, 3] == 6.0
    assert result.trades.swap[0] == pytest.approx(-20 - 4 * 20)


def test_commission_and_stop_level_are_those_of_the_fill_and_of_the_decision() -> None:
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-08T16:00"))
    later = replace(OLD, commission_per_lot=D(7), stop_level_points=100_000)
    facts = dated(
        ("2024-01-01", replace(OLD, commission_per_lot=D(3))), ("2024-01-08T13:00", later)
    )
    tape = build_tape({"XAUUSD": bars}, {"XAUUSD": facts}, FREE, "USD")
    rules = settings(account={"balance": 1e6})
    opinion = views(6, {0: 1, 3: -1}, unit=500.0, loss=500.0)
    result = backtest(tape, opinion, rules, {"XAUUSD": facts}, close_at_end=True)

    assert result.fills.commission.tolist() == [3.0, 7.0, 7.0, 7.0]
    assert result.trades.commission.tolist() == [10.0, 14.0]
    assert (2_000.0 - result.trades.stop).tolist() == [500.0, -1_000.0]


def test_the_margin_of_a_later_version_stops_the_account_out() -> None:
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-08T20:00"))
    strict = replace(OLD, margin_fraction=D("0.9"))
    facts = dated(("2024-01-01", OLD), ("2024-01-08T15:00", strict))
    tape = build_tape({"XAUUSD": bars}, {"XAUUSD": facts}, FREE, "USD")
    rules = settings(account={"balance": 50_000.0, "stop_out_level": 0.5})
    opinion = views(10, {0: 1}, unit=100.0, loss=100.0)
    result = backtest(tape, opinion, rules, {"XAUUSD": facts})

    # Margin 180,000 on an equity of 50,000: less than half.
    assert result.trades.exit_event.tolist() == [5]
    slow = backtest(tape, opinion, rules, {"XAUUSD": facts}, is_fast=False)
    assert slow.trades.tobytes() == result.trades.tobytes()


def test_crossing_a_margin_tier_by_hand() -> None:
    tiers = (
        MarginTier(up_to=D(1), fraction=D("0.01")),
        MarginTier(up_to=D("Infinity"), fraction=D("0.1")),
    )
    item = replace(OLD, margin_tiers=tiers)
    bars = bars_of(hours("2024-01-08T10:00", "2024-01-08T20:00"))
    tape = build_tape({"XAUUSD": bars}, {"XAUUSD": item}, FREE, "USD")
    rules = settings(
        account={"balance": 22_000.0}, risk={"fixed_lots": 5.0, "margin_fraction_max": 1.0}
    )
    opinion = views(10, {0: 1}, unit=1.0, loss=1.0)
    result = backtest(tape, opinion, rules, {"XAUUSD": item})

    # One lot at 2,000 for the first, 20,000 for each further one: 2 lots use all of 22,000.
    assert result.fills.lots.tolist() == [2.0]


@pytest.mark.parametrize(
    ("later", "error", "says"),
    [
        (replace(OLD, contract_size=D(10)), DataError, "100 until 2024-01-09T00:00:00Z and 10"),
        (replace(OLD, swap_mode=SwapMode.ACCOUNT, account_currency="EUR"), ConfigError,
         "USD; were quoted for an account in EUR"),
        (replace(OLD, margin_basis=MarginBasis.NOTIONAL, account_currency="EUR",
                 margin_tiers=(MarginTier(up_to=D("Infinity"), fraction=D("0.01")),)), ConfigError,
         "USD; were quoted for an account in EUR"),
    ],
    ids=["size of a lot", "swaps of another account", "tiers of another account"],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_only_where_it_is_met(later, error, says: str) -> None:
    facts = {"XAUUSD": dated(("2024-01-01", OLD), ("2024-01-09", later))}
    with pytest.raises(error, match=says):
        build_tape({"XAUUSD": bars_of(hours("2024-01-08", "2024-01-10"))}, facts, FREE, "USD")
    tape = build_tape({"XAUUSD": bars_of(hours("2024-01-08", "2024-01-09"))}, facts, FREE, "USD")
    assert set(tape.version) == {0}


def test_money_of_this_account_or_of_any_is_charged() -> None:
    for currency in ("USD", ""):
        item = replace(OLD, swap_mode=SwapMode.ACCOUNT, account_currency=currency)
        result, _ = held(bars_of(hours("2024-01-08T10:00", "2024-01-09T12:00")), item)
        assert result.trades.swap[0] == pytest.approx(-10)


def test_a_tape_is_run_with_the_facts_it_was_built_with() -> None:
    bars = {"XAUUSD": bars_of(hours("2024-01-08", "2024-01-10"))}
    facts = {"XAUUSD": dated(("2024-01-01", OLD), ("2024-01-09", CHANGED))}
    opinion = views(48)
    with pytest.raises(DataError, match="2 versions for 1 symbols, and the tape knows 1"):
        backtest(build_tape(bars, {"XAUUSD": OLD}, FREE, "USD"), opinion, settings(), facts)
    with pytest.raises(DataError, match="1 versions for 1 symbols, and the tape knows 2"):
        backtest(build_tape(bars, facts, FREE, "USD"), opinion, settings(), {"XAUUSD": OLD})


def test_a_tape_without_events_needs_no_version() -> None:
    bars = {"XAUUSD": bars_of(hours("2024-01-08", "2024-01-10"))}
    facts = {"XAUUSD": dated(("2024-01-01", OLD), ("2024-01-09", CHANGED))}
    nothing = build_tape(bars, facts, FREE, "USD").since(48)

    assert len(backtest(nothing, views(0), settings(), facts).equity) == 0


def test_the_rest_of_a_tape_keeps_its_versions() -> None:
    bars = {"XAUUSD": bars_of(hours("2024-01-08", "2024-01-12"))}
    facts = {"XAUUSD": dated(("2024-01-01", OLD), ("2024-01-10", CHANGED))}
    whole = build_tape(bars, facts, FREE, "USD")
    rest = whole.since(30)
    same_bars = {"XAUUSD": bars_of(hours("2024-01-09T06:00", "2024-01-12"))}
    later = build_tape(same_bars, facts, FREE, "USD")

    assert rest.version.tolist() == later.version.tolist()
    assert rest.charges.tolist() == later.charges.tolist()
    assert rest.is_calm.tolist() == later.is_calm.tolist()
    assert whole.charges.event.tolist() == [22, 46, 70, 94], "a slice changes nothing behind it"
    assert whole.first_versions().tolist() == [0]
    assert whole.since(60).first_versions().tolist() == [1]


# -- laws -----------------------------------------------------------------------------------


def in_two_versions(seed: int, n_symbols: int, change):
    """Return a random world whose facts become ``change(facts)`` in mid-history."""
    tape, opinion, rules, facts, requests = random_world(seed, n_symbols=n_symbols)
    middle = len(tape) // 2
    histories = {
        name: FactsHistory(
            symbol=name,
            versions=(
                DatedFacts(valid_from_ns=0, instrument=item),
                DatedFacts(valid_from_ns=1, instrument=change(item)),
            ),
        )
        for name, item in facts.items()
    }
    version = 2 * tape.symbol + (np.arange(len(tape)) >= middle)
    rows = np.flatnonzero(tape.market[NIGHTS] > 0.0)
    charges = records(CHARGE, len(rows))
    charges.event, charges.version = rows, version[rows]
    charges.nights = tape.market[NIGHTS, rows]
    both = replace(
        tape,
        version=version,
        charges=charges,
        is_calm=calm_events(tape.market, tape.symbol, version),
    )
    return tape, both, opinion, rules, facts, histories, requests


@pytest.mark.compiled
@LAW
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_two_versions_of_the_same_facts_are_one_to_the_last_bit(seed: int, n_symbols: int) -> None:
    tape, both, opinion, rules, facts, histories, asked = in_two_versions(
        seed, n_symbols, lambda item: item
    )
    one = backtest(tape, opinion, rules, facts, asked, close_at_end=True)
    for is_fast in (False, True):
        two = backtest(both, opinion, rules, histories, asked, close_at_end=True, is_fast=is_fast)
        assert one.equity.tobytes() == two.equity.tobytes()
        assert one.trades.tobytes() == two.trades.tobytes()
        assert one.fills.tobytes() == two.fills.tobytes()


@pytest.mark.compiled
@LAW
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_the_first_version_alone_governs_until_the_change(seed: int, n_symbols: int) -> None:
    def dearer(item: Instrument) -> Instrument:
        return replace(item, commission_per_lot=D(50), swap_long=D(-90), margin_fraction=D("0.5"))

    tape, both, opinion, rules, facts, histories, asked = in_two_versions(seed, n_symbols, dearer)
    one = backtest(tape, opinion, rules, facts, asked)
    two = backtest(both, opinion, rules, histories, asked)
    middle = len(tape) // 2
    assert one.equity[:middle].tobytes() == two.equity[:middle].tobytes()
    late = two.fills[two.fills.event >= middle]
    assert (late.commission == 50.0 * late.lots).all()


@pytest.mark.compiled
@LAW
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_two_versions_cost_the_sum_of_their_parts(seed: int, n_symbols: int) -> None:
    def dearer(item: Instrument) -> Instrument:
        return replace(item, commission_per_lot=D(5), swap_long=D(-9), swap_short=D(-7))

    tape, both, opinion, rules, facts, histories, _ = in_two_versions(seed, n_symbols, dearer)
    rich = rules.model_copy(
        update={
            "account": rules.account.model_copy(update={"balance": 1e9}),
            "risk": rules.risk.model_copy(update={"sizing": "fixed", "fixed_lots": 1.0}),
        }
    )
    later = {name: dearer(item) for name, item in facts.items()}
    early = backtest(tape, opinion, rich, facts, close_at_end=True).trades
    late = backtest(tape, opinion, rich, later, close_at_end=True).trades
    run = backtest(both, opinion, rich, histories, close_at_end=True)
    mixed, middle = run.trades, len(tape) // 2

    before, after = mixed.exit_event < middle, mixed.entry_event >= middle
    assert mixed[before].tobytes() == early[before].tobytes()
    assert mixed[after].tobytes() == late[after].tobytes()
    np.testing.assert_array_equal(mixed.gross, early.gross)
    tolerance = 1e-9
    assert (late.swap - tolerance <= mixed.swap).all()
    assert (mixed.swap <= early.swap + tolerance).all()
    fee = np.where(run.fills.event < middle, 0.7, 5.0)
    np.testing.assert_allclose(run.fills.commission, fee * run.fills.lots)


@pytest.mark.compiled
@LAW
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_the_stream_equals_the_backtest_over_a_change(seed: int, n_symbols: int) -> None:
    def other(item: Instrument) -> Instrument:
        return replace(item, commission_per_lot=D(2), swap_short=D(-9), lot_step=D("0.1"),
                       swap_mode=SwapMode.PERCENT_OPEN, tick_size=D("0.05"))  # fmt: skip

    _, both, opinion, rules, _, histories, asked = in_two_versions(seed, n_symbols, other)
    batch = backtest(both, opinion, rules, histories, asked)
    terms = Terms.of(both.symbols, histories, both.timeframe, rules)
    stream, state = EngineStream(terms), EngineState.opened(terms)
    assert terms.is_dated
    for i in range(len(both)):
        event, view = event_of(both, i, asked), View(*view_at(*view_arrays(opinion), i))
        stream.update(event, view)
        assert stream.equity == batch.equity[i]
        if i < 60:
            before = [array.tobytes() for array in state.books]
            after, _ = step(state, event, view, terms)
            assert [array.tobytes() for array in state.books] == before
            assert after.equity == batch.equity[i]
            state = after
    assert stream.balance == batch.balance[-1]


def event_of(tape: Tape, i: int, asked) -> SymbolEvent:
    s = int(tape.symbol[i])
    finer = tape.finer[:, 0:0]
    if tape.finer_range.shape[1]:
        finer = np.ascontiguousarray(tape.finer[:, tape.finer_range[0, i] : tape.finer_range[1, i]])
    mine = tape.charges[tape.charges.event == i].view(np.recarray)
    requests = () if asked is None else [row for row in asked.view(np.recarray) if row.event == i]
    return SymbolEvent(
        symbol=s,
        bar=event_at(tape.market, i),
        finer=finer,
        requests=requests,
        version=int(tape.version[i]) - 2 * s,
        charges=mine,
    )


def test_a_sweep_follows_the_dates_through_the_engine() -> None:
    bars = {"XAUUSD": bars_of(hours("2024-01-08T10:00", "2024-01-20T00:00"))}
    facts = {"XAUUSD": dated(("2024-01-01", OLD), ("2024-01-10", CHANGED))}
    tape = build_tape(bars, facts, FREE, "USD")
    opinion = views(len(tape), {0: 1, 100: -1}, unit=500.0, loss=500.0)
    rules = settings(account={"balance": 1e6})
    swept = sweep(tape, [opinion], [0, 0], varied_rules(rules, stop_atr=[1.0, 2.0]), facts)
    alone = backtest(tape, opinion, rules, facts)

    assert swept.swap[0] == alone.trades.swap.sum() != 0.0
    assert swept.equity[0] == alone.equity[-1]


def test_versions_are_found_by_the_open_of_a_bar() -> None:
    history = dated(("2024-01-01", OLD), ("2024-01-09", CHANGED))
    times = np.array([at("2023-01-01"), at("2024-01-09") - 1, at("2024-01-09")])

    assert versions_at(times, history).tolist() == [0, 0, 1]
