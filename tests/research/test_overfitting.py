"""Backtest overfitting: a published run to its digits, the procedure by hand, and its laws."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statistics_references import R, autoregression, cscv, sharpe_of

from assay.domain.errors import AssayError, ConfigError, DataError
from assay.research.statistics.overfitting import Metric, overfitting, overfitting_of_blocks

WHOLE = st.integers(-50, 50)
TABLES = arrays(np.int64, st.tuples(st.integers(6, 21), st.integers(2, 6)), elements=WHOLE)


def mean_of(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0)


def noise(n_rows: int, n_candidates: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_rows, n_candidates))


def test_random_numbers_are_those_of_r() -> None:
    # set.seed(42); rnorm(3) and set.seed(123); rnorm(3) in any R since 3.0.
    assert R(42).rnorm(3) == pytest.approx([1.37095845, -0.56469817, 0.36312841], abs=5e-9)
    assert R(123).rnorm(3) == pytest.approx([-0.56047565, -0.23017749, 1.55870831], abs=5e-9)


def test_the_published_run_of_the_r_package_is_repeated_to_its_digits() -> None:
    # CRAN package pbo, vignette: p_bo 1.0000000, slope -0.0030456, ar^2 0.9700000, p_loss 1.
    # What it prints as the slope is the intercept of in-sample on out-of-sample ratios.
    n, t = 100, 2_400
    m = R(765).rnorm(n * t).reshape(n, t).T
    m = m * (1 / math.sqrt(252) / m.std(axis=0, ddof=1))
    m = m - m.mean(axis=0) - 0.03 / 252
    found = overfitting(m, n_blocks=8)
    line = np.polynomial.polynomial.polyfit(found.out_of_sample, found.in_sample, 1)
    rest = found.in_sample - np.polynomial.polynomial.polyval(found.out_of_sample, line)
    adjusted = 1 - rest.var(ddof=2) / found.in_sample.var(ddof=1)
    assert found.probability == 1.0
    assert f"{line[0]:.7f}" == "-0.0030456"
    assert f"{adjusted:.2f}" == "0.97"
    assert found.probability_of_loss == 1.0


def test_the_small_example_by_hand() -> None:
    m = [[1, 2, 0], [3, 0, 1], [0, 1, 2], [2, 3, 1]]
    found = overfitting(m, n_blocks=4, metric=Metric.MEAN)
    assert found.logits == pytest.approx([-math.log(3), 0.0] * 3, abs=1e-15)
    assert found.probability == 1.0
    assert found.chosen.tolist() == [0, 1, 1, 0, 0, 1]
    assert found.in_sample.tolist() == [2.0, 1.5, 2.5, 1.5, 2.5, 2.0]
    assert found.out_of_sample.tolist() == [1.0, 1.5, 0.5, 1.5, 0.5, 1.0]
    assert (found.slope, found.intercept, found.r_squared) == pytest.approx((-1.0, 3.0, 1.0))


@pytest.mark.parametrize(("rows", "blocks"), [(160, 16), (97, 8), (60, 6), (31, 10), (24, 2)])
@pytest.mark.parametrize(
    ("metric", "measure"), [(Metric.SHARPE, sharpe_of), (Metric.MEAN, mean_of)]
)
def test_blocks_give_what_the_procedure_gives_on_rows(
    rows: int, blocks: int, metric: Metric, measure
) -> None:
    values = 5.0 + noise(rows, 9, rows) * np.arange(1, 10)
    values[:, 3] = values[:, 7]  # ties
    found = overfitting(values, n_blocks=blocks, metric=metric)
    slow = cscv(values, blocks, measure)
    np.testing.assert_allclose(found.logits, slow["logit"], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(found.chosen, slow["chosen"])
    np.testing.assert_allclose(found.in_sample, slow["inside"], rtol=1e-9)
    np.testing.assert_allclose(found.out_of_sample, slow["outside"], rtol=1e-9)
    assert found.probability == np.mean(slow["logit"] <= 0)


def test_any_function_of_rows_can_judge() -> None:
    values = noise(120, 7, 3)

    def worst_first(rows: np.ndarray) -> np.ndarray:
        return rows.min(axis=0)

    found = overfitting(values, n_blocks=6, metric=worst_first)
    slow = cscv(values, 6, worst_first)
    np.testing.assert_allclose(found.logits, slow["logit"], atol=1e-15)
    by_name = overfitting(values, n_blocks=6)
    by_function = overfitting(values, n_blocks=6, metric=sharpe_of)
    np.testing.assert_allclose(by_function.in_sample, by_name.in_sample, rtol=1e-12)
    np.testing.assert_array_equal(by_function.logits, by_name.logits)


def test_pure_noise_is_overfitted_half_of_the_time() -> None:
    found = [overfitting(noise(480, 20, seed), n_blocks=8).probability for seed in range(200)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    with_memory = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = np.column_stack([autoregression(320, 0.2, rng) for _ in range(8)])
        with_memory.append(overfitting(values, n_blocks=8).probability)
    assert np.mean(with_memory) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("metric", list(Metric))
def test_one_dominant_candidate_is_never_overfitted(metric: Metric) -> None:
    values = noise(320, 50, 1)
    values[:, 17] = 3.0 + 0.1 * values[:, 17]
    found = overfitting(values, metric=metric)
    assert found.probability == 0.0
    assert set(found.chosen) == {17}
    assert found.probability_of_loss == 0.0


@settings(deadline=None, max_examples=60)
@given(values=TABLES, blocks=st.sampled_from([2, 4, 6]))
def test_candidates_that_earn_nothing_in_all_are_always_overfitted(
    values: np.ndarray, blocks: int
) -> None:
    compensated = np.vstack([values, -values.sum(axis=0)])
    assert overfitting(compensated, n_blocks=blocks, metric=Metric.MEAN).probability == 1.0


@pytest.mark.parametrize("rows", [1_000, 1_600])
def test_mirrored_noise_is_always_overfitted(rows: int) -> None:
    half = noise(rows // 2, 30, 2)
    for mirrored in (np.vstack([half, -half]), noise(rows, 30, 3)):
        centred = mirrored - mirrored.mean(axis=0)
        assert overfitting(centred, metric=Metric.MEAN).probability == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_gains_that_cancel_are_no_loss(seed: int) -> None:
    half = noise(52, 6, seed) / 3.0
    found = overfitting(np.vstack([half, -half]), n_blocks=8, metric=Metric.MEAN)
    cancelled = [
        {(block + 4) % 8 for block in blocks} == set(blocks)  # each with its mirror image
        for blocks in combinations(range(8), 4)
    ]
    assert sum(cancelled) == 6
    np.testing.assert_array_equal(found.out_of_sample[cancelled], 0.0)
    np.testing.assert_array_equal(found.logits[cancelled], 0.0)
    assert found.probability_of_loss == np.mean(found.in_sample > 0.0)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), power=st.integers(-20, 20), blocks=st.sampled_from([4, 6, 8]))
def test_units_order_of_candidates_and_direction_of_time_change_nothing(
    seed: int, power: int, blocks: int
) -> None:
    values = noise(blocks * 5, 6, seed)
    found = overfitting(values, n_blocks=blocks)
    np.testing.assert_array_equal(
        overfitting(values * 2.0**power, n_blocks=blocks).logits, found.logits
    )
    order = np.random.default_rng(seed).permutation(6)
    shuffled = overfitting(values[:, order], n_blocks=blocks)
    np.testing.assert_array_equal(shuffled.logits, found.logits)
    np.testing.assert_array_equal(order[shuffled.chosen], found.chosen)
    backwards = overfitting(values[::-1], n_blocks=blocks)
    np.testing.assert_array_equal(np.sort(backwards.logits), np.sort(found.logits))


def test_a_candidate_that_does_not_trade_has_the_ratio_zero() -> None:
    values = np.column_stack([np.full(40, 0.0), noise(40, 2, 5) - 3.0])
    found = overfitting(values, n_blocks=4)
    assert set(found.chosen) == {0}
    assert set(found.in_sample) == {0.0}
    assert math.isnan(found.slope)
    late = values.copy()
    late[:20, 1] = 0.0  # starts to trade in the second half
    assert np.isfinite(overfitting(late, n_blocks=4).out_of_sample).all()


def nan_at(row: int, column: int) -> np.ndarray:
    values = noise(32, 4, 0)
    values[row, column] = np.nan
    return values


@pytest.mark.parametrize(
    ("values", "options", "error", "words"),
    [
        (nan_at(7, 2), {}, DataError, "row 7, column 2 is nan"),
        (noise(64, 4, 0) * np.inf, {}, DataError, "row 0, column 0 is"),
        (noise(64, 1, 0), {}, DataError, r"at least 2 columns; has shape \(64, 1\)"),
        (noise(64, 4, 0)[:, :, None], {}, DataError, "has shape"),
        (noise(10, 4, 0), {}, DataError, "at least 16 rows for 16 blocks; has 10"),
        (noise(3, 4, 0), {"n_blocks": 2}, DataError, "at least 4 periods; has 3"),
        (noise(64, 4, 0), {"n_blocks": 7}, ConfigError, "even and from 2 to 24; was 7"),
        (noise(64, 4, 0), {"n_blocks": 26}, ConfigError, "was 26"),
        (noise(24, 800, 0), {"n_blocks": 24}, ConfigError, "2,704,156 · 800"),
        (np.tile([1.0, 2.0], (32, 1)), {"n_blocks": 4}, DataError, "column 0 earns the same"),
        (
            noise(32, 4, 0),
            {"n_blocks": 4, "metric": lambda x: x[0] * np.nan},
            DataError,
            "gave NaN",
        ),
        (noise(32, 4, 0), {"n_blocks": 4, "metric": np.mean}, DataError, r"gave shape \(\)"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(values, options, error, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        overfitting(values, **options)
    assert isinstance(caught.value, AssayError)
    assert caught.value.remedy.endswith(".")


def test_an_infinite_performance_may_win_but_draws_no_line() -> None:
    found = overfitting(
        noise(32, 3, 0), n_blocks=4, metric=lambda rows: np.array([math.inf, 1.0, 0.0])
    )
    assert found.probability == 0.0
    assert math.isnan(found.slope)


def test_a_candidate_at_another_stake_is_a_tie_and_not_a_rounding() -> None:
    values = noise(80, 1, 8)
    family = np.hstack([values, 3.0 * values, values / 7.0])  # the same strategy three times
    found = overfitting(family, n_blocks=8)
    assert set(found.chosen) == {0}
    np.testing.assert_array_equal(found.logits, 0.0)  # always in the middle of its copies


def sums_of(values: np.ndarray, n_blocks: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return rows, sums and sums of squares of the blocks, the first ones longer by a row."""
    parts = np.array_split(values, n_blocks)
    return (
        [len(part) for part in parts],
        np.array([part.sum(axis=0) for part in parts]),
        np.array([(part * part).sum(axis=0) for part in parts]),
    )


