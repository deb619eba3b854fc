"""The search of risk settings: a planted region is found, noise is not, and every case is real."""

import json
import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from risk_search_examples import EVERY, LIFE, SETTINGS, SILENT, hours, plan, searched, world

from assay.config.settings import Settings
from assay.domain.errors import ConfigError, DataError
from assay.domain.progress import SilentProgress
from assay.engine.backtest import RuleChange, backtest
from assay.engine.sweep import block_sums
from assay.research.compute.place import Place
from assay.research.daily import daily_returns
from assay.research.report.records import plain
from assay.research.risk_search.evaluation import (
    BLOCKS,
    CASES_PER_STEP,
    PARTS,
    Cases,
    arena_of,
    evaluate,
)
from assay.research.risk_search.found import Case, RiskSearch
from assay.research.risk_search.judging import _reasons
from assay.research.risk_search.objective import Measure, measured, objectives, unions_of
from assay.research.risk_search.parameters import (
    PARAMETERS,
    Range,
    rules_of,
    settings_of,
    units_at,
    value_of,
    values_at,
)
from assay.research.risk_search.ranges import check_ranges, default_ranges, ranges_of
from assay.research.risk_search.record import lines_of
from assay.research.risk_search.search import check_plan, search_risk
from assay.research.risk_search.simplifying import simplified, tries_max
from assay.research.risk_search.support import (
    edge_beyond_luck,
    gain_of,
    independent_number,
    plateau_of,
    scaled,
    sensitivities,
)
from assay.risk.rules import compiled_rules

PLANTED = 1.5e-4
RANGES = default_ranges(SETTINGS)
POINTS = st.lists(
    st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=len(RANGES), max_size=len(RANGES)),
    min_size=1,
    max_size=8,
).map(np.array)


def told(found: RiskSearch) -> str:
    """Return everything of an outcome, to the bit."""
    return json.dumps(plain(found), sort_keys=True)


def with_settings(**sections: dict[str, object]) -> Settings:
    return Settings.model_validate({**SETTINGS.model_dump(), **sections})


def with_space(**space: object) -> Settings:
    return with_settings(search={"space": {k.replace("__", "."): v for k, v in space.items()}})


# What is found


def test_a_planted_region_is_found_and_told_in_few_lines() -> None:
    market, views = world(1, drift=PLANTED)
    found = searched(market, views)

    assert found.is_winner, found.reasons
    assert found.best.values["time_stop_bars"] == pytest.approx(LIFE, abs=2)
    assert found.best.sharpe > 4.0
    assert found.as_set.sharpe < 0.5, "held to the next signal, the move is taken back"
    assert found.overfitting < 0.01
    assert found.plateau.share > 0.5
    lines = tomllib.loads("\n".join(lines_of(SETTINGS, found.best.values)))
    assert lines["exits"]["time_stop_bars"] == found.best.values["time_stop_bars"]
    assert sum(len(section) for section in lines.values()) <= 4, lines


def test_what_matters_is_named_first() -> None:
    market, views = world(1, drift=PLANTED)
    asked = replace(plan(), ranges={**RANGES, "hold_score": Range(low=0.3, high=0.45)})
    found = searched(market, views, asked)

    assert found.sensitivities[0].name == "time_stop_bars"
    bars = found.sensitivities[0]
    assert bars.at[0] == 0.0, "off is a bin of its own"
    assert 8 <= bars.at[np.argmax(bars.median)] <= 18
    assert found.sensitivities[-1].share < 0.02 < bars.share


@pytest.mark.parametrize("seed", range(20, 32))
def test_views_of_pure_noise_have_no_winner(seed: int) -> None:
    found = searched(*world(seed))

    assert not found.is_winner
    assert found.best.objective > found.as_set.objective, "the best of many looks better"
    world.cache_clear()


def test_a_lone_good_case_of_noise_is_luck() -> None:
    market, views = world(2)
    found = searched(market, views)

    assert found.best.sharpe > 0.5
    assert any("Luck explains it" in reason for reason in found.reasons)


