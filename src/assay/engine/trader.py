"""From a finished bar to orders, one bar at a time: the path that a live account takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.errors import ConfigError, DataError, ModelError
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.timeframe import Timeframe
from assay.engine.dated import CHARGE, check_facts, nights_by_version
from assay.engine.market import Event
from assay.engine.opinion import views_of
from assay.engine.state import records
from assay.engine.step import SymbolEvent
from assay.engine.step import Terms as EngineTerms
from assay.engine.stream import EngineStream
from assay.engine.tape import VOLATILITY_RETURNS_MIN, VOLATILITY_SPAN_BARS
from assay.engine.views import View
from assay.execution.round_trip import carry, round_trip_cost
from assay.features.frame import FeatureStream
from assay.kernels.compiler import FloatArray
from assay.kernels.volatility import START, State, ewma_step
from assay.risk.facts import RecordArray, versions_at
from assay.signals.signal_model import PATHS, SignalModel
from assay.signals.terms import Terms
from assay.signals.votes import VOTES, vote_inputs, votes_from
from assay.strategy.strategy import Strategy
from assay.strategy.window import StrategyStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one bar led to.

    Attributes
    ----------
    view : View
        The fused view at its close.
    fills, trades : records
        Made in this bar by earlier orders.
    equity : float
        At its close, account currency.
    """

    view: View
    fills: RecordArray
    trades: RecordArray
    equity: float


class _Symbol:
    """The running state of one symbol: features, volatilities, and when it was last seen."""

    def __init__(
        self, names: Sequence[str], timeframe: Timeframe, strategy: Strategy | None
    ) -> None:
        self.features = FeatureStream(names, timeframe)
        self.own = None if strategy is None else StrategyStream(strategy)
        self.label_volatility: State = START
        self.event_volatility: State = START
        self.known_volatility = float("nan")
        self.last_open_ns: int | None = None


