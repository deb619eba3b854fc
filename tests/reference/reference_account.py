"""The account of the reference: marks, equity, swap, fills, round trips, stop-out."""

from collections.abc import Sequence
from math import inf

from reference_words import (
    Facts,
    Fill,
    Order,
    Outcome,
    Position,
    Quotes,
    Rules,
    Trade,
    down_to,
    up_to,
)


class Account:
    """Balance, positions and orders, and what changes them."""

    def __init__(self, versions: Sequence[Sequence[Facts]], rules: Rules) -> None:
        self.versions = versions
        self.facts = [mine[0] for mine in versions]
        self.rules = rules
        self.balance = rules.balance
        self.positions: dict[int, Position] = {}
        self.queued: dict[int, list[Order]] = {s: [] for s in range(len(versions))}
        self.working: dict[int, list[Order]] = {s: [] for s in range(len(versions))}
        self.conversion: dict[int, float] = {}
        self.slip: dict[int, float] = {}
        self.i = -1
        self.outcome = Outcome()

    # -- money ---------------------------------------------------------------------------

    def value(self, s: int) -> float:
        return self.facts[s].contract * self.conversion[s]

    def floating(self, p: Position) -> float:
        return p.side * p.lots * (p.mark - p.entry) * self.value(p.symbol)

    def equity(self) -> float:
        return self.balance + sum(self.floating(p) for p in self.positions.values())

    def notional(self, p: Position) -> float:
        return p.lots * self.value(p.symbol) * p.mark

    def margin_of(self, s: int, lots: float, price: float) -> float:
        """Return the margin of *lots* at *price*, each tier of them at its own fraction."""
        f, value = self.facts[s], self.value(s)
        if not f.tiers:
            return lots * value * price * f.margin_fraction
        size = lots if f.tiers_count == "lots" else lots * value * price
        below, margin = 0.0, 0.0
        for bound_of_tier, fraction in f.tiers:
            part = max(0.0, min(size, bound_of_tier) - below)
            margin += part * fraction * (value * price if f.tiers_count == "lots" else 1.0)
            below = bound_of_tier
        return margin

    def margin(self, p: Position) -> float:
        return self.margin_of(p.symbol, p.lots, p.mark)

    def refuse(self, reason: str) -> None:
        self.outcome.refusals[reason] = self.outcome.refusals.get(reason, 0) + 1

    def mark(self, s: int, long_mark: float, short_mark: float) -> None:
        if s in self.positions:
            p = self.positions[s]
            p.mark = long_mark if p.side > 0 else short_mark

    def charge_swap(self, s: int, nights: float, f: Facts) -> None:
        """Step 1, of one version."""
        if s not in self.positions or not nights > 0:
            return
        p = self.positions[s]
        swap = f.swap_long if p.side > 0 else f.swap_short
        conversion = self.conversion[s]
        rate = {
            "points": swap * f.point * f.contract * conversion,
            "percent": swap / 100 / 360 * f.contract * p.mark * conversion,
            "percent of open": swap / 100 / 360 * f.contract * p.entry * conversion,
            "base currency": swap * p.mark * conversion,
            "quote currency": swap * conversion,
            "account currency": swap,
        }[f.swap_mode]
        amount = nights * p.lots * rate * self.rules.swap_multiple
        self.balance += amount
        p.swap += amount

    # -- fills ---------------------------------------------------------------------------

    def record_fill(self, s: int, side: int, lots: float, price: float, reason: str) -> float:
        commission = self.facts[s].commission_per_lot * self.rules.commission_multiple * lots
        self.balance -= commission
        self.outcome.fills.append(
            Fill(
                event=self.i,
                symbol=s,
                side=side,
                lots=lots,
                price=price,
                commission=commission,
                reason=reason,
            )
        )
        return commission

    def open(
        self, s: int, order: Order, lots: float, price: float, q: Quotes, inside: bool
    ) -> None:
        """Fill an entry where no position is, and set its bracket."""
        f, long = self.facts[s], order.side > 0
        if order.distance == 0:
            stop = -inf if long else inf
        elif long:
            stop = down_to(f.tick_size, price - order.distance)
        else:
            stop = up_to(f.tick_size, price + order.distance)
        levels = []
        all_leave = abs(sum(fraction for _, fraction in order.targets) - 1.0) <= 1e-9
        for k, (distance, fraction) in enumerate(order.targets):
            if long:
                level = down_to(f.tick_size, price + distance)
            else:
                level = up_to(f.tick_size, price - distance)
            level_lots = max(0.0, down_to(f.lot_step, fraction * lots))
            if k == len(order.targets) - 1 and all_leave:
                level_lots = inf
            if level_lots > 0:
                levels.append((level, level_lots))
        commission = self.record_fill(s, order.side, lots, price, "ENTRY")
        self.positions[s] = Position(
            symbol=s,
            side=order.side,
            lots=lots,
            lots_at_entry=lots,
            entry=price,
            entry_event=self.i,
            opened_inside=inside,
            distance=order.distance,
            unit=order.unit,
            stop=stop,
            stop_at_entry=stop,
            initial_risk=lots * abs(price - stop) * self.value(s) if order.distance else 0.0,
            levels=levels,
            score=order.score,
            p_win=order.p_win,
            mark=q.bid_open if long else q.ask_open,
            best=price,
            commission=commission,
        )

    def close(self, s: int, lots: float, price: float, reason: str) -> float:
        """Let *lots* (inf: all) of a position leave; return how many left."""
        p, f = self.positions[s], self.facts[s]
        piece = p.lots if p.lots - lots < 0.5 * f.lot_step else lots
        p.commission += self.record_fill(s, -p.side, piece, price, reason)
        profit = p.side * piece * (price - p.entry) * self.value(s)
        self.balance += profit
        p.gross += profit
        p.sum_of_lots_times_exit += piece * price
        p.mae = max(p.mae, p.side * (p.entry - price))
        p.mfe = max(p.mfe, p.side * (price - p.entry))
        if piece != p.lots:
            p.lots -= piece
            return piece
        del self.positions[s]
        self.queued[s] = [order for order in self.queued[s] if order.kind != "CLOSE"]
        self.outcome.trades.append(
            Trade(
                symbol=s,
                side=p.side,
                entry_event=p.entry_event,
                entry_price=p.entry,
                exit_event=self.i,
                lots=p.lots_at_entry,
                exit_price=p.sum_of_lots_times_exit / p.lots_at_entry,
                gross=p.gross,
                commission=p.commission,
                swap=p.swap,
                net=p.gross - p.commission + p.swap,
                stop_at_entry=p.stop_at_entry,
                initial_risk=p.initial_risk,
                bars_held=p.bars_held,
                reason=reason,
                ambiguous=p.ambiguous,
                resolved=p.resolved,
                score=p.score,
                p_win=p.p_win,
                mae=p.mae,
                mfe=p.mfe,
            )
        )
        return piece

    def enter(self, s: int, order: Order, price: float, q: Quotes, inside: bool) -> bool:
        """Fill an entry, whatever it finds; tell whether a position was opened."""
        p = self.positions.get(s)
        if p is not None and p.side == order.side:
            self.refuse("POSITION_OPEN")
            return False
        lots = order.lots
        if p is not None:
            closed = self.close(s, lots, price, "REQUEST")
            lots = down_to(self.facts[s].lot_step, lots - closed)
            if s in self.positions or lots < self.facts[s].lot_min:
                return False
        self.open(s, order, lots, price, q, inside)
        return True

    def stop_out(self) -> None:
        """Steps 3 and 6."""
        while self.positions:
            equity = self.equity()
            level = equity / sum(self.margin(p) for p in self.positions.values())
            if not (equity <= 0 or level <= self.rules.stop_out_level):
                return
            s = min(self.positions, key=lambda s: (self.floating(self.positions[s]), s))
            p = self.positions[s]
            price = p.mark - self.slip[s] if p.side > 0 else p.mark + self.slip[s]
            self.close(s, inf, price, "STOP_OUT")