def test_nothing_traded_is_no_winner() -> None:
    market, views = world(1)
    silent = replace(views, direction=np.zeros_like(views.direction))
    found = searched(market, silent)

    assert found.reasons == ("No case trades often enough within the limits.",)
    assert found.n_independent == 1.0
    assert (found.edge, found.best.n_trades) == (0.0, 0)
    assert found.sensitivities[0].at.size == 0


def test_settings_that_are_the_best_already_stay() -> None:
    market, views = world(1, drift=PLANTED)
    found = searched(market, views)
    there = replace(market, settings=settings_of(SETTINGS, found.best.values))
    again = searched(there, views)

    assert not again.is_winner
    assert any("as they are" in reason for reason in again.reasons)


def test_no_case_falls_deeper_than_it_may() -> None:
    market, views = world(1, drift=PLANTED)
    free = searched(market, views)
    limit = 0.5 * free.best.drawdown
    held = searched(market, views, plan(drawdown_max=limit))

    assert held.best.drawdown <= limit < free.best.drawdown
    assert all(case.drawdown <= limit for case in held.top)


def test_growth_asks_for_the_larger_positions_that_a_ratio_does_not_see() -> None:
    market, views = world(1, drift=PLANTED)
    small = settings_of(SETTINGS, {"risk_fraction_max": 0.002, "volatility_target": 0.02})
    ranges = {
        **RANGES,
        "risk_fraction_max": Range(low=0.002, high=0.02),
        "volatility_target": Range(low=0.02, high=0.2),
    }
    carefully = replace(market, settings=small)
    by_ratio = searched(carefully, views, replace(plan(), ranges=ranges))
    by_growth = searched(carefully, views, replace(plan(measure=Measure.GROWTH), ranges=ranges))

    assert by_ratio.best.values["volatility_target"] == 0.02, "taken back: it is as good"
    assert by_growth.best.values["volatility_target"] > 0.05
    assert by_growth.best.growth > 2.0 * by_ratio.best.growth


# The same everywhere


def test_one_worker_and_two_say_the_same_to_the_bit() -> None:
    market, views = world(1, drift=PLANTED)
    assert told(searched(market, views)) == told(searched(market, views, place=Place(workers=2)))


@pytest.mark.soak
def test_a_cluster_of_two_processes_says_the_same_to_the_bit() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is missing")
    market, views = world(1, drift=PLANTED)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=50,
    ) as made:  # fmt: skip
        made.wait_for_workers(2)
        place = Place(cluster=made.scheduler_address)
        there = searched(market, views, place=place)
        # The first cases trade and the others never do: their chunk is the last to come back.
        scores = {"pass_score": np.repeat([0.5, 0.75], (CASES_PER_STEP, 7 * CASES_PER_STEP))}
        many = evaluate(arena_of(market, views), scores, place=place, progress=SILENT)

    assert told(there) == told(searched(market, views))
    here = evaluate(arena_of(market, views), scores, place=Place(), progress=SILENT)
    assert many.swept.tobytes() == here.swept.tobytes()
    assert many.sums.tobytes() == here.sums.tobytes()


def test_another_seed_tries_other_cases() -> None:
    market, views = world(1, drift=PLANTED)
    other = search_risk(market, views, plan(), place=Place(), progress=SILENT, seed=4)
    assert told(other) != told(searched(market, views))
    assert other.best.values["time_stop_bars"] == pytest.approx(LIFE, abs=2)


class Counting(SilentProgress):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = self.done_n = 0

    def stage(self, name: str, total: int) -> None:
        self.total = total

    def advance(self, n: int = 1) -> None:
        self.done_n += n


def test_progress_ends_where_it_said() -> None:
    shown = Counting()
    market, views = world(1, drift=PLANTED)
    found = search_risk(market, views, plan(), place=Place(), progress=shown, seed=3)
    assert shown.done_n == shown.total >= found.n_cases


# Every case is a backtest