@pytest.mark.parametrize("metric", list(Metric))
@given(st.integers(0, 2**31), st.integers(24, 90), st.sampled_from([4, 6, 8]))
def test_sums_of_blocks_say_what_the_rows_say(
    metric: Metric, seed: int, n_rows: int, n_blocks: int
) -> None:
    values = noise(n_rows, 7, seed) + 0.1
    values[:, 3] = 0.0
    rows = overfitting(values, n_blocks=n_blocks, metric=metric)
    blocks = overfitting_of_blocks(*sums_of(values, n_blocks), metric=metric)
    assert blocks.probability == pytest.approx(rows.probability, abs=1e-12)
    assert blocks.probability_of_loss == pytest.approx(rows.probability_of_loss, abs=1e-12)
    assert blocks.chosen.tolist() == rows.chosen.tolist()
    for name in ("logits", "in_sample", "out_of_sample"):
        np.testing.assert_allclose(getattr(blocks, name), getattr(rows, name), 1e-12, 1e-12)


def test_sums_of_a_candidate_that_always_earns_the_same_have_no_ratio() -> None:
    values = noise(40, 3, 1)
    values[:, 1] = 0.1
    with pytest.raises(DataError, match="column 1"):
        overfitting_of_blocks(*sums_of(values, 4))


@pytest.mark.parametrize(
    ("count", "shape"), [([5, 5, 5], (4, 3)), ([5, 5, 5, 0], (4, 3)), ([5, 5, 5, 5], (4, 2))]
)
def test_sums_of_other_blocks_are_refused(count, shape) -> None:
    with pytest.raises(DataError, match="same blocks"):
        overfitting_of_blocks(count, np.ones((4, 3)), np.ones(shape))


def test_an_odd_number_of_blocks_is_refused_as_for_rows() -> None:
    with pytest.raises(ConfigError, match="n_blocks"):
        overfitting_of_blocks([5, 5, 5], np.ones((3, 2)), np.ones((3, 2)))