class Trader:
    """One decision maker on one account, fed with finished bars.

    Every function it calls is the one that the backtest calls, so the same bars give the same
    views, fills and equity to the last bit; a test holds that. A user's columns are computed on
    the trailing bars that their warm-up allows, and equal the backtest's to 1e-6.

    Parameters
    ----------
    model : SignalModel
    symbols : sequence of str
        Their order is the order in which bars of one moment must come.
    instruments : mapping of str to Instrument or FactsHistory
    settings : Settings
    path : {"hybrid", "ai", "indicators"}
    strategy : Strategy, optional
        The one that the model was trained with.

    Raises
    ------
    ConfigError
        If the path is unknown, or the model reads a feature that nothing here gives.
    ModelError
        If the model weighs other signals than the strategy's.
    """

    def __init__(
        self,
        model: SignalModel,
        symbols: Sequence[str],
        instruments: Mapping[str, ContractFacts],
        settings: Settings,
        *,
        path: str = "hybrid",
        strategy: Strategy | None = None,
    ) -> None:
        if path not in PATHS:
            raise ConfigError(
                f"A path must be one of {', '.join(PATHS)}; was {path!r}.",
                remedy="Choose one of them.",
            )
        timeframe = Timeframe.parse(settings.market.timeframe)
        higher = [Timeframe.parse(text) for text in settings.features.timeframes]
        self._model, self._settings, self._path = model, settings, path
        self._histories = {name: FactsHistory.of(instruments[name]) for name in symbols}
        self._timeframe = timeframe
        self._votes_need = vote_inputs(
            [frame.name for frame in higher if frame.value > timeframe.value]
        )
        atr = f"atr_{settings.exits.atr_bars}"
        strategy = _used(strategy, model)
        own = () if strategy is None else strategy.feature_names
        asked = (name for name in model.forecaster.names if name not in own)
        names = tuple(dict.fromkeys((*asked, *self._votes_need, atr)))
        place = {name: i for i, name in enumerate((*names, *own))}
        self._names = names
        self._columns = [place[name] for name in model.forecaster.names]
        self._atr = place[atr]
        self._index = {symbol: i for i, symbol in enumerate(symbols)}
        self._states = {symbol: _Symbol(names, timeframe, strategy) for symbol in symbols}
        terms = EngineTerms.of(symbols, instruments, timeframe, settings)
        self._first_version = terms.first_version
        self._engine = EngineStream(terms)

    @property
    def engine(self) -> EngineStream:
        """The account."""
        return self._engine

    def on_bar(self, bar: Bars, *, conversion: float) -> Outcome:
        """Take one finished bar: fill what waits, judge the market, queue what follows.

        Parameters
        ----------
        bar : Bars
            One bar, quoted on both sides, later than the last of its symbol.
        conversion : float
            Account currency per unit of quote currency, as known at its open.

        Raises
        ------
        DataError
            If the bar is of another symbol or timeframe, quotes one side, or is not later.
        """
        if bar.symbol not in self._states or bar.ask_close is None:
            raise DataError(
                f"A trader of {', '.join(self._states)} must get their bars with both sides; "
                f"got {bar.symbol}.",
                remedy="Pass the bar through assay.data.spread.quoted_both_sides.",
                symbol=bar.symbol,
            )
        state = self._states[bar.symbol]
        row = state.features.update(bar).reshape(1, -1)
        votes = votes_from(self._names, row, self._votes_need)
        if state.own is not None:
            features, signals = state.own.update(bar)
            row = np.concatenate((row, features.reshape(1, -1)), axis=1)
            votes = np.concatenate((votes, signals.reshape(1, -1)), axis=1)
        event = self._event(state, bar, conversion)
        view = self._view(state, bar, row, votes, conversion)
        fills, trades = self._engine.update(event, view)
        return Outcome(view=view, fills=fills, trades=trades, equity=self._engine.equity)

    def _event(self, state: _Symbol, bar: Bars, conversion: float) -> SymbolEvent:
        """Return the bar as the venue meets it."""
        bid, ask = _sides(bar, self._settings.costs.spread_multiple)
        before = state.known_volatility
        state.event_volatility, state.known_volatility = ewma_step(
            state.event_volatility,
            0.5 * (bid[3] + ask[3]),
            VOLATILITY_SPAN_BARS,
            VOLATILITY_RETURNS_MIN,
        )
        opened, history = int(bar.time_ns[0]), self._histories[bar.symbol]
        last = opened if state.last_open_ns is None else state.last_open_ns
        state.last_open_ns = opened
        both = np.array([last, opened], dtype=np.int64)
        check_facts(history, both, self._settings.account.currency)
        nights = nights_by_version(both, history)[:, 1]
        symbol, charged = self._index[bar.symbol], np.flatnonzero(nights > 0.0)
        charges = records(CHARGE, len(charged))
        charges.version, charges.nights = self._first_version[symbol] + charged, nights[charged]
        quoted = (*bid, *ask, before, state.known_volatility, conversion, float(nights.sum()))
        return SymbolEvent(
            symbol=symbol,
            bar=Event._make(quoted),
            version=int(versions_at(both, history)[1]),
            charges=charges,
        )

    def _view(
        self, state: _Symbol, bar: Bars, row: FloatArray, votes: FloatArray, conversion: float
    ) -> View:
        """Return the fused view at the bar's close."""
        assert bar.ask_close is not None
        settings, history = self._settings, self._histories[bar.symbol]
        mid = 0.5 * (bar.close + bar.ask_close)
        span = settings.labels.volatility_bars
        state.label_volatility, per_bar = ewma_step(
            state.label_volatility, float(mid[0]), span, span
        )
        volatility = np.array([per_bar])
        cost = round_trip_cost(
            bar,
            history,
            settings.costs,
            volatility=volatility,
            conversion=np.array([conversion]),
        )
        horizon = settings.labels.horizon_bars
        longs, shorts = carry(
            bar,
            history,
            settings.costs,
            horizon_bars=horizon,
            conversion=np.array([conversion]),
        )
        terms = Terms(
            volatility=volatility * sqrt(horizon), cost=cost, carry_long=longs, carry_short=shorts
        )
        x = np.ascontiguousarray(row[:, self._columns])
        lean = self._model.lean(
            self._path,
            self._model.ai_log_odds(x),
            self._model.traditional_log_odds(votes),
            terms,
            confidence=settings.risk.probability_confidence,
        )
        quoted = _sides(bar, settings.costs.spread_multiple)
        at_close = np.array([0.5 * (quoted[0][3] + quoted[1][3])])
        views = views_of(lean, mid=at_close, atr=row[:, self._atr].copy())
        return View(
            int(views.direction[0]),
            *(float(getattr(views, name)[0]) for name in View._fields[1:]),
        )


def _used(strategy: Strategy | None, model: SignalModel) -> Strategy | None:
    """Return the strategy with the features that the model reads, if it has the model's signals."""
    signals = () if strategy is None else strategy.signal_names
    wanted = model.vote_names[len(VOTES) :]
    if signals != wanted:
        raise ModelError(
            f"A model must meet the signals it was trained with, {', '.join(wanted) or 'none'}; "
            f"was {', '.join(signals) or 'none'}.",
            remedy="Pass the strategy that the model was trained with.",
        )
    return None if strategy is None else strategy.reading(model.forecaster.names)


def _sides(bar: Bars, spread_multiple: float) -> tuple[list[float], list[float]]:
    """Return bid and ask as open, high, low, close, the ask widened as set."""
    bid = [float(getattr(bar, name)[0]) for name in ("open", "high", "low", "close")]
    ask = [float(getattr(bar, f"ask_{name}")[0]) for name in ("open", "high", "low", "close")]
    if spread_multiple != 1.0:
        ask = [b + (a - b) * spread_multiple for b, a in zip(bid, ask, strict=True)]
        ask[1], ask[2] = max(ask[1], ask[0], ask[3]), min(ask[2], ask[0], ask[3])
    return bid, ask
