"""Ways to break the money path, and the test that must notice each.

Every mutant is one exact replacement in one file under ``src/assay``; the named test fails
on it and passes without it. ``run.py`` tries them.
"""

from dataclasses import dataclass

SIZING = "tests/risk/test_sizing.py"
STOPS = "tests/risk/test_stops.py"
REVIEW = "tests/risk/test_review.py"
COSTS = "tests/execution/test_costs.py"
ORDERS = "tests/execution/test_orders.py"
RULES = "tests/engine/test_rules.py"
SWEEP = "tests/engine/test_sweep.py"
DATED = "tests/engine/test_dated.py"
TIERS = "tests/risk/test_margin_tiers.py"


@dataclass(frozen=True)
class Mutant:
    """One deliberate fault.

    Attributes
    ----------
    file : str
        Under ``src/assay``.
    old, mutated : str
        The text to replace, which occurs exactly once, and what stands there instead.
    test : str
        Node id of the test that must fail.
    """

    file: str
    old: str
    mutated: str
    test: str


MUTANTS = (
    # sizing
    Mutant(
        "risk/grid.py",
        "return -_floor_near(-x / tick_size)",
        "return _floor_near(x / tick_size)",
        f"{STOPS}::test_brackets_by_hand",
    ),
    Mutant(
        "risk/grid.py",
        "return _floor_near(lots / lot_step)",
        "return -_floor_near(-lots / lot_step)",
        f"{SIZING}::test_a_size_never_exceeds_any_limit",
    ),
    Mutant(
        "risk/kelly.py",
        "multiplier * max(0.0, p_win - (1.0 - p_win) / payoff)",
        "multiplier * (p_win - (1.0 - p_win) / payoff)",
        f"{SIZING}::test_kelly_by_hand",
    ),
    Mutant(
        "risk/kelly.py",
        "max(0.0, p_win - (1.0 - p_win) / payoff)",
        "max(0.0, p_win - (1.0 - p_win) * payoff)",
        f"{SIZING}::test_each_limit_binds_alone",
    ),
    Mutant(
        "risk/sizing.py",
        "if limits.stake <= 0.0:",
        "if limits.stake < 0.0:",
        f"{SIZING}::test_no_edge_means_no_trade_and_unknown_volatility_no_target",
    ),
    Mutant(
        "risk/sizing.py",
        "rules.risk_fraction_max * stake.confidence",
        "rules.risk_fraction_max",
        f"{SIZING}::test_each_limit_binds_alone",
    ),
    Mutant(
        "risk/sizing.py",
        "at_risk / (stake.distance * stake.value)",
        "at_risk / stake.value",
        f"{SIZING}::test_each_limit_binds_alone",
    ),
    Mutant(
        "risk/sizing.py",
        "stake.volatility * math.sqrt(facts.bars_per_year)",
        "stake.volatility",
        f"{SIZING}::test_each_limit_binds_alone",
    ),
    Mutant(
        "risk/sizing.py",
        "rules.exposure_max - funds.notional_others",
        "rules.exposure_max",
        f"{SIZING}::test_what_others_use_is_taken_off",
    ),
    Mutant(
        "risk/sizing.py",
        "rules.margin_fraction_max - funds.margin_others",
        "rules.margin_fraction_max",
        f"{SIZING}::test_what_others_use_is_taken_off",
    ),
    Mutant(
        "risk/sizing.py",
        "lots = min(lots, limits.symbol, limits.exposure",
        "lots = min(lots, limits.exposure",
        f"{SIZING}::test_each_limit_binds_alone",
    ),
    Mutant(
        "risk/sizing.py",
        "limits.margin, facts.lot_max)",
        "limits.margin)",
        f"{SIZING}::test_fixed_lots_are_held_to_exposure_margin_and_the_venue",
    ),
    Mutant(
        "risk/sizing.py",
        "if lots < facts.lot_min:",
        "if lots < 0.0:",
        f"{SIZING}::test_too_small_is_refused_never_rounded_up",
    ),
    Mutant(
        "risk/exposure.py",
        "margin_level(equity, margin) <= margin_call_level",
        "margin_level(equity, margin) < margin_call_level",
        f"{SIZING}::test_margin_level_and_call",
    ),
    # stops
    Mutant(
        "risk/stops.py",
        "return max(stop, candidate)",
        "return min(stop, candidate)",
        f"{STOPS}::test_stops_never_loosen",
    ),
    Mutant(
        "risk/stops.py",
        "return down_tick(entry - distance, tick_size)",
        "return up_tick(entry - distance, tick_size)",
        f"{STOPS}::test_a_stop_is_never_nearer_than_its_distance",
    ),
    Mutant(
        "risk/stops.py",
        "max(stop_atr * unit, stop_level, tick_size)",
        "max(stop_atr * unit, tick_size)",
        f"{STOPS}::test_the_distance_is_the_greatest_of_unit_level_and_tick_on_the_grid",
    ),
    Mutant(
        "risk/stops.py",
        "side * (best - entry) < trigger",
        "side * (best - entry) > trigger",
        f"{RULES}::test_break_even_moves_the_stop_to_the_entry",
    ),
    # costs
    Mutant(
        "execution/costs.py",
        "return moving if moving > least else least",
        "return least",
        f"{COSTS}::test_slippage_is_the_greater_of_floor_and_volatility",
    ),
    Mutant(
        "execution/costs.py",
        "commission_per_lot * multiple * lots",
        "commission_per_lot * lots",
        f"{COSTS}::test_swap_and_commission_by_hand",
    ),
    Mutant(
        "execution/costs.py",
        "nights * lots * rate * multiple",
        "lots * rate * multiple",
        f"{RULES}::test_swap_is_charged_per_night_at_its_side_and_three_times_on_a_triple",
    ),
    Mutant(
        "execution/costs.py",
        "facts.swap_long if side > 0",
        "facts.swap_long if side < 0",
        f"{COSTS}::test_swap_and_commission_by_hand",
    ),
    Mutant(
        "execution/costs.py",
        "quoted / 100.0 / 360.0",
        "quoted / 100.0 / 365.0",
        f"{RULES}::test_swap_in_per_cent_is_a_year_of_360_days_of_the_mark",
    ),
    Mutant(
        "engine/advance.py",
        "account.balance += amount",
        "account.balance += 0.0 * amount",
        f"{RULES}::test_swap_is_charged_per_night_at_its_side_and_three_times_on_a_triple",
    ),
    Mutant(
        "engine/booking.py",
        "account.balance -= fee",
        "account.balance -= 0.0 * fee",
        f"{RULES}::test_commission_is_paid_on_the_way_in_and_on_the_way_out",
    ),
    # fills
    Mutant(
        "execution/venue.py",
        "return ask + slip if side > 0",
        "return bid + slip if side > 0",
        f"{RULES}::test_a_decision_fills_at_the_next_open_on_its_own_side_of_the_quote",
    ),
    Mutant(
        "execution/venue.py",
        "triggered + side * slip",
        "triggered - side * slip",
        f"{RULES}::test_requests_fill_as_their_kind_says",
    ),
    Mutant(
        "execution/venue.py",
        "if is_against(side, triggered, limit):",
        "if triggered > 0.0:",
        f"{RULES}::test_requests_fill_as_their_kind_says",
    ),
    Mutant(
        "engine/bracket.py",
        "open_ - side * slip",
        "stop - side * slip",
        f"{RULES}::test_a_gap_through_the_stop_leaves_at_the_open",
    ),
    Mutant(
        "engine/bracket.py",
        "if hit_stop and hit_target:\n        return True\n    if hit_stop:",
        "if hit_stop and not hit_target:",
        f"{RULES}::test_stop_and_target_in_one_bar_take_the_worse",
    ),
    Mutant(
        "engine/booking.py",
        "profit = side * piece * (price - position.entry) * value",
        "profit = piece * (price - position.entry) * value",
        f"{RULES}::test_profit_is_converted_at_the_event_of_the_exit",
    ),
    Mutant(
        "engine/booking.py",
        "if rules.levels_take_all and k == rules.n_levels - 1:",
        "if rules.levels_take_all and k == rules.n_levels:",
        f"{RULES}::test_levels_take_their_fractions_and_the_last_takes_what_is_left",
    ),
    Mutant(
        "engine/orders.py",
        "            if opened:\n",
        "            if opened and price < 0.0:\n",
        f"{RULES}::test_a_position_opened_inside_a_bar_meets_its_stop_at_once_but_no_target",
    ),
    Mutant(
        "engine/orders.py",
        "order.age_bars >= order.expiry_bars",
        "order.age_bars > order.expiry_bars",
        f"{RULES}::test_an_order_expires_after_its_bars",
    ),
    Mutant(
        "engine/orders.py",
        "if position.side == order.side:",
        "if position.side == 9:",
        f"{RULES}::test_an_opposite_request_reduces_reverses_or_is_refused_as_open",
    ),
    # decisions
    Mutant(
        "engine/decision.py",
        "if view.score <= pass_score:",
        "if view.score < pass_score:",
        f"{RULES}::test_each_gate_counts_its_refusal",
    ),
    Mutant(
        "engine/decision.py",
        "others.n_positions >= rules.positions_max",
        "others.n_positions > rules.positions_max",
        f"{RULES}::test_a_queued_entry_of_another_symbol_counts_against_every_limit",
    ),
    Mutant(
        "engine/decision.py",
        "position.bars_held >= rules.time_stop_bars",
        "position.bars_held > rules.time_stop_bars",
        f"{RULES}::test_a_time_stop_leaves_after_its_bars",
    ),
    Mutant(
        "engine/decision.py",
        "return score if direction == side else 1.0 - score",
        "return score",
        f"{RULES}::test_an_opposite_view_reverses_at_the_next_open",
    ),
    Mutant(
        "engine/requests.py",
        "and is_on_lot_step(lots, facts.lot_step)",
        "",
        f"{RULES}::test_requests_beyond_the_limits_are_refused",
    ),
    # margin
    Mutant("execution/margin.py", "equity <= 0.0 or ", "", f"{COSTS}::test_stop_out_by_hand"),
    Mutant(
        "engine/advance.py",
        "mark_position(position, bar.bid_low, bar.ask_high)",
        "mark_position(position, bar.bid_close, bar.ask_close)",
        f"{RULES}::test_the_account_is_stopped_out_at_the_worst_price_of_the_bar",
    ),
    Mutant(
        "engine/quiet.py",
        "return max(stop, position.stop), target",
        "return float(position.stop), target",
        f"{RULES}::test_the_account_is_stopped_out_at_the_worst_price_of_the_bar",
    ),
    Mutant(
        "engine/totals.py",
        "profit < worst_profit",
        "profit > worst_profit",
        f"{RULES}::test_a_stop_out_takes_the_largest_loss_first_and_stops_when_the_account_stands",
    ),
    # review
    Mutant(
        "risk/review.py",
        'if risk.sizing == "fixed":',
        'if risk.sizing == "by hand":',
        f"{REVIEW}::test_a_size_by_hand_that_risks_too_much_is_refused_not_cut",
    ),
    Mutant(
        "risk/review.py",
        "to_integral_value(ROUND_FLOOR)\n        size",
        "to_integral_value(ROUND_CEILING)\n        size",
        f"{REVIEW}::test_a_price_between_ticks_widens_the_stop_and_shrinks_the_size",
    ),
    Mutant(
        "risk/review.py",
        "return quotient.to_integral_value(ROUND_CEILING) * tick_size",
        "return quotient.to_integral_value(ROUND_FLOOR) * tick_size",
        f"{REVIEW}::test_a_price_between_ticks_widens_the_stop_and_shrinks_the_size",
    ),
    Mutant(
        "risk/review.py",
        "if size < instrument.lot_min:",
        "if size < 0:",
        f"{REVIEW}::test_a_price_between_ticks_widens_the_stop_and_shrinks_the_size",
    ),
    Mutant(
        "risk/review.py",
        "account.positions_others >= limits.risk.positions_max",
        "account.positions_others > limits.risk.positions_max",
        f"{REVIEW}::test_an_account_without_room_refuses",
    ),
    # order states and the sweep
    Mutant(
        "execution/orders.py",
        "if not 0 < lots <= self.open_lots:",
        "if not 0 < lots:",
        f"{ORDERS}::test_fills_add_up_to_the_approved_size",
    ),
    Mutant(
        "execution/orders.py",
        "(OrderStatus.SENT, OrderEvent.SILENCE): OrderStatus.UNKNOWN",
        "(OrderStatus.SENT, OrderEvent.SILENCE): OrderStatus.REJECTED",
        f"{ORDERS}::test_events_lead_where_the_picture_says",
    ),
    Mutant(
        "engine/jump.py",
        "holding.balance += amount",
        "holding.balance += 0.0 * amount",
        f"{SWEEP}::test_jumping_from_trade_to_trade_gives_the_engine_s_trades",
    ),
    # facts that change, and margin in tiers
    Mutant(
        "execution/costs.py",
        "price = mark if facts.swap_mode == _PERCENT else entry",
        "price = mark",
        f"{COSTS}::test_every_swap_mode_by_hand",
    ),
    Mutant(
        "execution/costs.py",
        "rate = quoted * mark * conversion",
        "rate = quoted * conversion",
        f"{COSTS}::test_every_swap_mode_by_hand",
    ),
    Mutant(
        "execution/round_trip.py",
        "unit[mine] = _unit(item, mid[mine], conversion[mine])",
        "unit[:] = _unit(item, mid, conversion)",
        f"{COSTS}::test_expected_costs_follow_the_facts_of_each_bar",
    ),
    Mutant(
        "engine/dated.py",
        "versions[charges[c].version]",
        "facts[symbol]",
        f"{DATED}::test_a_gap_over_a_change_charges_each_night_at_its_own_terms",
    ),
    Mutant(
        "engine/dated.py",
        "    facts[symbol] = versions[version]\n",
        "",
        f"{DATED}::test_commission_and_stop_level_are_those_of_the_fill_and_of_the_decision",
    ),
    Mutant(
        "engine/dated.py",
        "        if sizes[0] != sizes[1]:",
        "        if sizes[0] > 10 * sizes[1]:",
        f"{DATED}::test_what_cannot_be_followed_is_refused_only_where_it_is_met",
    ),
    Mutant(
        "engine/tape.py",
        "charges.event -= first",
        "charges.event -= 0",
        f"{DATED}::test_the_rest_of_a_tape_keeps_its_versions",
    ),
    Mutant(
        "engine/tape.py",
        "calm[mine[1:]] &= version[mine[1:]] == version[mine[:-1]]",
        "calm[mine[1:]] &= 1",
        f"{DATED}::test_the_margin_of_a_later_version_stops_the_account_out",
    ),
    Mutant(
        "risk/facts.py",
        'np.searchsorted(starts, time_ns, side="right")',
        'np.searchsorted(starts, time_ns, side="left")',
        f"{DATED}::test_versions_are_found_by_the_open_of_a_bar",
    ),
    Mutant(
        "risk/facts.py",
        "float(max(fractions))",
        "float(min(fractions))",
        f"{TIERS}::test_more_lots_never_need_less_margin_and_tiers_never_less_than_their_least",
    ),
    Mutant(
        "risk/exposure.py",
        "        begin = end\n",
        "        begin = 0.0\n",
        f"{TIERS}::test_margin_by_hand_and_back",
    ),
    Mutant(
        "risk/exposure.py",
        "        left -= step\n",
        "",
        f"{TIERS}::test_margin_by_hand_and_back",
    ),
    Mutant(
        "risk/sizing.py",
        "lots_for_margin(margin, per_lot, facts) if margin > 0.0",
        "margin / (per_lot * facts.margin_fraction) if margin > 0.0",
        f"{DATED}::test_crossing_a_margin_tier_by_hand",
    ),
    Mutant(
        "risk/review.py",
        "        left -= step\n",
        "",
        f"{TIERS}::test_margin_by_hand_and_back",
    ),
)

QUICK = (28,)
"""The mutants that every test run tries."""
