"""The whole of docs/execution.md in slow, plain Python, written from the page alone.

Nothing here is shared with the engine. Each method cites the step it spells out. Long and
short are written out side by side instead of mirrored by a sign: the mirror is what a test
must not take on trust.
"""

from collections.abc import Sequence
from math import inf, isnan, sqrt

from reference_account import Account
from reference_words import (
    Event,
    Order,
    Outcome,
    Position,
    Quotes,
    Request,
    View,
    down_to,
    nearly_whole,
    up_to,
)

WORKING_ORDERS_MAX = 8


class Venue(Account):
    """One account over one tape."""

    def run(self, events: Sequence[Event], requests: Sequence[Request]) -> Outcome:
        """Play the tape."""
        for i, event in enumerate(events):
            self.i = i
            self.play(event, [request for request in requests if request.event == i])
            self.outcome.balance.append(self.balance)
            self.outcome.equity.append(self.equity())
        if self.rules.close_at_end and events:
            for s in sorted(self.positions):
                self.close(s, inf, self.positions[s].mark, "END")
            self.outcome.balance[-1] = self.balance
            self.outcome.equity[-1] = self.equity()
        return self.outcome

    def play(self, event: Event, requests: Sequence[Request]) -> None:
        """Steps 1 to 10 of one event."""
        s, q = event.symbol, event.quotes
        self.conversion[s] = event.conversion
        charges = ((event.version, event.nights),) if event.charges is None else event.charges
        for version, nights in charges:
            self.charge_swap(s, nights, self.versions[s][version])
        self.facts[s] = self.versions[s][event.version]
        volatility = 0.0 if isnan(event.volatility) else event.volatility
        self.slip[s] = max(
            self.rules.slippage_points_min * self.facts[s].point,
            self.rules.slippage_volatility_fraction * volatility * q.bid_open,
        )
        self.mark(s, q.bid_open, q.ask_open)
        self.fill_queue(s, q)
        self.stop_out()
        if s in self.positions:
            self.test_bracket(s, event)
        self.test_working_orders(s, q)
        self.mark(s, q.bid_low, q.ask_high)
        self.stop_out()
        self.mark(s, q.bid_close, q.ask_close)
        if s in self.positions:
            self.count_bar(self.positions[s], q)
            self.raise_stop(self.positions[s], q)
        self.decide(s, event)
        for request in requests:
            self.submit(request, q)

    # -- queue and bracket ---------------------------------------------------------------

    def fill_queue(self, s: int, q: Quotes) -> None:
        """Step 2."""
        while self.queued[s]:
            order = self.queued[s].pop(0)
            if order.kind == "CLOSE":
                if s in self.positions:
                    long = self.positions[s].side > 0
                    price = q.bid_open - self.slip[s] if long else q.ask_open + self.slip[s]
                    self.close(s, order.lots, price, order.reason)
            elif order.side > 0:
                self.enter(s, order, q.ask_open + self.slip[s], q, inside=False)
            else:
                self.enter(s, order, q.bid_open - self.slip[s], q, inside=False)

    def leave_at_stop(self, s: int) -> None:
        p = self.positions[s]
        price = p.stop - self.slip[s] if p.side > 0 else p.stop + self.slip[s]
        self.close(s, inf, price, "STOP")

    def test_gap(self, s: int, q: Quotes) -> None:
        p = self.positions[s]
        if p.side > 0 and q.bid_open <= p.stop:
            self.close(s, inf, q.bid_open - self.slip[s], "STOP")
            return
        if p.side < 0 and q.ask_open >= p.stop:
            self.close(s, inf, q.ask_open + self.slip[s], "STOP")
            return
        if p.side > 0:
            self.take_targets(s, q.bid_open, at_level=False)
        else:
            self.take_targets(s, q.ask_open, at_level=False)

    def take_targets(self, s: int, reached: float, *, at_level: bool) -> None:
        """Let every level that the price *reached* touches leave, nearest first."""
        p = self.positions[s]
        while s in self.positions and p.levels:
            level, lots = p.levels[0]
            if not (reached >= level if p.side > 0 else reached <= level):
                return
            p.levels.pop(0)
            self.close(s, lots, level if at_level else reached, "TARGET")

    def inside_hits(self, p: Position, q: Quotes) -> tuple[bool, bool]:
        """Return whether the bar touches the stop, and the next level."""
        if p.side > 0:
            return q.bid_low <= p.stop, bool(p.levels) and q.bid_high >= p.levels[0][0]
        return q.ask_high >= p.stop, bool(p.levels) and q.ask_low <= p.levels[0][0]

    def test_bracket(self, s: int, event: Event) -> None:
        """Step 4."""
        self.test_gap(s, event.quotes)
        if s not in self.positions:
            return
        p = self.positions[s]
        hit_stop, hit_target = self.inside_hits(p, event.quotes)
        if hit_stop and hit_target:
            p.ambiguous = True
            self.play_finer_bars(s, event.finer)
        elif hit_stop:
            self.leave_at_stop(s)
        elif hit_target:
            self.take_inside(s, event.quotes)

    def take_inside(self, s: int, q: Quotes) -> None:
        reached = q.bid_high if self.positions[s].side > 0 else q.ask_low
        self.take_targets(s, reached, at_level=True)

    def play_finer_bars(self, s: int, finer: Sequence[Quotes]) -> None:
        p = self.positions[s]
        p.resolved = len(finer) > 0
        for q in finer:
            self.test_gap(s, q)
            if s not in self.positions:
                return
            hit_stop, hit_target = self.inside_hits(p, q)
            if hit_stop:
                if hit_target:
                    p.resolved = False
                self.leave_at_stop(s)
            elif hit_target:
                self.take_inside(s, q)
            if s not in self.positions:
                return
        p.resolved = False
        self.leave_at_stop(s)

    # -- working orders ------------------------------------------------------------------

    def fill_price(self, order: Order, q: Quotes, slip: float) -> float | None:
        """Return the price at which *order* fills on this event, or None; step 5."""
        if order.kind == "LIMIT":
            limit = order.price
            if order.side > 0:
                if q.ask_open <= limit:
                    return q.ask_open
                return limit if q.ask_low <= limit else None
            if q.bid_open >= limit:
                return q.bid_open
            return limit if q.bid_high >= limit else None
        stop, limit = order.price, order.limit_price
        if order.side > 0:
            if q.ask_open >= stop:
                trigger = q.ask_open
            elif q.ask_high >= stop:
                trigger = stop
            else:
                return None
        elif q.bid_open <= stop:
            trigger = q.bid_open
        elif q.bid_low <= stop:
            trigger = stop
        else:
            return None
        if order.kind == "STOP":
            return trigger + slip if order.side > 0 else trigger - slip
        if trigger <= limit if order.side > 0 else trigger >= limit:
            return trigger
        order.kind, order.price = "LIMIT", limit
        return None

    def test_working_orders(self, s: int, q: Quotes) -> None:
        """Step 5."""
        for order in list(self.working[s]):
            order.events_tested += 1
            price = self.fill_price(order, q, self.slip[s])
            if price is None:
                if 0 < order.expiry_bars <= order.events_tested:
                    self.working[s].remove(order)
                continue
            self.working[s].remove(order)
            if not self.enter(s, order, price, q, inside=True):
                continue
            p = self.positions[s]
            if q.bid_low <= p.stop if p.side > 0 else q.ask_high >= p.stop:
                p.ambiguous = True
                self.leave_at_stop(s)

    # -- close of the event --------------------------------------------------------------

    def count_bar(self, p: Position, q: Quotes) -> None:
        """Step 7."""
        p.bars_held += 1
        if p.opened_inside and p.entry_event == self.i:
            worst = best = q.bid_close if p.side > 0 else q.ask_close
        elif p.side > 0:
            worst, best = q.bid_low, q.bid_high
        else:
            worst, best = q.ask_high, q.ask_low
        if p.side > 0:
            p.mae, p.mfe = max(p.mae, p.entry - worst), max(p.mfe, best - p.entry)
        else:
            p.mae, p.mfe = max(p.mae, worst - p.entry), max(p.mfe, p.entry - best)

    def raise_stop(self, p: Position, q: Quotes) -> None:
        """Step 8."""
        if p.distance == 0:
            return
        tick, rules = self.facts[p.symbol].tick_size, self.rules
        opened_inside_now = p.opened_inside and p.entry_event == self.i
        if p.side > 0:
            p.best = max(p.best, q.bid_close if opened_inside_now else q.bid_high)
            if rules.break_even_at_r > 0 and p.best - p.entry >= rules.break_even_at_r * p.distance:
                p.stop = max(p.stop, up_to(tick, p.entry))
            if rules.trailing_atr > 0 and p.unit > 0:
                p.stop = max(p.stop, down_to(tick, p.best - rules.trailing_atr * p.unit))
        else:
            p.best = min(p.best, q.ask_close if opened_inside_now else q.ask_low)
            if rules.break_even_at_r > 0 and p.entry - p.best >= rules.break_even_at_r * p.distance:
                p.stop = min(p.stop, down_to(tick, p.entry))
            if rules.trailing_atr > 0 and p.unit > 0:
                p.stop = min(p.stop, up_to(tick, p.best + rules.trailing_atr * p.unit))

    # -- decision ------------------------------------------------------------------------

    def decide(self, s: int, event: Event) -> None:
        """Step 9."""
        view, p = event.view, self.positions.get(s)
        if p is None:
            self.try_entry(s, event)
            return
        if 0 < self.rules.time_stop_bars <= p.bars_held:
            self.queue_close(s, "TIME_STOP")
            return
        if view.direction == 0:
            score = 0.5
        elif view.direction == p.side:
            score = view.score
        else:
            score = 1.0 - view.score
        if score < self.rules.hold_score:
            self.queue_close(s, "SIGNAL")
            if view.direction == -p.side:
                self.try_entry(s, event)

    def queue_close(self, s: int, reason: str) -> None:
        self.queued[s].append(Order(kind="CLOSE", reason=reason, side=0, lots=inf))

    def try_entry(self, s: int, event: Event) -> None:
        refusal = self.gate(s, event.view)
        if refusal is None:
            refusal = self.size_and_queue(s, event)
        if refusal is not None:
            self.refuse(refusal)

    def others(self, s: int) -> list[Position]:
        return [p for p in self.positions.values() if p.symbol != s]

    def queued_entries(self) -> list[tuple[int, Order]]:
        return [
            (s, order)
            for s, orders in self.queued.items()
            for order in orders
            if order.kind == "ENTRY"
        ]

    def gate(self, s: int, view: View) -> str | None:
        """Gates 1 to 5; a position in *s* counts as already closed."""
        if view.direction == 0:
            return "NO_VIEW"
        numbers = (view.score, view.confidence, view.p_win, view.payoff, view.loss, view.unit)
        if any(isnan(x) for x in numbers) or view.unit <= 0 or view.loss <= 0 or view.payoff <= 0:
            return "WARM_UP"
        if view.score <= self.rules.pass_score:
            return "SCORE"
        if len(self.others(s)) + len(self.queued_entries()) >= self.rules.positions_max:
            return "POSITIONS_LIMIT"
        equity = self.equity()
        margin = sum(self.margin(p) for p in self.others(s))
        if equity <= 0 or (margin > 0 and equity / margin <= self.rules.margin_call_level):
            return "MARGIN_CALL"
        return None

    def size_and_queue(self, s: int, event: Event) -> str | None:
        """Gate 6; queue the entry if there is a size."""
        view, rules, f, value = event.view, self.rules, self.facts[s], self.value(s)
        equity = self.equity()
        price = event.quotes.ask_close if view.direction > 0 else event.quotes.bid_close
        distance = up_to(
            f.tick_size,
            max(rules.stop_atr * view.unit, f.stop_level_points * f.point, f.tick_size),
        )
        if rules.sizing == "fixed":
            limits = [rules.fixed_lots]
        else:
            kelly = max(0.0, view.p_win - (1.0 - view.p_win) / view.payoff)
            fraction = rules.kelly_multiplier * kelly
            if fraction == 0:
                return "NO_EDGE"
            risk = equity * rules.risk_fraction_max * view.confidence
            limits = [equity * fraction / (view.loss * value), risk / (distance * value)]
            if event.volatility_next != 0 and not isnan(event.volatility_next):
                annual = event.volatility_next * sqrt(f.bars_per_year)
                limits.append(equity * rules.volatility_target / (annual * price * value))
        notional, margin = self.held_elsewhere(s)
        room = equity * rules.exposure_max - notional
        if room <= 0:
            return "EXPOSURE_LIMIT"
        limits.append(equity * rules.symbol_exposure_max / (price * value))
        limits.append(room / (price * value))
        room = equity * rules.margin_fraction_max - margin
        if room <= 0:
            return "MARGIN_LIMIT"
        limits.append(self.lots_of_margin(s, room, price))
        lots = down_to(f.lot_step, min([*limits, f.lot_max]))
        if lots < f.lot_min:
            return "BELOW_MINIMUM_SIZE"
        self.queued[s].append(
            Order(
                kind="ENTRY",
                reason="ENTRY",
                side=view.direction,
                lots=lots,
                price=price,
                distance=distance,
                unit=view.unit,
                targets=tuple((at_r * distance, fraction) for at_r, fraction in rules.targets),
                score=view.score,
                p_win=view.p_win,
            )
        )
        return None

    def lots_of_margin(self, s: int, room: float, price: float) -> float:
        """Return the lots whose margin is *room*, from the margin at each bound."""
        f, per_lot = self.facts[s], price * self.value(s)
        if not f.tiers:
            return room / (per_lot * f.margin_fraction)
        below = 0.0
        for bound_of_tier, fraction in f.tiers:
            bound = bound_of_tier / (1.0 if f.tiers_count == "lots" else per_lot)
            if self.margin_of(s, bound, price) >= room:
                rest = room - self.margin_of(s, below, price)
                return below + rest / (per_lot * fraction)
            below = bound
        raise AssertionError("the last tier has no end")

    def held_elsewhere(self, s: int) -> tuple[float, float]:
        """Return notional and margin of the other symbols' positions and queued entries."""
        notional = margin = 0.0
        for p in self.others(s):
            notional += self.notional(p)
            margin += self.margin(p)
        for other, order in self.queued_entries():
            if other != s:
                amount = order.lots * self.value(other) * order.price
                notional += amount
                margin += self.margin_of(other, order.lots, order.price)
        return notional, margin

    # -- requests ------------------------------------------------------------------------

    def submit(self, request: Request, q: Quotes) -> None:
        """Step 10."""
        s, f = request.symbol, self.facts[request.symbol]
        everything = request.kind == "CLOSE" and request.lots == 0
        on_the_step = not isnan(request.lots) and nearly_whole(request.lots / f.lot_step)
        if not everything and not (on_the_step and f.lot_min <= request.lots <= f.lot_max):
            self.refuse("INVALID_LOTS")
            return
        if request.kind == "CLOSE":
            lots = inf if everything else request.lots
            self.queued[s].append(Order(kind="CLOSE", reason="REQUEST", side=0, lots=lots))
            return
        order = Order(
            kind=request.kind,
            reason="ENTRY",
            side=request.side,
            lots=request.lots,
            price=request.price,
            limit_price=request.limit_price,
            distance=request.stop_distance,
            targets=((request.target_distance, 1.0),) if request.target_distance else (),
            expiry_bars=request.expiry_bars,
        )
        if request.kind == "MARKET":
            order.kind = "ENTRY"
            order.price = q.ask_close if request.side > 0 else q.bid_close
            self.queued[s].append(order)
        elif len(self.working[s]) >= WORKING_ORDERS_MAX:
            self.refuse("TOO_MANY_ORDERS")
        else:
            self.working[s].append(order)