def test_the_best_case_is_what_the_engine_makes_of_its_settings() -> None:
    market, views = world(1, drift=PLANTED)
    found = searched(market, views)
    for case, settings in (
        (found.best, settings_of(SETTINGS, found.best.values)),
        (found.as_set, SETTINGS),
    ):
        run = backtest(market.tape, views, settings, market.instruments)
        daily = daily_returns(market.tape.known_ns, run.equity, settings.account.balance)
        mean, spread = daily.returns.mean(), daily.returns.std(ddof=1)
        assert case.n_trades == len(run.trades)
        assert case.sharpe == pytest.approx(mean / spread * math.sqrt(daily.days_per_year), 1e-9)
        log_growth = np.log1p(daily.returns).sum() / len(daily.returns) * daily.days_per_year
        assert case.growth == pytest.approx(log_growth, rel=1e-3, abs=1e-6)
        peak = np.maximum.accumulate(np.r_[settings.account.balance, daily.equity])
        fall = 1.0 - np.r_[settings.account.balance, daily.equity] / peak
        assert case.drawdown == pytest.approx(fall.max(), rel=1e-9)
    np.testing.assert_array_equal(
        found.daily.returns,
        daily_returns(
            market.tape.known_ns,
            backtest(
                market.tape, views, settings_of(SETTINGS, found.best.values), market.instruments
            ).equity,
            1e5,
        ).returns,
    )


def test_any_case_of_a_sweep_is_the_backtest_of_its_settings() -> None:
    market, views = world(3, drift=PLANTED)
    arena = arena_of(market, views)
    units = np.random.default_rng(0).random((40, len(RANGES)))
    values = values_at(units, RANGES)
    cases = evaluate(arena, values, place=Place(), progress=SILENT)
    for k in range(len(cases)):
        settings = settings_of(SETTINGS, {name: float(v[k]) for name, v in values.items()})
        run = backtest(market.tape, views, settings, market.instruments)
        assert cases.swept.n_trades[k] == len(run.trades)
        assert cases.swept.equity[k] == run.equity[-1]
        expected = block_sums(run, arena.marks, BLOCKS * PARTS)
        np.testing.assert_allclose(cases.sums[k], expected, 1e-9, 1e-15)
    assert cases.swept.n_trades.max() > 100


def test_cases_come_back_in_their_order() -> None:
    market, views = world(1, drift=PLANTED)
    arena = arena_of(market, views)
    stops = np.linspace(1.0, 16.0, CASES_PER_STEP + 3)
    many = evaluate(arena, {"stop_atr": stops}, place=Place(workers=2), progress=SILENT)
    few = evaluate(arena, {"stop_atr": stops[-2:]}, place=Place(), progress=SILENT)

    assert len(many) == len(stops)
    assert many.swept[-2:].tobytes() == few.swept.tobytes()
    np.testing.assert_array_equal(many.values["stop_atr"], stops)


def test_settings_that_change_on_the_way_stand_for_nothing() -> None:
    market, views = world(1)
    changing = replace(market, changes=(RuleChange(event=5, settings=SETTINGS),))
    with pytest.raises(DataError, match="one set of settings"):
        searched(changing, views)


def test_a_short_history_is_refused_by_its_days() -> None:
    market, views = world(1)
    short = replace(market, tape=market.tape.between(0, 3_000))
    with pytest.raises(DataError, match="at least 240 trading days") as caught:
        searched(short, views.between(0, 3_000))
    assert caught.value.facts["n_days"] < 240


# Parameters and the unit cube


@given(POINTS)
def test_every_point_of_the_cube_is_a_case_that_the_settings_allow(units: np.ndarray) -> None:
    values = values_at(units, RANGES)
    for name, item in RANGES.items():
        off = values[name] == 0.0
        column = list(RANGES).index(name)
        if item.may_be_off:
            np.testing.assert_array_equal(off, units[:, column] < 1.0 / 3.0)
        else:
            assert not off.any()
        on = values[name][~off]
        least = min(item.low, RANGES["pass_score"].low)
        assert ((on >= (least if name == "hold_score" else item.low)) & (on <= item.high)).all()
        assert all(float(f"{value:.3g}") == value for value in on)
    assert (values["hold_score"] <= values["pass_score"]).all()
    rules = rules_of(SETTINGS, values)
    for k in range(len(units)):
        settings = settings_of(SETTINGS, {name: float(v[k]) for name, v in values.items()})
        one = compiled_rules(settings)
        if not one.n_levels[0]:  # what is not read may differ
            for name in ("level_fraction", "levels_take_all"):
                one[name] = rules[k : k + 1][name]
        assert one.tobytes() == rules[k : k + 1].tobytes()


