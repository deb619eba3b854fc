"""From a lean to views."""

import numpy as np

from assay.engine.opinion import views_of
from assay.signals.signal_model import Lean


def test_views_take_the_lower_bound_and_turn_returns_into_prices() -> None:
    lean = Lean(
        direction=np.array([1.0, -1.0, 0.0]), score=np.array([0.7, 0.8, 0.5]),
        conviction=np.array([0.5, 0.6, 0.0]), p=np.full(3, 0.6), p_lower=np.full(3, 0.55),
        gain=np.array([0.02, -0.01, 0.0]), loss=np.array([0.01, 0.01, 0.0]),
    )  # fmt: skip
    views = views_of(lean, mid=np.full(3, 2000.0), atr=np.full(3, 5.0))

    assert views.direction.tolist() == [1, -1, 0]
    assert views.p_win.tolist() == [0.55] * 3
    np.testing.assert_allclose(views.loss, [20.0, 20.0, 2e-6])
    np.testing.assert_allclose(views.payoff, [2.0, 1e-7, 1.0])
    assert views.unit.tolist() == [5.0] * 3
