"""The winner of a search replaces its start only if luck does not give the best of so many."""

import math
from dataclasses import replace

import numpy as np
import pytest

from assay.research.search.adoption import p_of_lead, signed_rank_p
from assay.research.search.outcome import Outcome, annual_sharpe
from assay.research.statistics.superiority import stepwise_superior

N_DAYS, N_SPLITS = 1_200, 10


def outcome(number: int, daily: np.ndarray) -> Outcome:
    """Return a complete outcome; its splits are pieces of the record."""
    by_split = {k: annual_sharpe(part) for k, part in enumerate(np.array_split(daily, N_SPLITS))}
    ratio = annual_sharpe(daily)
    return Outcome(
        number=number, point={}, by_split=by_split, paths=(ratio,), objective=ratio, daily=daily
    )


def tried(rng: np.random.Generator, n: int, *, lead: float = 0.0) -> list[Outcome]:
    """Return *n* configurations that share most of their luck; the second leads by *lead*."""
    shared = rng.standard_normal(N_DAYS)
    outcomes = []
    for number in range(n):
        daily = shared + 0.7 * rng.standard_normal(N_DAYS) + (lead if number == 1 else 0.0)
        outcomes.append(outcome(number, 0.01 * daily * (0.2 if number % 2 else 1.0)))
    return outcomes


def best_of(outcomes: list[Outcome]) -> Outcome:
    return max(outcomes, key=lambda item: item.objective)


def p_of_best(outcomes: list[Outcome], seed: int) -> float:
    return p_of_lead(best_of(outcomes), outcomes[0], outcomes, seed=seed)


def test_the_best_of_noise_is_seldom_better() -> None:
    rng = np.random.default_rng(1)
    p_values = np.array([p_of_best(tried(rng, 24), seed) for seed in range(80)])
    assert np.mean(p_values <= 0.05) <= 0.09


def test_the_signed_rank_test_alone_would_often_call_it_better() -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for seed in range(80):
        outcomes = tried(rng, 24)
        best = best_of(outcomes)
        p_values.append(p_of_lead(best, outcomes[0], [outcomes[0], best], seed=seed))
    assert np.mean(np.array(p_values) <= 0.05) > 0.09, "this is what the other configurations cost"


def test_a_real_lead_is_seen_at_any_volatility() -> None:
    rng = np.random.default_rng(2)
    for seed in range(5):
        outcomes = tried(rng, 24, lead=0.2)
        assert best_of(outcomes).number == 1
        assert p_of_best(outcomes, seed) <= 0.05


def test_who_leads_in_one_part_only_is_not_better() -> None:
    rng = np.random.default_rng(3)
    start = outcome(0, 0.01 * rng.standard_normal(N_DAYS))
    once = start.daily.copy()
    once[:100] += 0.02
    assert p_of_lead(outcome(1, once), start, [start, outcome(1, once)], seed=1) > 0.05


@pytest.mark.parametrize("factor", [1.0, 0.25], ids=["the same", "the same, smaller"])
def test_who_does_what_the_start_does_is_not_better(factor) -> None:
    rng = np.random.default_rng(4)
    outcomes = tried(rng, 5)
    same = outcome(9, factor * outcomes[0].daily)
    assert p_of_lead(same, outcomes[0], [*outcomes, same], seed=1) > 0.3
    assert p_of_lead(outcomes[0], outcomes[0], outcomes, seed=1) == 1.0


def test_where_the_start_never_trades_a_gain_is_a_lead() -> None:
    rng = np.random.default_rng(5)
    idle, gains = outcome(0, np.zeros(N_DAYS)), 0.01 * (rng.standard_normal(N_DAYS) + 0.2)
    idle_too, winner = outcome(1, np.zeros(N_DAYS)), outcome(2, gains)
    assert p_of_lead(winner, idle, [idle, idle_too, winner], seed=1) <= 0.05
    assert p_of_lead(idle_too, idle, [idle, idle_too, winner], seed=1) == 1.0


def given_up(number: int, daily: np.ndarray) -> Outcome:
    """Return an outcome that was given up after a third of its splits."""
    whole = outcome(number, daily)
    part = {k: whole.by_split[k] for k in range(N_SPLITS // 3)}
    return replace(whole, by_split=part, paths=(), objective=math.nan, daily=np.empty(0))


def test_configurations_that_were_given_up_count_among_those_that_luck_could_pick() -> None:
    outcomes = tried(np.random.default_rng(8), 12, lead=0.03)
    best, start = outcomes[1], outcomes[0]
    p = [p_of_lead(best, start, outcomes, seed=1)]
    assert signed_rank_p(best, start) < p[0] < 0.5, "luck decides, and not the splits"
    for n_given_up in (1, 11, 110):
        more = [given_up(12 + k, start.daily) for k in range(n_given_up)]
        p.append(p_of_lead(best, start, [*outcomes, *more], seed=1))
    assert p == sorted(set(p))
    assert p[2] == pytest.approx(1.0 - (1.0 - p[0]) ** 2), "eleven tested, twenty-two looked at"
    assert p[3] <= 1.0


def test_where_none_was_given_up_the_test_alone_answers() -> None:
    outcomes = tried(np.random.default_rng(8), 12, lead=0.03)
    scaled = [item.daily / np.std(item.daily) for item in outcomes]
    leads = np.column_stack([item - scaled[0] for item in scaled[1:]])
    found = stepwise_superior(leads, np.random.default_rng([1, 11]))
    assert p_of_lead(outcomes[1], outcomes[0], outcomes, seed=1) == found.p_values[0]


def test_the_answer_depends_on_the_seed_alone() -> None:
    outcomes = tried(np.random.default_rng(6), 12)
    assert p_of_best(outcomes, 7) == p_of_best(outcomes, 7)