@given(POINTS)
def test_values_and_places_in_the_cube_are_two_ways_to_say_the_same(units: np.ndarray) -> None:
    values = values_at(units, RANGES)
    there = units_at(values, RANGES)
    assert ((there >= 0.0) & (there < 1.0)).all()
    again = values_at(there, RANGES)
    for name in RANGES:
        np.testing.assert_array_equal(again[name], values[name], name)


@given(POINTS, st.integers(0, len(RANGES) - 1), st.floats(0.0, 0.5))
def test_a_higher_place_is_no_lower_value(units: np.ndarray, column: int, step: float) -> None:
    name = list(RANGES)[column]
    higher = units.copy()
    higher[:, column] = np.minimum(higher[:, column] + step, np.nextafter(1.0, 0.0))
    assert (values_at(higher, RANGES)[name] >= values_at(units, RANGES)[name]).all()


def test_a_range_of_one_value_is_that_value() -> None:
    ranges = {"stop_atr": Range(low=4.5678, high=4.5678)}
    assert values_at(np.array([[0.0], [0.9]]), ranges)["stop_atr"].tolist() == [4.5678, 4.5678]
    assert units_at({"stop_atr": np.array([4.5678])}, ranges).tolist() == [[0.5]]


def test_several_targets_have_no_distance_of_their_own() -> None:
    two = [{"at_r": 1.0, "fraction": 0.5}, {"at_r": 2.0, "fraction": 0.5}]
    assert math.isnan(value_of(with_settings(exits={"targets": two}), "target_r"))
    assert math.isnan(value_of(with_settings(exits={"targets": two[:1]}), "target_r"))
    assert value_of(settings_of(SETTINGS, {"target_r": 1.5}), "target_r") == 1.5
    assert value_of(SETTINGS, "target_r") == 0.0


def test_several_targets_are_traded_as_they_are_beside_the_cases() -> None:
    market, views = world(1, drift=PLANTED)
    two = [{"at_r": 0.2, "fraction": 0.5}, {"at_r": 0.4, "fraction": 0.5}]
    found = searched(replace(market, settings=with_settings(exits={"targets": two})), views)
    plain_case = searched(market, views).as_set

    assert math.isnan(found.as_set.values["target_r"])
    assert found.as_set.n_trades > plain_case.n_trades


@given(POINTS)
def test_the_lines_that_are_told_make_the_settings_that_were_tried(units: np.ndarray) -> None:
    values = {name: float(v[0]) for name, v in values_at(units, RANGES).items()}
    content = SETTINGS.model_dump()
    for section, table in tomllib.loads("\n".join(lines_of(SETTINGS, values))).items():
        content[section].update(table)
    assert Settings.model_validate(content) == settings_of(SETTINGS, values)


def test_no_change_needs_no_line() -> None:
    assert lines_of(SETTINGS, {"stop_atr": SETTINGS.exits.stop_atr}) == []


# Ranges


def test_limits_are_tightened_and_never_loosened_without_being_told_to() -> None:
    ranges = default_ranges(settings_of(SETTINGS, {"risk_fraction_max": 0.004}))
    assert ranges["risk_fraction_max"] == Range(low=0.0004, high=0.004)
    assert all(
        item.high == value_of(SETTINGS, name)
        for name, item in RANGES.items()
        if PARAMETERS[name].is_limit
    )


def test_fixed_lots_are_not_searched_for_what_only_sizing_reads() -> None:
    ranges = default_ranges(with_settings(risk={"sizing": "fixed"}))
    assert not any(PARAMETERS[name].is_limit for name in ranges)


