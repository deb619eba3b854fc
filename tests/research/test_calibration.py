"""Calibration: the worked example, and agreement with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from assay.models.ranking import area_under_curve
from assay.research.statistics.calibration import (
    assess,
    brier_score,
    calibration_errors,
    equal_mass,
    equal_width,
    murphy,
)

HITS = {0.1: 1, 0.4: 4, 0.7: 6, 0.9: 9}
P = np.repeat(list(HITS), 10)
Y = np.concatenate([[1] * hits + [0] * (10 - hits) for hits in HITS.values()]).astype(np.int8)


def test_the_worked_example_of_the_brier_score_and_its_parts() -> None:
    group = equal_mass(P, 15)
    assert brier_score(P, Y) == pytest.approx(0.1675)
    assert murphy(P, Y, group) == pytest.approx((0.0025, 0.085, 0.25))
    assert calibration_errors(P, Y, equal_width(P, 15)) == pytest.approx((0.025, 0.1))
    assert calibration_errors(P, Y, group) == pytest.approx((0.025, 0.1))


def test_scores_equal_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    p = np.round(rng.beta(3, 3, 500), 2)
    y = (rng.random(500) < p).astype(np.int8)
    found = assess(p, y)
    assert found.brier == pytest.approx(brier_score_loss(y, p), rel=1e-12)
    assert found.log_loss == pytest.approx(log_loss(y, p), rel=1e-9)
    assert area_under_curve(p, y) == pytest.approx(roc_auc_score(y, p), rel=1e-12)
    assert sum(item.n for item in found.bins) == 500


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=80))
def test_murphys_parts_add_up_on_distinct_forecasts(rows: list[tuple[int, bool]]) -> None:
    p = np.array([step / 20 for step, _ in rows])
    y = np.array([outcome for _, outcome in rows], dtype=np.int8)
    reliability, resolution, uncertainty = murphy(p, y, equal_mass(p, 10_000))
    assert brier_score(p, y) == pytest.approx(reliability - resolution + uncertainty, abs=1e-12)


@given(st.permutations(range(40)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    one, other = assess(P, Y), assess(P[order], Y[order])
    assert other.ece_mass == pytest.approx(one.ece_mass, abs=1e-12)
    assert [item.n for item in other.bins] == [item.n for item in one.bins]


def test_overlapping_forecasts_widen_the_intervals() -> None:
    alone, overlapping = assess(P, Y).bins[0], assess(P, Y, overlap=10.0).bins[0]
    assert overlapping.low < alone.low
    assert overlapping.high > alone.high


def test_nothing_forecast_is_nothing_known() -> None:
    found = assess(np.empty(0), np.empty(0, np.int8))
    assert found.n == 0
    assert np.isnan(found.brier)
