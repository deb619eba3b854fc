"""Votes: bounded, silent without data, and plain where a textbook says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.domain.errors import ModelError
from assay.signals.votes import N_VOTES, VOTES, vote_inputs, vote_rows, votes_from

NAMES = vote_inputs(("H4", "D1"))


def row(**changes: float) -> np.ndarray:
    """A quiet market: every average at the close, RSI in the middle."""
    usual = dict.fromkeys(NAMES, 100.0) | {
        "rsi_14": 50.0,
        "macd_12_26_9": 0.0,
        "macd_signal_12_26_9": 0.0,
        "bb_percent_20": 0.5,
        "atr_14": 1.0,
        "log_return_1": 0.0,
        "support_20": 95.0,
        "resistance_20": 105.0,
        "drift_32@H4": 0.0,
        "drift_32@D1": 0.0,
    }
    return np.array([[(usual | changes)[name] for name in NAMES]])


def vote(name: str, **changes: float) -> float:
    return float(vote_rows(row(**changes))[0, VOTES.index(name)])


def test_there_are_fourteen_and_a_quiet_market_gets_no_vote() -> None:
    assert len(VOTES) == N_VOTES == 14
    assert not vote_rows(row()).any()


@pytest.mark.parametrize(
    ("name", "changes", "sign"),
    [
        ("sma_50", {"sma_50": 98.0}, 1),
        ("ema_12", {"ema_12": 103.0}, -1),
        ("rsi", {"rsi_14": 75.0}, -1),
        ("rsi", {"rsi_14": 25.0}, 1),
        ("rsi", {"rsi_14": 60.0}, 1),
        ("macd", {"macd_12_26_9": 0.4}, 1),
        ("macd_signal", {"macd_signal_12_26_9": 0.4}, -1),
        ("bollinger", {"bb_percent_20": 1.1}, -1),
        ("bollinger", {"bb_percent_20": -0.1}, 1),
        ("atr", {"log_return_1": 0.02}, 1),
        ("trend_frames", {"drift_32@H4": -2.0}, -1),
        ("volume_weighted", {"vwap_20": 99.0}, 1),
        ("support", {"support_20": 99.8}, 1),
        ("resistance", {"resistance_20": 100.2}, -1),
    ],
)
def test_each_indicator_votes_as_its_textbook_says(
    name: str, changes: dict[str, float], sign: int
) -> None:
    assert np.sign(vote(name, **changes)) == sign


@settings(deadline=None)
@given(
    arrays(
        np.float64,
        (3, len(NAMES)),
        elements=st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf),
    )
)
def test_votes_stay_in_bounds_and_one_row_equals_many(inputs: np.ndarray) -> None:
    votes = vote_rows(inputs)
    assert (np.abs(votes) <= 1.0).all()
    for i in range(3):
        np.testing.assert_array_equal(vote_rows(inputs[i : i + 1])[0], votes[i])


def test_missing_volume_abstains_and_any_other_missing_input_is_an_error() -> None:
    without = [name for name in NAMES if name != "vwap_20"]
    values = row()[:, [NAMES.index(name) for name in without]]
    assert votes_from(without, values, NAMES)[0, VOTES.index("volume_weighted")] == 0.0
    with pytest.raises(ModelError, match="sma_20"):
        votes_from(["close"], np.ones((1, 1)), NAMES)