def test_the_space_of_the_settings_says_what_is_searched() -> None:
    ranges = ranges_of(
        with_space(
            exits__stop_atr=[4.0, 16.0, 8.0],
            exits__trailing_atr=[0, 2, 6],
            exits__time_stop_bars={"low": 10, "high": 60, "step": 5},
            exits__targets=[],
            fusion__hold_score=[],
            risk__margin_fraction_max=[0.1, 0.4],
            labels__horizon_bars=[12, 24],
        )
    )
    assert ranges["stop_atr"] == Range(low=4.0, high=16.0)
    assert ranges["trailing_atr"] == Range(low=2.0, high=6.0, may_be_off=True)
    assert ranges["time_stop_bars"] == Range(low=10.0, high=60.0)
    assert ranges["margin_fraction_max"] == Range(low=0.1, high=0.4)
    assert {"target_r", "hold_score", "horizon_bars"}.isdisjoint(ranges)
    assert ranges["pass_score"] == RANGES["pass_score"]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"exits__targets": [[]]}, "must be an empty list"),
        ({"exits__stop_atr": [0]}, "one of them above 0"),
        ({"exits__stop_atr": ["wide"]}, "must have numbers"),
        ({"exits__stop_atr": [-1.0, 4.0]}, "0 or more"),
        ({"exits__stop_atr": [0, 4.0]}, "cannot be switched off"),
        ({"risk__kelly_multiplier": [0.2, 3.0]}, "kelly_multiplier"),
        ({"exits__stop_art": [1.0]}, "must be one of"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_by_name(space, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        ranges_of(with_space(**space))
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({}, "must vary at least one"),
        ({"stop_art": Range(low=1.0, high=2.0)}, "was 'stop_art'"),
        ({"stop_atr": Range(low=2.0, high=1.0)}, "0 < low <= high"),
        ({"stop_atr": Range(low=math.nan, high=1.0)}, "0 < low <= high"),
        ({"stop_atr": Range(low=1.0, high=2.0, may_be_off=True)}, "cannot be switched off"),
    ],
)
def test_ranges_that_make_no_sense_are_refused_by_name(ranges, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_ranges(SETTINGS, ranges)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_cases": 255}, "256 to 1,000,000 cases; had 255"),
        ({"n_cases": 1_000_001}, "had 1,000,001"),
        ({"drawdown_max": 0.0}, "must be above 0"),
        ({"drawdown_max": math.nan}, "must be above 0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_by_name(changes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_plan(replace(plan(), **changes))


# How a case is judged


def test_halves_stand_beside_their_complements() -> None:
    unions = unions_of(12)
    assert unions.shape == (924, 12)
    assert (unions.sum(axis=1) == 6.0).all()
    np.testing.assert_array_equal(unions + unions[::-1], 1.0)


@given(st.integers(0, 2**31))
def test_the_ratio_of_a_half_is_that_of_its_days(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [rng.normal(1e-4, 0.01, n) for n in (21, 20, 20, 20)]
    sums = np.array([[(b.sum(), (b * b).sum()) for b in blocks], [(0.0, 0.0)] * 4])
    days = np.array([21.0, 20.0, 20.0, 20.0])
    found = measured(sums, days, unions_of(4), Measure.SHARPE, 250.0)
    half = np.concatenate(blocks[:2])
    assert found[0, 0] == pytest.approx(half.mean() / half.std(ddof=1) * math.sqrt(250.0), 1e-9)
    assert (found[1] == 0.0).all(), "what is not traded has the ratio 0"
    growth = measured(sums, days, unions_of(4), Measure.GROWTH, 250.0)
    assert growth[0, -1] == pytest.approx(
        np.log1p(np.concatenate(blocks[2:])).sum() / 40.0 * 250.0, rel=0.02, abs=2e-3
    )


def test_the_objective_is_the_median_less_half_of_the_dispersion() -> None:
    rng = np.random.default_rng(1)
    sums = np.abs(rng.normal(0.0, 1e-3, (5, 12, 2)))
    days = np.full(12, 20.0)
    told_ = {"measure": Measure.SHARPE, "days_per_year": 250.0}
    paths = measured(sums, days, unions_of(12), Measure.SHARPE, 250.0)
    median = np.median(paths, axis=1)
    around = np.median(np.abs(paths - median[:, None]), axis=1)
    np.testing.assert_allclose(
        objectives(sums, days, dispersion_weight=0.5, **told_),
        median - 0.5 * 1.482602218505602 * around,
        rtol=1e-12,
    )
    np.testing.assert_allclose(objectives(sums, days, dispersion_weight=0.0, **told_), median)


def test_cases_that_are_one_count_once_and_cases_that_are_many_count_all() -> None:
    rng = np.random.default_rng(2)
    one = rng.normal(size=48)
    copies = one * rng.uniform(0.5, 2.0, (300, 1))
    many = rng.normal(size=(300, 48))
    still = np.full((300, 48), 0.5)

    assert independent_number(copies) == pytest.approx(1.0, abs=1e-6)
    assert 200 < independent_number(many) <= 300.0
    assert independent_number(np.vstack([many, still])) == independent_number(many)
    ten = np.repeat(many[:10], 30, axis=0) + 1e-3 * rng.normal(size=(300, 48))
    assert 8.0 < independent_number(ten) < 13.0
    assert independent_number(still) == 1.0
    assert independent_number(many[:1]) == 1.0


def test_further_cases_never_make_luck_smaller() -> None:
    many = np.random.default_rng(4).normal(size=(5_000, 48))
    numbers = [independent_number(many[:n]) for n in (10, 100, 1_000, 5_000)]
    assert numbers == sorted(numbers)


def test_the_best_of_many_needs_more_than_the_only_one() -> None:
    daily = np.random.default_rng(5).normal(6e-4, 0.01, 1_500)
    only, best = edge_beyond_luck(daily, 1.0), edge_beyond_luck(daily, 100.0)
    assert only > 0.95 > best
    assert edge_beyond_luck(np.zeros(100), 5.0) == 0.0


def test_a_gain_is_counted_in_deviations_or_in_money() -> None:
    daily = np.random.default_rng(6).normal(1e-3, 0.01, 200)
    same = gain_of(3.0 * daily, daily, Measure.SHARPE)
    np.testing.assert_allclose(same, 0.0, atol=1e-12)
    np.testing.assert_allclose(gain_of(3.0 * daily, daily, Measure.GROWTH), 2.0 * daily)
    alone = gain_of(daily, np.zeros(200), Measure.SHARPE)
    np.testing.assert_allclose(alone, daily / daily.std())


def test_returns_of_parts_are_scaled_as_the_measure_sees_them() -> None:
    sums = np.array([[[0.02, 0.02], [0.0, 0.02]], [[0.0, 0.0], [0.0, 0.0]]])
    spread = math.sqrt(0.04 / 10.0 - 0.002**2)
    found = scaled(sums, 10.0, Measure.SHARPE)
    np.testing.assert_allclose(found, [[0.02 / spread, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(scaled(sums, 10.0, Measure.GROWTH), sums[:, :, 0])


def test_a_plateau_is_told_from_a_peak() -> None:
    near = np.array([1.0, 0.9, 0.85, 0.3, -math.inf])
    found = plateau_of(1.0, near, 0.2)
    assert (found.n, found.share, found.median) == (5, 0.6, 0.85)
    assert found.low == -math.inf
    assert plateau_of(-1.0, near, 0.2).share == 0.0


def test_a_share_of_variance_is_that_of_the_means_of_its_bins() -> None:
    market, views = world(1)
    units = np.random.default_rng(7).random((4_096, 2))
    ranges = {"stop_atr": Range(low=1.0, high=16.0), "trailing_atr": Range(low=1.0, high=2.0)}
    cases = evaluate(
        arena_of(market, views), {"stop_atr": np.array([2.0])}, place=Place(), progress=SILENT
    )
    cases = replace(cases, values=values_at(units, ranges))
    noise = np.random.default_rng(8).normal(0.0, math.sqrt(1.0 / 12.0), 4_096)
    first, second = sensitivities(cases, units, units[:, 0] + noise, ranges)
    assert (first.name, second.name) == ("stop_atr", "trailing_atr")
    assert first.share == pytest.approx(0.5, abs=0.04)
    assert second.share < 0.01
    assert (np.diff(first.at) > 0.0).all()


def test_the_examples_are_what_they_say() -> None:
    market, views = world(1, drift=PLANTED)
    weekday = (hours(500) // 86_400_000_000_000 + 3) % 7
    assert weekday.max() == 4, "Monday to Friday"
    entered = np.flatnonzero(views.direction)
    mid = 0.5 * (market.tape.bid_close + market.tape.ask_close)
    after = entered[entered + LIFE < len(mid)]
    moved = views.direction[after] * (mid[after + LIFE] - mid[after])
    assert moved.mean() > 1.0
    assert (np.diff(entered) == EVERY).all()


# What speaks against the best case


GOOD = Case(
    values={}, objective=1.0, paths=(0.5, 0.9, 1.0, 1.1, 1.5), sharpe=1.0, growth=0.1,
    drawdown=0.1, n_trades=100,
)  # fmt: skip
FINE = {"overfitting": 0.2, "edge": 0.95, "gain": 0.95}


@pytest.mark.parametrize(
    ("best", "as_set", "plateau", "changes", "words"),
    [
        (1.0, 0.5, 0.5, {}, []),
        (-math.inf, 0.5, 0.5, {}, ["No case trades often enough"]),
        (-0.1, -0.5, 0.5, {}, ["earns nothing after costs"]),
        (1.0, 1.0, 0.5, {}, ["The settings as they are do as well"]),
        (1.0, 0.5, 0.5, {"gain": 0.94}, ["not clearly better", "94%"]),
        (1.0, 0.5, 0.5, {"edge": 0.94}, ["Luck explains it", "94%"]),
        (1.0, 0.5, 0.5, {"overfitting": 0.21}, ["probability of overfitting is 21%"]),
        (1.0, 0.5, 0.5, {"overfitting": math.nan}, ["overfitting"]),
        (1.0, 0.5, 0.49, {}, ["stands alone: 49%"]),
    ],
)
def test_each_reason_alone_is_enough_against_a_winner(best, as_set, plateau, changes, words):
    reasons = _reasons(
        replace(GOOD, objective=best), replace(GOOD, objective=as_set), plateau,
        confidence=0.95, **{**FINE, **changes},
    )  # fmt: skip
    assert len(reasons) == bool(words)
    assert all(word in reasons[0] for word in words)


def test_a_score_to_hold_that_is_not_searched_follows_the_score_to_enter_down() -> None:
    strict = with_settings(fusion={"pass_score": 0.7, "hold_score": 0.6})
    rules = rules_of(strict, {"pass_score": np.array([0.55, 0.65])})
    assert rules.hold_score.tolist() == [0.55, 0.6]
    assert settings_of(strict, {"pass_score": 0.55}).fusion.hold_score == 0.55


class Ground:
    """A task whose cases are as good as a formula says."""

    def __init__(self, formula, names=("stop_atr", "trailing_atr"), settings=SETTINGS) -> None:
        self.settings = settings
        self.seed = 1
        self.plan = replace(plan(), ranges={name: RANGES[name] for name in names})
        self._formula = formula
        self._n_rounds = 0

    def trade(self, values):
        self._n_rounds += 1
        assert self._n_rounds <= 3 + len(values), "there is an end to it"
        n = len(next(iter(values.values())))
        cases = Cases(values=values, swept=np.zeros(n), sums=np.zeros((n, 48, 2)))
        return cases, self._formula(values) * np.ones(n)


def simplest(formula, settings=SETTINGS, **best: float) -> dict[str, float]:
    """Return the values that are left of *best*: a stop of 2 and a trailing stop of 3."""
    best = best or {"stop_atr": 2.0, "trailing_atr": 3.0}
    ground = Ground(formula, tuple(best), settings)
    values = {name: np.array([value]) for name, value in best.items()}
    cases, objective = ground.trade(values)
    further, k = simplified(ground, (cases, units_at(values, ground.plan.ranges), objective), 0)
    every = [cases, *(item[0] for item in further)]
    assert sum(len(item) for item in every[1:]) <= tries_max(ground)
    return {name: np.concatenate([item.values[name] for item in every])[k] for name in values}


def test_what_changes_nothing_goes_back() -> None:
    assert simplest(lambda values: 1.0) == {"stop_atr": 8.0, "trailing_atr": 0.0}
    assert simplest(lambda values: -1.0) == {"stop_atr": 8.0, "trailing_atr": 0.0}


def test_what_earns_something_stays() -> None:
    found = simplest(lambda values: np.where(values["trailing_atr"] > 0.0, 1.0, 0.9))
    assert found == {"stop_atr": 8.0, "trailing_atr": 3.0}


def test_a_value_that_is_bad_itself_stays_away_though_its_neighbours_are_good() -> None:
    found = simplest(lambda values: np.where(values["stop_atr"] == 8.0, 0.5, 1.0))
    assert found == {"stop_atr": 2.0, "trailing_atr": 0.0}


def test_a_value_beside_a_cliff_is_not_gone_back_to() -> None:
    found = simplest(lambda values: np.where(values["stop_atr"] > 8.0, -2.0, 1.0))
    assert found == {"stop_atr": 2.0, "trailing_atr": 0.0}


def test_nothing_is_simplified_where_nothing_is_good() -> None:
    assert simplest(lambda values: -math.inf) == {"stop_atr": 2.0, "trailing_atr": 3.0}


STRICT = with_settings(fusion={"pass_score": 0.6, "hold_score": 0.55})


def test_a_score_to_hold_goes_back_as_far_as_the_score_to_enter_and_no_round_is_lost() -> None:
    """The score to enter must stay below; the workspace's own score to hold is out of reach."""
    found = simplest(
        lambda values: np.where(values["pass_score"] == 0.6, 0.5, 1.0),
        STRICT, stop_atr=2.0, pass_score=0.52, hold_score=0.4,
    )  # fmt: skip
    assert found == {"stop_atr": 8.0, "pass_score": 0.52, "hold_score": 0.52}


def test_a_score_to_hold_goes_all_the_way_back_after_the_score_to_enter() -> None:
    """First as far as it can, which is worth most; then the other; then the rest of the way."""

    def objective(values):
        hold, enter = values["hold_score"], values["pass_score"]
        return 1.0 + 0.3 * (hold == 0.52) + 0.25 * (hold == 0.55) + 0.2 * (enter == 0.6)

    found = simplest(objective, STRICT, pass_score=0.52, hold_score=0.4)
    assert found == {"pass_score": 0.6, "hold_score": 0.55}


@checked(deadline=None)
@given(data=st.data())
def test_no_more_cases_are_simplified_than_promised(data: st.DataObject) -> None:
    names = data.draw(
        st.permutations(["stop_atr", "trailing_atr", "target_r", "pass_score", "hold_score"])
    )
    own = {name: value_of(STRICT, name) for name in names}
    worth = {name: data.draw(st.floats(-0.02, 0.02), label=name) for name in names}
    clipped = data.draw(st.floats(-0.02, 0.02), label="clipped")

    def objective(values):
        back = sum(worth[name] * (values[name] == own[name]) for name in names)
        return 1.0 + back + clipped * (values["hold_score"] == values["pass_score"])

    best = {
        "stop_atr": 2.0, "trailing_atr": 3.0, "target_r": 1.5, "pass_score": 0.52, "hold_score": 0.4
    }  # fmt: skip
    found = simplest(objective, STRICT, **{name: best[name] for name in names})
    assert found["hold_score"] <= found["pass_score"]
    assert all(found[name] in (best[name], own[name], 0.52) for name in names)
